//! One file per kind of AWS resource: the only callers of the AWS SDK. The same file names are in
//! `handler/core/src/resources`, which says what each kind is and how it differs.
//!
//! `find` describes and answers with what there is; `create`, `update` and `delete` change. None of
//! them decides: what is asked for comes from a [`express_core::step::Step`], and a change that has
//! already happened counts as done.

pub mod alias_record;
pub mod cluster;
pub mod ecs_service;
pub mod elb_tags;
pub mod listener;
pub mod listener_rule;
pub mod load_balancer;
pub mod log_group;
pub mod metric_alarm;
pub mod scalable_target;
pub mod scaling_policy;
pub mod security_group;
pub mod tagging;
pub mod tags;
pub mod target_group;
pub mod task_definition;
pub mod vpc;
