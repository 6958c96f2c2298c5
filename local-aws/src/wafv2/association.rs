//! Which web ACL protects which load balancer.
//!
//! Repeat-safe: associating replaces whatever association there was, disassociating what has none succeeds.
//! AWS: <https://docs.aws.amazon.com/waf/latest/APIReference/API_AssociateWebACL.html>

use serde_json::{Value, json};

use super::{invalid, nonexistent, required};
use crate::cloud::{Cloud, Outcome};
use crate::elbv2;
use crate::wire::{Input, Refusal};

pub(super) fn associate(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["WebACLArn", "ResourceArn"])?;
    let web_acl = required(input, "WebACLArn")?;
    let resource = required(input, "ResourceArn")?;
    check_load_balancer(cloud, resource)?;
    protect(cloud, web_acl, resource)?;
    Ok(json!({}))
}

/// Puts a resource, known to be there, under a web ACL.
pub(super) fn protect(cloud: &mut Cloud, web_acl: &str, resource: &str) -> Result<(), Refusal> {
    if !cloud.wafv2.web_acls.contains_key(web_acl) {
        return Err(nonexistent());
    }
    cloud
        .wafv2
        .associations
        .insert(resource.to_owned(), web_acl.to_owned());
    Ok(())
}

pub(super) fn disassociate(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["ResourceArn"])?;
    let resource = required(input, "ResourceArn")?;
    check_load_balancer(cloud, resource)?;
    cloud.wafv2.associations.remove(resource);
    Ok(json!({}))
}

pub(super) fn get(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["ResourceArn"])?;
    let resource = required(input, "ResourceArn")?;
    check_load_balancer(cloud, resource)?;
    Ok(web_acl_of(cloud, resource))
}

/// Without an association the answer has no web ACL.
pub(super) fn web_acl_of(cloud: &Cloud, resource: &str) -> Value {
    let state = &cloud.wafv2;
    let web_acl = state
        .associations
        .get(resource)
        .and_then(|arn| state.web_acls.get(arn));
    match web_acl {
        Some(web_acl) => json!({"WebACL": web_acl.describe()}),
        None => json!({}),
    }
}

pub(super) fn list(cloud: &Cloud, input: Input<'_>) -> Outcome {
    input.only(&["WebACLArn", "ResourceType"])?;
    let web_acl = required(input, "WebACLArn")?;
    let kind = input
        .text("ResourceType")
        .unwrap_or("APPLICATION_LOAD_BALANCER");
    if kind != "APPLICATION_LOAD_BALANCER" {
        return Err(invalid(format!("local-aws protects no `{kind}`")));
    }
    if !cloud.wafv2.web_acls.contains_key(web_acl) {
        return Err(nonexistent());
    }
    let resources = cloud.wafv2.associations.iter();
    let resources: Vec<&str> = resources
        .filter(|(_, used)| *used == web_acl)
        .map(|(resource, _)| resource.as_str())
        .collect();
    Ok(json!({ "ResourceArns": resources }))
}

/// Asks Elastic Load Balancing, as WAF itself does: a load balancer that is not there cannot be protected,
/// and one that is still being made cannot be yet.
fn check_load_balancer(cloud: &mut Cloud, arn: &str) -> Result<(), Refusal> {
    if !arn.contains(":elasticloadbalancing:") || !arn.contains(":loadbalancer/app/") {
        return Err(invalid(format!(
            "The ARN isn't valid. A valid ARN begins with arn: and includes other information separated \
             by colons or slashes., field: RESOURCE_ARN, parameter: {arn}"
        )));
    }
    let question = json!({"LoadBalancerArns": [arn]});
    let answer = elbv2::call(cloud, "DescribeLoadBalancers", Input::new(&question));
    let answer = answer.map_err(|_| nonexistent())?;
    let state = answer
        .pointer("/LoadBalancers/0/State/Code")
        .and_then(Value::as_str);
    if state == Some("provisioning") {
        return Err(Refusal::client(
            "WAFUnavailableEntityException",
            "AWS WAF couldn\u{2019}t retrieve the resource that you requested. Retry your request.",
        ));
    }
    Ok(())
}
