//! A history as data: what happens, and when.

use std::fmt;

use local_aws::fault::Fault;

use super::Drift;
use crate::changes::{Change, changes};
use crate::cloudformation::{FailedCreate, FailedReplacement, Template};
use crate::properties::{ENVIRONMENT_CANARY, ServiceProperties, web};

/// Logical ids that a stack's services have.
const LOGICAL_IDS: [&str; 2] = ["Web", "Api"];
/// Service names; few, so that stacks get into each other's way.
const NAMES: [&str; 5] = ["web", "shop", "api", "Billing_2", "search"];
/// Stacks of one history.
pub(super) const STACKS: usize = 3;

/// Everything that happens in one world.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    /// Where it comes from; also the seed of its world.
    pub seed: u64,
    /// Every event is delivered twice, the second time so many seconds later.
    pub redelivered_after_s: Option<u64>,
    /// What CloudFormation does after a replacing Update that failed.
    pub reaction: FailedReplacement,
    /// Whether stacks are deployed with `--disable-rollback`, and when what has failed to be created is deleted then.
    pub preserving: Option<FailedCreate>,
    /// Whether half of the attempts are of a newer version of the provider.
    pub two_versions: bool,
    /// Services on one load balancer at most; none for as many as in production.
    pub members_max: Option<u64>,
    /// What happens, in order.
    pub events: Vec<Timed>,
}

/// One event, and how long after the one before.
#[derive(Clone, Debug, PartialEq)]
pub struct Timed {
    /// Seconds.
    pub pause_s: u64,
    /// What happens.
    pub event: Event,
}

/// One event.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A stack is created, or updated to have exactly these services.
    Deploy {
        /// Which stack.
        stack: usize,
        /// Its services.
        services: Vec<Service>,
        /// Another resource of the stack fails so many seconds later.
        sibling_fails_after_s: Option<u64>,
    },
    /// A stack is updated with the properties that it has.
    UpdateUnchanged {
        /// Which stack.
        stack: usize,
    },
    /// A stack whose last operation has failed, and has taken nothing back, is rolled back.
    RollBack {
        /// Which stack.
        stack: usize,
    },
    /// A stack is deleted.
    Delete {
        /// Which stack.
        stack: usize,
    },
    /// Somebody changes a part of a service by hand.
    Drift {
        /// How.
        drift: Drift,
        /// Which of the things that there are.
        which: usize,
    },
    /// Somebody puts a rule on a listener of ours, where the next service's would be.
    ForeignRule,
    /// An event that was sent before is delivered once more.
    Redeliver {
        /// Which of those that were sent.
        which: usize,
    },
    /// A request that is waited for is issued once more.
    IssueAgain {
        /// Which of those that are waited for.
        which: usize,
    },
    /// Calls fail.
    Fault {
        /// Only those with this name.
        call: Option<&'static str>,
        /// So many pass before.
        first: u64,
        /// So many fail.
        times: u64,
        /// How.
        fault: Fault,
    },
    /// The sweeper runs.
    Sweep,
    /// The table is copied, once nothing is under way.
    BackUp,
    /// The table is set back to its copy, once nothing is under way.
    Restore,
}

/// A service in a template.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// Which of the logical ids.
    pub logical_id: usize,
    /// Which of the names; none for a generated one.
    pub name: Option<usize>,
    /// What its image does.
    pub image: Image,
    /// Which properties are not as usual: numbers in [`changes`].
    pub changes: Vec<usize>,
    /// In the cluster `prod` instead of `default`.
    pub is_in_prod: bool,
    /// Has a load balancer of its own.
    pub is_dedicated: bool,
    /// Has one that is reached from within the network only.
    pub is_internal: bool,
    /// The first of the two zones whose subnets it names; none to take what is usual.
    pub first_zone: Option<usize>,
}

/// What an image does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Image {
    Healthy,
    Unhealthy,
    Missing,
    Crashing,
}

impl History {
    /// Whether a service is ever to be reached from within the network only.
    pub(super) fn has_internal_services(&self) -> bool {
        self.services().any(|service| service.is_internal)
    }

    /// Whether a service ever names what is the account's own.
    pub(super) fn names_own_things(&self) -> bool {
        let mut changed = self.services().flat_map(Service::changed);
        changed.any(|change| change.names_own_things())
    }

    fn services(&self) -> impl Iterator<Item = &Service> {
        let deployed = self.events.iter().filter_map(|timed| match &timed.event {
            Event::Deploy { services, .. } => Some(services),
            _ => None,
        });
        deployed.flatten()
    }
}

impl Service {
    /// The plainest one.
    #[must_use]
    pub const fn plain(logical_id: usize, name: usize) -> Self {
        Self {
            logical_id,
            name: Some(name),
            image: Image::Healthy,
            changes: Vec::new(),
            is_in_prod: false,
            is_dedicated: false,
            is_internal: false,
            first_zone: None,
        }
    }

