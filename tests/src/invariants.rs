//! What must hold after every attempt, whatever was crashed, throttled or delivered twice.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use express_core::naming::{TAG_HOST, TAG_OWNER, TAG_TEST_SLOT};
use serde_json::Value;

use crate::account::{self, Inventory, Kind, TARGET_TRACKING, description};
use crate::cloudformation::{RESPONSE_URL_CANARY, check_answer, owner_key_of, place_of};
use crate::history::{Event, History};
use crate::properties::ENVIRONMENT_CANARY;
use crate::world::{Changed, World};

/// Checks everything; what is in the account, only when a call may have changed it since the last check: listing it
/// costs more than the attempts that only wait.
///
/// # Panics
/// When something does not hold: with the attempt, so that the trace can be read up to there.
pub fn check(world: &World, attempt: u64) {
    let mut broken = Vec::new();
    search("a log line", &world.logged_since_check(), &mut broken);
    // The waiter's history keeps it.
    let returned = world.history().returned(attempt);
    search("what the function returned", &returned, &mut broken);
    broken.append(&mut world.history().lost);
    let changed = world.changed_since_check();
    if changed != Changed::Nothing {
        answers(world, &mut broken);
        let ledger = account::ledger(world.account());
        secrets(world, &ledger, &mut broken);
        members(&ledger, world.members_max(), &mut broken);
        if world.is_observed() && changed == Changed::Resources {
            let inventory = world.inventory();
            ownership(world, &inventory, &ledger, &mut broken);
            foreign(world, &inventory, &mut broken);
            priorities(&inventory, &mut broken);
            capacity(world, &inventory, &mut broken);
            broken.extend(world.watched(Some(&inventory)));
        }
    }
    if world.is_observed() && changed != Changed::Resources {
        broken.extend(world.watched(None));
    }
    assert!(
        broken.is_empty(),
        "after attempt {attempt}:\n  {}\n{}",
        broken.join("\n  "),
        crate::trace::of(world)
    );
}

/// At the end: every request was answered, once.
///
/// # Panics
/// When one was not.
pub fn check_all_answered(world: &World) {
    let unanswered = unanswered(world);
    let unanswered: Vec<&Value> = unanswered.iter().map(|event| &event["RequestId"]).collect();
    assert!(
        unanswered.is_empty(),
        "never answered: {unanswered:?}\n{}",
        crate::trace::of(world)
    );
}

/// At the end: for each owner, who has changed something was done with it before somebody else did. What a dead
/// attempt had still on its way counts as its own (cases 53 and 54).
///
/// # Panics
/// When two attempts at one owner's operations have changed things by turns.
pub fn check_attempts_apart(world: &World) {
    let interleaved = interleaved(&world.history());
    assert!(
        interleaved.is_empty(),
        "{}\n{}",
        interleaved.join("\n"),
        crate::trace::of(world)
    );
}

/// Each change of an attempt after which another one at an operation of the same owner had begun to change things.
fn interleaved(history: &History) -> Vec<String> {
    let mut owners: BTreeMap<u64, String> = BTreeMap::new();
    // Of each owner, who has changed something last, and who before.
    let mut turns: BTreeMap<&str, (u64, BTreeSet<u64>)> = BTreeMap::new();
    let mut found = Vec::new();
    for event in &history.events {
        if let Event::Started { attempt, input, .. } = event {
            owners.extend(owner_of(input).map(|owner| (*attempt, owner)));
        }
    }
    for call in history.calls().filter(|call| call.recorded.mutates()) {
        let Some(owner) = owners.get(&call.attempt) else {
            continue;
        };
        let (last, before) = turns
            .entry(owner)
            .or_insert_with(|| (call.attempt, BTreeSet::new()));
        if before.contains(&call.attempt) {
            found.push(format!(
                "{} of attempt {} comes after attempt {last} has begun to change things",
                call.recorded.name(),
                call.attempt
            ));
        } else if *last != call.attempt {
            before.insert(*last);
            *last = call.attempt;
        }
    }
    found
}

/// The owner whose operation an attempt works on: the event's own, or that of the waiter's operation.
fn owner_of(input: &Value) -> Option<String> {
    if let Some(operation) = input["operation"].as_str() {
        let (owner, _) = operation.split_once('#')?;
        return Some(owner.to_owned());
    }
    owner_key_of(input)
}

