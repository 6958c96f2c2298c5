//! Writing outputs as XML.

use serde_json::Value;

use super::input::as_timestamp;

/// How a protocol writes the elements of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lists {
    /// Query: `<Name><member>…</member></Name>`
    Member,
    /// EC2: `<nameSet><item>…</item></nameSet>`
    Item,
    /// REST-XML: the element is repeated under its own name.
    Repeated,
}

/// `<name>…</name>`; nothing for null.
pub(super) fn element(name: &str, value: &Value, lists: Lists) -> String {
    if let Some(ms) = as_timestamp(value) {
        return format!("<{name}>{}</{name}>", iso8601(ms));
    }
    match value {
        Value::Null => String::new(),
        Value::Bool(flag) => format!("<{name}>{flag}</{name}>"),
        Value::Number(number) => format!("<{name}>{number}</{name}>"),
        Value::String(text) => format!("<{name}>{}</{name}>", escape(text)),
        Value::Object(_) => format!("<{name}>{}</{name}>", members(value, lists)),
        Value::Array(items) => list(name, items, lists),
    }
}

/// The members of a structure, one element each.
pub(super) fn members(value: &Value, lists: Lists) -> String {
    value
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, member)| element(name, member, lists))
        .collect()
}

fn list(name: &str, items: &[Value], lists: Lists) -> String {
    let all = |item_name: &str| -> String {
        items
            .iter()
            .map(|item| element(item_name, item, lists))
            .collect()
    };
    match lists {
        Lists::Member => format!("<{name}>{}</{name}>", all("member")),
        Lists::Item => format!("<{name}>{}</{name}>", all("item")),
        Lists::Repeated => all(name),
    }
}

pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            other => escaped.push(other),
        }
    }
    escaped
}

fn iso8601(ms: u64) -> String {
    use aws_smithy_types::date_time::{DateTime, Format};
    let millis = i64::try_from(ms).unwrap_or(i64::MAX);
    DateTime::from_millis(millis)
        .fmt(Format::DateTime)
        .unwrap_or_default()
}
