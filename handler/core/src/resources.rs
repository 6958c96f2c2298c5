//! One file per kind of AWS resource: what it should be (`Spec`), what AWS says it is (`Observed`),
//! and what has to change (`diff`). The same file names are in `handler/src/resources`, which calls AWS.

pub mod alias_record;
pub mod cluster;
pub mod ecs_service;
pub mod listener;
pub mod listener_rule;
pub mod load_balancer;
pub mod log_group;
pub mod metric_alarm;
pub mod scalable_target;
pub mod scaling_policy;
pub mod security_group;
pub mod target_group;
pub mod task_definition;

use std::collections::BTreeMap;

/// Tags by key.
pub type Tags = BTreeMap<String, String>;
