//! How an owner's record may change: a request is received, begun, answered, ended by a later one.

use std::collections::BTreeMap;

use super::{
    ATTEMPT_LENGTH_S, AnsweredAtOnce, DecidedAnswer, FINISHED_REQUESTS_MAX, Further,
    ISSUE_TIMES_DIFFER_MS, Operation, Owner, OwnerRecord, Reception, Request, RequestId,
    RequestType, RunningAttempt, SUPERSEDED_MAX, SUPERSEDED_SEALED_LENGTH_MAX, ServiceRecord,
    Standing, Superseded, UNATTENDED_AFTER_MS,
};
use crate::naming;

impl OwnerRecord {
    /// An owner of whom nothing is known.
    #[must_use]
    pub const fn new(owner: Owner) -> Self {
        Self {
            owner,
            services: BTreeMap::new(),
            answered_ids: Vec::new(),
            finished_requests: Vec::new(),
            answered_at_once: None,
            operation: None,
            superseded: Vec::new(),
            running: None,
            newest_issued_ms: 0,
            delete_issued_ms: None,
            unreached: None,
            led_from: None,
            further: Further::new(),
        }
    }

    /// What a request means, looked up by owner and never parsed from the id.
    ///
    /// `sealed` is the sealed part of the operation that is open now, if any.
    #[must_use]
    pub fn receive(&self, request: &Request, sealed: Option<&str>) -> Reception {
        match self.standing(&request.request_id) {
            Standing::Over => return Reception::Finished,
            Standing::AnsweredAtOnce(body) => return Reception::AnsweredAtOnce(body),
            Standing::Open => return Reception::Open,
            Standing::Unknown => {}
        }
        if self.has_overtaken(request) {
            return Reception::Overtaken;
        }
        match request.request_type {
            RequestType::Create => Reception::Begin(Box::new(self.begin(request, sealed))),
            RequestType::Update => {
                // An id that was answered and whose service is gone may come back with an Update after a
                // failed replacement: then there is the other service. Without any there is nothing to update.
                let knows_it = request.physical_id.as_ref().is_some_and(|id| {
                    self.services.contains_key(id)
                        || (self.answered_ids.contains(id) && !self.services.is_empty())
                });
                if knows_it {
                    Reception::Begin(Box::new(self.begin(request, sealed)))
                } else {
                    Reception::NotFound
                }
            }
            RequestType::Delete => {
                let begun = self.begin(request, sealed);
                let has_work = request.waits_for_closings
                    || begun
                        .operation
                        .as_ref()
                        .is_some_and(|operation| !operation.remove.is_empty())
                    || self.operation.is_some()
                    || !begun.superseded.is_empty()
                    || begun.running.is_some();
                if has_work {
                    Reception::Begin(Box::new(begun))
                } else {
                    let mut tombstone = self.clone();
                    tombstone.note_issue(request);
                    tombstone.owe_nothing_under_the_id_of(request);
                    Reception::NothingToDo {
                        physical_id: request.physical_id.clone().unwrap_or_default(),
                        tombstone: Box::new(tombstone),
                    }
                }
            }
        }
    }

    /// What has become of a request, as far as is known.
    #[must_use]
    pub fn standing(&self, request_id: &RequestId) -> Standing {
        if self.open_request() == Some(request_id) {
            return Standing::Open;
        }
        if self.has_come_again(request_id) {
            return Standing::Over;
        }
        let at_once = self.answered_at_once.as_ref();
        match at_once.filter(|answered| answered.request_id == *request_id) {
            Some(answered) => Standing::AnsweredAtOnce(answered.body.clone()),
            None if self.is_over(request_id) => Standing::Over,
            None => Standing::Unknown,
        }
    }

    /// Whether a request was answered or ended.
    #[must_use]
    pub fn is_over(&self, request_id: &RequestId) -> bool {
        self.requests_over().any(|over| over == request_id)
    }

    /// Whether CloudFormation has issued another request under the id of this one since. It waits for that one's answer only,
    /// and would read one to this as such.
    fn has_come_again(&self, request_id: &RequestId) -> bool {
        let mut known = self.requests_over().chain(self.open_request());
        known.any(|known| known.is_later_use_of(request_id))
    }

    fn open_request(&self) -> Option<&RequestId> {
        self.operation.as_ref().map(|open| &open.request_id)
    }

