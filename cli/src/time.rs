//! Times for people and programs, always in UTC.

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;

/// Milliseconds since the epoch of a time of AWS's; none before the epoch.
#[must_use]
pub fn millis(time: &DateTime) -> Option<u64> {
    u64::try_from(time.to_millis().ok()?).ok()
}

/// `2026-01-01T12:30:05Z`
#[must_use]
pub fn rfc3339(at_ms: u64) -> String {
    let seconds = i64::try_from(at_ms / 1000).unwrap_or_default();
    DateTime::from_secs(seconds)
        .fmt(Format::DateTime)
        .unwrap_or_default()
}

/// `12:30:05Z`
#[must_use]
pub fn clock(at_ms: u64) -> String {
    let text = rfc3339(at_ms);
    let time = text.split_once('T').map(|(_, time)| time.to_owned());
    time.unwrap_or(text)
}

/// `2 min 05 s`
#[must_use]
pub fn duration(ms: u64) -> String {
    let seconds = ms / 1000;
    match seconds / 60 {
        0 => format!("{seconds} s"),
        minutes => format!("{minutes} min {:02} s", seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_in_utc_and_durations_in_minutes() {
        assert_eq!(rfc3339(1_767_225_605_999), "2026-01-01T00:00:05Z");
        assert_eq!(clock(1_767_225_605_999), "00:00:05Z");
        assert_eq!(duration(59_999), "59 s");
        assert_eq!(duration(125_000), "2 min 05 s");
    }
}
