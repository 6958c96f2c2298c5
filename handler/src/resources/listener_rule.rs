//! Listener rules: found, created, repaired, deleted.
//!
//! Identity: the host name on the pool's HTTPS listener, and our tags. CreateRule has no idempotency of
//! its own; whoever meets a taken priority looks for a rule of this host before the next slot.
//! A repair changes only the forward action's groups, or adds the service's host: other conditions and
//! hosts, stickiness and actions that people put before the forward action stay.
//! AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateRule.html>

use std::collections::BTreeMap;

use aws_sdk_elasticloadbalancingv2::types::{
    Action, ActionTypeEnum, ForwardActionConfig, HostHeaderConditionConfig,
    HttpHeaderConditionConfig, Rule, RuleCondition, TargetGroupTuple,
};
use express_core::resources::Tags;
use express_core::resources::listener_rule::{
    FULL_WEIGHT, ListenerRuleSpec, ObservedListenerRule, TestHeader,
};

use super::tags;
use crate::aws::AwsClients;
use crate::aws::error::answer::{PAGES_MAX, member, text, too_many_pages, unknown_value};
use crate::aws::error::{AwsError, aws_error, if_found};

const DESCRIBE: &str = "elasticloadbalancing:DescribeRules";

/// The field of a condition on the host name.
/// AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RuleCondition.html>
const HOST_HEADER: &str = "host-header";
/// The field of a condition on another header.
/// AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RuleCondition.html>
const HTTP_HEADER: &str = "http-header";
/// The priority of a listener's default action.
/// AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_Rule.html>
const DEFAULT_PRIORITY: &str = "default";
/// Weight of the only group of a forward action that gives none.
const ONLY_WEIGHT: u32 = 1;

/// What became of a rule's creation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Creation {
    /// It exists now.
    Created(ObservedListenerRule),
    /// Another rule has the priority: a stranger's, or ours from a call whose answer was lost.
    PriorityTaken,
}

/// All rules of a listener, the default one among them, without tags; none when it is gone.
///
/// # Errors
/// When AWS refuses, its answer is unusable, or the listing does not end.
pub async fn find_all(
    aws: &AwsClients,
    listener_arn: &str,
) -> Result<Vec<ObservedListenerRule>, AwsError> {
    let mut pages = aws
        .elbv2
        .describe_rules()
        .listener_arn(listener_arn)
        .into_paginator()
        .send();
    let mut rules = Vec::new();
    for _ in 0..PAGES_MAX {
        let Some(page) = pages.next().await else {
            return Ok(rules);
        };
        match page.map_err(aws_error(DESCRIBE)) {
            Ok(page) => {
                for rule in page.rules() {
                    rules.push(observed(DESCRIBE, rule, Tags::new())?);
                }
            }
            Err(error) if error.is_not_found() => return Ok(Vec::new()),
            Err(error) => return Err(error),
        }
    }
    Err(too_many_pages(DESCRIBE))
}

/// The rule of this ARN, without tags.
///
/// # Errors
/// When AWS refuses or its answer is unusable.
pub async fn find(
    aws: &AwsClients,
    rule_arn: &str,
) -> Result<Option<ObservedListenerRule>, AwsError> {
    describe(aws, rule_arn)
        .await?
        .map(|rule| observed(DESCRIBE, &rule, Tags::new()))
        .transpose()
}

/// Creates the rule: the host's requests all go to the first group, the second stands by.
///
/// # Errors
/// When AWS refuses for another reason than the priority, or its answer is unusable.
pub async fn create(aws: &AwsClients, spec: &ListenerRuleSpec) -> Result<Creation, AwsError> {
    const OPERATION: &str = "elasticloadbalancing:CreateRule";
    let ListenerRuleSpec {
        listener_arn,
        priority,
        host,
        header,
        first_group_arn,
        second_group_arn,
        tags: wanted_tags,
    } = spec;
    let weights = BTreeMap::from([
        (first_group_arn.clone(), FULL_WEIGHT),
        (second_group_arn.clone(), 0),
    ]);
    let created = aws
        .elbv2
        .create_rule()
        .listener_arn(listener_arn)
        .priority(priority.cast_signed())
        .set_conditions(Some(conditions(host, header.as_ref())))
        .actions(
            Action::builder()
                .r#type(ActionTypeEnum::Forward)
                .forward_config(
                    ForwardActionConfig::builder()
                        .set_target_groups(Some(to_tuples(&weights)))
                        .build(),
                )
                .build(),
        )
        .set_tags(tags::to_elbv2(wanted_tags))
        .send()
        .await
        .map_err(aws_error(OPERATION));
    match created {
        Ok(answer) => {
            let rule = member(OPERATION, "Rules", answer.rules().first())?;
            observed(OPERATION, rule, wanted_tags.clone()).map(Creation::Created)
        }
        Err(error) if error.is("PriorityInUse") => Ok(Creation::PriorityTaken),
        Err(error) => Err(error),
    }
}

