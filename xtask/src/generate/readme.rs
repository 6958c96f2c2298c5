//! What is generated in the README: the tables of properties, of attributes, and of what a change of each property
//! does; and the screens of `express monitor`, which the integration tests have seen.

use std::fmt::Write;

use anyhow::{Context, bail};
use provider_schema::ATTRIBUTES;
use provider_schema::updates::Property;
use serde_json::Value;

use super::schema::{is_input, resolve, without_zero_decimal};

const BEGIN: &str = "<!-- generated: ";
const BEGIN_END: &str = " -->";
const END: &str = "<!-- end generated -->";

/// A table or a screen, and the name that its marker has.
pub struct Table {
    pub name: &'static str,
    pub text: String,
}

pub fn tables(schema: &Value) -> anyhow::Result<[Table; 3]> {
    let mut properties = rows_of("| Property | Type | Default | Meaning |");
    add_properties(&mut properties, schema, schema, "")?;
    let mut attributes = rows_of("| Attribute | Meaning |");
    for attribute in ATTRIBUTES {
        let kind = if attribute.is_list { " (list)" } else { "" };
        writeln!(
            attributes,
            "| `{}`{kind} | {} |",
            attribute.name, attribute.meaning
        )?;
    }
    let mut updates = rows_of("| Property | A change is | |");
    for property in Property::ALL {
        let (path, effect) = (property.path(), property.effect().name());
        writeln!(updates, "| `{path}` | {effect} | {} |", property.note())?;
    }
    Ok([
        Table {
            name: "properties",
            text: properties,
        },
        Table {
            name: "attributes",
            text: attributes,
        },
        Table {
            name: "updates",
            text: updates,
        },
    ])
}

/// The screens, from what `tests/tests/it/monitor.rs` has accepted; `read` reads a file of the repository.
pub fn screens(read: impl Fn(&str) -> anyhow::Result<String>) -> anyhow::Result<[Table; 2]> {
    let screen = |name, path| -> anyhow::Result<Table> {
        let text = format!("```text\n{}```\n", read(path)?);
        Ok(Table { name, text })
    };
    Ok([
        screen("canary", "tests/golden/monitor_canary_screen.txt")?,
        screen("rollback", "tests/golden/monitor_rollback_screen.txt")?,
    ])
}

/// A text with every table in its place. Text outside the markers stays as it is.
pub fn with_tables(readme: &str, tables: &[Table]) -> anyhow::Result<String> {
    let mut text = String::new();
    let mut rest = readme;
    let mut missing: Vec<&str> = tables.iter().map(|table| table.name).collect();
    while let Some((before, from_marker)) = rest.split_once(BEGIN) {
        let (name, inside) = from_marker
            .split_once(BEGIN_END)
            .context("a marker is not closed by ` -->`")?;
        let (_, after) = inside
            .split_once(END)
            .with_context(|| format!("`{name}` has no `{END}`"))?;
        let table = tables.iter().find(|table| table.name == name);
        let table = table.with_context(|| format!("there is no table `{name}`"))?;
        missing.retain(|missing| *missing != name);
        write!(
            text,
            "{before}{BEGIN}{name}{BEGIN_END}\n{}{END}",
            table.text
        )?;
        rest = after;
    }
    if !missing.is_empty() {
        bail!("no marker for {}", missing.join(", "));
    }
    text.push_str(rest);
    Ok(text)
}

fn rows_of(header: &str) -> String {
    let columns = header.matches('|').count() - 1;
    format!("{header}\n|{}\n", "---|".repeat(columns))
}

/// A row for each property of `object`, each followed by the properties within it.
fn add_properties(
    rows: &mut String,
    schema: &Value,
    object: &Value,
    prefix: &str,
) -> anyhow::Result<()> {
    let properties = object.get("properties").and_then(Value::as_object);
    for (name, property) in properties.context("an object without properties")? {
        if prefix.is_empty() && !is_input(schema, name) {
            continue;
        }
        let path = format!("{prefix}{name}");
        let meaning = meaning(property).with_context(|| format!("`{path}` has no comment"))?;
        let kind = resolve(schema, property);
        let default = default(object, name, property, kind);
        writeln!(
            rows,
            "| `{path}` | {} | {default} | {meaning} |",
            type_name(kind)
        )?;
        if kind.get("properties").is_some() {
            add_properties(rows, schema, kind, &format!("{path}."))?;
        }
        if let Some(items) = kind.get("items").map(|items| resolve(schema, items))
            && items.get("properties").is_some()
        {
            add_properties(rows, schema, items, &format!("{path}[]."))?;
        }
    }
    Ok(())
}

