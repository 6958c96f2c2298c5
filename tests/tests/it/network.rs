//! What happens to the network around load balancers that services share.

use std::collections::BTreeSet;

use express_tests::account::{Item, Kind};
use express_tests::cloudformation::FailedCreate;
use express_tests::network::{self, added_beside, make_public, private_subnets, replaced, subnet};
use express_tests::{ServiceProperties, StackStatus, Template, World, web};
use local_aws::ec2::Subnet;
use local_aws::fault::{Fault, Rule};
use serde_json::{Value, json};

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

/// A firewall that is put in between, a gateway that is taken away: who changes an image only has not asked for a move.
#[test]
fn routes_that_change_under_the_same_subnets_move_no_service() {
    for changed in [1, 3] {
        let world = World::new();
        let subnets = private_subnets(&world);
        let properties = in_subnets("app", &subnets);
        let stack = create(&world, "app", &properties);
        let before = balancer(&world);
        for subnet in &subnets[..changed] {
            make_public(&world, subnet);
        }
        let updates = [
            properties.clone().health_check_path("/up"),
            properties.image("nginx:2"),
        ];
        for update in &updates {
            let outcome = stack.clone().deploy_now(Template::of(update));
            let (status, reason) = (outcome.status, &outcome.first().reason);
            assert_eq!(status, StackStatus::UpdateComplete, "{reason}");
            world.settle();
            assert_eq!(balancer(&world), before);
            let service = world.active_service();
            let network = &service["networkConfiguration"]["awsvpcConfiguration"];
            // Where the subnets lead there by themselves now, tasks have no other way to the internet.
            let expected = if changed == subnets.len() {
                "ENABLED"
            } else {
                "DISABLED"
            };
            assert_eq!(network["assignPublicIp"], expected);
        }
    }
}

/// The update to further subnets fails, because they and the others lead to different places by now; the way back knows
/// what the first ones said when the service came.
#[test]
fn the_way_back_to_subnets_whose_routes_have_changed_moves_no_service() {
    let world = World::new();
    let subnets = private_subnets(&world);
    let (first, all) = (
        in_subnets("app", &subnets[..2]),
        in_subnets("app", &subnets),
    );
    let stack = create(&world, "app", &first);
    let before = balancer(&world);
    for subnet in &subnets[..2] {
        make_public(&world, subnet);
    }
    let outcome = stack.deploy_now(Template::of(&all));
    assert_eq!(outcome.status, StackStatus::UpdateRollbackComplete);
    let reason = &outcome.first().reason;
    assert!(reason.contains("DependsOn"), "{reason}");
    world.settle();
    assert_eq!(balancer(&world), before);
}

/// The owner of a shared VPC sees the groups of those who take part in it, and a provider there gives its own the same
/// names.
#[test]
fn a_group_of_another_account_in_a_shared_vpc_is_not_taken_for_ours() {
    const THEIRS: &str = "sg-00000000000000000";
    let name = {
        let world = World::new();
        create(&world, "app", &web());
        balancer(&world).0
    };
    let world = World::new();
    let vpc_id = subnet(&world, &world.subnets()[0]).vpc_id;
    let input = json!({"GroupName": name, "GroupDescription": "theirs", "VpcId": vpc_id});
    let made = network::perform(&world, "CreateSecurityGroup", input);
    {
        let mut cloud = world.account().cloud();
        let groups = &mut cloud.ec2.security_groups;
        let mut theirs = groups.remove(made["groupId"].as_str().unwrap()).unwrap();
        theirs.id = THEIRS.to_owned();
        theirs.owner_id = "210987654321".to_owned();
        groups.insert(THEIRS.to_owned(), theirs);
    }
    world.remember_as_foreign(Kind::SecurityGroup, THEIRS);
    let before = world.inventory().without_what_stays();
    let stack = create(&world, "app", &web());
    assert_eq!(balancer(&world).0, name);
    let inventory = world.inventory();
    let (_, used) = inventory.of(Kind::LoadBalancer).next().unwrap();
    assert_ne!(used.description["SecurityGroups"][0], THEIRS);
    assert_eq!(stack.delete_now().status, StackStatus::DeleteComplete);
    world.settle();
    let after = world.inventory().without_what_stays();
    assert_eq!(before.diff(&after), Vec::<String>::new());
}