/// Has a rule for test traffic look at another header; its actions stay. One that is gone is nothing to change.
///
/// # Errors
/// When AWS refuses.
pub async fn set_header(
    aws: &AwsClients,
    rule_arn: &str,
    host: &str,
    header: &TestHeader,
) -> Result<(), AwsError> {
    let modified = aws
        .elbv2
        .modify_rule()
        .rule_arn(rule_arn)
        .set_conditions(Some(conditions(host, Some(header))))
        .send()
        .await
        .map_err(aws_error("elasticloadbalancing:ModifyRule"));
    if_found(modified).map(|_| ())
}

/// Makes a rule be for a further host: its other conditions and hosts stay. One that is gone is nothing to change.
///
/// # Errors
/// When AWS refuses or its answer is unusable.
pub async fn add_host(aws: &AwsClients, rule_arn: &str, host: &str) -> Result<(), AwsError> {
    let Some(rule) = describe(aws, rule_arn).await? else {
        return Ok(());
    };
    // ModifyRule replaces all conditions: the others are sent as they were found.
    // AWS: https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_ModifyRule.html
    let modified = aws
        .elbv2
        .modify_rule()
        .rule_arn(rule_arn)
        .set_conditions(Some(with_host(rule.conditions(), host)))
        .send()
        .await
        .map_err(aws_error("elasticloadbalancing:ModifyRule"));
    if_found(modified).map(|_| ())
}

/// These conditions, and the host among the values of the one on hosts. The older form of values, in which ELB repeats
/// some of them, is left out: only one of both may be given.
/// AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RuleCondition.html>
fn with_host(found: &[RuleCondition], host: &str) -> Vec<RuleCondition> {
    let mut with_host: Vec<RuleCondition> = found.to_vec();
    let mut is_added = false;
    for condition in &mut with_host {
        if condition.host_header_config.is_some() || condition.path_pattern_config.is_some() {
            condition.values = None;
        }
        if let Some(hosts) = &mut condition.host_header_config {
            hosts.values.get_or_insert_default().push(host.to_owned());
            is_added = true;
        }
    }
    if !is_added {
        with_host.extend(conditions(host, None));
    }
    with_host
}

/// The host, and the header of a rule for test traffic.
fn conditions(host: &str, header: Option<&TestHeader>) -> Vec<RuleCondition> {
    let host = RuleCondition::builder()
        .field(HOST_HEADER)
        .host_header_config(HostHeaderConditionConfig::builder().values(host).build())
        .build();
    let header = header.map(|TestHeader { name, value }| {
        let config = HttpHeaderConditionConfig::builder()
            .http_header_name(name)
            .values(value)
            .build();
        RuleCondition::builder()
            .field(HTTP_HEADER)
            .http_header_config(config)
            .build()
    });
    std::iter::once(host).chain(header).collect()
}

/// Sets the groups of the rule's forward action and their weights; everything else of the rule stays.
/// A rule that is gone is nothing to repair.
///
/// # Errors
/// When AWS refuses or its answer is unusable.
pub async fn set_weights(
    aws: &AwsClients,
    rule_arn: &str,
    weights: &BTreeMap<String, u32>,
) -> Result<(), AwsError> {
    let Some(rule) = describe(aws, rule_arn).await? else {
        return Ok(());
    };
    // ModifyRule replaces all actions: those before the forward action are sent as they were found.
    // AWS: https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_ModifyRule.html
    let mut actions = rule.actions().to_vec();
    // The one secret in them is never described.
    // AWS: https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_AuthenticateOidcActionConfig.html
    for action in &mut actions {
        if let Some(oidc) = &mut action.authenticate_oidc_config {
            oidc.use_existing_client_secret = Some(true);
        }
    }
    for action in actions.iter_mut().filter(|action| is_forward(action)) {
        action.target_group_arn = None;
        action
            .forward_config
            .get_or_insert_with(|| ForwardActionConfig::builder().build())
            .target_groups = Some(to_tuples(weights));
    }
    let modified = aws
        .elbv2
        .modify_rule()
        .rule_arn(rule_arn)
        .set_actions(Some(actions))
        .send()
        .await
        .map_err(aws_error("elasticloadbalancing:ModifyRule"));
    match modified {
        Ok(_) => Ok(()),
        Err(error) if error.is("RuleNotFound") => Ok(()),
        Err(error) => Err(error),
    }
}

