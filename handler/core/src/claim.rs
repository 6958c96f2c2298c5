//! What the ledger knows, and how it may change: owners, their services, the open operation and the
//! attempt that may mutate.
//!
//! Only what AWS cannot tell us back is kept: who owns what, which slot and host name are claimed,
//! what was asked and is not yet answered. Progress is never kept: it is observed.
//!
//! Everything here is pure: a record in, a record out. `handler/src/ledger.rs` writes a record only on
//! the condition that it is still the revision that was read, so each transition is atomic and whoever
//! loses a race reads again.
//!
//! The records are here, their transitions in `claim/transitions.rs`; `claim/hearing.rs` concludes what CloudFormation
//! has heard, `claim/leading_back.rs` which Update leads back, `claim/moving.rs` what a service holds while it moves; load
//! balancers and their slots are in `claim/pool.rs`, the provider's domain in `claim/domain.rs`.

pub mod domain;
mod hearing;
mod leading_back;
mod moving;
pub mod pool;
mod request_id;
mod transitions;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::diagnosis::{Examined, Verdict};
use crate::network::Reach;
use crate::step::Stop;

pub use leading_back::{Change, LedFrom, LedTo, Way};
pub use request_id::RequestId;
pub use transitions::unseen_for_ms;

/// Version of the record's form. A newer one than this is refused: an older provider must not write it.
///
/// A field of its own that an older provider may simply carry along needs no new version: see [`Further`]. Everything
/// else does: a field that changes what others mean, and one of a part that carries nothing along.
pub const SCHEMA_VERSION: u32 = 1;
/// Requests remembered as finished: CloudFormation sends one at a time per resource, and Lambda
/// redelivers within hours.
pub const FINISHED_REQUESTS_MAX: usize = 50;
/// Revisions that one operation registers before it takes the last one as it is: one, and two more for what somebody has
/// added to the running one meanwhile.
const REGISTRATIONS_MAX: u32 = 3;
/// Physical ids remembered as answered.
pub const ANSWERED_IDS_MAX: usize = 50;
/// Seconds that an attempt may live: the function's timeout.
pub const ATTEMPT_LENGTH_S: u32 = 60;

/// Milliseconds after the newest request of an owner from which nobody comes back for what is still open: CloudFormation
/// listens for an hour at most, and as long again is left to whoever is still trying.
/// AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-cloudformation-customresource.html>
pub const UNATTENDED_AFTER_MS: u64 = 2 * 3_600 * 1_000;
/// Seconds beyond an attempt's length before it is taken for dead.
pub const ATTEMPT_MARGIN_S: u32 = 15;
/// Requests ended by a later one that are still to be told so. The next attempt tells all of them, so that, while
/// CloudFormation takes answers, more would have to come within the minute that an attempt lives; it has given up the
/// oldest by then.
pub const SUPERSEDED_MAX: usize = 5;
/// How long a service may go back to the subnets that it was in before without their routes being looked at anew: the
/// operation of a stack that fails goes back at its end, hours later at most.
pub const WAY_BACK_MS: u64 = 24 * 60 * 60 * 1000;
/// Characters kept, sealed and in Base64, of where the answer to an ended request goes: more than twice those of a
/// response URL with a session token. With [`SUPERSEDED_MAX`] it leaves the largest properties room in DynamoDB's 400 KB.
pub const SUPERSEDED_SEALED_LENGTH_MAX: usize = 6_000;
/// Milliseconds until what was made or changed is surely shown: EC2 and ECS may answer for some seconds as if it were not
/// so yet.
/// AWS: <https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html>,
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RunTask.html>
pub const SEEN_AFTER_MS: u64 = 15_000;
/// Milliseconds by which issue times of requests in the right order may differ: they are cut to whole seconds, and the
/// clocks of CloudFormation's hosts are not the same one. An issue time that is older by no more than this does not say
/// which request was first.
/// AWS: <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html> (`X-Amz-Date`)
pub const ISSUE_TIMES_DIFFER_MS: u64 = 1_000;

/// Fields that this version does not know. A newer one has written them: while the function is updated, and after it
/// was set back, both work on the same records. They are written again as they were read.
pub type Further = BTreeMap<String, Value>;

