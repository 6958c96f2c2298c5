//! Two versions of the provider side by side: while the function is updated, and after it was set back.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use express_handler::seal::{self, SealContext};
use express_tests::world::provider::LEDGER_TABLE;
use express_tests::{StackOutcome, StackStatus, Template, World, account, web};
use local_aws::wire::Service;
use serde_json::{Value, json};

use StackStatus::{CreateComplete, DeleteComplete, RollbackComplete, UpdateComplete};

/// When the Create of a new service waits for its deployment, in seconds.
const DEPLOYING_S: u64 = 60;

/// The item of the only owner.
fn owner(world: &World) -> Value {
    account::ledger_item(world.account(), "owner#")
}

fn put(world: &World, item: &Value) {
    let input = json!({"TableName": LEDGER_TABLE, "Item": item});
    let done = world.account().perform(Service::DynamoDb, "PutItem", input);
    assert!(done.is_ok(), "{done:?}");
}

/// Begins to create a service, and lets it come to its deployment.
fn creating(world: &World) -> express_tests::executor::Handle<StackOutcome> {
    let stack = world.stack("web");
    let creating = world.spawn(stack.deploy(Template::of(&web().named("web"))));
    world.block_on(world.sleep_s(DEPLOYING_S));
    assert!(owner(world)["sealed"].is_object(), "nothing is under way");
    creating
}

/// The owner's item with a property in it that only a newer version knows.
fn sealed_by_newer_version(world: &World) -> Value {
    let mut item = owner(world);
    let text = |name: &str| item[name]["S"].as_str().expect("a text").to_owned();
    let (pk, sealed) = (text("pk"), STANDARD.decode(text("sealed")).unwrap());
    let record: Value = serde_json::from_str(&text("record")).unwrap();
    let request_id = record["operation"]["request_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let runtime = world.runtime_of_a_process();
    let sealed = world.block_on(async move {
        let context = SealContext {
            owner_key: pk.trim_start_matches("owner#"),
            request_id: &request_id,
        };
        let plain = seal::open(&runtime, &context, &sealed).await.unwrap();
        let mut plain: Value = serde_json::from_slice(&plain).unwrap();
        plain["properties"]["KnownToTheNewerVersion"] = json!("yes");
        let plain = plain.to_string();
        seal::seal(&runtime, &context, plain.as_bytes())
            .await
            .unwrap()
    });
    item["sealed"] = json!({"S": STANDARD.encode(sealed)});
    item
}

#[test]
fn case_15_what_a_newer_version_knows_of_an_owner_outlives_an_older_one() {
    for seed in 0..4 {
        let world = World::new();
        world.two_versions(seed);
        let stack = world.with_service("web", &web().named("web"));
        for path in ["/up", "/ready"] {
            let outcome =
                stack.deploy_now(Template::of(&web().named("web").health_check_path(path)));
            assert_eq!(outcome.status, UpdateComplete, "{}", outcome.first().reason);
        }
        let item = owner(&world);
        assert!(item["KnownToTheNewerVersion"].is_object(), "{item}");
        assert_eq!(stack.delete_now().status, DeleteComplete);
        world.settle();
    }
}

#[test]
fn case_15_what_a_newer_version_has_begun_is_left_to_it_for_minutes() {
    let world = World::new();
    let creating = creating(&world);
    let before = owner(&world);
    put(&world, &sealed_by_newer_version(&world));
    world.block_on(world.sleep_s(120));
    // The newer version is back: for it the request can be read.
    let mut back = owner(&world);
    assert_ne!(back["revision"], before["revision"], "nobody has looked");
    back["sealed"] = before["sealed"].clone();
    put(&world, &back);
    let outcome = world.block_on(creating);
    assert_eq!(outcome.status, CreateComplete, "{}", outcome.first().reason);
}

#[test]
fn case_15_what_only_a_newer_version_can_carry_out_fails_with_that_reason() {
    let world = World::new();
    let creating = creating(&world);
    put(&world, &sealed_by_newer_version(&world));
    let outcome = world.block_on(creating);
    let reason = &outcome.first().reason;
    assert!(
        reason.contains("a newer version of the provider has begun this"),
        "{reason}"
    );
    // A Delete has no properties: it removes everything.
    assert_eq!(outcome.status, RollbackComplete);
}

#[test]
fn case_58_an_event_that_a_newer_version_has_taken_up_is_answered_by_that() {
    let world = World::new();
    let creating = creating(&world);
    let before = owner(&world);
    let mut newer = before.clone();
    newer["schema_version"] = json!({"N": "999"});
    put(&world, &newer);
    let request_id = world.history().sent().next().unwrap()["RequestId"].clone();
    world.redeliver(request_id.as_str().unwrap());
    world.block_on(world.sleep_s(20));
    assert_eq!(
        world.history().seen().count(),
        0,
        "it was answered by the older version"
    );
    assert_eq!(owner(&world), newer);
    put(&world, &before);
    let outcome = world.block_on(creating);
    assert_eq!(outcome.status, CreateComplete, "{}", outcome.first().reason);
}

#[test]
fn case_58_an_event_that_no_version_has_taken_up_is_refused_with_the_upgrade() {
    let world = World::new();
    let stack = world.with_service("web", &web().named("web"));
    let before = owner(&world);
    let mut newer = before.clone();
    newer["schema_version"] = json!({"N": "999"});
    put(&world, &newer);
    let changed = web().named("web").health_check_path("/up");
    let outcome = stack.deploy_now(Template::of(&changed));
    assert!(outcome.first().reason.contains("upgrade"), "{outcome:?}");
    assert!(outcome.first().seconds() < 300, "{outcome:?}");
    assert_eq!(owner(&world), newer);
}
