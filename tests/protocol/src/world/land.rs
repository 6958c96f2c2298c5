//! What each call does when it has its effect, and what it touched.

use express_core::claim::pool::LoadBalancerItem;

use super::{Event, Execution, State};
use crate::aws::{AwsFailure, DeploymentStatus, OwnerTag, RuleOf};
use crate::effect::{Answer, Effect, Failure, OperationId, Reply, RequestId, Response};
use crate::history::Service;
use crate::invariants;
use crate::ledger::{Ordinal, arn};
use crate::rules::Rule;

/// The waiter's first wait, while the attempt that started it goes on.
const FIRST_WAIT_MS: u64 = 30_000;

/// What one effect touched: what the invariants look at after it.
#[derive(Clone, Debug, Default)]
pub struct Touched {
    /// Whose call it was.
    pub actor: OwnerTag,
    /// A load balancer's item or rules.
    pub at: Option<Ordinal>,
    /// What was made: the service that it is of, and its tag.
    pub made: Option<(Service, OwnerTag)>,
    /// What was changed: the service that it is of, and its tag.
    pub changed: Option<(Service, OwnerTag)>,
    /// What was removed, likewise.
    pub removed: Vec<(Service, OwnerTag)>,
    /// A request that was answered.
    pub answered: Option<RequestId>,
}

impl State {
    pub(super) fn land(&mut self, actor: OwnerTag, effect: Effect, ticket: Option<usize>) {
        let line = self.options.traces.then(|| effect.to_string());
        let mut touched = Touched {
            actor,
            ..Touched::default()
        };
        let reply = if effect.is_of_ledger() {
            self.land_in_ledger(actor, effect, &mut touched)
        } else {
            self.land_in_aws(actor, effect, &mut touched)
        };
        if let Some(line) = line {
            let whose = if ticket.is_some() {
                ""
            } else {
                " (nobody waits)"
            };
            let who = if actor == crate::history::POOL_OPERATIONS {
                "pool".to_owned()
            } else {
                format!("stack {actor}")
            };
            let end = match &reply {
                Ok(response) => response.to_string(),
                Err(failure) => format!("{failure:?}"),
            };
            self.note(|| format!("{who:<9} {line} -> {end}{whose}"));
        }
        if let Some(ticket) = ticket {
            self.replies[ticket] = Some(reply);
        }
        if self.violation.is_none() {
            self.violation = invariants::after(self, &touched);
        }
    }

    fn land_in_ledger(&mut self, actor: OwnerTag, effect: Effect, touched: &mut Touched) -> Reply {
        let off = self.options.off;
        let capacity = self.history.capacity;
        Ok(match effect {
            Effect::FindOwner => Response::Owner(self.ledger.owners.get(&actor).cloned()),
            Effect::PutOwner {
                stored,
                seen,
                names,
                released,
            } => {
                self.ledger
                    .put(actor, stored, seen, names, &released, off)
                    .map_err(Failure::Ledger)?;
                Response::Done
            }
            Effect::Scan => Response::Scanned(self.ledger.contents(capacity)),
            Effect::FindPool(pool) => Response::Pool(self.ledger.pools.get(&pool).cloned()),
            Effect::FindMembers(at, service) => Response::Members(self.ledger.members(at, service)),
            Effect::Claim(at, service) => {
                touched.at = Some(at);
                let owner = actor.to_string();
                self.ledger
                    .write(at, |item| claim(item, service, &owner, capacity, off));
                let members = self.ledger.members(at, Some(service));
                Response::Slot(members.and_then(|members| members.own_slot))
            }
            Effect::ClaimNext {
                at,
                service,
                current,
            } => {
                touched.at = Some(at);
                self.ledger
                    .write(at, |item| item.claim_next(&arn(service), current));
                let members = self.ledger.members(at, Some(service));
                Response::Slot(members.and_then(|members| members.own_slot))
            }
            Effect::Release(at, service) => {
                touched.at = Some(at);
                *self.releases.entry(at.pool).or_default() += 1;
                self.ledger
                    .write(at, |item| Ok(item.release(&arn(service))));
                Response::Members(self.ledger.members(at, None))
            }
            Effect::Offer(at) => {
                self.ledger.offer(at);
                Response::Done
            }
            Effect::Forget(at) => {
                self.ledger.forget(at);
                Response::Done
            }
            Effect::Close(at) => {
                touched.at = Some(at);
                *self.releases.entry(at.pool).or_default() += 1;
                Response::Accepted(self.ledger.write(at, LoadBalancerItem::close))
            }
            Effect::OpenPool(pool) => {
                self.ledger.open_pool(pool);
                Response::Done
            }
            Effect::OpenOrdinal(at, open) => {
                self.ledger.open_ordinal(at, open);
                Response::Done
            }
            other => unreachable!("{other} is no call of the ledger"),
        })
    }

