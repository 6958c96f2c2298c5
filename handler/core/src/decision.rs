//! What an attempt can conclude, in CloudFormation's words.
//!
//! [`HandlerErrorCode`] is CloudFormation's own vocabulary for failures of a resource handler. A custom
//! resource is not obliged to use it; using it means that the `Reason` of a failed resource starts with
//! a word that people already know from every other resource type.

use provider_schema::Attributes;

use crate::step::Step;

/// Why an operation failed: CloudFormation's handler error codes.
///
/// AWS: <https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-test-contract-errors.html>
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub enum HandlerErrorCode {
    /// A change was asked for that this resource cannot make.
    NotUpdatable,
    /// The request itself is wrong: the user has to change the template.
    InvalidRequest,
    /// A role, the user's or the provider's, lacks a permission or cannot be assumed (yet).
    AccessDenied,
    /// The credentials of the provider are not accepted.
    InvalidCredentials,
    /// Something of this name exists and is not ours.
    AlreadyExists,
    /// Something that the request or a step names does not exist.
    NotFound,
    /// Something is busy or still in use.
    ResourceConflict,
    /// AWS asks us to slow down.
    Throttling,
    /// A quota of the account is used up.
    ServiceLimitExceeded,
    /// Everything was accepted, but did not become ready in time.
    NotStabilized,
    /// An AWS service refused for a reason that no other code describes.
    GeneralServiceException,
    /// An AWS service failed on its side.
    ServiceInternalError,
    /// No answer arrived.
    NetworkFailure,
    /// A bug of the provider.
    InternalFailure,
    /// The provider itself is set up wrongly or not able to run.
    HandlerInternalFailure,
}

impl HandlerErrorCode {
    /// The word as CloudFormation writes it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotUpdatable => "NotUpdatable",
            Self::InvalidRequest => "InvalidRequest",
            Self::AccessDenied => "AccessDenied",
            Self::InvalidCredentials => "InvalidCredentials",
            Self::AlreadyExists => "AlreadyExists",
            Self::NotFound => "NotFound",
            Self::ResourceConflict => "ResourceConflict",
            Self::Throttling => "Throttling",
            Self::ServiceLimitExceeded => "ServiceLimitExceeded",
            Self::NotStabilized => "NotStabilized",
            Self::GeneralServiceException => "GeneralServiceException",
            Self::ServiceInternalError => "ServiceInternalError",
            Self::NetworkFailure => "NetworkFailure",
            Self::InternalFailure => "InternalFailure",
            Self::HandlerInternalFailure => "HandlerInternalFailure",
        }
    }

    /// Whether the same step may succeed later without anybody changing anything.
    ///
    /// `AccessDenied` is not: the one case that passes by itself, a role that IAM has not spread yet, is
    /// told apart by the message where the AWS error is read, and is waited for within a bound.
    /// `NotStabilized` is not: it is said after the waiting.
    #[must_use]
    pub const fn is_retriable(self) -> bool {
        match self {
            Self::ResourceConflict
            | Self::Throttling
            | Self::ServiceInternalError
            | Self::NetworkFailure => true,
            Self::NotUpdatable
            | Self::InvalidRequest
            | Self::AccessDenied
            | Self::InvalidCredentials
            | Self::AlreadyExists
            | Self::NotFound
            | Self::ServiceLimitExceeded
            | Self::NotStabilized
            | Self::GeneralServiceException
            | Self::InternalFailure
            | Self::HandlerInternalFailure => false,
        }
    }
}

impl std::fmt::Display for HandlerErrorCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What to do next.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// AWS is as desired, and nothing is pending.
    Converged(Box<Attributes>),
    /// Nothing of the service is left but its claims.
    Removed,
    /// These steps, side by side; then observe what they changed and plan again.
    Apply(Vec<Step>),
    /// Nothing can be done before something else has happened.
    Wait(Wait),
}

/// What is waited for, and how long until another look is worth it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// What is waited for.
    pub reason: WaitReason,
    /// Seconds.
    pub retry_after_s: u32,
}

/// What an operation waits for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WaitReason {
    /// A deployment of ours.
    #[error("deployment of service `{service}` is running{}", stage.as_deref().map(|stage| format!(" ({stage})")).unwrap_or_default())]
    DeploymentRunning {
        /// The service.
        service: String,
        /// `lifecycleStage`
        stage: Option<String>,
    },
    /// A deployment that somebody else started; ours begins when it has ended.
    #[error("another deployment of service `{service}` is running")]
    OtherDeployment {
        /// The service.
        service: String,
    },
    /// The host name leads to another load balancer since a moment ago; whoever has asked DNS before still goes to the
    /// one before.
    #[error(
        "`{host}` leads to another load balancer now; DNS may still answer with the one before"
    )]
    NameSettling {
        /// The host name.
        host: String,
    },
    /// An earlier request has changed something a moment ago.
    #[error("what has just been changed may not be shown by AWS yet")]
    NotYetSeen,
    /// ECS is stopping tasks and draining targets.
    #[error("service `{service}` is draining")]
    ServiceDraining {
        /// The service.
        service: String,
    },
    /// The rollback alarm is in ALARM: ECS would ignore it for the whole next deployment.
    #[error("alarm `{alarm}` is in ALARM; a deployment that starts now would not be watched")]
    AlarmNotOk {
        /// The alarm.
        alarm: String,
    },
    /// AWS refused a step for a reason that passes: a role not spread yet, a dependant that is going,
    /// too many requests.
    #[error("{step}: {code} {message}")]
    StepRefused {
        /// The step.
        step: String,
        /// AWS's error code.
        code: String,
        /// AWS's message.
        message: String,
    },
    /// Load balancers that their last service has left are going.
    #[error("load balancers without services are still being deleted")]
    LoadBalancersClosing,
    /// Requests of other owners are open.
    #[error("requests for other resources are still to be answered")]
    AnswersOwed,
    /// Another attempt may still be mutating.
    #[error("another attempt for this resource may still be running")]
    OtherAttempt,
}