    fn changed(&self) -> Vec<Change> {
        let changes = changes();
        let numbers = self.changes.iter();
        numbers
            .map(|number| changes[number % changes.len()].clone())
            .collect()
    }

    fn properties(&self, subnets: &[String]) -> ServiceProperties {
        let mut properties = web().environment("SECRET", ENVIRONMENT_CANARY);
        properties = match self.name {
            Some(name) => properties.named(NAMES[name % NAMES.len()]),
            None => properties.without("ServiceName"),
        };
        for change in self.changed() {
            properties = change.after(properties);
        }
        match self.image {
            Image::Healthy => {}
            Image::Unhealthy => properties = properties.image("demo/unhealthy"),
            Image::Missing => properties = properties.image("demo/missing"),
            Image::Crashing => properties = properties.image("demo/crash"),
        }
        if self.is_in_prod {
            properties = properties.cluster("prod");
        }
        if self.is_dedicated {
            properties = properties.set("/LoadBalancer/Sharing", "DEDICATED");
        }
        if self.is_internal {
            properties = properties.set("/LoadBalancer/Scheme", "internal");
        }
        if let Some(first) = self.first_zone {
            let two = [0, 1].map(|next| subnets[(first + next) % subnets.len()].clone());
            properties = properties.set("/NetworkConfiguration/Subnets", two.to_vec());
        }
        properties
    }
}

/// The template with these services.
pub(super) fn template(
    services: &[Service],
    sibling_fails_after_s: Option<u64>,
    subnets: &[String],
) -> Template {
    let mut template = Template::empty();
    for service in services {
        let logical_id = LOGICAL_IDS[service.logical_id % LOGICAL_IDS.len()];
        template = template.with(logical_id, &service.properties(subnets));
    }
    match sibling_fails_after_s {
        Some(seconds) => template.sibling_fails_after(seconds),
        None => template,
    }
}

impl fmt::Display for History {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            seed,
            redelivered_after_s,
            reaction,
            preserving,
            two_versions,
            members_max,
            events,
        } = self;
        writeln!(formatter, "seed {seed}")?;
        if let Some(seconds) = redelivered_after_s {
            writeln!(
                formatter,
                "  every event is delivered again after {seconds} s"
            )?;
        }
        writeln!(formatter, "  after a failed replacement: {reaction:?}")?;
        if let Some(failed) = preserving {
            writeln!(
                formatter,
                "  what has succeeded is preserved; what has not been created is {failed:?}"
            )?;
        }
        if *two_versions {
            writeln!(
                formatter,
                "  a newer version of the provider takes half of the attempts"
            )?;
        }
        if let Some(most) = members_max {
            writeln!(formatter, "  a load balancer is full with {most} services")?;
        }
        for Timed { pause_s, event } in events {
            writeln!(formatter, "  +{pause_s:<4} s  {event}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Event {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deploy {
                stack,
                services,
                sibling_fails_after_s,
            } => {
                write!(formatter, "deploy stack-{stack}:")?;
                for service in services {
                    write!(formatter, " {service};")?;
                }
                match sibling_fails_after_s {
                    Some(seconds) => write!(formatter, " a sibling fails after {seconds} s"),
                    None => Ok(()),
                }
            }
            Self::UpdateUnchanged { stack } => write!(formatter, "update stack-{stack} unchanged"),
            Self::RollBack { stack } => write!(formatter, "roll stack-{stack} back"),
            Self::Delete { stack } => write!(formatter, "delete stack-{stack}"),
            Self::Drift { drift, which } => {
                write!(formatter, "by hand: {drift:?} of number {which}")
            }
            Self::ForeignRule => write!(formatter, "a foreign rule takes the next priority"),
            Self::Redeliver { which } => write!(formatter, "event number {which} arrives again"),
            Self::IssueAgain { which } => {
                write!(formatter, "request number {which} is issued again")
            }
            Self::Fault {
                call,
                first,
                times,
                fault,
            } => write!(
                formatter,
                "{fault:?} at {times} {} after {first}",
                call.unwrap_or("calls")
            ),
            Self::Sweep => write!(formatter, "the sweeper runs"),
            Self::BackUp => write!(formatter, "once all is quiet: the table is copied"),
            Self::Restore => write!(formatter, "once all is quiet: the table is set back"),
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let logical_id = LOGICAL_IDS[self.logical_id % LOGICAL_IDS.len()];
        let name = self
            .name
            .map_or("(generated)", |name| NAMES[name % NAMES.len()]);
        write!(formatter, "{logical_id} = {name}")?;
        if self.image != Image::Healthy {
            write!(formatter, " {:?}", self.image)?;
        }
        for change in self.changed() {
            write!(formatter, " {change}")?;
        }
        if self.is_in_prod {
            write!(formatter, " in prod")?;
        }
        if self.is_dedicated {
            write!(formatter, " dedicated")?;
        }
        if self.is_internal {
            write!(formatter, " internal")?;
        }
        match self.first_zone {
            Some(zone) => write!(formatter, " subnets from zone {zone}"),
            None => Ok(()),
        }
    }
}
