//! Deployments of every strategy under traffic: how it moves, what sends it back, and what that leaves.

use std::cell::RefCell;
use std::rc::Rc;

use express_tests::account::Kind;
use express_tests::cloudformation::SeenStatus;
use express_tests::history::Event;
use express_tests::properties::lifecycle_hook;
use express_tests::{Scenario, Seen, ServiceProperties, StackStatus, Template, World, web};
use local_aws::ecs::{self, HookAnswer};
use local_aws::elbv2::{self, RouteOutcome, Visitors};
use local_aws::wire::Service;
use serde_json::{Value, json};

use StackStatus::{CreateComplete, RollbackComplete, UpdateComplete, UpdateRollbackComplete};

const HOST: &str = "web.apps.example.com";
/// Enough that 5 % of them are above the alarm's 20 in a minute.
const REQUESTS_A_MINUTE: u32 = 1_200;
/// Half of what CloudFormation would wait by itself.
const SERVICE_TIMEOUT_S: u64 = 1_800;
/// How often the rule is looked at.
const SAMPLE_S: u64 = 5;

/// Percent of the traffic of the group that does not have it at first, and for how many seconds.
type Shares = Rc<RefCell<Vec<(u32, u64)>>>;

fn quick() -> ServiceProperties {
    web().set("/Deployment/Preset", "DEVELOPMENT")
}

fn newer(deployment: Value) -> ServiceProperties {
    web()
        .image("public.ecr.aws/nginx/nginx:1.28")
        .set("/Deployment", deployment)
}

fn visited(world: &World) {
    elbv2::visit(&mut world.account().cloud(), HOST, REQUESTS_A_MINUTE);
}

fn visitors(world: &World) -> Visitors {
    world.account().cloud().elbv2.visitors[HOST].clone()
}

/// Tenths of a percent by group, as the rule has them.
fn weights(world: &local_aws::LocalAws) -> Vec<(String, u32)> {
    let RouteOutcome::Answered(answer) = elbv2::route(&world.cloud(), HOST) else {
        panic!("the service has one rule");
    };
    let total: u32 = answer.groups.iter().map(|group| group.weight).sum();
    let groups = answer.groups.into_iter();
    let mut shares: Vec<(String, u32)> = groups
        .map(|group| (group.arn, group.weight * 1000 / total))
        .collect();
    shares.sort();
    shares
}

/// Looks at the rule for `seconds`, while other things happen.
fn watch(world: &World, seconds: u64) -> Shares {
    let shares = Shares::default();
    let account = world.account().clone();
    let first = weights(&account);
    let idle = first.iter().find(|(_, share)| *share == 0);
    let idle = idle.expect("one group is idle").0.clone();
    let seen = Rc::clone(&shares);
    let sleeps: Vec<_> = (1..=seconds / SAMPLE_S)
        .map(|sample| world.sleep_s(sample * SAMPLE_S))
        .collect();
    world.spawn(async move {
        for sleep in sleeps {
            sleep.await;
            let now = weights(&account);
            let share = now.iter().find(|(arn, _)| *arn == idle);
            let share = share.map_or(0, |(_, share)| *share);
            let mut seen = seen.borrow_mut();
            match seen.last_mut() {
                Some((last, seconds)) if *last == share => *seconds += SAMPLE_S,
                Some(_) | None => seen.push((share, SAMPLE_S)),
            }
        }
    });
    shares
}

/// Calls that changed something outside the ledger after CloudFormation saw its `number`th answer, from 1.
fn mutations_after(world: &World, number: usize) -> Vec<String> {
    let history = world.history();
    let mut seen = 0;
    let mut names = Vec::new();
    for event in &history.events {
        match event {
            Event::Saw(_) => seen += 1,
            Event::Called(call) if seen >= number && call.recorded.mutates() => {
                names.push(call.recorded.name());
            }
            Event::Sent { .. }
            | Event::Started { .. }
            | Event::Called(_)
            | Event::Crashed { .. }
            | Event::Ended { .. }
            | Event::WaiterEnded { .. } => {}
        }
    }
    names
}

