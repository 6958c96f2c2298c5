//! What happens to a stack from its creation to its deletion.

use std::time::Duration;

use serde_json::json;

use crate::cloudformation::FailedReplacement;
use crate::network::private_subnets;
use crate::properties::lifecycle_hook;
use crate::{Scenario, ServiceProperties, Template, World, web};

/// An image that works, and is another than [`web`]'s.
const OTHER_IMAGE: &str = "public.ecr.aws/nginx/nginx:1.28";
/// When something else in the stack fails: while the service is made, while it deploys, when it is long done.
const WHILE_MADE_S: u64 = 5;
const WHILE_DEPLOYED_S: u64 = 90;
const WHEN_DONE_S: u64 = 1_500;
/// When an event comes a second time: while the first is worked on.
const AGAIN: Duration = Duration::from_secs(31);

/// One story, and what it needs.
pub struct Journey {
    /// For reports and the command line.
    pub name: &'static str,
    pub(super) scenario: fn() -> Scenario,
    pub(super) prepare: fn(&World),
    /// When each event comes a second time.
    pub(super) again: Option<Duration>,
}

const fn journey(name: &'static str, scenario: fn() -> Scenario) -> Journey {
    Journey {
        name,
        scenario,
        prepare: |_| {},
        again: None,
    }
}

impl Journey {
    /// In an account that has private subnets, too.
    const fn with_private_subnets(mut self) -> Self {
        self.prepare = |world| drop(private_subnets(world));
        self
    }

    /// In an account in which a load balancer is full with one service.
    const fn with_small_load_balancers(mut self) -> Self {
        self.prepare = |world| world.fill_with(1);
        self
    }

    /// Every event comes twice.
    const fn with_events_twice(mut self) -> Self {
        self.again = Some(AGAIN);
        self
    }

    /// By its name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        JOURNEYS.iter().find(|journey| journey.name == name)
    }
}

/// All of them.
pub const JOURNEYS: &[Journey] = &[
    journey("life", life),
    journey("deployment", || updated(web().image(OTHER_IMAGE))),
    journey("port", || {
        updated(web().set("/PrimaryContainer/ContainerPort", 8080))
    }),
    journey("rolling", || {
        let rolling = |image: &str| quick().image(image).set("/Deployment/Strategy", "ROLLING");
        Scenario::new()
            .create(rolling("demo/web"))
            .then_update(rolling(OTHER_IMAGE))
            .then_delete()
    }),
    journey("test-traffic", || {
        let tested = json!({"HeaderName": "X-Test", "HeaderValue": "new"});
        updated(
            quick()
                .image(OTHER_IMAGE)
                .set("/Deployment/TestTraffic", tested),
        )
    }),
    journey("lifecycle-hook", || {
        let hooks = json!([lifecycle_hook("check", &["POST_SCALE_UP"])]);
        updated(
            quick()
                .image(OTHER_IMAGE)
                .set("/Deployment/LifecycleHooks", hooks),
        )
    }),
    journey("certificate", || {
        created()
            .then_renew_certificate()
            .then_update_unchanged()
            .then_settle()
            .then_delete()
    }),
    journey("create-fails", || {
        Scenario::new().create(web().image("demo/crash"))
    }),
    journey("create-cancelled", create_cancelled),
    journey("create-undone", || {
        Scenario::new().then_deploy(Template::of(&web()).sibling_fails_after(WHEN_DONE_S))
    }),
    journey("update-fails", || updated(web().image("demo/missing"))),
    journey("update-cancelled", || {
        let other = Template::of(&web().image(OTHER_IMAGE));
        created()
            .then_deploy(other.sibling_fails_after(WHILE_DEPLOYED_S))
            .then_settle()
            .then_delete()
    }),
    journey("replaced", replaced),
    journey("replaced-with-events-twice", replaced).with_events_twice(),
    journey("create-cancelled-with-events-twice", create_cancelled).with_events_twice(),
    journey("replacement-fails-and-is-deleted", || {
        failed_replacement(FailedReplacement::DeleteAnsweredId)
    }),
    journey("replacement-fails-and-is-undone", || {
        failed_replacement(FailedReplacement::UpdateBack)
    }),
    journey("two-services", two_services),
    journey("two-load-balancers", two_services).with_small_load_balancers(),
    journey("events-twice", life).with_events_twice(),
    journey("dedicated", || {
        Scenario::new()
            .create(dedicated())
            .then_settle()
            .then_delete()
    }),
    journey("internal", || {
        Scenario::new()
            .create(internal())
            .then_settle()
            .then_delete()
    })
    .with_private_subnets(),
    journey("moved-to-its-own", || updated(dedicated())),
    journey("moved-inside", || updated(internal())).with_private_subnets(),
    journey("move-cancelled", || {
        let moved = Template::of(&dedicated()).sibling_fails_after(WHILE_DEPLOYED_S);
        created().then_deploy(moved).then_settle().then_delete()
    }),
];

fn created() -> Scenario {
    Scenario::new().create(web()).then_settle()
}

/// A Create, an Update without a deployment, a Delete.
pub fn life() -> Scenario {
    created()
        .then_update(web().health_check_path("/up"))
        .then_delete()
}

fn updated(properties: ServiceProperties) -> Scenario {
    created()
        .then_update(properties)
        .then_settle()
        .then_delete()
}

fn create_cancelled() -> Scenario {
    Scenario::new().then_deploy(Template::of(&web()).sibling_fails_after(WHILE_MADE_S))
}

fn replaced() -> Scenario {
    updated(web().named("shop"))
}

fn two_services() -> Scenario {
    let two = |api: ServiceProperties| Template::of(&web()).with("Api", &api.named("api"));
    Scenario::new()
        .then_deploy(two(web()))
        .then_settle()
        .then_deploy(two(web().health_check_path("/up")))
        .then_delete()
}

fn failed_replacement(reaction: FailedReplacement) -> Scenario {
    updated(web().named("shop").image("demo/crash")).after_failed_replacement(reaction)
}

fn quick() -> ServiceProperties {
    web().set("/Deployment/Preset", "DEVELOPMENT")
}

fn dedicated() -> ServiceProperties {
    web().set("/LoadBalancer/Sharing", "DEDICATED")
}

fn internal() -> ServiceProperties {
    web().set("/LoadBalancer/Scheme", "internal")
}
