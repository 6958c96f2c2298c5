//! The ledger: items of core's types, changed by core's transitions, each write on its condition.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use express_core::claim::OwnerRecord;
use express_core::claim::pool::{LoadBalancerItem, PoolItem};

use crate::history::{SHARED_NAMES, Service};
use crate::rules::Rule;

/// One load balancer of one pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ordinal {
    /// The pool.
    pub pool: u8,
    /// Its number there.
    pub number: u64,
}

/// A record as it was read, and the revision that a write of it must find.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The record.
    pub record: OwnerRecord,
    /// The open operation's sealed part: here the request's id, for which everything can be found.
    pub sealed: Option<String>,
    /// The revision.
    pub revision: u64,
}

/// The table.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    /// Records by stack.
    pub owners: BTreeMap<usize, Rc<Stored>>,
    /// The stack that has a service's name.
    pub services: BTreeMap<Service, usize>,
    /// The stack that has a host name.
    pub hosts: BTreeMap<Service, usize>,
    /// Pools.
    pub pools: BTreeMap<u8, PoolItem>,
    /// Load balancers.
    pub load_balancers: BTreeMap<Ordinal, LoadBalancerItem>,
    /// Closed ones of which nothing was left in AWS when somebody looked.
    pub gone: BTreeSet<Ordinal>,
}

/// Why the table refused a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LedgerFailure {
    /// It is not as it was read.
    Conflict,
    /// A name is another owner's.
    OwnedByAnother,
    /// No answer came.
    Unknown,
    /// No answer came to a claim, or to the giving back of one: it has no revision that a late one would miss.
    UnknownClaim,
    /// DynamoDB throttled.
    Throttled,
}

/// What a look at a load balancer's item tells a claimant or a leaver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Members {
    /// How many.
    pub count: usize,
    /// The next slot.
    pub next_slot: u64,
    /// Whether claims are accepted.
    pub is_open: bool,
    /// The slot of the service in question.
    pub own_slot: Option<u64>,
}

/// What a scan tells the guard and the sweep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// Whether an owner has a service.
    pub has_services: bool,
    /// When CloudFormation stops waiting for the answers that are owed, but for the guard's.
    pub awaited_until_ms: u64,
    /// Load balancers without members that may still be there, and whether they are OPEN.
    pub empty: Vec<(Ordinal, bool)>,
    /// Load balancers that are shared and have room, and that claims do not try.
    pub unlisted: Vec<Ordinal>,
}

/// A service's name as it stands in records and items.
#[must_use]
pub fn arn(service: Service) -> String {
    format!("s{service}")
}

/// Reads what [`arn`] wrote.
#[must_use]
pub fn service_of(arn: &str) -> Option<Service> {
    arn.strip_prefix('s')?.parse().ok()
}

/// The host name of a service: neighbours among the shared names have the same.
#[must_use]
pub const fn host(service: Service) -> Service {
    if service < SHARED_NAMES {
        service
    } else {
        SHARED_NAMES + (service - SHARED_NAMES) / 2 * 2
    }
}

impl Ledger {
    /// Writes a record over the revision that was seen (0 for none), and with it claims the names of a new service,
    /// and gives back those of services that are gone.
    pub fn put(
        &mut self,
        stack: usize,
        stored: Rc<Stored>,
        seen: u64,
        names: Option<Service>,
        released: &[Service],
        off: Option<Rule>,
    ) -> Result<(), LedgerFailure> {
        let found = self.owners.get(&stack).map_or(0, |found| found.revision);
        if found != seen && off != Some(Rule::RecordCondition) {
            return Err(LedgerFailure::Conflict);
        }
        if let Some(service) = names {
            let is_free = |holder: Option<&usize>| holder.is_none_or(|holder| *holder == stack);
            if !is_free(self.services.get(&service)) || !is_free(self.hosts.get(&host(service))) {
                return Err(LedgerFailure::OwnedByAnother);
            }
            self.services.insert(service, stack);
            self.hosts.insert(host(service), stack);
        }
        for service in released {
            self.release_names(stack, *service);
        }
        if off == Some(Rule::Remembered) && stored.record.is_idle() {
            self.owners.remove(&stack);
        } else {
            self.owners.insert(stack, stored);
        }
        Ok(())
    }

