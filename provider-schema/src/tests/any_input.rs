//! Whatever comes in, something sensible comes out.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::REQUEST;
use crate::limits::SHARED_TASKS_MAX;
use crate::limits::{PROBLEMS_BYTES_MAX, PROPERTIES_BYTES_MAX};
use crate::updates::{Property, changes};
use crate::{Properties, parse};

/// Names that exist, that nearly exist, and that do not.
fn name() -> impl Strategy<Value = String> {
    let names: Vec<String> = Property::ALL
        .iter()
        .flat_map(|property| property.path().split('.'))
        .chain(["Name", "Value", "ValueFrom", "Key"])
        .map(str::to_owned)
        .collect();
    prop_oneof![
        6 => prop::sample::select(names.clone()),
        1 => prop::sample::select(names).prop_map(|name| name.to_lowercase()),
        1 => any::<String>(),
    ]
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (0..70_000_u32).prop_map(|number| Value::from(number.to_string())),
        prop::sample::select(vec![
            "",
            "web:1",
            "/",
            "1024",
            "2048",
            "80",
            "ARM64",
            "internal",
            "DEDICATED",
            "arn:aws:iam::123456789012:role/a",
            "subnet-01234567",
            "sg-01234567",
            "arn:aws:ecs:us-east-1:123456789012:cluster/c",
        ])
        .prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ]
}

fn json_value() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(4, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((name(), inner), 0..12)
                .prop_map(|members| Value::from(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// Fewer tasks where others share the load balancer.
fn few_if_shared((dedicated, min, more): (bool, u32, u32)) -> (bool, u32, u32) {
    let half = SHARED_TASKS_MAX / 2;
    if dedicated {
        (dedicated, min, more)
    } else {
        (dedicated, min.min(half), more.min(half))
    }
}

prop_compose! {
    fn valid()(
        timeout in 1260..=3600_u32,
        service in prop::option::of("[A-Za-z0-9_-]{1,63}"),
        cluster in "[A-Za-z0-9_-]{1,40}",
        image in "[a-z0-9._-]{1,30}(/[a-z0-9._-]{1,30}){0,2}(:[A-Za-z0-9._-]{1,20})?",
        port in 1..=u16::MAX,
        command in prop::collection::vec(any::<String>(), 0..4),
        values in prop::collection::vec("[^\0]{0,40}", 0..5),
        path in "/[!-~]{0,100}",
        (dedicated, min, more) in (any::<bool>(), 1..=2500_u32, 0..=2500_u32).prop_map(few_if_shared),
        tags in prop::collection::btree_map("t[\\p{L}\\p{N} _.:/=+@-]{0,30}", "v[\\p{L}\\p{N}]{0,40}", 0..10),
    ) -> Value {
        let environment: Vec<Value> = values
            .iter()
            .enumerate()
            .map(|(index, value)| json!({ "Name": format!("V{index}"), "Value": value }))
            .collect();
        let tags: Vec<Value> =
            tags.into_iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect();
        json!({
            "InfrastructureRoleArn": "arn:aws:iam::123456789012:role/infrastructure",
            "ExecutionRoleArn": "arn:aws:iam::123456789012:role/execution",
            "ServiceTimeout": timeout.to_string(),
            "ServiceName": service,
            "Cluster": cluster,
            "PrimaryContainer": {
                "Image": image,
                "ContainerPort": port.to_string(),
                "Command": command,
                "Environment": environment,
            },
            "HealthCheckPath": path,
            "ScalingTarget": { "MinTaskCount": min.to_string(), "MaxTaskCount": (min + more).to_string() },
            "Tags": tags,
            "LoadBalancer": { "Sharing": if dedicated { "DEDICATED" } else { "SHARED" } },
        })
    }
}

proptest! {
    #[test]
    fn any_json_is_parsed_or_refused_in_one_line(value in json_value()) {
        if let Err(problems) = parse(&value, &REQUEST) {
            prop_assert!(!problems.0.is_empty());
            let line = problems.to_string();
            prop_assert!(!line.chars().any(char::is_control), "{line:?}");
            prop_assert!(line.len() < PROBLEMS_BYTES_MAX + 40, "{} bytes", line.len());
        }
    }

    #[test]
    fn valid_requests_survive_the_ledger(value in valid()) {
        let properties = parse(&value, &REQUEST).map_err(|problems| {
            TestCaseError::fail(problems.to_string())
        })?;
        let sealed = serde_json::to_vec(&properties).unwrap();
        let opened: Properties = serde_json::from_slice(&sealed).unwrap();
        prop_assert_eq!(&properties, &opened);
        prop_assert_eq!(changes(&properties, &opened), []);
    }

    #[test]
    fn one_changed_letter_of_a_name_is_found(position in 0..6_usize, letter in "[a-z0-9]") {
        let mut name = "Memory".to_owned();
        name.replace_range(position..=position, &letter);
        prop_assume!(name != "Memory");
        let problems = parse(&json!({ &name: "2048" }), &REQUEST).unwrap_err();
        let problem = problems.0.iter().find(|problem| problem.path == format!("/{name}"));
        prop_assert!(problem.is_some_and(|problem| problem.problem.contains("`Memory`")));
    }
}

#[test]
fn properties_of_200_kb_are_refused_in_one_short_line() {
    let value = json!({ "PrimaryContainer": { "Command": ["x".repeat(200_000)] } });
    let problems = parse(&value, &REQUEST).unwrap_err();
    assert_eq!(
        problems.to_string(),
        "the properties have 200037 bytes, at most 100000 are allowed"
    );
}

#[test]
fn the_size_limit_is_exact() {
    let sized = |bytes: usize| {
        let empty = json!({ "HealthCheckPath": "" }).to_string().len();
        json!({ "HealthCheckPath": "x".repeat(bytes - empty) })
    };
    let first = |bytes: usize| parse(&sized(bytes), &REQUEST).unwrap_err().0.remove(0).path;
    assert_eq!(first(PROPERTIES_BYTES_MAX), "/InfrastructureRoleArn");
    assert_eq!(first(PROPERTIES_BYTES_MAX + 1), "");
}

#[test]
fn debug_output_shows_no_value_and_no_secret() {
    let value = json!({
        "InfrastructureRoleArn": "arn:aws:iam::123456789012:role/infrastructure",
        "ExecutionRoleArn": "arn:aws:iam::123456789012:role/execution",
        "PrimaryContainer": {
            "Image": "web:1",
            "Environment": [{ "Name": "A", "Value": "hunter2" }],
            "Secrets": [{ "Name": "B", "ValueFrom": "/hunter2" }],
        },
    });
    let debug = format!("{:?}", parse(&value, &REQUEST).unwrap());
    assert!(
        debug.contains("\"A\"") && debug.contains("\"B\""),
        "{debug}"
    );
    assert!(!debug.contains("hunter2"), "{debug}");
}
