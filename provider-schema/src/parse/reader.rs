//! Reads one JSON object strictly: scalars, lists, objects, and no member that nobody asked for.
//!
//! The known names of an object are the names that were read from it, so a name cannot be read and
//! yet be refused, nor be accepted and yet be ignored. Null and the empty string count as not
//! given: they are what a template's `!If [Condition, value, ""]` leaves. So does a list of one
//! empty string, which an empty `CommaDelimitedList` parameter becomes. Where an empty string is
//! a value of its own (an environment variable, a tag), [`Members::required_value`] reads it.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::unknown;
use crate::error::{Pointer, PropertyErrors};

/// What was found under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading<T> {
    Absent,
    /// Something that is not allowed; already reported.
    Invalid,
    Given(T),
}

impl<T> Reading<T> {
    /// The value that counts; `None` if it is invalid.
    pub(crate) fn or(self, default: T) -> Option<T> {
        match self {
            Self::Absent => Some(default),
            Self::Invalid => None,
            Self::Given(value) => Some(value),
        }
    }

    pub(crate) fn given(self) -> Option<T> {
        match self {
            Self::Absent | Self::Invalid => None,
            Self::Given(value) => Some(value),
        }
    }
}

/// One object of the properties, and which of its names were read.
pub(crate) struct Members<'a> {
    values: &'a Map<String, Value>,
    pointer: Pointer,
    known: Vec<&'static str>,
}

impl<'a> Members<'a> {
    /// The members of `value`; `None`, and a problem, if it is no object.
    pub(crate) fn of(
        value: &'a Value,
        pointer: Pointer,
        problems: &mut PropertyErrors,
    ) -> Option<Self> {
        let Value::Object(values) = value else {
            problems.add(
                &pointer,
                format!("expected an object, found {}", kind(value)),
            );
            return None;
        };
        Some(Self {
            values,
            pointer,
            known: Vec::new(),
        })
    }

    /// The place of a member.
    pub(crate) fn pointer(&self, name: &str) -> Pointer {
        self.pointer.member(name)
    }

    /// Whether a member is there and neither null nor empty.
    pub(crate) fn is_given(&self, name: &str) -> bool {
        self.values.get(name).is_some_and(|value| !is_empty(value))
    }

    /// Whether an object is there and has the member `inner`, neither null nor empty.
    pub(crate) fn is_given_within(&self, name: &str, inner: &str) -> bool {
        let inner = self.values.get(name).and_then(|value| value.get(inner));
        inner.is_some_and(|value| !is_empty(value))
    }

    /// A scalar, read as text and judged by `rule`.
    pub(crate) fn scalar<T>(
        &mut self,
        name: &'static str,
        problems: &mut PropertyErrors,
        rule: impl FnOnce(&str) -> Result<T, String>,
    ) -> Reading<T> {
        match self.find(name) {
            Some(value) => judge(value, &self.pointer(name), problems, rule),
            None => Reading::Absent,
        }
    }

    /// A scalar that must be there.
    pub(crate) fn required<T>(
        &mut self,
        name: &'static str,
        problems: &mut PropertyErrors,
        rule: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let reading = self.scalar(name, problems, rule);
        if matches!(reading, Reading::Absent) {
            problems.add(&self.pointer(name), "is required");
        }
        reading.given()
    }

    /// A scalar that must be there, and may be the empty string.
    pub(crate) fn required_value<T>(
        &mut self,
        name: &'static str,
        problems: &mut PropertyErrors,
        rule: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        self.known.push(name);
        match self.values.get(name) {
            None | Some(Value::Null) => {
                problems.add(&self.pointer(name), "is required");
                None
            }
            Some(value) => judge(value, &self.pointer(name), problems, rule).given(),
        }
    }

    /// An object. `Invalid` if it is something else.
    pub(crate) fn object(
        &mut self,
        name: &'static str,
        problems: &mut PropertyErrors,
    ) -> Reading<Members<'a>> {
        match self.find(name) {
            None => Reading::Absent,
            Some(value) => match Members::of(value, self.pointer(name), problems) {
                Some(members) => Reading::Given(members),
                None => Reading::Invalid,
            },
        }
    }

    /// A list of objects; empty if it is absent or invalid.
    pub(crate) fn objects(
        &mut self,
        name: &'static str,
        problems: &mut PropertyErrors,
    ) -> Vec<Members<'a>> {
        let items = self.items(name, "objects", problems);
        let pointer = self.pointer(name);
        let mut objects = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            objects.extend(Members::of(item, pointer.item(index), problems));
        }
        objects
    }

    /// A list of scalars, each judged by `rule`; `None` for each that is invalid.
    pub(crate) fn scalars<T>(
        &mut self,
        name: &'static str,
        problems: &mut PropertyErrors,
        rule: impl Fn(&str) -> Result<T, String>,
    ) -> Vec<Option<T>> {
        let items = self.items(name, "strings", problems);
        if let [only] = items
            && is_empty(only)
        {
            return Vec::new();
        }
        let pointer = self.pointer(name);
        let judged = items
            .iter()
            .enumerate()
            .map(|(index, item)| judge(item, &pointer.item(index), problems, &rule).given());
        judged.collect()
    }

    /// Reports every member that was not read.
    pub(crate) fn finish(self, problems: &mut PropertyErrors) {
        let names = self.values.keys().map(String::as_str);
        let unread = names.filter(|name| !self.known.contains(name));
        for (name, problem) in unknown::explain(unread, &self.known, self.pointer.as_str()) {
            problems.add(&self.pointer.member(name), problem);
        }
    }

    fn find(&mut self, name: &'static str) -> Option<&'a Value> {
        self.known.push(name);
        self.values.get(name).filter(|value| !is_empty(value))
    }

    fn items(
        &mut self,
        name: &'static str,
        of_what: &str,
        problems: &mut PropertyErrors,
    ) -> &'a [Value] {
        match self.find(name) {
            None => &[],
            Some(Value::Array(items)) => items,
            Some(other) => {
                let problem = format!("expected a list of {of_what}, found {}", kind(other));
                problems.add(&self.pointer(name), problem);
                &[]
            }
        }
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => false,
    }
}

/// CloudFormation sends every scalar as a string; a caller that sends real numbers and booleans
/// means the same text.
fn judge<T>(
    value: &Value,
    pointer: &Pointer,
    problems: &mut PropertyErrors,
    rule: impl FnOnce(&str) -> Result<T, String>,
) -> Reading<T> {
    let text: Cow<'_, str> = match value {
        Value::String(text) => Cow::Borrowed(text),
        Value::Number(number) => Cow::Owned(number.to_string()),
        Value::Bool(boolean) => Cow::Owned(boolean.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => {
            problems.add(pointer, format!("expected a string, found {}", kind(value)));
            return Reading::Invalid;
        }
    };
    match rule(&text) {
        Ok(value) => Reading::Given(value),
        Err(problem) => {
            problems.add(pointer, problem);
            Reading::Invalid
        }
    }
}

/// What a value is, without saying what is in it.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