/// Who a service belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Owner {
    /// ARN of the stack.
    pub stack_id: String,
    /// Logical id in its template.
    pub logical_resource_id: String,
}

impl Owner {
    /// The stack's name: `arn:<partition>:cloudformation:<region>:<account>:stack/<name>/<uuid>`.
    #[must_use]
    pub fn stack_name(&self) -> &str {
        let mut parts = self.stack_id.split('/');
        parts.nth(1).unwrap_or(&self.stack_id)
    }
}

/// CloudFormation's request types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RequestType {
    /// Make it.
    Create,
    /// Change it.
    Update,
    /// Remove it.
    Delete,
}

/// All that is known of one owner. It outlives the owner's services by 30 days, so that a late event
/// still meets it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnerRecord {
    /// Who it is.
    pub owner: Owner,
    /// The services by their ARN: one, or two while a replacement is under way.
    pub services: BTreeMap<String, ServiceRecord>,
    /// Physical ids that CloudFormation was ever told, oldest first: by when it was last told each.
    pub answered_ids: Vec<String>,
    /// Requests that are over, oldest first: answered, or given up by CloudFormation.
    pub finished_requests: Vec<RequestId>,
    /// The newest request that was answered without an operation.
    pub answered_at_once: Option<AnsweredAtOnce>,
    /// What was asked and is not over.
    pub operation: Option<Operation>,
    /// Requests that a later one ended before they were answered: still owed an answer.
    pub superseded: Vec<Superseded>,
    /// The attempt that may mutate now.
    pub running: Option<RunningAttempt>,
    /// When CloudFormation issued the newest request that was taken up; milliseconds since the epoch.
    pub newest_issued_ms: u64,
    /// The tombstone: when CloudFormation issued the newest Delete, also of something that was not known yet.
    /// A Create that is older was given up before it arrived. Milliseconds since the epoch.
    pub delete_issued_ms: Option<u64>,
    /// A service of before that the newest Update was to lead back to, and has not reached. CloudFormation goes on
    /// naming the one that the Update came under: nobody will ask for the removal of this one by its ARN.
    #[serde(default)]
    pub unreached: Option<String>,
    /// What the newest Update was to lead away from; none once the service is back there.
    #[serde(default)]
    pub led_from: Option<LedFrom>,
    /// What a newer version knows of the owner.
    #[serde(flatten)]
    pub further: Further,
}

/// A request that was answered without an operation: it asked for what was there.
///
/// Written before the answer is sent, so that a request which comes at the same time begins after it or ends it, and
/// kept, because the attempt may die before it has sent it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnsweredAtOnce {
    /// Which request.
    pub request_id: RequestId,
    /// The body of the answer.
    pub body: String,
}

