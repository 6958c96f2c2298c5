//! Which revision of the task definition runs next, and what of the one that runs goes along with it.

use expect_test::expect;

use super::world::GIVEN;
use super::{Seen, Web, check, seen, service, web};
use crate::claim::LedTo;
use crate::decision::Decision;
use crate::desired::Desired;
use crate::naming;
use crate::observed::{Observed, Presence};
use crate::plan;
use crate::resources::ecs_service::{DeploymentStatus, ServiceStatus};
use crate::resources::task_definition::{Kept, LiveContent, NormalForm, ObservedTaskDefinition};
use crate::step::Step;

/// Somebody has registered a revision with more in it, without our tags, and the service runs it.
fn with_sidecar(web: Web) -> Seen {
    let mut seen = seen(web);
    let newest = seen.world.registered.last_mut().expect("a revision");
    newest.tags.clear();
    let kept = Some(Kept {
        from_arn: newest.arn.clone(),
        content: NormalForm("agent".to_owned()),
    });
    let spec = newest.spec.as_mut().expect("our fields");
    spec.kept.clone_from(&kept);
    let added = ("ADDED".to_owned(), "1".to_owned());
    spec.container.environment.push(added.clone());
    newest.live = Some(LiveContent {
        environment: vec![added],
        secrets: Vec::new(),
        kept,
    });
    seen
}

