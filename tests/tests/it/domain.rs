//! Another domain of the provider, while services have their names below the one before.

use express_handler::guard;
use express_tests::account::Kind;
use express_tests::cloudformation::RequestType;
use express_tests::world::provider::DOMAIN_NAME;
use express_tests::{Stack, StackStatus, Template, World, account, web};
use local_aws::fault::{Fault, Rule};
use local_aws::wire::Service;
use serde_json::{Value, json};

use StackStatus::{
    CreateComplete, DeleteComplete, DeleteFailed, RollbackComplete, UpdateComplete,
    UpdateRollbackComplete, UpdateRollbackFailed,
};

/// The other domain.
const OTHER: &str = "new.example.com";
/// Seconds that an update of the function takes here.
const UPDATING_S: u64 = 60;
/// More than the SDK's tries of one call, and fewer than those of two deliveries.
const AN_ATTEMPTS_TRIES: u64 = 4;

/// The guard's properties.
#[derive(Clone)]
struct Domain {
    name: &'static str,
    zone: String,
}

impl Domain {
    /// The one that the provider was installed with.
    fn installed(world: &World) -> Self {
        Self {
            name: DOMAIN_NAME,
            zone: world.provider().hosted_zone_id.clone(),
        }
    }

    /// Another name, in a zone of its own.
    fn other(world: &World) -> Self {
        let input = json!({
            "path": "/2013-04-01/hostedzone",
            "body": {"Name": OTHER, "CallerReference": OTHER},
        });
        let account = world.account();
        let made = account.perform(Service::Route53, "CreateHostedZone", input);
        let id = &made.unwrap()["CreateHostedZoneResponse"]["HostedZone"]["Id"];
        Self {
            name: OTHER,
            zone: id.as_str().unwrap().replace("/hostedzone/", ""),
        }
    }

    fn properties(&self) -> Value {
        json!({"DomainName": self.name, "HostedZoneId": self.zone})
    }

    /// CloudFormation updates the function.
    fn configure(&self, world: &World) {
        world.configure("EXPRESS_DOMAIN_NAME", self.name);
        world.configure("EXPRESS_HOSTED_ZONE_ID", &self.zone);
    }
}

/// What the guard answers.
fn answered(world: &World, request_type: RequestType, new: &Value, old: &Value) -> Value {
    let id = (request_type != RequestType::Create).then_some("express-provider-guard");
    let provider = world.stack("express-provider");
    let mut event = provider.event(request_type, id, &web());
    event["ResourceType"] = guard::RESOURCE_TYPE.into();
    event["ResourceProperties"] = new.clone();
    event["OldResourceProperties"] = old.clone();
    let url = event["ResponseURL"].clone();
    world.deliver(event);
    world.settle();
    let received = world.account().cloud().response_sink.received.clone();
    let answer = received.iter().find(|put| url == put.url.as_str()).unwrap();
    serde_json::from_str(&answer.body).unwrap()
}

/// The provider's stack goes from one domain to another; what its guard says to that.
fn update(world: &World, from: &Domain, to: &Domain) -> Value {
    to.configure(world);
    let (new, old) = (to.properties(), from.properties());
    answered(world, RequestType::Update, &new, &old)
}

fn install(world: &World) -> Domain {
    let domain = Domain::installed(world);
    let made = domain.properties();
    let answer = answered(world, RequestType::Create, &made, &Value::Null);
    assert_eq!(answer["Status"], "SUCCESS");
    domain
}

fn refused(answer: &Value, host: &str) {
    let reason = answer["Reason"].as_str().unwrap_or_default();
    assert_eq!(answer["Status"], "FAILED", "{answer}");
    assert!(reason.starts_with("ResourceConflict: "), "{reason}");
    assert!(reason.contains(host), "{reason}");
}

/// The domain that the ledger has.
fn accepted(world: &World) -> Value {
    account::ledger_item(world.account(), "provider#domain")["name"]["S"].clone()
}

/// Host names that lead somewhere.
fn hosts(world: &World) -> Vec<String> {
    let inventory = world.inventory();
    let records = inventory.of(Kind::RecordSet);
    let hosts = records.filter(|(_, item)| item.description["Type"] == "A");
    hosts.map(|(_, item)| item.name.clone()).collect()
}