/// One service and what it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceRecord {
    /// Short name of its cluster.
    pub cluster: String,
    /// Its name.
    pub name: String,
    /// Its host name.
    pub host: String,
    /// Whether CloudFormation was ever told its ARN as a physical id. One that it was not told will
    /// never be deleted by id: the next request of the owner removes it.
    pub is_answered: bool,
    /// Whether CloudFormation has let go of it (`DeletionPolicy: Retain`): it was answered, and a later Create says
    /// that nothing stands for the logical id any more. It stays until somebody asks for its removal by its ARN, or has
    /// asked already (`is_doomed`).
    #[serde(default)]
    pub is_let_go: bool,
    /// Whether an event has named it: CloudFormation has read its id, so that no answer with it was in vain.
    #[serde(default)]
    pub is_named: bool,
    /// The newest Create for it. Another delivery of the event may have been refused, when the ledger could not be read.
    #[serde(default)]
    pub created_by: Option<RequestId>,
    /// Whether a request for it has succeeded: it served, so that a Create which takes it up again and fails has not made
    /// it.
    #[serde(default)]
    pub is_reached: bool,
    /// Whether CloudFormation has asked for its removal, and no request for it has succeeded since. After an update it asks
    /// three times and then forgets the service: should all fail, the next Delete of the owner takes it along.
    /// AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/troubleshooting.html> (`Resource removed from
    /// stack but not deleted`)
    #[serde(default)]
    pub is_doomed: bool,
    /// The pool that a slot is being claimed in: written before the claim, so that a claim whose claimant
    /// died is found again.
    pub claiming_in: Option<String>,
    /// Its place on a load balancer.
    pub slot: Option<Slot>,
    /// Its place on the load balancer that it is leaving for another pool's: held until nothing of the service is
    /// there any more.
    #[serde(default)]
    pub leaving: Option<Slot>,
    /// Milliseconds since the epoch when its host name was last pointed at another load balancer during a move: DNS does not
    /// say since when it answers what it answers. Later, where Route 53 takes longer than usual to spread that.
    #[serde(default)]
    pub alias_moved_ms: Option<u64>,
    /// Route 53's id of the change that did so, until every name server is known to answer with it; none where the answer
    /// was lost.
    #[serde(default)]
    pub alias_change: Option<String>,
    /// Whether it may have a rule for test traffic: written before one is made, so that one that the service does not
    /// name yet, or does not name any more, is found; the others are not looked for one.
    #[serde(default)]
    pub has_test_rule: bool,
    /// Milliseconds since the epoch when something of it was last about to be made or changed: AWS may not show that
    /// yet, and what is not seen would be neither removed nor undone.
    #[serde(default)]
    pub changed_ms: Option<u64>,
    /// Digest of the properties that an operation has got it to last ([`leading_back`]); none once a later one was about
    /// to change something of it.
    #[serde(default)]
    pub stands_at: Option<String>,
    /// The zone in which its alias record may be: written before one is made. None where DNS is managed elsewhere, and
    /// for a service that an older provider has made and that has not changed since.
    #[serde(default)]
    pub hosted_zone_id: Option<String>,
    /// What the routes of its subnets said when it came into them, and when that was; before it, for the way back, that of
    /// the subnets that it was in before.
    #[serde(default)]
    pub stays: Vec<Stay>,
    /// Whether its host name was seen to lead to a load balancer of its own, so that the record of the name is its own and
    /// is repaired. Until then a record of the name is somebody else's.
    #[serde(default)]
    pub has_alias_record: bool,
    /// DNS name of the load balancer to which its record was last seen to lead; none once that was about to be changed.
    #[serde(default)]
    pub alias_leads_to: Option<String>,
    /// What a newer version knows of the service.
    #[serde(flatten)]
    pub further: Further,
}

/// A place on a load balancer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// The pool.
    pub pool_id: String,
    /// The load balancer's ordinal in the pool.
    pub ordinal: u64,
    /// The slot.
    pub number: u64,
}

