//! What ends an attempt badly, and whether the operation fails with it or goes on later.

use express_core::claim::{Awaited, Operation, SEEN_AFTER_MS};
use express_core::decision::{HandlerErrorCode, Wait, WaitReason};
use express_core::diagnosis::{self, Cause, Expected, Finding, IAM_PROPAGATION_MS, Verdict};
use express_core::plan::PlanError;
use express_core::step::Step;

use super::{Attempt, Outcome, examine};
use crate::aws::error::AwsError;
use crate::cloudformation::reason::{Whereabouts, reason};
use crate::cloudformation::respond::RespondError;
use crate::error::chain;
use crate::ledger::{self, LedgerError};
use crate::seal::SealError;
use crate::waiter;

/// How long a process of another version, or with another domain, may be at work because the function is being updated: an
/// invocation, and as many minutes as Lambda may take for the change.
/// AWS: <https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html> (`LastUpdateStatus`)
const VERSIONS_MEET_MS: u64 = 300_000;
/// How long a way back waits for AWS to let go of what else is to be removed.
const REMOVAL_PATIENCE_MS: u64 = 600_000;
/// This version of the provider.
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// What is said of a deployment that the provider itself has stopped.
const STOPPED_LATE: &str = "the deployment did not finish within `ServiceTimeout`, less what its rollback needs, and was \
                            stopped; give `ServiceTimeout` more seconds, at most 3600, or let `Deployment` bake for less";
/// Seconds until a refused step is tried again.
const RETRY_S: u32 = 15;
/// How long what was just made may be unknown to other services, or what was just deleted be known to them.
/// AWS: <https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html>; seen in
/// hashicorp/terraform-provider-aws#11693, which waits as long
const CONSISTENCY_MS: u64 = 120_000;

/// What ends the work of an attempt.
#[derive(Debug, thiserror::Error)]
pub enum OperationError {
    /// There is no way to what is desired.
    #[error("{0}")]
    Plan(#[source] PlanError),
    /// AWS refused a step.
    #[error("{step}")]
    Step {
        /// The step.
        step: Box<Step>,
        /// What AWS said.
        #[source]
        source: AwsError,
    },
    /// AWS did not say what is there.
    #[error("cannot look at what is there")]
    Observe(#[source] AwsError),
    /// The ledger refused.
    #[error("the ledger refused")]
    Ledger(#[from] LedgerError),
    /// The operation's sealed part could not be opened.
    #[error("cannot open the sealed request")]
    Seal(#[source] SealError),
    /// The answer could not be sent.
    #[error("cannot answer")]
    Respond(#[source] RespondError),
    /// The record has an operation without its sealed part.
    #[error("the ledger has lost where this operation is to be answered")]
    SealedMissing,
    /// The sealed part of a Create or an Update has no properties.
    #[error("the ledger has lost the properties of this operation")]
    PropertiesMissing,
    /// A newer version has taken the request up, with a property that this one does not know.
    #[error(
        "a newer version of the provider has begun this, with a property that version {VERSION} does not know; \
         upgrade the provider"
    )]
    PropertiesNewer,
    /// The provider is to be deleted, and cannot be.
    #[error("{problem}")]
    ProviderInUse {
        /// Why.
        problem: String,
    },
    /// The provider's domain is another than the service's.
    #[error(
        "`{host}` has its name and its record in another domain or hosted zone than the provider's, which is `{domain}`; \
         set `DomainName` and `HostedZoneId` of the provider's stack to what they were, then deploy again"
    )]
    OtherDomain {
        /// The service's host name.
        host: String,
        /// The provider's.
        domain: String,
    },
    /// CloudFormation gives up soon.
    #[error("did not finish within `ServiceTimeout`")]
    OutOfTime,
    /// Something undoes what we do.
    #[error("no stable state was reached in {} rounds", super::ROUNDS_MAX)]
    TooManyRounds,
}

impl OperationError {
    const fn class(&self) -> HandlerErrorCode {
        match self {
            Self::Plan(error) => error.class(),
            Self::Step { step: _, source } | Self::Observe(source) => source.class,
            Self::Ledger(error) => error.class(),
            Self::Seal(error) => error.class(),
            Self::Respond(_) | Self::OutOfTime => HandlerErrorCode::NotStabilized,
            Self::ProviderInUse { .. } | Self::OtherDomain { .. } => {
                HandlerErrorCode::ResourceConflict
            }
            Self::PropertiesNewer => HandlerErrorCode::HandlerInternalFailure,
            Self::SealedMissing | Self::PropertiesMissing | Self::TooManyRounds => {
                HandlerErrorCode::InternalFailure
            }
        }
    }

