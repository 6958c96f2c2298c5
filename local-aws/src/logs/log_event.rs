//! Log events: putting them, reading one stream forwards and backwards, searching a group.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html>,
//! <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html>,
//! <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html>

use serde_json::{Map, Value, json};

use super::filter_pattern::FilterPattern;
use super::{LogGroup, bad_token, group_of, invalid, limit, no_group, no_stream, required};
use crate::cloud::{Cloud, Outcome};
use crate::paging;
use crate::wire::{Input, Refusal};

/// Events of one call, put or read.
const EVENTS_MAX: usize = 10_000;
/// Bytes of one `PutLogEvents`, each event with its overhead.
const BATCH_BYTES_MAX: usize = 1_048_576;
/// What each event adds to the size of its message.
pub(super) const EVENT_OVERHEAD_BYTES: usize = 26;
/// Time between the first and the last event of one `PutLogEvents`.
const BATCH_SPAN_MS_MAX: u64 = DAY_MS;
/// Events older than this are not kept.
const TOO_OLD_MS: u64 = 14 * DAY_MS;
/// Events further in the future than this are not kept.
const TOO_NEW_MS: u64 = 2 * 60 * 60 * 1000;
const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// One log event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEvent {
    /// When its writer says that it happened, in milliseconds since the epoch.
    pub at_ms: u64,
    /// The line.
    pub message: String,
    pub(super) arrived_ms: u64,
    /// In its stream, by arrival, from 1.
    pub(super) number: u64,
}

impl LogEvent {
    /// Its place in its stream.
    pub(super) const fn key(&self) -> (u64, u64) {
        (self.at_ms, self.number)
    }

    fn describe(&self) -> Map<String, Value> {
        let members = [
            ("timestamp", self.at_ms.into()),
            ("message", self.message.as_str().into()),
            ("ingestionTime", self.arrived_ms.into()),
        ];
        members
            .map(|(name, value)| (name.to_owned(), value))
            .into_iter()
            .collect()
    }
}

pub(super) fn put(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    // A sequence token is accepted and has had no meaning since 2023; see PutLogEvents.
    input.only(&[
        "logGroupName",
        "logStreamName",
        "logEvents",
        "sequenceToken",
    ])?;
    let batch = batch(input)?;
    let now_ms = cloud.now_ms;
    let group = required(input, "logGroupName")?;
    let group = cloud.logs.groups.get_mut(group).ok_or_else(no_group)?;
    let retained_ms = group
        .retention_days
        .and_then(|days| u64::try_from(days).ok())
        .map(|days| days * DAY_MS);
    let stream = required(input, "logStreamName")?;
    let stream = group.streams.get_mut(stream).ok_or_else(no_stream)?;
    let count = |older_than_ms: u64| {
        let oldest_ms = now_ms.saturating_sub(older_than_ms);
        batch
            .iter()
            .take_while(|(at_ms, _)| *at_ms < oldest_ms)
            .count()
    };
    let too_old = count(TOO_OLD_MS);
    let expired = retained_ms.map_or(0, count);
    let in_time = batch
        .iter()
        .take_while(|(at_ms, _)| *at_ms <= now_ms + TOO_NEW_MS)
        .count();
    let kept = batch.iter().take(in_time).skip(too_old.max(expired));
    for (at_ms, message) in kept {
        stream.append(*at_ms, now_ms, message);
    }
    let mut rejected = Map::new();
    if too_old > 0 {
        rejected.insert("tooOldLogEventEndIndex".to_owned(), too_old.into());
    }
    if expired > 0 {
        rejected.insert("expiredLogEventEndIndex".to_owned(), expired.into());
    }
    if in_time < batch.len() {
        rejected.insert("tooNewLogEventStartIndex".to_owned(), in_time.into());
    }
    let mut output = json!({ "nextSequenceToken": cloud.random.hex(56) });
    if let (false, Some(members)) = (rejected.is_empty(), output.as_object_mut()) {
        members.insert("rejectedLogEventsInfo".to_owned(), rejected.into());
    }
    Ok(output)
}

