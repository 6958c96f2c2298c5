//! What people set up by hand around a service, and what is theirs of it: it is neither overwritten nor destroyed.

use express_core::naming::TAG_OWNER;
use express_tests::account::Kind;
use express_tests::{StackStatus, Template, World, web};
use local_aws::wire::Service;
use serde_json::{Value, json};

use StackStatus::{DeleteComplete, UpdateComplete};

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

/// Id of the security group of the only load balancer, and whom it lets in.
fn front(world: &World) -> (String, Value) {
    let inventory = world.inventory();
    let balancer = inventory.of(Kind::LoadBalancer).next().expect("one").1;
    let id = balancer.description["SecurityGroups"][0].clone();
    let mut groups = inventory.of(Kind::SecurityGroup);
    let (id, group) = groups.find(|(group, _)| id == *group).expect("a group");
    (id.to_owned(), group.description["ipPermissions"].clone())
}

#[test]
fn a_load_balancer_that_people_have_shut_is_not_opened_by_a_neighbour() {
    let world = World::new();
    let stack = world.with_service("app", &web());
    let (group, permissions) = front(&world);
    assert_eq!(permissions.as_array().map(Vec::len), Some(2));
    let of_port = |port: u16| {
        json!({
            "IpProtocol": "tcp", "FromPort": port, "ToPort": port,
            "IpRanges": [{"CidrIp": "0.0.0.0/0"}],
        })
    };
    let input = json!({"GroupId": group, "IpPermissions": [of_port(443), of_port(80)]});
    done(&world, Service::Ec2, "RevokeSecurityGroupIngress", input);
    let shut = front(&world);
    assert_eq!(shut.1, json!([]));
    let neighbour = world.with_service("neighbour", &web().named("neighbour"));
    assert_eq!(front(&world), shut, "by a Create");
    assert_eq!(neighbour.update_unchanged_now().status, UpdateComplete);
    let changed = Template::of(&web().health_check_path("/up"));
    assert_eq!(stack.deploy_now(changed).status, UpdateComplete);
    assert_eq!(front(&world), shut, "by an Update");
}
