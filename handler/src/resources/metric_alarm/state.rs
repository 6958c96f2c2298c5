//! Why alarms are in the state that they are in, with the numbers.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricAlarm.html> (`StateReason`)

use aws_sdk_cloudwatch::types::AlarmType;
use express_core::diagnosis::Alarm;

use crate::aws::AwsClients;
use crate::aws::error::{AwsError, MESSAGE_BYTES_MAX, aws_error};
use crate::telemetry::presentable;

/// The alarms of these names that exist.
///
/// # Errors
/// When AWS refuses.
pub async fn find(aws: &AwsClients, names: &[String]) -> Result<Vec<Alarm>, AwsError> {
    let answer = aws
        .cloudwatch
        .describe_alarms()
        .set_alarm_names(Some(names.to_vec()))
        .alarm_types(AlarmType::MetricAlarm)
        .send()
        .await
        .map_err(aws_error("cloudwatch:DescribeAlarms"))?;
    let alarms = answer.metric_alarms().iter();
    Ok(alarms
        .filter_map(|alarm| {
            Some(Alarm {
                name: alarm.alarm_name()?.to_owned(),
                state_reason: alarm
                    .state_reason()
                    .map(|reason| presentable(reason, MESSAGE_BYTES_MAX)),
            })
        })
        .collect())
}
