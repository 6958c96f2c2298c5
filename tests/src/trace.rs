//! A world's history as text for golden files: attempts, calls, waits and answers, without what differs
//! between seeds.

use std::collections::HashMap;
use std::fmt::Write as _;

use local_aws::recorder::Recorded;
use serde_json::Value;

use crate::cloudformation::{Seen, request_of};
use crate::history::{AttemptEnd, Call, Event};
use crate::world::{BEGINNING_MS, World};

/// Members that name what a call is about, the first of them that is present wins.
const SUBJECTS: [&str; 16] = [
    "serviceName",
    "service",
    "family",
    "taskDefinition",
    "clusterName",
    "GroupName",
    "GroupId",
    "Name",
    "TargetGroupArn",
    "RuleArn",
    "ListenerArn",
    "LoadBalancerArn",
    "AlarmName",
    "PolicyName",
    "ResourceId",
    "logGroupName",
];

/// Stands before a call's outcome until the ids have their final length.
const COLUMN: char = '\t';

/// Characters before the outcomes' column.
const CALL_WIDTH: usize = 70;

/// Hexadecimal digits from which a word is taken for a generated id.
const ID_DIGITS_MIN: usize = 8;

/// The history so far.
#[must_use]
pub fn of(world: &World) -> String {
    let mut blocks: Vec<String> = Vec::new();
    let mut open: HashMap<u64, Block> = HashMap::new();
    for event in &world.history().events {
        match event {
            Event::Sent { at_ms, event } => blocks.push(format!(
                "{} send {} {}\n",
                at(*at_ms),
                text(&event["RequestType"]),
                text(&event["LogicalResourceId"]),
            )),
            Event::Started {
                attempt,
                at_ms,
                input,
            } => {
                open.insert(*attempt, Block::new(*at_ms, input));
            }
            Event::Called(call) => {
                if let Some(block) = open.get_mut(&call.attempt) {
                    block.call(call);
                }
            }
            Event::Crashed { attempt } => {
                if let Some(block) = open.get_mut(attempt) {
                    block.body.push_str("  crash\n");
                }
            }
            Event::Ended { attempt, end, .. } => {
                blocks.extend(open.remove(attempt).map(|block| block.end(end)))
            }
            Event::Saw(seen) => blocks.push(saw(seen)),
            Event::WaiterEnded { status, .. } => blocks.push(format!("waiter {status:?}\n")),
        }
    }
    aligned(&normalised(&folded(&blocks)))
}

/// One attempt. Attempts of different operations may overlap; each is printed where it ends.
struct Block {
    head: String,
    body: String,
    round: u64,
}

impl Block {
    fn new(at_ms: u64, input: &Value) -> Self {
        let what = match (
            &input["operation"],
            &input["RequestType"],
            request_of(input),
        ) {
            (Value::String(operation), _, None) => format!("operation {operation}"),
            (Value::String(_), _, Some(_)) => "waiter".to_owned(),
            (_, Value::String(kind), _) => format!("event {kind}"),
            (_, _, _) => "sweep".to_owned(),
        };
        Self {
            head: format!("{} attempt ({what})\n", at(at_ms)),
            body: String::new(),
            round: 0,
        }
    }

    /// Calls side by side have a bar before all but the first.
    fn call(&mut self, call: &Call) {
        let beside = if self.round == call.round { "|" } else { " " };
        self.round = call.round;
        let recorded = &call.recorded;
        let outcome = recorded
            .outcome
            .as_ref()
            .map_or_else(Clone::clone, |_| "ok".to_owned());
        let line = format!("  {beside}{} {}", recorded.name(), subject(recorded));
        let _infallible = writeln!(self.body, "{}{COLUMN}{outcome}", line.trim_end());
    }

    fn end(mut self, end: &AttemptEnd) -> String {
        let line = match end {
            AttemptEnd::Returned(Value::Null) => String::new(),
            AttemptEnd::Returned(value) => format!("  return {value}\n"),
            AttemptEnd::Failed(error) => format!("  error {error}\n"),
            AttemptEnd::Crashed => String::new(),
            AttemptEnd::TimedOut => "  timeout\n".to_owned(),
        };
        self.body.push_str(&line);
        self.head + &self.body
    }
}

