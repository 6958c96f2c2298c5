//! A small AWS of symbols: what one service consists of, as far as the order of things can go wrong.
//!
//! The two target groups are one thing here, and with them everything else that only its service uses. Groups, rules
//! and load balancers have ids that are never used again, as their ARNs; a service is called by its name, so a late
//! call can meet its successor.

use std::collections::BTreeMap;

use crate::history::{Deployment, Service};
use crate::ledger::Ordinal;

/// Milliseconds that a load balancer takes until it is active: long enough to be waited for, and no longer, since
/// waiting is most of what a history would do.
const PROVISIONING_MS: u64 = 40_000;
/// Milliseconds that a service drains.
const DRAINING_MS: u64 = 20_000;

/// Who something belongs to: the stack's number, by the tag.
pub type OwnerTag = usize;

/// The account.
#[derive(Clone, Debug, Default)]
pub struct Aws {
    /// ECS services by name; an INACTIVE one is not there.
    pub services: BTreeMap<Service, EcsService>,
    /// Target groups by their service's name.
    pub groups: BTreeMap<Service, Groups>,
    /// Load balancers by their name.
    pub load_balancers: BTreeMap<Ordinal, LoadBalancer>,
    next_id: u64,
}

/// An ECS service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EcsService {
    /// Its tag.
    pub owner: OwnerTag,
    /// The version whose tasks serve.
    pub serves: Option<u32>,
    /// The newest deployment.
    pub deployment: EcsDeployment,
    /// When it is INACTIVE, once it is DRAINING.
    pub drains_until_ms: Option<u64>,
}

/// A deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EcsDeployment {
    /// Its ARN.
    pub id: u64,
    /// What it deploys.
    pub version: u32,
    /// When it ends.
    pub ends_ms: u64,
    /// Whether it succeeds then.
    pub succeeds: bool,
}

/// Target groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Groups {
    /// Their ARN.
    pub id: u64,
    /// Their tag.
    pub owner: OwnerTag,
}

/// A load balancer with its listeners.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadBalancer {
    /// Its ARN.
    pub id: u64,
    /// When it is active.
    pub active_ms: u64,
    /// Rules by the slot that their priority stands for.
    pub rules: BTreeMap<u64, Rule>,
}

/// A listener rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its ARN.
    pub id: u64,
    /// The service that it leads to; none for one that people made.
    pub of: Option<RuleOf>,
}

/// What one of our rules says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleOf {
    /// Its service.
    pub service: Service,
    /// Its tag.
    pub owner: OwnerTag,
    /// The target groups that it forwards to.
    pub groups: u64,
}

/// Why AWS refused, or did not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AwsFailure {
    /// No answer: the call may have its effect.
    Unknown,
    /// Throttled.
    Throttled,
    /// It is there and cannot be made again.
    AlreadyExists,
    /// It is not there.
    NotFound,
    /// Something uses it, or it is going away.
    InUse,
    /// The priority is another rule's.
    PriorityInUse,
}

/// Where a rule is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// On which load balancer.
    pub ordinal: Ordinal,
    /// With which slot's priority.
    pub slot: u64,
    /// The rule.
    pub rule: Rule,
}

/// A service as an attempt sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sight {
    /// The ECS service, and how its newest deployment stands.
    pub service: Option<(EcsService, DeploymentStatus)>,
    /// Its groups.
    pub groups: Option<Groups>,
    /// Its rule.
    pub rule: Option<Placed>,
    /// The load balancer that was asked for, if it is active.
    pub load_balancer: Option<BalancerStatus>,
}

/// How a load balancer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BalancerStatus {
    /// It is being made.
    Provisioning,
    /// It takes rules.
    Active,
}

/// How a deployment stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeploymentStatus {
    /// It goes on.
    #[default]
    Running,
    /// Its version serves.
    Successful,
    /// The version before serves.
    Failed,
}

