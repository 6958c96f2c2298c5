//! Alarms as their clients see them.

use serde_json::{Value, json};

use super::{AlarmState, alarm_state, call};
use crate::cloud::{Cloud, Outcome};
use crate::wire::Input;

const MINUTE_MS: u64 = 60_000;

fn run(cloud: &mut Cloud, operation: &str, input: &Value) -> Outcome {
    call(cloud, operation, Input::new(input))
}

/// An alarm on one metric, with `changes` over it; null takes a member away.
fn single(changes: &Value) -> Value {
    let mut alarm = json!({
        "AlarmName": "a",
        "Namespace": "AWS/ApplicationELB",
        "MetricName": "RequestCount",
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 3,
        "DatapointsToAlarm": 2,
        "Threshold": 1,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
    });
    for (name, value) in changes.as_object().unwrap() {
        alarm[name] = value.clone();
    }
    alarm
}

/// An alarm on metric maths with these queries.
fn maths(metrics: &Value) -> Value {
    json!({
        "AlarmName": "a",
        "Metrics": metrics,
        "EvaluationPeriods": 3,
        "Threshold": 1.0,
        "ComparisonOperator": "GreaterThanThreshold",
    })
}

fn metric(id: &str, return_data: bool) -> Value {
    json!({
        "Id": id,
        "ReturnData": return_data,
        "MetricStat": {
            "Metric": {
                "Namespace": "AWS/ApplicationELB",
                "MetricName": "HTTPCode_Target_5XX_Count",
                "Dimensions": [{"Name": "TargetGroup", "Value": "targetgroup/a/1"}],
            },
            "Period": 60,
            "Stat": "Sum",
        },
    })
}

fn maximum() -> Value {
    json!([
        metric("m0", false),
        metric("m1", false),
        {"Id": "e", "Expression": "MAX([100 * FILL(m0, 0), IF(m1 < 5, 0, m1)])", "Label": "rate"},
    ])
}

fn described(cloud: &mut Cloud) -> Value {
    run(cloud, "DescribeAlarms", &json!({"AlarmNames": ["a"]})).unwrap()["MetricAlarms"][0].clone()
}

#[test]
fn a_new_alarm_knows_nothing_until_a_period_has_passed() {
    for (treatment, after_a_period) in [
        ("notBreaching", AlarmState::Ok),
        ("breaching", AlarmState::Alarm),
        ("missing", AlarmState::InsufficientData),
        ("ignore", AlarmState::InsufficientData),
    ] {
        let mut cloud = Cloud::for_tests();
        let alarm = single(&json!({"TreatMissingData": treatment}));
        run(&mut cloud, "PutMetricAlarm", &alarm).unwrap();
        cloud.advance_to(cloud.now_ms + MINUTE_MS - 1);
        assert_eq!(alarm_state(&cloud, "a"), Some(AlarmState::InsufficientData));
        cloud.advance_to(cloud.now_ms + 1);
        assert_eq!(
            alarm_state(&cloud, "a"),
            Some(after_a_period),
            "{treatment}"
        );
    }
}

#[test]
fn a_put_on_an_existing_alarm_keeps_its_state_and_its_tags() {
    let mut cloud = Cloud::for_tests();
    let tagged = single(&json!({"Tags": [{"Key": "k", "Value": "old"}]}));
    run(&mut cloud, "PutMetricAlarm", &tagged).unwrap();
    cloud.advance_to(cloud.now_ms + MINUTE_MS);
    let again = single(&json!({"Threshold": 2.5, "Tags": [{"Key": "k", "Value": "new"}]}));
    run(&mut cloud, "PutMetricAlarm", &again).unwrap();
    let alarm = described(&mut cloud);
    assert_eq!(alarm["Threshold"], 2.5);
    assert_eq!(alarm["StateValue"], "OK");
    let tags = json!({"ResourceARN": alarm["AlarmArn"]});
    let tags = run(&mut cloud, "ListTagsForResource", &tags).unwrap();
    assert_eq!(tags["Tags"], json!([{"Key": "k", "Value": "old"}]));
}

