//! Reading the JSON Schema: what more than one generated file asks of it.

use provider_schema::updates::Property;
use serde_json::Value;

/// Whether a template may give this; what is not is only an attribute. `TaskDefinitionArn` is both.
pub fn is_input(schema: &Value, name: &str) -> bool {
    let is_property = Property::ALL
        .iter()
        .any(|property| property.path().split('.').next() == Some(name));
    is_property && schema.pointer(&format!("/properties/{name}")).is_some()
}

/// What a reference stands for.
pub fn resolve<'a>(schema: &'a Value, property: &'a Value) -> &'a Value {
    reference(property)
        .and_then(|reference| schema.pointer(reference.trim_start_matches('#')))
        .unwrap_or(property)
}

/// The name under which the schema defines what a property is, if it refers to a definition.
pub fn definition_name(property: &Value) -> Option<&str> {
    reference(property)?.rsplit('/').next()
}

fn reference(property: &Value) -> Option<&str> {
    let wrapped = property.pointer("/allOf/0/$ref");
    wrapped.or_else(|| property.get("$ref"))?.as_str()
}