/// One request of CloudFormation, until it is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// Which request.
    pub request_id: RequestId,
    /// What is asked.
    pub request_type: RequestType,
    /// The physical id that the event carried.
    pub physical_id: Option<String>,
    /// The service to converge to; none for a Delete.
    pub converge: Option<String>,
    /// Services to remove.
    pub remove: Vec<String>,
    /// Where it leads.
    #[serde(default)]
    pub way: Way,
    /// Whether the tags of everything were written.
    #[serde(default)]
    pub has_tagged: bool,
    /// Whether it is the provider's own Delete, which waits until no load balancer is being closed any more.
    pub waits_for_closings: bool,
    /// Milliseconds since the epoch.
    pub started_ms: u64,
    /// Milliseconds since the epoch by which we answer, whatever happens.
    pub answer_by_ms: u64,
    /// Milliseconds since the epoch when CloudFormation stops listening.
    pub given_up_ms: u64,
    /// Whether its waiter is known to have been started. Step Functions, which knows it as well, may not answer.
    #[serde(default)]
    pub has_waiter: bool,
    /// Milliseconds since the epoch when something of the owner's services was last about to be made or changed before it
    /// began: AWS may not show that yet.
    #[serde(default)]
    pub changed_before_ms: Option<u64>,
    /// The answer once it is decided; it is sent, again if need be, until it is known to have arrived.
    pub answer: Option<DecidedAnswer>,
    /// Milliseconds since the epoch when ECS was last asked for a deployment: it may not list it yet.
    pub deployment_asked_ms: Option<u64>,
    /// How many times it has asked ECS to update the service, with or without a deployment; its creation does not count.
    #[serde(rename = "deployments_asked")]
    pub service_updates: u32,
    /// Milliseconds since the epoch when ECS was last told how to deploy, without a deployment: it may not show it yet.
    #[serde(default)]
    pub settings_sent_ms: Option<u64>,
    /// The revision of the task definition that it has registered last.
    #[serde(default)]
    pub registered: Option<Registered>,
    /// Whether its deployment was stopped because no time was left for it.
    #[serde(default)]
    pub is_out_of_time: bool,
    /// ARN of the deployment that was the newest when ECS was last asked for one.
    pub deployment_before: Option<String>,
    /// ARN of the deployment after which the same was asked for once more, or is about to be: an attempt that dies
    /// before ECS hears of it leaves nothing else to tell that the service is not as desired.
    #[serde(default)]
    pub deployed_again_after: Option<String>,
    /// The deployment of a request that this one has ended: nobody waits for it any more.
    #[serde(default)]
    pub abandoned: Option<Abandoned>,
    /// What is waited for, so that a waiting attempt needs one look only.
    pub waiting: Option<Waiting>,
    /// The last thing that AWS has refused for a reason that may pass, with that reason; none since something else was
    /// done or waited for.
    #[serde(default)]
    pub refused: Option<String>,
    /// Milliseconds since the epoch since when AWS does not know something that was made, or still knows what was deleted,
    /// or the provider itself is being updated; none since something else was done or waited for.
    #[serde(default)]
    pub unseen_since_ms: Option<u64>,
    /// Milliseconds since the epoch since when AWS refuses that something is removed which a way back can leave.
    #[serde(default)]
    pub removal_refused_ms: Option<u64>,
    /// The deployment that ECS was last asked to stop: it may go on showing it as running for a while.
    #[serde(default)]
    pub stop_asked: Option<StopAsked>,
    /// The last closer look at the deployment that was asked for.
    #[serde(default)]
    pub examined: Option<Examined>,
    /// Why that deployment does not get on, as far as is known. AWS cannot tell it any more once the deployment
    /// was rolled back: its targets are gone by then.
    #[serde(default)]
    pub verdict: Option<Verdict>,
    /// Where the answer goes, sealed for itself and in Base64: all that is needed of the request once a later one has
    /// ended it. None of what an older version has begun, and of a record that is not written yet.
    #[serde(default)]
    pub sealed_url: Option<String>,
    /// What a newer version knows of the operation.
    #[serde(flatten)]
    pub further: Further,
}

impl ServiceRecord {
    /// What counts of the routes of its subnets: of those that it is in, and of those that it may be on its way back to.
    #[must_use]
    pub fn reaches(&self, now_ms: u64) -> Vec<Reach> {
        let may_go_back = |last: &Stay| now_ms.saturating_sub(last.since_ms) < WAY_BACK_MS;
        let known = match self.stays.split_last() {
            Some((last, _)) if !may_go_back(last) => std::slice::from_ref(last),
            _ => &self.stays,
        };
        known.iter().map(|stay| stay.reach.clone()).collect()
    }

    /// Notes where the service is now. Once it has gone back, it comes to the others anew.
    pub fn note_reach(&mut self, reach: &Reach, now_ms: u64) {
        let is_there = |stay: &Stay| stay.reach.is_of_same(reach);
        if self.stays.last().is_some_and(is_there) {
            return;
        }
        let is_back = self.stays.iter().any(is_there);
        let last = self.stays.pop().filter(|_| !is_back);
        let came = Stay {
            reach: reach.clone(),
            since_ms: now_ms,
        };
        self.stays = last.into_iter().chain([came]).collect();
    }
}

impl Operation {
    /// ARN of the deployment that ECS has given up for a role that may not have been known everywhere yet.
    #[must_use]
    pub fn early_deployment(&self) -> Option<String> {
        let verdict = self.verdict.as_ref();
        let early = verdict.filter(|verdict| verdict.may_be_iam_propagation());
        early
            .and_then(|verdict| verdict.deployment_arn.clone())
            .or_else(|| self.deployed_again_after.clone())
    }

    /// Notes that a revision of the task definition was registered, and whether ECS describes it as it was written.
    pub fn note_registered(&mut self, arn: &str, is_as_written: bool) {
        let before = self.registered.as_ref();
        self.registered = Some(Registered {
            arn: arn.to_owned(),
            is_as_written,
            times: before.map_or(0, |before| before.times) + 1,
        });
    }

