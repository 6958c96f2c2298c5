//! Updates that fail, are cancelled, or are undone because something else failed.

use express_tests::account::{Inventory, Kind};
use express_tests::by_hand;
use express_tests::changes;
use express_tests::cloudformation::{FailedCreate, FailedReplacement, RequestType};
use express_tests::properties::{lifecycle_hook, role};
use express_tests::{ServiceProperties, Stack, StackOutcome, StackStatus, Template, World, web};
use local_aws::fault::{Fault, Rule};
use local_aws::wire::Service;
use serde_json::json;

use FailedReplacement::{DeleteAnsweredId, UpdateBack};
use StackStatus::{
    CreateComplete, DeleteComplete, DeleteFailed, UpdateComplete, UpdateFailed,
    UpdateRollbackComplete, UpdateRollbackFailed,
};

/// Seconds after which a sibling fails: before anything was changed, while it is changed, while ECS deploys.
const CANCELLED_AFTER_S: [u64; 6] = [0, 1, 5, 20, 45, 90];
/// When all that is asked for is long done.
const LATER_S: u64 = 1_500;

/// Everything but what each deployment changes: revisions count up, and the rollback alarm watches the other group.
fn without_revisions(world: &World) -> Inventory {
    let mut inventory = world.inventory().without_what_stays();
    inventory.items.retain(|(kind, _), _| {
        !matches!(
            kind,
            Kind::TaskDefinition | Kind::EcsService | Kind::MetricAlarm
        )
    });
    inventory
}

fn is_as_before(world: &World, stack: &Stack, before: &Inventory, context: &str) {
    world.settle();
    assert_eq!(
        before.diff(&without_revisions(world)),
        Vec::<String>::new(),
        "{context}"
    );
    runs_as_before(world, stack, context);
}

fn runs_as_before(world: &World, stack: &Stack, context: &str) {
    assert_eq!(
        world.active_container()["image"],
        "public.ecr.aws/nginx/nginx:1.27",
        "{context}"
    );
    let mutated = world.mutations();
    assert_eq!(
        stack.update_unchanged_now().status,
        UpdateComplete,
        "{context}"
    );
    assert_eq!(world.mutations(), mutated, "{context}");
}

#[test]
fn case_32_after_a_deployment_that_failed_the_update_back_changes_nothing() {
    let world = World::new();
    let stack = world.with_service("app", &web());
    let before = without_revisions(&world);
    let outcome = stack.deploy_now(Template::of(&web().image("demo/unhealthy")));
    assert_eq!(outcome.status, UpdateRollbackComplete);
    let answered_ms = outcome.first().seen_ms;
    assert!(
        outcome.first().reason.contains("NotStabilized"),
        "{}",
        outcome.first().reason
    );
    let changed_later: Vec<String> = {
        let history = world.history();
        let calls = history.calls().map(|call| &*call.recorded);
        let later = calls.filter(|call| call.mutates() && call.at_ms > answered_ms);
        // The revision that failed is no longer needed.
        later
            .map(local_aws::recorder::Recorded::name)
            .filter(|name| name != "ecs:DeregisterTaskDefinition")
            .collect()
    };
    assert_eq!(changed_later, Vec::<String>::new());
    is_as_before(&world, &stack, &before, "after the rollback");
}

#[test]
fn case_33_an_update_that_is_undone_because_a_later_resource_failed_restores_everything() {
    let world = World::new();
    let stack = world.with_service("app", &web());
    let before = without_revisions(&world);
    let changed = web()
        .image("public.ecr.aws/nginx/nginx:1.28")
        .health_check_path("/up")
        .environment("MODE", "production")
        .set("/ScalingTarget/MaxTaskCount", 4)
        .set("/PrimaryContainer/ContainerPort", 8080);
    let template = Template::of(&changed).sibling_fails_after(LATER_S);
    let outcome = stack.deploy_now(template);
    assert_eq!(outcome.status, UpdateRollbackComplete);
    assert!(outcome.first().is_success(), "{}", outcome.first().reason);
    is_as_before(&world, &stack, &before, "after the rollback");
}