#[test]
fn an_alarm_is_answered_as_it_was_put() {
    let mut cloud = Cloud::for_tests();
    run(&mut cloud, "PutMetricAlarm", &maths(&maximum())).unwrap();
    let alarm = described(&mut cloud);
    assert_eq!(
        alarm["AlarmArn"],
        "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:a"
    );
    assert_eq!(alarm["Metrics"][0], metric("m0", false));
    assert_eq!(alarm["Metrics"][2]["ReturnData"], true);
    assert_eq!(alarm["Metrics"][2]["Label"], "rate");
    assert_eq!(alarm["ActionsEnabled"], true);
}

#[test]
fn texts_of_query_become_numbers() {
    let mut cloud = Cloud::for_tests();
    let alarm = single(&json!({
        "Period": "60", "EvaluationPeriods": "3", "DatapointsToAlarm": "2", "Threshold": "1",
        "ActionsEnabled": "false",
    }));
    run(&mut cloud, "PutMetricAlarm", &alarm).unwrap();
    let alarm = described(&mut cloud);
    assert_eq!(alarm["Period"], 60);
    assert_eq!(alarm["Threshold"], 1.0);
    assert_eq!(alarm["ActionsEnabled"], false);
}

/// Puts the alarm, which is refused with `code`.
fn refuse(alarm: &Value, code: &str) {
    let mut cloud = Cloud::for_tests();
    let refusal = run(&mut cloud, "PutMetricAlarm", alarm).unwrap_err();
    assert_eq!(refusal.code, code, "{alarm}: {refusal}");
    assert!(cloud.cloudwatch.alarms.is_empty());
}

#[test]
fn malformed_alarms_are_refused_and_change_nothing() {
    let cases = [
        (single(&json!({"AlarmName": null})), "MissingParameter"),
        (
            single(&json!({"AlarmName": "x".repeat(256)})),
            "ValidationError",
        ),
        (
            single(&json!({"EvaluationPeriods": null})),
            "MissingParameter",
        ),
        (single(&json!({"EvaluationPeriods": 0})), "ValidationError"),
        (
            single(&json!({"EvaluationPeriods": 1441})),
            "ValidationError",
        ),
        (single(&json!({"DatapointsToAlarm": 4})), "ValidationError"),
        (single(&json!({"Period": 45})), "ValidationError"),
        (single(&json!({"Period": 0})), "ValidationError"),
        (single(&json!({"Period": -60})), "ValidationError"),
        (single(&json!({"Statistic": "Median"})), "ValidationError"),
        (
            single(&json!({"ExtendedStatistic": "p90"})),
            "ValidationError",
        ),
        (
            single(&json!({"Statistic": null, "ExtendedStatistic": "p101"})),
            "ValidationError",
        ),
        (single(&json!({"Unit": "Furlongs"})), "ValidationError"),
        (single(&json!({"Threshold": null})), "MissingParameter"),
        (
            single(&json!({"ComparisonOperator": "Above"})),
            "ValidationError",
        ),
        (
            single(&json!({"TreatMissingData": "maybe"})),
            "ValidationError",
        ),
        (
            single(&json!({"EvaluateLowSampleCountPercentile": "ignore"})),
            "ValidationError",
        ),
        (
            single(&json!({"AlarmActions": ["a", "b", "c", "d", "e", "f"]})),
            "ValidationError",
        ),
        (
            single(&json!({"Dimensions": [{"Name": "n", "Value": ""}]})),
            "ValidationError",
        ),
        (
            single(&json!({"WarmUpConfiguration": {}})),
            "UnsupportedMember",
        ),
        (single(&json!({"Metrics": maximum()})), "ValidationError"),
        (
            single(&json!({"Tags": [{"Key": "aws:k", "Value": "v"}]})),
            "InvalidParameterValue",
        ),
    ];
    for (alarm, code) in cases {
        refuse(&alarm, code);
    }
}