    /// Gives back a service's names, if both are this stack's or nobody's.
    fn release_names(&mut self, stack: usize, service: Service) {
        let is_ours = |holder: Option<&usize>| holder.is_none_or(|holder| *holder == stack);
        if is_ours(self.services.get(&service)) && is_ours(self.hosts.get(&host(service))) {
            self.services.remove(&service);
            self.hosts.remove(&host(service));
        }
    }

    /// Reads everything; `most` is how many services a load balancer takes.
    #[must_use]
    pub fn contents(&self, most: u64) -> Contents {
        let mut owners = self.owners.values();
        let open = self
            .owners
            .values()
            .filter_map(|stored| stored.record.operation.as_ref());
        let awaited = open.filter(|operation| !operation.waits_for_closings);
        let items = self.load_balancers.iter();
        let empty = items.filter(|(at, item)| item.members.is_empty() && !self.gone.contains(at));
        let is_listed = |at: &Ordinal| {
            let pool = self.pools.get(&at.pool);
            pool.is_none_or(|pool| pool.open.contains(&at.number))
        };
        let shared = self.load_balancers.iter().filter(|(at, item)| {
            item.is_open && (1..most).contains(&(item.members.len() as u64)) && !is_listed(at)
        });
        Contents {
            has_services: owners.any(|stored| !stored.record.services.is_empty()),
            awaited_until_ms: awaited
                .map(|operation| operation.given_up_ms)
                .max()
                .unwrap_or(0),
            empty: empty.map(|(at, item)| (*at, item.is_open)).collect(),
            unlisted: shared.map(|(at, _)| *at).collect(),
        }
    }

    /// What is on a load balancer.
    #[must_use]
    pub fn members(&self, at: Ordinal, service: Option<Service>) -> Option<Members> {
        let item = self.load_balancers.get(&at)?;
        Some(Members {
            count: item.members.len(),
            next_slot: item.next_slot,
            is_open: item.is_open,
            own_slot: service.and_then(|service| item.members.get(&arn(service)).copied()),
        })
    }

    /// One conditional write of a load balancer's item; whether it was accepted. An item that is not there refuses.
    pub fn write(
        &mut self,
        at: Ordinal,
        write: impl FnOnce(LoadBalancerItem) -> Result<LoadBalancerItem, LoadBalancerItem>,
    ) -> bool {
        let Some(item) = self.load_balancers.remove(&at) else {
            return false;
        };
        let (accepted, item) = match write(item) {
            Ok(item) => (true, item),
            Err(item) => (false, item),
        };
        self.load_balancers.insert(at, item);
        accepted
    }

    /// Opens a pool, unless it is there.
    pub fn open_pool(&mut self, pool: u8) {
        let first = Ordinal { pool, number: 1 };
        if !self.pools.contains_key(&pool) && !self.load_balancers.contains_key(&first) {
            let (opened, ordinal) = PoolItem::opened();
            self.pools.insert(pool, opened);
            self.load_balancers.insert(first, ordinal);
        }
    }

    /// Opens an ordinal, unless somebody else has.
    pub fn open_ordinal(&mut self, at: Ordinal, open: Vec<u64>) {
        if self.load_balancers.contains_key(&at) {
            return;
        }
        if let Some(pool) = self.pools.remove(&at.pool) {
            let pool = match pool.open_ordinal(at.number, open) {
                Ok((pool, ordinal)) => {
                    self.load_balancers.insert(at, ordinal);
                    pool
                }
                Err(pool) => pool,
            };
            self.pools.insert(at.pool, pool);
        }
    }

    /// Lets a closed load balancer go, of which nothing is left in AWS.
    pub fn forget(&mut self, at: Ordinal) {
        let item = self.load_balancers.get(&at);
        if item.is_some_and(|item| !item.is_open && item.members.is_empty()) {
            self.gone.insert(at);
        }
    }

    /// Lists an ordinal as having room again.
    pub fn offer(&mut self, at: Ordinal) {
        if let Some(pool) = self.pools.remove(&at.pool) {
            let pool = pool.offer(at.number).unwrap_or_else(|refused| refused);
            self.pools.insert(at.pool, pool);
        }
    }
}
