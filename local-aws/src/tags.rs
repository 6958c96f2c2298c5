//! Tags, where a service follows AWS's common rules.
//!
//! AWS: <https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html>

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::wire::Input;

/// Tags of one resource.
pub(crate) const TAGS_MAX: usize = 50;
/// Characters of a key.
const KEY_CHARACTERS_MAX: usize = 128;
/// Characters of a value.
const VALUE_CHARACTERS_MAX: usize = 256;
/// Keys that begin so are AWS's own.
const RESERVED_PREFIX: &str = "aws:";

/// The tags of one resource, by key.
pub(crate) type Tags = BTreeMap<String, String>;

/// Why tags are refused; each service has codes of its own for these.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TagProblem {
    /// A key that is missing, too long, reserved or given twice, or a value that is too long.
    #[error("{0}")]
    Malformed(String),
    /// More than [`TAGS_MAX`].
    #[error("a resource has at most {TAGS_MAX} tags")]
    TooMany,
}

/// Reads the list `name` of `{Key, Value}` structures.
pub(crate) fn from_list(input: Input<'_>, name: &str) -> Result<Tags, TagProblem> {
    let pairs = input.items(name).map(|tag| {
        let value = tag.text("Value").unwrap_or_default();
        (tag.text("Key").unwrap_or_default(), value)
    });
    checked(pairs)
}

/// Reads the map `name` of keys to values.
pub(crate) fn from_map(input: Input<'_>, name: &str) -> Result<Tags, TagProblem> {
    let members = input.member(name).and_then(Value::as_object);
    let pairs = members
        .into_iter()
        .flatten()
        .map(|(key, value)| (key.as_str(), value.as_str().unwrap_or_default()));
    checked(pairs)
}

/// Adds `added` to `tags`; a known key gets the new value.
pub(crate) fn merge(tags: &mut Tags, added: Tags) -> Result<(), TagProblem> {
    let fresh = added.keys().filter(|key| !tags.contains_key(*key)).count();
    if tags.len() + fresh > TAGS_MAX {
        return Err(TagProblem::TooMany);
    }
    tags.extend(added);
    Ok(())
}

/// As a list of `{Key, Value}` structures.
pub(crate) fn to_list(tags: &Tags) -> Value {
    tags.iter()
        .map(|(key, value)| json!({"Key": key, "Value": value}))
        .collect()
}

fn checked<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Result<Tags, TagProblem> {
    let mut tags = Tags::new();
    for (key, value) in pairs {
        let malformed = |problem: &str| {
            Err(TagProblem::Malformed(format!(
                "the tag key `{key}` {problem}"
            )))
        };
        if key.is_empty() || key.chars().count() > KEY_CHARACTERS_MAX {
            return malformed("does not have 1 to 128 characters");
        }
        if key.to_ascii_lowercase().starts_with(RESERVED_PREFIX) {
            return malformed("begins with `aws:`, which is reserved");
        }
        if value.chars().count() > VALUE_CHARACTERS_MAX {
            return malformed("has a value of more than 256 characters");
        }
        if tags.insert(key.to_owned(), value.to_owned()).is_some() {
            return malformed("is given twice");
        }
    }
    if tags.len() > TAGS_MAX {
        return Err(TagProblem::TooMany);
    }
    Ok(tags)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{TagProblem, from_list, from_map, merge, to_list};
    use crate::wire::Input;

    #[test]
    fn malformed_tags_are_refused() {
        let long_key = "k".repeat(129);
        let long_value = "v".repeat(257);
        for tags in [
            json!([{"Key": "", "Value": "v"}]),
            json!([{"Value": "v"}]),
            json!([{"Key": "AWS:x", "Value": "v"}]),
            json!([{"Key": "k", "Value": "1"}, {"Key": "k", "Value": "2"}]),
            json!([{"Key": long_key, "Value": "v"}]),
            json!([{"Key": "k", "Value": long_value}]),
        ] {
            let input = json!({ "Tags": tags });
            let refused = from_list(Input::new(&input), "Tags");
            assert!(matches!(refused, Err(TagProblem::Malformed(_))), "{input}");
        }
    }

    #[test]
    fn fifty_tags_fit_and_one_more_does_not() {
        let input = json!({"tags": (0..50).map(|n| (n.to_string(), "v".into())).collect::<serde_json::Map<_, _>>()});
        let mut tags = from_map(Input::new(&input), "tags").unwrap();
        let known = json!({"tags": {"7": "new"}});
        merge(&mut tags, from_map(Input::new(&known), "tags").unwrap()).unwrap();
        assert_eq!(tags["7"], "new");
        let fresh = json!({"tags": {"fresh": "v"}});
        let fresh = from_map(Input::new(&fresh), "tags").unwrap();
        assert_eq!(merge(&mut tags, fresh), Err(TagProblem::TooMany));
        assert_eq!(to_list(&tags).as_array().unwrap().len(), 50);
    }
}
