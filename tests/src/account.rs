//! What exists in the account, as text that can be compared.
//!
//! It is read through the stand-in's own answers, not its state, so it sees what a user would see.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use local_aws::LocalAws;
use local_aws::wire::Service;
use serde_json::{Value, json};

use crate::world::World;

mod listing;

use listing::{array, text};

/// What a target-tracking policy calls the alarms that it makes and removes itself.
/// AWS: <https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-target-tracking.html>
pub const TARGET_TRACKING: &str = "TargetTracking-";

/// Kinds of things that a service or its provider makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "AWS's own names")]
pub enum Kind {
    Cluster,
    LogGroup,
    TaskDefinition,
    EcsService,
    SecurityGroup,
    LoadBalancer,
    Listener,
    ListenerRule,
    TargetGroup,
    ScalableTarget,
    ScalingPolicy,
    MetricAlarm,
    RecordSet,
}

/// One thing.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// Its name, as a person would call it.
    pub name: String,
    /// Its tags; empty for kinds that have none.
    pub tags: BTreeMap<String, String>,
    /// All that AWS describes of it.
    pub description: Value,
}

/// Everything, by kind and id.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inventory {
    /// The things.
    pub items: BTreeMap<(Kind, String), Item>,
}

impl Inventory {
    /// Looks at everything.
    #[must_use]
    pub fn observe(world: &World) -> Self {
        Self::read(world.account(), &world.provider().hosted_zone_id)
    }

    /// Looks at everything in an account, and at the records of one zone.
    #[must_use]
    pub fn read(account: &LocalAws, hosted_zone_id: &str) -> Self {
        let mut inventory = Self::default();
        listing::ecs(account, &mut inventory);
        listing::load_balancing(account, &mut inventory);
        listing::network(account, &mut inventory);
        listing::scaling(account, &mut inventory);
        listing::observability(account, &mut inventory);
        listing::records(account, hosted_zone_id, &mut inventory);
        inventory
    }

    /// The things of one kind.
    pub fn of(&self, kind: Kind) -> impl Iterator<Item = (&str, &Item)> {
        self.items
            .iter()
            .filter(move |((known, _), _)| *known == kind)
            .map(|((_, id), item)| (id.as_str(), item))
    }

    /// Without what a deleted service leaves behind on purpose: the cluster and the log groups.
    #[must_use]
    pub fn without_what_stays(mut self) -> Self {
        self.items
            .retain(|(kind, _), _| !matches!(kind, Kind::Cluster | Kind::LogGroup));
        self
    }

    /// What does not carry our tags.
    #[must_use]
    pub fn foreign(mut self) -> Self {
        self.items.retain(|_, item| !item.is_ours());
        self
    }

    /// Lines that begin with `+` for what is only in `later`, with `-` for what is only in `self`, with `~` for what
    /// is described differently.
    #[must_use]
    pub fn diff(&self, later: &Self) -> Vec<String> {
        let gone = self
            .items
            .iter()
            .filter(|(id, _)| !later.items.contains_key(*id));
        let gone = gone.map(|((kind, _), item)| format!("- {kind:?} {}", item.name));
        let come = later
            .items
            .iter()
            .filter(|(id, _)| !self.items.contains_key(*id));
        let come = come.map(|((kind, _), item)| format!("+ {kind:?} {}", item.name));
        let changed = self.items.iter().filter(|(id, item)| {
            later
                .items
                .get(*id)
                .is_some_and(|now| now.description != item.description || now.tags != item.tags)
        });
        let changed = changed.map(|((kind, _), item)| format!("~ {kind:?} {}", item.name));
        gone.chain(come).chain(changed).collect()
    }

    fn add(&mut self, kind: Kind, id: &str, name: &str, tags: &Value, description: &Value) {
        let item = Item {
            name: name.to_owned(),
            tags: tag_map(tags),
            description: description.clone(),
        };
        self.items.insert((kind, id.to_owned()), item);
    }
}

impl Item {
    /// Whether it carries the provider's tag.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.tags.contains_key(express_core::naming::TAG_PROVIDER)
    }
}

impl fmt::Display for Inventory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // By name: ids differ between two runs that come to the same.
        let lines: BTreeSet<(Kind, &str)> = self
            .items
            .iter()
            .map(|((kind, _), item)| (*kind, item.name.as_str()))
            .collect();
        lines
            .into_iter()
            .try_for_each(|(kind, name)| writeln!(formatter, "{kind:?} {name}"))
    }
}

/// AWS writes tags as a map, or as a list of pairs in one of three spellings.
fn tag_map(tags: &Value) -> BTreeMap<String, String> {
    if let Some(map) = tags.as_object() {
        return map
            .iter()
            .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
            .collect();
    }
    let spelled = |tag: &Value, names: [&str; 3]| {
        names
            .into_iter()
            .find_map(|name| tag[name].as_str())
            .map(str::to_owned)
    };
    array(tags)
        .iter()
        .filter_map(|tag| {
            let key = spelled(tag, ["key", "Key", "TagKey"])?;
            Some((key, spelled(tag, ["value", "Value", "TagValue"])?))
        })
        .collect()
}

/// Every item of the ledger's table, in DynamoDB's own JSON.
#[must_use]
pub fn ledger(account: &LocalAws) -> Vec<Value> {
    let input = json!({"TableName": crate::world::provider::LEDGER_TABLE, "ConsistentRead": true});
    let answer = account
        .perform(Service::DynamoDb, "Scan", input)
        .unwrap_or_else(|refusal| panic!("Scan was refused: {refusal:?}"));
    array(&answer["Items"]).to_vec()
}

/// Sets the ledger's table back to what it held.
///
/// # Panics
/// When DynamoDB refuses.
pub fn set_ledger_back(account: &LocalAws, items: &[Value]) {
    let write = |operation: &str, input: Value| {
        let answer = account.perform(Service::DynamoDb, operation, input);
        answer.unwrap_or_else(|refusal| panic!("{operation} was refused: {refusal:?}"));
    };
    let table = crate::world::provider::LEDGER_TABLE;
    for item in ledger(account) {
        write(
            "DeleteItem",
            json!({"TableName": table, "Key": {"pk": item["pk"]}}),
        );
    }
    for item in items {
        write("PutItem", json!({"TableName": table, "Item": item}));
    }
}

/// The first item of the ledger whose key begins so: `owner#`, `pool#`, `load-balancer#`, `host#`.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn ledger_item(account: &LocalAws, key: &str) -> Value {
    let mut items = ledger(account).into_iter();
    let found = items.find(|item| text(item, "/pk/S").starts_with(key));
    found.unwrap_or_else(|| panic!("the ledger has no item `{key}…`"))
}

/// How many deployments a service of the cluster `default` has had.
///
/// # Panics
/// When ECS refuses.
#[must_use]
pub fn deployments(account: &LocalAws, service: &str) -> usize {
    let input = json!({"service": service});
    let answer = account
        .perform(Service::Ecs, "ListServiceDeployments", input)
        .unwrap_or_else(|refusal| panic!("ListServiceDeployments was refused: {refusal:?}"));
    array(&answer["serviceDeployments"]).len()
}

/// The text at a pointer of an item's description.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn description<'a>(item: &'a Item, pointer: &str) -> &'a str {
    text(&item.description, pointer)
}