#[test]
fn what_somebody_added_is_no_difference() {
    check(
        web(),
        with_sidecar(web()),
        expect![[r#"
            Converged
        "#]],
    );
}

#[test]
fn what_somebody_added_goes_along_with_every_further_revision_once() {
    let mut world = with_sidecar(web()).world;
    for image in ["web:2", "web:1"] {
        world.begin_update();
        world.converge(web().image(image));
        let newest = world.registered.last().expect("a revision");
        let spec = newest.spec.as_ref().expect("our fields");
        let environment = &spec.container.environment;
        assert_eq!(spec.container.image, image);
        assert_eq!(spec.kept.as_ref().expect("a sidecar").content.0, "agent");
        assert_eq!(environment, &[("ADDED".to_owned(), "1".to_owned())]);
    }
    assert_eq!(world.registered.len(), 3);
}

#[test]
fn only_the_tags_of_what_is_ours_are_written() {
    let planned = |seen: Seen| {
        let desired = web().tags(&[("team", "web")]).updating(&seen.world.web);
        match seen.world.plan(&desired.desired()) {
            Ok(Decision::Apply(steps)) => steps,
            other => panic!("{other:?}"),
        }
    };
    let tagged = |steps: &[Step]| match steps {
        [Step::TagResources(tagging)] => tagging.ecs_arns.len(),
        other => panic!("{other:?}"),
    };
    assert_eq!(tagged(&planned(seen(web()))), 2);
    assert_eq!(tagged(&planned(with_sidecar(web()))), 1);
}

#[test]
fn nothing_is_registered_while_what_runs_is_not_known() {
    let seen = seen(web());
    let desired = web().image("web:2").updating(&seen.world.web).desired();
    let mut observed = seen.world.observed.clone();
    let newest = seen.world.registered.last().expect("a revision");
    observed.task_definition = Presence::Present(ObservedTaskDefinition {
        arn: format!("{}0", newest.arn),
        ..newest.clone()
    });
    let asked = plan::unseen_running_revision(&desired, &observed);
    assert_eq!(asked.as_ref(), Some(&newest.arn));
    let planned = plan::converge(&desired, &observed, &seen.world.timing);
    let registers = matches!(&planned, Ok(Decision::Apply(steps))
        if steps.iter().any(|step| matches!(step, Step::RegisterTaskDefinition(_))));
    assert!(!registers, "{planned:?}");
}

/// A service runs the revision of `web()`; the newest one is of another image, as a deployment that failed leaves it.
struct TwoRevisions {
    desired: Desired,
    observed: Observed,
    running: ObservedTaskDefinition,
    newest: ObservedTaskDefinition,
}

fn two_revisions(wanted_image: &str) -> TwoRevisions {
    let seen = seen(web());
    let running = seen.world.registered.last().expect("a revision").clone();
    let mut newest = ObservedTaskDefinition {
        arn: format!("{}0", running.arn),
        ..running.clone()
    };
    newest.spec.as_mut().expect("our fields").container.image = "web:2".to_owned();
    let mut observed = seen.world.observed.clone();
    observed.task_definition = Presence::Present(newest.clone());
    observed.running_task_definition = Presence::Present(running.clone());
    TwoRevisions {
        desired: web()
            .image(wanted_image)
            .updating(&seen.world.web)
            .desired(),
        observed,
        running,
        newest,
    }
}

#[test]
fn a_revision_that_was_registered_in_vain_is_deployed_as_it_is() {
    let mut case = two_revisions("web:3");
    let planned = |observed: &Observed| {
        let timing = seen(web()).world.timing;
        match plan::converge(&case.desired, observed, &timing) {
            Ok(Decision::Apply(steps)) => steps,
            other => panic!("{other:?}"),
        }
    };
    let registers = |step: &Step| matches!(step, Step::RegisterTaskDefinition(_));
    assert!(planned(&case.observed).iter().any(registers));
    case.observed.registered_in_vain = Some(case.newest.arn.clone());
    let steps = planned(&case.observed);
    let [Step::UpdateService { spec, change: _ }] = steps.as_slice() else {
        panic!("{steps:?}");
    };
    assert_eq!(spec.task_definition_arn, case.newest.arn);
    // Neither of another one, nor of one that is not ours.
    case.observed.registered_in_vain = Some(case.running.arn.clone());
    assert!(planned(&case.observed).iter().any(registers));
    case.observed.registered_in_vain = Some(case.newest.arn.clone());
    case.newest.tags.clear();
    case.observed.task_definition = Presence::Present(case.newest.clone());
    assert!(planned(&case.observed).iter().any(registers));
}

/// The ARN of the revision that is taken for the newest.
fn preferred(desired: &Desired, mut observed: Observed) -> Option<String> {
    plan::prefer_running(desired, &mut observed);
    let found = observed.task_definition.present();
    found.map(|found| found.arn.clone())
}

#[test]
fn the_revision_that_runs_is_preferred_where_it_alone_is_as_wanted() {
    for (image, is_running) in [("web:1", true), ("web:2", false), ("web:3", false)] {
        let case = two_revisions(image);
        let wanted = if is_running {
            &case.running
        } else {
            &case.newest
        };
        let found = preferred(&case.desired, case.observed.clone());
        assert_eq!(found.as_ref(), Some(&wanted.arn), "{image}");
    }
}

/// Of a family that is given without a revision the newest is wanted, but not the one that has just failed.
#[test]
fn a_way_back_from_what_has_failed_keeps_the_revision_of_the_users_family_that_runs() {
    use DeploymentStatus::{Failed, Successful};
    use LedTo::{NotReached, Reached};
    const OTHER: &str = "arn:aws:ecs:eu-west-1:123456789012:task-definition/other:7";
    let (family, _) = GIVEN.rsplit_once(':').expect("a revision");
    let of_family = |number: u32| format!("{family}:{number}");
    let [newest, eighth, given] = [of_family(9), of_family(8), of_family(9)];
    for (given, led_to, runs, (deployed, status), is_kept) in [
        (family, Some(NotReached), GIVEN, (&newest, Failed), true),
        // It was registered after the one that has failed.
        (family, Some(NotReached), GIVEN, (&eighth, Failed), false),
        (
            family,
            Some(NotReached),
            GIVEN,
            (&newest, Successful),
            false,
        ),
        (family, Some(NotReached), OTHER, (&newest, Failed), false),
        (family, Some(Reached), GIVEN, (&newest, Failed), false),
        (family, None, GIVEN, (&newest, Failed), false),
        (
            given.as_str(),
            Some(NotReached),
            GIVEN,
            (&newest, Failed),
            false,
        ),
    ] {
        let context = format!("{given} {led_to:?} {runs} {deployed} {status:?}");
        let mut case = two_revisions("web:1");
        case.newest.arn.clone_from(&newest);
        case.running.arn = runs.to_owned();
        let observed = &mut case.observed;
        let service = service(observed);
        service.task_definition_arn = runs.to_owned();
        let deployment = service.deployment.as_mut().expect("a deployment");
        deployment.status = status;
        deployment.task_definition_arn = Some(deployed.clone());
        observed.task_definition = Presence::Present(case.newest.clone());
        observed.running_task_definition = Presence::Unknown;
        let desired = web().given(given).updating(&web().given(given));
        let desired = desired.desired().leading_back_from(led_to);
        let unseen = plan::unseen_running_revision(&desired, observed);
        assert_eq!(unseen.is_some(), is_kept, "{context}");
        observed.running_task_definition = Presence::Present(case.running.clone());
        let wanted = if is_kept { &case.running } else { &case.newest };
        let found = preferred(&desired, case.observed.clone());
        assert_eq!(found.as_ref(), Some(&wanted.arn), "{context}");
    }
}

#[test]
fn what_a_service_runs_that_is_not_ours_or_is_going_is_not_preferred() {
    let spoil: [fn(&mut Observed); 2] = [
        |observed| service(observed).status = ServiceStatus::Draining,
        |observed| {
            service(observed).tags.remove(naming::TAG_OWNER);
        },
    ];
    for spoil in spoil {
        let mut case = two_revisions("web:1");
        spoil(&mut case.observed);
        let found = preferred(&case.desired, case.observed);
        assert_eq!(found, Some(case.newest.arn));
    }
}

#[test]
fn the_newest_revision_is_known_to_run_where_it_does() {
    let case = two_revisions("web:2");
    let mut observed = case.observed;
    service(&mut observed)
        .task_definition_arn
        .clone_from(&case.newest.arn);
    observed.running_task_definition = Presence::Unknown;
    plan::prefer_running(&case.desired, &mut observed);
    let running = observed.running_task_definition.present();
    assert_eq!(running.map(|found| &found.arn), Some(&case.newest.arn));
}

#[test]
fn a_revision_of_another_family_is_not_asked_for() {
    let case = two_revisions("web:2");
    let mut observed = case.observed;
    service(&mut observed).task_definition_arn = GIVEN.to_owned();
    assert_eq!(
        plan::unseen_running_revision(&case.desired, &observed),
        None
    );
}

#[test]
fn where_aws_does_not_know_any_more_what_runs_there_is_nothing_to_carry_over() {
    let case = two_revisions("web:3");
    let mut observed = case.observed;
    observed.running_task_definition = Presence::Absent;
    assert_eq!(
        plan::unseen_running_revision(&case.desired, &observed),
        None
    );
    let timing = &seen(web()).world.timing;
    let planned = plan::converge(&case.desired, &observed, timing);
    let registers = matches!(&planned, Ok(Decision::Apply(steps))
        if steps.iter().any(|step| matches!(step, Step::RegisterTaskDefinition(_))));
    assert!(registers, "{planned:?}");
}
