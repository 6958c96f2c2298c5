//! One simulated account with the provider installed, and everything that calls it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::{AsyncSleep, SharedAsyncSleep};
use aws_smithy_async::time::{SharedTimeSource, TimeSource};
use aws_smithy_runtime_api::client::http::{HttpClient, SharedHttpConnector};
use express_core::claim::pool::MEMBERS_MAX;
use express_core::naming::TAG_PROVIDER;
use express_handler::Runtime;
use express_handler::aws::AwsClients;
use express_handler::clock::Clock;
use express_handler::settings::Settings;
use local_aws::clock::VirtualClock;
use local_aws::connector::InProcess;
use local_aws::random::Random;
use local_aws::{Account, LocalAws};
use serde_json::Value;

use crate::account::{Inventory, Kind};
use crate::cloudformation::{Answers, Stack, StackStatus, Template, issued_again};
use crate::executor::{Executor, Handle, Stuck};
use crate::gate::{Gate, Version};
use crate::history::{Event, History, lock};
use crate::invariants::FirstAnswers;
use crate::lambda::{self, Function, Process};
use crate::logs::Logs;
use crate::properties::ServiceProperties;
use crate::recording;
use crate::waiter;

pub mod provider;

use provider::Provider;

/// When every world begins: 2026-01-01T00:00:00Z, in milliseconds since the epoch.
pub const BEGINNING_MS: u64 = 1_767_225_600_000;
/// The account of every world.
pub const ACCOUNT_ID: &str = "123456789012";
/// Its region.
pub const REGION: &str = "eu-west-1";

/// What may be different from the last time that it was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Changed {
    /// Attempts have only looked.
    Nothing,
    /// The ledger, executions and answers.
    Ledger,
    /// Everything.
    Resources,
}

/// Looks at a world after each attempt; says what does not hold. The inventory is there after those that may have changed
/// something.
pub type Watch = Rc<dyn Fn(&World, Option<&Inventory>) -> Vec<String>>;

/// A clock that does not show what the others do.
#[derive(Debug)]
struct Skewed {
    clock: VirtualClock,
    offset: Duration,
    is_fast: bool,
}

impl TimeSource for Skewed {
    fn now(&self) -> SystemTime {
        let now = self.clock.now();
        if self.is_fast {
            now + self.offset
        } else {
            now - self.offset
        }
    }
}

/// A world. Clones share it.
#[derive(Clone)]
pub struct World(Rc<Shared>);

struct Shared {
    account: LocalAws,
    clock: VirtualClock,
    executor: Executor,
    function: Function,
    processes: RefCell<Vec<Process>>,
    provider: Provider,
    configured: RefCell<BTreeMap<&'static str, String>>,
    history: Arc<Mutex<History>>,
    logs: Logs,
    random: Arc<Mutex<Random>>,
    answers: Answers,
    foreign: RefCell<Inventory>,
    watch: RefCell<Option<Watch>>,
    has_lost_claims: Cell<bool>,
    is_observed: bool,
    attempts: Cell<u64>,
    calls_checked: Cell<usize>,
    logs_checked: Cell<usize>,
    executions_seen: Cell<usize>,
    dead_letters: RefCell<Vec<Value>>,
    redeliveries: RefCell<Vec<Duration>>,
    clocks_differ: Cell<Duration>,
    versions: RefCell<Option<Random>>,
    processes_begun: Cell<u64>,
    attempts_per_check: Cell<u64>,
    members_max: Cell<u64>,
    first_answers: RefCell<FirstAnswers>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        recording::record(&self.account);
    }
}

impl World {
    /// The default VPC, the provider and nothing else.
    #[must_use]
    pub fn new() -> Self {
        Self::seeded(1)
    }

