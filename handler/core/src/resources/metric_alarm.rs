//! The rollback alarm: ECS rolls a deployment back when it is in ALARM.
//!
//! Identity: its name. Repeat-safe: PutMetricAlarm replaces the settings, actions included, and leaves the state; what
//! people have the alarm do is written again as it was found.
//! It looks at the share of 5xx answers among requests, and only where there are enough of them: one
//! failed request in a silent minute says nothing. At rest it already looks at the *idle* group, the
//! one that the next deployment takes; before the first deployment has ended, at both. A rolling
//! deployment stays in the group that serves, so with that strategy it looks at both as well.
//! AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html>
//! Express Mode's values: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/express-service-work.html>

use provider_schema::Percent;

use super::ecs_service::{ServiceIngress, Strategy};
use super::{Tags, listener_rule, target_group};

/// Seconds of one datapoint: Express Mode's.
pub const PERIOD_S: u32 = 60;
/// The metric of answers with a status of 400 to 499.
pub const METRIC_4XX: &str = "HTTPCode_Target_4XX_Count";

/// An alarm that is to exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricAlarmSpec {
    /// `express-<service>-<12 hex>-rollback`
    pub name: String,
    /// Its ARN, which CloudWatch makes of the name.
    pub arn: String,
    /// `app/…`
    pub load_balancer: String,
    /// What it looks at.
    pub watched: Watched,
    /// When it speaks.
    pub rule: AlarmRule,
    /// What people have it do, as it was found: writing an alarm overwrites all of it.
    pub actions: AlarmActions,
    /// Tags it is created with; CloudWatch ignores them on an alarm that exists.
    pub tags: Tags,
}

/// What an alarm does beside being watched by ECS: people's, each as an ARN; the provider sets none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlarmActions {
    /// When its state becomes `ALARM`.
    pub alarm: Vec<String>,
    /// When it becomes `OK`.
    pub ok: Vec<String>,
    /// When it becomes `INSUFFICIENT_DATA`.
    pub insufficient_data: Vec<String>,
}

/// When the alarm speaks: what `Deployment.RollbackAlarm` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlarmRule {
    /// Percent of errors that is still accepted.
    pub error_rate: Percent,
    /// Requests in a period below which the error rate is taken as 0.
    pub requests_min: u32,
    /// Whether answers with a status of 400 to 499 are errors.
    pub counts_4xx: bool,
    /// Datapoints looked at.
    pub evaluation_periods: u32,
    /// Datapoints that must breach.
    pub datapoints_to_alarm: u32,
}

/// The target groups an alarm looks at, by their names in metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Watched {
    /// One group: the idle one.
    One(String),
    /// Both: before the first deployment has ended.
    Both(String, String),
}

/// One metric or expression of an alarm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlarmQuery {
    /// Its name in expressions.
    pub id: String,
    /// What it is.
    pub source: AlarmSource,
}

/// What a query reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlarmSource {
    /// The sum of a metric of `AWS/ApplicationELB` for one target group over [`PERIOD_S`].
    Sum {
        /// `RequestCount`…
        metric: &'static str,
        /// `targetgroup/…`
        target_group: String,
    },
    /// The expression whose value is compared.
    Expression(String),
}

