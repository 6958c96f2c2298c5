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
fn case_45_a_load_balancer_that_people_use_as_well_is_not_closed() {
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

/// The rollback alarm of the only service.
fn alarm(world: &World) -> Value {
    let inventory = world.inventory();
    let mut alarms = inventory.of(Kind::MetricAlarm);
    let is_ours = |name: &str| name.starts_with("express-") && name.ends_with("-rollback");
    let found = alarms.find(|(_, alarm)| is_ours(&alarm.name));
    found.expect("an alarm").1.description.clone()
}

/// What the alarm does, and which groups it looks at.
fn does(alarm: &Value) -> [&Value; 3] {
    ["AlarmActions", "OKActions", "InsufficientDataActions"].map(|name| &alarm[name])
}

#[test]
fn what_people_have_the_rollback_alarm_do_survives_deployments_and_sweeps() {
    let world = World::new();
    let stack = world.with_service("app", &web());
    let topic = |name: &str| json!([format!("arn:aws:sns:eu-west-1:123456789012:{name}")]);
    let mut noisy = alarm(&world);
    let put = noisy.as_object_mut().expect("an object");
    put.retain(|name, _| !name.starts_with("State") && name != "AlarmArn" && name != "Dimensions");
    put.remove("AlarmConfigurationUpdatedTimestamp");
    let theirs = [topic("page"), topic("calm"), json!([])];
    put.insert("AlarmActions".to_owned(), theirs[0].clone());
    put.insert("OKActions".to_owned(), theirs[1].clone());
    done(&world, Service::CloudWatch, "PutMetricAlarm", noisy);
    let before = alarm(&world);
    assert_eq!(does(&before), theirs.each_ref());

    let changed = Template::of(&web().image("public.ecr.aws/nginx/nginx:1.28"));
    assert_eq!(stack.deploy_now(changed).status, UpdateComplete);
    let deployed = alarm(&world);
    assert_ne!(
        deployed["Metrics"], before["Metrics"],
        "another group is idle"
    );
    assert_eq!(does(&deployed), theirs.each_ref());

    let by_hand = json!({"service": "web", "forceNewDeployment": true});
    done(&world, Service::Ecs, "UpdateService", by_hand);
    world.block_on(world.sleep_s(600));
    world.deliver(json!({"sweep": true}));
    world.settle();
    let swept = alarm(&world);
    assert_ne!(
        swept["Metrics"], deployed["Metrics"],
        "another group is idle"
    );
    assert_eq!(does(&swept), theirs.each_ref());
}

#[test]
fn the_host_of_a_service_comes_back_into_its_rule_beside_what_people_have_there() {
    let world = World::new();
    let stack = world.with_service("app", &web());
    let rule = || {
        let inventory = world.inventory();
        let mut rules = inventory.of(Kind::ListenerRule);
        let found = rules.find(|(_, rule)| rule.tags.contains_key(TAG_OWNER));
        let (arn, rule) = found.expect("a rule");
        (arn.to_owned(), rule.description.clone())
    };
    let (arn, made) = rule();
    let conditions = |hosts: &[&str]| {
        json!([
            {"Field": "host-header", "HostHeaderConfig": {"Values": hosts}},
            {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/shop/*"]}},
        ])
    };
    let input = json!({"RuleArn": arn, "Conditions": conditions(&["shop.example.org"])});
    done(&world, ELB, "ModifyRule", input);
    assert_eq!(stack.update_unchanged_now().status, UpdateComplete);
    let (_, repaired) = rule();
    let found = &repaired["Conditions"];
    let hosts = json!(["shop.example.org", "web.apps.example.com"]);
    assert_eq!(found[0]["HostHeaderConfig"]["Values"], hosts);
    assert_eq!(found[1]["PathPatternConfig"]["Values"], json!(["/shop/*"]));
    assert_eq!(repaired["Actions"], made["Actions"]);
    let mutations = world.mutations();
    assert_eq!(stack.update_unchanged_now().status, UpdateComplete);
    assert_eq!(world.mutations(), mutations);
}

#[test]
fn the_grace_period_that_people_give_a_service_stays() {
    let world = World::new();
    let stack = world.with_service("app", &web());
    let grace = || world.active_service()["healthCheckGracePeriodSeconds"].clone();
    assert_eq!(grace(), 300);
    let input = json!({"service": "web", "healthCheckGracePeriodSeconds": 900});
    done(&world, Service::Ecs, "UpdateService", input);
    let mutations = world.mutations();
    assert_eq!(stack.update_unchanged_now().status, UpdateComplete);
    assert_eq!(world.mutations(), mutations);
    let deployed = web().image("public.ecr.aws/nginx/nginx:1.28");
    let strategy = json!({"Strategy": "BLUE_GREEN", "BakeTimeInMinutes": 6});
    for changed in [deployed.clone(), deployed.set("/Deployment", strategy)] {
        let outcome = stack.deploy_now(Template::of(&changed));
        assert_eq!(outcome.status, UpdateComplete);
        assert_eq!(grace(), 900);
    }
}
