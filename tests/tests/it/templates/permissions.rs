//! Who may do what: the roles of `templates/provider.yaml` may do what is used, and nothing else, and to what is ours.

mod statement;
mod tables;

use std::collections::BTreeSet;

use express_core::naming::TAG_PROVIDER;
use express_tests::history::Event;
use express_tests::{Scenario, StackStatus, web};
use local_aws::wire::Service;
use serde_json::{Value, json};

use StackStatus::{CreateComplete, DeleteComplete, UpdateComplete};
use statement::Statement;
use tables::{
    CHECKED_WITHOUT_A_CALL, HELD_OTHERWISE, Held, LAMBDA, LONGEST, POLICY_CHARACTERS_MAX,
    WAITER_ACTIONS,
};

use super::operations;
use super::{many, properties, string, template, text};

/// The statements of the managed policies of a role.
fn statements(role: &str) -> Vec<Statement> {
    let provider = template("templates/provider.yaml");
    let resources = provider["Resources"].as_object().unwrap();
    let policies = resources.values().filter(|resource| {
        resource["Type"] == "AWS::IAM::ManagedPolicy"
            && many(&resource["Properties"]["Roles"])
                .iter()
                .any(|found| found["Ref"] == role)
    });
    let found: Vec<Statement> = policies
        .flat_map(|policy| many(&policy["Properties"]["PolicyDocument"]["Statement"]))
        .map(|statement| match statement.get("Fn::If") {
            // The one with the condition, else nothing.
            Some(choice) => Statement::read(&choice[1]),
            None => Statement::read(statement),
        })
        .collect();
    assert!(!found.is_empty(), "{role} has no policies");
    found
}

fn actions(statements: &[Statement]) -> BTreeSet<String> {
    statements
        .iter()
        .flat_map(|statement| statement.actions.clone())
        .collect()
}

fn key_statement(sid: &str) -> Value {
    let policy = properties("SealKey")["KeyPolicy"]["Statement"].take();
    let found = many(&policy)
        .into_iter()
        .find(|statement| statement["Sid"] == sid);
    found
        .unwrap_or_else(|| panic!("the key has no statement {sid}"))
        .clone()
}

/// Fails with what is missing and what nobody needs.
fn compare(who: &str, allowed: &BTreeSet<String>, needed: &BTreeSet<String>) {
    let missing: Vec<_> = needed.difference(allowed).collect();
    let surplus: Vec<_> = allowed.difference(needed).collect();
    assert!(
        missing.is_empty() && surplus.is_empty(),
        "{who} lacks {missing:?} and does not need {surplus:?}"
    );
}

#[test]
fn the_function_may_do_what_it_does_and_nothing_else() {
    let used = operations::used();
    let mut needed = used.clone();
    for (because_of, actions, page) in CHECKED_WITHOUT_A_CALL {
        assert!(
            because_of == LAMBDA || used.contains(because_of),
            "{actions:?} are there for {because_of}, which is not used any more ({page})"
        );
        needed.extend(actions.iter().map(|action| (*action).to_owned()));
    }
    let mut allowed = actions(&statements("FunctionRole"));
    // The key's own policy allows its use; the role's need not.
    allowed.extend(Statement::read(&key_statement("UsedByTheFunctionOnly")).actions);
    compare("the function", &allowed, &needed);
}

