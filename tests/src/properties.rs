//! Properties of `Custom::ExpressService`, as a template would have them.

use serde_json::{Map, Value, json};

use crate::world::{ACCOUNT_ID, REGION};

/// A value of an environment variable that must never be found outside the task definition.
pub const ENVIRONMENT_CANARY: &str = "canary-of-the-environment";

/// One service's properties. Numbers and truth values may be written as such: CloudFormation makes texts of them.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceProperties(Map<String, Value>);

/// The least that a service needs: an image and two roles, and a name to be told apart by.
#[must_use]
pub fn web() -> ServiceProperties {
    ServiceProperties(Map::new())
        .set(
            "/ServiceToken",
            format!("arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:express"),
        )
        .set("/InfrastructureRoleArn", role("infrastructure"))
        .set("/ExecutionRoleArn", role("execution"))
        .set(
            "/PrimaryContainer",
            json!({"Image": "public.ecr.aws/nginx/nginx:1.27"}),
        )
        .named("web")
}

/// The ARN of a role of the account.
#[must_use]
pub fn role(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT_ID}:role/{name}")
}

/// A lifecycle hook of these stages; what the function answers is told by its name.
#[must_use]
pub fn lifecycle_hook(function: &str, stages: &[&str]) -> Value {
    json!({
        "HookTargetArn": format!("arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:{function}"),
        "RoleArn": role("hooks"),
        "LifecycleStages": stages,
        "HookDetails": r#"{"suite": "smoke", "attempts": 3}"#,
    })
}

/// Every property that can change in place, each with a new value.
#[must_use]
pub fn changes() -> Vec<(&'static str, Value)> {
    vec![
        (
            "/PrimaryContainer/Image",
            json!("public.ecr.aws/nginx/nginx:1.28"),
        ),
        ("/PrimaryContainer/ContainerPort", json!(8080)),
        ("/PrimaryContainer/Command", json!(["serve"])),
        (
            "/PrimaryContainer/Environment",
            json!([{"Name": "MODE", "Value": "production"}]),
        ),
        (
            "/PrimaryContainer/AwsLogsConfiguration",
            json!({"LogGroup": "/team/web", "LogStreamPrefix": "web"}),
        ),
        (
            "/ExecutionRoleArn",
            json!("arn:aws:iam::123456789012:role/other-execution"),
        ),
        ("/TaskRoleArn", json!("arn:aws:iam::123456789012:role/task")),
        (
            "/InfrastructureRoleArn",
            json!("arn:aws:iam::123456789012:role/other-infrastructure"),
        ),
        ("/Cpu", json!(512)),
        ("/Memory", json!(4096)),
        ("/HealthCheckPath", json!("/up")),
        (
            "/ScalingTarget",
            json!({"MinTaskCount": 2, "MaxTaskCount": 4}),
        ),
        (
            "/ScalingTarget",
            json!({"AutoScalingMetric": "REQUEST_COUNT_PER_TARGET", "AutoScalingTargetValue": 500}),
        ),
        ("/Tags", json!([{"Key": "team", "Value": "web"}])),
        ("/Deployment/Preset", json!("DEVELOPMENT")),
        ("/Deployment/Strategy", json!("ROLLING")),
        (
            "/Deployment/CanaryConfiguration",
            json!({"CanaryPercent": 10, "CanaryBakeTimeInMinutes": 5}),
        ),
        ("/Deployment/BakeTimeInMinutes", json!(10)),
        (
            "/Deployment/CircuitBreaker",
            json!({"Enable": true, "ThresholdConfiguration": {"Type": "COUNT", "Value": 2}}),
        ),
        (
            "/Deployment/RollbackAlarm",
            json!({"ErrorRatePercent": 2.5, "MinimumRequests": 50, "Count4xx": true, "EvaluationPeriods": 5}),
        ),
        ("/Deployment/AlarmNames", json!(["latency"])),
        (
            "/Deployment/TestTraffic",
            json!({"HeaderName": "X-Test", "HeaderValue": "new"}),
        ),
        (
            "/Deployment/LifecycleHooks",
            json!([lifecycle_hook("check", &["POST_SCALE_UP"])]),
        ),
        ("/Deployment/ForceDeployment", json!("again")),
    ]
}

impl ServiceProperties {
    /// Sets the property at a JSON pointer; objects on the way are made.
    #[must_use]
    pub fn set(mut self, pointer: &str, value: impl Into<Value>) -> Self {
        let mut names = pointer.trim_start_matches('/').split('/').peekable();
        let mut object = &mut self.0;
        while let Some(name) = names.next() {
            if names.peek().is_none() {
                object.insert(name.to_owned(), value.into());
                break;
            }
            object = object
                .entry(name)
                .or_insert_with(|| json!({}))
                .as_object_mut()
                .unwrap_or_else(|| panic!("{name} in {pointer} is not an object"));
        }
        self
    }

    /// Removes a property at the top.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.0.shift_remove(name);
        self
    }

    /// `ServiceName`.
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        self.set("/ServiceName", name)
    }

    /// `PrimaryContainer.Image`.
    #[must_use]
    pub fn image(self, image: &str) -> Self {
        self.set("/PrimaryContainer/Image", image)
    }

    /// `PrimaryContainer.Environment` with one variable.
    #[must_use]
    pub fn environment(self, name: &str, value: &str) -> Self {
        self.set(
            "/PrimaryContainer/Environment",
            json!([{"Name": name, "Value": value}]),
        )
    }

    /// `Cluster`.
    #[must_use]
    pub fn cluster(self, cluster: &str) -> Self {
        self.set("/Cluster", cluster)
    }

    /// `HealthCheckPath`.
    #[must_use]
    pub fn health_check_path(self, path: &str) -> Self {
        self.set("/HealthCheckPath", path)
    }

    /// `ServiceTimeout`, in seconds.
    #[must_use]
    pub fn service_timeout(self, seconds: u64) -> Self {
        self.set("/ServiceTimeout", seconds)
    }

    /// As they were written.
    #[must_use]
    pub fn raw(&self) -> Value {
        Value::Object(self.0.clone())
    }

    /// As CloudFormation sends them.
    #[must_use]
    pub fn stringified(&self) -> Value {
        stringified(&self.raw())
    }
}

/// CloudFormation sends every scalar of a custom resource's properties as text.
/// AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-customresource.html>
fn stringified(value: &Value) -> Value {
    match value {
        Value::Null => panic!("CloudFormation refuses null in a template"),
        Value::Bool(truth) => Value::String(truth.to_string()),
        Value::Number(number) => Value::String(number.to_string()),
        Value::String(_) => value.clone(),
        Value::Array(items) => items.iter().map(stringified).collect(),
        Value::Object(members) => members
            .iter()
            .map(|(name, member)| (name.clone(), stringified(member)))
            .collect::<Map<_, _>>()
            .into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_become_texts_at_every_depth() {
        let sent = web()
            .set("/Cpu", 1024)
            .set("/A/B", json!([true, {"C": 1.5}]))
            .stringified();
        assert_eq!(sent["Cpu"], "1024");
        assert_eq!(sent["A"]["B"], json!(["true", {"C": "1.5"}]));
    }
}