/// Deletes the rule: its targets drain from now on. One that is gone counts as deleted.
///
/// # Errors
/// When AWS refuses.
pub async fn delete(aws: &AwsClients, rule_arn: &str) -> Result<(), AwsError> {
    let deleted = aws
        .elbv2
        .delete_rule()
        .rule_arn(rule_arn)
        .send()
        .await
        .map_err(aws_error("elasticloadbalancing:DeleteRule"));
    if_found(deleted).map(|_| ())
}

async fn describe(aws: &AwsClients, rule_arn: &str) -> Result<Option<Rule>, AwsError> {
    let answer = aws
        .elbv2
        .describe_rules()
        .rule_arns(rule_arn)
        .send()
        .await
        .map_err(aws_error(DESCRIBE));
    Ok(if_found(answer)?.and_then(|answer| answer.rules().first().cloned()))
}

fn to_tuples(weights: &BTreeMap<String, u32>) -> Vec<TargetGroupTuple> {
    weights
        .iter()
        .map(|(arn, weight)| {
            TargetGroupTuple::builder()
                .target_group_arn(arn)
                .weight(weight.cast_signed())
                .build()
        })
        .collect()
}

fn is_forward(action: &Action) -> bool {
    action.r#type() == Some(&ActionTypeEnum::Forward)
}

fn observed(
    operation: &'static str,
    rule: &Rule,
    tags: Tags,
) -> Result<ObservedListenerRule, AwsError> {
    Ok(ObservedListenerRule {
        arn: text(operation, "RuleArn", rule.rule_arn())?,
        priority: match member(operation, "Priority", rule.priority())? {
            DEFAULT_PRIORITY => None,
            priority => Some(
                priority
                    .parse()
                    .map_err(|_| unknown_value(operation, "Priority", priority))?,
            ),
        },
        hosts: rule
            .conditions()
            .iter()
            .filter_map(RuleCondition::host_header_config)
            .flat_map(|config| config.values().to_vec())
            .collect(),
        has_host_expressions: rule
            .conditions()
            .iter()
            .filter_map(RuleCondition::host_header_config)
            .any(|config| !config.regex_values().is_empty()),
        headers: rule
            .conditions()
            .iter()
            .filter_map(RuleCondition::http_header_config)
            .map(|config| {
                let name = config.http_header_name().unwrap_or_default();
                (name.to_owned(), config.values().to_vec())
            })
            .collect(),
        has_further_parts: has_further_parts(rule),
        weights: weights(operation, rule)?,
        tags,
    })
}

fn has_further_parts(rule: &Rule) -> bool {
    let is_known = |condition: &RuleCondition| {
        condition.host_header_config().is_some() || condition.http_header_config().is_some()
    };
    let is_sticky = |action: &Action| {
        let config = action.forward_config();
        let stickiness = config.and_then(ForwardActionConfig::target_group_stickiness_config);
        stickiness.is_some_and(|stickiness| stickiness.enabled() == Some(true))
    };
    let is_plain = |action: &Action| is_forward(action) && !is_sticky(action);
    !rule.conditions().iter().all(is_known) || !rule.actions().iter().all(is_plain)
}

/// The groups of the forward action. With one group only, ELB may name it without weights.
fn weights(operation: &'static str, rule: &Rule) -> Result<BTreeMap<String, u32>, AwsError> {
    let Some(action) = rule.actions().iter().find(|action| is_forward(action)) else {
        return Ok(BTreeMap::new());
    };
    let tuples = action
        .forward_config()
        .map(ForwardActionConfig::target_groups)
        .unwrap_or_default();
    let mut weights = BTreeMap::new();
    for tuple in tuples {
        let arn = text(operation, "TargetGroupArn", tuple.target_group_arn())?;
        let weight = match tuple.weight() {
            Some(weight) => u32::try_from(weight)
                .map_err(|_| unknown_value(operation, "Weight", &weight.to_string()))?,
            None => ONLY_WEIGHT,
        };
        weights.insert(arn, weight);
    }
    if let Some(arn) = action.target_group_arn() {
        weights.entry(arn.to_owned()).or_insert(ONLY_WEIGHT);
    }
    Ok(weights)
}

