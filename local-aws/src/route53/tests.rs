//! Zones and records as their clients see them: what the tests share.

mod changes;
mod records;
mod zones;

use serde_json::{Value, json};

use super::{Target, call, record_set};
use crate::cloud::{Cloud, Outcome};
use crate::wire::{Input, LOCATION};

fn run(cloud: &mut Cloud, operation: &str, path: &str, query: &Value, body: &Value) -> Outcome {
    let path = format!("/2013-04-01/{path}");
    let input = json!({"method": "GET", "path": path, "query": query, "body": body});
    call(cloud, operation, Input::new(&input))
}

/// The id of a new zone.
fn zone(cloud: &mut Cloud, name: &str, reference: &str) -> String {
    let body = json!({"Name": name, "CallerReference": reference});
    let answer = run(cloud, "CreateHostedZone", "hostedzone", &json!({}), &body).unwrap();
    let id = answer["CreateHostedZoneResponse"]["HostedZone"]["Id"].clone();
    id.as_str()
        .unwrap()
        .strip_prefix("/hostedzone/")
        .unwrap()
        .to_owned()
}

fn change(cloud: &mut Cloud, zone: &str, changes: &[Value]) -> Outcome {
    let body = json!({"ChangeBatch": {"Comment": "c", "Changes": {"Change": changes}}});
    let path = format!("hostedzone/{zone}/rrset/");
    run(cloud, "ChangeResourceRecordSets", &path, &json!({}), &body)
}

fn address(action: &str, name: &str, value: &str) -> Value {
    values(action, name, "A", &[value])
}

fn values(action: &str, name: &str, kind: &str, values: &[&str]) -> Value {
    let records: Vec<Value> = values
        .iter()
        .map(|value| json!({ "Value": value }))
        .collect();
    json!({"Action": action, "ResourceRecordSet": {
        "Name": name, "Type": kind, "TTL": "60", "ResourceRecords": {"ResourceRecord": records},
    }})
}

fn alias(action: &str, name: &str, kind: &str, zone: &str, target: &str) -> Value {
    json!({"Action": action, "ResourceRecordSet": {"Name": name, "Type": kind, "AliasTarget": {
        "HostedZoneId": zone, "DNSName": target, "EvaluateTargetHealth": "true",
    }}})
}

const LOAD_BALANCER: &str = "web-1.eu-west-1.elb.amazonaws.com";

fn records(cloud: &mut Cloud, zone: &str, query: &Value) -> (String, Value) {
    let path = format!("hostedzone/{zone}/rrset");
    let answer = run(cloud, "ListResourceRecordSets", &path, query, &Value::Null).unwrap();
    let answer = &answer["ListResourceRecordSetsResponse"];
    let names: Vec<String> = answer["ResourceRecordSets"]["ResourceRecordSet"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| {
            format!(
                "{} {}",
                record["Name"].as_str().unwrap(),
                record["Type"].as_str().unwrap()
            )
        })
        .collect();
    (names.join(", "), answer.clone())
}
