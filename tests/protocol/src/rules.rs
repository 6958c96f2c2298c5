//! The rules that hold the protocol together, each of which can be left out: a simulator that does not notice would
//! prove nothing.

/// A rule that can be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// An attempt mutates only when no other may still be at work.
    RunningAttempt,
    /// What a Delete means is looked up by owner, never read from its id.
    OwnershipLookup,
    /// A request takes the place of the open operation, and writes of the one that was ended fail.
    RecordCondition,
    /// The owner's record outlives its services, so that a late event meets what is over.
    Remembered,
    /// A claim needs room.
    ClaimCondition,
    /// OPEN becomes CLOSED, and never the other way.
    ClosedIsFinal,
    /// The waiter is started before the first change.
    WaiterFirst,
    /// An answer that did not arrive is sent again.
    AnswerRetry,
    /// A Delete is answered SUCCESS when its service is INACTIVE, not before.
    SuccessAtInactive,
    /// A write of the record whose outcome is unknown is not taken for written: its revision may be another's.
    UnknownWrite,
    /// Nobody else mutates while a claim, or the giving back of one, may still have its effect.
    LateClaim,
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::RunningAttempt,
        Self::OwnershipLookup,
        Self::RecordCondition,
        Self::Remembered,
        Self::ClaimCondition,
        Self::ClosedIsFinal,
        Self::WaiterFirst,
        Self::AnswerRetry,
        Self::SuccessAtInactive,
        Self::UnknownWrite,
        Self::LateClaim,
    ];

    /// How the command line calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::RunningAttempt => "running-attempt",
            Self::OwnershipLookup => "ownership-lookup",
            Self::RecordCondition => "record-condition",
            Self::Remembered => "remembered",
            Self::ClaimCondition => "claim-condition",
            Self::ClosedIsFinal => "closed-is-final",
            Self::WaiterFirst => "waiter-first",
            Self::AnswerRetry => "answer-retry",
            Self::SuccessAtInactive => "success-at-inactive",
            Self::UnknownWrite => "unknown-write",
            Self::LateClaim => "late-claim",
        }
    }
}

/// What the protocol is known not to hold against. Histories leave it out unless they are asked for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gap {
    /// An Update or a Delete of which the ledger knows nothing comes late, and CloudFormation had asked for something
    /// else so soon after it that issue times do not tell which was first.
    IssueTimesClose,
    /// CloudFormation gives a replacement up while its answer is on the way, and the stack is deleted without an Update
    /// back.
    AnswerCrosses,
}

impl Gap {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::IssueTimesClose, Self::AnswerCrosses];

    /// How the command line calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::IssueTimesClose => "issue-times-close",
            Self::AnswerCrosses => "answer-crosses",
        }
    }
}