#[test]
fn every_strategy_moves_the_traffic_as_it_says_and_fails_no_request() {
    for (deployment, expected, step_s) in [
        (
            json!({"CanaryConfiguration": {"CanaryBakeTimeInMinutes": 4}}),
            vec![0, 50, 1000],
            240,
        ),
        (
            json!({"Strategy": "LINEAR", "LinearConfiguration":
                {"StepPercent": 33.3, "StepBakeTimeInMinutes": 2}}),
            vec![0, 333, 666, 999, 1000],
            120,
        ),
        (
            json!({"Strategy": "BLUE_GREEN", "BakeTimeInMinutes": 5}),
            vec![0, 1000],
            0,
        ),
        (json!({"Strategy": "ROLLING"}), vec![0], 0),
    ] {
        let world = World::new();
        let stack = world.with_service("app", &quick());
        visited(&world);
        let shares = watch(&world, 1_500);
        let outcome = stack.deploy_now(Template::of(&newer(deployment.clone())));
        assert_eq!(outcome.status, UpdateComplete, "{deployment}");
        world.block_on(world.sleep_s(600));
        let shares = shares.borrow().clone();
        let taken: Vec<u32> = shares.iter().map(|(share, _)| *share).collect();
        assert_eq!(taken, expected, "{deployment}");
        let steps = shares.get(1..shares.len() - 1).unwrap_or_default();
        for (share, seconds) in steps {
            // The scheduler looks every five seconds, and so do we.
            assert!(
                (step_s..=step_s + 10).contains(seconds),
                "{share} for {seconds} s in {deployment}"
            );
        }
        let Visitors {
            requests, served, ..
        } = visitors(&world);
        assert!(requests > 10_000, "{requests}");
        assert_eq!(requests, served, "{deployment}");
    }
}

#[test]
fn case_32_errors_under_traffic_roll_back_and_the_update_back_changes_nothing() {
    let long_enough = json!({"CanaryConfiguration": {"CanaryBakeTimeInMinutes": 6}});
    for deployment in [
        long_enough,
        json!({"Strategy": "BLUE_GREEN", "BakeTimeInMinutes": 6}),
    ] {
        let world = World::new();
        let stack = world.stack("app");
        let old = web().set("/Deployment", deployment.clone());
        assert_eq!(stack.deploy_now(Template::of(&old)).status, CreateComplete);
        world.settle();
        visited(&world);
        world.block_on(world.sleep_s(300));
        let before = weights(world.account());
        let broken = old.clone().image("demo/errors");
        let outcome = stack.deploy_now(Template::of(&broken));
        world.settle();
        assert_eq!(outcome.status, UpdateRollbackComplete, "{deployment}");
        let reason = &outcome.seen[0].reason;
        assert!(reason.contains("-rollback"), "names the alarm: {reason}");
        assert_eq!(
            mutations_after(&world, 2),
            Vec::<String>::new(),
            "{deployment}"
        );
        assert_eq!(
            weights(world.account()),
            before,
            "the old revision has the traffic"
        );
        world.block_on(world.sleep_s(300));
        let served = visitors(&world).served;
        let requests = visitors(&world).requests;
        world.block_on(world.sleep_s(300));
        let after = visitors(&world);
        assert_eq!(after.requests - requests, after.served - served);

        // A further update finds an alarm that has recovered, and succeeds.
        let fixed = stack.deploy_now(Template::of(&old.image("nginx:2")));
        assert_eq!(fixed.status, UpdateComplete, "{deployment}");
    }
}

#[test]
fn case_32_a_crash_rolls_back_and_the_update_back_changes_nothing() {
    for strategy in ["CANARY", "LINEAR", "BLUE_GREEN", "ROLLING"] {
        let world = World::new();
        let stack = world.stack("app");
        let old = web().set("/Deployment/Strategy", strategy);
        assert_eq!(stack.deploy_now(Template::of(&old)).status, CreateComplete);
        world.settle();
        visited(&world);
        world.block_on(world.sleep_s(60));
        let outcome = stack.deploy_now(Template::of(&old.clone().image("demo/crash")));
        world.settle();
        assert_eq!(outcome.status, UpdateRollbackComplete, "{strategy}");
        assert_eq!(
            mutations_after(&world, 2),
            Vec::<String>::new(),
            "{strategy}"
        );
        let Visitors {
            requests, served, ..
        } = visitors(&world);
        assert_eq!(
            requests, served,
            "{strategy}: nobody saw the broken revision"
        );
    }
}

#[test]
fn few_errors_and_few_requests_are_no_reason_to_go_back() {
    let world = World::new();
    let stack = world.with_service("app", &quick());
    // 5 % of 300 are 15 in a minute, below the alarm's 20.
    elbv2::visit(&mut world.account().cloud(), HOST, 300);
    let broken = newer(json!({"BakeTimeInMinutes": 0})).image("demo/errors");
    let outcome = stack.deploy_now(Template::of(&broken));
    assert_eq!(outcome.status, UpdateComplete);
}