fn batch(input: Input<'_>) -> Result<Vec<(u64, &str)>, Refusal> {
    let mut batch = Vec::new();
    let mut bytes = 0;
    for event in input.items("logEvents") {
        event.only(&["timestamp", "message"])?;
        let at_ms = event
            .integer("timestamp")?
            .and_then(|ms| u64::try_from(ms).ok());
        let message = event.text("message").filter(|message| !message.is_empty());
        let (Some(at_ms), Some(message)) = (at_ms, message) else {
            return Err(invalid(
                "Each log event has a timestamp and a message of 1 character or more",
            ));
        };
        bytes += message.len() + EVENT_OVERHEAD_BYTES;
        batch.push((at_ms, message));
    }
    if batch.is_empty() || batch.len() > EVENTS_MAX {
        return Err(invalid(format!("A batch has 1 to {EVENTS_MAX} log events")));
    }
    if bytes > BATCH_BYTES_MAX {
        return Err(invalid(format!(
            "Upload too large: {bytes} bytes exceeds limit of {BATCH_BYTES_MAX}"
        )));
    }
    if !batch.is_sorted_by_key(|(at_ms, _)| *at_ms) {
        return Err(invalid(
            "Log events in a single PutLogEvents request must be in chronological order.",
        ));
    }
    let span_ms = match (batch.first(), batch.last()) {
        (Some((first_ms, _)), Some((last_ms, _))) => last_ms - first_ms,
        (None, _) | (_, None) => 0,
    };
    if span_ms > BATCH_SPAN_MS_MAX {
        return Err(invalid(
            "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.",
        ));
    }
    Ok(batch)
}

/// Where a reader of one stream stands.
#[derive(Clone, Copy)]
enum Cursor {
    /// `f/…`: what comes after this event.
    After((u64, u64)),
    /// `b/…`: what comes before this event.
    Before((u64, u64)),
}

impl Cursor {
    fn parse(token: &str) -> Option<Self> {
        let mut parts = token.split('/');
        let direction = parts.next()?;
        let key = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        match (direction, parts.next()) {
            ("f", None) => Some(Self::After(key)),
            ("b", None) => Some(Self::Before(key)),
            _ => None,
        }
    }
}

/// The tokens never run out: at the end of the stream the same one comes back.
pub(super) fn get(cloud: &Cloud, input: Input<'_>) -> Outcome {
    input.only(&[
        "logGroupName",
        "logGroupIdentifier",
        "logStreamName",
        "startTime",
        "endTime",
        "nextToken",
        "limit",
        "startFromHead",
    ])?;
    let group = group_of(cloud, input)?;
    let stream = required(input, "logStreamName")?;
    let stream = group.streams.get(stream).ok_or_else(no_stream)?;
    let limit = limit(input, EVENTS_MAX)?;
    let cursor = match input.text("nextToken") {
        None => None,
        Some(token) => Some(Cursor::parse(token).ok_or_else(bad_token)?),
    };
    let times = times(input)?;
    let within = stream.events.iter().filter(|event| times.contain(event));
    let from_head = input.flag("startFromHead")?.unwrap_or(false);
    let events: Vec<&LogEvent> = match (cursor, from_head) {
        (Some(Cursor::After(key)), _) => within
            .filter(|event| event.key() > key)
            .take(limit)
            .collect(),
        (Some(Cursor::Before(key)), _) => last(limit, within.filter(|event| event.key() < key)),
        (None, true) => within.take(limit).collect(),
        (None, false) => last(limit, within),
    };
    let stood_at = match cursor {
        Some(Cursor::After(key) | Cursor::Before(key)) => key,
        None => (0, 0),
    };
    let (after_at, after_number) = events.last().map_or(stood_at, |event| event.key());
    let (before_at, before_number) = events.first().map_or(stood_at, |event| event.key());
    let described: Vec<_> = events.iter().map(|event| event.describe()).collect();
    Ok(json!({
        "events": described,
        "nextForwardToken": format!("f/{after_at}/{after_number}"),
        "nextBackwardToken": format!("b/{before_at}/{before_number}"),
    }))
}

