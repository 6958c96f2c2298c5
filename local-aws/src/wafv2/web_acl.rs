//! Web ACLs.
//!
//! Identity: the ARN; the name is unique in its scope. Changes and deletion need the latest lock token.
//! AWS: <https://docs.aws.amazon.com/waf/latest/APIReference/API_WebACL.html>

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{invalid, nonexistent, refused_tags, required};
use crate::cloud::{Cloud, Outcome};
use crate::paging;
use crate::tags::{self, Tags};
use crate::wire::{Input, Refusal};

/// Web ACLs of an account in a region, adjustable.
/// AWS: <https://docs.aws.amazon.com/waf/latest/developerguide/limits.html>
const WEB_ACLS_MAX: usize = 100;
/// Web ACLs on a page, at most and by default.
/// AWS: <https://docs.aws.amazon.com/waf/latest/APIReference/API_ListWebACLs.html>
const PAGE_MAX: usize = 100;

/// One web ACL.
#[derive(Clone, Debug)]
pub struct WebAcl {
    /// Its identity.
    pub arn: String,
    /// Unique in the account and region.
    pub name: String,
    id: String,
    lock_token: String,
    description: Option<String>,
    /// `DefaultAction`, `Rules` and `VisibilityConfig` as they were given.
    default_action: Value,
    rules: Value,
    visibility: Value,
    pub(super) tags: Tags,
}

impl WebAcl {
    pub(super) fn describe(&self) -> Value {
        let mut web_acl = json!({
            "Name": self.name,
            "Id": self.id,
            "ARN": self.arn,
            "DefaultAction": self.default_action,
            "Rules": self.rules,
            "VisibilityConfig": self.visibility,
            "ManagedByFirewallManager": false,
        });
        if let (Some(text), Some(members)) = (&self.description, web_acl.as_object_mut()) {
            members.insert("Description".to_owned(), text.as_str().into());
        }
        web_acl
    }

    fn summarize(&self) -> Value {
        json!({
            "Name": self.name,
            "Id": self.id,
            "Description": self.description.as_deref().unwrap_or_default(),
            "LockToken": self.lock_token,
            "ARN": self.arn,
        })
    }
}

pub(super) fn create(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&[
        "Name",
        "Scope",
        "DefaultAction",
        "Description",
        "Rules",
        "VisibilityConfig",
        "Tags",
    ])?;
    let name = required(input, "Name")?;
    let characters = name
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
    if !(1..=128).contains(&name.len()) || !characters {
        return Err(invalid(format!("the Name `{name}` is not valid")));
    }
    check_scope(input)?;
    let default_action = one_of(input, "DefaultAction", &["Allow", "Block"])?;
    let visibility = visibility(input)?;
    check_rules(input)?;
    let tags = tags::from_list(input, "Tags").map_err(|problem| refused_tags(&problem))?;
    let web_acls = &cloud.wafv2.web_acls;
    if web_acls.values().any(|known| known.name == name) {
        return Err(Refusal::client(
            "WAFDuplicateItemException",
            "AWS WAF couldn\u{2019}t perform the operation because some resource in your request is a \
             duplicate of an existing one.",
        ));
    }
    if web_acls.len() >= WEB_ACLS_MAX {
        return Err(Refusal::client(
            "WAFLimitsExceededException",
            format!("the account has reached its limit of {WEB_ACLS_MAX} web ACLs"),
        ));
    }
    let id = cloud.random.uuid();
    let resource = format!("regional/webacl/{name}/{id}");
    let web_acl = WebAcl {
        arn: cloud.account.arn("wafv2", &resource),
        name: name.to_owned(),
        id,
        lock_token: cloud.random.uuid(),
        description: input.text("Description").map(str::to_owned),
        default_action,
        rules: input.member("Rules").cloned().unwrap_or_else(|| json!([])),
        visibility,
        tags,
    };
    let summary = web_acl.summarize();
    cloud.wafv2.web_acls.insert(web_acl.arn.clone(), web_acl);
    Ok(json!({ "Summary": summary }))
}

fn check_scope(input: Input<'_>) -> Result<(), Refusal> {
    match required(input, "Scope")? {
        "REGIONAL" => Ok(()),
        "CLOUDFRONT" => Err(Refusal::client(
            "UnsupportedMember",
            "local-aws has web ACLs of the Scope REGIONAL only",
        )),
        other => Err(invalid(format!("the Scope `{other}` is not valid"))),
    }
}

