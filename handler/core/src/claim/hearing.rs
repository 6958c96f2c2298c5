//! What CloudFormation has heard, reached and let go of, as far as its requests show.
//!
//! Nobody tells us whether an answer was read. The next request does: by the id that it names, by what it comes after,
//! and by ids that CloudFormation makes up.

use super::transitions::drop_oldest;
use super::{ANSWERED_IDS_MAX, Operation, Owner, OwnerRecord, Request, RequestType, ServiceRecord};
use crate::naming;

/// Letters and digits that CloudFormation ends a made-up id with: 12 in all that were published, 13 in older ones.
const INVENTED_LENGTHS: std::ops::RangeInclusive<usize> = 12..=13;

impl Owner {
    /// Whether `id` is one that CloudFormation makes up for this resource, for a Delete after a Create of which it has
    /// read no answer: `<stack>-<logical id>-<random letters and digits>`. No other event carries such an id,
    /// because ours are ARNs.
    fn may_have_got(&self, id: &str) -> bool {
        let random = id
            .strip_prefix(self.stack_name())
            .and_then(|rest| rest.strip_prefix('-'))
            .and_then(|rest| rest.strip_prefix(self.logical_resource_id.as_str()))
            .and_then(|rest| rest.strip_prefix('-'));
        random.is_some_and(|random| {
            INVENTED_LENGTHS.contains(&random.len())
                && random.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
    }
}

impl Operation {
    /// The id that SUCCESS is answered with: that of the service asked for; for a Delete the one that the event carried,
    /// even an invented one.
    #[must_use]
    pub const fn reached_id(&self) -> Option<&String> {
        match self.request_type {
            RequestType::Create | RequestType::Update => self.converge.as_ref(),
            RequestType::Delete => self.physical_id.as_ref(),
        }
    }
}

impl OwnerRecord {
    /// What CloudFormation names, it was told, also by an answer of which we never learnt that it arrived.
    ///
    /// A Delete of another service than the one that the open Update has answered SUCCESS with is the
    /// clean-up after a replacement: it comes only once the answer was heard, and the new service must stay.
    pub(super) fn learn_what_was_heard(&mut self, request: &Request) {
        let Some(named) = &request.physical_id else {
            return;
        };
        let Some(service) = self.services.get_mut(named) else {
            return;
        };
        service.is_let_go = false;
        service.is_named = true;
        self.remember_heard(named);
        let is_clean_up = request.request_type == RequestType::Delete;
        let heard = self
            .operation
            .as_ref()
            .filter(|open| open.request_type == RequestType::Update)
            .and_then(|open| open.answer.as_ref())
            .filter(|answer| answer.physical_id == *named || (is_clean_up && answer.is_success))
            .map(|answer| answer.physical_id.clone());
        if let Some(heard) = heard {
            self.remember_newest(&heard);
        }
    }

    /// Whether an Update is to lead back to a service that CloudFormation was told of before, from the one that it names
    /// now: the way back after a replacement.
    fn leads_back(&self, operation: &Operation) -> bool {
        let is_elsewhere = operation.converge != operation.physical_id;
        let target = operation
            .converge
            .as_ref()
            .and_then(|arn| self.services.get(arn));
        operation.request_type == RequestType::Update
            && is_elsewhere
            && target.is_some_and(|service| service.is_answered)
    }

    /// Whether a Create is to take up a service that served before, and that CloudFormation has let go of.
    fn takes_up_again(&self, operation: &Operation) -> bool {
        let target = operation.converge.as_ref();
        let service = target.and_then(|arn| self.services.get(arn));
        service.is_some_and(|it| it.is_let_go && it.is_reached && !it.is_doomed)
    }

    /// The id that a failure of `operation` is answered with, which CloudFormation takes over: that of a service
    /// which the request has claimed, so that what was made is found by its Delete; else the one that it came with. None
    /// for a Create that was to take up again what the stack had let go of: that runs on, and no Delete may find it.
    #[must_use]
    pub fn failed_id<'a>(&self, operation: &'a Operation) -> Option<&'a String> {
        let came_with = operation.physical_id.as_ref();
        match operation.request_type {
            RequestType::Update if self.leads_back(operation) => came_with,
            RequestType::Create if self.takes_up_again(operation) => None,
            RequestType::Create | RequestType::Update => operation.converge.as_ref().or(came_with),
            RequestType::Delete => came_with,
        }
    }

    /// An open Update that a Delete ends has not led back either; whatever else is asked for starts afresh.
    pub(super) fn learn_what_was_not_reached(&mut self, request: &Request) {
        if request.request_type != RequestType::Delete {
            self.unreached = None;
            return;
        }
        let is_told = |open: &Operation| open.answer.as_ref().is_some_and(|it| it.is_success);
        if let Some(open) = self.operation.take() {
            if !is_told(&open) {
                self.note_unreached(&open);
            }
            self.operation = Some(open);
        }
    }

