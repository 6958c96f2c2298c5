//! The text of a failure as the user sees it in the stack's events.
//!
//! One line: CloudFormation's error code, what is wrong, what to do, where to look. It never holds a URL,
//! an environment value or anything of our code.

use express_core::decision::HandlerErrorCode;

use crate::telemetry::{presentable, truncate};

/// The most bytes of a reason, of the 4096 that a whole answer may have: what remains is always enough for
/// the longest ids.
pub const REASON_BYTES_MAX: usize = 1024;

/// Where an operator finds out more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whereabouts {
    /// The request's id: the logs of all its attempts have it.
    pub request_id: String,
    /// The CloudWatch Logs stream of this attempt; empty if unknown.
    pub log_stream: String,
}

/// The reason for a failure: `<code>: <problem>. <remedy>. [operation <id>, log stream <name>]`.
///
/// Never longer than [`REASON_BYTES_MAX`]: a long problem is cut, the remedy and the whereabouts stay, unless
/// they alone are too long. `problem` and `remedy` follow the style of all messages (lower case, no final
/// period) and may contain AWS's words; URLs in them are removed.
#[must_use]
pub fn reason(
    code: HandlerErrorCode,
    problem: &str,
    remedy: Option<&str>,
    whereabouts: &Whereabouts,
) -> String {
    let tail = tail(remedy, whereabouts);
    let mut text = format!("{code}: {}", presentable(problem, problem.len()));
    let room = REASON_BYTES_MAX.saturating_sub(tail.len());
    if text.len() > room {
        truncate(&mut text, room.saturating_sub(CUT.len()));
        text.push_str(CUT);
    }
    if text.ends_with(['.', '?', '!']) {
        // The problem ends its own sentence; the tail begins with a full stop.
        text.push_str(tail.strip_prefix('.').unwrap_or(&tail));
    } else {
        text.push_str(&tail);
    }
    truncate(&mut text, REASON_BYTES_MAX);
    text
}

/// What follows a problem that was cut.
const CUT: &str = "…";

fn tail(remedy: Option<&str>, whereabouts: &Whereabouts) -> String {
    let remedy = remedy.map(|remedy| presentable(remedy, REASON_BYTES_MAX / 2));
    let mut tail = remedy.map_or_else(String::new, |remedy| format!(". {}", capitalised(&remedy)));
    let Whereabouts {
        request_id,
        log_stream,
    } = whereabouts;
    tail.push_str(&format!(". [operation {}", presentable(request_id, 64)));
    if !log_stream.is_empty() {
        tail.push_str(&format!(", log stream {}", presentable(log_stream, 128)));
    }
    tail.push(']');
    tail
}

/// A remedy begins a sentence of its own.
fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(characters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whereabouts() -> Whereabouts {
        Whereabouts {
            request_id: "9f3c-1".into(),
            log_stream: "2026/08/22/[$LATEST]ab12".into(),
        }
    }

    #[test]
    fn a_reason_says_what_is_wrong_what_to_do_and_where_to_look() {
        let text = reason(
            HandlerErrorCode::NotStabilized,
            "service `web` has 0 of 2 tasks\nrunning: see https://host/?signature=canary",
            Some("check the execution role"),
            &whereabouts(),
        );
        assert_eq!(
            text,
            "NotStabilized: service `web` has 0 of 2 tasks running: see [redacted]. Check the execution role. \
             [operation 9f3c-1, log stream 2026/08/22/[$LATEST]ab12]"
        );
    }

    #[test]
    fn without_remedy_and_log_stream_they_are_left_out() {
        let whereabouts = Whereabouts {
            log_stream: String::new(),
            ..whereabouts()
        };
        let text = reason(
            HandlerErrorCode::InvalidRequest,
            "no image",
            None,
            &whereabouts,
        );
        assert_eq!(text, "InvalidRequest: no image. [operation 9f3c-1]");
    }

    #[test]
    fn case_4_a_long_problem_is_cut_and_the_rest_stays() {
        for problem in ["x".repeat(5000), "ä".repeat(5000), "x".repeat(900)] {
            let text = reason(
                HandlerErrorCode::InvalidRequest,
                &problem,
                Some("fix it"),
                &whereabouts(),
            );
            assert!(text.len() <= REASON_BYTES_MAX, "{}", text.len());
            assert!(
                text.ends_with("Fix it. [operation 9f3c-1, log stream 2026/08/22/[$LATEST]ab12]"),
                "{text}"
            );
        }
        let text = reason(
            HandlerErrorCode::InvalidRequest,
            "x",
            Some(&"y".repeat(5000)),
            &whereabouts(),
        );
        assert!(
            text.len() <= REASON_BYTES_MAX && text.starts_with("InvalidRequest: x. Yy"),
            "{text}"
        );
    }
}