    /// The same with other identifiers and other jitter.
    ///
    /// # Panics
    /// When the account refuses what the provider's installation makes.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        let world = Self::build(seed, lambda::handler(), Provider::install);
        world.remember_foreign();
        world
    }

    /// A world whose function is `function` and whose account has the ledger's table only: for tests of
    /// the driver itself.
    #[must_use]
    pub fn with_function(function: Function) -> Self {
        Self::build(1, function, |account, _| Provider::uninstalled(account))
    }

    fn build(
        seed: u64,
        function: Function,
        install: impl FnOnce(&LocalAws, &VirtualClock) -> Provider,
    ) -> Self {
        // The SDK draws the jitter of its retries from this generator of the thread.
        fastrand::seed(seed);
        let clock = VirtualClock::starting_at(BEGINNING_MS);
        let account = LocalAws::new(local_aws::Settings {
            account: Account {
                id: ACCOUNT_ID.to_owned(),
                region: REGION.to_owned(),
                partition: "aws".to_owned(),
            },
            clock: local_aws::clock::Clock::Virtual(clock.clone()),
            seed,
        });
        account.demand_tag(TAG_PROVIDER);
        let provider = install(&account, &clock);
        Self(Rc::new(Shared {
            executor: Executor::new(clock.clone()),
            is_observed: provider.has_services,
            account,
            clock,
            function,
            processes: RefCell::default(),
            provider,
            configured: RefCell::default(),
            history: Arc::default(),
            logs: Logs::default(),
            random: Arc::new(Mutex::new(Random::seeded(seed.wrapping_add(1)))),
            answers: Answers::default(),
            foreign: RefCell::default(),
            watch: RefCell::default(),
            has_lost_claims: Cell::default(),
            attempts: Cell::default(),
            calls_checked: Cell::default(),
            logs_checked: Cell::default(),
            executions_seen: Cell::default(),
            dead_letters: RefCell::default(),
            redeliveries: RefCell::default(),
            clocks_differ: Cell::default(),
            versions: RefCell::default(),
            processes_begun: Cell::default(),
            attempts_per_check: Cell::new(1),
            members_max: Cell::new(MEMBERS_MAX),
            first_answers: RefCell::default(),
        }))
    }

    /// The simulated account.
    #[must_use]
    pub fn account(&self) -> &LocalAws {
        &self.0.account
    }

    /// What the provider's installation made.
    #[must_use]
    pub fn provider(&self) -> &Provider {
        &self.0.provider
    }

    /// What the handler logged.
    #[must_use]
    pub fn logs(&self) -> &Logs {
        &self.0.logs
    }

    /// What happened so far.
    pub fn history(&self) -> MutexGuard<'_, History> {
        lock(&self.0.history)
    }

    /// Events that Lambda gave up on: what the failure queue of `templates/provider.yaml` holds.
    #[must_use]
    pub fn dead_letters(&self) -> &RefCell<Vec<Value>> {
        &self.0.dead_letters
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        self.0.clock.now_ms()
    }

    /// A stack that does not exist yet.
    #[must_use]
    pub fn stack(&self, name: &str) -> Stack {
        Stack::new(self.clone(), name)
    }

    /// A stack with one service, at rest.
    ///
    /// # Panics
    /// When the service cannot be created.
    #[must_use]
    pub fn with_service(&self, stack: &str, properties: &ServiceProperties) -> Stack {
        let stack = self.stack(stack);
        let outcome = stack.deploy_now(Template::of(properties));
        let reason = &outcome.first().reason;
        assert_eq!(outcome.status, StackStatus::CreateComplete, "{reason}");
        self.settle();
        stack
    }

    /// Calls so far that changed something outside the ledger.
    #[must_use]
    pub fn mutations(&self) -> Vec<String> {
        let history = self.history();
        let calls = history.calls().filter(|call| call.recorded.mutates());
        calls.map(|call| call.recorded.name()).collect()
    }

    /// The ECS service that is active, as ECS describes it.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn active_service(&self) -> Value {
        let inventory = self.inventory();
        let mut services = inventory.of(Kind::EcsService).map(|(_, item)| item);
        let active = services.find(|item| item.description["status"] == "ACTIVE");
        active
            .unwrap_or_else(|| panic!("no service is active"))
            .description
            .clone()
    }

    /// The container of the revision that this service runs.
    ///
    /// # Panics
    /// When there is no such service.
    #[must_use]
    pub fn active_container(&self) -> Value {
        let task_definition = self.active_service()["taskDefinition"].clone();
        let inventory = self.inventory();
        let mut revisions = inventory.of(Kind::TaskDefinition);
        let (_, revision) = revisions
            .find(|(arn, _)| *arn == task_definition)
            .unwrap_or_else(|| panic!("{task_definition} is not registered"));
        revision.description["containerDefinitions"][0].clone()
    }

    /// The subnets, in the order of their zones: the default ones, unless somebody has made others.
    #[must_use]
    pub fn subnets(&self) -> Vec<String> {
        let cloud = self.0.account.cloud();
        let mut by_zone: Vec<_> = cloud.ec2.subnets.values().collect();
        by_zone.sort_by(|one, other| one.zone.cmp(&other.zone));
        by_zone.iter().map(|subnet| subnet.id.clone()).collect()
    }

    /// A stack that existed before, by its id; what it consisted of is not known any more.
    #[must_use]
    pub fn stack_of(&self, name: &str, id: &str) -> Stack {
        Stack::with_id(self.clone(), name, id.to_owned())
    }

    /// Delivers every event again, each time so much `later`: Lambda's promise is at least once.
    pub fn deliver_again(&self, later: &[Duration]) {
        *self.0.redeliveries.borrow_mut() = later.to_vec();
    }

    /// Every other process of the function has a clock that is fast by this much, the others one that is slow.
    pub fn clocks_differ_by(&self, offset: Duration) {
        self.0.clocks_differ.set(offset);
    }

    /// From now on a load balancer is full with so many services; before any process begins.
    pub fn fill_with(&self, members: u64) {
        self.0.members_max.set(members);
    }

    /// Services on one load balancer at most.
    #[must_use]
    pub fn members_max(&self) -> u64 {
        self.0.members_max.get()
    }

    /// From now on about half of the attempts are of a newer version of the provider, at random.
    pub fn two_versions(&self, seed: u64) {
        self.0.versions.replace(Some(Random::seeded(seed)));
    }

    /// The version that the next attempt is of.
    pub(crate) fn version(&self) -> Version {
        let mut versions = self.0.versions.borrow_mut();
        let is_newer = versions.as_mut().map(|random| random.bytes()[0] % 2 == 0);
        is_newer.map_or(Version::Only, |is_newer| match is_newer {
            true => Version::Newer,
            false => Version::Older,
        })
    }

    /// Delivers the event of an earlier request again, now.
    ///
    /// # Panics
    /// When no request has this id.
    pub fn redeliver(&self, request_id: &str) {
        let event = self
            .history()
            .sent()
            .find(|event| event["RequestId"] == request_id)
            .cloned();
        let event = event.unwrap_or_else(|| panic!("no request has the id {request_id}"));
        self.spawn(lambda::deliver(self.clone(), event));
    }

    /// Issues a request that is waited for once more under the same id, as CloudFormation may when it is not certain that it
    /// was taken. <https://github.com/aws-amplify/amplify-category-api/pull/3521>
    ///
    /// # Panics
    /// When no request has this id.
    pub fn issue_again(&self, request_id: &str) {
        let event = self
            .history()
            .sent()
            .find(|event| event["RequestId"] == request_id)
            .map(|event| issued_again(event, self.now_ms()));
        let event = event.unwrap_or_else(|| panic!("no request has the id {request_id}"));
        self.deliver(event);
    }

    /// Sends an event that no stack waits for, once.
    pub fn deliver(&self, event: Value) {
        self.history().events.push(Event::Sent {
            at_ms: self.now_ms(),
            event: event.clone(),
        });
        self.spawn(lambda::deliver(self.clone(), event));
    }

    /// Runs until `future` has ended; other tasks go on meanwhile and stay where they are then.
    ///
    /// # Panics
    /// When that never comes.
    pub fn block_on<T: 'static>(&self, future: impl Future<Output = T> + 'static) -> T {
        let handle = self.spawn(future);
        let ended = self.0.executor.block_on(&handle, &|| self.after_round());
        ended.unwrap_or_else(|stuck| self.is_stuck(stuck))
    }

    /// Runs until nothing is under way: deliveries, waiters, pool operations.
    ///
    /// # Panics
    /// When that never comes.
    pub fn settle(&self) {
        let ended = self.0.executor.run_to_end(&|| self.after_round());
        ended.unwrap_or_else(|stuck| self.is_stuck(stuck));
    }

    fn is_stuck(&self, stuck: Stuck) -> ! {
        panic!("{stuck}\n{}", crate::trace::of(self));
    }

    /// Adds a task.
    pub fn spawn<T: 'static>(&self, future: impl Future<Output = T> + 'static) -> Handle<T> {
        self.0.executor.spawn(future)
    }

    /// Returns after `seconds` of this world's time.
    pub fn sleep_s(&self, seconds: u64) -> impl Future<Output = ()> + 'static {
        self.0.clock.sleep(Duration::from_secs(seconds))
    }

    /// Takes everything in the account that does not carry our tags for somebody else's: from now on each
    /// attempt must leave it as it is.
    pub fn remember_foreign(&self) {
        let inventory = Inventory::observe(self);
        self.0.foreign.replace(inventory.foreign());
    }

    /// Takes one more thing for somebody else's, although it is among ours.
    pub fn remember_as_foreign(&self, kind: Kind, id: &str) {
        let mut inventory = Inventory::observe(self);
        let key = (kind, id.to_owned());
        if let Some(item) = inventory.items.remove(&key) {
            self.0.foreign.borrow_mut().items.insert(key, item);
        }
    }

    /// Whoever made a thing may change or delete it.
    pub fn forget_foreign(&self, kind: Kind, id: &str) {
        let key = (kind, id.to_owned());
        self.0.foreign.borrow_mut().items.remove(&key);
    }

    /// Has further things looked at after each attempt. The watch must not hold the world.
    pub fn watch(&self, watch: Watch) {
        self.0.watch.replace(Some(watch));
    }

    pub(crate) fn watched(&self, inventory: Option<&Inventory>) -> Vec<String> {
        let watch = self.0.watch.borrow().clone();
        watch.map_or_else(Vec::new, |watch| watch(self, inventory))
    }

    /// The ledger has been set back: what has no tag may be claimed by nobody from now on.
    pub fn lose_claims(&self) {
        self.0.has_lost_claims.set(true);
    }

    pub(crate) fn has_lost_claims(&self) -> bool {
        self.0.has_lost_claims.get()
    }

    /// A seeded random text of lower-case hexadecimal digits.
    #[must_use]
    pub fn random_hex(&self, digits: usize) -> String {
        lock(&self.0.random).hex(digits)
    }

    /// A seeded random UUID.
    #[must_use]
    pub fn random_uuid(&self) -> String {
        lock(&self.0.random).uuid()
    }

    /// The ARN of the function, as a template's `ServiceToken` has it.
    #[must_use]
    pub fn function_arn(&self) -> String {
        format!("arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:express")
    }

    pub(crate) fn foreign(&self) -> std::cell::Ref<'_, Inventory> {
        self.0.foreign.borrow()
    }

    /// Checks the invariants after one attempt of so many only: with a thousand services a check costs more than
    /// the attempt before it.
    pub fn check_invariants_every(&self, attempts: u64) {
        self.0.attempts_per_check.set(attempts);
    }

    pub(crate) fn first_answers(&self) -> &RefCell<FirstAnswers> {
        &self.0.first_answers
    }

    /// Whether the invariants are to be checked after this attempt.
    pub(crate) fn is_checked_after(&self, attempt: u64) -> bool {
        attempt.is_multiple_of(self.0.attempts_per_check.get())
    }

    /// Whether the account's services are there to be looked at.
    pub(crate) fn is_observed(&self) -> bool {
        self.0.is_observed
    }

    /// What the calls that were carried out since this was last asked may have changed; also one that landed after its
    /// attempt had died.
    pub(crate) fn changed_since_check(&self) -> Changed {
        let recorder = self.0.account.recorder();
        // The recorder forgets its oldest calls when it is full: what is unknown may have changed.
        match recorder.since(self.0.calls_checked.replace(recorder.count())) {
            None => Changed::Resources,
            Some(calls) if calls.iter().any(|call| call.mutates()) => Changed::Resources,
            Some(calls) if calls.iter().all(|call| call.reads()) => Changed::Nothing,
            Some(_) => Changed::Ledger,
        }
    }

    /// What was logged since this was last asked.
    pub(crate) fn logged_since_check(&self) -> String {
        let (lines, end) = self.0.logs.since(self.0.logs_checked.get());
        self.0.logs_checked.set(end);
        lines
    }

    pub(crate) fn function(&self) -> &Function {
        &self.0.function
    }

    pub(crate) fn answers(&self) -> &Answers {
        &self.0.answers
    }

    /// A process that has nothing to do, or a new one.
    pub(crate) fn take_process(&self) -> Process {
        if let Some(process) = self.0.processes.borrow_mut().pop() {
            return process;
        }
        let gate = Gate::new(
            self.0.account.clone(),
            self.0.executor.round(),
            Arc::clone(&self.0.history),
        );
        let runtime = Rc::new(self.runtime(gate.clone()));
        Process { gate, runtime }
    }

    /// What a process of the function has, for tests that do something in its place.
    #[must_use]
    pub fn runtime_of_a_process(&self) -> Rc<Runtime> {
        self.take_process().runtime
    }

    /// Keeps a process for the next invocation, unless the function was configured otherwise since it began.
    pub(crate) fn keep_process(&self, process: Process) {
        let is_as_begun = self.0.configured.borrow().is_empty();
        if !is_as_begun && process.runtime.settings != self.settings() {
            return;
        }
        self.0.processes.borrow_mut().push(process);
    }

    /// Lambda ends the processes that have nothing to do, as when the function is updated.
    pub fn end_idle_processes(&self) {
        self.0.processes.borrow_mut().clear();
    }

    pub(crate) fn next_attempt(&self) -> u64 {
        self.0.attempts.set(self.0.attempts.get() + 1);
        self.0.attempts.get()
    }

    /// Sends a request's event as CloudFormation does.
    pub(crate) fn send(&self, event: Value) {
        for later in self.0.redeliveries.borrow().clone() {
            let (world, again) = (self.clone(), event.clone());
            self.spawn(async move {
                world.sleep_s(later.as_secs()).await;
                lambda::deliver(world, again).await;
            });
        }
        self.deliver(event);
    }

    /// Hands arrived answers to the stacks that wait for them, and begins to carry on new executions.
    fn after_round(&self) {
        let cloud = self.0.account.cloud();
        self.0
            .answers
            .collect(&cloud.response_sink.received, self.now_ms());
        let seen = self.0.executions_seen.get();
        let started = cloud.sfn.executions.iter().enumerate().skip(seen);
        let started: Vec<_> = started
            .map(|(index, execution)| (index, execution.clone()))
            .collect();
        self.0.executions_seen.set(cloud.sfn.executions.len());
        drop(cloud);
        for (index, execution) in started {
            self.spawn(waiter::carry_on(self.clone(), index, execution));
        }
    }

    /// Clients of somebody who only looks: their calls belong to no attempt.
    #[must_use]
    pub fn clients(&self) -> AwsClients {
        self.clients_through(InProcess::new(self.0.account.clone()))
    }

    fn clients_through(&self, client: impl HttpClient + 'static) -> AwsClients {
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(REGION))
            .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
                "AKIAIOSFODNN7EXAMPLE",
                "secret",
                None,
                None,
                "tests",
            )))
            .http_client(client)
            .time_source(SharedTimeSource::new(self.0.clock.clone()))
            .sleep_impl(SharedAsyncSleep::new(self.0.clock.clone()))
            .build();
        AwsClients::new(&config)
    }

    /// What a new process of the function has.
    fn runtime(&self, gate: Gate) -> Runtime {
        Runtime {
            aws: self.clients_through(gate.clone()),
            settings: self.settings(),
            clock: self.handler_clock(),
            connector: SharedHttpConnector::new(gate),
        }
    }

    fn settings(&self) -> Settings {
        let settings = Settings::from_environment(|name| self.environment(name))
            .unwrap_or_else(|error| panic!("the provider's environment is wrong: {error}"));
        Settings {
            members_max: self.members_max(),
            ..settings
        }
    }

    /// The clock of a new process.
    fn handler_clock(&self) -> Clock {
        let random = Arc::clone(&self.0.random);
        let number = self.0.processes_begun.get();
        self.0.processes_begun.set(number + 1);
        let time = Skewed {
            clock: self.0.clock.clone(),
            offset: self.0.clocks_differ.get(),
            is_fast: number.is_multiple_of(2),
        };
        Clock::new(
            SharedTimeSource::new(time),
            SharedAsyncSleep::new(self.0.clock.clone()),
            Arc::new(move |buffer| {
                let mut random = lock(&random);
                for piece in buffer.chunks_mut(32) {
                    let drawn = random.bytes();
                    piece.copy_from_slice(&drawn[..piece.len()]);
                }
            }),
        )
    }

    /// What is in the account now.
    #[must_use]
    pub fn inventory(&self) -> Inventory {
        Inventory::observe(self)
    }

    /// The clock, for tests that move it themselves.
    #[must_use]
    pub fn clock(&self) -> &VirtualClock {
        &self.0.clock
    }

    /// The rules that make calls fail.
    pub fn faults(&self) -> MutexGuard<'_, local_aws::fault::Faults> {
        self.0.account.faults()
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}
