use proptest::prelude::*;

use super::super::{
    ContainerSpec, Kept, LiveContent, NormalForm, ObservedTaskDefinition, PrimaryContainerFacts,
    TaskDefinitionSpec, diff,
};
use super::merge;
use crate::resources::Tags;

type Pairs = Vec<(String, String)>;

fn pairs(of: &[(&str, &str)]) -> Pairs {
    of.iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn spec(environment: Pairs, secrets: Pairs) -> TaskDefinitionSpec {
    TaskDefinitionSpec {
        family: "express-web".to_owned(),
        cpu: 256,
        memory_mib: 512,
        cpu_architecture: provider_schema::CpuArchitecture::X86_64,
        execution_role_arn: "execution".to_owned(),
        task_role_arn: None,
        container: ContainerSpec {
            image: "web:1".to_owned(),
            port: 80,
            command: Vec::new(),
            environment,
            secrets,
            repository_credentials: None,
            log_group: "/web".to_owned(),
            log_stream_prefix: "ecs".to_owned(),
            region: "eu-west-1".to_owned(),
            force_deployment: None,
        },
        kept: None,
        tags: Tags::new(),
    }
}

/// What is observed of a revision that was registered as `spec` says.
fn registered(spec: &TaskDefinitionSpec, arn: &str) -> ObservedTaskDefinition {
    let kept = spec.kept.as_ref().map(|kept| Kept {
        from_arn: arn.to_owned(),
        content: kept.content.clone(),
    });
    ObservedTaskDefinition {
        arn: arn.to_owned(),
        live: Some(LiveContent {
            environment: spec.container.environment.clone(),
            secrets: spec.container.secrets.clone(),
            kept: kept.clone(),
        }),
        spec: Some(TaskDefinitionSpec {
            kept,
            ..spec.clone()
        }),
        tags: Tags::new(),
        primary: PrimaryContainerFacts {
            port: Some(80),
            log_group: None,
        },
        misfit: None,
    }
}

fn with_sidecar(mut spec: TaskDefinitionSpec, content: &str) -> TaskDefinitionSpec {
    spec.kept = Some(Kept {
        from_arn: "by-hand".to_owned(),
        content: NormalForm(content.to_owned()),
    });
    spec
}

#[test]
fn what_we_never_write_is_kept_and_what_we_write_is_the_templates() {
    let old = spec(pairs(&[("A", "1")]), Vec::new());
    let mut live = with_sidecar(old.clone(), "agent");
    live.container.environment = pairs(&[("A", "by hand")]);
    live.container.command = vec!["by hand".to_owned()];
    let merged = merge(Some(&old), Some(&registered(&live, "web:2")), &old);
    assert_eq!(merged.kept.as_ref().unwrap().content.0, "agent");
    assert_eq!(merged.kept.as_ref().unwrap().from_arn, "web:2");
    assert_eq!(merged.container, old.container);
}

#[test]
fn added_variables_stay_and_removed_ones_go() {
    let old = spec(
        pairs(&[("GONE", "1"), ("STAYS", "1")]),
        pairs(&[("S", "x")]),
    );
    let mut live = old.clone();
    live.container.environment.extend(pairs(&[("ADDED", "2")]));
    live.container.secrets.extend(pairs(&[("T", "y")]));
    let new = spec(pairs(&[("NEW", "3"), ("STAYS", "1")]), Vec::new());
    let merged = merge(Some(&old), Some(&registered(&live, "web:2")), &new);
    let expected = pairs(&[("ADDED", "2"), ("NEW", "3"), ("STAYS", "1")]);
    assert_eq!(merged.container.environment, expected);
    assert_eq!(merged.container.secrets, pairs(&[("T", "y")]));
}

#[test]
fn a_name_is_a_variable_or_a_secret_and_the_template_says_which() {
    let old = spec(Vec::new(), Vec::new());
    let live = spec(pairs(&[("KEY", "by hand")]), Vec::new());
    let new = spec(Vec::new(), pairs(&[("KEY", "arn")]));
    let merged = merge(Some(&old), Some(&registered(&live, "web:2")), &new);
    assert_eq!(merged.container, new.container);
}

#[test]
fn without_old_properties_variables_are_the_templates_and_the_rest_is_kept() {
    let live = with_sidecar(spec(pairs(&[("A", "1")]), Vec::new()), "agent");
    let mut new = spec(Vec::new(), Vec::new());
    new.container.image = "other".to_owned();
    let merged = merge(None, Some(&registered(&live, "web:2")), &new);
    assert_eq!(merged.container, new.container);
    assert!(merged.kept.is_some());
}

#[test]
fn without_old_properties_what_says_all_that_is_asked_stays_as_it_runs() {
    let live = with_sidecar(spec(pairs(&[("A", "1")]), Vec::new()), "agent");
    let running = registered(&live, "web:2");
    let merged = merge(None, Some(&running), &spec(Vec::new(), Vec::new()));
    assert!(diff(&merged, &running).is_empty());
    assert_eq!(merged.container, live.container);
}

#[test]
fn another_sidecar_is_a_difference_and_where_it_is_copied_from_is_none() {
    let wanted = with_sidecar(spec(Vec::new(), Vec::new()), "agent");
    assert!(diff(&wanted, &registered(&wanted, "web:3")).is_empty());
    let other = with_sidecar(wanted.clone(), "agent:2");
    assert_eq!(
        diff(&wanted, &registered(&other, "web:3")),
        ["containerDefinitions"]
    );
}

#[test]
fn no_trace_holds_what_is_kept() {
    let mut live = with_sidecar(spec(Vec::new(), Vec::new()), "hunter2");
    live.container.environment = pairs(&[("PASSWORD", "hunter2")]);
    let observed = registered(&live, "web:2");
    assert!(!format!("{live:?} {observed:?}").contains("hunter2"));
}

/// Names of few letters, so that the three meet often; a name only once.
fn some_pairs() -> impl Strategy<Value = Pairs> {
    proptest::collection::btree_map("[A-E]", "[0-2]", 0..4)
        .prop_map(|pairs| pairs.into_iter().collect())
}

/// Variables, and secrets of other names.
fn some_spec() -> impl Strategy<Value = TaskDefinitionSpec> {
    (some_pairs(), some_pairs(), any::<bool>()).prop_map(|(environment, mut secrets, extra)| {
        secrets.retain(|(name, _)| !environment.iter().any(|(other, _)| other == name));
        let plain = spec(environment, secrets);
        if extra {
            with_sidecar(plain, "agent")
        } else {
            plain
        }
    })
}

fn template(mut spec: TaskDefinitionSpec) -> TaskDefinitionSpec {
    spec.kept = None;
    spec
}

proptest! {
    /// Merged again with what it has become, before and after the update has ended, it stays as it is: nothing is
    /// registered twice.
    #[test]
    fn merging_again_changes_nothing(old in some_spec(), live in some_spec(), new in some_spec()) {
        let (old, new) = (template(old), template(new));
        let merged = merge(Some(&old), Some(&registered(&live, "web:2")), &new);
        let registered = registered(&merged, "web:3");
        for base in [&old, &new] {
            let again = merge(Some(base), Some(&registered), &new);
            prop_assert_eq!(&again.container, &merged.container);
            prop_assert!(diff(&again, &registered).is_empty());
        }
    }

    /// Every addition is there afterwards, and everything that the template says is as it says.
    #[test]
    fn nothing_added_is_lost(old in some_spec(), live in some_spec(), new in some_spec()) {
        let (old, new) = (template(old), template(new));
        let merged = merge(Some(&old), Some(&registered(&live, "web:2")), &new);
        let named = |spec: &TaskDefinitionSpec, name: &str| {
            let container = &spec.container;
            container.environment.iter().chain(&container.secrets).any(|(known, _)| known == name)
        };
        prop_assert_eq!(merged.kept.is_some(), live.kept.is_some());
        for pair in &new.container.environment {
            prop_assert!(merged.container.environment.contains(pair));
        }
        for pair in &live.container.environment {
            let is_added = !named(&old, &pair.0) && !named(&new, &pair.0);
            let is_the_templates = new.container.environment.contains(pair);
            let is_there = merged.container.environment.contains(pair);
            prop_assert_eq!(is_there, is_added || is_the_templates);
        }
    }
}
