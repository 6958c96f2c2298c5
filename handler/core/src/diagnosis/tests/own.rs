//! Whose tasks, targets and events are taken for the deployment's own.

use super::{at, event, evidence, healthy, living, of_before, running, task};
use crate::diagnosis::own::own;
use crate::diagnosis::{Evidence, Task, diagnose};

/// The ids of the tasks that count as the deployment's, whose id is known, and that it is still known.
fn counted(tasks: Vec<Task>, change: fn(&mut Evidence)) -> (Vec<String>, bool) {
    let mut evidence = evidence();
    evidence.tasks = tasks;
    change(&mut evidence);
    let own = own(&evidence);
    let ids = own.tasks.into_iter().map(|task| task.id).collect();
    (ids, own.deployment_id.is_some())
}

#[test]
fn when_no_task_says_who_started_it_those_count_that_run_the_same_and_began_since() {
    let unsigned = |task: Task| Task {
        started_by: None,
        ..task
    };
    let other_definition = Task {
        task_definition_arn: "web:6".to_owned(),
        ..unsigned(living(90))
    };
    let tasks = || {
        vec![
            unsigned(living(40)),
            unsigned(living(60)),
            unsigned(living(80)),
            other_definition.clone(),
        ]
    };
    let since_60 = |it: &mut Evidence| it.deployed_ms = 60_000;
    let alike = || vec!["task-60".to_owned(), "task-80".to_owned()];
    assert_eq!(counted(tasks(), since_60), (alike(), false));
    let mut signed = tasks();
    signed.push(living(70));
    let ours = vec!["task-70".to_owned()];
    assert_eq!(counted(signed, since_60), (ours, true), "one of them does");
    let of_unknown_definition = |it: &mut Evidence| {
        it.deployed_ms = 60_000;
        it.expected.task_definition_arn = None;
    };
    let (ids, _) = counted(tasks(), of_unknown_definition);
    assert_eq!(ids, ["task-60", "task-80", "task-90"]);
    let others = vec![other_definition];
    assert_eq!(counted(others.clone(), since_60), (vec![], true));
    let nobody = |it: &mut Evidence| it.deployment_id = None;
    assert_eq!(counted(others, nobody), (vec![], false));
}

#[test]
fn what_tasks_tell_that_do_not_say_who_started_them_is_told_and_is_not_certain() {
    let mut evidence = evidence();
    let missing = task(60, "TaskFailedToStart", super::TEXTS[1].0);
    evidence.tasks = vec![missing];
    let certain = |evidence: &Evidence| {
        let found = diagnose(evidence);
        found.iter().map(|it| it.is_certain).collect::<Vec<_>>()
    };
    assert_eq!(certain(&evidence), [true]);
    evidence.tasks[0].started_by = None;
    assert_eq!(certain(&evidence), [false]);
}

#[test]
fn an_event_is_anothers_when_it_names_what_is_known_for_anothers() {
    let mut evidence = evidence();
    evidence.tasks = vec![living(20), of_before(living(30))];
    for (text, is_kept) in [
        ("(task task-20) is unhealthy", true),
        ("(task before-task-30) is unhealthy", false),
        ("(task before-task-30) made way for (task task-20)", true),
        ("(task task-nobody-knows) is unhealthy", true),
        ("(deployment ecs-svc/2) failed", true),
        ("(deployment ecs-svc/1) failed", false),
        ("was unable to place a task", true),
    ] {
        evidence.events = vec![event(60, text)];
        assert_eq!(own(&evidence).events.len(), usize::from(is_kept), "{text}");
    }
    evidence.deployment_id = None;
    for text in ["(task before-task-30) is ill", "(deployment ecs-svc/1)"] {
        evidence.events = vec![event(60, text)];
        assert_eq!(own(&evidence).events.len(), 1, "whose is not known: {text}");
    }
}

#[test]
fn a_target_is_anothers_while_none_of_ours_lives_at_its_address() {
    let mine = running(20);
    let old = of_before(running(30));
    let at_mine = of_before(running(20));
    let gone = task(30, "UserInitiated", "stopped");
    for (tasks, at_task, is_kept) in [
        (vec![mine.clone(), old.clone()], &mine, true),
        (vec![mine.clone(), old.clone()], &old, false),
        // The address went from one task to the other.
        (vec![mine.clone(), at_mine.clone()], &mine, true),
        (vec![gone.clone(), at_mine.clone()], &mine, false),
        (vec![mine.clone()], &old, true),
    ] {
        let mut evidence = evidence();
        evidence.tasks = tasks.clone();
        evidence.targets = vec![at(at_task, healthy())];
        assert_eq!(
            own(&evidence).targets.len(),
            usize::from(is_kept),
            "{tasks:?}"
        );
        evidence.deployment_id = None;
        assert_eq!(own(&evidence).targets.len(), 1, "whose is not known");
    }
}