    fn requests_over(&self) -> impl Iterator<Item = &RequestId> {
        let owed = self.superseded.iter().map(|owed| &owed.request_id);
        owed.chain(&self.finished_requests)
    }

    /// Whether CloudFormation has moved on since it issued `request`: it sends one request at a time for a
    /// resource, so an older one that arrives now was given up, and nobody would remove what it made.
    fn has_overtaken(&self, request: &Request) -> bool {
        let is_older = request.issued_ms + ISSUE_TIMES_DIFFER_MS < self.newest_issued_ms;
        // What was removed comes back in another operation of the stack only, so no margin is needed: a Create
        // is cancelled within seconds, or within the second that both issue times say.
        let is_deleted = request.request_type == RequestType::Create
            && self
                .delete_issued_ms
                .is_some_and(|deleted_ms| request.issued_ms <= deleted_ms);
        is_older || is_deleted || request.now_ms >= request.given_up_ms
    }

    fn note_issue(&mut self, request: &Request) {
        self.newest_issued_ms = self.newest_issued_ms.max(request.issued_ms);
        if request.request_type == RequestType::Delete {
            self.delete_issued_ms = self.delete_issued_ms.max(Some(request.issued_ms));
        }
    }

    /// The record with `request` as its operation. An operation that is still open is ended by it:
    /// CloudFormation sends one request at a time, so it has given the other up.
    fn begin(&self, request: &Request, sealed: Option<&str>) -> Self {
        let mut record = self.clone();
        record.note_issue(request);
        record.learn_what_was_let_go(request);
        record.learn_what_was_heard(request);
        record.learn_what_was_not_heard(request);
        record.learn_what_was_not_reached(request);
        record.learn_what_was_reached();
        record.learn_what_is_doomed(request);
        let (answer_by_ms, given_up_ms) = record.deadlines_of(request);
        let changed_before_ms = record.newest_change_ms();
        let (way, left_running) = record.way_of(request);
        let abandoned = record.operation.as_ref().and_then(Operation::abandon);
        record.led_from = None;
        record.supersede_open_operation(sealed);
        record.owe_nothing_under_the_id_of(request);
        record.claim(request);
        let converge = request.converge.as_ref().map(|(arn, _)| arn.clone());
        let left_behind = record.left_behind(request).cloned();
        let is_named = |arn: &String| request.physical_id.as_ref() == Some(arn);
        let is_to_go = |arn: &String, service: &ServiceRecord| {
            if converge.as_ref() == Some(arn) {
                return false;
            }
            let is_asked =
                request.request_type == RequestType::Delete && (is_named(arn) || service.is_doomed);
            is_asked || !service.is_answered || left_behind.as_ref() == Some(arn)
        };
        let mut remove: Vec<String> = record
            .services
            .iter()
            .filter(|(arn, service)| is_to_go(arn, service))
            .map(|(arn, _)| arn.clone())
            .collect();
        // What cannot be removed must not keep what is named.
        remove.sort_by_key(|arn| !is_named(arn));
        record.operation = Some(Operation {
            request_id: request.request_id.clone(),
            request_type: request.request_type,
            physical_id: request.physical_id.clone(),
            converge,
            remove,
            way,
            has_tagged: false,
            waits_for_closings: request.waits_for_closings,
            started_ms: request.now_ms,
            answer_by_ms,
            given_up_ms,
            has_waiter: false,
            changed_before_ms,
            answer: None,
            deployment_asked_ms: None,
            service_updates: 0,
            settings_sent_ms: None,
            registered: None,
            is_out_of_time: false,
            deployment_before: None,
            deployed_again_after: None,
            abandoned: abandoned.or(left_running),
            waiting: None,
            refused: None,
            unseen_since_ms: None,
            removal_refused_ms: None,
            stop_asked: None,
            examined: None,
            verdict: None,
            sealed_url: None,
            further: Further::new(),
        });
        record
    }

