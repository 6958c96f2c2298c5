//! `express monitor` and `express diagnose` against the account: what is told of a canary and of a rollback, how it
//! ends, and how gently they look. The golden screens are also the README's.

use std::cell::RefCell;
use std::rc::Rc;

use expect_test::expect_file;
use express_cli::reference::{Reference, ServiceArn};
use express_cli::watch::ending::Ending;
use express_cli::watch::facts::Fact;
use express_cli::watch::snapshot::Snapshot;
use express_cli::watch::tree::{self, Line};
use express_cli::watch::{Look, Watch, look_closely};
use express_tests::{ServiceProperties, StackStatus, Template, World, web};
use local_aws::elbv2;
use serde_json::Value;

/// Seconds between looks, as the command has it.
const EVERY_S: u64 = 5;
const HOST: &str = "web.apps.example.com";
const REQUESTS_A_MINUTE: u32 = 1_200;
/// Calls of a look at a deployment that goes on as before: service, deployment, alarms.
const QUIET_CALLS: u32 = 3;

type Looks = Rc<RefCell<Vec<Look>>>;

fn of_stack(stack: &str) -> Reference {
    Reference::OfStack {
        stack: stack.to_owned(),
        logical_id: "Web".to_owned(),
        cluster: None,
    }
}

/// Watches until the end, beside everything else.
fn watch(world: &World, reference: Reference, wait_s: u64) -> Looks {
    let looks = Looks::default();
    let (seen, me) = (Rc::clone(&looks), world.clone());
    let mut watch = Watch::new(world.clients(), reference, world.now_ms() + wait_s * 1_000);
    world.spawn(async move {
        loop {
            let look = watch.look(me.now_ms()).await.unwrap();
            let has_ended = look.ending.is_some();
            seen.borrow_mut().push(look);
            if has_ended {
                return;
            }
            me.sleep_s(EVERY_S).await;
        }
    });
    looks
}

fn screen(snapshot: &Snapshot) -> String {
    let lines: Vec<String> = tree::lines(snapshot).iter().map(Line::plain).collect();
    format!("{}\n", lines.join("\n"))
}

fn told(looks: &[Look]) -> String {
    let lines = looks.iter().flat_map(|look| {
        let at_ms = look.snapshot.at_ms;
        look.news.iter().map(move |fact| fact.line(at_ms) + "\n")
    });
    lines.collect()
}

/// Watches an update of a service under traffic.
fn watched_update(properties: &ServiceProperties) -> Vec<Look> {
    let world = World::new();
    let stack = world.with_service("shop", &web());
    elbv2::visit(&mut world.account().cloud(), HOST, REQUESTS_A_MINUTE);
    world.block_on(world.sleep_s(300));
    let looks = watch(&world, of_stack("shop"), 300);
    drop(stack.deploy_now(Template::of(properties)));
    world.settle();
    looks.take()
}

fn percent(look: &Look) -> Option<f64> {
    let deployment = look.snapshot.service.as_ref()?.deployment.as_ref()?;
    deployment.new.as_ref()?.percent
}

#[test]
fn a_canary_is_told_with_its_weights_and_bakes_until_the_service_is_steady() {
    let looks = watched_update(&web().image("public.ecr.aws/nginx/nginx:1.28"));
    let ending = looks.last().unwrap().ending;
    assert_eq!(ending.map(Ending::exit_code), Some(0));
    expect_file!["../../golden/monitor_canary_lines.txt"].assert_eq(&told(&looks));
    let baking = looks.iter().position(|look| percent(look) == Some(5.0));
    // A while into the bake, so that the countdown has gone on.
    let baking = &looks[baking.expect("the canary has its share") + 12];
    expect_file!["../../golden/monitor_canary_screen.txt"].assert_eq(&screen(&baking.snapshot));
}

#[test]
fn a_rollback_is_told_with_the_alarm_that_caused_it_and_ends_with_failure() {
    let looks = watched_update(&web().image("demo/errors"));
    let last = looks.last().unwrap();
    assert_eq!(last.ending.map(Ending::exit_code), Some(1));
    let findings = &last.snapshot.service.as_ref().unwrap().findings;
    assert_eq!(findings[0].code, "AlarmRolledBack", "{findings:?}");
    assert!(findings[0].is_certain);
    expect_file!["../../golden/monitor_rollback_lines.txt"].assert_eq(&told(&looks));
    expect_file!["../../golden/monitor_rollback_screen.txt"].assert_eq(&screen(&last.snapshot));
}

