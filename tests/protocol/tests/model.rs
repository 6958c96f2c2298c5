//! A checked model of claim, release, open and close under calls in flight: every order of everything, within bounds.
//!
//! Two owners come, go and come again in one pool whose load balancers take one service each. Any attempt may die with a
//! call in flight, which has its effect at any later moment, or never. The items and their writes are core's.
//!
//! The rule of the running attempt stands here as what it means: a successor begins when no call of the owner is in
//! flight any more. With the rule left out it begins at once; with the one way of CLOSED left out, a claim opens a
//! CLOSED load balancer again. Either way a counterexample must exist.

use std::collections::BTreeSet;

use express_core::claim::pool::{LoadBalancerItem, PoolItem, by_fullness, open_after};
use stateright::{Checker, HasDiscoveries, Model, Property};

/// Services on one load balancer.
const CAPACITY: u64 = 1;
/// Owners.
const OWNERS: usize = 2;
/// Attempts that die with a call in flight.
const DEATHS_MAX: u8 = 2;
/// Times that each owner is created.
const LIVES_MAX: u8 = 2;

/// What is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Without {
    Nothing,
    RunningAttempt,
    OneWayClosed,
}

struct Sharing {
    without: Without,
}

/// What an owner wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Phase {
    /// It was never there, or it is gone.
    Absent,
    /// An attempt makes it.
    Coming,
    /// It was answered SUCCESS, and serves.
    Serving,
    /// An attempt removes it.
    Going,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Owner {
    phase: Phase,
    /// Whether an attempt is at work; else the last one has died.
    is_attempted: bool,
    lives: u8,
}

