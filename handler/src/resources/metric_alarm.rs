//! The rollback alarm: found, written, deleted.
//!
//! Identity: name. Repeat-safe: PutMetricAlarm replaces the settings and leaves the state; it answers
//! with nothing, so what was written is known only after another look.
//! It has no actions of its own: ECS watches its state. Those that people gave it are written again, since
//! an update overwrites the whole configuration of the alarm.
//! AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html>

use aws_sdk_cloudwatch::types::{AlarmType, ComparisonOperator, MetricAlarm, StateValue};
use express_core::resources::metric_alarm::{
    AlarmActions, AlarmRule, AlarmState, MetricAlarmSpec, ObservedMetricAlarm,
};
use provider_schema::Percent;

use super::tags;
use crate::aws::AwsClients;
use crate::aws::error::answer::{member, text, unknown_value};
use crate::aws::error::{AwsError, aws_error, if_found};

mod queries;
pub mod state;

/// Minutes without data are minutes without errors.
/// AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html>
const MISSING_DATA: &str = "notBreaching";
/// What people see in the console.
const DESCRIPTION: &str = "Share of errors in percent; ECS rolls a deployment back on it";

/// The alarm of this name.
///
/// # Errors
/// When AWS refuses or its answer is unusable.
pub async fn find(aws: &AwsClients, name: &str) -> Result<Option<ObservedMetricAlarm>, AwsError> {
    const OPERATION: &str = "cloudwatch:DescribeAlarms";
    let answer = aws
        .cloudwatch
        .describe_alarms()
        .alarm_names(name)
        .alarm_types(AlarmType::MetricAlarm)
        .send()
        .await
        .map_err(aws_error(OPERATION))?;
    answer
        .metric_alarms()
        .first()
        .map(|alarm| observed(OPERATION, alarm))
        .transpose()
}

/// Writes the alarm, its metrics and settings.
///
/// # Errors
/// When AWS refuses.
pub async fn put(aws: &AwsClients, spec: &MetricAlarmSpec) -> Result<(), AwsError> {
    let MetricAlarmSpec {
        name,
        arn: _,
        load_balancer: _,
        watched: _,
        rule,
        actions,
        tags: wanted_tags,
    } = spec;
    let AlarmActions {
        alarm,
        ok,
        insufficient_data,
    } = actions;
    let AlarmRule {
        error_rate,
        // These two are in the expression.
        requests_min: _,
        counts_4xx: _,
        evaluation_periods,
        datapoints_to_alarm,
    } = rule;
    aws.cloudwatch
        .put_metric_alarm()
        .alarm_name(name)
        .alarm_description(DESCRIPTION)
        .actions_enabled(true)
        .set_alarm_actions(Some(alarm.clone()))
        .set_ok_actions(Some(ok.clone()))
        .set_insufficient_data_actions(Some(insufficient_data.clone()))
        .set_metrics(Some(queries::to_sdk(spec)))
        .comparison_operator(ComparisonOperator::GreaterThanThreshold)
        .threshold(error_rate.to_f64())
        .evaluation_periods(evaluation_periods.cast_signed())
        .datapoints_to_alarm(datapoints_to_alarm.cast_signed())
        .treat_missing_data(MISSING_DATA)
        .set_tags(Some(tags::to_cloudwatch(wanted_tags)))
        .send()
        .await
        .map(|_| ())
        .map_err(aws_error("cloudwatch:PutMetricAlarm"))
}

/// Deletes the alarm; one that is gone counts as deleted.
///
/// # Errors
/// When AWS refuses.
pub async fn delete(aws: &AwsClients, name: &str) -> Result<(), AwsError> {
    let deleted = aws
        .cloudwatch
        .delete_alarms()
        .alarm_names(name)
        .send()
        .await
        .map_err(aws_error("cloudwatch:DeleteAlarms"));
    if_found(deleted).map(|_| ())
}

fn observed(operation: &'static str, alarm: &MetricAlarm) -> Result<ObservedMetricAlarm, AwsError> {
    let target_groups = queries::target_groups(alarm.metrics());
    Ok(ObservedMetricAlarm {
        arn: text(operation, "AlarmArn", alarm.alarm_arn())?,
        state: match member(operation, "StateValue", alarm.state_value())? {
            StateValue::Ok => AlarmState::Ok,
            StateValue::Alarm => AlarmState::Alarm,
            StateValue::InsufficientData => AlarmState::InsufficientData,
            other => return Err(unknown_value(operation, "StateValue", other.as_str())),
        },
        expression: queries::compared_expression(alarm.metrics()),
        rule: rule(alarm).filter(|rule| queries::are_ours(alarm.metrics(), &target_groups, *rule)),
        target_groups,
        actions: AlarmActions {
            alarm: alarm.alarm_actions().to_vec(),
            ok: alarm.ok_actions().to_vec(),
            insufficient_data: alarm.insufficient_data_actions().to_vec(),
        },
    })
}