#[test]
fn malformed_metric_maths_is_refused() {
    let twice = json!([metric("m", true), metric("m", false)]);
    let two_results = json!([metric("m", true), metric("n", true)]);
    let no_result = json!([metric("m", false)]);
    let capital = json!([metric("M", true)]);
    let eleven: Vec<Value> = (0..11).map(|n| metric(&format!("m{n}"), n == 0)).collect();
    let expression = |text: &str| json!([metric("m", false), {"Id": "e", "Expression": text}]);
    let cases = [
        maths(&twice),
        maths(&two_results),
        maths(&no_result),
        maths(&capital),
        maths(&json!(eleven)),
        maths(&json!([{"Id": "e", "Expression": "1"}])),
        maths(&json!([{"Id": "e"}])),
        maths(&expression("m + n")),
        maths(&expression("e + m")),
        maths(&expression("MAX([m)")),
        maths(&expression("MAX(m")),
        maths(&expression("SEARCH('x', 'Sum', 60)")),
        maths(&expression("m; m")),
    ];
    for alarm in cases {
        refuse(&alarm, "ValidationError");
    }
}

#[test]
fn extended_statistics_are_accepted() {
    for statistic in [
        "p0",
        "p99.9",
        "tm90",
        "IQM",
        "PR(0:300)",
        "TM(10%:90%)",
        "TS(:80%)",
    ] {
        let alarm = single(&json!({"Statistic": null, "ExtendedStatistic": statistic}));
        run(&mut Cloud::for_tests(), "PutMetricAlarm", &alarm).unwrap();
    }
}

#[test]
fn long_periods_may_look_back_for_a_week() {
    for (period, periods, accepted) in [(3600, 168, true), (3600, 169, false), (60, 1440, true)] {
        let alarm = single(&json!({"Period": period, "EvaluationPeriods": periods}));
        let outcome = run(&mut Cloud::for_tests(), "PutMetricAlarm", &alarm);
        assert_eq!(outcome.is_ok(), accepted, "{period} s times {periods}");
    }
}

#[test]
fn a_state_that_was_set_lasts_until_the_next_evaluation() {
    let mut cloud = Cloud::for_tests();
    run(&mut cloud, "PutMetricAlarm", &single(&json!({}))).unwrap();
    let set = json!({"AlarmName": "a", "StateValue": "ALARM", "StateReason": "a drill"});
    run(&mut cloud, "SetAlarmState", &set).unwrap();
    let alarm = described(&mut cloud);
    assert_eq!(
        (&alarm["StateValue"], &alarm["StateReason"]),
        (&json!("ALARM"), &json!("a drill"))
    );
    cloud.advance_to(cloud.now_ms + MINUTE_MS);
    assert_eq!(alarm_state(&cloud, "a"), Some(AlarmState::Ok));
    for (set, code) in [
        (
            json!({"AlarmName": "b", "StateValue": "OK", "StateReason": ""}),
            "ResourceNotFound",
        ),
        (
            json!({"AlarmName": "a", "StateValue": "FINE", "StateReason": ""}),
            "ValidationError",
        ),
        (
            json!({"AlarmName": "a", "StateValue": "OK", "StateReason": "", "StateReasonData": "{"}),
            "InvalidFormat",
        ),
    ] {
        assert_eq!(
            run(&mut cloud, "SetAlarmState", &set).unwrap_err().code,
            code
        );
    }
}

#[test]
fn deleting_several_alarms_deletes_those_that_exist() {
    let mut cloud = Cloud::for_tests();
    run(&mut cloud, "PutMetricAlarm", &single(&json!({}))).unwrap();
    let both = json!({"AlarmNames": ["b", "a"]});
    let refusal = run(&mut cloud, "DeleteAlarms", &both).unwrap_err();
    assert_eq!(
        (refusal.status, refusal.code.as_str()),
        (404, "ResourceNotFound")
    );
    assert_eq!(alarm_state(&cloud, "a"), None);
    run(&mut cloud, "PutMetricAlarm", &single(&json!({}))).unwrap();
    run(&mut cloud, "DeleteAlarms", &json!({"AlarmNames": ["a"]})).unwrap();
    assert_eq!(alarm_state(&cloud, "a"), None);
}

