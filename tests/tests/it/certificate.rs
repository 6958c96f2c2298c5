//! Another certificate of the provider, and the listeners that have the one before.

use express_tests::cloudformation::StackOutcome;
use express_tests::{StackStatus, Template, World, web};
use local_aws::wire::Service;
use serde_json::{Value, json};

use StackStatus::{CreateComplete, DeleteComplete, UpdateComplete};

const ATTRIBUTE: &str = "ECSManagedResourceArns.IngressPath.CertificateArn";

/// Ports of the only load balancer's listeners, each with its default certificate.
fn certificates(world: &World) -> Vec<(Value, Value)> {
    let describe = |operation: &str, input: Value| {
        world
            .account()
            .perform(Service::ElasticLoadBalancing, operation, input)
            .unwrap()
    };
    let balancers = describe("DescribeLoadBalancers", json!({}));
    let [balancer] = balancers["LoadBalancers"].as_array().unwrap().as_slice() else {
        panic!("{balancers}");
    };
    let input = json!({"LoadBalancerArn": balancer["LoadBalancerArn"]});
    let listeners = describe("DescribeListeners", input);
    let mut found: Vec<(Value, Value)> = listeners["Listeners"]
        .as_array()
        .unwrap()
        .iter()
        .map(|listener| {
            let default = &listener["Certificates"][0]["CertificateArn"];
            (listener["Port"].clone(), default.clone())
        })
        .collect();
    found.sort_by_key(|(port, _)| port.as_u64());
    found
}

/// Both listeners, and what the attribute says.
fn check(world: &World, outcome: &StackOutcome, status: StackStatus, certificate_arn: &str) {
    let seen = outcome.first();
    assert_eq!(outcome.status, status, "{}", seen.reason);
    assert_eq!(seen.data[ATTRIBUTE], certificate_arn);
    let expected = [
        (json!(80), Value::Null),
        (json!(443), json!(certificate_arn)),
    ];
    assert_eq!(certificates(world), expected);
}

fn modified(world: &World) -> usize {
    let mutations = world.mutations();
    let calls = mutations
        .iter()
        .filter(|call| call.contains("ModifyListener"));
    calls.count()
}

#[test]
fn an_update_gives_the_listener_the_providers_new_certificate() {
    let world = World::new();
    let stack = world.stack("app");
    let created = stack.deploy_now(Template::of(&web()));
    let old = world.provider().environment["EXPRESS_CERTIFICATE_ARN"].clone();
    check(&world, &created, CreateComplete, &old);
    assert_eq!(stack.update_unchanged_now().status, UpdateComplete);
    assert_eq!(modified(&world), 0);

    let new = world.renew_certificate();
    assert_ne!(old, new);
    for _ in 0..2 {
        let updated = stack.update_unchanged_now();
        check(&world, &updated, UpdateComplete, &new);
        assert_eq!(modified(&world), 1, "once");
    }
    assert_eq!(stack.delete_now().status, DeleteComplete);
}

#[test]
fn a_create_gives_the_shared_listener_the_providers_new_certificate() {
    let world = World::new();
    let _neighbour = world.with_service("neighbour", &web().named("neighbour"));
    let new = world.renew_certificate();
    let created = world.stack("app").deploy_now(Template::of(&web()));
    check(&world, &created, CreateComplete, &new);
    assert_eq!(modified(&world), 1);
}

#[test]
fn a_certificate_that_is_gone_changes_no_listener() {
    let world = World::new();
    let stack = world.with_service("app", &web());
    let before = certificates(&world);
    let new = world.renew_certificate();
    let input = json!({"CertificateArn": new});
    let deleted = world
        .account()
        .perform(Service::Acm, "DeleteCertificate", input);
    assert!(deleted.is_ok());
    let outcome = stack.update_unchanged_now();
    let reason = &outcome.first().reason;
    assert!(reason.contains("SetListenerCertificate"), "{reason}");
    assert_eq!(certificates(&world), before);
}
