//! What is looked at after every attempt, beyond [`crate::invariants`]: that services which serve go on serving, and that
//! no attempt names in a change what another owner has.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use express_core::naming::{self, Pair, TAG_OWNER};
use local_aws::elbv2::{self, Request};
use local_aws::sfn::ExecutionStatus;
use serde_json::Value;

use crate::account::{Inventory, Item, Kind};
use crate::client;
use crate::cloudformation::{Seen, SeenStatus, owner_key_of};
use crate::history::Event;
use crate::world::World;

/// What the watch remembers from one attempt to the next.
#[derive(Default)]
pub(crate) struct Watcher {
    /// Events of the world's history that were read.
    read: usize,
    /// Owner key by request.
    owners: BTreeMap<String, String>,
    /// The owner that each attempt works for.
    attempts: BTreeMap<u64, String>,
    /// Owner key by ARN of each service that CloudFormation was told of, and has not asked to delete.
    serving: BTreeMap<String, String>,
    /// Owners of whom somebody has changed a part by hand.
    touched: BTreeSet<String>,
    /// Owner key by id of what had one when it was last looked at.
    owned: BTreeMap<String, String>,
}

/// Shared by the world and whoever plays in it.
pub(crate) type Shared = Rc<RefCell<Watcher>>;

/// Begins to watch.
pub(crate) fn begin(world: &World) -> Shared {
    let watcher = Shared::default();
    let watching = Rc::clone(&watcher);
    world.watch(Rc::new(move |world, inventory| {
        watching.borrow_mut().look(world, inventory)
    }));
    watcher
}

impl Watcher {
    /// From now on nothing is said about this owner's traffic.
    pub(super) fn touch(&mut self, owner_key: String) {
        self.touched.insert(owner_key);
    }

    /// Whether somebody has changed a part of a service by hand.
    pub(super) fn is_touched(&self, owner_key: &str) -> bool {
        self.touched.contains(owner_key)
    }

    fn look(&mut self, world: &World, inventory: &Inventory) -> Vec<String> {
        let mut broken = self.read(world);
        self.owned = inventory
            .items
            .iter()
            .filter(|(_, item)| is_of_a_service(item))
            .filter_map(|((_, id), item)| Some((id.clone(), item.tags.get(TAG_OWNER)?.clone())))
            .collect();
        self.routes(world, inventory, &mut broken);
        broken
    }

    /// Takes in what happened since the last time; says which changes named what another owner has.
    fn read(&mut self, world: &World) -> Vec<String> {
        let mut broken = Vec::new();
        let history = world.history();
        for event in history.events.iter().skip(self.read) {
            match event {
                Event::Sent { at_ms: _, event } => self.sent(event),
                Event::Started {
                    attempt,
                    at_ms: _,
                    input,
                } => {
                    let request = crate::cloudformation::request_of(input);
                    if let Some(owner) = request.and_then(|request| self.owners.get(&request)) {
                        self.attempts.insert(*attempt, owner.clone());
                    }
                }
                Event::Called(call) if call.recorded.mutates() => {
                    let owner = self.attempts.get(&call.attempt);
                    if let Some(stranger) = self.stranger(&call.recorded.input, owner) {
                        broken.push(format!(
                            "{} names what another owner has: {stranger}",
                            call.recorded.name()
                        ));
                    }
                }
                Event::Saw(seen) => self.saw(seen),
                Event::WaiterEnded {
                    name,
                    status: ExecutionStatus::TimedOut,
                } => broken.push(format!("{name} has waited until its time was up")),
                Event::Called(_)
                | Event::Crashed { .. }
                | Event::Ended { .. }
                | Event::WaiterEnded { .. } => {}
            }
        }
        self.read = history.events.len();
        broken
    }

    fn sent(&mut self, event: &Value) {
        let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
        if let Some(owner) = owner_key_of(event) {
            self.owners.insert(text("RequestId"), owner);
        }
        if event["RequestType"] == "Delete" {
            self.serving.remove(&text("PhysicalResourceId"));
        }
    }

    fn saw(&mut self, seen: &Seen) {
        let Some(owner) = self.owners.get(&seen.request_id) else {
            return;
        };
        let is_there = seen.status == SeenStatus::Success && !seen.data.is_empty();
        if let (true, Some(arn)) = (is_there, &seen.physical_id) {
            self.serving.insert(arn.clone(), owner.clone());
        }
    }

    /// The first thing in `input` that somebody other than `owner` has.
    fn stranger(&self, input: &Value, owner: Option<&String>) -> Option<String> {
        match input {
            Value::String(text) => self
                .owned
                .get(text)
                .filter(|other| Some(*other) != owner)
                .map(|_| text.clone()),
            Value::Array(items) => items.iter().find_map(|item| self.stranger(item, owner)),
            Value::Object(members) => members
                .values()
                .find_map(|member| self.stranger(member, owner)),
            Value::Null | Value::Bool(_) | Value::Number(_) => None,
        }
    }

    /// Each service that serves has a rule that forwards to both its groups, and a visitor gets an answer.
    fn routes(&self, world: &World, inventory: &Inventory, broken: &mut Vec<String>) {
        for (arn, owner) in &self.serving {
            if self.touched.contains(owner) {
                continue;
            }
            // Two while the service moves from one load balancer to another.
            let rules: BTreeMap<&str, &Item> = inventory
                .of(Kind::ListenerRule)
                .filter(|(_, rule)| {
                    rule.tags.get(TAG_OWNER) == Some(owner) && forwards(inventory, rule, arn)
                })
                .collect();
            let Some(rule) = rules.values().next() else {
                broken.push(format!(
                    "no rule forwards to both groups of {arn}, which was serving"
                ));
                continue;
            };
            let host = rule.tags.get(naming::TAG_HOST).map_or("", String::as_str);
            let cloud = world.account().cloud();
            let answer = client::address(&cloud, host).and_then(|dns_name| {
                elbv2::route_through(&cloud, &dns_name, Request::get(host, &[]))
            });
            let is_served = answer.as_ref().is_some_and(|answer| {
                rules.contains_key(answer.rule_arn.as_str()) && answer.is_served()
            });
            if !is_served {
                broken.push(format!(
                    "visitors of {arn}, which was serving, get {answer:?}"
                ));
            }
        }
    }
}

/// Whether it is a part of one service; a dedicated load balancer has an owner too, but is closed by its pool.
pub(super) fn is_of_a_service(item: &Item) -> bool {
    item.tags.contains_key(TAG_OWNER) && item.tags.contains_key(naming::TAG_HOST)
}

/// Whether a rule forwards to both groups of a service.
fn forwards(inventory: &Inventory, rule: &Item, service_arn: &str) -> bool {
    let targets = rule
        .description
        .pointer("/Actions/0/ForwardConfig/TargetGroups")
        .and_then(Value::as_array);
    let pool_id = rule.tags.get(naming::TAG_POOL).map_or("", String::as_str);
    Pair::BOTH.into_iter().all(|pair| {
        let name = naming::target_group(service_arn, pool_id, pair);
        let group = inventory
            .of(Kind::TargetGroup)
            .find(|(_, group)| group.name == name);
        group.is_some_and(|(arn, _)| {
            targets
                .into_iter()
                .flatten()
                .any(|target| target["TargetGroupArn"] == arn)
        })
    })
}
