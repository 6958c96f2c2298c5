//! A history in a world of its own.

use std::collections::BTreeSet;

use futures::FutureExt;
use serde_json::{Value, json};

use super::drift::Untagged;
use super::history::{STACKS, template};
use super::{Event, History, account, ending, watch};
use crate::changes::make_own_things;
use crate::cloudformation::{Stack, StackOutcome, StackStatus};
use crate::executor::Handle;
use crate::network::private_subnets;
use crate::world::World;
use crate::{lambda, trace};

/// What came of a history in which everything held.
pub struct Played {
    /// What was played.
    history: History,
    /// Where.
    world: World,
    /// How each stack operation ended, in the order of the events.
    pub statuses: Vec<StackStatus>,
}

impl Played {
    /// All that happened, as text.
    #[must_use]
    pub fn trace(&self) -> String {
        format!("{}\n{}", self.history, trace::of(&self.world))
    }

    /// How many calls were made.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.world.history().calls().count()
    }
}

/// A stack, and what is under way with it.
struct Place {
    stack: Stack,
    busy: Option<Handle<StackOutcome>>,
    /// Calls that had changed something anywhere when its latest update to other properties began.
    changes_before: Option<usize>,
    /// How its latest operation ended.
    latest: Option<StackStatus>,
}

impl Place {
    /// Whether CloudFormation updates the stack: one whose deletion or rollback has failed can only be deleted.
    /// AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html> (status codes)
    fn takes_updates(&self) -> bool {
        match self.latest {
            Some(
                StackStatus::CreateComplete
                | StackStatus::UpdateComplete
                | StackStatus::UpdateRollbackComplete,
            ) => true,
            Some(
                StackStatus::CreateFailed
                | StackStatus::UpdateFailed
                | StackStatus::RollbackComplete
                | StackStatus::RollbackFailed
                | StackStatus::UpdateRollbackFailed
                | StackStatus::DeleteComplete
                | StackStatus::DeleteFailed,
            )
            | None => false,
        }
    }
}

/// A history being played.
pub(super) struct Player {
    pub(super) world: World,
    /// Those that templates name, in the order of their zones.
    subnets: Vec<String>,
    places: Vec<Place>,
    pub(super) watcher: watch::Shared,
    /// Tags that somebody took off.
    pub(super) untagged: Vec<Untagged>,
    /// Rules of somebody else on our listeners.
    pub(super) foreign_rules: Vec<String>,
    backup: Option<Vec<Value>>,
    /// Whether the table was set back: then it does not know what was made since.
    pub(super) is_restored: bool,
    /// Events that had been sent when it was set back last. It knows no more of some of them that they are over, and none
    /// arrives again so late.
    sent_before: usize,
    statuses: Vec<StackStatus>,
    /// Whether somebody has deleted a part of a service.
    has_lost_parts: bool,
}

/// Plays a history to its end, and then deletes every stack.
///
/// # Panics
/// When something does not hold.
#[must_use]
pub fn play(history: &History) -> Played {
    let world = World::seeded(history.seed);
    if let Some(seconds) = history.redelivered_after_s {
        world.deliver_again(&[std::time::Duration::from_secs(seconds)]);
    }
    if history.two_versions {
        world.two_versions(history.seed);
    }
    if let Some(most) = history.members_max {
        world.fill_with(most);
    }
    account::create_cluster(&world);
    let subnets = world.subnets();
    if history.has_internal_services() {
        let _private = private_subnets(&world);
    }
    if history.names_own_things() {
        make_own_things(&world);
        world.remember_foreign();
    }
    let before = world.inventory().without_what_stays();
    let places = (0..STACKS).map(|number| Place {
        stack: world
            .stack(&format!("stack-{number}"))
            .after_failed_replacement(history.reaction),
        busy: None,
        changes_before: None,
        latest: None,
    });
    let mut player = Player {
        subnets,
        places: places.collect(),
        watcher: watch::begin(&world),
        untagged: Vec::new(),
        foreign_rules: Vec::new(),
        backup: None,
        is_restored: false,
        sent_before: 0,
        statuses: Vec::new(),
        has_lost_parts: false,
        world,
    };
    for timed in &history.events {
        player.world.block_on(player.world.sleep_s(timed.pause_s));
        player.happen(&timed.event, history);
    }
    player.end_operations();
    player.world.faults().clear();
    player.world.settle();
    ending::check(&mut player, &before);
    Played {
        history: history.clone(),
        world: player.world,
        statuses: player.statuses,
    }
}