/// A call: by which owner, or by the pool.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Call {
    OpenOrdinal { seen: u64, open: Vec<u64> },
    Claim { owner: usize, ordinal: usize },
    CreateBalancer { ordinal: usize },
    CreateRule { owner: usize, ordinal: usize },
    DeleteRule { owner: usize, ordinal: usize },
    Release { owner: usize, ordinal: usize },
    Close { ordinal: usize },
    DeleteBalancer { ordinal: usize },
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Account {
    pool: PoolItem,
    /// Items by ordinal; the first ordinal is 1.
    items: Vec<LoadBalancerItem>,
    /// Ordinals with a load balancer.
    balancers: BTreeSet<usize>,
    /// Rules: load balancer and owner.
    rules: BTreeSet<(usize, usize)>,
    owners: Vec<Owner>,
    /// Load balancers that were seen empty and without rules by the pool's operation.
    closing: BTreeSet<usize>,
    /// Calls whose attempt is dead, with the owner that made them.
    in_flight: Vec<(Option<usize>, Call)>,
    deaths: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Action {
    /// CloudFormation asks for the owner's service, or that it goes; an open request is taken over.
    Ask(usize, Phase),
    /// A successor takes up what a dead attempt has left.
    Succeed(usize),
    /// The owner's attempt makes its next call and hears of it.
    Step(usize),
    /// It dies with that call in flight.
    Die(usize),
    /// A call in flight has its effect.
    Land(usize),
    /// It never will.
    Vanish(usize),
    /// The pool's operation sees that nobody is there.
    SeeEmpty(usize),
    /// It closes, and deletes; the deletion may have its effect late.
    Close(usize),
}

fn service(owner: usize) -> String {
    owner.to_string()
}

impl Account {
    fn item(&self, ordinal: usize) -> &LoadBalancerItem {
        &self.items[ordinal - 1]
    }

    fn ordinals(&self) -> impl Iterator<Item = usize> {
        1..=self.items.len()
    }

    fn ordinal_of(&self, owner: usize) -> Option<usize> {
        let service = service(owner);
        self.ordinals()
            .find(|ordinal| self.item(*ordinal).members.contains_key(&service))
    }

    fn rule_of(&self, owner: usize) -> Option<usize> {
        let mut rules = self.rules.iter();
        rules
            .find(|(_, of)| *of == owner)
            .map(|(ordinal, _)| *ordinal)
    }

    /// The owner's next call, by what it sees now; none when its goal is reached.
    fn next_call(&self, owner: usize) -> Option<Call> {
        let ordinal = self.ordinal_of(owner);
        match (self.owners[owner].phase, ordinal) {
            (Phase::Absent | Phase::Serving, _) => None,
            (Phase::Coming, None) => Some(self.placement(owner)),
            (Phase::Coming, Some(ordinal)) if !self.balancers.contains(&ordinal) => {
                Some(Call::CreateBalancer { ordinal })
            }
            (Phase::Coming, Some(ordinal)) => (!self.rules.contains(&(ordinal, owner)))
                .then_some(Call::CreateRule { owner, ordinal }),
            (Phase::Going, _) => match (self.rule_of(owner), ordinal) {
                (Some(ordinal), _) => Some(Call::DeleteRule { owner, ordinal }),
                (None, Some(ordinal)) => Some(Call::Release { owner, ordinal }),
                (None, None) => None,
            },
        }
    }

    /// The first ordinal in core's order that takes the service, or a further one.
    fn placement(&self, owner: usize) -> Call {
        let counted = self.pool.open.iter().map(|ordinal| {
            let index = usize::try_from(*ordinal).expect("few ordinals");
            (*ordinal, self.item(index).members.len())
        });
        let mut refused = Vec::new();
        for number in by_fullness(counted.collect()) {
            let ordinal = usize::try_from(number).expect("few ordinals");
            let claimed = self
                .item(ordinal)
                .clone()
                .claim(&service(owner), "", CAPACITY);
            // Only the claim itself can tell: the one that would be refused is gone past, as after its refusal.
            if claimed.is_ok() {
                return Call::Claim { owner, ordinal };
            }
            refused.push(number);
        }
        Call::OpenOrdinal {
            seen: self.pool.next_ordinal,
            open: open_after(&self.pool.open, &refused, self.pool.next_ordinal),
        }
    }

    fn write(
        &mut self,
        ordinal: usize,
        write: impl FnOnce(LoadBalancerItem) -> Result<LoadBalancerItem, LoadBalancerItem>,
    ) -> bool {
        let outcome = write(self.item(ordinal).clone());
        let is_accepted = outcome.is_ok();
        self.items[ordinal - 1] = outcome.unwrap_or_else(|refused| refused);
        is_accepted
    }

    fn perform(&mut self, call: Call, without: Without) {
        match call {
            Call::OpenOrdinal { seen, open } => {
                self.pool = match self.pool.clone().open_ordinal(seen, open) {
                    Ok((pool, item)) => {
                        self.items.push(item);
                        pool
                    }
                    Err(pool) => pool,
                };
            }
            Call::Claim { owner, ordinal } => {
                self.write(ordinal, |mut item| {
                    item.is_open |= without == Without::OneWayClosed;
                    item.claim(&service(owner), "", CAPACITY)
                });
            }
            Call::CreateBalancer { ordinal } => {
                self.balancers.insert(ordinal);
            }
            Call::CreateRule { owner, ordinal } => {
                if self.balancers.contains(&ordinal) {
                    self.rules.insert((ordinal, owner));
                }
            }
            Call::DeleteRule { owner, ordinal } => {
                self.rules.remove(&(ordinal, owner));
            }
            Call::Release { owner, ordinal } => {
                self.write(ordinal, |item| Ok(item.release(&service(owner))));
            }
            Call::Close { ordinal } => {
                if self.write(ordinal, LoadBalancerItem::close) {
                    self.in_flight
                        .push((None, Call::DeleteBalancer { ordinal }));
                }
            }
            Call::DeleteBalancer { ordinal } => {
                self.balancers.remove(&ordinal);
                self.rules.retain(|(of, _)| *of != ordinal);
            }
        }
    }

    fn has_calls(&self, owner: usize) -> bool {
        self.in_flight.iter().any(|(of, _)| *of == Some(owner))
    }

    /// The goal is reached: CloudFormation hears of it.
    fn arrive(&mut self, owner: usize) {
        if self.next_call(owner).is_none() {
            let owner = &mut self.owners[owner];
            owner.is_attempted = false;
            owner.phase = match owner.phase {
                Phase::Coming | Phase::Serving => Phase::Serving,
                Phase::Going | Phase::Absent => Phase::Absent,
            };
        }
    }
}

impl Model for Sharing {
    type State = Account;
    type Action = Action;

    fn init_states(&self) -> Vec<Account> {
        let (pool, item) = PoolItem::opened();
        let owner = Owner {
            phase: Phase::Absent,
            is_attempted: false,
            lives: 0,
        };
        vec![Account {
            pool,
            items: vec![item],
            balancers: BTreeSet::new(),
            rules: BTreeSet::new(),
            owners: vec![owner; OWNERS],
            closing: BTreeSet::new(),
            in_flight: Vec::new(),
            deaths: 0,
        }]
    }

    fn actions(&self, state: &Account, actions: &mut Vec<Action>) {
        for (index, owner) in state.owners.iter().enumerate() {
            let may_begin = self.without == Without::RunningAttempt || !state.has_calls(index);
            match owner.phase {
                Phase::Absent if owner.lives < LIVES_MAX && may_begin => {
                    actions.push(Action::Ask(index, Phase::Coming));
                }
                Phase::Serving if may_begin => actions.push(Action::Ask(index, Phase::Going)),
                Phase::Coming | Phase::Going if owner.is_attempted => {
                    actions.push(Action::Step(index));
                    if state.deaths < DEATHS_MAX && state.next_call(index).is_some() {
                        actions.push(Action::Die(index));
                    }
                }
                Phase::Coming | Phase::Going if may_begin => {
                    actions.push(Action::Succeed(index));
                    if owner.phase == Phase::Coming {
                        // The Create is cancelled.
                        actions.push(Action::Ask(index, Phase::Going));
                    }
                }
                Phase::Absent | Phase::Coming | Phase::Serving | Phase::Going => {}
            }
        }
        for index in 0..state.in_flight.len() {
            actions.push(Action::Land(index));
            actions.push(Action::Vanish(index));
        }
        for ordinal in state.ordinals() {
            let item = state.item(ordinal);
            let has_rules = state.rules.iter().any(|(of, _)| *of == ordinal);
            if state.closing.contains(&ordinal) {
                actions.push(Action::Close(ordinal));
            } else if item.members.is_empty()
                && item.is_open
                && state.balancers.contains(&ordinal)
                && !has_rules
            {
                actions.push(Action::SeeEmpty(ordinal));
            }
        }
    }

    fn next_state(&self, before: &Account, action: Action) -> Option<Account> {
        let mut state = before.clone();
        match action {
            Action::Ask(owner, phase) => {
                let asked = &mut state.owners[owner];
                asked.lives += u8::from(asked.phase == Phase::Absent);
                asked.phase = phase;
                asked.is_attempted = true;
            }
            Action::Succeed(owner) => state.owners[owner].is_attempted = true,
            Action::Step(owner) => {
                if let Some(call) = state.next_call(owner) {
                    state.perform(call, self.without);
                }
                state.arrive(owner);
            }
            Action::Die(owner) => {
                let call = state.next_call(owner)?;
                state.in_flight.push((Some(owner), call));
                state.in_flight.sort();
                state.owners[owner].is_attempted = false;
                state.deaths += 1;
            }
            Action::Land(index) => {
                let (_, call) = state.in_flight.remove(index);
                state.perform(call, self.without);
            }
            Action::Vanish(index) => {
                state.in_flight.remove(index);
            }
            Action::SeeEmpty(ordinal) => {
                state.closing.insert(ordinal);
            }
            Action::Close(ordinal) => {
                state.closing.remove(&ordinal);
                state.perform(Call::Close { ordinal }, self.without);
            }
        }
        state.in_flight.sort();
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("a service that serves is routed", |_, state: &Account| {
                state.owners.iter().enumerate().all(|(owner, known)| {
                    known.phase != Phase::Serving
                        || state.ordinal_of(owner).is_some_and(|ordinal| {
                            state.balancers.contains(&ordinal)
                                && state.rules.contains(&(ordinal, owner))
                        })
                })
            }),
            Property::always("what is gone has left nothing", |_, state: &Account| {
                state.owners.iter().enumerate().all(|(owner, known)| {
                    known.phase != Phase::Absent
                        || (state.rule_of(owner).is_none() && state.ordinal_of(owner).is_none())
                })
            }),
            Property::always("a service has one slot", |_, state: &Account| {
                (0..OWNERS).all(|owner| {
                    let holds =
                        |item: &&LoadBalancerItem| item.members.contains_key(&service(owner));
                    state.items.iter().filter(holds).count() <= 1
                })
            }),
            Property::always(
                "capacity holds, and slots are unique",
                |_, state: &Account| {
                    state.items.iter().all(|item| {
                        let slots: BTreeSet<u64> = item.members.values().copied().collect();
                        item.members.len() as u64 <= CAPACITY && slots.len() == item.members.len()
                    })
                },
            ),
            Property::sometimes("both serve", |_, state: &Account| {
                state
                    .owners
                    .iter()
                    .all(|owner| owner.phase == Phase::Serving)
            }),
            Property::sometimes(
                "a load balancer is closed and gone",
                |_, state: &Account| {
                    let is_gone = |ordinal: usize| !state.balancers.contains(&ordinal);
                    state
                        .ordinals()
                        .any(|at| !state.item(at).is_open && is_gone(at))
                },
            ),
        ]
    }

    /// Ordinals are bounded by what two owners with two lives each, and the claims that died, can use up.
    fn within_boundary(&self, state: &Account) -> bool {
        state.items.len() <= 5
    }
}

fn checked(without: Without, until: HasDiscoveries) -> impl Checker<Sharing> {
    let checker = Sharing { without }.checker().finish_when(until);
    let checker = checker.spawn_bfs().join();
    println!("{} states", checker.unique_state_count());
    checker
}

#[test]
fn sharing_holds_as_designed() {
    checked(Without::Nothing, HasDiscoveries::All).assert_properties();
}

#[test]
fn without_the_running_attempt_something_is_left_behind() {
    let broken = "what is gone has left nothing";
    let until = HasDiscoveries::AnyOf([broken].into());
    checked(Without::RunningAttempt, until).assert_any_discovery(broken);
}

#[test]
fn without_the_one_way_of_closed_a_service_loses_its_route() {
    let broken = "a service that serves is routed";
    let until = HasDiscoveries::AnyOf([broken].into());
    checked(Without::OneWayClosed, until).assert_any_discovery(broken);
}
