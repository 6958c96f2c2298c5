//! The first and the last lines of one container: where it listens, and why it ended.
//!
//! By FilterLogEvents, not by GetLogEvents: only the former can be allowed by the log group's tag, and the provider
//! must not read what is not a service's. It answers from the oldest on, so that the last lines are on the last page.
//! AWS: <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchlogs.html>

use std::collections::VecDeque;

use crate::aws::AwsClients;
use crate::aws::error::{AwsError, aws_error};

/// Lines on a page, which holds at most 1 MB.
/// AWS: <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html>
const PAGE_LINES_MAX: i32 = 10_000;
/// Pages read: a look must not take an attempt's whole time. Of a container that writes more in the given time, the
/// last lines stay unknown.
const PAGES_MAX: usize = 10;
/// Lines that are kept of either end.
const LINES_MAX: usize = 20;

/// Lines of a stream, oldest first. They are the application's own, in full: whoever shows them masks them first, and
/// cuts them only then.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lines {
    /// The first.
    pub first: Vec<String>,
    /// The last; they may be the same.
    pub last: Vec<String>,
}

/// The lines of a stream since `since_ms` (milliseconds since the epoch).
///
/// # Errors
/// When AWS refuses.
pub async fn find(
    aws: &AwsClients,
    group: &str,
    stream: &str,
    since_ms: u64,
) -> Result<Lines, AwsError> {
    let (mut first, mut last) = (Vec::new(), VecDeque::new());
    let mut token = None;
    for _ in 0..PAGES_MAX {
        let answer = aws
            .logs
            .filter_log_events()
            .log_group_name(group)
            .log_stream_names(stream)
            .start_time(i64::try_from(since_ms).unwrap_or_default())
            .limit(PAGE_LINES_MAX)
            .set_next_token(token)
            .send()
            .await
            .map_err(aws_error("logs:FilterLogEvents"));
        let answer = match answer {
            Ok(answer) => answer,
            // A container that wrote nothing has no stream.
            Err(error) if error.is_not_found() => return Ok(Lines::default()),
            Err(error) => return Err(error),
        };
        let lines = answer.events().iter().filter_map(|event| event.message());
        for line in lines {
            if first.len() < LINES_MAX {
                first.push(line.to_owned());
            }
            last.push_back(line.to_owned());
            if last.len() > LINES_MAX {
                last.pop_front();
            }
        }
        // A page without a line may have another behind it.
        token = answer.next_token().map(str::to_owned);
        if token.is_none() {
            let last = last.into();
            return Ok(Lines { first, last });
        }
    }
    let last = Vec::new();
    Ok(Lines { first, last })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fake_aws::FakeAws;

    #[tokio::test]
    async fn the_last_lines_are_on_the_last_page_and_empty_pages_are_not_the_end() {
        let fake = FakeAws::new(|page, _| {
            let numbers = match page {
                0 => 0..500,
                2 => 500..515,
                _ => 0..0,
            };
            let events: Vec<_> = numbers
                .map(|number| json!({"message": format!("line {number}")}))
                .collect();
            let mut answer = json!({"events": events});
            if page < 3 {
                answer["nextToken"] = json!(format!("page-{}", page + 1));
            }
            Some((200, answer.to_string()))
        });
        let aws = fake.runtime().aws;
        let lines = find(&aws, "group", "stream", 7).await.unwrap();
        let numbered = |numbers: std::ops::Range<usize>| -> Vec<String> {
            numbers.map(|number| format!("line {number}")).collect()
        };
        assert_eq!(lines.first, numbered(0..20));
        assert_eq!(lines.last, numbered(495..515));
        let asked: Vec<_> = fake
            .sent()
            .iter()
            .map(|sent| sent.json()["nextToken"].clone())
            .collect();
        assert_eq!(
            asked,
            [
                json!(null),
                json!("page-1"),
                json!("page-2"),
                json!("page-3")
            ]
        );
    }

    #[tokio::test]
    async fn lines_that_may_not_be_the_last_are_not_told() {
        let page = json!({"events": [{"message": "line"}], "nextToken": "more"}).to_string();
        let fake = FakeAws::new(move |_, _| Some((200, page.clone())));
        let aws = fake.runtime().aws;
        let lines = find(&aws, "group", "stream", 7).await.unwrap();
        assert_eq!(lines.first.len(), PAGES_MAX);
        assert_eq!(lines.last, Vec::<String>::new());
        assert_eq!(fake.sent().len(), PAGES_MAX);
    }
}