/// The events whose requests were not answered.
#[must_use]
pub fn unanswered(world: &World) -> Vec<Value> {
    let answered: BTreeSet<String> = world
        .account()
        .cloud()
        .response_sink
        .received
        .iter()
        .filter(|put| put.status < 400)
        .map(|put| place_of(&put.url).to_owned())
        .collect();
    let history = world.history();
    history
        .sent()
        .filter(|event| {
            event["ResponseURL"]
                .as_str()
                .is_some_and(|url| !answered.contains(place_of(url)))
        })
        .cloned()
        .collect()
}

/// One answer for each request: put again after a lost acknowledgement, but never another, and always such
/// as CloudFormation accepts.
fn answers(world: &World, broken: &mut Vec<String>) {
    let mut first = world.first_answers().borrow_mut();
    let received = world.account().cloud().response_sink.received[first.read..].to_vec();
    first.read += received.len();
    let history = world.history();
    for put in &received {
        search("an answer", &put.body, broken);
        let event = history
            .sent()
            .find(|event| event["ResponseURL"] == put.url.as_str());
        let Some(event) = event else {
            broken.push("an answer went to a URL that nobody gave".to_owned());
            continue;
        };
        let request_id = &event["RequestId"];
        if let Err(problem) = check_answer(put, event) {
            broken.push(format!(
                "the answer to {request_id} is not valid: {problem}"
            ));
        }
        let first = first.bodies.entry(question(event));
        let first = first.or_insert_with(|| put.body.clone());
        if without_log_stream(first) != without_log_stream(&put.body)
            && !is_afterthought(&history, event, &put.body)
        {
            broken.push(format!(
                "{request_id} was answered in two ways: {first} and {}",
                put.body
            ));
        }
    }
}

/// What is to be answered once, however often it is asked: a request that is issued again is signed anew, another one
/// that takes its id has other properties.
fn question(event: &Value) -> String {
    let mut question = event.clone();
    question["ResponseURL"] = Value::Null;
    question.to_string()
}

/// The first answer to each request, by what it asks, among those that were looked at.
#[derive(Default)]
pub(crate) struct FirstAnswers {
    read: usize,
    bodies: BTreeMap<String, String>,
}

/// A refusal that needs no operation is worked out anew each time that its event arrives: only the place where it was
/// logged differs.
fn without_log_stream(body: &str) -> String {
    let Some((before, stream)) = body.split_once(", log stream ") else {
        return body.to_owned();
    };
    let rest = stream.split_once("]\"").map_or("", |(_, rest)| rest);
    format!("{before}{rest}")
}

/// What may be sent beside another answer, because the request is over for CloudFormation, which reads none of its answers
/// any more: an event that arrives again after CloudFormation has moved on is told so, and one that arrives again while
/// the ledger does not answer is refused, since nobody may come back for it. What the ledger took of such a request all
/// the same is answered once more by the request after it.
fn is_afterthought(history: &History, event: &Value, body: &str) -> bool {
    const GIVEN_UP: &str = "the request arrived after CloudFormation had given it up";
    let mut seen = history.seen();
    let over = seen.find(|seen| event["RequestId"] == seen.request_id.as_str());
    over.is_some_and(|over| {
        is_without_ledger(&over.reason) || is_without_ledger(body) || body.contains(GIVEN_UP)
    })
}

/// Whether an answer's reason says that the ledger did not answer, or had no room for the question.
pub(crate) fn is_without_ledger(reason: &str) -> bool {
    const LEDGER: &str = ": ledger: dynamodb:";
    ["NetworkFailure", "Throttling"]
        .iter()
        .any(|class| reason.contains(&format!("{class}{LEDGER}")))
}

/// Response URLs and environment values are in no log line, no waiter's input, no answer, and in the ledger only sealed.
fn secrets(world: &World, ledger: &[Value], broken: &mut Vec<String>) {
    let cloud = world.account().cloud();
    let inputs: String = cloud
        .sfn
        .executions
        .iter()
        .map(|execution| execution.input.as_str())
        .collect();
    drop(cloud);
    let mut stored = String::new();
    ledger.iter().for_each(|item| readable(item, &mut stored));
    for (place, text) in [("a waiter's input", inputs), ("the ledger", stored)] {
        search(place, &text, broken);
    }
}

fn search(place: &str, text: &str, broken: &mut Vec<String>) {
    for canary in [RESPONSE_URL_CANARY, ENVIRONMENT_CANARY] {
        if text.contains(canary) {
            broken.push(format!("`{canary}` is in {place}"));
        }
    }
}