/// The first paragraph of the comment, on one line.
fn meaning(property: &Value) -> Option<String> {
    let comment = property.get("description")?.as_str()?;
    let paragraph = comment.split("\n\n").next()?;
    Some(paragraph.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn type_name(kind: &Value) -> String {
    if let Some(values) = kind.get("enum").and_then(Value::as_array) {
        let values: Vec<String> = values
            .iter()
            .map(|value| match value {
                Value::String(word) => format!("`{word}`"),
                other => format!("`{other}`"),
            })
            .collect();
        return values.join(", ");
    }
    match kind.get("type").and_then(Value::as_str) {
        Some("array") => "list".to_owned(),
        Some(name) => name.to_owned(),
        None => String::new(),
    }
}

/// What is taken if a property is not given; an object says so member by member.
fn default(object: &Value, name: &str, property: &Value, kind: &Value) -> String {
    let required = object.get("required").and_then(Value::as_array);
    if required.is_some_and(|names| names.iter().any(|required| required == name)) {
        return "required".to_owned();
    }
    if let Some(instead) = alternative(object, name) {
        return format!("required unless {instead}");
    }
    match property.get("default") {
        Some(Value::String(text)) => format!("`{text}`"),
        Some(number @ Value::Number(_)) => format!("`{}`", without_zero_decimal(number)),
        Some(Value::Bool(truth)) => format!("`{truth}`"),
        _ if kind.get("properties").is_some() => String::new(),
        _ => "–".to_owned(),
    }
}

/// What may be given in place of a property, if it belongs to one of several sets of which one is
/// required.
fn alternative(object: &Value, name: &str) -> Option<String> {
    let sets = object.get("anyOf")?.as_array()?;
    let names_of = |set: &Value| -> Vec<String> {
        let names = set
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        names.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let (with, without): (Vec<_>, Vec<_>) = sets
        .iter()
        .map(names_of)
        .partition(|names| names.iter().any(|member| member == name));
    if with.is_empty() {
        return None;
    }
    let others: Vec<String> = without
        .concat()
        .iter()
        .map(|name| format!("`{name}`"))
        .collect();
    Some(others.join(" and "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one_table() -> [Table; 1] {
        [Table {
            name: "t",
            text: "| new |\n".to_owned(),
        }]
    }

    #[test]
    fn only_what_is_between_the_markers_changes() {
        let readme = "# A\n<!-- generated: t -->\nold\n<!-- end generated -->\nrest\n";
        let expected = "# A\n<!-- generated: t -->\n| new |\n<!-- end generated -->\nrest\n";
        let filled = with_tables(readme, &one_table()).unwrap();
        assert_eq!(filled, expected);
        assert_eq!(with_tables(&filled, &one_table()).unwrap(), expected);
    }

    #[test]
    fn a_wrong_marker_is_an_error() {
        for (readme, problem) in [
            ("# A\n", "no marker for t"),
            (
                "<!-- generated: x -->\n<!-- end generated -->",
                "there is no table `x`",
            ),
            (
                "<!-- generated: t -->\n",
                "`t` has no `<!-- end generated -->`",
            ),
            ("<!-- generated: t", "a marker is not closed by ` -->`"),
        ] {
            assert_eq!(
                with_tables(readme, &one_table()).unwrap_err().to_string(),
                problem
            );
        }
    }

    #[test]
    fn a_screen_is_shown_as_it_is() {
        let screens = screens(|path| Ok(format!("✓ {path}\n"))).unwrap();
        let expected = "```text\n✓ tests/golden/monitor_canary_screen.txt\n```\n";
        assert_eq!(
            (screens[0].name, screens[0].text.as_str()),
            ("canary", expected)
        );
    }

    #[test]
    fn every_property_has_a_row() {
        let [properties, _, updates] = tables(&provider_schema::json_schema()).unwrap();
        for property in Property::ALL {
            let row = format!("| `{}` | ", property.path());
            assert!(properties.text.contains(&row), "{row}");
            assert!(updates.text.contains(&row), "{row}");
        }
        assert!(!properties.text.contains("Endpoint"), "{}", properties.text);
    }
}
