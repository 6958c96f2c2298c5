//! What is wrong with the properties of a request: everything at once, each with its place.
//!
//! A message never contains an environment value, a secret or the place of one: rules for those
//! say what is wrong without repeating it.

use std::fmt;

use crate::limits::{PROBLEMS_BYTES_MAX, QUOTED_LENGTH_MAX};

/// One problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PropertyError {
    /// JSON Pointer (RFC 6901) to the property; empty for the properties as a whole.
    pub path: String,
    /// What is wrong and what would be right; one line.
    pub problem: String,
}

/// All problems of a request, roughly in the order in which the properties are documented.
///
/// Displayed, they are one line of at most [`PROBLEMS_BYTES_MAX`] bytes; what does not fit is
/// counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PropertyErrors(pub Vec<PropertyError>);

impl PropertyErrors {
    pub(crate) fn add(&mut self, pointer: &Pointer, problem: impl Into<String>) {
        self.0.push(PropertyError {
            path: pointer.0.clone(),
            problem: problem.into(),
        });
    }
}

impl fmt::Display for PropertyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, problem } = self;
        if path.is_empty() {
            write!(f, "{problem}")
        } else {
            write!(f, "{path}: {problem}")
        }
    }
}

impl fmt::Display for PropertyErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = String::new();
        for (index, error) in self.0.iter().enumerate() {
            let text = error.to_string();
            let separator = if index == 0 { "" } else { "; " };
            if index > 0 && line.len() + separator.len() + text.len() > PROBLEMS_BYTES_MAX {
                return write!(f, "{line}; and {} more", self.0.len() - index);
            }
            line.push_str(separator);
            line.push_str(&text);
        }
        f.write_str(&line)
    }
}

impl std::error::Error for PropertyErrors {}

/// A JSON Pointer under construction.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pointer(String);

impl Pointer {
    /// The place of a member. A name that a user made up is shortened like any quoted value.
    pub(crate) fn member(&self, name: &str) -> Self {
        let name = printable(name).replace('~', "~0").replace('/', "~1");
        Self(format!("{}/{name}", self.0))
    }

    pub(crate) fn item(&self, index: usize) -> Self {
        Self(format!("{}/{index}", self.0))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// A user's value as it appears in a message.
pub(crate) fn quoted(text: &str) -> String {
    format!("`{}`", printable(text))
}

/// One line of at most [`QUOTED_LENGTH_MAX`] characters and a mark that something was cut.
fn printable(text: &str) -> String {
    let mut characters = text.chars();
    let mut line: String = characters
        .by_ref()
        .take(QUOTED_LENGTH_MAX)
        .map(|c| {
            if breaks_a_line(c) {
                char::REPLACEMENT_CHARACTER
            } else {
                c
            }
        })
        .collect();
    if characters.next().is_some() {
        line.push('…');
    }
    line
}

fn breaks_a_line(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_slashes_and_tildes_are_escaped_in_pointers() {
        let pointer = Pointer::default().member("a/b~c").item(3);
        assert_eq!(pointer.as_str(), "/a~1b~0c/3");
    }

    #[test]
    fn quoted_values_are_one_short_line() {
        assert_eq!(quoted("a\nb\u{2028}c"), "`a\u{fffd}b\u{fffd}c`");
        assert_eq!(quoted(&"é".repeat(64)), format!("`{}`", "é".repeat(64)));
        assert_eq!(quoted(&"é".repeat(65)), format!("`{}…`", "é".repeat(64)));
    }

    #[test]
    fn the_line_of_many_problems_is_bounded_and_counts_the_rest() {
        let mut errors = PropertyErrors::default();
        for index in 0..1000 {
            errors.add(&Pointer::default().item(index), "x".repeat(90));
        }
        let line = errors.to_string();
        assert!(
            line.len() <= PROBLEMS_BYTES_MAX + " and 1000 more; ".len(),
            "{}",
            line.len()
        );
        assert!(line.ends_with("; and 991 more"), "{line}");
    }
}
