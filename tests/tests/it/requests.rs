//! What a client of the service sees while it is created, deployed, changed and rolled back: no failed request.

use express_tests::client::Client;
use express_tests::{ServiceProperties, Stack, StackStatus, Template, World, web};
use local_aws::ec2::NetworkInterface;
use serde_json::{Value, json};

use StackStatus::{CreateComplete, UpdateComplete, UpdateRollbackComplete};

const HOST: &str = "web.apps.example.com";
/// How long the client goes on after an answer: what a deployment leaves behind is gone by then.
const AFTERWARDS_S: u64 = 180;

const STRATEGIES: [&str; 4] = ["CANARY", "LINEAR", "BLUE_GREEN", "ROLLING"];

fn newer() -> ServiceProperties {
    web().image("public.ecr.aws/nginx/nginx:1.28")
}

fn by(properties: ServiceProperties, strategy: &str) -> ServiceProperties {
    properties.set("/Deployment/Strategy", strategy)
}

/// With fewer and shorter steps: two deployments one after the other must fit into an Update's hour.
fn quickly(properties: ServiceProperties, strategy: &str) -> ServiceProperties {
    let properties = by(properties, strategy);
    if strategy == "LINEAR" {
        let steps = json!({"StepPercent": 40, "StepBakeTimeInMinutes": 2});
        properties.set("/Deployment/LinearConfiguration", steps)
    } else {
        properties
    }
}

/// Updates the stack under the eyes of a client, which has to be content.
fn update(world: &World, stack: &Stack, properties: &ServiceProperties, expected: StackStatus) {
    let client = Client::visits(world, HOST);
    let outcome = stack.deploy_now(Template::of(properties));
    assert_eq!(outcome.status, expected, "{}", outcome.first().reason);
    world.block_on(world.sleep_s(AFTERWARDS_S));
    client.leaves_unharmed();
    world.settle();
}

#[test]
fn from_the_answer_to_the_create_on_every_request_is_served() {
    for strategy in STRATEGIES {
        let world = World::new();
        let client = Client::visits(&world, HOST);
        let stack = world.stack("app");
        let outcome = stack.deploy_now(Template::of(&by(web(), strategy)));
        assert_eq!(outcome.status, CreateComplete, "{strategy}");
        assert!(
            !client.failures().is_empty(),
            "before that there was nothing"
        );
        world.block_on(world.sleep_s(AFTERWARDS_S));
        client.leaves_unharmed_since(outcome.first().seen_ms);
    }
}

#[test]
fn every_strategy_deploys_without_a_failed_request() {
    for strategy in STRATEGIES {
        for tasks in [1, 3] {
            let scaled = |properties: ServiceProperties| {
                properties.set(
                    "/ScalingTarget",
                    json!({"MinTaskCount": tasks, "MaxTaskCount": 4}),
                )
            };
            let world = World::new();
            let stack = world.with_service("app", &scaled(by(web(), strategy)));
            update(
                &world,
                &stack,
                &scaled(by(newer(), strategy)),
                UpdateComplete,
            );
        }
    }
}

#[test]
fn another_container_port_costs_no_request() {
    for strategy in STRATEGIES {
        let world = World::new();
        let stack = world.with_service("app", &by(web(), strategy));
        let moved = by(web(), strategy).set("/PrimaryContainer/ContainerPort", 8080);
        update(&world, &stack, &moved, UpdateComplete);
    }
}

#[test]
fn other_subnets_of_the_vpc_cost_no_request() {
    for strategy in STRATEGIES {
        let world = World::new();
        let subnet = world.subnets();
        let within =
            |ids: &[&String]| by(web(), strategy).set("/NetworkConfiguration/Subnets", json!(ids));
        let stack = world.with_service("app", &within(&[&subnet[0], &subnet[1]]));
        let moved = within(&[&subnet[1], &subnet[2]]);
        update(&world, &stack, &moved, UpdateComplete);
    }
}

