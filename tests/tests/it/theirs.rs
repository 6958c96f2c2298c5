//! What people set up by hand around a service, and what is theirs of it: it is neither overwritten nor destroyed.

use express_core::naming::TAG_OWNER;
use express_tests::account::Kind;
use express_tests::{StackStatus, World, web};
use local_aws::wire::Service;
use serde_json::{Value, json};

use StackStatus::DeleteComplete;

const ELB: Service = Service::ElasticLoadBalancing;

fn done(world: &World, service: Service, operation: &str, input: Value) -> Value {
    let answer = world.account().perform(service, operation, input);
    answer.unwrap_or_else(|refusal| panic!("{operation}: {refusal:?}"))
}

/// ARN of the listener on a port of the only load balancer.
fn listener(world: &World, port: u16) -> String {
    let inventory = world.inventory();
    let mut listeners = inventory.of(Kind::Listener);
    let end = format!(":{port}");
    let found = listeners.find(|(_, listener)| listener.name.ends_with(&end));
    found.expect("a listener").0.to_owned()
}

/// A page of people's own, as an action.
fn page() -> Value {
    let config = json!({"StatusCode": "503", "MessageBody": "Come back later"});
    json!([{"Type": "fixed-response", "FixedResponseConfig": config}])
}

/// What people do to a load balancer that is shared, and what the log says of it once it is empty.
type Use = (fn(&World), &'static str);

const USES: [Use; 5] = [
    (
        |world| {
            let inventory = world.inventory();
            let (balancer, _) = inventory.of(Kind::LoadBalancer).next().unwrap();
            let input = json!({
                "LoadBalancerArn": balancer, "Protocol": "HTTP", "Port": 8443,
                "DefaultActions": page(),
            });
            done(world, ELB, "CreateListener", input);
        },
        "it has a listener on a port of its own",
    ),
    (
        |world| {
            let input = json!({"ListenerArn": listener(world, 443), "DefaultActions": page()});
            done(world, ELB, "ModifyListener", input);
        },
        "a listener has a default action of its own",
    ),
    (
        |world| {
            let input = json!({"ListenerArn": listener(world, 80), "DefaultActions": page()});
            done(world, ELB, "ModifyListener", input);
        },
        "a listener has a default action of its own",
    ),
    (
        |world| {
            let input = json!({
                "ListenerArn": listener(world, 80), "Priority": "7", "Actions": page(),
                "Conditions": [{"Field": "path-pattern", "Values": ["/people"]}],
            });
            done(world, ELB, "CreateRule", input);
        },
        "a listener has rules of its own",
    ),
    (
        |world| {
            let further = world.renew_certificate();
            let input = json!({
                "ListenerArn": listener(world, 443), "Certificates": [{"CertificateArn": further}],
            });
            done(world, ELB, "AddListenerCertificates", input);
        },
        "a listener has further certificates",
    ),
];

/// What the account has of shared load balancers and is of no service, as it is described.
fn shared(world: &World) -> Vec<(String, Value)> {
    let inventory = world.inventory();
    let kinds = [Kind::LoadBalancer, Kind::Listener, Kind::ListenerRule];
    let parts = kinds.into_iter().flat_map(|kind| inventory.of(kind));
    parts
        .filter(|(_, item)| !item.tags.contains_key(TAG_OWNER))
        .map(|(id, item)| (id.to_owned(), item.description.clone()))
        .collect()
}

#[test]
fn a_load_balancer_that_people_use_as_well_is_not_closed() {
    for (use_it, reason) in USES {
        let world = World::new();
        let stack = world.with_service("app", &web());
        let before = world.inventory();
        use_it(&world);
        let theirs = world.inventory().items.into_keys();
        for (kind, id) in theirs.filter(|key| !before.items.contains_key(key)) {
            world.remember_as_foreign(kind, &id);
        }
        let used = shared(&world);
        assert_eq!(stack.delete_now().status, DeleteComplete, "{reason}");
        world.settle();
        assert_eq!(shared(&world), used, "{reason}");
        let logs = world.logs().text();
        let is_told = logs.contains("pool.kept") && logs.contains(reason);
        assert!(is_told, "{reason}");
    }
}
