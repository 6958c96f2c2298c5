//! The defaults of properties, where serde finds them.
//!
//! Where AWS's own documents disagree on Express Mode's defaults, ours are those of its developer
//! guide: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/express-service-work.html>

use crate::limits;
use crate::percent::Percent;

pub(crate) fn service_timeout_s() -> u32 {
    limits::SERVICE_TIMEOUT_S_MAX
}

pub(crate) fn cluster() -> String {
    "default".to_owned()
}

pub(crate) fn cpu() -> u32 {
    1024
}

pub(crate) fn memory_mib() -> u32 {
    2048
}

pub(crate) fn health_check_path() -> String {
    "/".to_owned()
}

pub(crate) fn container_port() -> u16 {
    80
}

pub(crate) fn log_stream_prefix() -> String {
    "ecs".to_owned()
}

pub(crate) fn min_task_count() -> u32 {
    1
}

pub(crate) fn max_task_count() -> u32 {
    limits::MAX_TASK_COUNT_DEFAULT
}

pub(crate) fn auto_scaling_target_value() -> u32 {
    60
}

pub(crate) fn yes() -> bool {
    true
}

pub(crate) fn bake_minutes() -> u32 {
    3
}

pub(crate) fn canary_percent() -> Percent {
    Percent::from_tenths(50)
}

pub(crate) fn step_percent() -> Percent {
    Percent::from_tenths(100)
}

pub(crate) fn threshold_value() -> u32 {
    50
}

pub(crate) fn error_rate_percent() -> Percent {
    Percent::from_tenths(10)
}

pub(crate) fn minimum_requests() -> u32 {
    20
}

pub(crate) fn evaluation_periods() -> u32 {
    3
}

pub(crate) fn datapoints_to_alarm() -> u32 {
    2
}
