//! Moves between load balancers, which are refused until they can be made without a failed request.

use expect_test::expect;
use provider_schema::{Scheme, Sharing};

use super::{check, seen, web};

#[test]
fn scheme_of_a_running_service_stays() {
    check(
        web().scheme(Scheme::Internal),
        seen(web()),
        expect![[r#"
        NotUpdatable: `LoadBalancer.Scheme` or `LoadBalancer.Sharing` of a running service cannot be changed yet; give the resource another `ServiceName` to make a new service beside it
    "#]],
    );
}

#[test]
fn scheme_that_follows_from_private_subnets_stays_too() {
    check(
        web().subnets(&["subnet-x", "subnet-y"]),
        seen(web()),
        expect![[r#"
            NotUpdatable: `LoadBalancer.Scheme` or `LoadBalancer.Sharing` of a running service cannot be changed yet; give the resource another `ServiceName` to make a new service beside it
        "#]],
    );
}

#[test]
fn sharing_of_a_running_service_stays() {
    check(
        web().sharing(Sharing::Dedicated),
        seen(web()),
        expect![[r#"
            NotUpdatable: `LoadBalancer.Scheme` or `LoadBalancer.Sharing` of a running service cannot be changed yet; give the resource another `ServiceName` to make a new service beside it
        "#]],
    );
}

#[test]
fn vpc_of_a_running_service_stays() {
    check(
        web().vpc("vpc-2"),
        seen(web()),
        expect![[r#"
        NotUpdatable: the VPC of a running service cannot be changed yet; give the resource another `ServiceName` to make a new service beside it
    "#]],
    );
}

#[test]
fn private_tasks_behind_a_public_load_balancer_move_in_place() {
    check(
        web()
            .scheme(Scheme::InternetFacing)
            .subnets(&["subnet-x", "subnet-y"]),
        seen(web()),
        expect![[r#"
            UpdateService(web) networkConfiguration
        "#]],
    );
}