#[test]
fn the_domain_stays_while_a_service_has_its_name_below_it() {
    let world = World::new();
    let installed = install(&world);
    let stack = world.with_service("app", &web());
    let other = Domain::other(&world);
    let moved = Domain {
        name: DOMAIN_NAME,
        ..other.clone()
    };
    let above = Domain {
        name: "example.com",
        ..installed.clone()
    };
    for changed in [&other, &moved, &above] {
        refused(
            &update(&world, &installed, changed),
            "`web.apps.example.com`",
        );
        // CloudFormation takes the update back.
        let answer = update(&world, changed, &installed);
        assert_eq!(answer["Status"], "SUCCESS", "{answer}");
    }
    let mut properties = installed.properties();
    properties["CertificateArn"] = json!("another");
    let old = installed.properties();
    let answer = answered(&world, RequestType::Update, &properties, &old);
    assert_eq!(answer["Status"], "SUCCESS", "{answer}");

    assert_eq!(stack.delete_now().status, DeleteComplete);
    world.settle();
    let answer = update(&world, &installed, &other);
    assert_eq!(answer["Status"], "SUCCESS", "{answer}");
    let created = stack.deploy_now(Template::of(&web()));
    assert_eq!(created.status, CreateComplete);
    assert_eq!(
        created.first().data["Endpoint"],
        "https://web.new.example.com"
    );
    assert_eq!(stack.delete_now().status, DeleteComplete);
}

/// Whoever may deploy services may also send the function a guard of his own.
#[test]
fn a_guard_of_somebody_elses_template_does_not_change_the_domain() {
    let world = World::new();
    let installed = install(&world);
    let theirs = [
        json!({"DomainName": OTHER}),
        json!({"DomainName": DOMAIN_NAME, "HostedZoneId": "Z0123456789"}),
    ];
    for properties in theirs {
        let answer = answered(&world, RequestType::Create, &properties, &Value::Null);
        refused(&answer, "the function serves `apps.example.com`");
    }
    assert_eq!(accepted(&world), DOMAIN_NAME);
    let _stack = world.with_service("app", &web());
    let same = answered(
        &world,
        RequestType::Create,
        &installed.properties(),
        &Value::Null,
    );
    assert_eq!(same["Status"], "SUCCESS");
}

#[test]
fn no_service_is_made_before_the_provider_has_accepted_its_domain() {
    let world = World::new();
    let installed = install(&world);
    let _neighbour = world.with_service("neighbour", &web().named("neighbour"));
    let before = (world.mutations(), hosts(&world));
    let other = Domain::other(&world);
    other.configure(&world);
    let stack = world.stack("app");
    let outcome = stack.deploy_now(Template::of(&web()));
    assert_eq!(outcome.status, RollbackComplete);
    let reason = &outcome.first().reason;
    assert!(reason.contains("`new.example.com`"), "{reason}");
    assert!(reason.contains("deploy again once"), "{reason}");
    assert_eq!((world.mutations(), hosts(&world)), before);

    refused(
        &update(&world, &installed, &other),
        "`neighbour.apps.example.com`",
    );
    let answer = update(&world, &other, &installed);
    assert_eq!(answer["Status"], "SUCCESS", "{answer}");
    let created = stack.deploy_now(Template::of(&web()));
    assert_eq!(created.status, CreateComplete);
}

#[test]
fn what_comes_while_the_domain_is_refused_waits_until_it_is_as_before() {
    let world = World::new();
    let installed = install(&world);
    let stack = world.with_service("app", &web());
    let leaving = world.with_service("leaving", &web().named("leaving"));
    let before = world.mutations();
    let other = Domain::other(&world);
    other.configure(&world);
    let changed = Template::of(&web().health_check_path("/up"));
    let updating = world.spawn(stack.clone().deploy(changed));
    let deleting = world.spawn(leaving.delete());
    world.block_on(world.sleep_s(UPDATING_S));
    assert_eq!(world.mutations(), before);
    installed.configure(&world);
    assert_eq!(world.block_on(updating).status, UpdateComplete);
    assert_eq!(world.block_on(deleting).status, DeleteComplete);
    assert_eq!(hosts(&world), ["web.apps.example.com A"]);
}