#[test]
fn another_strategy_in_the_middle_of_a_swap_costs_no_request() {
    for seconds in [3, 40, 90, 200] {
        for (first, second) in [
            ("CANARY", "LINEAR"),
            ("LINEAR", "ROLLING"),
            ("ROLLING", "BLUE_GREEN"),
            ("BLUE_GREEN", "CANARY"),
        ] {
            let world = World::new();
            let stack = world.with_service("app", &quickly(web(), first));
            let client = Client::visits(&world, HOST);
            let cancelled = Template::of(&quickly(newer(), first)).sibling_fails_after(seconds);
            let outcome = stack.deploy_now(cancelled);
            assert_eq!(outcome.status, UpdateRollbackComplete, "{first} {seconds}");
            let outcome = stack.deploy_now(Template::of(&quickly(newer(), second)));
            assert_eq!(outcome.status, UpdateComplete, "{second} {seconds}");
            world.block_on(world.sleep_s(AFTERWARDS_S));
            client.leaves_unharmed();
        }
    }
}

#[test]
fn nobody_is_sent_to_an_image_that_does_not_work() {
    for strategy in STRATEGIES {
        for image in ["demo/crash", "demo/unhealthy", "demo/missing"] {
            let world = World::new();
            let stack = world.with_service("app", &by(web(), strategy));
            let broken = by(web(), strategy).image(image);
            update(&world, &stack, &broken, UpdateRollbackComplete);
        }
    }
}

/// The service's rule, as DescribeRules tells it.
fn rule(world: &World) -> Value {
    let inventory = world.inventory();
    let mut rules = inventory.of(express_tests::account::Kind::ListenerRule);
    let found = rules.find(|(_, rule)| rule.description["Priority"] != "default");
    found.unwrap().1.description.clone()
}

/// What a client sees of a service after something was done to it.
fn failures_after(done: impl Fn(&World)) -> Vec<String> {
    let world = World::new();
    let _stack = world.with_service("app", &web());
    let client = Client::visits(&world, HOST);
    world.block_on(world.sleep_s(5));
    assert_eq!(client.failures(), []);
    done(&world);
    world.block_on(world.sleep_s(5));
    client.leaves();
    let failures = client.failures();
    failures.into_iter().map(|failure| failure.reason).collect()
}

#[test]
fn the_client_sees_every_way_in_which_a_request_can_fail() {
    let perform = |world: &World, operation: &str, input: Value| {
        let service = local_aws::wire::Service::ElasticLoadBalancing;
        world.account().perform(service, operation, input).unwrap();
    };
    let no_rule = failures_after(|world| {
        perform(
            world,
            "DeleteRule",
            json!({"RuleArn": rule(world)["RuleArn"]}),
        );
    });
    assert!(no_rule[0].contains("has no rule for"), "{no_rule:?}");
    let wrong_group = failures_after(|world| {
        let rule = rule(world);
        let mut actions = rule["Actions"].clone();
        let groups = actions[0]["ForwardConfig"]["TargetGroups"]
            .as_array_mut()
            .unwrap();
        for group in groups {
            let weight = group["Weight"].as_u64().unwrap();
            group["Weight"] = json!(100 - weight);
        }
        actions[0].as_object_mut().unwrap().remove("TargetGroupArn");
        perform(
            world,
            "ModifyRule",
            json!({"RuleArn": rule["RuleArn"], "Actions": actions}),
        );
    });
    assert!(
        wrong_group[0].contains("has a weight and no healthy target"),
        "{wrong_group:?}"
    );
    let closed = failures_after(|world| {
        let mut cloud = world.account().cloud();
        let interfaces = cloud.ec2.network_interfaces.values_mut();
        let of_task =
            |interface: &&mut NetworkInterface| interface.description.contains("attachment/");
        for interface in interfaces.filter(of_task) {
            interface.group_ids.clear();
        }
    });
    assert!(closed[0].contains("cannot be reached"), "{closed:?}");
    let no_name = failures_after(|world| {
        let mut cloud = world.account().cloud();
        cloud.route53.zones.clear();
    });
    assert!(no_name[0].contains("has no address"), "{no_name:?}");
}
