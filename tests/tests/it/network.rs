//! What happens to the network around load balancers that services share.

use std::collections::BTreeSet;

use express_tests::account::{Item, Kind};
use express_tests::network::{added_beside, make_public, private_subnets, replaced};
use express_tests::{ServiceProperties, StackStatus, Template, World, web};
use local_aws::fault::{Fault, Rule};
use local_aws::wire::Service;
use serde_json::json;

/// When a load balancer that was deleted has no network interfaces any more, in seconds.
const INTERFACES_GONE_AFTER_S: u64 = 600;

/// A service whose tasks are in these subnets.
fn in_subnets(name: &str, subnets: &[String]) -> ServiceProperties {
    web()
        .named(name)
        .set("/NetworkConfiguration/Subnets", json!(subnets))
}

/// A service whose tasks are in the default subnets, and its load balancer in private ones.
fn behind_private_subnets(name: &str) -> ServiceProperties {
    web().named(name).set("/LoadBalancer/Scheme", "internal")
}

/// Creates the service in a stack of its own.
fn create(world: &World, name: &str, properties: &ServiceProperties) -> express_tests::Stack {
    let stack = world.stack(name);
    let outcome = stack.clone().deploy_now(Template::of(properties));
    let (status, reason) = (outcome.status, &outcome.first().reason);
    assert_eq!(status, StackStatus::CreateComplete, "{reason}");
    world.settle();
    stack
}

/// Name and subnets of the only load balancer.
fn balancer(world: &World) -> (String, BTreeSet<String>) {
    let inventory = world.inventory();
    let found: Vec<(&str, &Item)> = inventory.of(Kind::LoadBalancer).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    let (_, item) = found[0];
    let zones = item.description["AvailabilityZones"].as_array();
    let zones = zones.into_iter().flatten();
    let subnets = zones.map(|zone| zone["SubnetId"].as_str().unwrap().to_owned());
    (item.name.clone(), subnets.collect())
}

#[test]
fn a_load_balancer_that_is_opened_later_is_in_no_subnet_of_one_that_was_closed() {
    let world = World::new();
    let mut subnets = private_subnets(&world);
    let first = create(&world, "first", &in_subnets("first", &subnets));
    let (name, _) = balancer(&world);
    assert!(name.ends_with("-1"), "{name}");
    assert_eq!(first.delete_now().status, StackStatus::DeleteComplete);
    world.settle();
    // One subnet is replaced, the routes of another change, the third is nobody's any more.
    subnets[0] = replaced(&world, &subnets[0]);
    make_public(&world, &subnets[1]);
    let left = [subnets[0].clone(), subnets[2].clone()];
    create(&world, "second", &in_subnets("second", &left));
    let (name, used) = balancer(&world);
    assert!(name.ends_with("-2"), "{name}");
    assert_eq!(used, BTreeSet::from(left));
}

/// Two services behind one load balancer, which people delete before the second one comes; then `change` happens. The
/// subnets that the first one had written.
fn second_finds_none(change: impl FnOnce(&World, &[String])) -> (Vec<String>, World) {
    let world = World::new();
    let subnets = private_subnets(&world);
    create(&world, "first", &behind_private_subnets("first"));
    let inventory = world.inventory();
    let (arn, _) = inventory.of(Kind::LoadBalancer).next().unwrap();
    let input = json!({"LoadBalancerArn": arn});
    let deleted =
        world
            .account()
            .perform(Service::ElasticLoadBalancing, "DeleteLoadBalancer", input);
    assert!(deleted.is_ok(), "{deleted:?}");
    world.block_on(world.sleep_s(INTERFACES_GONE_AFTER_S));
    change(&world, &subnets);
    create(&world, "second", &behind_private_subnets("second"));
    (subnets, world)
}

#[test]
fn who_makes_a_load_balancer_again_leaves_out_subnets_that_are_gone() {
    let (subnets, world) = second_finds_none(|world, subnets| {
        replaced(world, &subnets[0]);
    });
    let (name, used) = balancer(&world);
    assert!(name.ends_with("-1"), "{name}");
    assert!(!used.contains(&subnets[0]), "{used:?}");
    assert_eq!(used.len(), subnets.len());
    // The ledger has them too: whoever comes asks for the same.
    let ledger = express_tests::account::ledger(world.account());
    let item = ledger.iter().find(|item| {
        let pk = item["pk"]["S"].as_str();
        pk.is_some_and(|pk| pk.starts_with("load-balancer#"))
    });
    let held = item.and_then(|item| item["subnets"]["M"].as_object());
    let held = held.into_iter().flatten();
    let held = held.filter_map(|(_, subnet)| subnet["S"].as_str());
    assert_eq!(held.map(str::to_owned).collect::<BTreeSet<_>>(), used);
}

#[test]
fn who_makes_a_load_balancer_again_leaves_out_subnets_whose_routes_have_changed() {
    let (subnets, world) = second_finds_none(|world, subnets| {
        added_beside(world, &subnets[0]);
        make_public(world, &subnets[0]);
    });
    let (_, used) = balancer(&world);
    assert!(!used.contains(&subnets[0]), "{used:?}");
    assert_eq!(used.len(), subnets.len());
}

#[test]
fn a_zone_that_was_asked_for_in_vain_can_be_added_with_another_subnet() {
    let world = World::new();
    let mut subnets = private_subnets(&world);
    create(&world, "first", &in_subnets("first", &subnets[..2]));
    let never = Rule::once(Some("elasticloadbalancing:SetSubnets"), 0, Fault::Deny).times(u64::MAX);
    world.faults().add(never);
    let second = Template::of(&in_subnets("second", &subnets));
    let outcome = world.stack("second").deploy_now(second);
    assert_eq!(outcome.status, StackStatus::RollbackComplete);
    world.settle();
    world.faults().clear();
    subnets[2] = replaced(&world, &subnets[2]);
    create(&world, "third", &in_subnets("third", &subnets));
    let (_, used) = balancer(&world);
    assert_eq!(used, BTreeSet::from_iter(subnets));
}
