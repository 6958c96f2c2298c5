//! Log groups, streams and events as their clients see them.

use serde_json::{Value, json};

use super::{append, call, group_exists};
use crate::cloud::{Cloud, Outcome};
use crate::wire::Input;

const HOUR_MS: u64 = 3_600_000;

fn run(cloud: &mut Cloud, operation: &str, input: &Value) -> Outcome {
    call(cloud, operation, Input::new(input))
}

fn with_stream() -> Cloud {
    let mut cloud = Cloud::for_tests();
    run(&mut cloud, "CreateLogGroup", &json!({"logGroupName": "g"})).unwrap();
    run(
        &mut cloud,
        "CreateLogStream",
        &json!({"logGroupName": "g", "logStreamName": "s"}),
    )
    .unwrap();
    cloud
}

fn put(cloud: &mut Cloud, events: &[(u64, &str)]) -> Outcome {
    let events: Value = events
        .iter()
        .map(|(at_ms, message)| json!({"timestamp": at_ms, "message": message}))
        .collect();
    let input = json!({"logGroupName": "g", "logStreamName": "s", "logEvents": events});
    run(cloud, "PutLogEvents", &input)
}

/// The messages, and the tokens forwards and backwards.
fn read(cloud: &mut Cloud, changes: &Value) -> (String, Value, Value) {
    let mut input = json!({"logGroupName": "g", "logStreamName": "s"});
    for (name, value) in changes.as_object().unwrap() {
        input[name] = value.clone();
    }
    let answer = run(cloud, "GetLogEvents", &input).unwrap();
    let messages = messages(&answer);
    (
        messages,
        answer["nextForwardToken"].clone(),
        answer["nextBackwardToken"].clone(),
    )
}

fn messages(answer: &Value) -> String {
    let events = answer["events"].as_array().unwrap();
    let messages: Vec<&str> = events
        .iter()
        .map(|event| event["message"].as_str().unwrap())
        .collect();
    messages.join(" ")
}

#[test]
fn a_log_group_has_both_forms_of_its_arn_and_is_made_once() {
    let mut cloud = Cloud::for_tests();
    let create = json!({"logGroupName": "/ecs/web", "tags": {"k": "v"}});
    run(&mut cloud, "CreateLogGroup", &create).unwrap();
    assert!(group_exists(&cloud, "/ecs/web"));
    let again = run(&mut cloud, "CreateLogGroup", &create).unwrap_err();
    assert_eq!(again.code, "ResourceAlreadyExistsException");

    let groups = run(&mut cloud, "DescribeLogGroups", &json!({})).unwrap();
    let arn = "arn:aws:logs:eu-west-1:123456789012:log-group:/ecs/web";
    assert_eq!(groups["logGroups"][0]["arn"], format!("{arn}:*"));
    assert_eq!(groups["logGroups"][0]["logGroupArn"], arn);
    assert_eq!(groups["logGroups"][0].get("retentionInDays"), None);

    let tag = json!({"resourceArn": arn, "tags": {"l": "w"}});
    run(&mut cloud, "TagResource", &tag).unwrap();
    run(
        &mut cloud,
        "UntagResource",
        &json!({"resourceArn": arn, "tagKeys": ["k"]}),
    )
    .unwrap();
    let tags = run(
        &mut cloud,
        "ListTagsForResource",
        &json!({ "resourceArn": arn }),
    )
    .unwrap();
    assert_eq!(tags["tags"], json!({"l": "w"}));
    let starred = json!({ "resourceArn": format!("{arn}:*") });
    let refusal = run(&mut cloud, "ListTagsForResource", &starred).unwrap_err();
    assert_eq!(refusal.code, "ResourceNotFoundException");

    run(
        &mut cloud,
        "DeleteLogGroup",
        &json!({"logGroupName": "/ecs/web"}),
    )
    .unwrap();
    assert!(!group_exists(&cloud, "/ecs/web"));
    let gone = run(
        &mut cloud,
        "DeleteLogGroup",
        &json!({"logGroupName": "/ecs/web"}),
    )
    .unwrap_err();
    assert_eq!(gone.code, "ResourceNotFoundException");
}