impl Player {
    fn happen(&mut self, event: &Event, history: &History) {
        match event {
            Event::Deploy {
                stack,
                services,
                sibling_fails_after_s,
            } => {
                let template = template(services, *sibling_fails_after_s, &self.subnets);
                self.begin_update(*stack, history, |stack| match history.preserving {
                    Some(failed) => stack.deploy_preserving(template, failed).boxed_local(),
                    None => stack.deploy(template).boxed_local(),
                });
                self.places[*stack].changes_before = Some(self.world.mutations().len());
            }
            Event::UpdateUnchanged { stack } => {
                if self.places[*stack]
                    .latest
                    .is_none_or(|it| !it.is_preserved())
                {
                    self.begin_update(*stack, history, |stack| {
                        stack.update_unchanged().boxed_local()
                    });
                }
            }
            Event::RollBack { stack } => {
                self.end_operation(*stack);
                let latest = self.places[*stack].latest;
                if latest.is_some_and(StackStatus::is_preserved) {
                    self.begin(*stack, history, |stack| stack.roll_back().boxed_local());
                }
            }
            Event::Delete { stack } => {
                self.begin(*stack, history, |stack| stack.delete().boxed_local());
            }
            Event::Drift { drift, which } => {
                if let Some(drifted) = drift.happen(&self.world, *which) {
                    let mut watcher = self.watcher.borrow_mut();
                    let is_untagged = drifted.untagged.is_some();
                    watcher.touch(drifted.owner_key, drift.misroutes(), is_untagged);
                    drop(watcher);
                    self.untagged.extend(drifted.untagged);
                    self.has_lost_parts |= drift.loses_a_part();
                }
            }
            Event::ForeignRule => self
                .foreign_rules
                .extend(account::create_foreign_rule(&self.world)),
            Event::Redeliver { which } => self.redeliver(*which),
            Event::IssueAgain { which } => self.issue_again(*which),
            Event::Fault {
                call,
                first,
                times,
                fault,
            } => {
                let rule = local_aws::fault::Rule::once(*call, *first, *fault).times(*times);
                self.world.faults().add(rule);
            }
            Event::Sweep => self.sweep(),
            Event::BackUp => {
                self.calm();
                self.backup = Some(crate::account::ledger(self.world.account()));
            }
            Event::Restore => {
                self.calm();
                if let Some(items) = &self.backup {
                    crate::account::set_ledger_back(self.world.account(), items);
                    self.world.lose_claims();
                    self.is_restored = true;
                    self.sent_before = self.world.history().sent().count();
                }
            }
        }
    }

    /// Begins to create or update a stack once its latest operation has ended; nothing, where CloudFormation refuses it.
    fn begin_update(
        &mut self,
        number: usize,
        history: &History,
        operation: impl FnOnce(Stack) -> futures::future::LocalBoxFuture<'static, StackOutcome>,
    ) {
        self.end_operation(number);
        let place = &self.places[number];
        let is_preserved = place.latest.is_some_and(StackStatus::is_preserved);
        if place.stack.is_empty() || place.takes_updates() || is_preserved {
            self.begin(number, history, operation);
        }
    }

    /// Begins an operation of a stack once its latest one has ended. A stack that is gone is made again as another.
    fn begin(
        &mut self,
        number: usize,
        history: &History,
        operation: impl FnOnce(Stack) -> futures::future::LocalBoxFuture<'static, StackOutcome>,
    ) {
        self.end_operation(number);
        let place = &mut self.places[number];
        if place.latest.is_some() && place.stack.is_empty() {
            let name = place.stack.name();
            place.stack = self
                .world
                .stack(&name)
                .after_failed_replacement(history.reaction);
        }
        let running = operation(place.stack.clone());
        place.busy = Some(self.world.spawn(running));
    }

