//! What the tests share; tags and pages of every kind.

mod networks;
mod security_groups;

use serde_json::{Value, json};

use super::*;
use crate::cloud::Account;
use crate::random::Random;

fn cloud() -> Cloud {
    let account = Account {
        id: "123456789012".to_owned(),
        region: "eu-west-1".to_owned(),
        partition: "aws".to_owned(),
    };
    Cloud::new(account, 1_000_000, Random::seeded(7))
}

fn ok(cloud: &mut Cloud, operation: &str, input: Value) -> Value {
    call(cloud, operation, Input::new(&input)).unwrap()
}

fn code(cloud: &mut Cloud, operation: &str, input: Value) -> String {
    call(cloud, operation, Input::new(&input)).unwrap_err().code
}

fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).unwrap().as_str().unwrap().to_owned()
}

fn default_vpc(cloud: &mut Cloud) -> String {
    let vpcs = ok(
        cloud,
        "DescribeVpcs",
        json!({"Filter": [{"Name": "is-default", "Value": ["true"]}]}),
    );
    text(&vpcs, "/vpcSet/0/vpcId")
}

fn group(cloud: &mut Cloud, name: &str) -> String {
    let input = json!({"GroupName": name, "GroupDescription": "a test"});
    text(&ok(cloud, "CreateSecurityGroup", input), "/groupId")
}

fn tcp(port: u16, peer: Value) -> Value {
    let mut permission = json!({
        "IpProtocol": "tcp", "FromPort": port.to_string(), "ToPort": port.to_string(),
    });
    permission
        .as_object_mut()
        .unwrap()
        .extend(peer.as_object().unwrap().clone());
    json!([permission])
}

#[test]
fn tags_are_added_replaced_and_removed_and_never_beyond_fifty() {
    let cloud = &mut cloud();
    let web = group(cloud, "web");
    let put = |tags: Value| json!({"ResourceId": [web], "Tag": tags});
    ok(
        cloud,
        "CreateTags",
        put(json!([{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])),
    );
    ok(
        cloud,
        "CreateTags",
        put(json!([{"Key": "a", "Value": "3"}])),
    );
    ok(
        cloud,
        "DeleteTags",
        put(json!([{"Key": "b", "Value": "other"}])),
    );
    let by_tag = json!({"Filter": [
        {"Name": "tag:a", "Value": ["3"]}, {"Name": "tag-key", "Value": ["b"]},
    ]});
    let found = ok(cloud, "DescribeSecurityGroups", by_tag.clone());
    assert_eq!(found["securityGroupInfo"][0]["groupId"], json!(web));
    ok(cloud, "DeleteTags", put(json!([{"Key": "b"}])));
    let found = ok(cloud, "DescribeSecurityGroups", by_tag);
    assert_eq!(found["securityGroupInfo"], json!([]));
    let many: Vec<Value> = (0..50)
        .map(|n| json!({"Key": n.to_string(), "Value": ""}))
        .collect();
    assert_eq!(
        code(cloud, "CreateTags", put(json!(many))),
        "TagLimitExceeded"
    );
    assert_eq!(
        code(cloud, "CreateTags", put(json!([{"Key": "aws:x"}]))),
        "InvalidParameterValue"
    );
    let unknown = json!({"ResourceId": ["sg-0"], "Tag": [{"Key": "a"}]});
    assert_eq!(code(cloud, "CreateTags", unknown), "InvalidID");
}

#[test]
fn pages_are_followed_by_their_token() {
    let cloud = &mut cloud();
    for number in 0..11 {
        group(cloud, &format!("group-{number}"));
    }
    let mut seen = Vec::new();
    let mut token = Value::Null;
    loop {
        let input = json!({"MaxResults": "5", "NextToken": token});
        let page = ok(cloud, "DescribeSecurityGroups", input);
        seen.push(page["securityGroupInfo"].as_array().unwrap().len());
        token = page["nextToken"].clone();
        if token.is_null() {
            break;
        }
    }
    assert_eq!(seen, [5, 5, 2]);
    assert_eq!(
        code(cloud, "DescribeSecurityGroups", json!({"MaxResults": "4"})),
        "InvalidParameterValue"
    );
}