impl MetricAlarmSpec {
    /// The alarm of a service at rest, by what the service itself says: it looks at the group that is idle. None
    /// when what serves is none of the pair, or the alarm does not say when it is to speak. `found` is the alarm as
    /// it is.
    #[must_use]
    pub fn at_rest(
        name: String,
        found: &ObservedMetricAlarm,
        ingress: &ServiceIngress,
        strategy: &Strategy,
        live_target_group_arn: &str,
    ) -> Option<Self> {
        let ServiceIngress {
            target_group_arn,
            alternate_target_group_arn,
            rule_arn,
            test_rule_arn: _,
            infrastructure_role_arn: _,
            container_port: _,
        } = ingress;
        let pair = [target_group_arn, alternate_target_group_arn];
        let idle = match pair.map(|arn| arn == live_target_group_arn) {
            [true, false] => alternate_target_group_arn,
            [false, true] => target_group_arn,
            [true, true] | [false, false] => return None,
        };
        let full_name = |arn: &str| target_group::full_name(arn).to_owned();
        let watched = match strategy {
            Strategy::Canary { .. } | Strategy::Linear { .. } | Strategy::BlueGreen { .. } => {
                Watched::One(full_name(idle))
            }
            Strategy::Rolling => Watched::Both(
                full_name(target_group_arn),
                full_name(alternate_target_group_arn),
            ),
        };
        Some(Self {
            name,
            arn: found.arn.clone(),
            load_balancer: listener_rule::load_balancer_of(rule_arn)?,
            watched,
            rule: found.rule?,
            actions: found.actions.clone(),
            // CloudWatch ignores tags of an alarm that exists.
            tags: Tags::new(),
        })
    }

    /// What is there once it was written. CloudWatch leaves the state of an alarm that exists unchanged.
    #[must_use]
    pub fn written(&self, state: AlarmState) -> ObservedMetricAlarm {
        ObservedMetricAlarm {
            arn: self.arn.clone(),
            state,
            target_groups: self.watched_groups().into_iter().cloned().collect(),
            expression: self.expression(),
            rule: Some(self.rule),
            actions: self.actions.clone(),
        }
    }

    fn watched_groups(&self) -> Vec<&String> {
        match &self.watched {
            Watched::One(group) => vec![group],
            Watched::Both(a, b) => vec![a, b],
        }
    }

    /// The compared expression: the last of the queries.
    fn expression(&self) -> Option<String> {
        match self.queries().pop()?.source {
            AlarmSource::Expression(text) => Some(text),
            AlarmSource::Sum { .. } => None,
        }
    }

    /// The queries, the compared expression last.
    #[must_use]
    pub fn queries(&self) -> Vec<AlarmQuery> {
        let groups: Vec<(&str, &String)> = match &self.watched {
            Watched::One(group) => vec![("a", group)],
            Watched::Both(a, b) => vec![("a", a), ("b", b)],
        };
        let mut metrics = vec![
            ("errors", "HTTPCode_Target_5XX_Count"),
            ("requests", "RequestCount"),
        ];
        if self.rule.counts_4xx {
            metrics.push(("refusals", METRIC_4XX));
        }
        let mut queries = Vec::new();
        for (letter, group) in &groups {
            for (prefix, metric) in metrics.iter().copied() {
                queries.push(AlarmQuery {
                    id: format!("{prefix}_{letter}"),
                    source: AlarmSource::Sum {
                        metric,
                        target_group: (*group).clone(),
                    },
                });
            }
        }
        let sum = |prefix: &str| -> String {
            groups
                .iter()
                .map(|(letter, _)| format!("FILL({prefix}_{letter}, 0)"))
                .collect::<Vec<_>>()
                .join(" + ")
        };
        let (mut errors, requests) = (sum("errors"), sum("requests"));
        if self.rule.counts_4xx {
            errors = format!("{errors} + {}", sum("refusals"));
        }
        let requests_min = self.rule.requests_min;
        queries.push(AlarmQuery {
            id: "error_rate".to_owned(),
            source: AlarmSource::Expression(format!(
                "IF({requests} < {requests_min}, 0, 100 * ({errors}) / ({requests}))"
            )),
        });
        queries
    }
}

/// An alarm that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedMetricAlarm {
    /// Its ARN.
    pub arn: String,
    /// Its state.
    pub state: AlarmState,
    /// The target groups that its metrics name, in the order of their queries, each once.
    pub target_groups: Vec<String>,
    /// The compared expression.
    pub expression: Option<String>,
    /// When it speaks; none when its metrics, comparison or missing data are not what we write, or its actions are
    /// not enabled.
    pub rule: Option<AlarmRule>,
    /// What it does; people's.
    pub actions: AlarmActions,
}

