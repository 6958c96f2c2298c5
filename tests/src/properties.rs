//! Properties of `Custom::ExpressService`, as a template would have them.

use provider_schema::{Properties, RequestContext, parse};
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

    /// Removes the property at a JSON pointer, if it is there.
    #[must_use]
    pub fn unset(self, pointer: &str) -> Self {
        let mut whole = Value::Object(self.0);
        if let Some((object, name)) = pointer.rsplit_once('/')
            && let Some(Value::Object(members)) = whole.pointer_mut(object)
        {
            members.shift_remove(name);
        }
        match whole {
            Value::Object(members) => Self(members),
            _ => panic!("{pointer} has no name"),
        }
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

    /// As the provider reads them.
    ///
    /// # Panics
    /// When it refuses them.
    #[must_use]
    pub fn parsed(&self) -> Properties {
        let context = RequestContext {
            partition: "aws",
            region: REGION,
            account_id: ACCOUNT_ID,
            stack_id: "arn:aws:cloudformation:eu-west-1:123456789012:stack/app/1",
            logical_resource_id: "Web",
            request_id: "request-1",
            domain_name: "apps.example.com",
        };
        parse(&self.stringified(), &context).unwrap_or_else(|problems| panic!("{problems:?}"))
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