    /// ARN of the revision that is taken as it is, however ECS describes it: to register it once more would change nothing
    /// of that.
    #[must_use]
    pub fn registered_in_vain(&self) -> Option<&String> {
        let last = self.registered.as_ref();
        last.filter(|last| !last.is_as_written || last.times >= REGISTRATIONS_MAX)
            .map(|last| &last.arn)
    }

    /// Takes back what was noted before ECS refused to make or to change the service: it was not asked after all.
    pub fn note_unasked(&mut self, before: &Self) {
        self.deployment_asked_ms = before.deployment_asked_ms;
        self.deployment_before.clone_from(&before.deployment_before);
        self.settings_sent_ms = before.settings_sent_ms;
        self.service_updates = before.service_updates;
    }

    /// Notes that AWS refuses something, for a reason that may pass; what was refused before stays where it is not said.
    /// `unseen_ms`: the time, if the reason passes soon or never.
    pub fn note_refused(&mut self, refused: Option<String>, unseen_ms: Option<u64>) {
        self.refused = refused.or(self.refused.take());
        self.unseen_since_ms = self.unseen_since_ms.or(unseen_ms);
    }

    /// Notes that something was done, or is waited for.
    pub fn note_progress(&mut self) {
        self.refused = None;
        self.unseen_since_ms = None;
    }

    /// Notes that a deployment is about to be stopped.
    pub fn note_stop(&mut self, deployment_arn: &str, why: Stop, now_ms: u64) {
        self.stop_asked = Some(StopAsked {
            deployment_arn: deployment_arn.to_owned(),
            at_ms: now_ms,
        });
        match why {
            Stop::Hopeless => {}
            Stop::OutOfTime => self.is_out_of_time = true,
            // From now on it is known which one nobody waits for: another one may follow it.
            Stop::Abandoned => {
                let abandoned = self.abandoned.as_mut();
                if let Some(abandoned) = abandoned.filter(|it| it.is(deployment_arn)) {
                    abandoned.arn = Some(deployment_arn.to_owned());
                }
            }
        }
    }

    /// What is left running when a later request ends this operation.
    fn abandon(&self) -> Option<Abandoned> {
        let seen = self
            .waiting
            .as_ref()
            .and_then(|waiting| match &waiting.awaited {
                Awaited::Deployment { arn, status: _ } => Some(arn),
                Awaited::Draining { .. } => None,
            });
        let own = self.deployment_asked_ms.map(|_| Abandoned {
            before: self.deployment_before.clone(),
            arn: seen
                .filter(|arn| Some(*arn) != self.deployment_before.as_ref())
                .cloned(),
            asked_ms: None,
        });
        own.or_else(|| self.abandoned.clone())
    }
}

/// A revision of the task definition that an operation has registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registered {
    /// With the revision.
    pub arn: String,
    /// Whether ECS has described it, in its answer, as it was written.
    pub is_as_written: bool,
    /// How many the operation has registered with it.
    pub times: u32,
}

/// A service in its subnets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stay {
    /// What their routes said when it came.
    pub reach: Reach,
    /// Milliseconds since the epoch when it came.
    pub since_ms: u64,
}

/// A deployment that ECS was asked to stop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopAsked {
    /// Which one.
    pub deployment_arn: String,
    /// Milliseconds since the epoch.
    pub at_ms: u64,
}

/// A deployment that was asked for by a request that a later one has ended. Its request may have ended before ECS had
/// named it: then it is the one that came next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Abandoned {
    /// ARN of the deployment that was the newest before it was asked for.
    pub before: Option<String>,
    /// Its ARN, from when it was seen or stopped.
    pub arn: Option<String>,
    /// Milliseconds since the epoch when it was asked for, by our clock; of a request that has failed. What is made long
    /// after that is somebody else's.
    #[serde(default)]
    pub asked_ms: Option<u64>,
}

/// How far the time at which ECS makes a deployment may be from that at which it was asked for, with clocks that differ.
const MADE_WITHIN_MS: u64 = 120_000;

impl Abandoned {
    /// Whether a deployment is this one, by its ARN as far as that is known.
    #[must_use]
    pub fn is(&self, deployment_arn: &str) -> bool {
        match &self.arn {
            Some(arn) => arn == deployment_arn,
            None => self.before.as_deref() != Some(deployment_arn),
        }
    }