fn last<'a>(
    limit: usize,
    events: impl DoubleEndedIterator<Item = &'a LogEvent>,
) -> Vec<&'a LogEvent> {
    let mut last: Vec<_> = events.rev().take(limit).collect();
    last.reverse();
    last
}

/// Where an event stands among those of a group: its time, its stream, its number there.
type Place<'a> = (u64, &'a str, u64);

pub(super) fn filter(cloud: &Cloud, input: Input<'_>) -> Outcome {
    input.only(&[
        "logGroupName",
        "logGroupIdentifier",
        "logStreamNames",
        "logStreamNamePrefix",
        "startTime",
        "endTime",
        "filterPattern",
        "nextToken",
        "limit",
        // Deprecated: results are always interleaved.
        "interleaved",
    ])?;
    let group = group_of(cloud, input)?;
    let times = times(input)?;
    let pattern =
        FilterPattern::parse(input.text("filterPattern").unwrap_or_default()).map_err(invalid)?;
    let mut found: Vec<(Place<'_>, Map<String, Value>)> = streams_of(group, input)?
        .into_iter()
        .flat_map(|name| {
            let events = group.streams.get(name).map(|stream| &stream.events);
            events.into_iter().flatten().map(move |event| (name, event))
        })
        .filter(|(_, event)| times.contain(event) && pattern.matches(&event.message))
        .map(|(name, event)| {
            let mut members = event.describe();
            members.insert("logStreamName".to_owned(), name.into());
            // 56 digits, as AWS's are: the time, then the number.
            let id = format!("{:028}{:028}", event.at_ms, event.number);
            members.insert("eventId".to_owned(), id.into());
            ((event.at_ms, name, event.number), members)
        })
        .collect();
    found.sort_by_key(|(place, _)| *place);
    let keyed = found.into_iter().map(|((at_ms, name, number), members)| {
        // '!' sorts before every character of a stream's name but the blank.
        (format!("{at_ms:020}!{name}!{number:020}"), members)
    });
    let page = paging::page(keyed, input.text("nextToken"), limit(input, EVENTS_MAX)?)
        .map_err(|_| bad_token())?;
    Ok(json!({"events": page.items, "searchedLogStreams": [], "nextToken": page.next}))
}

fn streams_of<'a>(group: &'a LogGroup, input: Input<'_>) -> Result<Vec<&'a str>, Refusal> {
    let names = input.texts("logStreamNames");
    let prefix = input.text("logStreamNamePrefix");
    if prefix.is_some() && !names.is_empty() {
        return Err(invalid(
            "logStreamNamePrefix and logStreamNames must not both be specified",
        ));
    }
    if names.iter().any(|name| !group.streams.contains_key(*name)) {
        return Err(no_stream());
    }
    Ok(group
        .streams
        .keys()
        .map(String::as_str)
        .filter(|name| names.is_empty() || names.contains(name))
        .filter(|name| prefix.is_none_or(|prefix| name.starts_with(prefix)))
        .collect())
}

/// From `startTime` on, and before `endTime`.
struct Times {
    start_ms: Option<i64>,
    end_ms: Option<i64>,
}

impl Times {
    fn contain(&self, event: &LogEvent) -> bool {
        let at_ms = i64::try_from(event.at_ms).unwrap_or(i64::MAX);
        self.start_ms.is_none_or(|start_ms| at_ms >= start_ms)
            && self.end_ms.is_none_or(|end_ms| at_ms < end_ms)
    }
}

fn times(input: Input<'_>) -> Result<Times, Refusal> {
    Ok(Times {
        start_ms: input.integer("startTime")?,
        end_ms: input.integer("endTime")?,
    })
}