#[test]
fn a_look_at_what_goes_on_as_before_takes_three_calls_and_elb_is_asked_seldom() {
    let looks = watched_update(&web().image("public.ecr.aws/nginx/nginx:1.28"));
    let quiet = looks
        .iter()
        .filter(|look| look.snapshot.calls == QUIET_CALLS);
    let share = quiet.count() * 100 / looks.len();
    assert!(share >= 55, "{share} % of {} looks", looks.len());
    let calls: u32 = looks.iter().map(|look| look.snapshot.calls).sum();
    let average = f64::from(calls) / f64::from(u32::try_from(looks.len()).unwrap());
    assert!(average < 5.0, "{average} calls a look");
}

#[test]
fn each_line_of_json_has_its_time_and_kind_and_the_last_one_the_exit_code() {
    let looks = watched_update(&web().image("demo/crash"));
    let lines: Vec<Value> = looks
        .iter()
        .flat_map(|look| look.news.iter().map(|fact| fact.json(look.snapshot.at_ms)))
        .map(|line| serde_json::from_str(&line.unwrap()).unwrap())
        .collect();
    for line in &lines {
        assert!(line["time"].as_str().unwrap().ends_with('Z'), "{line}");
        assert!(line["kind"].is_string(), "{line}");
    }
    let finding = lines.iter().find(|line| line["kind"] == "finding");
    assert_eq!(finding.unwrap()["code"], "ContainerCrashed");
    let last = lines.last().unwrap();
    assert_eq!(
        (&last["kind"], &last["exit_code"]),
        (&"ending".into(), &1.into())
    );
}

#[test]
fn a_service_that_is_not_there_yet_is_waited_for_and_its_creation_watched() {
    let world = World::new();
    let looks = watch(&world, of_stack("shop"), 900);
    let outcome = world.stack("shop").deploy_now(Template::of(&web()));
    assert_eq!(outcome.status, StackStatus::CreateComplete);
    world.settle();
    let looks = looks.take();
    assert!(looks[0].snapshot.service.is_none());
    assert_eq!(looks.last().unwrap().ending, Some(Ending::Steady));
}

#[test]
fn what_does_not_exist_is_not_waited_for_without_a_wish() {
    let world = World::new();
    let arn = "arn:aws:ecs:eu-west-1:123456789012:service/default/web";
    let arn = Reference::Service(ServiceArn::parse(arn).unwrap());
    for reference in [of_stack("shop"), arn] {
        let looks = watch(&world, reference, 0);
        world.settle();
        let looks = looks.take();
        assert_eq!(looks.len(), 1);
        assert_eq!(looks[0].ending, Some(Ending::NotFound));
    }
}

#[test]
fn a_service_at_rest_is_steady_at_once_and_nothing_is_found() {
    let world = World::new();
    let _stack = world.with_service("shop", &web());
    let looks = watch(&world, of_stack("shop"), 0);
    world.settle();
    let looks = looks.take();
    assert_eq!(looks.len(), 1);
    assert_eq!(looks[0].ending, Some(Ending::Steady));
    let (aws, now_ms) = (world.clients(), world.now_ms());
    let seen = world.block_on(async move { look_closely(aws, of_stack("shop"), now_ms).await });
    assert_eq!(seen.unwrap().service.unwrap().findings, []);
}

#[test]
fn a_deployment_that_was_rolled_back_is_still_explained_by_what_its_tasks_left() {
    let world = World::new();
    let stack = world.with_service("shop", &web());
    let outcome = stack.deploy_now(Template::of(&web().image("demo/no-database")));
    assert_eq!(outcome.status, StackStatus::UpdateRollbackComplete);
    world.settle();
    let (aws, now_ms) = (world.clients(), world.now_ms());
    let seen = world.block_on(async move { look_closely(aws, of_stack("shop"), now_ms).await });
    let findings = seen.unwrap().service.unwrap().findings;
    assert_eq!(findings[0].code, "ContainerCrashed", "{findings:?}");
    assert!(!findings[0].what.contains("hunter2"), "{findings:?}");
    assert!(
        Fact::finding(&findings[0])
            .to_string()
            .contains("exit code 3")
    );
}
