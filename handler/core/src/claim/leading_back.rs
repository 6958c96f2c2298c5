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

/// What the newest Update was to lead away from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedFrom {
    /// Digest of the properties.
    pub properties: String,
    /// Whether nothing was changed on the way.
    pub is_as_it_was: bool,
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
        self.has_changed = true;
    }

    /// Whether what is there may stay as it is: it is what the service is led back to, and nothing has been changed since.
    #[must_use]
    pub const fn may_stay(&self) -> bool {
        self.is_back_unchanged && !self.has_changed
    }

    /// What the next Update may lead back to.
    fn led_from(&self) -> Option<LedFrom> {
        let change = self.change.as_ref()?;
        let is_as_it_was = !self.has_changed;
        if self.leads_back {
            // One that has not got there is sent again.
            return Some(LedFrom {
                properties: change.to.clone(),
                is_as_it_was: is_as_it_was && self.is_back_unchanged,
                abandoned: self.abandon(),
            });
        }
        Some(LedFrom {
            properties: change.from.clone()?,
            is_as_it_was,
            abandoned: self.abandon(),
        })
    }
}

impl OwnerRecord {
    /// What this request leads back to, if it does.
    pub(super) fn leads_back_to(&self, request: &Request) -> Option<LedFrom> {
        let asked = &request.change.as_ref()?.to;
        let led_from = match &self.operation {
            Some(open) => open.led_from(),
            None => self.led_from.clone(),
        };
        led_from.filter(|led| led.properties == *asked)
    }

    /// Remembers where this operation, which is over, has led away from.
    pub(super) fn remember_led_from(&mut self, over: &Operation, is_success: bool) {
        self.led_from = match over.led_from() {
            Some(_) if over.leads_back && is_success => None,
            // Its deployment has ended.
            Some(led) if is_success => Some(LedFrom {
                abandoned: None,
                ..led
            }),
            led => led,
        };
    }

    /// Remembers an Update that was refused for its properties, without an operation.
    pub fn remember_refused(&mut self, old: &Properties) {
        self.led_from = digest(&self.owner, old).map(|properties| LedFrom {
            properties,
            is_as_it_was: true,
            abandoned: None,
        });
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
