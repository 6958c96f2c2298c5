use provider_schema::Properties;
use serde_json::{Value, json};

use super::*;

/// Properties of the ledger's form, with some in place of the defaults.
fn properties(changes: &Value) -> Properties {
    let mut form = json!({
        "ServiceName": "web",
        "InfrastructureRoleArn": "arn:aws:iam::123456789012:role/infrastructure",
    });
    for (name, value) in changes.as_object().unwrap() {
        form[name] = value.clone();
    }
    serde_json::from_value(form).unwrap()
}

#[test]
fn only_what_is_deployed_takes_the_time_of_a_deployment() {
    let canary = json!({
        "Strategy": "CANARY",
        "BakeTimeInMinutes": 5,
        "CanaryConfiguration": {"CanaryPercent": 10.0, "CanaryBakeTimeInMinutes": 4},
    });
    let there = properties(&json!({"Deployment": canary}));
    let tagged =
        properties(&json!({"Deployment": canary, "Tags": [{"Key": "team", "Value": "shop"}]}));
    let larger = properties(&json!({"Deployment": canary, "Cpu": 512, "Memory": 1024}));
    // Watched for as many minutes as the alarm evaluates.
    let rolling = properties(&json!({"Deployment": {"Strategy": "ROLLING"}, "Cpu": 512}));
    for (old, new, expected_ms) in [
        (&there, &there, 0),
        (&there, &tagged, 0),
        (&there, &larger, plan::ROLLING_MS + 9 * 60_000),
        (&there, &rolling, plan::ROLLING_MS + 3 * 60_000),
    ] {
        assert_eq!(deployment_ms(old, new), expected_ms, "{new:?}");
    }
}
