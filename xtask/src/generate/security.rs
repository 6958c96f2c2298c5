//! What the provider may do, from `templates/provider.yaml`: each statement with the comment above it.

use std::collections::BTreeMap;
use std::fmt::Write;

use anyhow::{Context, ensure};
use serde_yaml_ng::Value;

const SID: &str = "- Sid: ";

/// A statement as its lines say it.
struct Commented<'a> {
    resource: &'a str,
    sid: &'a str,
    reason: String,
}

/// A table for each policy of the template.
pub fn tables(template: &str) -> anyhow::Result<String> {
    let mut statements = BTreeMap::new();
    collect(
        &serde_yaml_ng::from_str(template).context("the template is no YAML")?,
        &mut statements,
    );
    let mut text = String::new();
    let mut current = "";
    for Commented {
        resource,
        sid,
        reason,
    } in commented(template)
    {
        ensure!(!reason.is_empty(), "the statement `{sid}` has no comment");
        let statement = statements
            .get(sid)
            .with_context(|| format!("there is no statement `{sid}`"))?;
        if resource != current {
            writeln!(
                text,
                "\n### {resource}\n\n| Statement | For | May | Held by |\n|---|---|---|---|"
            )?;
            current = resource;
        }
        let actions = words(statement.get("Action"));
        let list: Vec<_> = actions.iter().map(|name| format!("`{name}`")).collect();
        writeln!(
            text,
            "| `{sid}` | {reason} | {} | {} |",
            list.join(", "),
            held_by(statement)
        )?;
    }
    Ok(format!("{}\n", text.trim()))
}

/// The statements in the order of the text, each with the comment right above it.
fn commented(template: &str) -> Vec<Commented<'_>> {
    let (mut found, mut resource, mut comment) = (Vec::new(), "", Vec::new());
    for line in template.lines() {
        let words = line.trim();
        if let Some(part) = words.strip_prefix("# ") {
            comment.push(part);
        } else if let Some(sid) = words.strip_prefix(SID) {
            found.push(Commented {
                resource,
                sid,
                reason: linked(&comment.join(" ")),
            });
            comment.clear();
        } else if !matches!(words, "- !If" | "- ManagesDns") {
            // A statement under a condition has its comment above the condition.
            comment.clear();
        }
        let is_of_resources = line.starts_with("  ") && !line.starts_with("   ");
        if let Some(name) = words.strip_suffix(':').filter(|_| is_of_resources) {
            resource = name;
        }
    }
    found
}

/// Every statement of the template, by its `Sid`.
fn collect(value: &Value, found: &mut BTreeMap<String, Value>) {
    match value {
        Value::Mapping(members) => {
            if let Some(sid) = value.get("Sid").and_then(Value::as_str) {
                found.insert(sid.to_owned(), value.clone());
            }
            members.values().for_each(|value| collect(value, found));
        }
        Value::Sequence(items) => items.iter().for_each(|value| collect(value, found)),
        Value::Tagged(tagged) => collect(&tagged.value, found),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn words(value: Option<&Value>) -> Vec<&str> {
    match value {
        Some(Value::Sequence(items)) => items.iter().filter_map(Value::as_str).collect(),
        one => one.and_then(Value::as_str).into_iter().collect(),
    }
}

/// The condition keys of a statement; without any, what its resource says.
fn held_by(statement: &Value) -> String {
    let operators = statement.get("Condition").and_then(Value::as_mapping);
    let keys: Vec<String> = operators
        .into_iter()
        .flat_map(|operators| operators.values())
        .filter_map(Value::as_mapping)
        .flat_map(|keys| keys.keys())
        .filter_map(Value::as_str)
        .map(|key| format!("`{key}`"))
        .collect();
    let is_everything = statement.get("Resource").and_then(Value::as_str) == Some("*");
    match (keys.is_empty(), is_everything) {
        (false, _) => keys.join(", "),
        (true, false) => "the resource's name".to_owned(),
        (true, true) => "nothing".to_owned(),
    }
}

/// Addresses as links.
fn linked(text: &str) -> String {
    let link = |word: &str| {
        if word.starts_with("https://") {
            format!("<{word}>")
        } else {
            word.to_owned()
        }
    };
    text.split(' ').map(link).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = "Resources:
  Policy:
    Properties:
      Statement:
        # Every attempt: see
        # https://example.com
        - Sid: Own
          Action: [a:B, a:C]
          Resource: !Sub x
          # Only where there is a zone.
        - !If
          - ManagesDns
          - Sid: Zone
            Action: b:D
            Resource: \"*\"
            Condition: { StringEquals: { \"aws:x\": y } }
";

    #[test]
    fn each_statement_has_a_row_with_its_comment() {
        assert_eq!(
            tables(TEMPLATE).unwrap(),
            "### Policy\n\n| Statement | For | May | Held by |\n|---|---|---|---|\n\
             | `Own` | Every attempt: see <https://example.com> | `a:B`, `a:C` | the resource's name |\n\
             | `Zone` | Only where there is a zone. | `b:D` | `aws:x` |\n"
        );
    }

    #[test]
    fn a_statement_without_a_comment_is_refused() {
        let bare = TEMPLATE.replace("          # Only where there is a zone.\n", "");
        assert_eq!(
            tables(&bare).unwrap_err().to_string(),
            "the statement `Zone` has no comment"
        );
    }
}
