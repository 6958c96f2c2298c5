//! Runs the fixtures.

use std::fs;
use std::path::{Path, PathBuf};

use expect_test::expect_file;
use serde_json::Value;

use super::REQUEST;
use crate::{Properties, json_schema, parse};

/// What environment values and secrets are in the invalid fixtures.
const CANARY: &str = "hunter2";

/// The requests of one folder, without what is expected of them.
fn requests(folder: &str) -> Vec<(PathBuf, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures")
        .join(folder);
    let mut paths: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let requests: Vec<_> = paths
        .into_iter()
        .filter(|path| {
            let name = path.to_string_lossy();
            name.ends_with(".json")
                && !name.ends_with(".parsed.json")
                && !name.ends_with(".sealed.json")
        })
        .map(|path| {
            let text = fs::read_to_string(&path).unwrap();
            (path, serde_json::from_str(&text).unwrap())
        })
        .collect();
    assert!(!requests.is_empty(), "no requests in {}", folder.display());
    requests
}

fn pretty(properties: &Properties) -> String {
    serde_json::to_string_pretty(properties).unwrap() + "\n"
}

#[test]
fn valid_requests_become_typed_properties() {
    for (path, value) in requests("valid") {
        let properties = parse(&value, &REQUEST)
            .unwrap_or_else(|problems| panic!("{}: {problems}", path.display()));
        expect_file![path.with_extension("parsed.json")].assert_eq(&pretty(&properties));
    }
}

#[test]
fn invalid_requests_name_every_problem() {
    for (path, value) in requests("invalid") {
        let problems =
            parse(&value, &REQUEST).expect_err(&format!("{} was accepted", path.display()));
        let lines: String = problems
            .0
            .iter()
            .map(|problem| format!("{problem}\n"))
            .collect();
        assert!(
            !lines.contains(CANARY),
            "{} repeats what may be secret",
            path.display()
        );
        expect_file![path.with_extension("txt")].assert_eq(&lines);
    }
}

#[test]
fn parsed_properties_parse_to_themselves() {
    for (path, value) in requests("valid") {
        let once = parse(&value, &REQUEST).unwrap();
        if once.task_definition_arn.is_some() {
            // `Cpu` and the like have defaults that do not count, and may not be given with it.
            continue;
        }
        let again = parse(&serde_json::to_value(&once).unwrap(), &REQUEST).unwrap();
        assert_eq!(once, again, "{}", path.display());
    }
}

#[test]
fn the_order_of_sets_does_not_matter() {
    fn reversed(value: &mut Value) {
        match value {
            Value::Array(items) => {
                items.iter_mut().for_each(reversed);
                items.reverse();
            }
            Value::Object(members) => {
                *members = std::mem::take(members).into_iter().rev().collect();
                // The words of a command are a sequence.
                members
                    .iter_mut()
                    .filter(|(name, _)| *name != "Command")
                    .for_each(|(_, value)| {
                        reversed(value);
                    });
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    for (path, value) in requests("valid") {
        let mut other = value.clone();
        reversed(&mut other);
        assert_eq!(
            parse(&value, &REQUEST),
            parse(&other, &REQUEST),
            "{}",
            path.display()
        );
    }
}

/// Requests that some release accepted, and the form in which its ledger kept them.
#[test]
fn what_was_ever_accepted_still_is() {
    for (path, value) in requests("old") {
        let properties = parse(&value, &REQUEST)
            .unwrap_or_else(|problems| panic!("{}: {problems}", path.display()));
        let sealed = fs::read_to_string(path.with_extension("sealed.json")).unwrap();
        let kept: Properties = serde_json::from_str(&sealed).unwrap();
        assert_eq!(properties, kept, "{}", path.display());
    }
}

#[test]
fn the_fullest_request_gives_every_property() {
    let (_, value) = requests("valid")
        .into_iter()
        .find(|(path, _)| path.ends_with("all-properties.json"))
        .unwrap();
    let properties = serde_json::to_value(parse(&value, &REQUEST).unwrap()).unwrap();
    for pointer in property_pointers(&json_schema(), "Properties") {
        // The two ways to say what runs exclude each other; so do the strategies of a deployment.
        let is_linear = pointer.starts_with("/Deployment/LinearConfiguration/");
        if pointer != "/TaskDefinitionArn" && !is_linear {
            assert!(
                properties.pointer(&pointer).is_some(),
                "{pointer} is in no valid fixture"
            );
            assert!(
                value.pointer(&pointer).is_some(),
                "{pointer} is not in all-properties.json"
            );
        }
    }
}

/// Pointers to every property of an object of the schema, and of the objects in it.
pub(super) fn property_pointers(schema: &Value, definition: &str) -> Vec<String> {
    let read_only = schema["readOnlyProperties"].as_array().unwrap();
    let object = match definition {
        "Properties" => schema,
        name => &schema["definitions"][name],
    };
    let mut pointers = Vec::new();
    for (name, property) in object["properties"].as_object().unwrap() {
        let is_attribute = |pointer: &Value| {
            let attribute = format!("/properties/{name}");
            pointer
                .as_str()
                .is_some_and(|p| p == attribute || p.starts_with(&(attribute.clone() + "/")))
        };
        if definition == "Properties" && read_only.iter().any(is_attribute) {
            continue;
        }
        let inner = property["$ref"]
            .as_str()
            .or_else(|| property["allOf"][0]["$ref"].as_str());
        let inner = inner.and_then(|reference| reference.rsplit('/').next());
        match inner {
            Some(inner) if schema["definitions"][inner]["properties"].is_object() => {
                let below = property_pointers(schema, inner);
                pointers.extend(below.into_iter().map(|below| format!("/{name}{below}")));
            }
            Some(_) | None => pointers.push(format!("/{name}")),
        }
    }
    pointers
}
