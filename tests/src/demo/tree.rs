//! What there is in the account, as a tree: by service, what services share, and what stays.

use std::collections::{BTreeMap, BTreeSet};

use express_core::naming;
use local_aws::LocalAws;

use super::resource::{self, State};
use crate::account::{Inventory, Item, Kind};

/// Where in the tree a resource is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Branch {
    /// What the provider's own stack made.
    Provider,
    /// What is kept when services go.
    Kept,
    /// What the services of a pool share.
    Pool(String),
    /// What one service has for itself, by its host name.
    Service(String),
}

/// A resource in the tree.
#[derive(Clone, Debug)]
pub struct Leaf {
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// Its id, without what every ARN of an account has in common.
    pub id: String,
    /// Its state.
    pub state: State,
    /// When it was first seen, or last left a settled state; simulated milliseconds.
    pub since_ms: u64,
    /// When it last came to a settled state.
    pub settled_ms: Option<u64>,
    /// When its state was last seen to be another one.
    pub changed_ms: u64,
}

impl Leaf {
    /// How long it took to get to its state, in simulated milliseconds; none while it is on its way.
    #[must_use]
    pub fn took_ms(&self) -> Option<u64> {
        Some(self.settled_ms?.saturating_sub(self.since_ms))
    }
}

/// A difference between two looks.
#[derive(Clone, Debug)]
pub enum Change {
    /// It is new, or its state is.
    Now(Branch, Leaf),
    /// It is no more.
    Gone(Branch, Leaf),
}

/// The tree as it was last looked at.
#[derive(Debug)]
pub struct Tree {
    /// What was there before the provider.
    before: BTreeSet<(Kind, String)>,
    leaves: BTreeMap<(Branch, Kind, String), Leaf>,
    /// What has gone since [`Tree::forget_gone`].
    gone: BTreeMap<(Branch, Kind, String), Leaf>,
    now_ms: u64,
}

impl Tree {
    /// An empty tree of an account in which `before` has nothing to do with the provider.
    #[must_use]
    pub fn new(before: &Inventory) -> Self {
        Self {
            before: before.items.keys().cloned().collect(),
            leaves: BTreeMap::new(),
            gone: BTreeMap::new(),
            now_ms: 0,
        }
    }

    /// The leaves, branch by branch.
    pub fn leaves(&self) -> impl Iterator<Item = (&Branch, &Leaf)> {
        self.leaves
            .iter()
            .map(|((branch, _, _), leaf)| (branch, leaf))
    }

    /// What was there and is no more, branch by branch.
    pub fn gone(&self) -> impl Iterator<Item = (&Branch, &Leaf)> {
        self.gone
            .iter()
            .map(|((branch, _, _), leaf)| (branch, leaf))
    }

    /// Starts to remember anew what goes.
    pub fn forget_gone(&mut self) {
        self.gone.clear();
    }

    /// When it was last looked at, in simulated milliseconds since the epoch.
    #[must_use]
    pub const fn now_ms(&self) -> u64 {
        self.now_ms
    }

    /// Brings the tree up to date; `account` stands still.
    pub fn look(&mut self, account: &LocalAws, hosted_zone_id: &str) -> Vec<Change> {
        self.now_ms = account.clock().now_ms();
        let inventory = Inventory::read(account, hosted_zone_id);
        let mut old = std::mem::take(&mut self.leaves);
        let mut changes = Vec::new();
        for ((kind, id), item) in &inventory.items {
            if self.before.contains(&(*kind, id.clone())) {
                continue;
            }
            let branch = branch(&inventory, *kind, item);
            let key = (branch.clone(), *kind, id.clone());
            let state = resource::state(account, *kind, id, item);
            let known = old.remove(&key);
            let is_news = known.as_ref().is_none_or(|leaf| leaf.state != state);
            let leaf = self.aged(known, *kind, id, item, state);
            if is_news {
                changes.push(Change::Now(branch, leaf.clone()));
            }
            self.leaves.insert(key, leaf);
        }
        for (key, leaf) in old {
            changes.push(Change::Gone(key.0.clone(), leaf.clone()));
            self.gone.insert(key, leaf);
        }
        changes
    }

    /// A leaf with what its past says about how long it took.
    fn aged(&self, known: Option<Leaf>, kind: Kind, id: &str, item: &Item, state: State) -> Leaf {
        let changed_ms = known
            .as_ref()
            .filter(|leaf| leaf.state == state)
            .map_or(self.now_ms, |leaf| leaf.changed_ms);
        let (since_ms, settled_ms) = match &known {
            None => (self.now_ms, None),
            Some(leaf) if leaf.state.is_settled && !state.is_settled => (self.now_ms, None),
            Some(leaf) => (leaf.since_ms, leaf.settled_ms),
        };
        Leaf {
            kind,
            name: item.name.clone(),
            id: short(id),
            since_ms,
            changed_ms,
            settled_ms: settled_ms.or(state.is_settled.then_some(self.now_ms)),
            state,
        }
    }
}

/// By the provider's tags; what has none, by what it belongs to.
fn branch(inventory: &Inventory, kind: Kind, item: &Item) -> Branch {
    let tag = |key: &str| item.tags.get(key).cloned();
    match kind {
        Kind::RecordSet => host_of_record(inventory, item),
        Kind::ScalingPolicy => host_of_scaling(inventory, |target| {
            item.name.starts_with(&format!("{target} "))
        }),
        Kind::Cluster => return Branch::Kept,
        Kind::LogGroup if item.is_ours() => return Branch::Kept,
        Kind::MetricAlarm if !item.is_ours() => host_of_scaling(inventory, |target| {
            item.name.starts_with(&format!("TargetTracking-{target}-"))
        }),
        Kind::LogGroup
        | Kind::TaskDefinition
        | Kind::EcsService
        | Kind::SecurityGroup
        | Kind::LoadBalancer
        | Kind::Listener
        | Kind::ListenerRule
        | Kind::TargetGroup
        | Kind::ScalableTarget
        | Kind::MetricAlarm => tag(naming::TAG_HOST),
    }
    .map(Branch::Service)
    .or_else(|| tag(naming::TAG_POOL).map(Branch::Pool))
    .unwrap_or(Branch::Provider)
}

/// The host of the service with the scalable target whose name is the wanted one.
fn host_of_scaling(inventory: &Inventory, is_wanted: impl Fn(&str) -> bool) -> Option<String> {
    let (_, target) = inventory
        .of(Kind::ScalableTarget)
        .find(|(_, target)| is_wanted(&target.name))?;
    target.tags.get(naming::TAG_HOST).cloned()
}

fn host_of_record(inventory: &Inventory, record: &Item) -> Option<String> {
    let host = record.name.split(' ').next()?;
    let hosts = inventory
        .items
        .values()
        .filter_map(|item| item.tags.get(naming::TAG_HOST));
    let is_known = hosts.into_iter().any(|known| known == host);
    is_known.then(|| host.to_owned())
}

/// An ARN without partition, service, region and account; anything else as it is.
fn short(id: &str) -> String {
    let mut parts = id.splitn(6, ':');
    match (parts.next(), parts.nth(4)) {
        (Some("arn"), Some(resource)) => resource.to_owned(),
        _ => id.to_owned(),
    }
}