/// It counts from when the other domain was met, not from when the operation began.
#[test]
fn an_update_that_has_been_under_way_for_long_waits_as_well() {
    let world = World::new();
    let installed = install(&world);
    let linear = web().set("/Deployment/Strategy", "LINEAR");
    let stack = world.with_service("app", &linear);
    let changed = linear.image("public.ecr.aws/nginx/nginx:1.28");
    let updating = world.spawn(stack.deploy(Template::of(&changed)));
    world.block_on(world.sleep_s(LONG_S));
    Domain::other(&world).configure(&world);
    // Everything is looked at again after some polls.
    world.block_on(world.sleep_s(2 * UPDATING_S));
    installed.configure(&world);
    let outcome = world.block_on(updating);
    let reason = &outcome.first().reason;
    assert_eq!(outcome.status, UpdateComplete, "{reason}");
}

/// Longer than a request that has just begun may wait for the provider's domain to be as it was.
const LONG_S: u64 = 600;

/// As an older provider let it happen: nobody has refused the change.
#[test]
fn a_service_of_another_domain_is_neither_changed_nor_left_behind() {
    let world = World::new();
    let installed = Domain::installed(&world);
    let stack = world.with_service("app", &web());
    let (before, records) = (world.mutations(), hosts(&world));
    Domain::other(&world).configure(&world);
    let outcome = stack.deploy_now(Template::of(&web().health_check_path("/up")));
    assert_eq!(outcome.status, UpdateRollbackFailed);
    let reason = &outcome.first().reason;
    assert!(reason.contains("set `DomainName`"), "{reason}");
    assert_eq!(stack.delete_now().status, DeleteFailed);
    assert_eq!((world.mutations(), hosts(&world)), (before, records));
    installed.configure(&world);
    assert_eq!(stack.delete_now().status, DeleteComplete);
    assert_eq!(hosts(&world), Vec::<String>::new());
}

#[test]
fn a_provider_whose_guard_has_not_known_its_domain_is_updated() {
    let world = World::new();
    let installed = Domain::installed(&world);
    let old = json!({"CertificateArn": "arn"});
    let nothing = Value::Null;
    assert_eq!(
        answered(&world, RequestType::Create, &old, &nothing)["Status"],
        "SUCCESS"
    );
    let _stack = world.with_service("app", &web());
    let other = Domain::other(&world);
    refused(
        &answered(&world, RequestType::Update, &other.properties(), &old),
        "`web.",
    );
    // To the template of before, and then with the domain that it had.
    let back = answered(&world, RequestType::Update, &old, &other.properties());
    assert_eq!(back["Status"], "SUCCESS");
    let updated = answered(&world, RequestType::Update, &installed.properties(), &old);
    assert_eq!(updated["Status"], "SUCCESS");
}

#[test]
fn an_update_of_the_guard_that_arrives_late_accepts_nothing() {
    let world = World::new();
    let installed = Domain::installed(&world);
    let other = Domain::other(&world);
    install(&world);
    world.block_on(world.sleep_s(UPDATING_S));
    assert_eq!(update(&world, &installed, &other)["Status"], "SUCCESS");
    assert_eq!(accepted(&world), OTHER);
    let first = world.history().sent().next().cloned().unwrap();
    world.redeliver(first["RequestId"].as_str().unwrap());
    world.settle();
    assert_eq!(accepted(&world), OTHER);
}

#[test]
fn a_domain_that_could_not_be_noted_is_not_taken_for_accepted() {
    let world = World::new();
    let put = Some("dynamodb:PutItem");
    let fails = Rule::once(put, 0, Fault::ServerError).times(AN_ATTEMPTS_TRIES);
    world.faults().add(fails);
    install(&world);
    assert_eq!(accepted(&world), DOMAIN_NAME);
}

/// Somebody writes or deletes a record of type A.
fn change_record(world: &World, action: &str, host: &str) {
    let zone = &world.provider().hosted_zone_id;
    let input = json!({
        "path": format!("/2013-04-01/hostedzone/{zone}/rrset"),
        "body": {"ChangeBatch": {"Changes": {"Change": {
            "Action": action,
            "ResourceRecordSet": {"Name": host, "Type": "A", "TTL": "60",
                "ResourceRecords": {"ResourceRecord": {"Value": "192.0.2.1"}}},
        }}}},
    });
    let account = world.account();
    let changed = account.perform(Service::Route53, "ChangeResourceRecordSets", input);
    assert!(changed.is_ok(), "{changed:?}");
}