#[cfg(test)]
mod tests {
    use aws_sdk_elasticloadbalancingv2::types::PathPatternConditionConfig;

    use super::*;

    fn described(priority: &str, action: Action) -> Rule {
        Rule::builder()
            .rule_arn("arn:rule")
            .priority(priority)
            .conditions(
                RuleCondition::builder()
                    .field(HOST_HEADER)
                    .host_header_config(
                        HostHeaderConditionConfig::builder()
                            .values("web.example.com")
                            .values("www.example.com")
                            .build(),
                    )
                    .build(),
            )
            .actions(action)
            .build()
    }

    #[test]
    fn hosts_and_weights_are_read() {
        let weights = BTreeMap::from([("arn:a".to_owned(), 950), ("arn:b".to_owned(), 50)]);
        let action = Action::builder()
            .r#type(ActionTypeEnum::Forward)
            .forward_config(
                ForwardActionConfig::builder()
                    .set_target_groups(Some(to_tuples(&weights)))
                    .build(),
            )
            .build();
        let rule = observed("x:Y", &described("1001", action), Tags::new()).expect("is usable");
        assert_eq!(rule.priority, Some(1001));
        assert_eq!(rule.hosts, ["web.example.com", "www.example.com"]);
        assert_eq!(rule.weights, weights);
    }

    #[test]
    fn a_further_host_leaves_the_other_conditions_as_they_are() {
        let path = || {
            let config = PathPatternConditionConfig::builder().values("/shop/*");
            RuleCondition::builder()
                .field("path-pattern")
                .path_pattern_config(config.build())
        };
        let hosts = |hosts: &[&str]| {
            let config = HostHeaderConditionConfig::builder();
            let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
            RuleCondition::builder()
                .field(HOST_HEADER)
                .host_header_config(config.set_values(Some(hosts)).build())
        };
        // As ELB tells them, in both forms.
        let found = [
            path().values("/shop/*").build(),
            hosts(&["www.example.com"])
                .values("www.example.com")
                .build(),
        ];
        let wanted = [
            path().build(),
            hosts(&["www.example.com", "web.example.com"]).build(),
        ];
        assert_eq!(with_host(&found, "web.example.com"), wanted);
        let wanted = [path().build(), hosts(&["web.example.com"]).build()];
        assert_eq!(with_host(&found[..1], "web.example.com"), wanted);
    }

    #[test]
    fn host_expressions_are_people_s() {
        let of = |config: HostHeaderConditionConfig| {
            let mut rule = described("1000", Action::builder().build());
            rule.conditions = Some(vec![
                RuleCondition::builder()
                    .field(HOST_HEADER)
                    .host_header_config(config)
                    .build(),
            ]);
            observed("x:Y", &rule, Tags::new()).expect("is usable")
        };
        let config = HostHeaderConditionConfig::builder;
        assert!(of(config().values("www.example.com").build()).lacks("web.example.com"));
        assert!(!of(config().regex_values("^w.*").build()).lacks("web.example.com"));
    }

    #[test]
    fn the_header_of_a_rule_for_test_traffic_is_read_back() {
        let header = TestHeader {
            name: "X-Test".to_owned(),
            value: "new".to_owned(),
        };
        let mut rule = described("1000", Action::builder().build());
        rule.conditions = Some(conditions("web.example.com", Some(&header)));
        let rule = observed("x:Y", &rule, Tags::new()).expect("is usable");
        assert_eq!(rule.hosts, ["web.example.com"]);
        assert!(rule.looks_at(&header));
        let another = TestHeader {
            value: "newer".to_owned(),
            ..header
        };
        assert!(!rule.looks_at(&another));
    }

    #[test]
    fn a_single_group_without_weights_has_one() {
        let action = Action::builder()
            .r#type(ActionTypeEnum::Forward)
            .target_group_arn("arn:a")
            .build();
        let rule = observed("x:Y", &described("default", action), Tags::new()).expect("is usable");
        assert_eq!(rule.priority, None);
        assert_eq!(rule.weights, BTreeMap::from([("arn:a".to_owned(), 1)]));
    }
}
