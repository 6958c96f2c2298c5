//! Scenarios: what happens to one stack, as data, so that a test can run one under every fault.

use std::time::Duration;

use local_aws::fault::Rule;

use crate::cloudformation::{
    FailedReplacement, LOGICAL_ID, Seen, StackOutcome, StackStatus, Template,
};
use crate::invariants;
use crate::properties::ServiceProperties;
use crate::trace;
use crate::world::World;

/// What happens to one stack, in order.
#[derive(Clone, Debug)]
pub struct Scenario {
    steps: Vec<Step>,
    reaction: FailedReplacement,
    redeliveries: Vec<Duration>,
}

#[derive(Clone, Debug)]
enum Step {
    Deploy(Template),
    UpdateUnchanged,
    Delete,
    /// Everything that is under way ends.
    Settle,
    Fault(Rule),
    Redeliver(usize),
    /// The provider gets another certificate.
    RenewCertificate,
}

/// What came of a scenario.
pub struct Run {
    /// The world as it was left.
    pub world: World,
    /// What became of each stack operation.
    pub outcomes: Vec<StackOutcome>,
}

impl Scenario {
    /// Nothing happens.
    #[must_use]
    pub fn new() -> Self {
        Self {
            steps: Vec::new(),
            reaction: FailedReplacement::DeleteAnsweredId,
            redeliveries: Vec::new(),
        }
    }

    /// The stack is created with one service.
    #[must_use]
    pub fn create(self, properties: ServiceProperties) -> Self {
        self.then_deploy(Template::of(&properties))
    }

    /// The service's properties change.
    #[must_use]
    pub fn then_update(self, properties: ServiceProperties) -> Self {
        self.then_deploy(Template::of(&properties))
    }

    /// The stack is created or updated.
    #[must_use]
    pub fn then_deploy(self, template: Template) -> Self {
        self.then(Step::Deploy(template))
    }

    /// An Update arrives that changes nothing.
    #[must_use]
    pub fn then_update_unchanged(self) -> Self {
        self.then(Step::UpdateUnchanged)
    }

    /// The stack is deleted.
    #[must_use]
    pub fn then_delete(self) -> Self {
        self.then(Step::Delete)
    }

    /// What is still under way ends before the next step: waiters, pool operations.
    #[must_use]
    pub fn then_settle(self) -> Self {
        self.then(Step::Settle)
    }

    /// The provider's stack is updated with another certificate.
    #[must_use]
    pub fn then_renew_certificate(self) -> Self {
        self.then(Step::RenewCertificate)
    }

    /// From here on a fault is in force.
    #[must_use]
    pub fn with_fault(self, rule: Rule) -> Self {
        self.then(Step::Fault(rule))
    }

    /// The event of the request with this number, from 0, arrives again.
    #[must_use]
    pub fn then_redeliver(self, request: usize) -> Self {
        self.then(Step::Redeliver(request))
    }

    /// Every event arrives again, each time so much later.
    #[must_use]
    pub fn delivered_again(mut self, later: &[Duration]) -> Self {
        self.redeliveries = later.to_vec();
        self
    }

    /// What follows a replacing Update that failed.
    #[must_use]
    pub fn after_failed_replacement(mut self, reaction: FailedReplacement) -> Self {
        self.reaction = reaction;
        self
    }

    /// Runs it in a new world.
    #[must_use]
    pub fn run(&self) -> Run {
        self.run_in(World::new())
    }

    /// Runs it in `world`, until nothing is under way any more, and checks that every request was answered.
    #[must_use]
    pub fn run_in(&self, world: World) -> Run {
        world.deliver_again(&self.redeliveries);
        let stack = world.stack("app").after_failed_replacement(self.reaction);
        let mut outcomes = Vec::new();
        for step in &self.steps {
            match step {
                Step::Deploy(template) => outcomes.push(stack.deploy_now(template.clone())),
                Step::UpdateUnchanged => outcomes.push(stack.update_unchanged_now()),
                Step::Delete => outcomes.push(stack.delete_now()),
                Step::Settle => world.settle(),
                Step::RenewCertificate => drop(world.renew_certificate()),
                Step::Fault(rule) => world.faults().add(rule.clone()),
                Step::Redeliver(number) => {
                    let sent = world
                        .history()
                        .sent()
                        .nth(*number)
                        .cloned()
                        .unwrap_or_default();
                    world.redeliver(sent["RequestId"].as_str().unwrap_or_default());
                    world.settle();
                }
            }
        }
        world.settle();
        invariants::check_all_answered(&world);
        Run { world, outcomes }
    }

    fn then(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }
}

impl Default for Scenario {
    fn default() -> Self {
        Self::new()
    }
}

impl Run {
    /// How each stack operation ended.
    #[must_use]
    pub fn statuses(&self) -> Vec<StackStatus> {
        self.outcomes.iter().map(|outcome| outcome.status).collect()
    }

    /// What CloudFormation saw of every request of the only service, oldest first.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        let seen = self.outcomes.iter().flat_map(|outcome| outcome.seen.iter());
        seen.filter(|seen| seen.logical_id == LOGICAL_ID)
            .cloned()
            .collect()
    }

    /// The history as text.
    #[must_use]
    pub fn trace(&self) -> String {
        trace::of(&self.world)
    }

    /// Calls that changed something outside the ledger, so far.
    #[must_use]
    pub fn mutations(&self) -> Vec<String> {
        self.world.mutations()
    }
}