    /// Whether it may have been made at this time; milliseconds since the epoch.
    #[must_use]
    pub fn is_of(&self, created_ms: u64) -> bool {
        let is_near = |asked_ms: u64| created_ms.abs_diff(asked_ms) <= MADE_WITHIN_MS;
        self.arn.is_some() || self.asked_ms.is_none_or(is_near)
    }
}

/// An answer that is decided. It holds nothing secret: attributes and a reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecidedAnswer {
    /// Whether it says SUCCESS.
    pub is_success: bool,
    /// The body that is PUT.
    pub body: String,
    /// The physical id in it.
    pub physical_id: String,
}

/// What is waited for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// What.
    pub awaited: Awaited,
    /// Milliseconds since the epoch of the last full observation.
    pub observed_ms: u64,
}

/// What can be waited for with one look at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Awaited {
    /// A deployment that goes on.
    Deployment {
        /// Its ARN.
        arn: String,
        /// Where it stood.
        status: crate::resources::ecs_service::DeploymentStatus,
    },
    /// A service that drains; what serves it (alias record, scalable target, rule) is gone.
    Draining {
        /// ARN of the service.
        service_arn: String,
    },
}

/// A request that was ended by a later one. Where its answer goes is kept until CloudFormation is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Superseded {
    /// Which request.
    pub request_id: RequestId,
    /// The physical id to answer with.
    pub physical_id: String,
    /// Its answer, when that was decided already.
    pub answer: Option<DecidedAnswer>,
    /// Its sealed response URL, in Base64; with its properties, if an older version has begun it.
    pub sealed: String,
    /// Whether its answer was not accepted: it is sent once more when the operation that has ended it is over.
    #[serde(default)]
    pub is_tried: bool,
}

/// The attempt that may mutate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningAttempt {
    /// A random name.
    pub attempt: String,
    /// Seconds that it can live.
    pub length_s: u32,
    /// Seconds, by their own clocks and without overlap, that successors have watched it unchanged.
    pub unchanged_s: u32,
}

impl RunningAttempt {
    /// Whether the attempt must be dead: no call of it can still be in flight.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.is_over_after(0)
    }

    /// The same, once the record has been seen unchanged for `watched_s` seconds more.
    #[must_use]
    pub const fn is_over_after(&self, watched_s: u32) -> bool {
        self.unchanged_s + watched_s >= self.length_s + ATTEMPT_MARGIN_S
    }
}

/// A request as it arrives, with what was derived from its properties.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Which request.
    pub request_id: RequestId,
    /// What is asked.
    pub request_type: RequestType,
    /// The physical id that the event carries.
    pub physical_id: Option<String>,
    /// The service that the properties describe; none for a Delete.
    pub converge: Option<(String, ServiceRecord)>,
    /// Between which properties it leads; of an Update only.
    pub change: Option<Change>,
    /// As in [`Operation`].
    pub waits_for_closings: bool,
    /// Milliseconds since the epoch.
    pub now_ms: u64,
    /// When CloudFormation issued it, by its own clock; the time of arrival where the event does not say.
    pub issued_ms: u64,
    /// Milliseconds since the epoch by which we answer.
    pub answer_by_ms: u64,
    /// Milliseconds since the epoch when CloudFormation stops listening.
    pub given_up_ms: u64,
}

/// What a record says of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing.
    Unknown,
    /// Its operation is open.
    Open,
    /// It was answered without an operation, with this body; whether that was sent is not known.
    AnsweredAtOnce(String),
    /// It is over, or CloudFormation has used its id again.
    Over,
}

/// What an event means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reception {
    /// It is over already: nothing to do.
    Finished,
    /// It was answered without an operation, with this body. Whether that was sent is not known: send it again.
    AnsweredAtOnce(String),
    /// It is the open operation: carry on.
    Open,
    /// It is new: the record to write before anything else is done.
    Begin(Box<OwnerRecord>),
    /// It is a Delete and nothing is known of what it names: answer with this id, once the record is written.
    NothingToDo {
        /// The id to answer with.
        physical_id: String,
        /// The record with the tombstone: the Create that this ends may still be on its way.
        tombstone: Box<OwnerRecord>,
    },
    /// CloudFormation has given it up already, or has asked for something else since: it must have no effect.
    Overtaken,
    /// An Update of something that this owner does not have.
    NotFound,
}
