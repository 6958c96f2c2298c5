//! What belongs to somebody else or cannot be used: refused, with nothing planned beside it.

use expect_test::expect;
use provider_schema::Scheme;

use super::seen::{Seen, foreign, foreign_record};
use super::world::{GIVEN, World};
use super::{check, seen, text, web};
use crate::observed::Presence;
use crate::resources::alias_record::ObservedAliasRecord;
use crate::resources::load_balancer::LoadBalancerState;

#[test]
fn service_of_somebody_else() {
    check(
        web(),
        seen(web()).service(|service| service.tags = foreign()),
        expect![[r#"
            AlreadyExists: ECS service `web` in cluster `default` already exists and does not belong to this resource; choose another `ServiceName`, or remove it first
        "#]],
    );
}

#[test]
fn service_whose_tag_was_taken_off_is_told_from_one_that_never_had_one() {
    let untagged = |seen: Seen| seen.service(|service| service.tags.clear());
    check(
        web(),
        untagged(seen(web())),
        expect![[r#"
        ResourceConflict: ECS service `web` in cluster `default` has no tag `express:owner`: somebody has taken it off, so it is neither changed nor deleted. Put the tag back, with the value that the other parts of the service have, or delete the resource yourself; then ask again
    "#]],
    );
    let alone = untagged(seen(web())).service(|service| service.ingress = None);
    check(
        web(),
        alone,
        expect![[r#"
        AlreadyExists: ECS service `web` in cluster `default` already exists and does not belong to this resource; choose another `ServiceName`, or remove it first
    "#]],
    );
}

#[test]
fn target_group_of_somebody_else() {
    check(
        web(),
        seen(web()).but(|observed| {
            if let Presence::Present(group) = &mut observed.target_group_b {
                group.tags = foreign();
            }
        }),
        expect![[r#"
            AlreadyExists: target group `express-119a3fbe52e2-b9f7bcfb-b` already exists and does not belong to this resource; choose another `ServiceName`, or remove it first
        "#]],
    );
}

#[test]
fn security_group_of_somebody_else() {
    check(
        web(),
        seen(web()).but(|observed| {
            if let Presence::Present(group) = &mut observed.service_security_group {
                group.tags = foreign();
            }
        }),
        expect![[r#"
            AlreadyExists: security group `express-service-119a3fbe52e2` already exists and does not belong to this resource; choose another `ServiceName`, or remove it first
        "#]],
    );
}

#[test]
fn record_of_somebody_else_is_not_overwritten_by_a_create() {
    let mut created = seen(web()).but(|observed| {
        observed.alias_record = Presence::Present(foreign_record());
    });
    created.world.timing.is_create = true;
    check(
        web(),
        created,
        expect![[r#"
        AlreadyExists: record `web.example.com` already exists and does not belong to this resource; choose another `ServiceName`, or remove it first
    "#]],
    );
}

#[test]
fn nothing_is_made_for_a_host_name_that_is_taken() {
    for (other_type, shown) in [
        (None, "record `web.example.com`"),
        (Some("CNAME"), "record `web.example.com` of type `CNAME`"),
        (Some("AAAA"), "record `web.example.com` of type `AAAA`"),
    ] {
        let web = web();
        let mut world = World::empty(web.clone());
        world.timing.is_create = true;
        world.observed.alias_record = Presence::Present(ObservedAliasRecord {
            other_type: other_type.map(str::to_owned),
            ..foreign_record()
        });
        let planned = text(&world.plan(&web.desired()));
        let refused = format!("AlreadyExists: {shown} already exists");
        assert!(planned.starts_with(&refused), "{planned}");
    }
}

#[test]
fn record_of_somebody_else_is_not_overwritten_where_dns_was_managed_elsewhere() {
    let without_a_record = |record: Presence<ObservedAliasRecord>| {
        let mut seen = seen(web()).but(|observed| observed.alias_record = record);
        seen.world.timing.has_alias_record = false;
        seen
    };
    check(
        web().health_check_path("/up"),
        without_a_record(Presence::Present(foreign_record())),
        expect![[r#"
            AlreadyExists: record `web.example.com` already exists and does not belong to this resource; choose another `ServiceName`, or remove it first
        "#]],
    );
    check(
        web(),
        without_a_record(Presence::Absent),
        expect![[r#"
            CreateAliasRecord(web.example.com)
        "#]],
    );
    // It leads to the service already.
    let own = seen(web()).world.observed.alias_record;
    check(
        web(),
        without_a_record(own),
        expect![[r#"
            Converged
        "#]],
    );
}

#[test]
fn an_update_takes_its_name_back_beside_other_types_but_not_beside_a_cname() {
    let of_type = |other: &str| {
        seen(web()).but(|observed| {
            observed.alias_record = Presence::Present(ObservedAliasRecord {
                other_type: Some(other.to_owned()),
                ..foreign_record()
            });
        })
    };
    check(
        web(),
        of_type("AAAA"),
        expect![[r#"
            CreateAliasRecord(web.example.com)
        "#]],
    );
    check(
        web(),
        of_type("CNAME"),
        expect![[r#"
        AlreadyExists: record `web.example.com` of type `CNAME` already exists and does not belong to this resource; choose another `ServiceName`, or remove it first
    "#]],
    );
}

#[test]
fn named_cluster_must_exist() {
    let web = web().cluster("prod");
    let world = World::empty(web.clone());
    expect![[r#"
        NotFound: cluster `prod` does not exist or is not active; create it, or leave `Cluster` out to use `default`
    "#]].assert_eq(&text(&world.plan(&web.desired())));
}

#[test]
fn given_task_definition_must_exist_and_have_one_port() {
    check(
        web().given("family-that-is-not-there"),
        seen(web()),
        expect![[r#"
            InvalidRequest: task definition `family-that-is-not-there` does not exist or is not active; correct `TaskDefinitionArn`, or register it
        "#]],
    );
    let world = World::empty(web().given(GIVEN));
    let desired = world.web.desired();
    let mut observed = world.observed.clone();
    observed.task_definition =
        Presence::Present(crate::resources::task_definition::ObservedTaskDefinition {
            arn: GIVEN.to_owned(),
            spec: None,
            live: None,
            tags: foreign(),
            primary: crate::resources::task_definition::PrimaryContainerFacts {
                port: None,
                log_group: None,
            },
            misfit: None,
        });
    expect![[r#"
        InvalidRequest: task definition `arn:aws:ecs:eu-west-1:123456789012:task-definition/theirs:7` must contain a container named `Main` with a single TCP port mapping; register a revision that does
    "#]].assert_eq(&text(&crate::plan::converge(
        &desired,
        &observed,
        &world.timing,
    )));
}

#[test]
fn revision_that_somebody_deployed_is_not_overwritten() {
    check(
        web().image("web:2"),
        seen(web()).service(|service| {
            service.task_definition_arn =
                "arn:aws:ecs:eu-west-1:123456789012:task-definition/hotfix:3".to_owned();
        }),
        expect![[r#"
            ResourceConflict: the service runs `arn:aws:ecs:eu-west-1:123456789012:task-definition/hotfix:3`, which this provider did not register; an update would overwrite it. Set `TaskDefinitionArn` to keep it, or deploy a revision of ours again first
        "#]],
    );
}

#[test]
fn image_that_somebody_deployed_in_our_family_is_not_overwritten_without_a_word() {
    let mut seen = seen(web());
    let newest = seen.world.registered.last_mut().expect("a revision");
    newest.tags = foreign();
    let spec = newest.spec.as_mut().expect("our fields");
    spec.container.image = "web:hotfix".to_owned();
    check(
        web().image("web:2"),
        seen,
        expect![[r#"
        ResourceConflict: the service runs `arn:aws:ecs:eu-west-1:123456789012:task-definition/express-web-119a3fbe52e2:1`, which this provider did not register; an update would overwrite it. Set `TaskDefinitionArn` to keep it, or deploy a revision of ours again first
    "#]],
    );
}

#[test]
fn load_balancer_that_failed_is_named() {
    check(
        web(),
        seen(web()).but(|observed| {
            if let Presence::Present(found) = &mut observed.load_balancer {
                found.state = LoadBalancerState::Failed;
            }
        }),
        expect![[r#"
            NotStabilized: load balancer `express-b9f7bcfb-1` could not be set up; look at it in the EC2 console
        "#]],
    );
}

#[test]
fn internal_load_balancer_admits_the_vpc_only() {
    let web = web().scheme(Scheme::Internal);
    let mut world = World::empty(web.clone());
    world.converge(web);
    let group = world.observed.load_balancer_security_group.present();
    let sources: Vec<String> = group
        .expect("a group")
        .ingress
        .iter()
        .map(|rule| format!("{} {:?}", rule.port, rule.source))
        .collect();
    assert_eq!(
        sources,
        [r#"443 Cidr("10.0.0.0/16")"#, r#"80 Cidr("10.0.0.0/16")"#]
    );
}
