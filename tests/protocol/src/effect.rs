//! The calls that are made: each has its effect at one moment, which may be long after its caller has died.

use std::fmt;
use std::rc::Rc;

use crate::aws::{AwsFailure, BalancerStatus, DeploymentStatus, Groups, Placed, Sight};
use crate::history::{Properties, Service};
use crate::ledger::{Contents, LedgerFailure, Members, Ordinal, Stored};
use express_core::claim::pool::PoolItem;

/// A request of CloudFormation: the stack, and which of its requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestId {
    /// The stack.
    pub stack: usize,
    /// Which of its requests.
    pub number: u32,
}

/// What a waiter waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum OperationId {
    /// A request of CloudFormation.
    Request(RequestId),
    /// The closing of a load balancer.
    Close(Ordinal),
}

/// An answer to CloudFormation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Whether it says SUCCESS.
    pub is_success: bool,
    /// The id in it.
    pub physical_id: String,
}

/// One call.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "named after the calls of the handler")]
pub enum Effect {
    FindOwner,
    PutOwner {
        stored: Rc<Stored>,
        seen: u64,
        names: Option<Service>,
        released: Vec<Service>,
    },
    Scan,
    FindPool(u8),
    FindMembers(Ordinal, Option<Service>),
    Claim(Ordinal, Service),
    ClaimNext {
        at: Ordinal,
        service: Service,
        current: u64,
    },
    Release(Ordinal, Service),
    Offer(Ordinal),
    Close(Ordinal),
    Forget(Ordinal),
    OpenPool(u8),
    OpenOrdinal(Ordinal, Vec<u64>),
    StartWaiter(OperationId, u64),
    Observe(Service, Option<Ordinal>),
    FindDeployment(Service),
    CreateGroups(Service),
    CreateLoadBalancer(Ordinal),
    CreateRule {
        at: Ordinal,
        slot: u64,
        service: Service,
        groups: u64,
    },
    CreateService(Properties),
    UpdateService(Properties),
    StopDeployment(Service),
    DeleteRule(u64),
    DeleteService(Service),
    DeleteGroups(Service, u64),
    FindLoadBalancer(Ordinal),
    DeleteLoadBalancer(Ordinal, u64),
    Answer(RequestId, Answer),
}

/// What a call returns.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "what is asked for, or what was made")]
pub enum Response {
    Done,
    Owner(Option<Rc<Stored>>),
    Pool(Option<PoolItem>),
    Scanned(Contents),
    Members(Option<Members>),
    Slot(Option<u64>),
    Accepted(bool),
    Sight(Box<Sight>),
    Deployment(Option<(u64, DeploymentStatus)>),
    Groups(Groups),
    LoadBalancer(BalancerStatus),
    Rule(Placed),
    /// The load balancer's ARN, and whether people have made it their own.
    Found(Option<(u64, bool)>),
}

/// Why a call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The ledger's.
    Ledger(LedgerFailure),
    /// AWS's.
    Aws(AwsFailure),
}

/// How a call ended.
pub type Reply = Result<Response, Failure>;

impl Effect {
    /// Whether it is the ledger that is called.
    #[must_use]
    pub const fn is_of_ledger(&self) -> bool {
        matches!(
            self,
            Self::FindOwner
                | Self::PutOwner { .. }
                | Self::Scan
                | Self::FindPool(_)
                | Self::FindMembers(..)
                | Self::Claim(..)
                | Self::ClaimNext { .. }
                | Self::Release(..)
                | Self::Offer(_)
                | Self::Close(_)
                | Self::Forget(_)
                | Self::OpenPool(_)
                | Self::OpenOrdinal(..)
        )
    }

    /// Whether it writes claims, as `CLAIMING_OPERATIONS` of `handler/src/ledger.rs` has it.
    fn claims(&self) -> bool {
        match self {
            Self::Claim(..)
            | Self::ClaimNext { .. }
            | Self::Release(..)
            | Self::Offer(_)
            | Self::Close(_)
            | Self::Forget(_)
            | Self::OpenPool(_)
            | Self::OpenOrdinal(..) => true,
            Self::PutOwner {
                names, released, ..
            } => names.is_some() || !released.is_empty(),
            _ => false,
        }
    }

    /// The failure of a call that got no answer.
    #[must_use]
    pub fn unknown(&self) -> Failure {
        if self.claims() {
            Failure::Ledger(LedgerFailure::UnknownClaim)
        } else if self.is_of_ledger() {
            Failure::Ledger(LedgerFailure::Unknown)
        } else {
            Failure::Aws(AwsFailure::Unknown)
        }
    }

    /// The failure of a call that was throttled.
    #[must_use]
    pub const fn throttled(&self) -> Failure {
        if self.is_of_ledger() {
            Failure::Ledger(LedgerFailure::Throttled)
        } else {
            Failure::Aws(AwsFailure::Throttled)
        }
    }
}

impl RequestId {
    /// Reads what `Display` wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (stack, number) = text.strip_prefix('r')?.split_once('-')?;
        Some(Self {
            stack: stack.parse().ok()?,
            number: number.parse().ok()?,
        })
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "r{}-{}", self.stack, self.number)
    }
}

impl fmt::Display for Ordinal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.pool, self.number)
    }
}

impl fmt::Display for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(request) => request.fmt(f),
            Self::Close(ordinal) => write!(f, "close {ordinal}"),
        }
    }
}

impl fmt::Display for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "revision {}", self.revision)?;
        if let Some(open) = &self.record.operation {
            write!(f, " {:?} {}", open.request_type, open.request_id)?;
            if let Some(converge) = &open.converge {
                write!(f, " converge {converge}")?;
            }
            if !open.remove.is_empty() {
                write!(f, " remove {}", open.remove.join(" "))?;
            }
            if let Some(answer) = &open.answer {
                write!(f, " answer {}", answer.body)?;
            }
        }
        if let Some(running) = &self.record.running {
            write!(
                f,
                " running {} for {} s",
                running.attempt, running.unchanged_s
            )?;
        }
        for superseded in &self.record.superseded {
            write!(f, " ended {}", superseded.request_id)?;
        }
        for (arn, service) in &self.record.services {
            write!(f, " has {arn}")?;
            if !service.is_answered {
                write!(f, "?")?;
            }
            match (&service.slot, &service.claiming_in) {
                (Some(slot), _) => write!(f, "@{}-{}/{}", slot.pool_id, slot.ordinal, slot.number)?,
                (None, Some(pool)) => write!(f, "@{pool}?")?,
                (None, None) => {}
            }
        }
        Ok(())
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PutOwner {
                stored,
                seen,
                names,
                released,
            } => {
                write!(f, "PutOwner over {seen}: {stored}")?;
                for service in released {
                    write!(f, " gives back s{service}")?;
                }
                names.map_or(Ok(()), |service| write!(f, " names s{service}"))
            }
            Self::StartWaiter(operation, number) => write!(f, "StartWaiter {operation} {number}"),
            Self::Answer(request, answer) => {
                let word = if answer.is_success {
                    "SUCCESS"
                } else {
                    "FAILED"
                };
                write!(f, "Answer {request} {word} {}", answer.physical_id)
            }
            other => write!(f, "{other:?}"),
        }
    }
}

impl fmt::Display for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Owner(Some(stored)) => write!(f, "{stored}"),
            Self::Sight(sight) => write!(f, "{sight:?}"),
            other => write!(f, "{other:?}"),
        }
    }
}