#[test]
fn case_34_a_replacement_that_is_undone_deletes_the_new_service_only() {
    let world = World::new();
    let stack = world.with_service("app", &web());
    let before = world.inventory();
    let template = Template::of(&web().named("shop")).sibling_fails_after(LATER_S);
    let outcome = stack.deploy_now(template);
    assert_eq!(outcome.status, UpdateRollbackComplete);
    world.settle();
    let deleted: Vec<_> = deletes(&outcome);
    assert_eq!(deleted, [outcome.first().physical_id.as_deref()]);
    assert_eq!(
        before.diff(&world.inventory()),
        ["+ LogGroup /aws/ecs/default/shop"]
    );
}

/// The service is back: what is left of the one that was to replace it must not leave the whole stack in
/// UPDATE_ROLLBACK_FAILED.
#[test]
fn case_34_a_way_back_succeeds_although_aws_does_not_let_go_of_what_was_to_replace_the_service() {
    let away = |fault| Rule::once(Some("elasticloadbalancing:DeleteTargetGroup"), 0, fault);
    for fault in [Fault::Deny, Fault::ServerError] {
        let world = World::new();
        let before = world.inventory().without_what_stays();
        let stack = world.with_service("app", &web());
        world.faults().add(away(fault).times(u64::MAX));
        // CloudFormation has no answer, and so no id that it could delete.
        let template = Template::of(&web().named("shop")).sibling_fails_after(45);
        let outcome = stack.deploy_now(template);
        let reason = &outcome.last().reason;
        assert_eq!(
            outcome.status, UpdateRollbackComplete,
            "{fault:?}: {reason}"
        );
        assert!(world.logs().text().contains("removal.left"), "{fault:?}");
        world.faults().clear();
        world.settle();
        let outcome = stack.delete_now();
        assert_eq!(outcome.status, DeleteComplete, "{}", outcome.last().reason);
        world.settle();
        let after = world.inventory().without_what_stays();
        assert_eq!(before.diff(&after), Vec::<String>::new(), "{fault:?}");
    }
}

#[test]
fn case_34_a_replacement_that_succeeds_deletes_the_old_service_at_the_end_and_keeps_the_load_balancer()
 {
    let world = World::new();
    let stack = world.with_service("app", &web());
    let old = stack.resources()["Web"].physical_id.clone();
    let balancers = balancers(&world);
    let outcome = stack.deploy_now(Template::of(&web().named("shop")));
    assert_eq!(outcome.status, UpdateComplete);
    world.settle();
    assert_eq!(deletes(&outcome), [Some(old.as_str())]);
    assert_eq!(self::balancers(&world), balancers);
}

fn balancers(world: &World) -> Vec<String> {
    let inventory = world.inventory();
    let balancers = inventory.of(Kind::LoadBalancer);
    balancers.map(|(arn, _)| arn.to_owned()).collect()
}

fn deletes(outcome: &StackOutcome) -> Vec<Option<&str>> {
    let deletes = outcome.seen.iter();
    deletes
        .filter(|seen| seen.request_type == RequestType::Delete)
        .map(|seen| seen.sent_id.as_deref())
        .collect()
}

#[test]
fn case_35_another_logical_id_with_the_same_name_is_refused_and_nothing_is_touched() {
    let world = World::new();
    let stack = world.with_service("app", &web());
    let before = world.inventory();
    let outcome = stack.deploy_now(Template::empty().with("Renamed", &web()));
    assert_eq!(outcome.status, UpdateRollbackComplete);
    let reason = &outcome.first().reason;
    assert!(
        reason.starts_with("AlreadyExists") && reason.contains("`Web`"),
        "{reason}"
    );
    world.settle();
    assert_eq!(before.diff(&world.inventory()), Vec::<String>::new());
}

