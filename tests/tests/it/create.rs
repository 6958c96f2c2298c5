//! Creating a service.

use std::collections::BTreeSet;
use std::path::Path;

use expect_test::expect_file;
use express_tests::account::Kind;
use express_tests::cloudformation::{RequestType, SeenStatus};
use express_tests::invariants::check_all_answered;
use express_tests::{Scenario, StackStatus, Template, World, web};
use local_aws::fault::{Fault, Rule};

use StackStatus::{CreateComplete, DeleteComplete, RollbackComplete};

#[test]
fn a_service_is_created_and_removed_as_the_golden_trace_says() {
    let run = Scenario::new()
        .create(web())
        .then_settle()
        .then_delete()
        .run();
    assert_eq!(run.statuses(), [CreateComplete, DeleteComplete]);
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/create_delete.txt");
    expect_file![golden].assert_eq(&run.trace());
}

#[test]
fn case_16_every_attribute_is_there_and_says_something() {
    let run = Scenario::new().create(web()).run();
    let created = &run.seen()[0];
    for attribute in provider_schema::ATTRIBUTES {
        let value = created
            .data
            .get(attribute.name)
            .unwrap_or_else(|| panic!("no {}", attribute.name));
        let is_empty = value.is_null()
            || value.as_str() == Some("")
            || value.as_array().is_some_and(Vec::is_empty);
        assert!(!is_empty, "{}", attribute.name);
    }
    assert_eq!(created.data["Endpoint"], "https://web.apps.example.com");
    assert_eq!(
        created.physical_id.as_deref(),
        created.data["ServiceArn"].as_str()
    );
}

#[test]
fn case_17_a_name_of_another_stack_is_refused_and_nothing_is_touched() {
    let world = World::new();
    let first = world.stack("first");
    assert_eq!(
        first.deploy_now(Template::of(&web())).status,
        CreateComplete
    );
    world.settle();
    let before = world.inventory();
    let outcome = world.stack("second").deploy_now(Template::of(&web()));
    assert_eq!(outcome.status, RollbackComplete);
    assert!(
        outcome.first().reason.contains("AlreadyExists"),
        "{}",
        outcome.first().reason
    );
    world.settle();
    assert_eq!(before.diff(&world.inventory()), Vec::<String>::new());
}

#[test]
fn case_17_a_refused_create_that_arrives_again_after_the_name_is_free_makes_nothing() {
    let world = World::new();
    let before = world.inventory().without_what_stays();
    let first = world.stack("first");
    let created = first.deploy_now(Template::of(&web()));
    assert_eq!(created.status, CreateComplete);
    let refused = world
        .stack("second")
        .event(RequestType::Create, None, &web());
    let request_id = refused["RequestId"].as_str().unwrap().to_owned();
    world.deliver(refused);
    world.settle();
    assert_eq!(first.delete_now().status, DeleteComplete);
    world.redeliver(&request_id);
    world.settle();
    let after = world.inventory().without_what_stays();
    assert_eq!(before.diff(&after), Vec::<String>::new());
    check_all_answered(&world);
}

#[test]
fn case_18_a_create_that_fails_over_an_ended_service_of_the_name_leaves_nothing() {
    let world = World::new();
    let before = world.inventory().without_what_stays();
    let first = world.stack("first");
    assert_eq!(
        first.deploy_now(Template::of(&web())).status,
        CreateComplete
    );
    // A neighbour, so that the load balancer and its listener outlive the first one.
    let neighbour = world.stack("neighbour");
    let deployed = neighbour.deploy_now(Template::of(&web().named("shop")));
    assert_eq!(deployed.status, CreateComplete);
    assert_eq!(first.delete_now().status, DeleteComplete);
    // The rule is made, and then something else is not allowed: ECS still describes the service of the first.
    let deny = Rule::once(Some("cloudwatch:PutMetricAlarm"), 0, Fault::Deny);
    world.faults().add(deny);
    let second = world.stack("second").deploy_now(Template::of(&web()));
    assert_eq!(second.status, RollbackComplete);
    assert!(second.seen.iter().all(|seen| seen.seconds() < 300));
    assert_eq!(neighbour.delete_now().status, DeleteComplete);
    world.settle();
    let after = world.inventory().without_what_stays();
    assert_eq!(before.diff(&after), Vec::<String>::new());
}

#[test]
fn case_21_a_service_that_never_gets_healthy_fails_in_minutes_and_leaves_nothing() {
    let world = World::new();
    let before = world.inventory();
    let run = Scenario::new()
        .create(web().image("demo/unhealthy"))
        .run_in(world);
    assert_eq!(run.statuses(), [RollbackComplete]);
    let created = &run.seen()[0];
    assert_eq!(created.status, SeenStatus::Failed);
    assert!(created.seconds() < 30 * 60, "{} s", created.seconds());
    let after = run.world.inventory().without_what_stays();
    assert_eq!(
        before.without_what_stays().diff(&after),
        Vec::<String>::new()
    );
}

#[test]
fn case_23_the_default_cluster_is_created_if_absent() {
    let run = Scenario::new().create(web()).run();
    let clusters: Vec<_> = run
        .world
        .inventory()
        .of(Kind::Cluster)
        .map(|(_, item)| item.name.clone())
        .collect();
    assert_eq!(clusters, ["default"]);
}

/// The changes that a Create makes outside the ledger, each once.
fn changes_of_a_create() -> BTreeSet<String> {
    let run = Scenario::new().create(web()).run();
    let history = run.world.history();
    let changes = history.calls().filter(|call| call.recorded.mutates());
    changes.map(|call| call.recorded.name()).collect()
}

#[test]
fn case_19_a_create_that_is_refused_at_any_step_says_which_and_leaves_nothing() {
    let changes = changes_of_a_create();
    assert!(changes.len() > 12, "{changes:?}");
    for denied in changes {
        let world = World::new();
        let before = world.inventory().without_what_stays();
        world
            .faults()
            .add(Rule::once(Some(&denied), 0, Fault::Deny).times(u64::MAX));
        let run = Scenario::new().create(web()).then_settle().run_in(world);
        assert_eq!(run.statuses(), [RollbackComplete], "{denied}");
        let reason = &run.seen()[0].reason;
        let (_, operation) = denied.split_once(':').unwrap();
        assert!(
            reason.contains("not authorized") && reason.starts_with("AccessDenied"),
            "{operation}: {reason}"
        );
        let after = run.world.inventory().without_what_stays();
        assert_eq!(before.diff(&after), Vec::<String>::new(), "{denied}");
    }
}