/// The provider as it was installed, with a service, while DNS was managed elsewhere; since then it has a zone.
fn with_a_zone_since(world: &World) -> Stack {
    world.configure("EXPRESS_HOSTED_ZONE_ID", "");
    let stack = world.with_service("app", &web());
    assert_eq!(hosts(world), Vec::<String>::new());
    let zone = world.provider().hosted_zone_id.clone();
    world.configure("EXPRESS_HOSTED_ZONE_ID", &zone);
    stack
}

#[test]
fn a_record_that_people_made_while_dns_was_elsewhere_is_not_overwritten() {
    let world = World::new();
    let stack = with_a_zone_since(&world);
    let host = world.provider().host("web");
    change_record(&world, "CREATE", &host);
    world.remember_as_foreign(Kind::RecordSet, "web.apps.example.com A");
    let mutations = world.mutations();
    let outcome = stack.deploy_now(Template::of(&web().health_check_path("/up")));
    let reason = &outcome.first().reason;
    assert!(reason.starts_with("AlreadyExists: "), "{reason}");
    assert!(reason.contains("`web.apps.example.com`"), "{reason}");
    // The way back is an Update as well, to what is there.
    assert_eq!(outcome.status, UpdateRollbackComplete);
    world.settle();
    assert_eq!(world.mutations(), mutations);

    world.forget_foreign(Kind::RecordSet, "web.apps.example.com A");
    change_record(&world, "DELETE", &host);
    assert_eq!(stack.update_unchanged_now().status, UpdateComplete);
    assert_eq!(hosts(&world), ["web.apps.example.com A"]);
    assert_eq!(stack.delete_now().status, DeleteComplete);
    assert_eq!(hosts(&world), Vec::<String>::new());
}

#[test]
fn a_record_that_appears_while_the_service_gets_its_own_is_not_overwritten() {
    let world = World::new();
    let stack = with_a_zone_since(&world);
    // The one that the service has come to look like before it is refused: it is looked at again, and is not its own.
    let late = Rule::once(
        Some("route53:ChangeResourceRecordSets"),
        0,
        Fault::CrashBefore,
    );
    world.faults().add(late);
    let updating = world.spawn(stack.clone().update_unchanged());
    world.block_on(world.sleep_s(5));
    change_record(&world, "CREATE", &world.provider().host("web"));
    world.remember_as_foreign(Kind::RecordSet, "web.apps.example.com A");
    let outcome = world.block_on(updating);
    assert_eq!(outcome.status, UpdateRollbackFailed);
    let reason = &outcome.first().reason;
    assert!(reason.starts_with("AlreadyExists: "), "{reason}");
}

#[test]
fn a_record_of_the_service_that_leads_elsewhere_is_repaired() {
    let world = World::new();
    let stack = world.with_service("app", &web());
    change_record(&world, "UPSERT", &world.provider().host("web"));
    assert_eq!(stack.update_unchanged_now().status, UpdateComplete);
    let inventory = world.inventory();
    let mut records = inventory.of(Kind::RecordSet);
    let found = records.find(|(_, record)| record.name == "web.apps.example.com A");
    let description = &found.expect("a record").1.description;
    assert!(description["AliasTarget"].is_object(), "{description}");
}

#[test]
fn a_service_whose_hosted_zone_was_deleted_can_be_deleted() {
    let world = World::new();
    let stack = world.with_service("app", &web());
    for (id, _) in world.inventory().of(Kind::RecordSet) {
        world.forget_foreign(Kind::RecordSet, id);
    }
    world.account().cloud().route53.zones.clear();
    let changed = stack.deploy_now(Template::of(&web().health_check_path("/up")));
    assert_eq!(changed.status, UpdateRollbackFailed);
    let reason = &changed.first().reason;
    assert!(reason.contains("NoSuchHostedZone"), "{reason}");
    let deleted = stack.delete_now();
    assert_eq!(deleted.status, DeleteComplete, "{}", deleted.last().reason);
    world.settle();
    // Nothing keeps the zone: the provider may have another one now.
    let installed = Domain::installed(&world);
    let other = Domain::other(&world);
    let answer = update(&world, &installed, &other);
    assert_eq!(answer["Status"], "SUCCESS", "{answer}");
}
