//! Where the parts of a service are to be found: known from its properties, before its network is.

use provider_schema::Properties;

use crate::desired::{Desired, DesiredTaskDefinition, Environment, Identity, log_group_name};
use crate::naming;

/// What observing needs to know of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sought {
    /// Which service.
    pub identity: Identity,
    /// The zone of its alias record; none when DNS is managed elsewhere.
    pub hosted_zone_id: Option<String>,
    /// Its log group; none when a given task definition says where it logs.
    pub log_group: Option<String>,
    /// The family of which the newest revision is looked for, or the given task definition.
    pub task_definition: SoughtTaskDefinition,
}

/// Which task definition is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SoughtTaskDefinition {
    /// The newest revision of our family.
    Newest {
        /// The family.
        family: String,
    },
    /// The user's.
    Given(String),
}

impl Sought {
    /// What is looked for when `identity` is to be as `properties` say.
    #[must_use]
    pub fn new(identity: &Identity, environment: &Environment, properties: &Properties) -> Self {
        let given = properties.task_definition_arn.clone();
        Self {
            identity: identity.clone(),
            hosted_zone_id: environment.hosted_zone_id.clone(),
            log_group: given
                .is_none()
                .then(|| log_group_name(identity, properties.primary_container.as_ref())),
            task_definition: given.map_or_else(
                || SoughtTaskDefinition::Newest {
                    family: naming::family(&identity.service, &identity.service_arn),
                },
                SoughtTaskDefinition::Given,
            ),
        }
    }

    /// The same, once it is decided what the service is to be.
    #[must_use]
    pub fn of(desired: &Desired) -> Self {
        Self {
            identity: desired.identity.clone(),
            hosted_zone_id: desired.environment.hosted_zone_id.clone(),
            log_group: desired.log_group.as_ref().map(|spec| spec.name.clone()),
            task_definition: match &desired.task_definition {
                DesiredTaskDefinition::Ours(spec) => SoughtTaskDefinition::Newest {
                    family: spec.family.clone(),
                },
                DesiredTaskDefinition::Given(arn) => SoughtTaskDefinition::Given(arn.clone()),
            },
        }
    }
}