#[test]
fn case_35_another_logical_id_with_a_generated_name_is_another_service_and_the_first_goes() {
    let world = World::new();
    let stack = world.stack("app");
    let generated = web().without("ServiceName");
    let first = stack.deploy_now(Template::of(&generated));
    assert_eq!(first.status, CreateComplete);
    let outcome = stack.deploy_now(Template::empty().with("Renamed", &generated));
    assert_eq!(outcome.status, UpdateComplete);
    world.settle();
    assert_eq!(deletes(&outcome), [first.first().physical_id.as_deref()]);
    let inventory = world.inventory();
    let active = inventory
        .of(Kind::EcsService)
        .filter(|(_, service)| service.description["status"] == "ACTIVE");
    let active: Vec<&str> = active.map(|(arn, _)| arn).collect();
    assert_eq!(active, [stack.resources()["Renamed"].physical_id.as_str()]);
}

#[test]
fn case_36_an_update_that_is_cancelled_at_any_time_ends_as_it_was_before() {
    for seconds in CANCELLED_AFTER_S {
        let world = World::new();
        let stack = world.with_service("app", &web());
        let before = without_revisions(&world);
        let changed = web().image("public.ecr.aws/nginx/nginx:1.28");
        let template = Template::of(&changed).sibling_fails_after(seconds);
        let outcome = stack.deploy_now(template);
        let context = format!("{seconds} s");
        assert_eq!(outcome.status, UpdateRollbackComplete, "{context}");
        is_as_before(&world, &stack, &before, &context);
    }
}

#[test]
fn case_36_an_update_with_the_largest_properties_is_undone_like_any_other() {
    let world = World::new();
    let largest = |letter: &str| {
        let variables = (0..54).map(|number| {
            let value = letter.repeat(1_000);
            json!({"Name": format!("V{number}"), "Value": value})
        });
        let hooks = ["A", "B", "C", "D", "E", "F", "G", "H", "I", "J"].map(|name| {
            let mut hook = lifecycle_hook(name, &["POST_SCALE_UP"]);
            hook["HookDetails"] = json!(json!({"a": letter.repeat(4_000)}).to_string());
            hook
        });
        web()
            .set(
                "/PrimaryContainer/Environment",
                variables.collect::<Vec<_>>(),
            )
            .set("/Deployment/LifecycleHooks", hooks.to_vec())
    };
    let stack = world.with_service("app", &largest("x"));
    let changed = largest("y").image("public.ecr.aws/nginx/nginx:1.28");
    let sent = changed.stringified().to_string().len();
    assert!((95_000..100_000).contains(&sent), "{sent}");
    let outcome = stack.deploy_now(Template::of(&changed).sibling_fails_after(20));
    assert_eq!(outcome.status, UpdateRollbackComplete);
    world.settle();
    assert_eq!(
        world.active_container()["image"],
        "public.ecr.aws/nginx/nginx:1.27"
    );
}

#[test]
fn case_36_a_cancelled_deployment_is_not_waited_for() {
    // LINEAR takes half an hour by default: there is no time for two such.
    let linear = web().set("/Deployment/Strategy", "LINEAR");
    for seconds in CANCELLED_AFTER_S {
        let world = World::new();
        let stack = world.with_service("app", &linear);
        let before = without_revisions(&world);
        let changed = linear.clone().image("public.ecr.aws/nginx/nginx:1.28");
        let began_ms = world.now_ms();
        let outcome = stack.deploy_now(Template::of(&changed).sibling_fails_after(seconds));
        let context = format!("{seconds} s");
        assert_eq!(outcome.status, UpdateRollbackComplete, "{context}");
        let minutes = (world.now_ms() - began_ms) / 60_000;
        assert!(minutes < 10, "{context}: {minutes} minutes");
        is_as_before(&world, &stack, &before, &context);
    }
}

