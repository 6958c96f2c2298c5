//! Application Load Balancers: found, created, extended to further zones, deleted.
//!
//! Identity: name. Repeat-safe: CreateLoadBalancer with identical settings returns the existing one; with
//! others, as after an extension, it is refused and the one of this name is looked up.
//! Its listeners and their rules go with it; its security group can go when its interfaces have.
//! AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html>

use std::collections::BTreeMap;

use aws_sdk_elasticloadbalancingv2::types::{
    IpAddressType, LoadBalancer, LoadBalancerSchemeEnum, LoadBalancerStateEnum,
    LoadBalancerTypeEnum,
};
use express_core::resources::load_balancer::{
    LoadBalancerSpec, LoadBalancerState, ObservedLoadBalancer,
};
use provider_schema::Scheme;

use super::tags;
use crate::aws::AwsClients;
use crate::aws::error::answer::{member, text, unknown_value};
use crate::aws::error::{AwsError, aws_error, if_found};

/// The attribute that keeps a load balancer from being deleted.
/// AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html>
const DELETION_PROTECTION: &str = "deletion_protection.enabled";

/// The attributes that decide what may be done with a load balancer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadBalancerAttributes {
    /// `deletion_protection.enabled`
    pub deletion_protection: bool,
}

/// The load balancer of this name.
///
/// # Errors
/// When AWS refuses or its answer is unusable.
pub async fn find(aws: &AwsClients, name: &str) -> Result<Option<ObservedLoadBalancer>, AwsError> {
    const OPERATION: &str = "elasticloadbalancing:DescribeLoadBalancers";
    let answer = aws
        .elbv2
        .describe_load_balancers()
        .names(name)
        .send()
        .await
        .map_err(aws_error(OPERATION));
    let Some(answer) = if_found(answer)? else {
        return Ok(None);
    };
    let found = answer.load_balancers().first();
    found.map(|found| observed(OPERATION, found)).transpose()
}

/// Its attributes; none when it is gone.
///
/// # Errors
/// When AWS refuses or its answer is unusable.
pub async fn find_attributes(
    aws: &AwsClients,
    arn: &str,
) -> Result<Option<LoadBalancerAttributes>, AwsError> {
    const OPERATION: &str = "elasticloadbalancing:DescribeLoadBalancerAttributes";
    let answer = aws
        .elbv2
        .describe_load_balancer_attributes()
        .load_balancer_arn(arn)
        .send()
        .await
        .map_err(aws_error(OPERATION));
    let Some(answer) = if_found(answer)? else {
        return Ok(None);
    };
    let protection = answer
        .attributes()
        .iter()
        .find(|attribute| attribute.key() == Some(DELETION_PROTECTION))
        .and_then(|attribute| attribute.value());
    match member(OPERATION, DELETION_PROTECTION, protection)? {
        "true" => Ok(Some(LoadBalancerAttributes {
            deletion_protection: true,
        })),
        "false" => Ok(Some(LoadBalancerAttributes {
            deletion_protection: false,
        })),
        other => Err(unknown_value(OPERATION, DELETION_PROTECTION, other)),
    }
}

/// Creates the load balancer.
///
/// # Errors
/// When AWS refuses or its answer is unusable.
pub async fn create(
    aws: &AwsClients,
    spec: &LoadBalancerSpec,
    security_group_id: &str,
) -> Result<ObservedLoadBalancer, AwsError> {
    const OPERATION: &str = "elasticloadbalancing:CreateLoadBalancer";
    let LoadBalancerSpec {
        name,
        scheme,
        subnets,
        tags: wanted_tags,
    } = spec;
    let created = aws
        .elbv2
        .create_load_balancer()
        .name(name)
        .r#type(LoadBalancerTypeEnum::Application)
        .ip_address_type(IpAddressType::Ipv4)
        .scheme(match scheme {
            Scheme::InternetFacing => LoadBalancerSchemeEnum::InternetFacing,
            Scheme::Internal => LoadBalancerSchemeEnum::Internal,
        })
        .set_subnets(Some(subnets.values().cloned().collect()))
        .security_groups(security_group_id)
        .set_tags(tags::to_elbv2(wanted_tags))
        .send()
        .await
        .map_err(aws_error(OPERATION));
    match created {
        Ok(answer) => {
            let made = member(OPERATION, "LoadBalancers", answer.load_balancers().first())?;
            observed(OPERATION, made)
        }
        // Not there any more, or not there yet, when it is not found: the next attempt knows.
        Err(error) if error.is("DuplicateLoadBalancerName") => find(aws, name).await?.ok_or(error),
        Err(error) => Err(error),
    }
}

