//! What may go wrong at a call.

use std::fmt;

use clap::ValueEnum;
use local_aws::fault::{Fault, Rule};

/// Calls in a row: more than the SDK's own four tries, also of two calls side by side, so that an attempt fails, and fewer
/// than those of one call in all three deliveries of an event.
const LONG: u64 = 10;
/// The same for calls without an answer, of which the SDK tries two before their time is over.
const HANGING: u64 = 5;
/// Reads of EC2 and ECS that one attempt makes at most, about.
const READS_OF_AN_ATTEMPT: u64 = 20;

/// What goes wrong, from one call on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Trouble {
    /// The process dies before the call has its effect.
    DiesBefore,
    /// It dies after the effect, before the answer.
    DiesAfter,
    /// It dies, and the call has its effect when others are at work already.
    LandsLate,
    /// The effect comes, the answer gets lost.
    LosesAnswer,
    /// The effect comes, the answer never.
    Hangs,
    /// The same for many calls: the attempt's time ends before it knows anything.
    HangsLong,
    /// No answer comes in the attempt's time, and the effect only after it.
    LandsAfter,
    /// The effect comes, and the attempt is held up until its time is over.
    OutlastsTheAttempt,
    /// One try is refused: too many requests.
    Throttled,
    /// So are many, more than the SDK tries.
    ThrottledLong,
    /// AWS fails once.
    Fails,
    /// It fails many times.
    FailsLong,
    /// All that an attempt reads is some seconds old.
    ReadsOld,
    /// The call is not allowed.
    Denied,
    /// Each call that is no look has its effect twice, from here to the end.
    Doubled,
}

impl Trouble {
    /// The rule that makes it.
    #[must_use]
    pub fn at(self, call: u64) -> Rule {
        let rule = |fault| Rule::once(None, call, fault);
        match self {
            Self::DiesBefore => rule(Fault::CrashBefore),
            Self::DiesAfter => rule(Fault::CrashAfter),
            Self::LandsLate => rule(Fault::LandLate),
            Self::LosesAnswer => rule(Fault::LoseAnswer),
            Self::Hangs => rule(Fault::NoAnswer),
            Self::HangsLong => rule(Fault::NoAnswer).times(HANGING),
            Self::LandsAfter => rule(Fault::LandAfter).times(HANGING),
            Self::OutlastsTheAttempt => rule(Fault::Hang),
            Self::Throttled => rule(Fault::Throttle),
            Self::ThrottledLong => rule(Fault::Throttle).times(LONG),
            Self::Fails => rule(Fault::ServerError),
            Self::FailsLong => rule(Fault::ServerError).times(LONG),
            Self::ReadsOld => rule(Fault::StaleRead).times(READS_OF_AN_ATTEMPT),
            Self::Denied => rule(Fault::Deny),
            Self::Doubled => rule(Fault::Twice).times(u64::MAX),
        }
    }

    /// Whether nobody but the user can make it good: then a stack operation may fail.
    #[must_use]
    pub fn is_for_good(self) -> bool {
        self == Self::Denied
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_possible_value() {
            Some(value) => formatter.write_str(value.get_name()),
            None => Err(fmt::Error),
        }
    }
}