/// ECS is asked for the deployment in the same breath in which something else is refused.
#[test]
fn a_deployment_of_an_update_that_failed_is_not_waited_for() {
    let world = World::new();
    let linear = web().set("/Deployment/Strategy", "LINEAR");
    let stack = world.with_service("app", &linear);
    let before = without_revisions(&world);
    world
        .faults()
        .add(Rule::once(Some("ecs:TagResource"), 0, Fault::Deny));
    let changed = linear
        .clone()
        .set("/InfrastructureRoleArn", role("other-infrastructure"))
        .set("/Tags", json!([{"Key": "team", "Value": "shop"}]));
    let began_ms = world.now_ms();
    let outcome = stack.deploy_now(Template::of(&changed));
    let reason = &outcome.first().reason;
    assert!(reason.contains("TagResources"), "{reason}");
    assert_eq!(outcome.status, UpdateRollbackComplete, "{reason}");
    let minutes = (world.now_ms() - began_ms) / 60_000;
    assert!(minutes < 10, "{minutes} minutes");
    is_as_before(&world, &stack, &before, "");
}

/// Some parts were tagged before another was refused, and it is refused for good: going back must not need what going forth
/// was not allowed.
#[test]
fn tags_that_may_never_be_written_do_not_keep_a_service_from_going_back() {
    for call in ["ecs:TagResource", "elasticloadbalancing:AddTags"] {
        let world = World::new();
        let stack = world.with_service("app", &web());
        let denied = Rule::once(Some(call), 0, Fault::Deny).times(u64::MAX);
        world.faults().add(denied);
        let tagged = web().set("/Tags", json!([{"Key": "team", "Value": "shop"}]));
        let outcome = stack.deploy_now(Template::of(&tagged));
        let reason = &outcome.first().reason;
        assert!(reason.contains("TagResources"), "{reason}");
        assert_eq!(outcome.status, UpdateRollbackComplete, "{reason}");
    }
}

#[test]
fn case_36_after_a_rollback_that_was_skipped_the_next_update_and_the_delete_work() {
    let world = World::new();
    let before = world.inventory().without_what_stays();
    let stack = world.with_service("app", &web());
    // The idle group's path is changed, the deployment is refused, and so is the path's way back.
    let deny = |call: &str, from: u64| {
        let denied = Rule::once(Some(call), from, Fault::Deny);
        world.faults().add(denied.times(u64::MAX));
    };
    deny("ecs:UpdateService", 0);
    deny("elasticloadbalancing:ModifyTargetGroup", 1);
    let outcome = stack.deploy_now(Template::of(
        &web()
            .health_check_path("/up")
            .image("public.ecr.aws/nginx/nginx:1.28"),
    ));
    assert_eq!(outcome.status, UpdateRollbackFailed);
    let reason = &outcome.last().reason;
    assert!(
        reason.contains("ModifyTargetGroup") && reason.contains("not authorized"),
        "{reason}"
    );
    world.settle();
    // `ContinueUpdateRollback` that skips the resource sends nothing: for CloudFormation it is as it was.
    world.faults().clear();
    let changed = web().image("public.ecr.aws/nginx/nginx:1.29");
    assert_eq!(
        stack.deploy_now(Template::of(&changed)).status,
        UpdateComplete
    );
    assert_eq!(
        world.active_container()["image"],
        "public.ecr.aws/nginx/nginx:1.29"
    );
    assert_eq!(stack.delete_now().status, DeleteComplete);
    world.settle();
    let after = world.inventory().without_what_stays();
    assert_eq!(before.diff(&after), Vec::<String>::new());
}

/// Registers a revision of the account's own family, as a pipeline does.
fn register_own(world: &World, image: &str) {
    let arn = changes::register_own(world, image, ("256", "512"));
    world.remember_as_foreign(Kind::TaskDefinition, &arn);
}

/// An ARN without a revision stands for the newest one, but not for one that has just failed.
#[test]
fn a_newest_revision_that_fails_does_not_keep_a_service_from_going_back() {
    let world = World::new();
    register_own(&world, "public.ecr.aws/nginx/nginx:1.27");
    let family = "arn:aws:ecs:eu-west-1:123456789012:task-definition/own";
    let given = web()
        .without("PrimaryContainer")
        .without("ExecutionRoleArn")
        .set("/TaskDefinitionArn", family);
    let stack = world.with_service("app", &given);
    let running = || world.active_service()["taskDefinition"].clone();
    assert_eq!(running(), format!("{family}:1"));
    register_own(&world, "demo/unhealthy");
    let tagged = given
        .clone()
        .set("/Tags", json!([{"Key": "team", "Value": "shop"}]));
    let outcome = stack.deploy_now(Template::of(&tagged));
    assert_eq!(outcome.status, UpdateRollbackComplete, "{:?}", outcome.seen);
    assert_eq!(running(), format!("{family}:1"));
    // What people ask for is the newest.
    register_own(&world, "public.ecr.aws/nginx/nginx:1.28");
    let outcome = stack.deploy_now(Template::of(&tagged));
    assert_eq!(outcome.status, UpdateComplete, "{:?}", outcome.seen);
    assert_eq!(running(), format!("{family}:3"));
}

