//! Inputs that nobody sends, made of inputs that somebody does: what the properties' parser, the envelope's and the
//! whole function do with them.
//!
//! Every input follows from a seed and its number alone, so that a failure is run again by naming both. What is
//! changed knows JSON and the names and values of real requests ([`mutate`]); random bytes would hardly ever get
//! past the first check. A failing input is printed after [`shrink`] has taken away all that does not matter.

pub mod envelope;
pub mod function;
pub mod mutate;
pub mod properties;
pub mod shrink;

use std::panic::{self, AssertUnwindSafe};
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use mutate::Mutator;

/// The message and place of the latest panic, also of one that somebody caught.
static PANICKED: Mutex<Option<String>> = Mutex::new(None);

/// What is tried: from an input to what became of it, in one word.
pub type Check<'a> = dyn Fn(&Value) -> Result<&'static str, String> + 'a;

/// An input with which something does not hold.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Its number under the seed.
    pub number: u64,
    /// What does not hold.
    pub problem: String,
    /// The input, shrunk.
    pub input: Value,
}

/// Keeps panics for [`examine`] instead of printing them: one that is found is printed with its input.
pub fn note_panics() {
    panic::set_hook(Box::new(|info| {
        let mut panicked = PANICKED.lock().unwrap_or_else(PoisonError::into_inner);
        panicked.get_or_insert_with(|| info.to_string());
    }));
}

/// Runs a check; a panic is a problem like others, also when the code under test has caught it.
///
/// # Errors
/// What does not hold.
pub fn examine(check: &Check<'_>, input: &Value) -> Result<&'static str, String> {
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| check(input)));
    let panicked = PANICKED
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    match (outcome, panicked) {
        (Ok(outcome), None) => outcome,
        (_, Some(message)) => Err(message),
        (Err(_), None) => Err("a panic".to_owned()),
    }
}

/// Tries the inputs with these numbers; `outcome` hears what became of each.
///
/// # Errors
/// The first that fails.
pub fn run(
    seeds: &[Value],
    seed: u64,
    numbers: impl Iterator<Item = u64>,
    check: &Check<'_>,
    mut outcome: impl FnMut(&'static str),
) -> Result<(), Box<Failure>> {
    let mut mutator = Mutator::new(seeds);
    for number in numbers {
        let input = mutator.input(seed, number);
        match examine(check, &input) {
            Ok(word) => outcome(word),
            Err(problem) => {
                return Err(Box::new(Failure {
                    number,
                    problem,
                    input: shrink::shrink(input, &|smaller| examine(check, smaller).is_err()),
                }));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_failure_is_found_shrunk_and_found_again() {
        let seeds = [json!({"Name": "web", "Tags": [{"Key": "a", "Value": "b"}]})];
        let check = |input: &Value| match input["Tags"].as_array() {
            Some(tags) if tags.len() != 1 => Err("not one tag".to_owned()),
            Some(_) | None => Ok("fine"),
        };
        let failure = run(&seeds, 1, 0..10_000, &check, |_| ()).unwrap_err();
        let size = failure.input["Tags"].as_array().unwrap().len();
        assert_ne!(size, 1);
        assert!(failure.input.get("Name").is_none(), "{}", failure.input);
        let again = run(&seeds, 1, failure.number..=failure.number, &check, |_| ());
        assert_eq!(again.unwrap_err().input, failure.input);
    }
}