#[test]
fn the_strategy_of_a_running_service_changes_alone_and_with_a_deployment() {
    let world = World::new();
    let stack = world.with_service("app", &quick());
    visited(&world);
    for (number, strategy) in ["ROLLING", "LINEAR", "ROLLING", "CANARY", "BLUE_GREEN"]
        .iter()
        .enumerate()
    {
        let alone = web()
            .image(&format!("nginx:{number}"))
            .set("/Deployment/Strategy", *strategy);
        assert_eq!(
            stack.deploy_now(Template::of(&alone)).status,
            UpdateComplete,
            "{strategy}"
        );
        let again = alone.set("/Deployment/RollbackAlarm", json!({"Count4xx": true}));
        let before = world.history().calls().count();
        assert_eq!(
            stack.deploy_now(Template::of(&again)).status,
            UpdateComplete
        );
        let history = world.history();
        let calls = history.calls().skip(before);
        let deploys = calls.filter(|call| call.recorded.name() == "ecs:UpdateService");
        assert_eq!(deploys.count(), 0, "an alarm's settings change in place");
    }
    let Visitors {
        requests, served, ..
    } = visitors(&world);
    assert_eq!(requests, served);
}

#[test]
fn another_token_deploys_the_same_again_and_once() {
    let forced = |token: &str| web().set("/Deployment/ForceDeployment", token);
    let run = Scenario::new()
        .create(quick())
        .then_settle()
        .then_update(forced("one"))
        .then_settle()
        .then_update(forced("two").service_timeout(3_000))
        .then_settle()
        .then_update(forced("two"))
        .run();
    assert_eq!(
        run.statuses(),
        [
            CreateComplete,
            UpdateComplete,
            UpdateComplete,
            UpdateComplete
        ]
    );
    let updates = run.mutations();
    let registered = updates
        .iter()
        .filter(|name| *name == "ecs:RegisterTaskDefinition");
    assert_eq!(registered.count(), 3, "{updates:?}");
}

fn alarm_names(world: &World) -> Vec<String> {
    let input = json!({"services": ["web"]});
    let answer = world
        .account()
        .perform(Service::Ecs, "DescribeServices", input)
        .unwrap();
    let names = &answer["services"][0]["deploymentConfiguration"]["alarms"]["alarmNames"];
    let mut names: Vec<String> = serde_json::from_value(names.clone()).unwrap();
    names.retain(|name| !name.starts_with("express-"));
    names
}

#[test]
fn further_alarms_come_and_go_and_those_added_by_hand_stay() {
    let world = World::new();
    let stack = world.with_service("app", &quick());
    let with = |names: &[&str]| quick().set("/Deployment/AlarmNames", json!(names));
    let update = |properties: ServiceProperties| {
        let status = stack.deploy_now(Template::of(&properties)).status;
        assert_eq!(status, UpdateComplete);
    };
    update(with(&["latency", "queue"]));
    assert_eq!(alarm_names(&world), ["latency", "queue"]);
    let mut configuration = world
        .account()
        .perform(
            Service::Ecs,
            "DescribeServices",
            json!({"services": ["web"]}),
        )
        .unwrap()["services"][0]["deploymentConfiguration"]
        .clone();
    let names = configuration["alarms"]["alarmNames"]
        .as_array_mut()
        .unwrap();
    names.push(json!("by-hand"));
    let input = json!({"service": "web", "deploymentConfiguration": configuration});
    world
        .account()
        .perform(Service::Ecs, "UpdateService", input)
        .unwrap();
    update(with(&["queue"]));
    assert_eq!(alarm_names(&world), ["queue", "by-hand"]);
}

fn hooks(world: &World) -> Value {
    let input = json!({"services": ["web"]});
    let answer = world
        .account()
        .perform(Service::Ecs, "DescribeServices", input)
        .unwrap();
    answer["services"][0]["deploymentConfiguration"]["lifecycleHooks"].clone()
}

#[test]
fn a_lifecycle_hook_holds_the_deployment_up_until_it_has_succeeded() {
    let world = World::new();
    let stack = world.with_service("app", &quick());
    visited(&world);
    let hook = lifecycle_hook("check", &["POST_SCALE_UP"]);
    let function = hook["HookTargetArn"].as_str().unwrap().to_owned();
    let hooked = |image: &str| {
        let hooks = json!([hook]);
        quick()
            .set("/Deployment/LifecycleHooks", hooks)
            .image(image)
    };
    let seconds = |image: &str, answers: &[HookAnswer]| {
        ecs::answer_hook(&mut world.account().cloud(), &function, answers);
        let begun_ms = world.now_ms();
        let outcome = stack.deploy_now(Template::of(&hooked(image)));
        assert_eq!(outcome.status, UpdateComplete, "{}", outcome.first().reason);
        (world.now_ms() - begun_ms) / 1000
    };
    let at_once = seconds("nginx:2", &[HookAnswer::Succeeded]);
    let answers = [
        HookAnswer::InProgress(Some(200)),
        HookAnswer::InProgress(None),
        HookAnswer::Succeeded,
    ];
    let later = seconds("nginx:3", &answers);
    assert!(
        (225..=260).contains(&(later - at_once)),
        "{at_once} {later}"
    );
    let Visitors {
        requests, served, ..
    } = visitors(&world);
    assert_eq!(requests, served);
    let held = hooks(&world);
    assert_eq!(held[0]["hookTargetArn"], function.as_str());
    assert_eq!(
        held[0]["hookDetails"],
        json!({"attempts": 3, "suite": "smoke"})
    );
}

