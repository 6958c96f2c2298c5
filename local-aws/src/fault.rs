//! Faults by rule: a call that crashes its caller, is throttled, fails, loses its answer, lands late or reads what was.
//!
//! A rule counts the calls it matches and strikes at the n-th. Throttling and server errors are
//! answered on every way in; those that end or hold the caller (crash, hang, panic, lost or no answer, late effect), and stale reads, only
//! have a meaning in process, where [`crate::connector::InProcess`] carries them out, and leave a call over HTTP alone.

use crate::wire::{Call, Refusal};

/// What happens to the call that a rule strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The caller dies before the call has had its effect.
    CrashBefore,
    /// The caller dies after the effect, without the answer.
    CrashAfter,
    /// The effect comes only when [`crate::connector::InProcess::land_late_calls`] is called; the caller dies now.
    LandLate,
    /// The effect comes, and the caller does nothing any more until its own time is over.
    Hang,
    /// The caller's own code panics instead of making the call.
    Panic,
    /// The effect comes, the answer is lost: the caller sees a broken connection.
    LoseAnswer,
    /// The effect comes, the answer never: the caller waits until it gives up, or its own time is over.
    NoAnswer,
    /// The answer never comes, and the effect only when [`crate::connector::InProcess::land_late_calls`] is called, or just
    /// before the caller's repetition of the call: it goes on meanwhile, and may have ended by then.
    LandAfter,
    /// The effect comes twice, as it does when the SDK sends a call again that had arrived; the answer is the second
    /// one's. Strikes only what changes resources: the ledger's conditional writes refuse the second of two.
    Twice,
    /// The answer is of a moment up to [`STALE_MS`] ago. Strikes only reads that AWS documents as eventually
    /// consistent: those of EC2 and ECS.
    /// AWS: <https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html>,
    /// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html> (of the whole ECS API)
    StaleRead,
    /// AWS refuses: too many requests.
    Throttle,
    /// AWS fails without an effect.
    ServerError,
    /// IAM does not allow it.
    Deny,
    /// AWS refuses with this code and message, as it does when a quota is used up.
    Refuse(&'static str, &'static str),
}

/// How old an answer of a [`Fault::StaleRead`] may be, in milliseconds: AWS's pages speak of seconds.
pub const STALE_MS: u64 = 10_000;

/// Strikes the calls from number `first` (counted from 0 among those that match) for `times` calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// `ecs:CreateService`; `ecs:*` for every call of a service, none for every call at all.
    pub call: Option<String>,
    /// Matching calls that pass before the first is struck.
    pub first: u64,
    /// How many are struck.
    pub times: u64,
    /// What happens to them.
    pub fault: Fault,
    seen: u64,
}

impl Rule {
    /// Strikes one call: the `nth` (from 0) of those named `call`, as in [`Rule::call`].
    #[must_use]
    pub fn once(call: Option<&str>, nth: u64, fault: Fault) -> Self {
        Self {
            call: call.map(str::to_owned),
            first: nth,
            times: 1,
            fault,
            seen: 0,
        }
    }

    /// Strikes `times` calls instead of one.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.times = times;
        self
    }
}

/// The rules in force.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    rules: Vec<Rule>,
    struck: u64,
}

impl Faults {
    /// Adds a rule.
    pub fn add(&mut self, rule: Rule) {
        self.rules.push(rule);
    }

    /// Whether a read may still be answered from the past.
    pub(crate) fn may_read_old(&self) -> bool {
        let mut rules = self.rules.iter();
        rules.any(|rule| rule.fault == Fault::StaleRead && rule.seen < rule.first + rule.times)
    }

    /// Removes all rules.
    pub fn clear(&mut self) {
        self.rules.clear();
    }

    /// How many calls were struck so far.
    #[must_use]
    pub const fn struck(&self) -> u64 {
        self.struck
    }

    pub(crate) fn strike(&mut self, call: &Call) -> Option<Fault> {
        let name = call.name();
        let mut fault = None;
        for rule in &mut self.rules {
            let is_other = rule.call.as_ref().is_some_and(|expected| {
                let begins = expected.strip_suffix('*');
                begins.map_or(*expected != name, |begins| !name.starts_with(begins))
            });
            if is_other || !rule.fault.can_strike(call) {
                continue;
            }
            let number = rule.seen;
            rule.seen += 1;
            let due = number >= rule.first && number - rule.first < rule.times;
            if due && fault.is_none() {
                fault = Some(rule.fault);
            }
        }
        self.struck += u64::from(fault.is_some());
        fault
    }
}