    fn end_operation(&mut self, number: usize) {
        let place = &mut self.places[number];
        if let Some(busy) = place.busy.take() {
            let outcome = self.world.block_on(busy);
            place.latest = Some(outcome.status);
            self.statuses.push(outcome.status);
            let changes_before = place.changes_before.take();
            self.led_back(&outcome, changes_before);
        }
    }

    /// An update that is refused before anything is changed can be led back.
    ///
    /// A table that was set back knows of nothing that was made since; where a part is gone, its attribute is; and
    /// nothing is known while the ledger does not answer.
    fn led_back(&self, outcome: &StackOutcome, changes_before: Option<usize>) {
        let is_stuck = outcome.status == StackStatus::UpdateRollbackFailed;
        let has_changed = changes_before != Some(self.world.mutations().len());
        let seen = outcome.seen.iter();
        let reasons: Vec<&str> = seen.map(|seen| seen.reason.as_str()).collect();
        let is_without_ledger = reasons
            .iter()
            .any(|reason| crate::invariants::is_without_ledger(reason));
        if !is_stuck || has_changed || is_without_ledger || self.is_restored || self.has_lost_parts
        {
            return;
        }
        panic!(
            "an update that has changed nothing cannot be led back: {reasons:#?}\n{}",
            trace::of(&self.world)
        );
    }

    fn end_operations(&mut self) {
        (0..self.places.len()).for_each(|number| self.end_operation(number));
    }

    /// Until nothing is under way.
    fn calm(&mut self) {
        self.end_operations();
        self.world.settle();
    }

    fn redeliver(&self, which: usize) {
        let sent: Vec<String> = self
            .world
            .history()
            .sent()
            .skip(self.sent_before)
            .filter_map(|event| Some(event["RequestId"].as_str()?.to_owned()))
            .collect();
        if let Some(number) = which.checked_rem(sent.len()) {
            self.world.redeliver(&sent[number]);
        }
    }

    fn issue_again(&self, which: usize) {
        let history = self.world.history();
        let seen: BTreeSet<&str> = history
            .seen()
            .map(|seen| seen.request_id.as_str())
            .collect();
        let ids = history
            .sent()
            .filter_map(|event| event["RequestId"].as_str());
        let waited: Vec<String> = ids
            .filter(|id| !seen.contains(id))
            .map(str::to_owned)
            .collect();
        drop(history);
        if let Some(number) = which.checked_rem(waited.len()) {
            self.world.issue_again(&waited[number]);
        }
    }

    pub(super) fn sweep(&self) {
        let world = self.world.clone();
        self.world
            .spawn(async move { lambda::invoke(&world, json!({"sweep": true})).await });
    }

    /// Stacks that have resources.
    pub(super) fn standing(&self) -> Vec<Stack> {
        let stacks = self.places.iter().map(|place| &place.stack);
        stacks.filter(|stack| !stack.is_empty()).cloned().collect()
    }

    /// Stacks whose last operation left something to be done again.
    pub(super) fn unfinished(&self) -> Vec<Stack> {
        let places = self.places.iter().filter(|place| {
            matches!(
                place.latest,
                Some(
                    StackStatus::CreateFailed
                        | StackStatus::UpdateFailed
                        | StackStatus::RollbackFailed
                        | StackStatus::UpdateRollbackFailed
                        | StackStatus::DeleteFailed
                )
            )
        });
        places.map(|place| place.stack.clone()).collect()
    }

    /// Those of them that may be updated.
    pub(super) fn updatable(&self) -> Vec<Stack> {
        let places = self.places.iter().filter(|place| place.takes_updates());
        let stacks = places.map(|place| &place.stack);
        stacks
            .filter(|stack| !stack.resources().is_empty())
            .cloned()
            .collect()
    }
}
