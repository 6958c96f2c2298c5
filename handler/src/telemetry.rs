//! Logs: one JSON line per event, and values that must never be in one.
//!
//! INFO tells the story of an operation, DEBUG has more, WARN means that we recovered from something
//! unexpected, ERROR that a person should look. The level comes from Lambda's own setting. Other
//! crates are silent below WARN whatever the level: at TRACE the Lambda runtime would print whole
//! events, and those contain the response URL and environment values.

use std::fmt;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Lambda's log level setting.
///
/// AWS: <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-advanced.html>
pub const LOG_LEVEL_VARIABLE: &str = "AWS_LAMBDA_LOG_LEVEL";

/// The crates whose events are ours to show.
const OUR_TARGETS: [&str; 4] = [
    "bootstrap",
    "express_handler",
    "express_core",
    "provider_schema",
];

/// What stands where a secret or a URL was.
const REDACTED: &str = "[redacted]";

/// A value that no log, error text or trace may show: it has no `Display`, and its `Debug` says
/// `[redacted]`.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Sensitive<T>(T);

impl<T> Sensitive<T> {
    /// Marks `value` as not to be shown.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value, for the one place that has to send it. Never for a message.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Sensitive<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

/// `text` without URLs, on one line and at most `bytes_max` bytes long.
///
/// AWS's messages are shown to users and written to logs. A URL in one may be a signed one, that is, a
/// credential; control characters would break the log line and the stack event.
#[must_use]
pub fn presentable(text: &str, bytes_max: usize) -> String {
    let mut clean = String::with_capacity(text.len().min(bytes_max));
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()) {
        if word.is_empty() {
            continue;
        }
        if !clean.is_empty() {
            clean.push(' ');
        }
        match word.find("://") {
            Some(at) => {
                // What precedes the scheme, such as an opening quote, is not part of the URL.
                let (before, _) = word.split_at(at);
                clean.push_str(before.trim_end_matches(|c: char| c.is_ascii_alphanumeric()));
                clean.push_str(REDACTED);
                if before.contains('`') {
                    // A quotation that ends with the URL is still one.
                    clean.push('`');
                }
            }
            None => clean.push_str(word),
        }
    }
    truncate(&mut clean, bytes_max);
    clean
}

/// Cuts `text` to at most `bytes_max` bytes, at a character boundary.
pub fn truncate(text: &mut String, bytes_max: usize) {
    text.truncate(text.floor_char_boundary(bytes_max));
}

/// Starts logging to standard output, which Lambda sends to CloudWatch Logs.
///
/// `level` is the value of [`LOG_LEVEL_VARIABLE`]: TRACE, DEBUG, INFO, WARN, ERROR or FATAL, in any case;
/// INFO if it is unset or something else. A second call has no effect.
pub fn start(level: Option<&str>) {
    let format = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false);
    let started = tracing_subscriber::registry()
        .with(format)
        .with(targets(level))
        .try_init();
    if started.is_err() {
        tracing::debug!(event = "telemetry.already_started");
    }
}

/// Our crates at `level`, all others at WARN.
fn targets(level: Option<&str>) -> Targets {
    let level = match level.map(str::to_ascii_uppercase).as_deref() {
        Some("TRACE") => LevelFilter::TRACE,
        Some("DEBUG") => LevelFilter::DEBUG,
        Some("WARN") => LevelFilter::WARN,
        Some("ERROR" | "FATAL") => LevelFilter::ERROR,
        Some(_) | None => LevelFilter::INFO,
    };
    Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_targets(OUR_TARGETS.map(|target| (target, level)))
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn sensitive_values_are_not_shown() {
        let url = Sensitive::new("https://host/?signature=abc".to_owned());
        assert_eq!(
            format!("{url:?} {:?}", Some(&url)),
            "[redacted] Some([redacted])"
        );
    }

    #[test]
    fn urls_and_line_breaks_leave_messages() {
        for (text, expected) in [
            ("plain text", "plain text"),
            ("see https://a/?sig=1 now", "see [redacted] now"),
            ("'https://a/?sig=1'", "'[redacted]"),
            ("`https://a/?sig=1` is", "`[redacted]` is"),
            ("(url=http://a)", "(url=[redacted]"),
            ("two\nlines\t\u{7}end", "two lines end"),
            ("arn:aws:iam::1:role/x", "arn:aws:iam::1:role/x"),
            ("", ""),
        ] {
            assert_eq!(presentable(text, 100), expected, "{text}");
        }
    }

    #[test]
    fn text_is_cut_between_characters() {
        assert_eq!(presentable("aäb", 2), "a");
        assert_eq!(presentable("aäb", 3), "aä");
        assert_eq!(presentable("aäb", 4), "aäb");
    }

    #[test]
    fn other_crates_are_silent_below_warn_at_every_level() {
        for level in [
            Some("TRACE"),
            Some("debug"),
            Some("INFO"),
            Some("nonsense"),
            None,
        ] {
            let targets = targets(level);
            assert!(
                !targets.would_enable("lambda_runtime", &Level::INFO),
                "{level:?}"
            );
            assert!(
                !targets.would_enable("aws_smithy_runtime::client", &Level::DEBUG),
                "{level:?}"
            );
            assert!(
                targets.would_enable("express_handler::operation", &Level::INFO),
                "{level:?}"
            );
        }
        assert!(targets(Some("trace")).would_enable("express_handler", &Level::TRACE));
        assert!(!targets(Some("WARN")).would_enable("express_handler", &Level::INFO));
        assert!(!targets(Some("FATAL")).would_enable("hyper", &Level::WARN));
    }
}