    /// When `request` has to be answered, and when CloudFormation stops listening. If the open operation is the same request,
    /// issued before under the same id, nobody knows from which issue CloudFormation counts: the answer is in time for both,
    /// and somebody may listen for as long as after the second. A cancelled request that is tried again unchanged under its
    /// id cannot be told from that.
    fn deadlines_of(&self, request: &Request) -> (u64, u64) {
        let before = self.operation.as_ref().filter(|open| {
            request.request_id.is_later_use_of(&open.request_id)
                && request.request_type == open.request_type
                && request.physical_id == open.physical_id
                && request.change == open.way.change
                && request.now_ms < open.answer_by_ms
        });
        before.map_or((request.answer_by_ms, request.given_up_ms), |open| {
            (
                request.answer_by_ms.min(open.answer_by_ms),
                request.given_up_ms.max(open.given_up_ms),
            )
        })
    }

    fn claim(&mut self, request: &Request) {
        let Some((arn, wanted)) = &request.converge else {
            return;
        };
        let service = self.services.entry(arn.clone());
        let service = service.or_insert_with(|| wanted.clone());
        if request.request_type == RequestType::Create {
            service.created_by = Some(request.request_id.clone());
        }
    }

    fn supersede_open_operation(&mut self, sealed: Option<&str>) {
        let Some(open) = self.operation.take() else {
            return;
        };
        let sealed = open
            .sealed_url
            .clone()
            .or_else(|| sealed.map(str::to_owned));
        let Some(sealed) = sealed.filter(|it| it.len() <= SUPERSEDED_SEALED_LENGTH_MAX) else {
            // Where to answer is lost, or goes with properties that an older version has sealed and for which there is
            // no room beside the next ones. CloudFormation has given the request up; it is over all the same.
            self.remember_finished(open.request_id);
            return;
        };
        let nothing = || naming::id_of_nothing(&open.request_id);
        let physical_id = self.failed_id(&open).cloned().unwrap_or_else(nothing);
        self.superseded.push(Superseded {
            request_id: open.request_id,
            physical_id,
            answer: open.answer,
            sealed,
            is_tried: false,
        });
        let surplus = self.superseded.len().saturating_sub(SUPERSEDED_MAX);
        let given_up = self.superseded.drain(..surplus).collect();
        self.give_up(given_up);
    }

    /// An answer goes to where its id says, so that what is owed under the id of `request` would be read as the answer to
    /// `request` itself.
    fn owe_nothing_under_the_id_of(&mut self, request: &Request) {
        let id = request.request_id.cloudformation_id();
        let is_of_id = |owed: &mut Superseded| owed.request_id.cloudformation_id() == id;
        let given_up = self.superseded.extract_if(.., is_of_id).collect();
        self.give_up(given_up);
    }

    /// Records that requests are over that nobody is told of any more.
    fn give_up(&mut self, owed: Vec<Superseded>) {
        for superseded in owed {
            self.remember_finished(superseded.request_id);
        }
    }

    /// Records that the open operation is over. An answer that was not `heard`, because CloudFormation had
    /// stopped listening, has told it no id: what it names stays to be removed by the next request.
    pub fn finish_operation(&mut self, heard: bool) {
        self.learn_what_was_reached();
        let Some(operation) = self.operation.take() else {
            return;
        };
        let heard_answer = operation.answer.as_ref().filter(|_| heard);
        let is_success = heard_answer.is_some_and(|answer| answer.is_success);
        if !is_success {
            self.note_unreached(&operation);
        }
        self.remember_way(&operation, is_success);
        if let Some(answer) = heard_answer {
            match operation.request_type {
                RequestType::Create | RequestType::Update => {
                    self.remember_newest(&answer.physical_id);
                }
                RequestType::Delete => self.remember_heard(&answer.physical_id),
            }
        }
        self.remember_finished(operation.request_id);
    }

    /// Records that the open operation needs no work and is answered at once: SUCCESS for `physical_id`, with `body`.
    pub fn answer_at_once(&mut self, physical_id: &str, body: String) {
        let Some(operation) = self.operation.take() else {
            return;
        };
        self.remember_way(&operation, true);
        self.remember_newest(physical_id);
        self.note_reached(&operation, physical_id);
        self.remember_finished(operation.request_id.clone());
        self.answered_at_once = Some(AnsweredAtOnce {
            request_id: operation.request_id,
            body,
        });
    }

    /// The record once `begun`, its own next operation, is known to be refused: nothing was claimed for it, and all that
    /// it still needs is that `answer` is sent, the same one however often its event arrives.
    #[must_use]
    pub fn refused(&self, begun: Self, answer: DecidedAnswer) -> Self {
        let mut record = begun;
        record
            .services
            .retain(|arn, _| self.services.contains_key(arn));
        if let Some(operation) = &mut record.operation {
            operation.converge = None;
            operation.remove.clear();
            operation.answer = Some(answer);
        }
        record
    }