impl EcsDeployment {
    /// How it stands.
    #[must_use]
    pub const fn status(&self, now_ms: u64) -> DeploymentStatus {
        if now_ms < self.ends_ms {
            DeploymentStatus::Running
        } else if self.succeeds {
            DeploymentStatus::Successful
        } else {
            DeploymentStatus::Failed
        }
    }
}

impl Aws {
    fn id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// Lets time pass for one service.
    pub fn settle(&mut self, name: Service, now_ms: u64) {
        let Some(service) = self.services.get_mut(&name) else {
            return;
        };
        if service
            .drains_until_ms
            .is_some_and(|until_ms| now_ms >= until_ms)
        {
            self.services.remove(&name);
        } else if service.deployment.status(now_ms) == DeploymentStatus::Successful {
            service.serves = Some(service.deployment.version);
        }
    }

    /// What an attempt sees of a service, and of the load balancer where it has its slot.
    pub fn observe(&mut self, name: Service, at: Option<Ordinal>, now_ms: u64) -> Sight {
        self.settle(name, now_ms);
        let service = self.services.get(&name);
        Sight {
            service: service.map(|found| (found.clone(), found.deployment.status(now_ms))),
            groups: self.groups.get(&name).copied(),
            rule: self.rule_of(name),
            load_balancer: at
                .and_then(|ordinal| self.load_balancers.get(&ordinal))
                .map(|found| found.status(now_ms)),
        }
    }

    /// The rule that leads to a service.
    #[must_use]
    pub fn rule_of(&self, name: Service) -> Option<Placed> {
        self.load_balancers.iter().find_map(|(ordinal, balancer)| {
            let is_its = |rule: &Rule| rule.of.is_some_and(|of| of.service == name);
            let (slot, rule) = balancer.rules.iter().find(|(_, rule)| is_its(rule))?;
            Some(Placed {
                ordinal: *ordinal,
                slot: *slot,
                rule: *rule,
            })
        })
    }

    /// The rule of an ARN.
    #[must_use]
    pub fn rule(&self, id: u64) -> Option<Placed> {
        self.load_balancers.iter().find_map(|(ordinal, balancer)| {
            let (slot, rule) = balancer.rules.iter().find(|(_, rule)| rule.id == id)?;
            Some(Placed {
                ordinal: *ordinal,
                slot: *slot,
                rule: *rule,
            })
        })
    }

    /// Same name and settings: the one that is there.
    pub fn create_groups(&mut self, name: Service, owner: OwnerTag) -> Result<Groups, AwsFailure> {
        if let Some(found) = self.groups.get(&name) {
            return if found.owner == owner {
                Ok(*found)
            } else {
                Err(AwsFailure::AlreadyExists)
            };
        }
        let groups = Groups {
            id: self.id(),
            owner,
        };
        self.groups.insert(name, groups);
        Ok(groups)
    }

    /// Same name and settings: the one that is there.
    pub fn create_load_balancer(&mut self, at: Ordinal, now_ms: u64) -> BalancerStatus {
        if let Some(found) = self.load_balancers.get(&at) {
            return found.status(now_ms);
        }
        let made = LoadBalancer {
            id: self.id(),
            active_ms: now_ms + PROVISIONING_MS,
            rules: BTreeMap::new(),
        };
        self.load_balancers.insert(at, made);
        BalancerStatus::Provisioning
    }

    /// A rule of ours or of people.
    pub fn create_rule(
        &mut self,
        at: Ordinal,
        slot: u64,
        of: Option<RuleOf>,
    ) -> Result<Placed, AwsFailure> {
        let id = self.id();
        let exist = of.is_none_or(|of| {
            self.groups
                .get(&of.service)
                .is_some_and(|groups| groups.id == of.groups)
        });
        let Some(balancer) = self.load_balancers.get_mut(&at).filter(|_| exist) else {
            return Err(AwsFailure::NotFound);
        };
        if balancer.rules.contains_key(&slot) {
            return Err(AwsFailure::PriorityInUse);
        }
        let rule = Rule { id, of };
        balancer.rules.insert(slot, rule);
        Ok(Placed {
            ordinal: at,
            slot,
            rule,
        })
    }