/// Two services behind one load balancer, which people delete before the second one comes; then `change` happens. The
/// subnets that the first one had written.
fn second_finds_none(change: impl FnOnce(&World, &[String])) -> (Vec<String>, World) {
    let world = World::new();
    let subnets = private_subnets(&world);
    create(&world, "first", &behind_private_subnets("first"));
    network::delete_load_balancer(&world);
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
    let item = express_tests::account::ledger_item(world.account(), "load-balancer#");
    let held = item["subnets"]["M"].as_object().into_iter().flatten();
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
fn who_makes_a_load_balancer_again_makes_it_in_the_zones_of_others_too() {
    let world = World::new();
    let subnets = private_subnets(&world);
    create(&world, "first", &in_subnets("first", &subnets[..2]));
    network::delete_load_balancer(&world);
    create(&world, "second", &in_subnets("second", &subnets[1..]));
    let (_, used) = balancer(&world);
    assert_eq!(used, BTreeSet::from_iter(subnets));
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

/// ELB takes no subnet as small as that, and the ledger still has it when the next service comes.
#[test]
fn a_subnet_in_which_no_load_balancer_has_room_is_in_nobody_else_s_way() {
    let world = World::new();
    let mut subnets = world.subnets();
    let third = subnet(&world, &subnets[2]);
    network::perform(&world, "DeleteSubnet", json!({"SubnetId": subnets[2]}));
    let small = network::create(&world, &third, "172.31.200.0/28");
    create(&world, "first", &in_subnets("first", &subnets[..2]));
    let refused = in_subnets("second", &[subnets[0].clone(), small]);
    let outcome = world.stack("second").deploy_now(Template::of(&refused));
    let reason = &outcome.first().reason;
    assert_eq!(outcome.status, StackStatus::RollbackComplete, "{reason}");
    assert!(reason.contains("Not enough IP space"), "{reason}");
    world.settle();
    subnets[2] = network::create(&world, &third, "172.31.201.0/24");
    create(&world, "third", &in_subnets("third", &subnets[1..]));
    let (_, used) = balancer(&world);
    assert_eq!(used, BTreeSet::from_iter(subnets));
}

/// What ELB says of a subnet in a zone in which it makes no load balancers.
const NO_SUCH_ZONE: Fault = Fault::Refuse(
    "AvailabilityZoneNotSupported",
    "The specified Availability Zone is not supported",
);

/// The subnets that were asked for in calls of this name, the latest first.
fn asked_for(world: &World, operation: &str) -> Vec<BTreeSet<String>> {
    let recorder = world.account().recorder();
    let calls = recorder.calls().iter().rev();
    calls
        .filter(|call| call.operation == operation)
        .map(|call| {
            let subnets = call.input["Subnets"].as_array().unwrap();
            let ids = subnets.iter().map(|id| id.as_str().unwrap().to_owned());
            ids.collect()
        })
        .collect()
}

#[test]
fn a_subnet_that_elb_does_not_take_is_asked_for_by_nobody_else() {
    let world = World::new();
    let mut subnets = world.subnets();
    create(&world, "first", &in_subnets("first", &subnets[..2]));
    let call = Some("elasticloadbalancing:SetSubnets");
    world.faults().add(Rule::once(call, 0, NO_SUCH_ZONE));
    let refused = in_subnets("second", &subnets[1..]);
    let outcome = world.stack("second").deploy_now(Template::of(&refused));
    let reason = &outcome.first().reason;
    assert!(reason.contains("AvailabilityZoneNotSupported"), "{reason}");
    let beside = subnet(&world, &subnets[2]);
    subnets[2] = network::create(&world, &beside, "172.31.201.0/24");
    create(&world, "third", &in_subnets("third", &subnets[1..]));
    assert_eq!(
        asked_for(&world, "SetSubnets")[0],
        BTreeSet::from_iter(subnets)
    );
}

/// Whoever asked for it is on the load balancer still.
#[test]
fn a_subnet_that_elb_does_not_take_keeps_nobody_else_from_a_load_balancer_that_is_to_be_made() {
    let world = World::new();
    let subnets = world.subnets();
    let call = Some("elasticloadbalancing:CreateLoadBalancer");
    for nth in 0..2 {
        world.faults().add(Rule::once(call, nth, NO_SUCH_ZONE));
    }
    let refused = in_subnets("second", &subnets[..2]);
    let stack = world.stack("second");
    let preserved = stack.deploy_preserving(Template::of(&refused), FailedCreate::DeletedFirst);
    let outcome = world.block_on(preserved);
    assert_eq!(outcome.status, StackStatus::CreateFailed);
    let others = [subnets[0].clone(), subnets[2].clone()];
    create(&world, "third", &in_subnets("third", &others));
    let asked = asked_for(&world, "CreateLoadBalancer");
    assert_eq!(asked[1], BTreeSet::from_iter(subnets[..2].to_vec()));
    assert_eq!(asked[0], BTreeSet::from_iter(others));
}

/// Neither a quota nor a zone gets better by asking with other subnets again and again.
#[test]
fn who_meet_the_same_refusal_with_different_subnets_are_told_at_once() {
    let quota = Fault::Refuse("TooManyLoadBalancers", "The maximum number is reached");
    for (fault, told) in [
        (quota, "TooManyLoadBalancers"),
        (NO_SUCH_ZONE, "AvailabilityZoneNotSupported"),
    ] {
        let world = World::new();
        let subnets = world.subnets();
        let call = Some("elasticloadbalancing:CreateLoadBalancer");
        world
            .faults()
            .add(Rule::once(call, 0, fault).times(u64::MAX));
        // Its place keeps the load balancer open.
        let first = Template::of(&in_subnets("first", &subnets[..2]));
        let kept = world
            .stack("first")
            .deploy_preserving(first, FailedCreate::DeletedFirst);
        assert_eq!(world.block_on(kept).status, StackStatus::CreateFailed);
        let began_ms = world.now_ms();
        let others = [("second", [0, 2]), ("third", [1, 2])].map(|(name, places)| {
            let subnets = places.map(|place| subnets[place].clone());
            let template = Template::of(&in_subnets(name, &subnets));
            world.stack(name).deploy(template)
        });
        for outcome in world.block_on(futures::future::join_all(others)) {
            let reason = &outcome.first().reason;
            assert_eq!(outcome.status, StackStatus::RollbackComplete, "{reason}");
            assert!(reason.contains(told), "{reason}");
        }
        let took_ms = world.now_ms() - began_ms;
        assert!(took_ms < 300_000, "{told}: {took_ms} ms");
    }
}

/// What was asked for in vain is in the ledger still when somebody comes with another subnet of the same zone.
#[test]
fn a_subnet_that_elb_does_not_take_keeps_nobody_else_from_its_zone() {
    let world = World::new();
    let subnets = world.subnets();
    create(&world, "first", &in_subnets("first", &subnets[..2]));
    let call = Some("elasticloadbalancing:SetSubnets");
    world
        .faults()
        .add(Rule::once(call, 0, Fault::Deny).times(u64::MAX));
    let denied = Template::of(&in_subnets("second", &subnets[1..]));
    let outcome = world.stack("second").deploy_now(denied);
    assert_eq!(outcome.status, StackStatus::RollbackComplete);
    world.settle();
    world.faults().clear();
    world.faults().add(Rule::once(call, 0, NO_SUCH_ZONE));
    let beside = subnet(&world, &subnets[2]);
    let other = network::create(&world, &beside, "172.31.201.0/24");
    create(
        &world,
        "third",
        &in_subnets("third", &[subnets[1].clone(), other.clone()]),
    );
    let asked = asked_for(&world, "SetSubnets");
    assert_eq!(asked[1], BTreeSet::from_iter(subnets.clone()));
    let expected = [&subnets[0], &subnets[1], &other].map(Clone::clone);
    assert_eq!(asked[0], BTreeSet::from(expected));
}

/// A range that the VPC gets, from those that any VPC may have.
/// AWS: <https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html>
const FURTHER_RANGE: &str = "100.64.0.0/16";

/// Lets the VPC have a further range; subnets in it, beside these and with the main route table.
fn with_further_range(world: &World, beside: &[String]) -> Vec<String> {
    let beside: Vec<Subnet> = beside.iter().map(|id| subnet(world, id)).collect();
    {
        let mut cloud = world.account().cloud();
        let vpc = cloud.ec2.vpcs.get_mut(&beside[0].vpc_id).unwrap();
        vpc.further.push(FURTHER_RANGE.parse().unwrap());
    }
    let subnets = beside.iter().enumerate();
    subnets
        .map(|(block, beside)| network::create(world, beside, &format!("100.64.{block}.0/24")))
        .collect()
}

/// Rules of the load balancer's security group that are about a range, in or out.
fn rules(world: &World, direction: &str, range: &str) -> Vec<(Value, Value)> {
    let inventory = world.inventory();
    let mut groups = inventory.of(Kind::SecurityGroup);
    let is_of_pool = |item: &Item| item.tags.contains_key(express_core::naming::TAG_POOL);
    let (_, group) = groups.find(|(_, item)| is_of_pool(item)).unwrap();
    let permissions = group.description[direction].as_array();
    let permissions = permissions.into_iter().flatten();
    permissions
        .filter(|permission| permission["ipRanges"].to_string().contains(range))
        .map(|permission| (permission["fromPort"].clone(), permission["toPort"].clone()))
        .collect()
}

#[test]
fn a_service_in_a_further_range_of_the_vpc_is_reached_by_the_load_balancer_that_is_there() {
    let world = World::new();
    let subnets = world.subnets();
    create(&world, "first", &in_subnets("first", &subnets));
    let further = with_further_range(&world, &subnets);
    let second = create(&world, "second", &in_subnets("second", &further));
    balancer(&world);
    let everywhere = [(json!(0), json!(65_535))];
    for range in ["172.31.0.0/16", FURTHER_RANGE] {
        assert_eq!(rules(&world, "ipPermissionsEgress", range), everywhere);
    }
    assert_eq!(rules(&world, "ipPermissions", FURTHER_RANGE), []);
    // Others may need it.
    assert_eq!(second.delete_now().status, StackStatus::DeleteComplete);
    world.settle();
    assert_eq!(
        rules(&world, "ipPermissionsEgress", FURTHER_RANGE),
        everywhere
    );
}

#[test]
fn an_internal_load_balancer_lets_clients_of_a_further_range_in() {
    let world = World::new();
    let subnets = private_subnets(&world);
    create(&world, "first", &in_subnets("first", &subnets));
    let further = with_further_range(&world, &subnets);
    let second = in_subnets("second", &further).set("/LoadBalancer/Scheme", "internal");
    create(&world, "second", &second);
    balancer(&world);
    for range in ["172.31.0.0/16", FURTHER_RANGE] {
        let mut admitted = rules(&world, "ipPermissions", range);
        admitted.sort_by_key(|(port, _)| port.as_u64());
        let [http, https] = [80, 443].map(|port| (json!(port), json!(port)));
        assert_eq!(admitted, [http, https], "{range}");
    }
}

#[test]
fn an_unchanged_update_does_not_ask_for_the_ranges_of_the_vpc() {
    let world = World::new();
    let stack = create(&world, "first", &web().named("first"));
    with_further_range(&world, &world.subnets());
    let before = world.account().recorder().count();
    let unchanged = web().named("first").set("/ServiceTimeout", 3000);
    let outcome = stack.deploy_now(Template::of(&unchanged));
    assert_eq!(outcome.status, StackStatus::UpdateComplete);
    let recorder = world.account().recorder();
    let calls = recorder.since(before).unwrap();
    assert!(
        calls
            .iter()
            .any(|call| call.name() == "ec2:DescribeSecurityGroups")
    );
    assert!(calls.iter().all(|call| call.name() != "ec2:DescribeVpcs"));
}

#[test]
fn no_service_takes_the_targets_of_its_neighbours_and_one_that_has_more_can_be_changed() {
    let many = |name: &str| web().named(name).set("/ScalingTarget/MaxTaskCount", 300);
    let world = World::new();
    let refused = world.stack("new").deploy_now(Template::of(&many("new")));
    assert_eq!(refused.status, StackStatus::RollbackComplete);
    let reason = &refused.first().reason;
    assert!(
        reason.contains("260") && reason.contains("DEDICATED"),
        "{reason}"
    );
    // As if it had been made before there was a limit.
    let stack = create(&world, "old", &web().named("old"));
    let id = stack.resources()["Web"].physical_id.clone();
    world.deliver(stack.update_event(&id, &many("old"), &many("old")));
    world.settle();
    let inventory = world.inventory();
    let (_, target) = inventory.of(Kind::ScalableTarget).next().unwrap();
    assert_eq!(target.description["MaxCapacity"], 300);
}
