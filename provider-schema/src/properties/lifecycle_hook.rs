//! `Deployment.LifecycleHooks`: functions that decide whether a deployment goes on.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::limits;

/// A Lambda function that ECS calls at stages of a deployment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct LifecycleHook {
    /// ARN of the function, with or without a version or an alias.
    ///
    /// It answers `{"hookStatus": "SUCCEEDED"}`; with `FAILED` the deployment is rolled back, with `IN_PROGRESS` the
    /// function is called again after 30 seconds, or after the seconds in `callBackDelay`. It must be in the stack's
    /// region.
    /// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/lambda-lifecycle-hooks.html>
    pub hook_target_arn: String,

    /// ARN of the role as which ECS calls the function.
    ///
    /// It allows `lambda:InvokeFunction`, `ecs.amazonaws.com` may assume it, and it is among the provider's
    /// `PassableRoles`.
    /// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/blue-green-permissions.html>
    pub role_arn: String,

    /// The stages at which the function is called; a deployment goes on when it has succeeded.
    ///
    /// `PRE_PRODUCTION_TRAFFIC_SHIFT` and `PRODUCTION_TRAFFIC_SHIFT` come at each step of a canary or a linear
    /// deployment, `RECONCILE_SERVICE` only when an earlier deployment has left something. Their order has no meaning.
    /// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentLifecycleHook.html>
    #[schemars(extend("insertionOrder" = false), length(min = 1))]
    pub lifecycle_stages: Vec<LifecycleStage>,

    /// A JSON object, as text, that ECS hands to the function at each call.
    ///
    /// Text, because CloudFormation would make texts of the numbers in an object: `Fn::ToJsonString` writes it. Up to
    /// 4096 characters. It is no place for secrets: whoever may describe the ECS service reads it.
    /// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentLifecycleHook.html>
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::HOOK_DETAILS_LENGTH_MAX))]
    pub hook_details: Option<String>,
}

macro_rules! stages {
    ($($name:ident $text:literal,)+) => {
        /// A stage of a deployment that can have a hook; ECS's words, in the order in which they come.
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
        )]
        pub enum LifecycleStage {
            $(#[serde(rename = $text)] $name,)+
        }

        impl LifecycleStage {
            /// Every stage with ECS's word for it.
            pub const ALL: &[(&'static str, Self)] = &[$(($text, Self::$name)),+];

            /// ECS's word for it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }
        }
    };
}

stages! {
    ReconcileService "RECONCILE_SERVICE",
    PreScaleUp "PRE_SCALE_UP",
    PostScaleUp "POST_SCALE_UP",
    TestTrafficShift "TEST_TRAFFIC_SHIFT",
    PostTestTrafficShift "POST_TEST_TRAFFIC_SHIFT",
    PreProductionTrafficShift "PRE_PRODUCTION_TRAFFIC_SHIFT",
    ProductionTrafficShift "PRODUCTION_TRAFFIC_SHIFT",
    PostProductionTrafficShift "POST_PRODUCTION_TRAFFIC_SHIFT",
}
