//! The templates: that they fit the code they install and the contract they show. Whether AWS takes their form is for
//! cfn-lint and `sam validate`, which `cargo xtask test templates` runs.

mod consumers;
mod operations;
mod permissions;
mod provider;
mod waiter;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};
use serde_yaml_ng::Value as Yaml;

/// A file of the repository.
fn path(relative: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .with_file_name("")
        .join(relative)
}

fn text(relative: &str) -> String {
    let path = path(relative);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A template as CloudFormation reads it: functions in their long form.
fn template(relative: &str) -> Value {
    let yaml = serde_yaml_ng::from_str(&text(relative));
    long_form(yaml.unwrap_or_else(|error| panic!("{relative}: {error}")))
}

/// The properties of a resource of the provider's template.
fn properties(logical_id: &str) -> Value {
    let found = template("templates/provider.yaml")["Resources"][logical_id]["Properties"].take();
    assert!(found.is_object(), "{logical_id} has no properties");
    found
}

/// `!Sub x` is `{"Fn::Sub": x}`; only `Ref` and `Condition` have no prefix.
/// AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html>
fn long_form(yaml: Yaml) -> Value {
    match yaml {
        Yaml::Tagged(tagged) => {
            let tag = tagged.tag.to_string();
            let name = match tag.trim_start_matches('!') {
                name @ ("Ref" | "Condition") => name.to_owned(),
                name => format!("Fn::{name}"),
            };
            json!({ name: long_form(tagged.value) })
        }
        Yaml::Sequence(items) => items.into_iter().map(long_form).collect(),
        Yaml::Mapping(members) => members
            .into_iter()
            .map(|(name, value)| (scalar(&name), long_form(value)))
            .collect::<Map<_, _>>()
            .into(),
        Yaml::Null => Value::Null,
        Yaml::Bool(value) => value.into(),
        Yaml::String(value) => value.into(),
        Yaml::Number(value) => serde_json::to_value(value).unwrap(),
    }
}

fn scalar(name: &Yaml) -> String {
    match name {
        Yaml::String(name) => name.clone(),
        other => panic!("{other:?} is not a name"),
    }
}

/// One or many, as IAM and CloudFormation allow in many places.
fn many(value: &Value) -> Vec<&Value> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(items) => items.iter().collect(),
        one => vec![one],
    }
}

fn string(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => panic!("{other} is not a string"),
    }
}