/// `StateValue` of an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlarmState {
    /// Within the threshold.
    Ok,
    /// Beyond it.
    Alarm,
    /// Not known yet.
    InsufficientData,
}

/// Whether the settings differ. State and actions are never ours.
#[must_use]
pub fn differs(spec: &MetricAlarmSpec, observed: &ObservedMetricAlarm) -> bool {
    let ObservedMetricAlarm {
        arn: _,
        state: _,
        target_groups,
        expression,
        rule,
        actions: _,
    } = observed;
    // The load balancer is that of the groups, each of which belongs to one only.
    *rule != Some(spec.rule)
        || !spec.watched_groups().into_iter().eq(target_groups.iter())
        || spec.expression() != *expression
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/express-a/1";
    const B: &str = "arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/express-b/2";
    const RULE: &str = "arn:aws:elasticloadbalancing:eu-west-1:1:listener-rule/app/express-1/3/4/5";

    fn found() -> ObservedMetricAlarm {
        ObservedMetricAlarm {
            arn: "arn-of-the-alarm".to_owned(),
            state: AlarmState::Ok,
            target_groups: Vec::new(),
            expression: None,
            rule: Some(AlarmRule {
                error_rate: Percent::from_tenths(10),
                requests_min: 5,
                counts_4xx: false,
                evaluation_periods: 3,
                datapoints_to_alarm: 2,
            }),
            actions: AlarmActions {
                alarm: vec!["arn-of-a-topic".to_owned()],
                ..AlarmActions::default()
            },
        }
    }

    fn at_rest(
        found: &ObservedMetricAlarm,
        rule_arn: &str,
        strategy: &Strategy,
        live: &str,
    ) -> Option<MetricAlarmSpec> {
        let ingress = ServiceIngress {
            target_group_arn: A.to_owned(),
            alternate_target_group_arn: B.to_owned(),
            rule_arn: rule_arn.to_owned(),
            test_rule_arn: None,
            infrastructure_role_arn: "arn-of-the-role".to_owned(),
            container_port: 80,
        };
        MetricAlarmSpec::at_rest("rollback".to_owned(), found, &ingress, strategy, live)
    }

    #[test]
    fn at_rest_the_alarm_watches_the_idle_group_or_both_where_deployments_are_rolling() {
        let one = |group: &str| Watched::One(format!("targetgroup/{group}"));
        let both = || {
            Watched::Both(
                "targetgroup/express-a/1".into(),
                "targetgroup/express-b/2".into(),
            )
        };
        let blue_green = Strategy::BlueGreen { bake: 5 };
        for (strategy, live, watched) in [
            (&blue_green, A, Some(one("express-b/2"))),
            (&blue_green, B, Some(one("express-a/1"))),
            (&blue_green, "another", None),
            (&Strategy::Rolling, A, Some(both())),
        ] {
            let spec = at_rest(&found(), RULE, strategy, live);
            assert_eq!(
                spec.map(|spec| spec.watched),
                watched,
                "{strategy:?} {live}"
            );
        }
    }

    #[test]
    fn at_rest_the_alarm_keeps_when_it_speaks_and_what_people_have_it_do() {
        let blue_green = Strategy::BlueGreen { bake: 5 };
        let spec = at_rest(&found(), RULE, &blue_green, A).expect("an alarm");
        assert_eq!(spec.load_balancer, "app/express-1/3");
        assert_eq!(
            (Some(spec.rule), spec.actions),
            (found().rule, found().actions)
        );
        assert_eq!(at_rest(&found(), "no-rule", &blue_green, A), None);
        let silent = ObservedMetricAlarm {
            rule: None,
            ..found()
        };
        assert_eq!(at_rest(&silent, RULE, &blue_green, A), None);
    }
}