#[test]
fn malformed_log_groups_are_refused() {
    for (create, code) in [
        (json!({}), "InvalidParameterException"),
        (json!({"logGroupName": "a b"}), "InvalidParameterException"),
        (
            json!({"logGroupName": "a".repeat(513)}),
            "InvalidParameterException",
        ),
        (
            json!({"logGroupName": "aws/ecs"}),
            "InvalidParameterException",
        ),
        (
            json!({"logGroupName": "a", "tags": {"aws:k": "v"}}),
            "InvalidParameterException",
        ),
        (
            json!({"logGroupName": "a", "logGroupClass": "OTHER"}),
            "InvalidParameterException",
        ),
        (
            json!({"logGroupName": "a", "kmsKeyId": "k"}),
            "UnsupportedMember",
        ),
    ] {
        let mut cloud = Cloud::for_tests();
        let refusal = run(&mut cloud, "CreateLogGroup", &create).unwrap_err();
        assert_eq!(refusal.code, code, "{create}");
        assert!(cloud.logs.groups.is_empty());
    }
}

#[test]
fn a_retention_is_one_of_the_list() {
    let mut cloud = with_stream();
    let retention = |days: i64| json!({"logGroupName": "g", "retentionInDays": days});
    for days in [1, 30, 3653] {
        run(&mut cloud, "PutRetentionPolicy", &retention(days)).unwrap();
        let groups = run(&mut cloud, "DescribeLogGroups", &json!({})).unwrap();
        assert_eq!(groups["logGroups"][0]["retentionInDays"], days);
    }
    let refusal = run(&mut cloud, "PutRetentionPolicy", &retention(2)).unwrap_err();
    assert_eq!(refusal.code, "InvalidParameterException");
    run(
        &mut cloud,
        "DeleteRetentionPolicy",
        &json!({"logGroupName": "g"}),
    )
    .unwrap();
    assert_eq!(cloud.logs.groups["g"].retention_days, None);
    let unknown = json!({"logGroupName": "h", "retentionInDays": 1});
    let refusal = run(&mut cloud, "PutRetentionPolicy", &unknown).unwrap_err();
    assert_eq!(refusal.code, "ResourceNotFoundException");
}

#[test]
fn log_groups_are_found_by_prefix_and_pattern_in_pages() {
    let mut cloud = Cloud::for_tests();
    for name in ["/ecs/a", "/ecs/B", "/lambda/a"] {
        run(
            &mut cloud,
            "CreateLogGroup",
            &json!({ "logGroupName": name }),
        )
        .unwrap();
    }
    let mut names = |filter: Value| {
        let answer = run(&mut cloud, "DescribeLogGroups", &filter).unwrap();
        let groups = answer["logGroups"].as_array().unwrap().clone();
        let names: Vec<String> = groups
            .iter()
            .map(|group| group["logGroupName"].as_str().unwrap().to_owned())
            .collect();
        (names.join(" "), answer["nextToken"].clone())
    };
    assert_eq!(
        names(json!({"logGroupNamePrefix": "/ecs/"})).0,
        "/ecs/B /ecs/a"
    );
    assert_eq!(
        names(json!({"logGroupNamePattern": "b"})).0,
        "/ecs/B /lambda/a"
    );
    let (first, token) = names(json!({"limit": 2}));
    assert_eq!(first, "/ecs/B /ecs/a");
    assert_eq!(
        names(json!({ "nextToken": token })),
        ("/lambda/a".to_owned(), Value::Null)
    );
    for filter in [
        json!({"limit": 51}),
        json!({"nextToken": "*"}),
        json!({"logGroupNamePrefix": "a", "logGroupNamePattern": "a"}),
    ] {
        let refusal = run(&mut cloud, "DescribeLogGroups", &filter).unwrap_err();
        assert_eq!(refusal.code, "InvalidParameterException", "{filter}");
    }
}

