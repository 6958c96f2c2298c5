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

/// A number as people write it: `5`, where the schema has `5.0` because decimals are allowed.
pub fn without_zero_decimal(value: &Value) -> Value {
    let text = value.as_f64().map(|number| number.to_string());
    let whole = text.and_then(|text| text.parse::<i64>().ok());
    whole.map_or_else(|| value.clone(), Value::from)
}

fn reference(property: &Value) -> Option<&str> {
    let wrapped = property.pointer("/allOf/0/$ref");
    wrapped.or_else(|| property.get("$ref"))?.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_a_decimal_that_says_nothing_is_left_out() {
        assert_eq!(without_zero_decimal(&json!(5.0)), json!(5));
        assert_eq!(without_zero_decimal(&json!(0.1)), json!(0.1));
        assert_eq!(without_zero_decimal(&json!(3600)), json!(3600));
        assert_eq!(without_zero_decimal(&json!("5.0")), json!("5.0"));
    }
}