/// All that can be read in an item: texts, and what Base64 hides from a plain search.
fn readable(value: &Value, into: &mut String) {
    match value {
        Value::String(text) => {
            into.push_str(text);
            if let Ok(bytes) = STANDARD.decode(text) {
                into.push_str(&String::from_utf8_lossy(&bytes));
            }
        }
        Value::Array(items) => items.iter().for_each(|item| readable(item, into)),
        Value::Object(members) => {
            for (name, member) in members {
                into.push_str(name);
                readable(member, into);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
    into.push('\n');
}

fn members(ledger: &[Value], most: u64, broken: &mut Vec<String>) {
    for item in ledger {
        let members = item["members"]["M"]
            .as_object()
            .map_or(0, serde_json::Map::len);
        if members as u64 > most {
            broken.push(format!("{} has {members} members", item["pk"]["S"]));
        }
        if let Some(members) = item["members"]["M"].as_object() {
            let slots: BTreeSet<&str> = members
                .values()
                .filter_map(|slot| slot["N"].as_str())
                .collect();
            if slots.len() < members.len() {
                broken.push(format!(
                    "{} has a slot that two services hold",
                    item["pk"]["S"]
                ));
            }
        }
    }
    packing(ledger, most, broken);
}

/// What `pk` of a load balancer's item begins with: the pool and the ordinal follow.
const LOAD_BALANCER_KEY: &str = "load-balancer#";

/// As long as no slot of a pool was ever given back, and AWS refused nobody a rule, n services sit on n / `most` load
/// balancers, rounded up.
fn packing(ledger: &[Value], most: u64, broken: &mut Vec<String>) {
    let mut pools: BTreeMap<&str, (u64, u64, u64)> = BTreeMap::new();
    let mut limited = BTreeSet::new();
    for item in ledger {
        let key = item["pk"]["S"]
            .as_str()
            .and_then(|key| key.strip_prefix(LOAD_BALANCER_KEY));
        let Some((pool, _)) = key.and_then(|key| key.rsplit_once('#')) else {
            continue;
        };
        let members = item["members"]["M"]
            .as_object()
            .map_or(0, |members| members.len() as u64);
        let claims = item["next_slot"]["N"]
            .as_str()
            .and_then(|text| text.parse().ok());
        let claims = claims.unwrap_or(0);
        if !item["members_max"].is_null() {
            limited.insert(pool);
        }
        let counts = pools.entry(pool).or_default();
        // One that was just opened has had no claim yet; the next one takes it.
        counts.0 += u64::from(claims > 0);
        counts.1 += members;
        counts.2 += claims;
    }
    for (pool, (balancers, members, claims)) in pools {
        let is_limited = limited.contains(pool);
        if !is_limited && members > 0 && members == claims && balancers != members.div_ceil(most) {
            broken.push(format!(
                "pool {pool} has {balancers} load balancers for {members} services"
            ));
        }
    }
}

/// Everything that was not there before carries our tags, or is named in the ledger where AWS has no tags.
fn ownership(world: &World, inventory: &Inventory, ledger: &[Value], broken: &mut Vec<String>) {
    let mut claims = String::new();
    ledger.iter().for_each(|item| readable(item, &mut claims));
    let foreign = world.foreign();
    for ((kind, id), item) in &inventory.items {
        if item.is_ours() || foreign.items.contains_key(&(*kind, id.clone())) {
            continue;
        }
        let claimed_name = match kind {
            Kind::RecordSet => item.name.split(' ').next().unwrap_or_default(),
            // `service/<cluster>/<service>`, the end of the service's ARN.
            Kind::ScalingPolicy => description(item, "/ResourceId"),
            // The cluster `default` is the account's, whoever makes it first.
            Kind::Cluster if item.name == "default" => continue,
            // Auto Scaling's own: `TargetTracking-service/<cluster>/<service>-AlarmHigh-…`.
            Kind::MetricAlarm if item.name.starts_with(TARGET_TRACKING) => tracked(&item.name),
            Kind::Cluster
            | Kind::LogGroup
            | Kind::TaskDefinition
            | Kind::EcsService
            | Kind::SecurityGroup
            | Kind::LoadBalancer
            | Kind::Listener
            | Kind::ListenerRule
            | Kind::TargetGroup
            | Kind::ScalableTarget
            | Kind::MetricAlarm => {
                broken.push(format!("{kind:?} {} has no owner", item.name));
                continue;
            }
        };
        if !world.has_lost_claims() && !claims.contains(claimed_name) {
            broken.push(format!("{kind:?} {} is claimed by nobody", item.name));
        }
    }
}

/// The resource that such an alarm is for.
fn tracked(alarm: &str) -> &str {
    let resource = alarm.strip_prefix(TARGET_TRACKING).unwrap_or(alarm);
    resource
        .rsplit_once("-Alarm")
        .map_or(resource, |(resource, _)| resource)
}

fn foreign(world: &World, inventory: &Inventory, broken: &mut Vec<String>) {
    for ((kind, id), item) in &world.foreign().items {
        match inventory.items.get(&(*kind, id.clone())) {
            None => broken.push(format!("{kind:?} {} of somebody else is gone", item.name)),
            Some(now) if now != item => {
                broken.push(format!(
                    "{kind:?} {} of somebody else was changed",
                    item.name
                ));
            }
            Some(_) => {}
        }
    }
}

fn priorities(inventory: &Inventory, broken: &mut Vec<String>) {
    let mut taken = BTreeSet::new();
    let mut hosts: BTreeMap<&String, (&String, BTreeSet<_>)> = BTreeMap::new();
    for (id, rule) in inventory.of(Kind::ListenerRule) {
        let listener = listener_of(id);
        if !taken.insert((
            listener.to_owned(),
            description(rule, "/Priority").to_owned(),
        )) {
            broken.push(format!("the priority of rule {} is taken twice", rule.name));
        }
        let (host, owner) = (rule.tags.get(TAG_HOST), rule.tags.get(TAG_OWNER));
        let (Some(host), Some(owner)) = (host, owner) else {
            continue;
        };
        // A service that moves has one on each of its two load balancers, and one may be for test traffic.
        let is_for_tests = rule.tags.contains_key(TAG_TEST_SLOT);
        let (first, listeners) = hosts.entry(host).or_insert((owner, BTreeSet::new()));
        if *first != owner || !listeners.insert((listener, is_for_tests)) || listeners.len() > 2 {
            broken.push(format!("too many rules are for the host {host}"));
        }
    }
}

/// A rule's ARN is its listener's with one more part.
fn listener_of(rule_arn: &str) -> &str {
    rule_arn
        .rsplit_once('/')
        .map_or(rule_arn, |(listener, _)| listener)
}

/// However many the ledger says that there are: a listener has rules of so many services at most. A table that was set
/// back does not know of all.
fn capacity(world: &World, inventory: &Inventory, broken: &mut Vec<String>) {
    if world.has_lost_claims() {
        return;
    }
    let mut hosts: BTreeMap<&str, BTreeSet<&String>> = BTreeMap::new();
    for (id, rule) in inventory.of(Kind::ListenerRule) {
        let listener = listener_of(id);
        let host = rule.tags.get(TAG_HOST);
        hosts.entry(listener).or_default().extend(host);
    }
    for (listener, hosts) in hosts {
        if hosts.len() as u64 > world.members_max() {
            broken.push(format!("{listener} has rules of {} services", hosts.len()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use local_aws::recorder::Recorded;
    use local_aws::wire::{Protocol, Service};
    use serde_json::json;

    use super::*;
    use crate::history::Call;

    /// Attempts 1 and 2 are at operations of one owner, one by its event and one by the waiter; 3 is at another's.
    fn history(changes: &[u64]) -> History {
        let event = |id: &str| json!({"StackId": "stack", "LogicalResourceId": id});
        let operation = format!("{}#request", owner_of(&event("Web")).unwrap());
        let inputs = [event("Web"), json!({"operation": operation}), event("Shop")];
        let started = inputs.into_iter().zip(1..).map(|(input, attempt)| {
            let at_ms = 0;
            Event::Started {
                attempt,
                at_ms,
                input,
            }
        });
        let called = changes.iter().map(|attempt| {
            Event::Called(Box::new(Call {
                attempt: *attempt,
                round: 0,
                recorded: Arc::new(Recorded {
                    at_ms: 0,
                    service: Service::Ecs,
                    protocol: Protocol::Json { version: "1.1" },
                    operation: "CreateService".to_owned(),
                    input: Value::Null,
                    outcome: Ok(Value::Null),
                }),
            }))
        });
        History {
            events: started.chain(called).collect(),
            lost: Vec::new(),
        }
    }

    #[test]
    fn attempts_that_change_things_one_after_another_are_apart_and_by_turns_are_not() {
        for changes in [&[1, 1, 2, 2][..], &[1, 3, 1, 2, 3], &[2, 1]] {
            assert_eq!(interleaved(&history(changes)), Vec::<String>::new());
        }
        for changes in [&[1, 2, 1][..], &[2, 2, 3, 1, 2]] {
            assert_eq!(interleaved(&history(changes)).len(), 1, "{changes:?}");
        }
    }
}