fn saw(seen: &Seen) -> String {
    let reason = if seen.reason.is_empty() {
        String::new()
    } else {
        format!(" {}", seen.reason)
    };
    let mut block = format!(
        "{} {:?} {} {:?} {}{reason}\n",
        at(seen.seen_ms),
        seen.request_type,
        seen.logical_id,
        seen.status,
        seen.physical_id.as_deref().unwrap_or("-"),
    );
    for (name, value) in &seen.data {
        let _infallible = writeln!(block, "  {name}={}", text(value));
    }
    block
}

/// Equal attempts in a row are one with a count: a poll says nothing new.
fn folded(blocks: &[String]) -> String {
    let mut folded = String::new();
    let without_time = |block: &str| block.split_once(' ').map(|(_, rest)| rest.to_owned());
    let mut blocks = blocks.iter().peekable();
    while let Some(block) = blocks.next() {
        let mut times = 1;
        while blocks
            .peek()
            .is_some_and(|next| without_time(next) == without_time(block))
        {
            blocks.next();
            times += 1;
        }
        let (head, rest) = block.split_once('\n').unwrap_or((block, ""));
        let count = if times > 1 {
            format!(" x{times}")
        } else {
            String::new()
        };
        let _infallible = write!(folded, "{head}{count}\n{rest}");
    }
    folded
}

fn subject(recorded: &Recorded) -> String {
    if let Some(key) = recorded
        .input
        .pointer("/Key/pk/S")
        .or(recorded.input.pointer("/Item/pk/S"))
    {
        return text(key);
    }
    let found = SUBJECTS
        .iter()
        .find_map(|name| recorded.input[*name].as_str());
    let found = found.unwrap_or_default();
    // The last parts of an ARN say what it is; the rest is the account's.
    found.rsplit(':').next().unwrap_or(found).to_owned()
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// Seconds since the world began.
fn at(ms: u64) -> String {
    format!("+{}s", (ms - BEGINNING_MS) / 1000)
}

/// Generated ids become `<1>`, `<2>`… in the order in which they appear.
fn normalised(trace: &str) -> String {
    let mut numbers: HashMap<String, usize> = HashMap::new();
    let mut normal = String::with_capacity(trace.len());
    let mut word = String::new();
    for character in trace.chars().chain(['\n']) {
        if character.is_ascii_alphanumeric() {
            word.push(character);
            continue;
        }
        if is_id(&word) {
            let next = numbers.len() + 1;
            let number = *numbers.entry(std::mem::take(&mut word)).or_insert(next);
            let _infallible = write!(normal, "<{number}>");
        }
        normal.push_str(&std::mem::take(&mut word));
        normal.push(character);
    }
    normal.pop();
    normal
}

/// The outcomes one below the other, whatever the length of the generated ids before them.
fn aligned(trace: &str) -> String {
    trace
        .split_inclusive('\n')
        .map(|line| match line.split_once(COLUMN) {
            Some((call, outcome)) => format!("{call:<CALL_WIDTH$} {outcome}"),
            None => line.to_owned(),
        })
        .collect()
}

/// A generated id has digits and nothing but hexadecimal ones; the account's own number is none.
fn is_id(word: &str) -> bool {
    let digits = word.strip_prefix("Z").unwrap_or(word);
    digits.len() >= ID_DIGITS_MIN
        && word != crate::world::ACCOUNT_ID
        && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
        && digits.bytes().any(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generated_ids_are_numbered_in_the_order_of_their_appearance() {
        assert_eq!(
            normalised("tg-0a1b2c3d lb-ffff0000 tg-0a1b2c3d web 123456789012\n"),
            "tg-<1> lb-<2> tg-<1> web 123456789012\n"
        );
    }

    #[test]
    fn outcomes_stand_in_one_column_whatever_the_length_of_the_ids_before_them() {
        let lines = |ids: [&str; 2]| {
            let trace: String = ids.map(|id| format!("  call {id}\tok\n")).concat();
            aligned(&normalised(&trace))
        };
        let short = lines(["sg-0a1b2c3d", "sg-00000001"]);
        assert_eq!(
            short,
            lines(["sg-0a1b2c3d4e5f60718", "sg-00000000000000002"])
        );
        let columns: Vec<_> = short.lines().map(|line| line.find("ok")).collect();
        assert_eq!(columns, [Some(71), Some(71)]);
    }

    #[test]
    fn equal_polls_in_a_row_are_one_with_a_count() {
        let poll = |second: u64| format!("+{second}s attempt (waiter)\n  call\n");
        let blocks = [poll(1), poll(2), poll(3), "+4s other\n".to_owned()];
        assert_eq!(
            folded(&blocks),
            "+1s attempt (waiter) x3\n  call\n+4s other\n"
        );
    }
}
