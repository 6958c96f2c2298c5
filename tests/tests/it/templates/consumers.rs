//! The templates that use the provider: what they show is accepted, and `all-properties.yaml` shows everything.

use std::collections::BTreeSet;
use std::fs;

use provider_schema::{ATTRIBUTES, RequestContext};
use serde_json::{Map, Value};

use super::{many, path, string, template, text};

/// All templates but the provider's own.
fn consumers() -> Vec<String> {
    let mut found = Vec::new();
    for folder in ["templates", "templates/examples"] {
        for entry in fs::read_dir(path(folder)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if name.ends_with(".yaml") && name != "provider.yaml" {
                found.push(format!("{folder}/{name}"));
            }
        }
    }
    assert!(found.len() > 3, "{found:?}");
    found
}

/// Properties that stand for what a template's functions would give.
const SAMPLES: [&str; 2] = [
    "provider-schema/fixtures/valid/all-properties.json",
    "provider-schema/fixtures/valid/own-task-definition.json",
];

fn json(relative: &str) -> Value {
    serde_json::from_str(&text(relative)).unwrap_or_else(|error| panic!("{relative}: {error}"))
}

/// The properties of each `Custom::ExpressService` of a template, with its logical id.
fn services(relative: &str) -> Vec<(String, Value)> {
    let template = template(relative);
    let resources = template["Resources"].as_object().unwrap();
    let services = resources
        .iter()
        .filter(|(_, resource)| resource["Type"] == "Custom::ExpressService");
    let found: Vec<_> = services
        .map(|(name, resource)| (name.clone(), resource["Properties"].clone()))
        .collect();
    assert!(!found.is_empty(), "{relative} has no service");
    found
}

/// Whether a value is a function of CloudFormation's.
fn is_function(value: &Value) -> bool {
    let members = value.as_object().filter(|members| members.len() == 1);
    let name = members.and_then(|members| members.keys().next());
    name.is_some_and(|name| name == "Ref" || name.starts_with("Fn::"))
}

/// The value with a sample in the place of each function.
fn resolved(value: &Value, pointer: &str) -> Value {
    if is_function(value) {
        let sample = SAMPLES
            .iter()
            .find_map(|sample| json(sample).pointer(pointer).cloned());
        return sample.unwrap_or_else(|| panic!("no sample has {pointer}"));
    }
    match value {
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| (name.clone(), resolved(value, &format!("{pointer}/{name}"))))
            .collect::<Map<_, _>>()
            .into(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(index, item)| resolved(item, &format!("{pointer}/{index}")))
            .collect(),
        other => other.clone(),
    }
}

#[test]
fn every_service_of_the_templates_is_accepted() {
    for relative in consumers() {
        for (name, properties) in services(&relative) {
            let request = RequestContext {
                partition: "aws",
                region: "us-east-1",
                account_id: "123456789012",
                stack_id: "arn:aws:cloudformation:us-east-1:123456789012:stack/app/0a1b2c3d",
                logical_resource_id: &name,
                request_id: "one",
                domain_name: "apps.example.com",
            };
            if let Err(problems) = provider_schema::parse(&resolved(&properties, ""), &request) {
                panic!("{name} of {relative}: {problems}");
            }
        }
    }
}

/// The pointers of all members that a schema has, `*` for any item.
fn schema_members(schema: &Value, part: &Value, pointer: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for reference in many(&part["allOf"]).into_iter().chain([part]) {
        if let Some(definition) = reference["$ref"].as_str() {
            let definition = schema.pointer(definition.trim_start_matches('#')).unwrap();
            found.extend(schema_members(schema, definition, pointer));
        }
    }
    for (name, member) in part["properties"].as_object().into_iter().flatten() {
        let pointer = format!("{pointer}/{name}");
        found.extend(schema_members(schema, member, &pointer));
        found.insert(pointer);
    }
    if part["items"].is_object() {
        found.extend(schema_members(
            schema,
            &part["items"],
            &format!("{pointer}/*"),
        ));
    }
    found
}

/// The pointers of all members that a value has, `*` for any item.
fn members(value: &Value, pointer: &str) -> BTreeSet<String> {
    match value {
        Value::Object(_) if is_function(value) => BTreeSet::new(),
        Value::Object(found) => found
            .iter()
            .flat_map(|(name, value)| {
                let pointer = format!("{pointer}/{name}");
                let mut all = members(value, &pointer);
                all.insert(pointer);
                all
            })
            .collect(),
        Value::Array(items) => items
            .iter()
            .flat_map(|item| members(item, &format!("{pointer}/*")))
            .collect(),
        _ => BTreeSet::new(),
    }
}

/// What `Fn::GetAtt` reads, and what no template sets.
fn attributes(schema: &Value) -> BTreeSet<String> {
    many(&schema["readOnlyProperties"])
        .into_iter()
        .map(|pointer| string(pointer).replacen("/properties", "", 1))
        .collect()
}

#[test]
fn all_properties_shows_every_property() {
    let schema = json("provider-schema/express-service.schema.json");
    let attributes = attributes(&schema);
    let mut missing = schema_members(&schema, &schema, "");
    assert!(missing.len() > attributes.len() + 25, "{missing:?}");
    for (_, properties) in services("templates/all-properties.yaml") {
        let shown = members(&properties, "");
        missing.retain(|member| !shown.contains(member));
    }
    missing.retain(|member| {
        !attributes
            .iter()
            .any(|attribute| (attribute.clone() + "/").starts_with(&(member.clone() + "/")))
    });
    assert_eq!(missing, BTreeSet::new());
}

#[test]
fn all_properties_shows_every_attribute() {
    let template = template("templates/all-properties.yaml");
    let outputs = template["Outputs"].to_string();
    for attribute in ATTRIBUTES {
        let read = format!("\"Web.{}\"", attribute.name);
        assert!(outputs.contains(&read), "no output reads {read}");
    }
}

#[test]
fn the_workflow_gives_the_quickstart_all_its_parameters() {
    let workflow = text("templates/examples/github-actions.yml");
    let template = template("templates/quickstart.yaml");
    let parameters = template["Parameters"].as_object().unwrap();
    for name in parameters.keys() {
        assert!(workflow.contains(&format!("{name}=\"$")), "{name}");
    }
    assert_eq!(workflow.matches("=\"$").count(), parameters.len());
}