#[test]
fn a_stream_is_read_from_its_head_and_from_its_tail() {
    let mut cloud = with_stream();
    let now_ms = cloud.now_ms;
    put(
        &mut cloud,
        &[(now_ms, "b"), (now_ms, "c"), (now_ms + 1, "d")],
    )
    .unwrap();
    put(&mut cloud, &[(now_ms - 1, "a")]).unwrap();

    let (page, forward, _) = read(&mut cloud, &json!({"startFromHead": true, "limit": 3}));
    assert_eq!(page, "a b c");
    let (page, forward, _) = read(&mut cloud, &json!({"nextToken": forward, "limit": 3}));
    assert_eq!(page, "d");
    let (page, end, _) = read(&mut cloud, &json!({"nextToken": forward, "limit": 3}));
    assert_eq!((page.as_str(), &end), ("", &forward));

    let (page, _, backward) = read(&mut cloud, &json!({"limit": 3}));
    assert_eq!(page, "b c d");
    let (page, _, _) = read(&mut cloud, &json!({"nextToken": backward, "limit": 3}));
    assert_eq!(page, "a");

    let (page, _, _) = read(
        &mut cloud,
        &json!({"startTime": now_ms, "endTime": now_ms + 1}),
    );
    assert_eq!(page, "b c");
}

#[test]
fn a_reader_of_an_empty_stream_sees_what_comes_later() {
    let mut cloud = with_stream();
    let (page, forward, _) = read(&mut cloud, &json!({}));
    assert_eq!(page, "");
    append(&mut cloud, "g", "s", "hello").unwrap();
    assert_eq!(
        read(&mut cloud, &json!({ "nextToken": forward })).0,
        "hello"
    );
}

#[test]
fn events_out_of_time_are_rejected_and_the_others_kept() {
    let mut cloud = with_stream();
    let now_ms = cloud.now_ms;
    let too_old = put(&mut cloud, &[(now_ms - 15 * 24 * HOUR_MS, "old")]).unwrap();
    assert_eq!(
        too_old["rejectedLogEventsInfo"],
        json!({"tooOldLogEventEndIndex": 1})
    );
    let too_new = put(
        &mut cloud,
        &[(now_ms, "kept"), (now_ms + 3 * HOUR_MS, "new")],
    )
    .unwrap();
    assert_eq!(
        too_new["rejectedLogEventsInfo"],
        json!({"tooNewLogEventStartIndex": 1})
    );
    let retention = json!({"logGroupName": "g", "retentionInDays": 1});
    run(&mut cloud, "PutRetentionPolicy", &retention).unwrap();
    let expired = put(&mut cloud, &[(now_ms - 25 * HOUR_MS, "expired")]).unwrap();
    assert_eq!(
        expired["rejectedLogEventsInfo"],
        json!({"expiredLogEventEndIndex": 1})
    );
    assert_eq!(read(&mut cloud, &json!({})).0, "kept");
}

#[test]
fn malformed_batches_are_refused() {
    let mut cloud = with_stream();
    let now_ms = cloud.now_ms;
    let long = "x".repeat(1_048_576);
    for events in [
        &[][..],
        &[(now_ms, "")],
        &[(now_ms, "b"), (now_ms - 1, "a")],
        &[(now_ms - 25 * HOUR_MS, "a"), (now_ms, "b")],
        &[(now_ms, long.as_str())],
    ] {
        let refusal = put(&mut cloud, events).unwrap_err();
        assert_eq!(refusal.code, "InvalidParameterException");
    }
    assert_eq!(read(&mut cloud, &json!({})).0, "");
}

#[test]
fn a_writer_makes_its_stream_but_not_its_group() {
    let mut cloud = with_stream();
    append(&mut cloud, "g", "web/Main/1", "started").unwrap();
    assert_eq!(
        cloud.logs.groups["g"].streams["web/Main/1"].events[0].message,
        "started"
    );
    let refusal = append(&mut cloud, "h", "web/Main/1", "started").unwrap_err();
    assert_eq!(refusal.code, "ResourceNotFoundException");
}

