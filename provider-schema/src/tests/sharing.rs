//! How many tasks a service may have on a load balancer that others need too.

use serde_json::{Value, json};

use super::REQUEST;
use crate::limits::SHARED_TASKS_MAX;
use crate::{parse, parse_update};

/// Properties with so many tasks.
fn properties(max: &Value, sharing: &str) -> Value {
    json!({
        "InfrastructureRoleArn": "arn:aws:iam::123456789012:role/infrastructure",
        "ExecutionRoleArn": "arn:aws:iam::123456789012:role/execution",
        "PrimaryContainer": {"Image": "web:1"},
        "ScalingTarget": {"MaxTaskCount": max},
        "LoadBalancer": {"Sharing": sharing},
    })
}

fn is_accepted(max: u32, sharing: &str, old: Option<&Value>) -> bool {
    let new = properties(&json!(max.to_string()), sharing);
    parse_update(&new, old, &REQUEST).is_ok()
}

#[test]
fn who_shares_may_have_as_many_as_leave_room_for_the_neighbours() {
    assert_eq!(SHARED_TASKS_MAX, 260);
    assert!(is_accepted(SHARED_TASKS_MAX, "SHARED", None));
    assert!(!is_accepted(SHARED_TASKS_MAX + 1, "SHARED", None));
    assert!(is_accepted(5000, "DEDICATED", None));
    // Whether it is shared is not known.
    let unknown = parse(&properties(&json!("261"), "Shared"), &REQUEST).unwrap_err();
    assert_eq!(unknown.0.len(), 1, "{unknown}");
}

#[test]
fn a_service_that_had_more_keeps_them_while_it_shares() {
    for max in [json!("1000"), json!(1000)] {
        let old = properties(&max, "SHARED");
        assert!(is_accepted(1000, "SHARED", Some(&old)));
        assert!(is_accepted(261, "SHARED", Some(&old)));
        let dedicated = properties(&max, "DEDICATED");
        assert!(!is_accepted(1000, "SHARED", Some(&dedicated)));
    }
    let few = properties(&json!("260"), "SHARED");
    assert!(!is_accepted(261, "SHARED", Some(&few)));
    assert!(!is_accepted(261, "SHARED", Some(&json!({}))));
}
