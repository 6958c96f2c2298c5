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
    /// Digest of the properties that the service had when it began; none where it was left half-way.
    pub began_at: Option<String>,
    /// Whether something of what is asked for was changed, or was about to be.
    pub has_changed: bool,
}

/// What the newest Update was to lead away from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedFrom {
    /// Digests of the properties to which CloudFormation may go back.
    pub back_to: Vec<String>,
    /// Digest of those that the service has; none where it was left half-way, as nobody has asked for.
    pub is_at: Option<String>,
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

    /// Whether it leads back to properties that the service had when it began.
    #[must_use]
    pub fn is_back_unchanged(&self) -> bool {
        let asked = self.way.change.as_ref().map(|change| &change.to);
        self.way.is_back && asked.is_some() && asked == self.way.began_at.as_ref()
    }

    /// Whether what is there may stay as it is: it is what the service is led back to, and nothing has been changed since.
    #[must_use]
    pub fn may_stay(&self) -> bool {
        self.is_back_unchanged() && !self.way.has_changed
    }

    /// What the next Update may lead back to, should this one not get where it leads.
    fn led_from(&self) -> Option<LedFrom> {
        let change = self.way.change.as_ref()?;
        let back_to = if self.way.is_back {
            // It is sent again. Or it was no way back, but an Update that people have made to what was there before, and
            // CloudFormation goes back from that.
            let was_there = change.from.is_some() && change.from == self.way.began_at;
            let from = change.from.iter().filter(|_| was_there);
            [&change.to].into_iter().chain(from).cloned().collect()
        } else {
            vec![change.from.clone()?]
        };
        let left_running = self.abandon().map(|abandoned| Abandoned {
            asked_ms: self.deployment_asked_ms,
            ..abandoned
        });
        let began_at = self.way.began_at.clone();
        Some(LedFrom {
            back_to,
            is_at: began_at.filter(|_| !self.way.has_changed),
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
        let began_at = match &led_from {
            Some(led) => led.is_at.clone(),
            // Nothing speaks against what CloudFormation says.
            None => request.change.as_ref().and_then(|it| it.from.clone()),
        };
        let back_to = led_from.filter(|led| led.is_where(request));
        let way = Way {
            change: request.change.clone(),
            is_back: back_to.is_some(),
            began_at,
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
                is_at: over.way.change.as_ref().map(|change| change.to.clone()),
                abandoned: None,
                ..led
            }),
            led => led,
        };
    }

    /// Remembers an Update that was refused for its properties, without an operation. What one before it has left half-way
    /// is so still.
    pub fn remember_refused(&mut self, old: &Properties) {
        let is_at = match &self.led_from {
            Some(LedFrom { is_at: None, .. }) => return,
            Some(led) => led.is_at.clone(),
            None => digest(&self.owner, old),
        };
        self.led_from = digest(&self.owner, old).map(|old| LedFrom {
            back_to: vec![old],
            is_at,
            abandoned: None,
        });
    }
}

impl LedFrom {
    /// Whether this request leads back there.
    pub(super) fn is_where(&self, request: &Request) -> bool {
        let asked = request.change.as_ref().map(|change| &change.to);
        asked.is_some_and(|asked| self.back_to.contains(asked))
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