/// Sets all the subnets of a load balancer: those that it has, and further ones.
///
/// Answers with its subnets by availability zone.
/// AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_SetSubnets.html> (the
/// given subnets replace those that were there)
///
/// # Errors
/// When AWS refuses or its answer is unusable.
pub async fn set_subnets(
    aws: &AwsClients,
    arn: &str,
    subnet_ids: &[String],
) -> Result<BTreeMap<String, String>, AwsError> {
    const OPERATION: &str = "elasticloadbalancing:SetSubnets";
    let answer = aws
        .elbv2
        .set_subnets()
        .load_balancer_arn(arn)
        .set_subnets(Some(subnet_ids.to_vec()))
        .send()
        .await
        .map_err(aws_error(OPERATION))?;
    subnets(OPERATION, answer.availability_zones())
}

/// Deletes the load balancer with its listeners; one that is gone counts as deleted, for ELB too.
/// AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DeleteLoadBalancer.html>
///
/// # Errors
/// When AWS refuses: `OperationNotPermitted` under deletion protection.
pub async fn delete(aws: &AwsClients, arn: &str) -> Result<(), AwsError> {
    let deleted = aws
        .elbv2
        .delete_load_balancer()
        .load_balancer_arn(arn)
        .send()
        .await
        .map_err(aws_error("elasticloadbalancing:DeleteLoadBalancer"));
    if_found(deleted).map(|_| ())
}

fn observed(
    operation: &'static str,
    found: &LoadBalancer,
) -> Result<ObservedLoadBalancer, AwsError> {
    let state = found.state().and_then(|state| state.code());
    Ok(ObservedLoadBalancer {
        arn: text(operation, "LoadBalancerArn", found.load_balancer_arn())?,
        dns_name: text(operation, "DNSName", found.dns_name())?,
        hosted_zone_id: text(
            operation,
            "CanonicalHostedZoneId",
            found.canonical_hosted_zone_id(),
        )?,
        state: match member(operation, "State", state)? {
            LoadBalancerStateEnum::Provisioning => LoadBalancerState::Provisioning,
            LoadBalancerStateEnum::Active | LoadBalancerStateEnum::ActiveImpaired => {
                LoadBalancerState::Active
            }
            LoadBalancerStateEnum::Failed => LoadBalancerState::Failed,
            other => return Err(unknown_value(operation, "State", other.as_str())),
        },
        security_group_ids: found.security_groups().to_vec(),
        subnets: subnets(operation, found.availability_zones())?,
    })
}

fn subnets(
    operation: &'static str,
    zones: &[aws_sdk_elasticloadbalancingv2::types::AvailabilityZone],
) -> Result<BTreeMap<String, String>, AwsError> {
    zones
        .iter()
        .map(|zone| {
            Ok((
                text(operation, "ZoneName", zone.zone_name())?,
                text(operation, "SubnetId", zone.subnet_id())?,
            ))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use aws_sdk_elasticloadbalancingv2::types::{AvailabilityZone, LoadBalancerState as State};

    use super::*;

    fn described(state: LoadBalancerStateEnum) -> LoadBalancer {
        LoadBalancer::builder()
            .load_balancer_arn("arn:aws:elasticloadbalancing:::loadbalancer/app/x/1")
            .dns_name("x.elb.amazonaws.com")
            .canonical_hosted_zone_id("Z1")
            .state(State::builder().code(state).build())
            .availability_zones(
                AvailabilityZone::builder()
                    .zone_name("eu-west-1a")
                    .subnet_id("subnet-1")
                    .build(),
            )
            .build()
    }

    #[test]
    fn an_impaired_load_balancer_is_in_service() {
        let found =
            observed("x:Y", &described(LoadBalancerStateEnum::ActiveImpaired)).expect("is usable");
        assert_eq!(found.state, LoadBalancerState::Active);
        assert_eq!(found.subnets["eu-west-1a"], "subnet-1");
    }

    #[test]
    fn a_state_that_is_not_known_is_refused() {
        let error = observed("x:Y", &described(LoadBalancerStateEnum::from("melting")))
            .expect_err("is unusable");
        assert!(error.message.contains("`melting`"), "{}", error.message);
    }
}
