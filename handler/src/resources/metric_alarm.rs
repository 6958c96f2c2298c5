//! The rollback alarm: found, written, deleted.
//!
//! Identity: name. Repeat-safe: PutMetricAlarm replaces the settings and leaves the state; it answers
//! with nothing, so what was written is known only after another look.
//! It has no actions of its own: ECS watches its state (DESIGN §3).
//! AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html>

use aws_sdk_cloudwatch::types::{AlarmType, ComparisonOperator, MetricAlarm, StateValue};
use express_core::resources::metric_alarm::{
    AlarmState, DATAPOINTS_TO_ALARM, ERROR_RATE_PERCENT, EVALUATION_PERIODS, MetricAlarmSpec,
    ObservedMetricAlarm,
};

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
const DESCRIPTION: &str = "Share of 5xx answers in percent; ECS rolls a deployment back on it";

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
        tags: wanted_tags,
    } = spec;
    aws.cloudwatch
        .put_metric_alarm()
        .alarm_name(name)
        .alarm_description(DESCRIPTION)
        .actions_enabled(true)
        .set_metrics(Some(queries::to_sdk(spec)))
        .comparison_operator(ComparisonOperator::GreaterThanThreshold)
        .threshold(f64::from(ERROR_RATE_PERCENT))
        .evaluation_periods(EVALUATION_PERIODS.cast_signed())
        .datapoints_to_alarm(DATAPOINTS_TO_ALARM.cast_signed())
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
        settings_are_ours: settings_are_ours(alarm)
            && queries::are_ours(alarm.metrics(), &target_groups),
        target_groups,
    })
}

fn settings_are_ours(alarm: &MetricAlarm) -> bool {
    // An alarm takes actions unless it was told not to.
    alarm.actions_enabled() != Some(false)
        && alarm.comparison_operator() == Some(&ComparisonOperator::GreaterThanThreshold)
        && alarm
            .threshold()
            .is_some_and(|found| (found - f64::from(ERROR_RATE_PERCENT)).abs() < f64::EPSILON)
        && alarm.evaluation_periods() == Some(EVALUATION_PERIODS.cast_signed())
        && alarm.datapoints_to_alarm() == Some(DATAPOINTS_TO_ALARM.cast_signed())
        && alarm.treat_missing_data() == Some(MISSING_DATA)
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
            let spec = wanted(watched);
            let found = observed("x:Y", &described(&spec)).expect("is usable");
            assert!(found.settings_are_ours);
            assert!(!differs(&spec, &found));
        }
    }

    #[test]
    fn every_changed_setting_is_seen() {
        let changes: [fn(&mut MetricAlarm); 8] = [
            |alarm| alarm.actions_enabled = Some(false),
            |alarm| alarm.threshold = Some(5.0),
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
            let mut alarm = described(&wanted(Watched::One("targetgroup/a/1".to_owned())));
            change(&mut alarm);
            let found = observed("x:Y", &alarm).expect("is usable");
            assert!(!found.settings_are_ours, "{alarm:?}");
        }
    }
}