    /// Whether the same may succeed later without anybody changing anything.
    fn may_pass(&self, age_ms: u64, unseen_for_ms: u64) -> bool {
        match self {
            Self::Step { step: _, source } | Self::Observe(source) => {
                let spreads_for_ms = if source.may_be_iam_propagation() {
                    IAM_PROPAGATION_MS
                } else {
                    CONSISTENCY_MS
                };
                source.class.is_retriable() || (self.is_unseen() && unseen_for_ms < spreads_for_ms)
            }
            Self::Ledger(error) => error.class().is_retriable(),
            // While the function is updated the newer version is called next; and while the guard refuses another
            // domain, the function as it was before. That may begin in the middle of an operation.
            Self::PropertiesNewer | Self::OtherDomain { .. } => unseen_for_ms < VERSIONS_MEET_MS,
            // Nobody could be told why it fails: as long as there is time, the key may be allowed again, and a newer
            // version may come.
            Self::Seal(_) => true,
            Self::Respond(error) => match error {
                RespondError::NotAccepted { .. } => true,
                RespondError::ForeignHost(_) | RespondError::TooLarge { .. } => false,
            },
            Self::Plan(error) => error.may_be_unseen() && age_ms < SEEN_AFTER_MS,
            Self::SealedMissing
            | Self::PropertiesMissing
            | Self::ProviderInUse { .. }
            | Self::OutOfTime
            | Self::TooManyRounds => false,
        }
    }

    /// Whether it passes soon or never: AWS may not know yet what was just made, or that something was just deleted; or
    /// the provider itself is being updated. IAM may not know roles and policies yet, nor tags by which the provider's
    /// policy allows things, nor the roles that AWS makes with the first call in an account: those the operation makes
    /// itself, at whatever time.
    fn is_unseen(&self) -> bool {
        match self {
            Self::Step { step: _, source } | Self::Observe(source) => {
                source.is_not_found()
                    || source.is_already_exists()
                    || source.may_be_iam_propagation()
            }
            Self::PropertiesNewer | Self::OtherDomain { .. } => true,
            Self::Plan(_)
            | Self::Ledger(_)
            | Self::Seal(_)
            | Self::Respond(_)
            | Self::SealedMissing
            | Self::PropertiesMissing
            | Self::ProviderInUse { .. }
            | Self::OutOfTime
            | Self::TooManyRounds => false,
        }
    }

    /// Whether it is the answer itself that cannot be sent: its URL is lost, or refuses.
    fn is_unanswerable(&self, operation: &Operation) -> bool {
        match self {
            Self::Seal(_) | Self::SealedMissing => true,
            Self::Respond(_) => operation.answer.is_some(),
            Self::Plan(_)
            | Self::Step { .. }
            | Self::Observe(_)
            | Self::Ledger(_)
            | Self::PropertiesMissing
            | Self::PropertiesNewer
            | Self::ProviderInUse { .. }
            | Self::OtherDomain { .. }
            | Self::OutOfTime
            | Self::TooManyRounds => false,
        }
    }

    /// The error, and why.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Plan(error) => error.to_string(),
            Self::Step { step, source } => refusal(step, source),
            other => chain(other).to_string(),
        }
    }

    /// What AWS has refused, and why.
    fn refused(&self) -> Option<String> {
        match self {
            Self::Step { step, source } => Some(refusal(step, source)),
            Self::Observe(_) => Some(chain(self).to_string()),
            Self::Plan(_)
            | Self::Ledger(_)
            | Self::Seal(_)
            | Self::Respond(_)
            | Self::SealedMissing
            | Self::PropertiesMissing
            | Self::PropertiesNewer
            | Self::ProviderInUse { .. }
            | Self::OtherDomain { .. }
            | Self::OutOfTime
            | Self::TooManyRounds => None,
        }
    }

    fn wait(&self) -> Wait {
        let reason = match self {
            Self::Step { step, source } => WaitReason::StepRefused {
                step: step.to_string(),
                code: source.code.clone(),
                message: source.message.clone(),
            },
            other => WaitReason::StepRefused {
                step: other.to_string(),
                code: other.class().to_string(),
                message: chain(other).to_string(),
            },
        };
        Wait {
            reason,
            retry_after_s: RETRY_S,
        }
    }
}

