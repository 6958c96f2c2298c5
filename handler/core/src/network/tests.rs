//! Subnets, zones and routes, as data: `a1*` is subnet `a1` in zone `a` with a route to the internet.

use std::collections::{BTreeMap, BTreeSet};

use expect_test::{Expect, expect};
use proptest::prelude::*;
use provider_schema::{Properties, Scheme};
use serde_json::json;

use super::{
    FREE_ADDRESSES_MIN, RouteTable, Subnet, VpcFacts, ZONES_MIN, needs_all_subnets, resolve,
    usable_subnets,
};

/// Properties that name `subnets` and perhaps a scheme.
fn properties(subnets: &[&str], scheme: Option<Scheme>) -> Properties {
    let mut properties: Properties = serde_json::from_value(json!({
        "InfrastructureRoleArn": "arn:aws:iam::123456789012:role/infrastructure",
        "ExecutionRoleArn": "arn:aws:iam::123456789012:role/execution",
        "PrimaryContainer": {"Image": "web:1"},
    }))
    .expect("properties of the ledger's form");
    properties.network_configuration.subnets = subnets.iter().map(|id| (*id).to_owned()).collect();
    properties.load_balancer.scheme = scheme;
    properties
}

/// The subnet of a note: its first letter is its zone, a `*` at the end says that it is public.
fn subnet(note: &str) -> Subnet {
    let id = note.trim_end_matches('*');
    Subnet {
        id: id.to_owned(),
        vpc_id: "vpc-1".to_owned(),
        zone: id.chars().take(1).collect(),
        range: Some("10.0.0.0/24".to_owned()),
        free_addresses: 100,
    }
}

/// A VPC with `all` subnets, of which tasks run in `tasks`.
fn vpc(tasks: &[&str], all: &[&str]) -> VpcFacts {
    let public: Vec<String> = tasks
        .iter()
        .chain(all)
        .filter_map(|note| note.strip_suffix('*').map(str::to_owned))
        .collect();
    VpcFacts {
        task_subnets: tasks.iter().map(|note| subnet(note)).collect(),
        all_subnets: all.iter().map(|note| subnet(note)).collect(),
        route_tables: vec![
            RouteTable {
                is_main: true,
                subnet_ids: Vec::new(),
                leads_to_internet_gateway: false,
            },
            RouteTable {
                is_main: false,
                subnet_ids: public,
                leads_to_internet_gateway: true,
            },
        ],
    }
}

fn check(scheme: Option<Scheme>, facts: &VpcFacts, expect: Expect) {
    let text = match resolve(&properties(&[], scheme), facts, &[]) {
        Ok(network) => format!(
            "{} tasks={} publicIp={} balancer={}\n",
            super::scheme_name(network.scheme),
            network.subnet_ids.join(","),
            network.assign_public_ip,
            network
                .ingress_subnets
                .iter()
                .map(|(zone, subnet)| format!("{zone}:{subnet}"))
                .collect::<Vec<_>>()
                .join(","),
        ),
        Err(error) => format!("{}: {error}\n", error.class()),
    };
    expect.assert_eq(&text);
}

