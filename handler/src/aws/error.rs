//! One failed AWS call: what was called, what AWS said, and which class of failure that is.
//!
//! Every SDK call ends in `.map_err(aws_error("ecs:CreateService"))`. The class decides what happens next;
//! the table of codes is in `aws/error/table.rs`. A code that is in no table is a
//! `GeneralServiceException` and logged as `aws.code.unknown`, so that we learn it.

use std::error::Error;
use std::fmt;

use aws_sdk_ecs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ecs::operation::RequestId;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use express_core::decision::HandlerErrorCode;

use crate::telemetry::presentable;

pub mod answer;
mod table;

/// Bytes of AWS's message that we keep: enough for its first sentences, small against the 1024 of a
/// CloudFormation reason.
pub const MESSAGE_BYTES_MAX: usize = 600;

/// The code of a failure in which AWS gave none: no answer arrived, or it could not be read.
pub const NO_CODE: &str = "none";

/// One failure of one AWS call, classified where it happened.
#[derive(thiserror::Error)]
#[error("{operation} failed ({code})")]
pub struct AwsError {
    /// Service and operation as in IAM, such as `ecs:CreateService`.
    pub operation: &'static str,
    /// AWS's own code, such as `ServiceNotFoundException`, or [`NO_CODE`].
    pub code: String,
    /// AWS's message: one line, without URLs, at most [`MESSAGE_BYTES_MAX`] bytes; empty if there was none.
    pub message: String,
    /// What the failure means for the operation.
    pub class: HandlerErrorCode,
    /// AWS's id of the call, for AWS Support.
    pub request_id: Option<String>,
    #[source]
    source: Box<dyn Error + Send + Sync>,
}

// Without the source: its `Debug` prints whole HTTP answers.
impl fmt::Debug for AwsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsError")
            .field("operation", &self.operation)
            .field("code", &self.code)
            .field("message", &self.message)
            .field("class", &self.class)
            .field("request_id", &self.request_id)
            .finish_non_exhaustive()
    }
}

/// Turns a failed call of `operation` into an [`AwsError`]: `.map_err(aws_error("ecs:CreateService"))`.
pub fn aws_error<E>(operation: &'static str) -> impl FnOnce(SdkError<E, HttpResponse>) -> AwsError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    move |failure| {
        let request_id = failure.request_id().map(str::to_owned);
        let code = failure.code().unwrap_or(NO_CODE).to_owned();
        let message = presentable(failure.message().unwrap_or_default(), MESSAGE_BYTES_MAX);
        let status = failure
            .raw_response()
            .map(|response| response.status().as_u16());
        let class = match &failure {
            // The request could not even be built: our bug, whatever the user asked for.
            SdkError::ConstructionFailure(_) => HandlerErrorCode::InternalFailure,
            SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) => {
                HandlerErrorCode::NetworkFailure
            }
            // An answer without a code, an unreadable one included, is judged by its status alone.
            _ => table::class_of(operation, &code, &message, status).unwrap_or_else(|| {
                tracing::warn!(
                    event = "aws.code.unknown",
                    operation,
                    code,
                    status,
                    request_id
                );
                HandlerErrorCode::GeneralServiceException
            }),
        };
        AwsError {
            operation,
            code,
            message,
            class,
            request_id,
            source: Box::new(failure),
        }
    }
}

/// What was asked for; nothing where AWS says that it does not exist, which a lookup takes for an answer and a deletion
/// for done.
///
/// # Errors
/// Any other failure of the call.
pub fn if_found<T>(answer: Result<T, AwsError>) -> Result<Option<T>, AwsError> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

impl AwsError {
    /// Whether AWS answered with exactly this code.
    #[must_use]
    pub fn is(&self, code: &str) -> bool {
        self.code == code
    }

    /// AWS's message, where AWS has answered: it may be empty. None where the source tells why no answer was read.
    #[must_use]
    pub fn answer(&self) -> Option<&str> {
        (self.code != NO_CODE).then_some(self.message.as_str())
    }

    /// What was named does not exist.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.class == HandlerErrorCode::NotFound
    }

    /// The name is taken.
    #[must_use]
    pub fn is_already_exists(&self) -> bool {
        self.class == HandlerErrorCode::AlreadyExists
    }

    /// Something is busy or in use.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        self.class == HandlerErrorCode::ResourceConflict
    }

    /// The load balancer has as many rules, or target groups behind them, as AWS lets it have.
    /// AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html>
    #[must_use]
    pub fn is_load_balancer_full(&self) -> bool {
        self.is("TooManyRules") || self.is("TooManyUniqueTargetGroupsPerLoadBalancer")
    }

    /// A load balancer cannot be in one of the subnets that were asked for.
    /// AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html>,
    /// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_SetSubnets.html>
    #[must_use]
    pub fn is_for_a_subnet(&self) -> bool {
        self.is("InvalidSubnet")
            || self.is("SubnetNotFound")
            || self.is("AvailabilityZoneNotSupported")
            || self.is("InvalidConfigurationRequest")
    }

    /// A permission is missing or a role cannot be assumed.
    #[must_use]
    pub fn is_access_denied(&self) -> bool {
        self.class == HandlerErrorCode::AccessDenied
    }

    /// No policy of the provider's allows the call, or none yet.
    #[must_use]
    pub fn is_for_want_of_a_policy(&self) -> bool {
        self.is_access_denied() && table::is_allowed_nowhere(&self.message)
    }

    /// A service could not use a role that was passed to it, or no policy of the provider's allows the call: it may not
    /// have reached all of IAM yet, so this is worth another try for about two minutes, and a plain refusal after that.
    ///
    /// AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html> (changes are not always
    /// immediately visible)
    #[must_use]
    pub fn may_be_iam_propagation(&self) -> bool {
        self.is_access_denied()
            && (table::speaks_of_role(&self.code, &self.message)
                || table::speaks_of_linked_role(&self.code, &self.message)
                || table::lacks_policy(&self.message))
    }

    /// Whether the call may have had an effect although it failed: no answer arrived, or the service broke
    /// while it worked. The thing called for is then neither present nor absent until looked for again.
    #[must_use]
    pub fn is_outcome_unknown(&self) -> bool {
        matches!(
            self.class,
            HandlerErrorCode::NetworkFailure | HandlerErrorCode::ServiceInternalError
        )
    }
}

#[cfg(test)]
mod tests;