/// The user's own family, of so many revisions, and a service that runs the first.
struct OwnFamily {
    world: World,
    stack: Stack,
}

impl OwnFamily {
    const ARN: &str = "arn:aws:ecs:eu-west-1:123456789012:task-definition/own";

    fn new() -> Self {
        let world = World::new();
        for version in ["1.27", "1.28"] {
            register_own(&world, &format!("public.ecr.aws/nginx/nginx:{version}"));
        }
        let stack = world.with_service("app", &Self::running(1));
        Self { world, stack }
    }

    fn running(revision: u32) -> ServiceProperties {
        web()
            .without("PrimaryContainer")
            .without("ExecutionRoleArn")
            .set("/TaskDefinitionArn", format!("{}:{revision}", Self::ARN))
    }

    fn deregister(world: &World, revision: u32) {
        let arn = format!("{}:{revision}", Self::ARN);
        let input = json!({"taskDefinition": arn});
        let account = world.account();
        let done = account.perform(Service::Ecs, "DeregisterTaskDefinition", input);
        done.expect("a revision");
        // What somebody does to his own is nobody else's doing.
        world.forget_foreign(Kind::TaskDefinition, &arn);
    }
}

/// What runs from a revision goes on when that is deregistered; nothing new is made of it, nor begun.
#[test]
fn a_deregistered_revision_is_refused_before_anything_is_made() {
    let OwnFamily { world, stack } = OwnFamily::new();
    OwnFamily::deregister(&world, 1);
    let tags = json!([{"Key": "team", "Value": "shop"}]);
    let tagged = Template::of(&OwnFamily::running(1).set("/Tags", tags));
    assert_eq!(stack.deploy_now(tagged).status, UpdateComplete);
    OwnFamily::deregister(&world, 2);
    let before = world.mutations().len();
    let other = world.stack("other");
    for (stack, name) in [(&stack, "web"), (&other, "other")] {
        let refused = stack.deploy_now(Template::of(&OwnFamily::running(2).named(name)));
        let reason = &refused.first().reason;
        assert!(reason.contains("own:2` is not active"), "{reason}");
        assert_ne!(refused.status, UpdateRollbackFailed);
    }
    // Of the Create that has made nothing: by name, whether there is one or not.
    assert_eq!(&world.mutations()[before..], ["cloudwatch:DeleteAlarms"]);
}

/// A pipeline deregisters what it has replaced, and its own update is cancelled then.
#[test]
fn an_update_that_is_cancelled_goes_back_to_a_revision_that_was_deregistered_meanwhile() {
    for (deregistered_s, cancelled_s) in [(30, 60), (30, 90), (60, LATER_S)] {
        let OwnFamily { world, stack } = OwnFamily::new();
        let pipeline = world.clone();
        world.spawn(async move {
            pipeline.sleep_s(deregistered_s).await;
            OwnFamily::deregister(&pipeline, 1);
        });
        let update = Template::of(&OwnFamily::running(2)).sibling_fails_after(cancelled_s);
        let outcome = stack.deploy_now(update);
        world.settle();
        let runs = &world.active_service()["taskDefinition"];
        let context = format!("{deregistered_s} {cancelled_s} {runs}: {:?}", outcome.seen);
        if cancelled_s < LATER_S {
            assert_eq!(outcome.status, UpdateRollbackComplete, "{context}");
            assert_eq!(*runs, format!("{}:1", OwnFamily::ARN), "{context}");
        } else {
            // What has been deployed cannot be taken back: ECS starts nothing from what is INACTIVE.
            assert_eq!(outcome.status, UpdateRollbackFailed, "{context}");
            let reason = &outcome.last().reason;
            assert!(reason.contains("TaskDefinition is inactive"), "{reason}");
        }
    }
}