#[test]
fn scheme_follows_the_routes_of_the_subnets() {
    check(
        None,
        &vpc(&["b1*", "a1*"], &[]),
        expect![[r#"
        internet-facing tasks=a1,b1 publicIp=true balancer=a:a1,b:b1
    "#]],
    );
    check(
        None,
        &vpc(&["a1", "b1"], &[]),
        expect![[r#"
        internal tasks=a1,b1 publicIp=false balancer=a:a1,b:b1
    "#]],
    );
}

#[test]
fn subnets_without_ipv4_are_refused_and_take_no_load_balancer() {
    let without_ipv4 = |subnet: &mut Subnet| subnet.range = None;
    let mut tasks = vpc(&["a1*", "b1*", "c1*"], &[]);
    tasks.task_subnets[1..].iter_mut().for_each(without_ipv4);
    check(
        None,
        &tasks,
        expect![[r#"
            InvalidRequest: subnets `b1`, `c1` have no IPv4 addresses, by which a load balancer reaches its tasks; give subnets with an IPv4 range in `NetworkConfiguration.Subnets`
        "#]],
    );
    let mut others = vpc(&["a1", "b1"], &["a2*", "a3*", "b2*"]);
    others.all_subnets[..1].iter_mut().for_each(without_ipv4);
    check(
        Some(Scheme::InternetFacing),
        &others,
        expect![[r#"
            internet-facing tasks=a1,b1 publicIp=false balancer=a:a3,b:b2
        "#]],
    );
}

#[test]
fn what_the_routes_said_first_outlives_them() {
    let first = vpc(&["a1*", "b1*"], &[]);
    let asked = |scheme| properties(&["a1", "b1"], scheme);
    let cases = [
        // Nobody else's subnet is public: the tasks' own were.
        (vpc(&["a1", "b1"], &[]), ["a1", "b1"]),
        (vpc(&["a1*", "b1"], &[]), ["a1", "b1"]),
        (
            vpc(&["a1", "b1"], &["a1", "b1", "a2*", "b2*"]),
            ["a2", "b2"],
        ),
        (
            vpc(&["a1*", "b1"], &["a1*", "b1", "a2*", "b2*"]),
            ["a1", "b2"],
        ),
        (vpc(&["a1*", "b1*"], &["a1*", "b1*", "a0*"]), ["a1", "b1"]),
    ];
    for scheme in [None, Some(Scheme::InternetFacing)] {
        let came = resolve(&asked(scheme), &first, &[])
            .expect("a network")
            .reach;
        let known = [came];
        for (facts, balancer) in &cases {
            let network = resolve(&asked(scheme), facts, &known).expect("a network");
            assert_eq!(network.scheme, Scheme::InternetFacing, "{facts:?}");
            assert!(network.assign_public_ip, "{facts:?}");
            assert_eq!(network.reach, known[0], "{facts:?}");
            let chosen: Vec<_> = network.ingress_subnets.values().collect();
            assert_eq!(chosen, *balancer, "{facts:?}");
        }
        let private = vpc(&["a1", "b1"], &[]);
        assert!(needs_all_subnets(&asked(scheme), &private, &known));
        // Other subnets, or another scheme: today's routes tell.
        let others = properties(&["a1", "c1"], None);
        let other_scheme = scheme.xor(Some(Scheme::InternetFacing));
        for (other, facts) in [
            (others, vpc(&["a1", "c1"], &[])),
            (asked(Some(Scheme::Internal)), private.clone()),
        ] {
            let network = resolve(&other, &facts, &known).expect("a network");
            assert_eq!(network.scheme, Scheme::Internal);
            assert!(!network.assign_public_ip);
        }
        assert_eq!(
            resolve(&asked(other_scheme), &private, &known).is_err(),
            other_scheme.is_some()
        );
    }
    assert!(!needs_all_subnets(
        &asked(None),
        &vpc(&["a1", "b1"], &[]),
        &[]
    ));
}

#[test]
fn tasks_whose_subnets_lead_to_the_internet_by_now_get_addresses() {
    let asked = properties(&["a1", "b1"], Some(Scheme::Internal));
    let came = resolve(&asked, &vpc(&["a1", "b1"], &[]), &[]).expect("a network");
    assert!(!came.assign_public_ip);
    let facts = vpc(&["a1*", "b1*"], &["a1*", "b1*", "a2", "b2"]);
    let network = resolve(&asked, &facts, &[came.reach]).expect("a network");
    assert!(network.assign_public_ip);
}

#[test]
fn main_route_table_counts_for_subnets_without_their_own() {
    let mut facts = vpc(&["a1", "b1"], &[]);
    facts.route_tables[0].leads_to_internet_gateway = true;
    check(
        None,
        &facts,
        expect![[r#"
        internet-facing tasks=a1,b1 publicIp=true balancer=a:a1,b:b1
    "#]],
    );
    facts.route_tables.push(RouteTable {
        is_main: false,
        subnet_ids: vec!["a1".to_owned(), "b1".to_owned()],
        leads_to_internet_gateway: false,
    });
    check(
        None,
        &facts,
        expect![[r#"
        internal tasks=a1,b1 publicIp=false balancer=a:a1,b:b1
    "#]],
    );
}

#[test]
fn mixed_subnets_need_a_scheme() {
    let facts = vpc(&["a1*", "b1"], &["a1*", "b1", "b2*", "a2"]);
    check(
        None,
        &facts,
        expect![[r#"
            InvalidRequest: some of the subnets have a route to an internet gateway and some do not; set `LoadBalancer.Scheme`, or give subnets of one kind. Where the template makes the routes, let the service `DependsOn` them
        "#]],
    );
    check(
        Some(Scheme::InternetFacing),
        &facts,
        expect![[r#"
        internet-facing tasks=a1,b1 publicIp=false balancer=a:a1,b:b2
    "#]],
    );
    check(
        Some(Scheme::Internal),
        &facts,
        expect![[r#"
        internal tasks=a1,b1 publicIp=false balancer=a:a2,b:b1
    "#]],
    );
}

#[test]
fn public_load_balancer_before_private_tasks_takes_the_public_subnets_of_their_zones() {
    let facts = vpc(&["a1", "b1"], &["a1", "b1", "a3*", "a2*", "b2*", "c2*"]);
    check(
        Some(Scheme::InternetFacing),
        &facts,
        expect![[r#"
        internet-facing tasks=a1,b1 publicIp=false balancer=a:a2,b:b2
    "#]],
    );
    let one_zone_only = vpc(&["a1", "b1"], &["a1", "b1", "a2*"]);
    check(
        Some(Scheme::InternetFacing),
        &one_zone_only,
        expect![[r#"
            InvalidRequest: no internet-facing load balancer can reach the tasks: it would need a subnet with a route to an internet gateway in zones `b`, and the VPC has none there; make one, give other subnets, or choose the other `LoadBalancer.Scheme`
        "#]],
    );
}

#[test]
fn subnet_without_room_is_taken_only_where_there_is_no_other() {
    let mut facts = vpc(&["a1", "b1"], &["a1", "b1", "a2*", "a3*", "b2*"]);
    for subnet in &mut facts.all_subnets {
        if ["a2", "b2"].contains(&subnet.id.as_str()) {
            subnet.free_addresses = 7;
        }
    }
    check(
        Some(Scheme::InternetFacing),
        &facts,
        expect![[r#"
        internet-facing tasks=a1,b1 publicIp=false balancer=a:a3,b:b2
    "#]],
    );
}

#[test]
fn the_tasks_own_subnets_come_before_others_and_one_that_has_just_enough_room_is_enough() {
    let mut facts = vpc(&["a2*", "b2*"], &["a1*", "a2*", "b1*", "b2*"]);
    let of = |facts: &VpcFacts| {
        let network = resolve(&properties(&[], None), facts, &[]).expect("the subnets fit");
        network.ingress_subnets.into_values().collect::<Vec<_>>()
    };
    assert_eq!(of(&facts), ["a2", "b2"]);
    let with_room = |facts: &mut VpcFacts, free_addresses| {
        for subnet in facts.task_subnets.iter_mut().chain(&mut facts.all_subnets) {
            if subnet.id == "a2" {
                subnet.free_addresses = free_addresses;
            }
        }
    };
    with_room(&mut facts, FREE_ADDRESSES_MIN);
    assert_eq!(of(&facts), ["a2", "b2"]);
    with_room(&mut facts, FREE_ADDRESSES_MIN - 1);
    assert_eq!(of(&facts), ["a1", "b2"]);
}

#[test]
fn one_zone_is_too_few() {
    check(
        None,
        &vpc(&["a1*", "a2*"], &[]),
        expect![[r#"
            InvalidRequest: the subnets are all in `a`; a load balancer needs subnets in at least 2 availability zones; add one in another
        "#]],
    );
}

#[test]
fn without_a_default_vpc_the_subnets_must_be_named() {
    check(
        None,
        &VpcFacts::default(),
        expect![[r#"
        InvalidRequest: there is no default VPC with default subnets in this region; name the subnets in `NetworkConfiguration.Subnets`
    "#]],
    );
}

#[test]
fn named_subnets_must_exist_in_one_vpc() {
    let found = vpc(&["a1*", "b1*"], &[]);
    let missing = resolve(&properties(&["a1", "c1", "b1", "d1"], None), &found, &[]);
    expect!["subnets `c1`, `d1` do not exist in this account and region; correct `NetworkConfiguration.Subnets`"]
        .assert_eq(&missing.expect_err("two are missing").to_string());
    let none = resolve(&properties(&["a1"], None), &VpcFacts::default(), &[]);
    expect!["subnets `a1` do not exist in this account and region; correct `NetworkConfiguration.Subnets`"]
        .assert_eq(&none.expect_err("all are missing").to_string());
    let mut two = found;
    two.task_subnets[1].vpc_id = "vpc-2".to_owned();
    check(
        None,
        &two,
        expect![[r#"
        InvalidRequest: subnet `a1` is in `vpc-1` but subnet `b1` is in `vpc-2`; all subnets must be in one VPC
    "#]],
    );
}

/// What of `held` is used, in a VPC with `all` subnets, by who names `named`.
fn used(scheme: Scheme, held: &[&str], named: &[&str], all: &[&str]) -> Vec<String> {
    let by_zone = |ids: &[&str]| -> BTreeMap<String, String> {
        let subnets = ids.iter().map(|id| subnet(id));
        subnets.map(|subnet| (subnet.zone, subnet.id)).collect()
    };
    let (held, named) = (by_zone(held), by_zone(named));
    usable_subnets(scheme, &held, &named, &vpc(&[], all))
        .into_values()
        .collect()
}

#[test]
fn what_a_load_balancer_is_to_have_stays_as_long_as_it_can() {
    let internal = |held: &[&str], named: &[&str], all: &[&str]| {
        used(Scheme::Internal, held, named, all).join(",")
    };
    let all = ["a1", "b1", "c1", "a2", "b2"];
    assert_eq!(internal(&["a1", "b1"], &["a2", "b2", "c1"], &all), "a1,b1");
    // What is named need not be looked at.
    assert_eq!(internal(&["a1", "b1"], &["a1", "b1"], &[]), "a1,b1");
    // Gone, with and without another in its zone.
    assert_eq!(internal(&["a0", "b1"], &["a2", "c1"], &all), "a2,b1,c1");
    assert_eq!(internal(&["a1", "d0"], &["a2", "b2"], &all), "a1,b2");
    // Of the other kind.
    let all = ["a1*", "b1", "a2", "b2*"];
    assert_eq!(internal(&["a1", "b1"], &["a2", "b1"], &all), "a2,b1");
    let public = used(Scheme::InternetFacing, &["a1", "b1"], &["a1", "b2"], &all);
    assert_eq!(public.join(","), "a1,b2");
}

#[test]
fn a_subnet_without_room_stays_only_for_who_names_it() {
    let too_full: fn(&mut Subnet) = |subnet| subnet.free_addresses = FREE_ADDRESSES_MIN - 1;
    let too_small: fn(&mut Subnet) = |subnet| subnet.range = Some("10.0.0.0/28".to_owned());
    let held = BTreeMap::from(["a1", "c1"].map(|id| (subnet(id).zone, id.to_owned())));
    for spoil in [too_full, too_small] {
        let mut facts = vpc(&[], &["a1", "b1", "c1"]);
        spoil(&mut facts.all_subnets[2]);
        let usable = |named: &str| {
            let named = BTreeMap::from([(subnet(named).zone, named.to_owned())]);
            let usable = usable_subnets(Scheme::Internal, &held, &named, &facts);
            usable.into_values().collect::<Vec<String>>().join(",")
        };
        assert_eq!(usable("b1"), "a1,b1");
        assert_eq!(usable("c1"), "a1,c1");
    }
}

#[test]
fn a_subnet_that_is_in_another_zone_than_the_ledger_says_is_of_no_use() {
    let held = BTreeMap::from([("a".to_owned(), "b1".to_owned())]);
    let named = BTreeMap::from([("a".to_owned(), "a1".to_owned())]);
    let usable = usable_subnets(Scheme::Internal, &held, &named, &vpc(&[], &["b1"]));
    assert_eq!(usable, named);
}

#[test]
fn whole_vpc_is_asked_for_only_when_the_tasks_subnets_are_of_the_other_kind() {
    let public = vpc(&["a1*", "b1*"], &[]);
    let mixed = vpc(&["a1*", "b1"], &[]);
    for (scheme, facts, is_needed) in [
        (None, &public, false),
        (None, &mixed, false),
        (Some(Scheme::InternetFacing), &public, false),
        (Some(Scheme::Internal), &public, true),
        (Some(Scheme::InternetFacing), &mixed, true),
        (Some(Scheme::Internal), &vpc(&["a1"], &["a1", "b1"]), false),
    ] {
        let needed = needs_all_subnets(&properties(&[], scheme), facts, &[]);
        assert_eq!(needed, is_needed, "{scheme:?} {facts:?}");
    }
}

proptest! {
    #[test]
    fn load_balancer_covers_the_tasks_zones_once_each_with_its_own_kind(
        tasks in prop::sample::subsequence(vec!["a1*", "a2", "b1*", "b2", "c1*", "c2"], 1..=6),
        others in prop::sample::subsequence(vec!["a3*", "a4", "b3*", "b4", "c3*", "c4"], 0..=6),
        scheme in prop::sample::select(vec![None, Some(Scheme::InternetFacing), Some(Scheme::Internal)]),
    ) {
        let all: Vec<&str> = tasks.iter().chain(&others).copied().collect();
        let facts = vpc(&tasks, &all);
        let zone = |note: &&str| note.chars().next();
        let is_public = |note: &&str| note.ends_with('*');
        let zones: BTreeSet<Option<char>> = tasks.iter().map(zone).collect();
        let any_public = tasks.iter().any(&is_public);
        let all_public = tasks.iter().all(&is_public);
        let wants_public = scheme.map_or(all_public, |scheme| scheme == Scheme::InternetFacing);
        let is_covered = |wanted: &Option<char>| {
            all.iter().any(|note| zone(note) == *wanted && is_public(note) == wants_public)
        };
        let is_possible = zones.len() >= ZONES_MIN
            && (scheme.is_some() || any_public == all_public)
            && zones.iter().all(is_covered);
        let resolved = resolve(&properties(&[], scheme), &facts, &[]);
        prop_assert_eq!(resolved.is_ok(), is_possible, "{:?}", resolved);
        let Ok(network) = resolved else {
            return Ok(());
        };
        prop_assert!(scheme.is_none_or(|asked| asked == network.scheme));
        prop_assert!(network.ingress_subnets.len() >= ZONES_MIN);
        for task in &facts.task_subnets {
            prop_assert!(network.ingress_subnets.contains_key(&task.zone), "{} is not covered", task.zone);
        }
        for (zone, id) in &network.ingress_subnets {
            let note = all.iter().find(|note| note.trim_end_matches('*') == id).expect("of the VPC");
            prop_assert!(note.starts_with(zone.as_str()));
            prop_assert_eq!(note.ends_with('*'), network.scheme == Scheme::InternetFacing);
        }
        prop_assert_eq!(network.assign_public_ip, tasks.iter().all(|note| note.ends_with('*')));
        // The order in which EC2 lists them means nothing.
        let mut reversed = facts.clone();
        reversed.task_subnets.reverse();
        reversed.all_subnets.reverse();
        prop_assert_eq!(resolve(&properties(&[], scheme), &reversed, &[]).ok(), Some(network));
    }
}