    fn land_in_aws(&mut self, actor: OwnerTag, effect: Effect, touched: &mut Touched) -> Reply {
        let now_ms = self.now_ms;
        let aws = &mut self.aws;
        let response = match effect {
            Effect::StartWaiter(operation, number) => {
                Ok(Response::Accepted(self.start_waiter(operation, number)))
            }
            Effect::Answer(request, answer) => {
                self.answer(request, answer);
                touched.answered = Some(request);
                Ok(Response::Done)
            }
            Effect::Observe(service, at) => {
                Ok(Response::Sight(Box::new(aws.observe(service, at, now_ms))))
            }
            Effect::FindDeployment(service) => {
                let found = aws.services.get(&service).map(|found| {
                    let status: DeploymentStatus = found.deployment.status(now_ms);
                    (found.deployment.id, status)
                });
                Ok(Response::Deployment(found))
            }
            Effect::FindLoadBalancer(at) => {
                let found = aws.load_balancers.get(&at).map(|found| {
                    // No service is a member any more, so no rule is a service's.
                    (found.id, !found.rules.is_empty())
                });
                Ok(Response::Found(found))
            }
            Effect::CreateLoadBalancer(at) => {
                Ok(Response::LoadBalancer(aws.create_load_balancer(at, now_ms)))
            }
            other => self.land_on_service(actor, other, touched),
        };
        response.map_err(Failure::Aws)
    }

    fn land_on_service(
        &mut self,
        actor: OwnerTag,
        effect: Effect,
        touched: &mut Touched,
    ) -> Result<Response, AwsFailure> {
        let now_ms = self.now_ms;
        let aws = &mut self.aws;
        let owner_of = |aws: &crate::aws::Aws, service: Service| {
            aws.services
                .get(&service)
                .map(|found| (service, found.owner))
        };
        match effect {
            Effect::CreateGroups(service) => {
                let groups = aws.create_groups(service, actor)?;
                touched.made = Some((service, actor));
                Ok(Response::Groups(groups))
            }
            Effect::CreateRule {
                at,
                slot,
                service,
                groups,
            } => {
                let of = RuleOf {
                    service,
                    owner: actor,
                    groups,
                };
                let placed = aws.create_rule(at, slot, Some(of))?;
                touched.at = Some(at);
                touched.made = Some((service, actor));
                Ok(Response::Rule(placed))
            }
            Effect::CreateService(properties) => {
                let crate::history::Properties {
                    service,
                    version,
                    deployment,
                } = properties;
                aws.create_service(service, actor, version, deployment, now_ms)?;
                touched.made = Some((service, actor));
                Ok(Response::Done)
            }
            Effect::UpdateService(properties) => {
                touched.changed = owner_of(aws, properties.service);
                aws.update_service(
                    properties.service,
                    properties.version,
                    properties.deployment,
                    now_ms,
                )?;
                Ok(Response::Done)
            }
            Effect::StopDeployment(service) => {
                touched.changed = owner_of(aws, service);
                aws.stop_deployment(service, now_ms);
                Ok(Response::Done)
            }
            Effect::DeleteService(service) => {
                touched.removed.extend(owner_of(aws, service));
                aws.delete_service(service, now_ms)?;
                Ok(Response::Done)
            }
            Effect::DeleteRule(id) => {
                let of = aws.rule(id).and_then(|found| found.rule.of);
                touched.removed.extend(of.map(|of| (of.service, of.owner)));
                aws.delete_rule(id);
                Ok(Response::Done)
            }
            Effect::DeleteGroups(service, id) => {
                let found = aws.groups.get(&service).filter(|found| found.id == id);
                let owner = found.map(|found| found.owner);
                aws.delete_groups(service, id)?;
                touched.removed.extend(owner.map(|owner| (service, owner)));
                Ok(Response::Done)
            }
            Effect::DeleteLoadBalancer(at, id) => {
                let found = aws.load_balancers.get(&at).filter(|found| found.id == id);
                let rules = found.into_iter().flat_map(|found| found.rules.values());
                let of = rules.filter_map(|rule| rule.of);
                touched.removed.extend(of.map(|of| (of.service, of.owner)));
                aws.delete_load_balancer(at, id);
                Ok(Response::Done)
            }
            other => unreachable!("{other} is no call on a service"),
        }
    }

    /// Whether it runs now. The name of an execution is used once.
    fn start_waiter(&mut self, operation: OperationId, number: u64) -> bool {
        if let Some(found) = self.executions.get(&(operation, number)) {
            return found.is_running;
        }
        let started_ms = self.now_ms;
        let execution = Execution {
            started_ms,
            is_running: true,
        };
        self.executions.insert((operation, number), execution);
        let calls = Event::WaiterCalls {
            operation,
            number,
            is_last: false,
        };
        self.schedule(started_ms + FIRST_WAIT_MS, calls);
        true
    }

    fn answer(&mut self, id: RequestId, answer: Answer) {
        let now_ms = self.now_ms;
        let request = self.request_mut(id);
        if request.seen.is_none() && request.given_up_ms.is_none() {
            request.seen = Some(answer.clone());
            // The stack's task is called as the stack.
            self.schedule(now_ms, Event::Wake(id.stack));
        }
        self.request_mut(id).answers.push(answer);
    }
}

fn claim(
    mut item: LoadBalancerItem,
    service: Service,
    owner: &str,
    capacity: u64,
    off: Option<Rule>,
) -> Result<LoadBalancerItem, LoadBalancerItem> {
    let most = match off {
        Some(Rule::ClaimCondition) => u64::MAX,
        Some(Rule::ClosedIsFinal) => {
            item.is_open = true;
            capacity
        }
        Some(_) | None => capacity,
    };
    item.claim(&arn(service), owner, most)
}