    /// Not repeatable: one that is ACTIVE or DRAINING is refused.
    pub fn create_service(
        &mut self,
        name: Service,
        owner: OwnerTag,
        version: u32,
        deployment: Deployment,
        now_ms: u64,
    ) -> Result<(), AwsFailure> {
        self.settle(name, now_ms);
        if let Some(found) = self.services.get(&name) {
            return Err(if found.drains_until_ms.is_some() {
                AwsFailure::InUse
            } else {
                AwsFailure::AlreadyExists
            });
        }
        if self.rule_of(name).is_none() {
            return Err(AwsFailure::NotFound);
        }
        let service = EcsService {
            owner,
            serves: None,
            deployment: self.begin(version, deployment, now_ms),
            drains_until_ms: None,
        };
        self.services.insert(name, service);
        Ok(())
    }

    /// A new deployment takes the place of one that goes on.
    pub fn update_service(
        &mut self,
        name: Service,
        version: u32,
        deployment: Deployment,
        now_ms: u64,
    ) -> Result<(), AwsFailure> {
        self.settle(name, now_ms);
        let begun = self.begin(version, deployment, now_ms);
        match self.services.get_mut(&name) {
            Some(found) if found.drains_until_ms.is_none() => {
                found.deployment = begun;
                Ok(())
            }
            Some(_) | None => Err(AwsFailure::NotFound),
        }
    }

    fn begin(&mut self, version: u32, deployment: Deployment, now_ms: u64) -> EcsDeployment {
        EcsDeployment {
            id: self.id(),
            version,
            ends_ms: now_ms + deployment.takes_ms,
            succeeds: deployment.succeeds,
        }
    }

    /// The deployment goes back.
    pub fn stop_deployment(&mut self, name: Service, now_ms: u64) {
        if let Some(found) = self.services.get_mut(&name)
            && found.deployment.status(now_ms) == DeploymentStatus::Running
        {
            found.deployment.ends_ms = now_ms;
            found.deployment.succeeds = false;
        }
    }

    /// By its ARN; what is gone is gone.
    pub fn delete_rule(&mut self, id: u64) {
        if let Some(found) = self.rule(id)
            && let Some(balancer) = self.load_balancers.get_mut(&found.ordinal)
        {
            balancer.rules.remove(&found.slot);
        }
    }

    /// By its name.
    pub fn delete_service(&mut self, name: Service, now_ms: u64) -> Result<(), AwsFailure> {
        self.settle(name, now_ms);
        let found = self.services.get_mut(&name).ok_or(AwsFailure::NotFound)?;
        found.drains_until_ms.get_or_insert(now_ms + DRAINING_MS);
        Ok(())
    }

    /// By their ARN, unless a rule forwards to them.
    pub fn delete_groups(&mut self, name: Service, id: u64) -> Result<(), AwsFailure> {
        let forwards = |rule: &Rule| rule.of.is_some_and(|of| of.groups == id);
        let is_used = self
            .load_balancers
            .values()
            .any(|balancer| balancer.rules.values().any(forwards));
        if is_used {
            return Err(AwsFailure::InUse);
        }
        if self.groups.get(&name).is_some_and(|found| found.id == id) {
            self.groups.remove(&name);
        }
        Ok(())
    }

    /// By its ARN; its listeners and rules go with it.
    pub fn delete_load_balancer(&mut self, at: Ordinal, id: u64) {
        if self
            .load_balancers
            .get(&at)
            .is_some_and(|found| found.id == id)
        {
            self.load_balancers.remove(&at);
        }
    }
}

impl LoadBalancer {
    /// How it stands.
    #[must_use]
    pub const fn status(&self, now_ms: u64) -> BalancerStatus {
        if now_ms < self.active_ms {
            BalancerStatus::Provisioning
        } else {
            BalancerStatus::Active
        }
    }
}