/// The structure `name`, which has exactly one of `choices`.
fn one_of(input: Input<'_>, name: &str, choices: &[&str]) -> Result<Value, Refusal> {
    let structure = input
        .object(name)
        .ok_or_else(|| invalid(format!("the parameter {name} is required")))?;
    let chosen = choices
        .iter()
        .filter(|choice| structure.member(choice).is_some());
    if chosen.count() != 1 {
        return Err(invalid(format!(
            "{name} must have exactly one of {}",
            choices.join(", ")
        )));
    }
    structure.only(choices)?;
    Ok(structure.value().clone())
}

fn visibility(input: Input<'_>) -> Result<Value, Refusal> {
    let config = input
        .object("VisibilityConfig")
        .ok_or_else(|| invalid("the parameter VisibilityConfig is required"))?;
    let complete = config.flag("SampledRequestsEnabled")?.is_some()
        && config.flag("CloudWatchMetricsEnabled")?.is_some()
        && config
            .text("MetricName")
            .is_some_and(|name| !name.is_empty());
    if !complete {
        return Err(invalid(
            "a VisibilityConfig has SampledRequestsEnabled, CloudWatchMetricsEnabled and MetricName",
        ));
    }
    Ok(config.value().clone())
}

/// Names and priorities are unique; a rule has a statement, and either an action or an override.
/// AWS: <https://docs.aws.amazon.com/waf/latest/APIReference/API_Rule.html>
fn check_rules(input: Input<'_>) -> Result<(), Refusal> {
    let mut names = BTreeSet::new();
    let mut priorities = BTreeSet::new();
    for rule in input.items("Rules") {
        let name = required(rule, "Name")?;
        let priority = rule
            .integer("Priority")?
            .ok_or_else(|| invalid(format!("the rule `{name}` has no Priority")))?;
        if !names.insert(name) || !priorities.insert(priority) {
            return Err(invalid(format!(
                "the name or the priority of the rule `{name}` is used more than once"
            )));
        }
        if rule.object("Statement").is_none() {
            return Err(invalid(format!("the rule `{name}` has no Statement")));
        }
        if rule.member("Action").is_some() == rule.member("OverrideAction").is_some() {
            return Err(invalid(format!(
                "the rule `{name}` must have exactly one of Action and OverrideAction"
            )));
        }
        visibility(rule)?;
    }
    Ok(())
}

pub(super) fn get(cloud: &Cloud, input: Input<'_>) -> Outcome {
    input.only(&["Name", "Scope", "Id", "ARN"])?;
    let web_acl = match input.text("ARN") {
        Some(arn) => cloud.wafv2.web_acls.get(arn).ok_or_else(nonexistent)?,
        None => identified(cloud, input)?,
    };
    Ok(json!({"WebACL": web_acl.describe(), "LockToken": web_acl.lock_token}))
}

fn identified<'a>(cloud: &'a Cloud, input: Input<'_>) -> Result<&'a WebAcl, Refusal> {
    check_scope(input)?;
    let (name, id) = (required(input, "Name")?, required(input, "Id")?);
    cloud
        .wafv2
        .web_acls
        .values()
        .find(|web_acl| web_acl.name == name && web_acl.id == id)
        .ok_or_else(nonexistent)
}

pub(super) fn delete(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["Name", "Scope", "Id", "LockToken"])?;
    let token = required(input, "LockToken")?;
    let web_acl = identified(cloud, input)?;
    if web_acl.lock_token != token {
        return Err(Refusal::client(
            "WAFOptimisticLockException",
            "AWS WAF couldn\u{2019}t save your changes because someone changed the resource after you \
             started to edit it. Reapply your changes.",
        ));
    }
    let arn = web_acl.arn.clone();
    if cloud.wafv2.associations.values().any(|used| *used == arn) {
        return Err(Refusal::client(
            "WAFAssociatedItemException",
            "AWS WAF couldn\u{2019}t perform the operation because your resource is being used by another \
             resource or it\u{2019}s associated with another resource.",
        ));
    }
    cloud.wafv2.web_acls.remove(&arn);
    Ok(json!({}))
}

pub(super) fn list(cloud: &Cloud, input: Input<'_>) -> Outcome {
    input.only(&["Scope", "NextMarker", "Limit"])?;
    check_scope(input)?;
    let limit = match input.integer("Limit")?.map(usize::try_from) {
        None => PAGE_MAX,
        Some(Ok(limit @ 1..=PAGE_MAX)) => limit,
        Some(Ok(_) | Err(_)) => return Err(invalid("the Limit is not between 1 and 100")),
    };
    let web_acls = cloud.wafv2.web_acls.values();
    let page = paging::page(
        web_acls.map(|web_acl| (web_acl.arn.clone(), web_acl.summarize())),
        input.text("NextMarker"),
        limit,
    )
    .map_err(|_| invalid("the NextMarker is not valid"))?;
    Ok(json!({"WebACLs": page.items, "NextMarker": page.next}))
}