#[test]
fn alarms_are_found_by_name_prefix_state_and_action_in_pages() {
    let mut cloud = Cloud::for_tests();
    for name in ["a1", "a2", "b1"] {
        let action = format!("arn:aws:sns:eu-west-1:123456789012:{name}");
        let alarm = single(&json!({"AlarmName": name, "AlarmActions": [action]}));
        run(&mut cloud, "PutMetricAlarm", &alarm).unwrap();
    }
    let set = json!({"AlarmName": "a2", "StateValue": "ALARM", "StateReason": ""});
    run(&mut cloud, "SetAlarmState", &set).unwrap();
    let mut names = |filter: Value| {
        let answer = run(&mut cloud, "DescribeAlarms", &filter).unwrap();
        let names: Vec<String> = answer["MetricAlarms"]
            .as_array()
            .unwrap()
            .iter()
            .map(|alarm| alarm["AlarmName"].as_str().unwrap().to_owned())
            .collect();
        (names.join(" "), answer["NextToken"].clone())
    };
    assert_eq!(names(json!({})).0, "a1 a2 b1");
    assert_eq!(names(json!({"AlarmNames": ["b1", "none"]})).0, "b1");
    assert_eq!(names(json!({"AlarmNamePrefix": "a"})).0, "a1 a2");
    assert_eq!(names(json!({"StateValue": "ALARM"})).0, "a2");
    assert_eq!(
        names(json!({"ActionPrefix": "arn:aws:sns:eu-west-1:123456789012:b"})).0,
        "b1"
    );
    assert_eq!(names(json!({"AlarmTypes": ["CompositeAlarm"]})).0, "");
    let (page, token) = names(json!({"MaxRecords": 2}));
    assert_eq!(page, "a1 a2");
    assert_eq!(
        names(json!({"MaxRecords": 2, "NextToken": token})),
        ("b1".to_owned(), Value::Null)
    );
}

#[test]
fn descriptions_that_cannot_be_meant_are_refused() {
    let names: Vec<String> = (0..101).map(|n| n.to_string()).collect();
    for (filter, code) in [
        (
            json!({"AlarmNames": ["a"], "AlarmNamePrefix": "a"}),
            "ValidationError",
        ),
        (json!({ "AlarmNames": names }), "ValidationError"),
        (json!({"MaxRecords": 101}), "ValidationError"),
        (json!({"NextToken": "*"}), "InvalidNextToken"),
        (json!({"ChildrenOfAlarmName": "a"}), "UnsupportedMember"),
    ] {
        let refusal = run(&mut Cloud::for_tests(), "DescribeAlarms", &filter).unwrap_err();
        assert_eq!(refusal.code, code, "{filter}");
    }
}

#[test]
fn tags_come_and_go() {
    let mut cloud = Cloud::for_tests();
    run(&mut cloud, "PutMetricAlarm", &single(&json!({}))).unwrap();
    let arn = described(&mut cloud)["AlarmArn"].clone();
    let tag = json!({"ResourceARN": arn, "Tags": [{"Key": "k", "Value": "v"}, {"Key": "l", "Value": ""}]});
    run(&mut cloud, "TagResource", &tag).unwrap();
    let untag = json!({"ResourceARN": arn, "TagKeys": ["k", "none"]});
    run(&mut cloud, "UntagResource", &untag).unwrap();
    let list = run(
        &mut cloud,
        "ListTagsForResource",
        &json!({ "ResourceARN": arn }),
    )
    .unwrap();
    assert_eq!(list["Tags"], json!([{"Key": "l", "Value": ""}]));
    let unknown = json!({"ResourceARN": "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:b"});
    let refusal = run(&mut cloud, "ListTagsForResource", &unknown).unwrap_err();
    assert_eq!(refusal.code, "ResourceNotFoundException");
}