impl Attempt<'_> {
    /// Whether a removal that meets this is left where it is, and the operation's other goals are pursued: what cannot be
    /// planned; and on a way back what AWS refuses, at once where that lasts.
    pub(super) fn leaves(&mut self, operation: &Operation, error: &OperationError) -> bool {
        match error {
            OperationError::Plan(_) => true,
            OperationError::Step { .. } | OperationError::Observe(_) => {
                operation.way.is_back && self.has_waited_to_remove(operation, error)
            }
            OperationError::Ledger(_)
            | OperationError::Seal(_)
            | OperationError::Respond(_)
            | OperationError::SealedMissing
            | OperationError::PropertiesMissing
            | OperationError::PropertiesNewer
            | OperationError::ProviderInUse { .. }
            | OperationError::OtherDomain { .. }
            | OperationError::OutOfTime
            | OperationError::TooManyRounds => false,
        }
    }

    /// Whether a refusal lasts, or has lasted for as long as there is time for.
    fn has_waited_to_remove(&mut self, operation: &Operation, error: &OperationError) -> bool {
        let now_ms = self.runtime.clock.now_ms();
        let age_ms = now_ms.saturating_sub(operation.started_ms);
        let unseen_since_ms = operation.unseen_since_ms.unwrap_or(now_ms);
        let refused_ms = operation.removal_refused_ms.unwrap_or(now_ms);
        if let Some(open) = &mut self.stored.record.operation {
            open.removal_refused_ms = Some(refused_ms);
        }
        let stop_at_ms = waiter::stop_at_ms(operation.started_ms, operation.answer_by_ms);
        now_ms.saturating_sub(refused_ms) >= REMOVAL_PATIENCE_MS
            || now_ms >= stop_at_ms
            || !error.may_pass(age_ms, now_ms.saturating_sub(unseen_since_ms))
    }

    /// What an error means for the operation: another attempt later, or FAILED now.
    pub(super) async fn wait_or_fail(
        &mut self,
        error: OperationError,
    ) -> Result<Outcome, LedgerError> {
        let Some(operation) = self.stored.record.operation.clone() else {
            return self.let_go(Outcome::Waiting(error.wait())).await;
        };
        let now_ms = self.runtime.clock.now_ms();
        let age_ms = now_ms.saturating_sub(operation.started_ms);
        let unseen_since_ms = operation.unseen_since_ms.unwrap_or(now_ms);
        let unseen_for_ms = now_ms.saturating_sub(unseen_since_ms);
        // A decided answer that does not arrive is sent again for as long as anybody listens.
        let until_ms = if error.is_unanswerable(&operation) {
            operation.given_up_ms
        } else {
            operation.answer_by_ms
        };
        let is_last_chance = now_ms >= until_ms;
        if error.may_pass(age_ms, unseen_for_ms) && !is_last_chance {
            if let Some(open) = &mut self.stored.record.operation {
                // What holds an operation up until its time is over is the cause that its answer has to name.
                open.note_refused(error.refused(), error.is_unseen().then_some(now_ms));
            }
            if self.is_in_flight && error.refused().is_some() {
                // Its attempt is not let go of, or nothing would be written.
                ledger::write(self.runtime, &mut self.stored).await?;
            }
            return self.let_go(Outcome::Waiting(error.wait())).await;
        }
        if error.is_unanswerable(&operation) {
            // Nobody can be told: the operation ends without an answer, and what it made stays to be
            // removed by the next request.
            tracing::error!(event = "operation.unanswerable", problem = %chain(&error));
            return self.conclude(false).await;
        }
        let reason = self.reason(&operation, &error).await;
        tracing::info!(event = "operation.failed", reason);
        let failed = async {
            self.decide_failure(&operation, reason).await?;
            self.deliver().await
        }
        .await;
        match failed {
            Ok(outcome) => Ok(outcome),
            Err(OperationError::Ledger(error)) => Err(error),
            Err(error) => self.let_go(Outcome::Waiting(error.wait())).await,
        }
    }

    async fn reason(&self, operation: &Operation, error: &OperationError) -> String {
        let whereabouts = Whereabouts {
            request_id: operation.request_id.cloudformation_id().to_owned(),
            log_stream: self.invocation.log_stream.clone(),
        };
        let problem = match error {
            OperationError::Plan(PlanError::DeploymentFailed { .. })
                if operation.is_out_of_time =>
            {
                STOPPED_LATE.to_owned()
            }
            OperationError::OutOfTime => out_of_time(operation),
            other => other.words(),
        };
        match self.verdict(operation, error).await {
            Some(verdict) => {
                let problem = match error {
                    OperationError::Step { step, source }
                        if matches!(**step, Step::StopDeployment { .. }) =>
                    {
                        format!("{verdict}; {}", refusal(step, source))
                    }
                    // AWS's own words are the evidence already.
                    OperationError::Step { step, source: _ } => format!("{verdict}; {step}"),
                    OperationError::Plan(_) => verdict.to_string(),
                    _ => format!("{problem}: {verdict}"),
                };
                let remedy = match error {
                    OperationError::Plan(PlanError::OwnedByAnother { .. }) => None,
                    _ => Some(verdict.remedy.as_str()),
                };
                reason(verdict.class, &problem, remedy, &whereabouts)
            }
            None => reason(error.class(), &problem, None, &whereabouts),
        }
    }

    /// What is known of the cause beyond what the error says.
    async fn verdict(&self, operation: &Operation, error: &OperationError) -> Option<Verdict> {
        let expected = self.expected(operation);
        let finding = match error {
            OperationError::Plan(PlanError::DeploymentFailed { .. })
            | OperationError::OutOfTime => {
                return operation.verdict.clone();
            }
            // Why it was to be stopped says more than why it could not be.
            OperationError::Step { step, source: _ }
                if matches!(**step, Step::StopDeployment { .. }) && operation.verdict.is_some() =>
            {
                return operation.verdict.clone();
            }
            OperationError::Step { step: _, source } => {
                diagnosis::of_refusal(&expected, source.class, &source.code, &source.message)?
            }
            OperationError::Plan(PlanError::AlarmInAlarm { alarm }) => {
                let alarms = self.alarms(std::slice::from_ref(alarm)).await;
                let numbers = alarms.into_iter().next().and_then(|it| it.state_reason);
                told(Cause::AlarmInAlarm, error, numbers.unwrap_or_default())
            }
            OperationError::Plan(PlanError::OwnedByAnother { resource })
                if resource.starts_with("record ") =>
            {
                told(Cause::HostNameTaken, error, String::new())
            }
            _ => return None,
        };
        examine::log(std::slice::from_ref(&finding));
        Some(finding.verdict())
    }

    /// What the request says of the roles; the sealed part is open whenever a step was planned.
    fn expected(&self, operation: &Operation) -> Expected {
        let service = operation
            .converge
            .as_ref()
            .and_then(|arn| self.stored.record.services.get(arn));
        let properties = self.sealed.as_ref().and_then(|it| it.properties.as_ref());
        let known = Expected {
            service: service.map_or_else(String::new, |service| service.name.clone()),
            ..Expected::default()
        };
        match properties {
            Some(properties) => Expected {
                infrastructure_role_arn: properties.infrastructure_role_arn.clone(),
                execution_role_arn: properties.execution_role_arn.clone(),
                task_role_arn: properties.task_role_arn.clone(),
                ..known
            },
            None => known,
        }
    }
}

/// A cause that the error has words for already.
fn told(cause: Cause, error: &OperationError, evidence: String) -> Finding {
    Finding {
        cause,
        what: error.to_string(),
        evidence,
        is_certain: true,
    }
}

/// A step, and what AWS said to it.
fn refusal(step: &Step, source: &AwsError) -> String {
    format!("{step}: {} ({})", source.message, source.code)
}

/// The last refusal comes before what was waited for: that was seen before it.
fn out_of_time(operation: &Operation) -> String {
    let problem = OperationError::OutOfTime;
    if let Some(refused) = &operation.refused {
        return format!("{problem}; AWS refused last: {refused}");
    }
    match operation.waiting.as_ref().map(|waiting| &waiting.awaited) {
        Some(Awaited::Deployment { arn, status: _ }) => {
            format!("{problem}: still waiting for deployment {arn}")
        }
        Some(Awaited::Draining { service_arn }) => {
            format!("{problem}: still waiting for service {service_arn} to drain")
        }
        None => problem.to_string(),
    }
}
