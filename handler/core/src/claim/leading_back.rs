//! Ways back: what an Update leads away from is remembered, and what a service stands at, so that the one that leads back
//! there is known.
//!
//! When something in a stack fails, CloudFormation updates every resource back to the properties that it had, also one
//! whose own Update was refused before it changed anything. Whatever that was refused for is still there, and may not be
//! in the way of staying as it is.
//! AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-update-rollback-failed.html>

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Abandoned, Operation, Owner, OwnerRecord, Request};
use crate::naming;

/// Between which properties a request leads, as digests: what they say is nobody's business here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Those of before; of an Update only.
    pub from: Option<String>,
    /// Those that are asked for.
    pub to: String,
}

/// Where an operation leads.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Way {
    /// Between which properties; not of a Delete.
    pub change: Option<Change>,
    /// Whether it leads back to where an Update before has led away from.
    pub is_back: bool,
    /// Where the service stood when it began, as [`super::ServiceRecord::stands_at`] says it.
    pub began_at: Option<String>,
}

/// How far the Update got that one leads back from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LedTo {
    /// It was carried out: something else in the stack has failed, or people take the change back.
    Reached,
    /// It has failed, or was cancelled.
    NotReached,
}

/// What the newest Update was to lead away from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedFrom {
    /// Digests of the properties to which CloudFormation may go back.
    pub back_to: Vec<String>,
    /// The deployment that it may have left running when it failed: nobody waits for it any more.
    pub abandoned: Option<Abandoned>,
}

impl Change {
    /// Between properties as events have them: what a version of the provider reads in them changes nothing.
    #[must_use]
    pub fn new(owner: &Owner, old: Option<&Value>, new: &Value) -> Self {
        Self {
            from: old.map(|old| digest(owner, old)),
            to: digest(owner, new),
        }
    }

    /// Whether an Update says that its properties differ from those of before.
    fn is_update(&self) -> bool {
        self.from.as_ref().is_some_and(|from| *from != self.to)
    }
}

impl Operation {
    /// Whether it leads back to where the service stood when it began.
    #[must_use]
    pub fn is_back_unchanged(&self) -> bool {
        let asked = self.way.change.as_ref().map(|change| &change.to);
        self.way.is_back && asked.is_some() && asked == self.way.began_at.as_ref()
    }

    /// How far the Update got that this one leads back from; none of one that leads forth.
    #[must_use]
    pub fn leads_back_from(&self) -> Option<LedTo> {
        let from = self.way.change.as_ref()?.from.as_ref()?;
        self.way.is_back.then(|| {
            if self.way.began_at.as_ref() == Some(from) {
                LedTo::Reached
            } else {
                LedTo::NotReached
            }
        })
    }

    /// What the next Update may lead back to, should this one not get where it leads.
    fn led_from(&self) -> Option<LedFrom> {
        let change = self.way.change.as_ref()?;
        let from = change.from.as_ref()?;
        let back_to = if !self.way.is_back {
            vec![from.clone()]
        } else if self.way.began_at.as_ref() == Some(from) {
            // It is sent again. Or it was no way back, but an Update that people have made to what was there before, and
            // CloudFormation goes back from that.
            vec![change.to.clone(), from.clone()]
        } else {
            vec![change.to.clone()]
        };
        let left_running = self.abandon().map(|abandoned| Abandoned {
            asked_ms: self.deployment_asked_ms,
            ..abandoned
        });
        Some(LedFrom {
            back_to,
            abandoned: left_running,
        })
    }
}

impl OwnerRecord {
    /// Where this request leads, and the deployment that may be left running where it leads back.
    pub(super) fn way_of(&self, request: &Request) -> (Way, Option<Abandoned>) {
        let led_from = match &self.operation {
            Some(open) => open.led_from(),
            None => self.led_from.clone(),
        };
        let asked = request.converge.as_ref();
        let service = asked.and_then(|(arn, _)| self.services.get(arn));
        let back_to = led_from.filter(|led| led.is_where(request));
        let way = Way {
            change: request.change.clone(),
            is_back: back_to.is_some(),
            began_at: service.and_then(|service| service.stands_at.clone()),
        };
        (way, back_to.and_then(|led| led.abandoned))
    }

    /// Whether what is there may stay as it is: the open operation leads an Update back to properties that the service
    /// has, because none that leads elsewhere has changed anything of it.
    #[must_use]
    pub fn may_stay(&self) -> bool {
        let Some(operation) = &self.operation else {
            return false;
        };
        let change = operation.way.change.as_ref();
        let asked = operation.converge.as_ref();
        let service = asked.and_then(|arn| self.services.get(arn));
        let (Some(change), Some(service)) = (change, service) else {
            return false;
        };
        change.is_update() && service.stands_at.as_ref() == Some(&change.to)
    }

    /// Remembers where this operation, which is over, has led away from.
    pub(super) fn remember_way(&mut self, over: &Operation, is_success: bool) {
        self.led_from = match over.led_from() {
            Some(_) if over.way.is_back && is_success => None,
            // It has got there, with its deployment.
            Some(led) if is_success => Some(LedFrom {
                abandoned: None,
                ..led
            }),
            led => led,
        };
    }
}

impl LedFrom {
    /// Whether this request leads back there.
    fn is_where(&self, request: &Request) -> bool {
        let change = request.change.as_ref().filter(|it| it.from.is_some());
        change.is_some_and(|change| self.back_to.contains(&change.to))
    }
}

/// Hexadecimal digits of a digest: more than anybody finds a second text for.
const DIGEST_DIGITS: usize = 32;
/// Which provider carries a request out is not what it asks for.
const SERVICE_TOKEN: &str = "ServiceToken";

fn digest(owner: &Owner, properties: &Value) -> String {
    let mut properties = properties.clone();
    if let Some(members) = properties.as_object_mut() {
        members.remove(SERVICE_TOKEN);
    }
    // In whatever order an event has them.
    properties.sort_all_objects();
    naming::hash(
        &[&naming::owner_key(owner), &properties.to_string()],
        DIGEST_DIGITS,
    )
}
