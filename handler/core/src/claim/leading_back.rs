//! Ways back: what an Update leads away from is remembered, so that the one that leads back there is known.
//!
//! When something in a stack fails, CloudFormation updates every resource back to the properties that it had, also one
//! whose own Update was refused before it changed anything. Whatever that was refused for is still there, and may not be
//! in the way of staying as it is.
//! AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-update-rollback-failed.html>

use provider_schema::Properties;
use serde::{Deserialize, Serialize};

use super::{Abandoned, Operation, Owner, OwnerRecord, Request};
use crate::naming;

/// Between which properties an Update leads, as digests: what they say is nobody's business here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Those of before; none where they cannot be read.
    pub from: Option<String>,
    /// Those that are asked for.
    pub to: String,
}

/// Where an operation leads.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Way {
    /// Between which properties; of an Update only.
    pub change: Option<Change>,
    /// Whether it leads back to where the Update before has led away from.
    pub is_back: bool,
    /// Whether that Update has failed before it changed anything.
    pub is_back_unchanged: bool,
    /// Whether the service was left half-way when it began: the Update before has changed something and has not got there.
    pub began_astray: bool,
    /// Whether something of what is asked for was changed, or was about to be.
    pub has_changed: bool,
}

/// What the newest Update was to lead away from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedFrom {
    /// Digest of the properties.
    pub properties: String,
    /// Whether it has failed before it changed anything: the service is as it was.
    pub is_as_it_was: bool,
    /// Whether it has changed something and has not got there: the service is as nobody has asked for.
    pub is_astray: bool,
    /// The deployment that it may have left running when it failed: nobody waits for it any more.
    pub abandoned: Option<Abandoned>,
}

impl Change {
    /// From `old` to `new`; none when they cannot be written down.
    #[must_use]
    pub fn new(owner: &Owner, old: Option<&Properties>, new: &Properties) -> Option<Self> {
        Some(Self {
            from: old.and_then(|old| digest(owner, old)),
            to: digest(owner, new)?,
        })
    }
}

impl Operation {
    /// Notes that something of what is asked for is about to be changed.
    pub const fn note_change(&mut self) {
        self.way.has_changed = true;
    }

    /// Whether what is there may stay as it is: it is what the service is led back to, and nothing has been changed since.
    #[must_use]
    pub const fn may_stay(&self) -> bool {
        self.way.is_back_unchanged && !self.way.has_changed
    }

    /// What the next Update may lead back to, should this one not get where it leads.
    fn led_from(&self) -> Option<LedFrom> {
        let change = self.way.change.as_ref()?;
        let is_astray = self.way.has_changed || self.way.began_astray;
        // A way back that has not got there is sent again.
        let (properties, is_as_it_was) = if self.way.is_back {
            let is_as_it_was = self.way.is_back_unchanged && !is_astray;
            (change.to.clone(), is_as_it_was)
        } else {
            (change.from.clone()?, !is_astray)
        };
        let left_running = self.abandon().map(|abandoned| Abandoned {
            asked_ms: self.deployment_asked_ms,
            ..abandoned
        });
        Some(LedFrom {
            properties,
            is_as_it_was,
            is_astray,
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
        let began_astray = led_from.as_ref().is_some_and(|led| led.is_astray);
        let back_to = led_from.filter(|led| led.is_where(request));
        let way = Way {
            change: request.change.clone(),
            is_back: back_to.is_some(),
            is_back_unchanged: back_to.as_ref().is_some_and(|led| led.is_as_it_was),
            began_astray,
            has_changed: false,
        };
        (way, back_to.and_then(|led| led.abandoned))
    }

    /// Remembers where this operation, which is over, has led away from.
    pub(super) fn remember_led_from(&mut self, over: &Operation, is_success: bool) {
        self.led_from = match over.led_from() {
            Some(_) if over.way.is_back && is_success => None,
            // It has got there, with its deployment.
            Some(led) if is_success => Some(LedFrom {
                is_as_it_was: false,
                is_astray: false,
                abandoned: None,
                ..led
            }),
            led => led,
        };
    }

    /// Remembers an Update that was refused for its properties, without an operation. What one before it has left half-way
    /// is so still.
    pub fn remember_refused(&mut self, old: &Properties) {
        if self.led_from.as_ref().is_some_and(|led| led.is_astray) {
            return;
        }
        self.led_from = digest(&self.owner, old).map(|properties| LedFrom {
            properties,
            is_as_it_was: true,
            is_astray: false,
            abandoned: None,
        });
    }
}

impl LedFrom {
    /// Whether this request leads back there.
    pub(super) fn is_where(&self, request: &Request) -> bool {
        let asked = request.change.as_ref().map(|change| &change.to);
        asked == Some(&self.properties)
    }
}

/// Hexadecimal digits of a digest: more than anybody finds a second text for.
const DIGEST_DIGITS: usize = 32;

fn digest(owner: &Owner, properties: &Properties) -> Option<String> {
    let text = serde_json::to_string(properties).ok()?;
    Some(naming::hash(
        &[&naming::owner_key(owner), &text],
        DIGEST_DIGITS,
    ))
}
