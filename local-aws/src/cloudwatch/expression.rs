//! The syntax of metric maths: what can be told of an expression without data.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html>

use std::collections::BTreeSet;

/// The functions, and the words that stand for operators and modes.
const WORDS: &[&str] = &[
    "ABS",
    "AND",
    "AVG",
    "CEIL",
    "DATAPOINT_COUNT",
    "DATE",
    "DAY",
    "DIFF",
    "DIFF_TIME",
    "EPOCH",
    "FILL",
    "FIRST",
    "FLOOR",
    "HOUR",
    "IF",
    "LAST",
    "LINEAR",
    "LOG",
    "LOG10",
    "MAX",
    "METRICS",
    "METRIC_COUNT",
    "MIN",
    "MINUTE",
    "MONTH",
    "OR",
    "PERIOD",
    "RATE",
    "REMOVE_EMPTY",
    "REPEAT",
    "RUNNING_SUM",
    "STDDEV",
    "SUM",
    "TIME_SERIES",
    "YEAR",
];

/// Checks brackets, words and references of the expression of `id`, which may refer to `ids`.
///
/// # Errors
/// What is wrong, in a sentence.
pub(super) fn check(id: &str, text: &str, ids: &BTreeSet<&str>) -> Result<(), String> {
    let refuse = |problem: String| Err(format!("Error in expression '{id}': {problem}"));
    let mut open = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '(' => open.push(')'),
            '[' => open.push(']'),
            ')' | ']' => {
                if open.pop() != Some(character) {
                    return refuse(format!("`{character}` closes nothing"));
                }
            }
            '"' | '\'' => {
                if !rest.by_ref().any(|closing| closing == character) {
                    return refuse("a quotation is not closed".to_owned());
                }
            }
            letter if letter.is_ascii_alphabetic() || letter == '_' => {
                let mut word = String::from(letter);
                while let Some(next) = rest.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
                    word.push(next);
                }
                if word == id {
                    return refuse("it refers to itself".to_owned());
                }
                if !ids.contains(word.as_str()) && !WORDS.contains(&word.as_str()) {
                    return refuse(format!(
                        "`{word}` is neither an id in Metrics nor a function of alarms"
                    ));
                }
            }
            digit if digit.is_ascii_digit() => {
                // A number ends where its digits end; what follows is looked at on its own.
                while rest.next_if(|c| c.is_ascii_digit() || *c == '.').is_some() {}
            }
            '+' | '-' | '*' | '/' | '^' | '<' | '>' | '=' | '!' | '&' | '|' | ',' | '.' => {}
            blank if blank.is_whitespace() => {}
            other => return refuse(format!("`{other}` has no meaning")),
        }
    }
    match open.last() {
        None => Ok(()),
        Some(closing) => refuse(format!("`{closing}` is missing")),
    }
}
