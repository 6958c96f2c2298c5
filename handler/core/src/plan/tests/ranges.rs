//! A VPC that gets a further range after the load balancer was made.

use expect_test::{Expect, expect};
use provider_schema::Scheme;

use super::web::Web;
use super::{Seen, check, seen, web};
use crate::decision::Decision;
use crate::observed::Presence;
use crate::plan;
use crate::resources::security_group::{IngressRule, ObservedSecurityGroup, Source};
use crate::step::Step;

/// The service in subnets of the further range.
fn further(web: Web) -> Web {
    web.range("100.64.1.0/24")
}

/// The service, when its VPC has a further range.
fn in_two_ranges(web: Web) -> Seen {
    seen(web).but(|observed| {
        let ranges = ["10.0.0.0/16", "100.64.0.0/16"];
        observed.vpc_cidrs = Presence::Present(ranges.map(str::to_owned).into());
    })
}

fn group(seen: Seen, change: impl FnOnce(&mut ObservedSecurityGroup)) -> Seen {
    seen.but(
        |observed| match &mut observed.load_balancer_security_group {
            Presence::Present(group) => change(group),
            Presence::Unknown | Presence::Absent => panic!("there is a group"),
        },
    )
}

/// Who is let in by the step that admits ranges.
fn admitted(web: Web, seen: &Seen, expect: Expect) {
    let decision = seen.world.plan(&web.desired()).expect("there is a plan");
    let Decision::Apply(steps) = decision else {
        panic!("something is to be done: {decision:?}");
    };
    let ingress: Vec<String> = steps
        .into_iter()
        .filter_map(|step| {
            let Step::AdmitRanges { ingress, .. } = step else {
                return None;
            };
            Some(ingress)
        })
        .flatten()
        .map(|IngressRule { port, source }| format!("{port} {source:?}\n"))
        .collect();
    expect.assert_eq(&ingress.concat());
}

#[test]
fn load_balancer_may_reach_a_further_range_of_its_vpc() {
    check(
        further(web()),
        in_two_ranges(web()),
        expect![[r#"
            AdmitRanges(sg-of-express-b9f7bcfb-1) 100.64.0.0/16
        "#]],
    );
    // People let it reach everything.
    let open = |group: &mut ObservedSecurityGroup| group.egress.push("0.0.0.0/0".to_owned());
    check(
        further(web()),
        group(in_two_ranges(web()), open),
        expect![[r#"
            Converged
        "#]],
    );
}

#[test]
fn internal_load_balancer_lets_clients_of_a_further_range_in() {
    let internal = || {
        web()
            .subnets(&["subnet-x", "subnet-y"])
            .scheme(Scheme::Internal)
    };
    admitted(
        further(internal()),
        &in_two_ranges(internal()),
        expect![[r#"
            443 Cidr("100.64.0.0/16")
            80 Cidr("100.64.0.0/16")
        "#]],
    );
    // Some may be let in already; what people took away of the first range stays away.
    let changed = |group: &mut ObservedSecurityGroup| {
        group.ingress = vec![IngressRule {
            port: 443,
            source: Source::Cidr("100.64.0.0/16".to_owned()),
        }];
    };
    admitted(
        further(internal()),
        &group(in_two_ranges(internal()), changed),
        expect![[r#"
            80 Cidr("100.64.0.0/16")
        "#]],
    );
}

#[test]
fn ranges_of_the_vpc_are_looked_up_only_for_tasks_out_of_reach() {
    let needs =
        |web: Web, seen: &Seen| plan::needs_vpc_ranges(&web.desired(), &seen.world.observed);
    assert!(!needs(web(), &seen(web())));
    assert!(needs(further(web()), &seen(web())));
    let reaches_all = |group: &mut ObservedSecurityGroup| group.has_default_egress = true;
    let unfinished = group(seen(web()), reaches_all);
    assert!(!needs(web(), &unfinished));
    let unfinished = unfinished.but(|observed| observed.https_listener = Presence::Absent);
    assert!(needs(web(), &unfinished));
    let absent = seen(web()).but(|observed| {
        observed.load_balancer_security_group = Presence::Absent;
    });
    assert!(needs(web(), &absent));
    let unknown = seen(web()).but(|observed| {
        observed.load_balancer_security_group = Presence::Unknown;
    });
    assert!(!needs(web(), &unknown));
}

#[test]
fn load_balancer_that_people_have_shut_stays_shut() {
    let shut = |group: &mut ObservedSecurityGroup| group.ingress = Vec::new();
    check(
        web(),
        group(seen(web()), shut),
        expect![[r#"
            Converged
        "#]],
    );
    let unfinished = |group: &mut ObservedSecurityGroup| {
        group.ingress = Vec::new();
        group.has_default_egress = true;
    };
    check(
        web(),
        group(seen(web()), unfinished),
        expect![[r#"
            AuthorizeIngress(sg-of-express-b9f7bcfb-1) 443,80
        "#]],
    );
}

#[test]
fn load_balancer_that_people_let_reach_everything_is_not_opened_to_everybody() {
    let theirs = |group: &mut ObservedSecurityGroup| {
        group.has_default_egress = true;
        for rule in &mut group.ingress {
            rule.source = Source::Cidr("192.0.2.0/24".to_owned());
        }
    };
    check(
        web(),
        group(seen(web()), theirs),
        expect![[r#"
            Converged
        "#]],
    );
}