/// A deployment that never ends by itself: its hook goes on saying that it is not done.
fn never_ending(world: &World) -> ServiceProperties {
    let hook = lifecycle_hook("check", &["PRE_SCALE_UP"]);
    let function = hook["HookTargetArn"].as_str().unwrap();
    let undecided = [HookAnswer::InProgress(None)];
    ecs::answer_hook(&mut world.account().cloud(), function, &undecided);
    quick()
        .set("/Deployment/LifecycleHooks", json!([hook]))
        .image("nginx:2")
        .service_timeout(SERVICE_TIMEOUT_S)
}

/// The answer came before CloudFormation gave up, and says why; the service has not failed by itself before.
fn check_out_of_time(seen: &Seen) {
    let (status, reason, seconds) = (seen.status, &seen.reason, seen.seconds());
    assert_eq!(status, SeenStatus::Failed, "{reason}");
    assert!(
        (SERVICE_TIMEOUT_S - 600..SERVICE_TIMEOUT_S).contains(&seconds),
        "{seconds} s: {reason}"
    );
    assert!(
        reason.contains("NotStabilized") && reason.contains("give `ServiceTimeout` more seconds"),
        "{reason}"
    );
}

#[test]
fn case_8_an_update_that_outlasts_the_service_timeout_fails_first_and_all_is_as_before() {
    let world = World::new();
    let stack = world.with_service("app", &quick());
    let settled = |world: &World| {
        let mut inventory = world.inventory();
        // ECS counts deployments and tells events, the alarm has looked at the other group meanwhile, and the revision
        // that was not deployed goes with a later deployment: the last two stay.
        inventory.items.retain(|(kind, _), _| {
            !matches!(
                kind,
                Kind::EcsService | Kind::MetricAlarm | Kind::TaskDefinition
            )
        });
        inventory
    };
    let before = settled(&world);
    let (weights_before, image) = (
        weights(world.account()),
        world.active_container()["image"].clone(),
    );
    let outcome = stack.deploy_now(Template::of(&never_ending(&world)));
    assert_eq!(outcome.status, UpdateRollbackComplete);
    check_out_of_time(outcome.first());
    world.settle();
    assert_eq!(before.diff(&settled(&world)), Vec::<String>::new());
    assert_eq!(weights(world.account()), weights_before);
    assert_eq!(world.active_container()["image"], image);
    assert_eq!(hooks(&world), Value::Null);
    let mutated = world.mutations();
    assert_eq!(stack.update_unchanged_now().status, UpdateComplete);
    assert_eq!(world.mutations(), mutated);
    for image in ["nginx:3", "nginx:4"] {
        let next = stack.deploy_now(Template::of(&quick().image(image)));
        assert_eq!(next.status, UpdateComplete, "{}", next.first().reason);
    }
    let inventory = world.inventory();
    let revisions = inventory.of(Kind::TaskDefinition);
    let images =
        revisions.map(|(_, it)| it.description["containerDefinitions"][0]["image"].clone());
    assert_eq!(images.collect::<Vec<_>>(), ["nginx:3", "nginx:4"]);
}

#[test]
fn case_8_a_create_that_outlasts_the_service_timeout_fails_first_and_leaves_nothing() {
    let world = World::new();
    let before = world.inventory().without_what_stays();
    let outcome = world
        .stack("app")
        .deploy_now(Template::of(&never_ending(&world)));
    assert_eq!(outcome.status, RollbackComplete);
    check_out_of_time(outcome.first());
    world.settle();
    let after = world.inventory().without_what_stays();
    assert_eq!(before.diff(&after), Vec::<String>::new());
}

#[test]
fn hooks_added_by_hand_go_with_the_next_update() {
    let world = World::new();
    let stack = world.with_service("app", &quick());
    let input = json!({"services": ["web"]});
    let service = world
        .account()
        .perform(Service::Ecs, "DescribeServices", input)
        .unwrap();
    let mut configuration = service["services"][0]["deploymentConfiguration"].clone();
    configuration["lifecycleHooks"] = json!([{
        "hookTargetArn": "arn:aws:lambda:eu-west-1:123456789012:function:by-hand",
        "roleArn": "arn:aws:iam::123456789012:role/hooks",
        "lifecycleStages": ["PRE_SCALE_UP"],
    }]);
    let input = json!({"service": "web", "deploymentConfiguration": configuration});
    world
        .account()
        .perform(Service::Ecs, "UpdateService", input)
        .unwrap();
    assert!(hooks(&world).is_array());
    let outcome = stack.update_unchanged_now();
    assert_eq!(outcome.status, UpdateComplete);
    assert_eq!(hooks(&world), Value::Null);
}
