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
    /// Those of them whose visitors that may keep from what serves, and what ends it.
    misrouted: BTreeMap<String, Misrouted>,
    /// Updates that were asked for after somebody had done that, and whose owner it was done to.
    repairs: BTreeMap<String, String>,
    /// Owners whose Updates are refused, or led back as they are, because somebody has taken a tag off.
    untagged: BTreeSet<String>,
    /// By ARN of each service that had one when it was last looked at: its host name, and its rules.
    hosts: BTreeMap<String, (String, BTreeSet<String>)>,
    /// Owner key by id of what had one when it was last looked at.
    owned: BTreeMap<String, String>,
    /// The same by name, of what calls have by its name.
    named: BTreeMap<String, String>,
}

/// How long visitors may be kept from what serves, by what somebody has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Misrouted {
    /// Not at all.
    Never,
    /// Until an Update that was asked for afterwards succeeds.
    UntilRepaired,
    /// No Update touches what was changed.
    ForGood,
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
    /// Somebody has changed a part of this owner's by hand; from now on nothing is said about its traffic if that may have
    /// been led elsewhere.
    pub(super) fn touch(&mut self, owner_key: String, misrouted: Misrouted, is_untagged: bool) {
        if is_untagged {
            self.repairs.retain(|_, owner| *owner != owner_key);
            self.untagged.insert(owner_key.clone());
        }
        if misrouted > Misrouted::Never {
            self.repairs.retain(|_, owner| *owner != owner_key);
            let known = self.misrouted.entry(owner_key.clone());
            let known = known.or_insert(misrouted);
            *known = misrouted.max(*known);
        }
        self.touched.insert(owner_key);
    }

    /// Whether somebody has changed a part of a service by hand.
    pub(super) fn is_touched(&self, owner_key: &str) -> bool {
        self.touched.contains(owner_key)
    }

    fn look(&mut self, world: &World, inventory: Option<&Inventory>) -> Vec<String> {
        let mut broken = self.read(world);
        if let Some(inventory) = inventory {
            let items = inventory.items.iter();
            let owned = items.filter(|(_, item)| is_of_a_service(item));
            (self.owned, self.named) = (BTreeMap::new(), BTreeMap::new());
            for ((kind, id), item) in owned {
                let owner = item.tags.get(TAG_OWNER).cloned().unwrap_or_default();
                let name = name_in_calls(*kind, item);
                self.named.extend(name.map(|name| (name, owner.clone())));
                self.owned.insert(id.clone(), owner);
            }
            self.routes(inventory, &mut broken);
        }
        self.visits(world, &mut broken);
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
                    let owner = self.attempts.get(&call.attempt).cloned();
                    let input = &call.recorded.input;
                    let stranger = stranger(&self.owned, input, owner.as_ref());
                    // The sweep works for each owner in turn, with the right to change what is his.
                    let stranger = stranger.or_else(|| {
                        let of_service = named_service(input).map(Value::String);
                        let names = [Some(input.clone()), of_service];
                        let owner = owner.as_ref()?;
                        let mut names = names.into_iter().flatten();
                        names.find_map(|name| self::stranger(&self.named, &name, Some(owner)))
                    });
                    if let Some(stranger) = stranger {
                        broken.push(format!(
                            "{} names what another owner has: {stranger}",
                            call.recorded.name()
                        ));
                    }
                    if ["Delete", "Deregister"]
                        .iter()
                        .any(|verb| call.recorded.operation.starts_with(verb))
                    {
                        // A name may be somebody else's from now on.
                        self.drop_names(input);
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
        if event["RequestType"] == "Update"
            && let Some(owner) = owner_key_of(event)
            && self.misrouted.get(&owner) == Some(&Misrouted::UntilRepaired)
            && !self.untagged.contains(&owner)
        {
            self.repairs.insert(text("RequestId"), owner);
        }
    }

    fn saw(&mut self, seen: &Seen) {
        let Some(owner) = self.owners.get(&seen.request_id) else {
            return;
        };
        let is_there = seen.status == SeenStatus::Success && !seen.data.is_empty();
        if let (true, Some(arn)) = (is_there, &seen.physical_id) {
            if let Some(owner) = self.repairs.remove(&seen.request_id) {
                self.misrouted.remove(&owner);
                // A service that was replaced is not repaired.
                self.serving.retain(|_, other| *other != owner);
            }
            self.serving.insert(arn.clone(), owner.clone());
        }
    }

    fn drop_names(&mut self, input: &Value) {
        match input {
            Value::String(text) => {
                self.named.remove(text);
            }
            Value::Array(items) => items.iter().for_each(|item| self.drop_names(item)),
            Value::Object(members) => members.values().for_each(|item| self.drop_names(item)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// Each service that serves has a rule that forwards to both its groups.
    fn routes(&mut self, inventory: &Inventory, broken: &mut Vec<String>) {
        self.hosts.clear();
        for (arn, owner) in &self.serving {
            // Two while the service moves from one load balancer to another.
            let rules: Vec<(&str, &Item)> = inventory
                .of(Kind::ListenerRule)
                .filter(|(_, rule)| {
                    rule.tags.get(TAG_OWNER) == Some(owner) && forwards(inventory, rule, arn)
                })
                .collect();
            match rules.first() {
                Some((_, rule)) => {
                    let host = rule.tags.get(naming::TAG_HOST).cloned();
                    let rules = rules.iter().map(|(arn, _)| (*arn).to_owned()).collect();
                    self.hosts
                        .insert(arn.clone(), (host.unwrap_or_default(), rules));
                }
                None if self.misrouted.contains_key(owner) => {}
                None => broken.push(format!(
                    "no rule forwards to both groups of {arn}, which was serving"
                )),
            }
        }
    }

    /// Visitors of each service that serves get an answer, also while a deployment is merely waited for.
    fn visits(&self, world: &World, broken: &mut Vec<String>) {
        let cloud = world.account().cloud();
        for (arn, owner) in &self.serving {
            let Some((host, rules)) = self
                .hosts
                .get(arn)
                .filter(|_| !self.misrouted.contains_key(owner))
            else {
                continue;
            };
            let answer = client::address(&cloud, host).and_then(|dns_name| {
                elbv2::route_through(&cloud, &dns_name, Request::get(host, &[]))
            });
            let is_served = answer
                .as_ref()
                .is_some_and(|answer| rules.contains(&answer.rule_arn) && answer.is_served());
            if !is_served {
                broken.push(format!(
                    "visitors of {arn}, which was serving, get {answer:?}"
                ));
            }
        }
    }
}

/// The first thing in `input` that, by what is `known`, somebody other than `owner` has.
fn stranger(
    known: &BTreeMap<String, String>,
    input: &Value,
    owner: Option<&String>,
) -> Option<String> {
    match input {
        Value::String(text) => known
            .get(text)
            .filter(|other| Some(*other) != owner)
            .map(|_| text.clone()),
        Value::Array(items) => items.iter().find_map(|item| stranger(known, item, owner)),
        Value::Object(members) => members
            .values()
            .find_map(|member| stranger(known, member, owner)),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

/// What calls name a thing by that do not have its id.
fn name_in_calls(kind: Kind, item: &Item) -> Option<String> {
    match kind {
        Kind::MetricAlarm | Kind::ScalableTarget => Some(item.name.clone()),
        Kind::EcsService
        | Kind::Cluster
        | Kind::LogGroup
        | Kind::TaskDefinition
        | Kind::SecurityGroup
        | Kind::LoadBalancer
        | Kind::Listener
        | Kind::ListenerRule
        | Kind::TargetGroup
        | Kind::ScalingPolicy
        | Kind::RecordSet => None,
    }
}

/// The scalable target of the service that a call names by its cluster and its own name.
fn named_service(input: &Value) -> Option<String> {
    let cluster = input["cluster"].as_str()?;
    let service = input["service"]
        .as_str()
        .or(input["serviceName"].as_str())?;
    Some(format!("service/{cluster}/{service}"))
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
