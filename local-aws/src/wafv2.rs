//! WAFv2: regional web ACLs and the load balancers that they protect.
//!
//! Web ACLs are kept as they were given; no traffic passes through their rules. What matters here is the
//! association: a load balancer has one web ACL at most, and a web ACL in use cannot be deleted.
//!
//! AWS: <https://docs.aws.amazon.com/waf/latest/APIReference/API_Operations_AWS_WAFV2.html>

mod association;
#[cfg(test)]
mod tests;
mod web_acl;

use std::collections::BTreeMap;

use serde_json::json;

use crate::cloud::{Cloud, Outcome};
use crate::tags::{self, TagProblem};
use crate::wire::{Input, Refusal};

pub use web_acl::WebAcl;

/// What the service holds.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// By ARN.
    pub web_acls: BTreeMap<String, WebAcl>,
    /// The ARN of the web ACL of each protected resource, by the resource's ARN.
    pub associations: BTreeMap<String, String>,
}

pub(crate) fn call(cloud: &mut Cloud, operation: &str, input: Input<'_>) -> Outcome {
    match operation {
        "CreateWebACL" => web_acl::create(cloud, input),
        "GetWebACL" => web_acl::get(cloud, input),
        "DeleteWebACL" => web_acl::delete(cloud, input),
        "ListWebACLs" => web_acl::list(cloud, input),
        "AssociateWebACL" => association::associate(cloud, input),
        "DisassociateWebACL" => association::disassociate(cloud, input),
        "GetWebACLForResource" => association::get(cloud, input),
        "ListResourcesForWebACL" => association::list(cloud, input),
        "TagResource" => tag_resource(cloud, input),
        "UntagResource" => untag_resource(cloud, input),
        "ListTagsForResource" => list_tags(cloud, input),
        _ => Err(Refusal::unsupported("wafv2", operation)),
    }
}

/// Ends the association of a resource that is being deleted.
pub fn release(cloud: &mut Cloud, resource_arn: &str) {
    cloud.wafv2.associations.remove(resource_arn);
}

fn tag_resource(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["ResourceARN", "Tags"])?;
    let added = tags::from_list(input, "Tags").map_err(|problem| refused_tags(&problem))?;
    let web_acl = tagged(cloud, input)?;
    tags::merge(&mut web_acl.tags, added).map_err(|problem| refused_tags(&problem))?;
    Ok(json!({}))
}

fn untag_resource(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["ResourceARN", "TagKeys"])?;
    let web_acl = tagged(cloud, input)?;
    for key in input.texts("TagKeys") {
        web_acl.tags.remove(key);
    }
    Ok(json!({}))
}

fn list_tags(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["ResourceARN"])?;
    let arn = required(input, "ResourceARN")?;
    let tags = tags::to_list(&tagged(cloud, input)?.tags);
    Ok(json!({"TagInfoForResource": {"ResourceARN": arn, "TagList": tags}}))
}

fn tagged<'a>(cloud: &'a mut Cloud, input: Input<'_>) -> Result<&'a mut WebAcl, Refusal> {
    let arn = required(input, "ResourceARN")?;
    cloud.wafv2.web_acls.get_mut(arn).ok_or_else(nonexistent)
}

fn refused_tags(problem: &TagProblem) -> Refusal {
    match problem {
        TagProblem::TooMany => Refusal::client("WAFLimitsExceededException", problem.to_string()),
        TagProblem::Malformed(text) => Refusal::client("WAFTagOperationException", text.as_str()),
    }
}

fn required<'a>(input: Input<'a>, name: &str) -> Result<&'a str, Refusal> {
    input
        .text(name)
        .ok_or_else(|| invalid(format!("the parameter {name} is required")))
}

fn invalid(problem: impl Into<String>) -> Refusal {
    let problem = problem.into();
    Refusal::client(
        "WAFInvalidParameterException",
        format!("Error reason: {problem}"),
    )
}

fn nonexistent() -> Refusal {
    Refusal::client(
        "WAFNonexistentItemException",
        "AWS WAF couldn\u{2019}t perform the operation because your resource doesn\u{2019}t exist.",
    )
}