#[test]
fn the_waiter_may_call_the_function_and_write_its_log() {
    let needed = WAITER_ACTIONS.map(str::to_owned).into();
    let statements = statements("WaiterRole");
    compare("the waiter", &actions(&statements), &needed);
    let call = statements
        .iter()
        .find(|statement| statement.actions.contains("lambda:InvokeFunction"));
    assert_eq!(
        call.unwrap().resources,
        [r#"{"Fn::GetAtt":"Function.Arn"}"#]
    );
}

#[test]
fn only_the_function_can_read_what_is_sealed() {
    let used = key_statement("UsedByTheFunctionOnly");
    assert_eq!(used["Principal"]["AWS"]["Fn::GetAtt"], "FunctionRole.Arn");
    let administered = Statement::read(&key_statement("AdministeredByTheAccount")).actions;
    for action in &administered {
        let is_cryptographic = [
            "Crypt",
            "GenerateDataKey",
            "CreateGrant",
            "*",
            "Mac",
            "Sign",
        ];
        let found = is_cryptographic
            .iter()
            .find(|part| action.to_lowercase().contains(&part.to_lowercase()));
        assert_eq!(found, None, "{action}");
    }
    let policy = properties("SealKey")["KeyPolicy"]["Statement"].take();
    assert_eq!(many(&policy).len(), 2);
}

#[test]
fn no_action_is_a_pattern() {
    for role in ["FunctionRole", "WaiterRole"] {
        for action in actions(&statements(role)) {
            assert!(!action.contains(['*', '?']), "{role}: {action}");
        }
    }
}

#[test]
fn whatever_changes_something_is_held_by_our_tag_or_by_what_aws_has_instead() {
    let mut held_otherwise = BTreeSet::new();
    for statement in statements("FunctionRole") {
        let mut changes = statement
            .actions
            .iter()
            .filter(|action| !only_reads(action))
            .peekable();
        if changes.peek().is_none() || changes.all(|action| is_held_by_tag(&statement, action)) {
            continue;
        }
        let sid = statement.sid.as_str();
        let held = HELD_OTHERWISE.iter().find(|(name, _)| *name == sid);
        let Some((_, held)) = held else {
            panic!(
                "{sid} changes things without a condition on {TAG_PROVIDER}: {:?}",
                statement.actions
            );
        };
        let all = |part: &str| statement.resources.iter().all(|arn| arn.contains(part));
        let holds = match held {
            Held::Name(part) => all(part),
            Held::Condition(key, wanted) => {
                let mut conditions = statement.conditions.iter();
                conditions.any(|(name, value)| name == key && value.contains(wanted))
            }
            Held::Kind(kind) => all(&format!("{kind}\"")),
            Held::Nothing => statement.resources == ["\"*\""],
        };
        assert!(
            holds,
            "{sid} is not held by {held:?}: {:?}",
            statement.resources
        );
        held_otherwise.insert(sid.to_owned());
    }
    let expected: BTreeSet<_> = HELD_OTHERWISE
        .iter()
        .map(|(sid, _)| (*sid).to_owned())
        .collect();
    assert_eq!(
        held_otherwise, expected,
        "an exception that is not needed any more"
    );
}

fn only_reads(action: &str) -> bool {
    let operation = action.split(':').nth(1).unwrap_or_default();
    ["Describe", "Get", "List", "Query", "Scan"]
        .iter()
        .any(|verb| operation.starts_with(verb))
}

/// Creation needs our tag in the request, tagging on creation the name of what creates, all else our tag on the
/// resource. What both makes and changes a thing, or tags it, may be held either way.
fn is_held_by_tag(statement: &Statement, action: &str) -> bool {
    let (service, operation) = action.split_once(':').unwrap();
    let tags = ["AddTags", "CreateTags", "TagResource"].contains(&operation);
    let on_create = statement.has_condition(&format!("{service}:CreateAction"));
    let (created, ours) = (
        statement.demands("RequestTag"),
        statement.demands("ResourceTag"),
    );
    if tags {
        on_create || created || ours
    } else if operation == "RegisterScalableTarget" {
        created || ours
    } else if operation.starts_with("Create") || operation == "RegisterTaskDefinition" {
        created
    } else {
        ours
    }
}

#[test]
fn tags_on_creation_come_only_with_what_is_created() {
    let statements = statements("FunctionRole");
    let created: BTreeSet<String> = statements
        .iter()
        .filter(|statement| statement.demands("RequestTag"))
        .flat_map(|statement| statement.actions.iter())
        .map(|action| action.split(':').nth(1).unwrap_or_default().to_owned())
        .collect();
    for (key, wanted) in statements
        .iter()
        .flat_map(|statement| &statement.conditions)
    {
        if !key.ends_with(":CreateAction") {
            continue;
        }
        let wanted: Value =
            serde_json::from_str(wanted.strip_prefix("StringEquals ").unwrap()).unwrap();
        for operation in many(&wanted) {
            assert!(created.contains(&string(operation)), "{key}: {operation}");
        }
    }
}

/// The actions' names say what may be called; this calls it.
#[test]
fn a_whole_life_needs_nothing_else_and_tags_what_it_creates() {
    let run = Scenario::new()
        .create(web())
        .then_update(
            web()
                .health_check_path("/up")
                .set("/Tags", json!([{"Key": "team", "Value": "web"}])),
        )
        .then_renew_certificate()
        .then_update(web())
        .then_delete()
        .run();
    assert_eq!(
        run.statuses(),
        [
            CreateComplete,
            UpdateComplete,
            UpdateComplete,
            DeleteComplete
        ]
    );
    let statements = statements("FunctionRole");
    let mut allowed = actions(&statements);
    allowed.extend(
        [
            "dynamodb:TransactWriteItems",
            "kms:Decrypt",
            "kms:GenerateDataKey",
        ]
        .map(str::to_owned),
    );
    let needs_tag: BTreeSet<&String> = statements
        .iter()
        .filter(|statement| statement.demands("RequestTag"))
        .flat_map(|statement| &statement.actions)
        .filter(|action| action.contains(":Create") || *action == "ecs:RegisterTaskDefinition")
        .filter(|action| *action != "ec2:CreateTags")
        .collect();
    let mut tagged = BTreeSet::new();
    let mut called = BTreeSet::new();
    for event in &run.world.history().events {
        let Event::Called(call) = event else { continue };
        if call.recorded.service == Service::ResponseSink {
            continue;
        }
        let name = call.recorded.name();
        assert!(allowed.contains(&name), "{name} is called and not allowed");
        called.insert(name.clone());
        if needs_tag.contains(&name) {
            let input = call.recorded.input.to_string();
            assert!(
                input.contains(TAG_PROVIDER),
                "{name} without our tag: {input}"
            );
            tagged.insert(name);
        }
    }
    assert_eq!(
        tagged.iter().collect::<BTreeSet<_>>(),
        needs_tag,
        "not called in this life"
    );
    assert!(called.contains("elasticloadbalancing:ModifyListener"));
}

/// Each statement says which step needs it, and each `*` why it cannot be less.
#[test]
fn every_statement_says_what_it_is_for_and_every_star_why() {
    let text = text("templates/provider.yaml");
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let (mut statements, mut stars) = (0, 0);
    for (number, line) in lines.iter().enumerate() {
        if let Some(sid) = line.strip_prefix("- Sid: ") {
            statements += 1;
            assert!(
                !comment_above(&lines, number).is_empty(),
                "{sid} has no comment"
            );
        }
        if *line == "Resource: \"*\"" {
            stars += 1;
            let head = (0..number)
                .rev()
                .find(|above| lines[*above].starts_with("- Sid: "))
                .unwrap();
            let comment = comment_above(&lines, head);
            assert!(comment.contains("\"*\":"), "{}: why \"*\"?", lines[head]);
        }
        if *line == "Default: \"*\"" {
            stars += 1;
            assert!(
                comment_above(&lines, number).contains("\"*\""),
                "line {}",
                number + 1
            );
        }
    }
    let all = text.matches("\"*\"").count()
        - text
            .lines()
            .filter(|line| line.trim().starts_with('#'))
            .map(|line| line.matches("\"*\"").count())
            .sum::<usize>();
    assert_eq!(stars, all, "a \"*\" in another form");
    assert!(statements > 30, "{statements}");
}

/// The comment that ends just above a line; a statement under a condition has it above the condition.
fn comment_above(lines: &[&str], number: usize) -> String {
    let above = lines[..number].iter().rev();
    let comment: Vec<&str> = above
        .skip_while(|line| **line == "- !If" || **line == "- ManagesDns")
        .take_while(|line| line.starts_with('#'))
        .copied()
        .collect();
    comment
        .into_iter()
        .rev()
        .map(|line| line.trim_start_matches('#'))
        .collect()
}

#[test]
fn every_policy_fits_into_what_iam_takes() {
    let provider = template("templates/provider.yaml");
    for (name, resource) in provider["Resources"].as_object().unwrap() {
        if resource["Type"] != "AWS::IAM::ManagedPolicy" {
            continue;
        }
        let mut document = resource["Properties"]["PolicyDocument"].to_string();
        for (variable, longest) in LONGEST {
            document = document.replace(variable, longest);
        }
        let characters = document.chars().filter(|c| !c.is_whitespace()).count();
        assert!(
            characters < POLICY_CHARACTERS_MAX,
            "{name} has {characters} characters"
        );
    }
}
