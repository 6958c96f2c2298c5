//! Log streams: the events of one writer.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogStream.html>

use serde_json::{Value, json};

use super::log_event::EVENT_OVERHEAD_BYTES;
use super::{LogEvent, bad_token, group_of, invalid, limit, no_group, required};
use crate::cloud::{Cloud, Outcome};
use crate::paging;
use crate::wire::{Input, Refusal};

/// Log streams on a page, at most and by default.
/// AWS: <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeLogStreams.html>
const PAGE_MAX: usize = 50;

/// One log stream.
#[derive(Clone, Debug)]
pub struct LogStream {
    /// In the order of their times, then of their arrival.
    pub events: Vec<LogEvent>,
    created_ms: u64,
    arrived: u64,
    last_arrival_ms: Option<u64>,
}

impl LogStream {
    pub(super) const fn created_at(now_ms: u64) -> Self {
        Self {
            events: Vec::new(),
            created_ms: now_ms,
            arrived: 0,
            last_arrival_ms: None,
        }
    }

    pub(super) fn append(&mut self, at_ms: u64, now_ms: u64, message: &str) {
        self.arrived += 1;
        self.last_arrival_ms = Some(now_ms);
        let event = LogEvent {
            at_ms,
            arrived_ms: now_ms,
            number: self.arrived,
            message: message.to_owned(),
        };
        let place = self
            .events
            .partition_point(|known| known.key() <= event.key());
        self.events.insert(place, event);
    }

    pub(super) fn bytes(&self) -> usize {
        self.events
            .iter()
            .map(|event| event.message.len() + EVENT_OVERHEAD_BYTES)
            .sum()
    }

    fn describe(&self, name: &str, group_arn: &str) -> Value {
        let mut stream = json!({
            "logStreamName": name,
            "creationTime": self.created_ms,
            "arn": format!("{group_arn}:log-stream:{name}"),
            "storedBytes": 0,
        });
        let times = [
            (
                "firstEventTimestamp",
                self.events.first().map(|event| event.at_ms),
            ),
            (
                "lastEventTimestamp",
                self.events.last().map(|event| event.at_ms),
            ),
            ("lastIngestionTime", self.last_arrival_ms),
        ];
        if let Some(members) = stream.as_object_mut() {
            for (name, time) in times {
                members.extend(time.map(|time| (name.to_owned(), time.into())));
            }
        }
        stream
    }
}

pub(super) fn create(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["logGroupName", "logStreamName"])?;
    let name = required(input, "logStreamName")?;
    if name.is_empty() || name.chars().count() > 512 || name.contains([':', '*']) {
        return Err(invalid(format!(
            "1 validation error detected: Value '{name}' at 'logStreamName' failed to satisfy \
             constraint: Member must satisfy regular expression pattern: [^:*]*"
        )));
    }
    let now_ms = cloud.now_ms;
    let group = required(input, "logGroupName")?;
    let group = cloud.logs.groups.get_mut(group).ok_or_else(no_group)?;
    if group.streams.contains_key(name) {
        return Err(Refusal::client(
            "ResourceAlreadyExistsException",
            "The specified log stream already exists",
        ));
    }
    group
        .streams
        .insert(name.to_owned(), LogStream::created_at(now_ms));
    Ok(json!({}))
}

pub(super) fn describe(cloud: &Cloud, input: Input<'_>) -> Outcome {
    input.only(&[
        "logGroupName",
        "logGroupIdentifier",
        "logStreamNamePrefix",
        "orderBy",
        "descending",
        "limit",
        "nextToken",
    ])?;
    let group = group_of(cloud, input)?;
    let group_arn = group.arn(&cloud.account);
    let prefix = input.text("logStreamNamePrefix");
    let mut streams: Vec<(&String, &LogStream)> = group
        .streams
        .iter()
        .filter(|(name, _)| prefix.is_none_or(|prefix| name.starts_with(prefix)))
        .collect();
    match (input.text("orderBy"), prefix) {
        (None | Some("LogStreamName"), _) => {}
        (Some("LastEventTime"), None) => {
            streams.sort_by_key(|(_, stream)| stream.events.last().map(|event| event.at_ms));
        }
        (Some("LastEventTime"), Some(_)) => {
            return Err(invalid(
                "Cannot order by LastEventTime with a logStreamNamePrefix.",
            ));
        }
        (Some(other), _) => return Err(invalid(format!("orderBy `{other}` is not known"))),
    }
    if input.flag("descending")?.unwrap_or(false) {
        streams.reverse();
    }
    let ranked = streams
        .iter()
        .enumerate()
        .map(|(rank, (name, stream))| (format!("{rank:08}"), stream.describe(name, &group_arn)));
    let page = paging::page(ranked, input.text("nextToken"), limit(input, PAGE_MAX)?)
        .map_err(|_| bad_token())?;
    Ok(json!({"logStreams": page.items, "nextToken": page.next}))
}
