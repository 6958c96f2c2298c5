//! The contract of `Custom::ExpressService` with those who write templates: its properties, its
//! attributes, and what a change of each property does.
//!
//! [`parse`] turns what CloudFormation sends into [`Properties`] or into all that is wrong with
//! it. [`Attributes`] is what `Fn::GetAtt` reads. [`updates`] is the table of changes, and
//! [`ownership`] says which fields of which AWS resources are whose. [`json_schema`] describes it
//! all in CloudFormation's words. Nothing here calls AWS, reads a clock or knows the handler.

mod arn;
mod attributes;
mod error;
mod fargate;
pub mod limits;
pub mod ownership;
mod parse;
mod percent;
mod properties;
mod rules;
mod schema;
pub mod updates;
mod validate;

pub use attributes::{ATTRIBUTES, Attribute, Attributes, NONE, answer_bytes};
pub use error::{PropertyError, PropertyErrors};
pub use fargate::{TaskSize, task_sizes};
pub use parse::{EXCLUDED_BY_TASK_DEFINITION, parse, parse_update};
pub use percent::Percent;
pub use properties::{
    AutoScalingMetric, AwsLogsConfiguration, CanaryConfiguration, CircuitBreaker, CpuArchitecture,
    Deployment, DeploymentStrategy, KeyValuePair, LifecycleHook, LifecycleStage,
    LinearConfiguration, LoadBalancer, NetworkConfiguration, Preset, PrimaryContainer, Properties,
    RepositoryCredentials, RollbackAlarm, ScalingTarget, Scheme, Secret, Sharing, Tag, TestTraffic,
    ThresholdConfiguration, ThresholdType,
};
pub use schema::json_schema;

/// The text of a JSON value without white space and with the members of objects in the order of their names.
#[must_use]
pub fn canonical_json(value: &serde_json::Value) -> String {
    fn sorted(value: &serde_json::Value) -> serde_json::Value {
        use serde_json::Value;
        match value {
            Value::Object(members) => {
                let by_name: std::collections::BTreeMap<&String, &Value> = members.iter().collect();
                let members = by_name.into_iter();
                members
                    .map(|(name, member)| (name.clone(), sorted(member)))
                    .collect::<serde_json::Map<_, _>>()
                    .into()
            }
            Value::Array(items) => items.iter().map(sorted).collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
        }
    }
    sorted(value).to_string()
}

/// What rules need to know of the request beside its properties.
#[derive(Clone, Copy, Debug)]
pub struct RequestContext<'a> {
    /// `aws`, `aws-cn`, `aws-us-gov`…; as in the stack's id.
    pub partition: &'a str,
    pub region: &'a str,
    /// Twelve digits.
    pub account_id: &'a str,
    /// ARN of the stack.
    pub stack_id: &'a str,
    pub logical_resource_id: &'a str,
    pub request_id: &'a str,
    /// The provider's domain, of which every service has a name.
    pub domain_name: &'a str,
}

#[cfg(test)]
mod tests;