#[test]
fn streams_are_listed_by_name_and_by_last_event() {
    let mut cloud = with_stream();
    cloud.advance_to(cloud.now_ms + 1);
    append(&mut cloud, "g", "b", "1").unwrap();
    cloud.advance_to(cloud.now_ms + 1);
    append(&mut cloud, "g", "a", "2").unwrap();
    let mut names = |filter: Value| {
        let mut input =
            json!({"logGroupIdentifier": "arn:aws:logs:eu-west-1:123456789012:log-group:g"});
        input
            .as_object_mut()
            .unwrap()
            .extend(filter.as_object().unwrap().clone());
        let answer = run(&mut cloud, "DescribeLogStreams", &input)?;
        let streams = answer["logStreams"].as_array().unwrap().clone();
        let names: Vec<String> = streams
            .iter()
            .map(|stream| stream["logStreamName"].as_str().unwrap().to_owned())
            .collect();
        Ok::<_, crate::wire::Refusal>((names.join(" "), answer["nextToken"].clone()))
    };
    assert_eq!(names(json!({})).unwrap().0, "a b s");
    assert_eq!(names(json!({"logStreamNamePrefix": "b"})).unwrap().0, "b");
    let latest = json!({"orderBy": "LastEventTime", "descending": true});
    assert_eq!(names(latest).unwrap().0, "a b s");
    assert_eq!(
        names(json!({"orderBy": "LastEventTime"})).unwrap().0,
        "s b a"
    );
    let (page, token) = names(json!({"limit": 2})).unwrap();
    assert_eq!(page, "a b");
    assert_eq!(names(json!({ "nextToken": token })).unwrap().0, "s");
    let both = json!({"orderBy": "LastEventTime", "logStreamNamePrefix": "b"});
    assert_eq!(names(both).unwrap_err().code, "InvalidParameterException");
}

#[test]
fn a_group_is_searched_across_its_streams_in_order_of_time() {
    let mut cloud = with_stream();
    for (stream, message) in [("b", "ERROR 1"), ("a", "fine 2"), ("a", "ERROR 3")] {
        cloud.advance_to(cloud.now_ms + 1);
        append(&mut cloud, "g", stream, message).unwrap();
    }
    let mut search = |filter: Value| {
        let mut input = json!({"logGroupName": "g"});
        input
            .as_object_mut()
            .unwrap()
            .extend(filter.as_object().unwrap().clone());
        run(&mut cloud, "FilterLogEvents", &input)
    };
    assert_eq!(
        messages(&search(json!({})).unwrap()),
        "ERROR 1 fine 2 ERROR 3"
    );
    let errors = search(json!({"filterPattern": "ERROR", "limit": 1})).unwrap();
    assert_eq!(messages(&errors), "ERROR 1");
    assert_eq!(errors["events"][0]["logStreamName"], "b");
    let next = json!({"filterPattern": "ERROR", "nextToken": errors["nextToken"]});
    assert_eq!(messages(&search(next).unwrap()), "ERROR 3");
    assert_eq!(
        messages(&search(json!({"logStreamNames": ["b"]})).unwrap()),
        "ERROR 1"
    );
    assert_eq!(
        messages(&search(json!({"logStreamNamePrefix": "a"})).unwrap()),
        "fine 2 ERROR 3"
    );
    for (filter, code) in [
        (
            json!({"logStreamNames": ["none"]}),
            "ResourceNotFoundException",
        ),
        (
            json!({"logStreamNames": ["a"], "logStreamNamePrefix": "a"}),
            "InvalidParameterException",
        ),
        (
            json!({"filterPattern": "{ $.a = 1 }"}),
            "InvalidParameterException",
        ),
    ] {
        assert_eq!(search(filter).unwrap_err().code, code);
    }
}
