//! The JSON Schema of the resource, in the words of CloudFormation's resource type schemas.
//!
//! Properties come from the types, `createOnlyProperties` from the table of changes, and
//! `readOnlyProperties` from the attributes, so that none of it can be stale.
//!
//! AWS: <https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html>

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, RestrictFormats};
use serde_json::{Map, Value, json};

use crate::attributes::{ATTRIBUTES, Attribute};
use crate::properties::Properties;
use crate::updates::{Effect, Property};

/// The schema, as it is written to `express-service.schema.json`.
pub fn json_schema() -> Value {
    let settings = SchemaSettings::draft07()
        .with_transform(RestrictFormats::default())
        .with_transform(RecursiveTransform(without_null));
    let mut root = settings
        .into_generator()
        .into_root_schema_for::<Properties>();
    let mut take = |key: &str| root.remove(key).unwrap_or(Value::Null);
    let mut properties = take("properties");
    if let Value::Object(properties) = &mut properties {
        for attribute in ATTRIBUTES {
            insert(
                properties,
                &attribute.name.split('.').collect::<Vec<_>>(),
                attribute,
            );
        }
    }
    json!({
        "$schema": take("$schema"),
        "typeName": "Custom::ExpressService",
        "description": take("description"),
        "properties": properties,
        "definitions": take("definitions"),
        "required": take("required"),
        "anyOf": [
            { "required": ["TaskDefinitionArn"] },
            { "required": ["ExecutionRoleArn", "PrimaryContainer"] },
        ],
        "additionalProperties": false,
        "createOnlyProperties": pointers(
            Property::ALL
                .iter()
                .filter(|property| property.effect() == Effect::Replacement)
                .map(|property| property.path()),
        ),
        // `TaskDefinitionArn` is an attribute too, but a template may give it.
        "readOnlyProperties": pointers(
            ATTRIBUTES
                .iter()
                .map(|attribute| attribute.name)
                .filter(|name| *name != Property::TaskDefinitionArn.path()),
        ),
        "primaryIdentifier": ["/properties/ServiceArn"],
        "taggable": true,
    })
}

fn pointers<'a>(paths: impl Iterator<Item = &'a str>) -> Vec<String> {
    paths
        .map(|path| format!("/properties/{}", path.replace('.', "/")))
        .collect()
}

/// A property that may be null is one that need not be given; CloudFormation has no null.
fn without_null(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else {
        return;
    };
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(choices)) = object.get_mut("anyOf") {
        choices.retain(|choice| *choice != json!({ "type": "null" }));
        if let [Value::Object(only)] = choices.as_slice() {
            let only = only.clone();
            object.remove("anyOf");
            object.extend(only);
        }
    }
}

/// Puts an attribute where its dotted name says, in objects that hold nothing else.
fn insert(properties: &mut Map<String, Value>, path: &[&str], attribute: &Attribute) {
    match path {
        [] => {}
        // `TaskDefinitionArn` is a property already.
        [name] if properties.contains_key(*name) => {}
        [name] => {
            let mut schema = json!({ "description": attribute.meaning, "type": "string" });
            if attribute.is_list {
                schema = json!({
                    "description": attribute.meaning,
                    "type": "array",
                    "items": { "type": "string" },
                });
            }
            properties.insert((*name).to_owned(), schema);
        }
        [name, rest @ ..] => {
            let object = properties.entry((*name).to_owned()).or_insert_with(
                || json!({ "type": "object", "additionalProperties": false, "properties": {} }),
            );
            if let Some(Value::Object(members)) = object.get_mut("properties") {
                insert(members, rest, attribute);
            }
        }
    }
}