    /// Records that the answer to a superseded request was not accepted.
    pub fn try_superseded_again(&mut self, request_id: &RequestId) {
        for superseded in &mut self.superseded {
            superseded.is_tried |= superseded.request_id == *request_id;
        }
    }

    /// Whether a superseded request has not been told so yet.
    #[must_use]
    pub fn has_untold(&self) -> bool {
        self.superseded
            .iter()
            .any(|superseded| !superseded.is_tried)
    }

    /// Records that the waiter of the open operation was started.
    pub const fn note_waiter(&mut self) {
        if let Some(open) = &mut self.operation {
            open.has_waiter = true;
        }
    }

    /// Records that a superseded request was answered.
    pub fn finish_superseded(&mut self, request_id: &RequestId) {
        self.superseded
            .retain(|superseded| superseded.request_id != *request_id);
        self.remember_finished(request_id.clone());
    }

    /// Ends what is open although nobody comes back for it, and says whether there was such a thing: Lambda has given its
    /// event up before it had a waiter, or its waiter has died. CloudFormation stopped listening long ago, and what it was
    /// about is the next request's to see to. A success that was decided may have been heard, and what it names serve: it
    /// is taken for heard, and a request that knows nothing of it shows that it was not.
    pub fn end_unattended(&mut self, now_ms: u64) -> bool {
        let started_ms = self.operation.as_ref().map_or(0, |open| open.started_ms);
        let newest_ms = self.newest_issued_ms.max(started_ms);
        let is_open = self.operation.is_some() || !self.superseded.is_empty();
        if !is_open || now_ms < newest_ms + UNATTENDED_AFTER_MS {
            return false;
        }
        let answer = self
            .operation
            .as_ref()
            .and_then(|open| open.answer.as_ref());
        self.finish_operation(answer.is_some_and(|answer| answer.is_success));
        let owed = std::mem::take(&mut self.superseded);
        self.give_up(owed);
        true
    }

    /// Records that a request is over, whichever is open now.
    fn remember_finished(&mut self, request_id: RequestId) {
        self.finished_requests.push(request_id);
        drop_oldest(&mut self.finished_requests, FINISHED_REQUESTS_MAX);
    }

    /// Whether `attempt` may mutate.
    #[must_use]
    pub fn is_running(&self, attempt: &str) -> bool {
        self.running
            .as_ref()
            .is_some_and(|running| running.attempt == attempt)
    }

    /// Lets `attempt` mutate, when nobody else may: there is no running attempt, or it is surely over.
    #[must_use]
    pub fn begin_attempt(&mut self, attempt: &str) -> bool {
        let is_free = self.running.as_ref().is_none_or(RunningAttempt::is_over);
        if is_free {
            self.running = Some(RunningAttempt {
                attempt: attempt.to_owned(),
                length_s: ATTEMPT_LENGTH_S,
                unchanged_s: 0,
            });
        }
        is_free
    }

    /// Ends `attempt`.
    pub fn end_attempt(&mut self, attempt: &str) {
        if self.is_running(attempt) {
            self.running = None;
        }
    }

    /// When something of the services was last about to be made or changed, in milliseconds since the epoch.
    #[must_use]
    pub fn newest_change_ms(&self) -> Option<u64> {
        let changed = self.services.values().filter_map(|it| it.changed_ms);
        changed.max()
    }

    /// Whether anything is left that the owner holds or is owed.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.services.is_empty() && self.operation.is_none() && self.superseded.is_empty()
    }
}

/// Milliseconds until AWS shows what was changed at `changed_ms`; none when it does. Clocks of two hosts differ, so a change
/// may seem to be yet to come.
#[must_use]
pub fn unseen_for_ms(changed_ms: u64, now_ms: u64, seen_after_ms: u64) -> Option<u64> {
    seen_after_ms
        .checked_sub(now_ms.abs_diff(changed_ms))
        .filter(|left_ms| *left_ms > 0)
}

pub(super) fn drop_oldest<T>(list: &mut Vec<T>, most: usize) {
    let surplus = list.len().saturating_sub(most);
    list.drain(..surplus);
}