impl Fault {
    /// The refusal that AWS itself would answer, for faults that are AWS's.
    pub(crate) fn refusal(self, call: &Call) -> Option<Refusal> {
        match self {
            Self::Throttle => Some(throttled(call)),
            Self::ServerError => Some(Refusal::internal("an internal error, by a fault rule")),
            Self::Deny => Some(Refusal::client(
                denial_code(call),
                "not authorized to perform this action, by a fault rule",
            )),
            Self::Refuse(code, message) => Some(Refusal::client(code, message)),
            Self::CrashBefore
            | Self::CrashAfter
            | Self::LandLate
            | Self::Hang
            | Self::Panic
            | Self::LoseAnswer
            | Self::NoAnswer
            | Self::LandAfter
            | Self::Twice
            | Self::StaleRead => None,
        }
    }

    /// Whether it has a meaning for this call.
    fn can_strike(self, call: &Call) -> bool {
        (self != Self::StaleRead || may_be_stale(call))
            && (self != Self::Twice || call.service.mutates(&call.operation))
    }
}

/// Whether a call reads what AWS keeps eventually consistent.
fn may_be_stale(call: &Call) -> bool {
    use crate::wire::Service;
    let is_eventual = matches!(call.service, Service::Ec2 | Service::Ecs);
    is_eventual && (call.operation.starts_with("Describe") || call.operation.starts_with("List"))
}

/// What each service says when no policy allows a call.
/// AWS: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html> for EC2,
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/CommonErrors.html> for the Query and XML
/// services, <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/CommonErrors.html> for those with JSON
pub(crate) fn denial_code(call: &Call) -> &'static str {
    use crate::wire::Service;
    match call.service {
        Service::Ec2 => "UnauthorizedOperation",
        Service::ElasticLoadBalancing
        | Service::CloudWatch
        | Service::Route53
        | Service::Sts
        | Service::ResponseSink => "AccessDenied",
        Service::DynamoDb
        | Service::Ecs
        | Service::ApplicationAutoScaling
        | Service::Logs
        | Service::Acm
        | Service::Wafv2
        | Service::Kms
        | Service::StepFunctions => "AccessDeniedException",
    }
}

/// Too many requests, as the service says it.
pub(crate) fn throttled(call: &Call) -> Refusal {
    Refusal::client(throttling_code(call), "Rate exceeded")
}

/// Each service has its own code for too many requests.
/// AWS: <https://docs.aws.amazon.com/general/latest/gr/api-retries.html>; Elastic Load Balancing's is
/// in <https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/elb-api-throttling.html>
fn throttling_code(call: &Call) -> &'static str {
    use crate::wire::Service;
    match call.service {
        Service::Ec2 => "RequestLimitExceeded",
        Service::DynamoDb => "ThrottlingException",
        Service::CloudWatch | Service::Route53 | Service::Sts => "Throttling",
        Service::Ecs
        | Service::ElasticLoadBalancing
        | Service::ApplicationAutoScaling
        | Service::Logs
        | Service::Acm
        | Service::Wafv2
        | Service::Kms
        | Service::StepFunctions
        | Service::ResponseSink => "ThrottlingException",
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::clock::{Clock, VirtualClock};
    use crate::{Account, LocalAws, Settings};

    fn status_over_http(cloud: &LocalAws) -> u16 {
        let scope = "AWS4-HMAC-SHA256 Credential=AKID/20261121/eu-west-1/ec2/aws4_request";
        let request = http::Request::post("/")
            .header("authorization", scope)
            .body(Bytes::from_static(b"Action=DescribeVpcs"));
        cloud.answer(&request.unwrap()).status().as_u16()
    }

    #[test]
    fn refusals_strike_over_http_and_what_ends_the_caller_does_not() {
        let cloud = LocalAws::new(Settings {
            account: Account {
                partition: "aws".to_owned(),
                id: "123456789012".to_owned(),
                region: "eu-west-1".to_owned(),
            },
            clock: Clock::Virtual(VirtualClock::starting_at(0)),
            seed: 1,
        });
        for (fault, status) in [
            (Fault::Throttle, 400),
            (Fault::ServerError, 500),
            (Fault::CrashBefore, 200),
            (Fault::LoseAnswer, 200),
        ] {
            cloud
                .faults()
                .add(Rule::once(Some("ec2:DescribeVpcs"), 0, fault));
            assert_eq!(status_over_http(&cloud), status, "{fault:?}");
            assert_eq!(status_over_http(&cloud), 200, "only once: {fault:?}");
            cloud.faults().clear();
        }
        for (name, status) in [("ec2:*", 400), ("ecs:*", 200)] {
            cloud
                .faults()
                .add(Rule::once(Some(name), 0, Fault::Throttle));
            assert_eq!(status_over_http(&cloud), status, "{name}");
            cloud.faults().clear();
        }
    }
}
