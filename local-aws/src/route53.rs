//! Route 53: public hosted zones and their record sets.
//!
//! A batch of changes is all or nothing and takes effect at once; `GetChange` says `PENDING` for a minute,
//! as long as AWS usually needs, or as long as is set. Names are kept as AWS answers them: lower case, with the dot at the
//! end, other characters as `\ooo`. Routing policies, health checks and private zones are not here, and
//! refused.
//!
//! AWS: <https://docs.aws.amazon.com/Route53/latest/APIReference/API_Operations.html>

mod change_batch;
mod domain_name;
mod hosted_zone;
mod record_set;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::cloud::{Cloud, Outcome};
use crate::wire::{Input, Refusal, timestamp};

pub use domain_name::DomainName;
pub use hosted_zone::HostedZone;
pub use record_set::{RecordSet, Target};

/// How long a change is on its way to all name servers, in milliseconds.
/// AWS: <https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeResourceRecordSets.html>
pub const PROPAGATION_MS: u64 = 60_000;

/// What the service holds.
#[derive(Clone, Debug)]
pub struct State {
    /// By id.
    pub zones: BTreeMap<String, HostedZone>,
    /// How long each further change is on its way to all name servers, in milliseconds; at first [`PROPAGATION_MS`].
    pub propagation_ms: u64,
    changes: BTreeMap<String, Change>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            zones: BTreeMap::new(),
            propagation_ms: PROPAGATION_MS,
            changes: BTreeMap::new(),
        }
    }
}

#[derive(Clone, Debug)]
struct Change {
    submitted_ms: u64,
    everywhere_ms: u64,
    comment: Option<String>,
}

pub(crate) fn call(cloud: &mut Cloud, operation: &str, input: Input<'_>) -> Outcome {
    match operation {
        "CreateHostedZone" => hosted_zone::create(cloud, input),
        "GetHostedZone" => hosted_zone::get(cloud, input),
        "ListHostedZones" => hosted_zone::list(cloud, input),
        "ListHostedZonesByName" => hosted_zone::list_by_name(cloud, input),
        "DeleteHostedZone" => hosted_zone::delete(cloud, input),
        "ChangeTagsForResource" => hosted_zone::change_tags(cloud, input),
        "ListTagsForResource" => hosted_zone::list_tags(cloud, input),
        "ChangeResourceRecordSets" => change_batch::change(cloud, input),
        "ListResourceRecordSets" => record_set::list(cloud, input),
        "GetChange" => get_change(cloud, input),
        _ => {
            let member = |name: &str| input.text(name).unwrap_or_default();
            let route = format!("{} {}", member("method"), member("path"));
            Err(Refusal::unsupported("route53", &route))
        }
    }
}

/// When the next thing happens here by itself: never, as changes only age.
pub(crate) const fn next_due_ms(_state: &State) -> Option<u64> {
    None
}

/// Lets happen what is due at `cloud.now_ms`: nothing.
pub(crate) const fn happen(_cloud: &mut Cloud) {}

/// The record set of this name and type, in the zone that answers for the name.
#[must_use]
pub fn record_set<'a>(cloud: &'a Cloud, name: &str, kind: &str) -> Option<&'a RecordSet> {
    let name = DomainName::parse(name).ok()?;
    cloud
        .route53
        .zones
        .values()
        .filter(|zone| name.is_within(&zone.name))
        .max_by_key(|zone| zone.name.labels())
        .and_then(|zone| zone.record_set(&name, kind))
}

/// A new change, and how it is answered.
fn submit(cloud: &mut Cloud, comment: Option<&str>) -> Value {
    let id = format!("C{}", cloud.random.hex(20).to_uppercase());
    let change = Change {
        submitted_ms: cloud.now_ms,
        everywhere_ms: cloud.now_ms + cloud.route53.propagation_ms,
        comment: comment.map(str::to_owned),
    };
    let info = change.describe(&id, cloud.now_ms);
    cloud.route53.changes.insert(id, change);
    info
}

impl Change {
    fn describe(&self, id: &str, now_ms: u64) -> Value {
        let arrived = now_ms >= self.everywhere_ms;
        json!({
            "Id": format!("/change/{id}"),
            "Status": if arrived { "INSYNC" } else { "PENDING" },
            "SubmittedAt": timestamp(self.submitted_ms),
            "Comment": self.comment,
        })
    }
}

fn get_change(cloud: &Cloud, input: Input<'_>) -> Outcome {
    let id = path_segment(input, 2)?;
    let change = cloud.route53.changes.get(&id).ok_or_else(|| {
        Refusal::new(
            404,
            "NoSuchChange",
            format!("Could not find resource with ID: {id}"),
        )
    })?;
    Ok(json!({"GetChangeResponse": {"ChangeInfo": change.describe(&id, cloud.now_ms)}}))
}

/// The segment of the path at `position`, counted from 0 at the API's version.
fn path_segment(input: Input<'_>, position: usize) -> Result<String, Refusal> {
    let path = input.text("path").unwrap_or_default();
    let segment = path
        .split('/')
        .filter(|segment| !segment.is_empty())
        .nth(position)
        .ok_or_else(|| invalid_input(format!("the path `{path}` is incomplete")))?;
    percent_encoding::percent_decode_str(segment)
        .decode_utf8()
        .map(std::borrow::Cow::into_owned)
        .map_err(|error| invalid_input(error.to_string()))
}

/// The parameters after the question mark.
fn query(input: Input<'_>) -> Result<Input<'_>, Refusal> {
    input
        .object("query")
        .ok_or_else(|| Refusal::internal("the wire gives every call its query"))
}

/// The document of the request.
fn body(input: Input<'_>) -> Result<Input<'_>, Refusal> {
    input
        .object("body")
        .ok_or_else(|| invalid_input("the request has no document"))
}

/// How many elements a page has: what the request asks for, and `maximum` at most.
fn max_items(query: Input<'_>, maximum: usize) -> Result<usize, Refusal> {
    let asked = query
        .integer("maxitems")
        .map_err(|refusal| invalid_input(refusal.message))?;
    match asked.map(usize::try_from) {
        None => Ok(maximum),
        Some(Ok(asked)) if asked > 0 => Ok(asked.min(maximum)),
        Some(Ok(_) | Err(_)) => Err(invalid_input("maxitems must be at least 1")),
    }
}

fn invalid_input(message: impl Into<String>) -> Refusal {
    Refusal::client("InvalidInput", message)
}

fn no_zone(id: &str) -> Refusal {
    Refusal::new(
        404,
        "NoSuchHostedZone",
        format!("No hosted zone found with ID: {id}"),
    )
}
