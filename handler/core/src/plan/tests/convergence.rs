//! Every change comes to rest: no step is repeated, and the rest is one.

use proptest::prelude::*;
use serde_json::json;

use super::world::{GIVEN, World};
use super::{Web, web};
use crate::decision::Decision;
use crate::step::Step;

prop_compose! {
    /// Properties of the service `web` that may follow each other in place.
    fn any_web()(
        image in 1..3_u8,
        port in prop::sample::select(vec![80_u16, 8080]),
        path in prop::sample::select(vec!["/", "/up"]),
        role in prop::sample::select(vec!["infrastructure", "other"]),
        min in 1..4_u32,
        metric in prop::sample::select(vec!["AVERAGE_CPU", "AVERAGE_MEMORY", "REQUEST_COUNT_PER_TARGET"]),
        target in prop::sample::select(vec![50_u32, 70]),
        tags in prop::sample::subsequence(vec![("a", "1"), ("b", "2"), ("c", "3")], 0..=3),
        subnets in prop::sample::subsequence(vec!["subnet-a", "subnet-b", "subnet-c"], 2..=3),
        groups in prop::sample::subsequence(vec!["sg-1", "sg-2"], 0..=2),
        command in prop::sample::subsequence(vec!["serve", "fast"], 0..=2),
        is_given in prop::bool::weighted(0.2),
    ) -> Web {
        let changed = web()
            .image(&format!("web:{image}"))
            .port(port)
            .set("/PrimaryContainer/Command", json!(command))
            .health_check_path(path)
            .infrastructure_role(role)
            .tasks(min, 10)
            .metric(metric, target)
            .tags(&tags)
            .subnets(&subnets)
            .set("/NetworkConfiguration/SecurityGroups", json!(groups));
        if is_given { changed.given(GIVEN) } else { changed }
    }
}

/// What `UpdateService` says of the load balancers is a change of port or role.
fn sends_load_balancers_only_in_need(before: &World, after: &World, steps: &[Vec<Step>]) {
    let ingress = |world: &World| {
        let service = world.observed.ecs_service.present().expect("a service");
        let ingress = service.ingress.clone().expect("our form");
        (ingress.container_port, ingress.infrastructure_role_arn)
    };
    let is_sent = steps
        .iter()
        .flatten()
        .any(|step| matches!(step, Step::UpdateService { change, .. } if change.ingress.is_some()));
    assert_eq!(is_sent, ingress(before) != ingress(after), "{steps:#?}");
}

proptest! {
    #[test]
    fn any_sequence_of_updates_comes_to_rest(sequence in prop::collection::vec(any_web(), 1..5)) {
        let mut sequence = sequence.into_iter();
        let first = sequence.next().expect("at least one");
        let mut world = World::empty(first.clone());
        world.converge(first);
        for next in sequence {
            let before = world.clone();
            let deployments = world.deployments;
            world.begin_update();
            let steps = world.converge(next.clone());
            sends_load_balancers_only_in_need(&before, &world, &steps);
            prop_assert!(world.deployments <= deployments + 1, "one deployment per Update: {steps:#?}");
            prop_assert!(world.active.len() <= 2 || world.deployments == deployments, "{:?}", world.active);
            // At rest the same Update does nothing, not even begin.
            world.begin_update();
            let decision = world.plan(&next.clone().updating(&next).desired());
            prop_assert!(matches!(decision, Ok(Decision::Converged(_))), "{decision:?}");
        }
    }

    #[test]
    fn a_crash_between_any_two_rounds_changes_nothing(
        before in any_web(),
        after in any_web(),
        crash_after_steps in 0..12_usize,
    ) {
        let mut world = World::empty(before.clone());
        world.converge(before);
        world.begin_update();
        let desired = after.clone().updating(&world.web).desired();
        // The steps of one round run side by side: any of them may have had its effect.
        let mut left = crash_after_steps;
        while left > 0 {
            let Decision::Apply(steps) = world.plan(&desired).expect("there is a plan") else { break };
            for step in steps.iter().take(left) {
                world.apply(step);
            }
            left = left.saturating_sub(steps.len());
        }
        let deployments = world.deployments;
        world.converge(after);
        prop_assert!(world.deployments <= deployments + 1);
    }
}