/// What has failed to be removed after a replacement is asked for once more, and that is cancelled.
#[test]
fn what_may_not_be_removed_does_not_keep_an_update_from_being_led_back() {
    let world = World::new();
    let stack = world.with_service("app", &web());
    let inventory = world.inventory();
    let (rule, item) = inventory.of(Kind::ListenerRule).next().unwrap();
    assert!(by_hand::RULE_UNTAGGED.is_done_to(&world, rule, item));
    let replaced = stack.deploy_now(Template::of(&web().named("shop")));
    assert_eq!(replaced.status, UpdateComplete);
    assert!(replaced.last().reason.contains("has no tag"));
    for cancelled_s in CANCELLED_AFTER_S {
        let outcome = stack.deploy_now(Template::of(&web()).sibling_fails_after(cancelled_s));
        let context = format!("{cancelled_s} s: {:?}", outcome.seen);
        assert_eq!(outcome.status, UpdateRollbackComplete, "{context}");
        world.settle();
    }
    // Whoever asks for the removal is told what is in its way.
    let deleted = stack.delete_now();
    assert_eq!(deleted.status, DeleteFailed);
    assert!(deleted.last().reason.contains("has no tag"));
}

/// Only what the new image knows as well was asked of it while it was brought.
#[test]
fn a_rolling_service_goes_back_to_an_image_that_knows_the_path_of_before_only() {
    let world = World::new();
    let of = |image: &str, path: &str| {
        web()
            .set("/Deployment/Strategy", "ROLLING")
            .image(image)
            .health_check_path(path)
    };
    let stack = world.with_service("app", &of("demo/old-path", "/ping"));
    let changed = Template::of(&of("demo/new-path", "/up")).sibling_fails_after(900);
    let outcome = stack.deploy_now(changed);
    assert_eq!(outcome.status, UpdateRollbackComplete, "{:?}", outcome.seen);
}

/// `--disable-rollback`, and then `RollbackStack`: back over more than one update.
#[test]
fn what_updates_have_preserved_is_rolled_back_to_what_was_there_before_all_of_them() {
    let changed = web().image("public.ecr.aws/nginx/nginx:1.28");
    for (reaction, updates) in [
        (
            UpdateBack,
            [changed.clone(), changed.clone().set("/Cpu", "512")],
        ),
        (
            UpdateBack,
            [web().named("shop"), changed.clone().named("shop")],
        ),
        (UpdateBack, [web().named("shop"), web().named("api")]),
        (UpdateBack, [web().named("shop"), web()]),
        (DeleteAnsweredId, [web().named("shop"), web().named("api")]),
        (
            DeleteAnsweredId,
            [changed.clone(), changed.image("demo/unhealthy")],
        ),
    ] {
        let world = World::new();
        let stack = world.stack("app").after_failed_replacement(reaction);
        let deploy = |template: Template| {
            let when = FailedCreate::DeletedFirst;
            let outcome = world.block_on(stack.clone().deploy_preserving(template, when));
            world.settle();
            outcome.status
        };
        assert_eq!(deploy(Template::of(&web())), CreateComplete);
        // Whichever group each deployment has left serving.
        let parts = || {
            without_revisions(&world)
                .items
                .into_keys()
                .collect::<Vec<_>>()
        };
        let before = parts();
        for update in &updates {
            let template = Template::of(update).sibling_fails_after(0);
            assert_eq!(deploy(template), UpdateFailed);
        }
        let back = world.block_on(stack.clone().roll_back());
        let context = format!("{reaction:?} {updates:?} {:?}", back.seen);
        assert_eq!(back.status, UpdateRollbackComplete, "{context}");
        world.settle();
        assert_eq!(parts(), before, "{context}");
        runs_as_before(&world, &stack, &context);
    }
}