    pub(super) fn note_unreached(&mut self, operation: &Operation) {
        if self.leads_back(operation) {
            self.unreached.clone_from(&operation.converge);
        }
    }

    /// The service that goes along with the one that a Delete names. After a way back that failed, CloudFormation knows
    /// no other than the one it names: were it the other one, this one would have to stay.
    pub(super) fn left_behind(&self, request: &Request) -> Option<&String> {
        let named = request.physical_id.as_ref()?;
        let is_known = self.answered_ids.contains(named);
        self.unreached.as_ref().filter(|unreached| {
            request.request_type == RequestType::Delete && is_known && *unreached != named
        })
    }

    /// CloudFormation creates where nothing is: what it was told of before, it has let go of.
    pub(super) fn learn_what_was_let_go(&mut self, request: &Request) {
        if request.request_type == RequestType::Create {
            for service in self.services.values_mut() {
                service.is_let_go |= service.is_answered;
            }
        }
    }

    /// A service that was answered in vain is like one that never was: should its removal fail, the next request tries
    /// again, whatever that names.
    pub(super) fn learn_what_was_not_heard(&mut self, request: &Request) {
        let in_vain: Vec<String> = self
            .services
            .iter()
            .filter(|(_, service)| !service.is_let_go)
            .filter(|(arn, service)| match request.request_type {
                RequestType::Create => false,
                RequestType::Update => self.has_read_an_older_answer(request, arn),
                // One that was named, CloudFormation has kept (`DeletionPolicy: Retain`): it has created anew since.
                RequestType::Delete => {
                    !service.is_named && self.has_read_no_answer(request, service)
                }
            })
            .map(|(arn, _)| arn.clone())
            .collect();
        for arn in in_vain {
            if let Some(service) = self.services.get_mut(&arn) {
                service.is_answered = false;
            }
        }
    }

    /// Whether an Update shows that CloudFormation never read the answer that named `arn`, although it arrived: answer and
    /// cancellation have crossed. It names the newest id that it has read, and that was answered before `arn` was.
    fn has_read_an_older_answer(&self, request: &Request, arn: &str) -> bool {
        let age = |id: &str| self.answered_ids.iter().position(|answered| answered == id);
        let named = request.physical_id.as_deref().and_then(age);
        match (named, age(arn)) {
            (Some(named), Some(other)) => named < other,
            (None, _) | (_, None) => false,
        }
    }

    /// Whether a Delete shows that CloudFormation has read no answer that named `service`, also where one has crossed the
    /// cancellation: nobody else will ever ask for its removal. The id is one
    ///
    /// - that CloudFormation made up; or
    /// - that the refusal of its Create carried: the ledger could not be read when that was refused, and an earlier delivery
    ///   of the event had begun it.
    fn has_read_no_answer(&self, request: &Request, service: &ServiceRecord) -> bool {
        let named = request.physical_id.as_ref();
        let refused = service.created_by.as_ref().map(naming::id_of_nothing);
        named.is_some_and(|id| self.owner.may_have_got(id) || refused.as_ref() == Some(id))
    }

    /// A service that the open operation was decided to have reached. The next request may be the first to learn of it:
    /// the attempt that answered died before it could write that down.
    pub(super) fn learn_what_was_reached(&mut self) {
        let Some(open) = self.operation.take() else {
            return;
        };
        if let Some(answer) = open.answer.as_ref().filter(|it| it.is_success) {
            self.note_reached(&open, &answer.physical_id);
        }
        self.operation = Some(open);
    }

    /// The service `arn` stands where `operation` was to lead it.
    pub(super) fn note_reached(&mut self, operation: &Operation, arn: &str) {
        let change = operation.way.change.as_ref();
        if let Some(service) = self.services.get_mut(arn) {
            service.is_reached = true;
            service.is_doomed = false;
            service.stands_at = change.map(|change| change.to.clone());
        }
    }

    /// What CloudFormation wants to be removed.
    pub(super) fn learn_what_is_doomed(&mut self, request: &Request) {
        let named = request.physical_id.as_ref();
        let deleted = named.filter(|_| request.request_type == RequestType::Delete);
        if let Some(service) = deleted.and_then(|arn| self.services.get_mut(arn)) {
            service.is_doomed = true;
        }
    }

    pub(super) fn remember_heard(&mut self, physical_id: &str) {
        if let Some(service) = self.services.get_mut(physical_id) {
            service.is_answered = true;
        }
        if !self.answered_ids.iter().any(|id| id == physical_id) {
            self.answered_ids.push(physical_id.to_owned());
        }
        drop_oldest(&mut self.answered_ids, ANSWERED_IDS_MAX);
    }

    /// The id that CloudFormation was told last.
    pub(super) fn remember_newest(&mut self, physical_id: &str) {
        self.answered_ids.retain(|id| id != physical_id);
        self.remember_heard(physical_id);
    }
}