/// When the alarm speaks; none when it does so in another manner than we write.
fn rule(alarm: &MetricAlarm) -> Option<AlarmRule> {
    // An alarm takes actions unless it was told not to.
    let is_ours = alarm.actions_enabled() != Some(false)
        && alarm.comparison_operator() == Some(&ComparisonOperator::GreaterThanThreshold)
        && alarm.treat_missing_data() == Some(MISSING_DATA);
    let count = |count: Option<i32>| u32::try_from(count?).ok();
    let rule = AlarmRule {
        error_rate: Percent::from_f64(alarm.threshold()?)?,
        requests_min: queries::requests_min(alarm.metrics())?,
        counts_4xx: queries::counts_4xx(alarm.metrics()),
        evaluation_periods: count(alarm.evaluation_periods())?,
        datapoints_to_alarm: count(alarm.datapoints_to_alarm())?,
    };
    is_ours.then_some(rule)
}

#[cfg(test)]
mod tests {
    use express_core::resources::Tags;
    use express_core::resources::metric_alarm::{Watched, differs};

    use super::*;

    fn wanted(watched: Watched) -> MetricAlarmSpec {
        MetricAlarmSpec {
            name: "express-web-0123456789ab-rollback".to_owned(),
            arn: String::new(),
            load_balancer: "app/express-1/abc".to_owned(),
            watched,
            rule: AlarmRule {
                error_rate: Percent::from_tenths(10),
                requests_min: 20,
                counts_4xx: false,
                evaluation_periods: 3,
                datapoints_to_alarm: 2,
            },
            actions: AlarmActions::default(),
            tags: Tags::new(),
        }
    }

    fn described(spec: &MetricAlarmSpec) -> MetricAlarm {
        MetricAlarm::builder()
            .alarm_name(&spec.name)
            .alarm_arn("arn:aws:cloudwatch:eu-west-1:123456789012:alarm:x")
            .state_value(StateValue::Ok)
            .actions_enabled(true)
            .set_metrics(Some(queries::to_sdk(spec)))
            .comparison_operator(ComparisonOperator::GreaterThanThreshold)
            .threshold(1.0)
            .evaluation_periods(3)
            .datapoints_to_alarm(2)
            .treat_missing_data(MISSING_DATA)
            .build()
    }

    #[test]
    fn what_is_written_does_not_differ() {
        for watched in [
            Watched::One("targetgroup/a/1".to_owned()),
            Watched::Both("targetgroup/a/1".to_owned(), "targetgroup/b/2".to_owned()),
        ] {
            for counts_4xx in [false, true] {
                let mut spec = wanted(watched.clone());
                spec.rule.counts_4xx = counts_4xx;
                let found = observed("x:Y", &described(&spec)).expect("is usable");
                assert_eq!(found.rule, Some(spec.rule));
                assert!(!differs(&spec, &found));
            }
        }
    }

    #[test]
    fn every_changed_setting_is_seen() {
        let changes: [fn(&mut MetricAlarm); 9] = [
            |alarm| alarm.actions_enabled = Some(false),
            |alarm| alarm.threshold = Some(5.0),
            |alarm| alarm.threshold = Some(0.05),
            |alarm| alarm.evaluation_periods = Some(1),
            |alarm| alarm.datapoints_to_alarm = None,
            |alarm| alarm.treat_missing_data = Some("missing".to_owned()),
            |alarm| alarm.comparison_operator = Some(ComparisonOperator::LessThanThreshold),
            |alarm| alarm.metrics = None,
            |alarm| {
                let stat = alarm.metrics.as_mut().unwrap()[0].metric_stat.as_mut();
                stat.unwrap().period = Some(300);
            },
        ];
        for change in changes {
            let spec = wanted(Watched::One("targetgroup/a/1".to_owned()));
            let mut alarm = described(&spec);
            change(&mut alarm);
            let found = observed("x:Y", &alarm).expect("is usable");
            assert!(differs(&spec, &found), "{alarm:?}");
        }
    }
}
