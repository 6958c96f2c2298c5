//! Web ACLs as their clients see them.

use serde_json::{Value, json};

use super::association::{protect, web_acl_of};
use super::{call, release};
use crate::cloud::{Cloud, Outcome};
use crate::wire::Input;

const LOAD_BALANCER: &str =
    "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/web/0123456789abcdef";

fn run(cloud: &mut Cloud, operation: &str, input: &Value) -> Outcome {
    call(cloud, operation, Input::new(input))
}

fn visibility() -> Value {
    json!({"SampledRequestsEnabled": true, "CloudWatchMetricsEnabled": false, "MetricName": "m"})
}

fn rule(name: &str, priority: u32) -> Value {
    json!({
        "Name": name,
        "Priority": priority,
        "Statement": {"GeoMatchStatement": {"CountryCodes": ["AQ"]}},
        "Action": {"Block": {}},
        "VisibilityConfig": visibility(),
    })
}

/// A request for a web ACL, with `changes` over it.
fn request(changes: &Value) -> Value {
    let mut request = json!({
        "Name": "edge",
        "Scope": "REGIONAL",
        "DefaultAction": {"Allow": {}},
        "VisibilityConfig": visibility(),
    });
    for (name, value) in changes.as_object().unwrap() {
        request[name] = value.clone();
    }
    request
}

/// The summary of a new web ACL of this name.
fn create(cloud: &mut Cloud, name: &str) -> Value {
    run(cloud, "CreateWebACL", &request(&json!({ "Name": name }))).unwrap()["Summary"].clone()
}

fn deletion(summary: &Value) -> Value {
    json!({
        "Name": summary["Name"], "Id": summary["Id"], "Scope": "REGIONAL",
        "LockToken": summary["LockToken"],
    })
}

#[test]
fn a_web_acl_is_answered_as_it_was_made() {
    let mut cloud = Cloud::for_tests();
    let full = request(&json!({"Rules": [rule("r", 0)], "Description": "the edge"}));
    let summary = run(&mut cloud, "CreateWebACL", &full).unwrap()["Summary"].clone();
    let arn = summary["ARN"].as_str().unwrap();
    let prefix = "arn:aws:wafv2:eu-west-1:123456789012:regional/webacl/edge/";
    assert!(arn.starts_with(prefix), "{arn}");
    let by_arn = run(&mut cloud, "GetWebACL", &json!({ "ARN": arn })).unwrap();
    let named = json!({"Name": "edge", "Id": summary["Id"], "Scope": "REGIONAL"});
    assert_eq!(by_arn, run(&mut cloud, "GetWebACL", &named).unwrap());
    assert_eq!(by_arn["WebACL"]["Rules"], json!([rule("r", 0)]));
    assert_eq!(by_arn["WebACL"]["DefaultAction"], json!({"Allow": {}}));
    assert_eq!(by_arn["WebACL"]["Description"], "the edge");
    assert_eq!(by_arn["LockToken"], summary["LockToken"]);
}

#[test]
fn malformed_web_acls_are_refused() {
    let mut both = rule("r", 0);
    both["OverrideAction"] = json!({"None": {}});
    let mut bare = rule("r", 0);
    bare["Statement"] = Value::Null;
    for (changes, code) in [
        (json!({"Name": "a b"}), "WAFInvalidParameterException"),
        (json!({"Scope": "GLOBAL"}), "WAFInvalidParameterException"),
        (json!({"Scope": "CLOUDFRONT"}), "UnsupportedMember"),
        (json!({"DefaultAction": {}}), "WAFInvalidParameterException"),
        (
            json!({"DefaultAction": {"Allow": {}, "Block": {}}}),
            "WAFInvalidParameterException",
        ),
        (
            json!({"VisibilityConfig": {"MetricName": "m"}}),
            "WAFInvalidParameterException",
        ),
        (
            json!({"Rules": [rule("r", 0), rule("s", 0)]}),
            "WAFInvalidParameterException",
        ),
        (
            json!({"Rules": [rule("r", 0), rule("r", 1)]}),
            "WAFInvalidParameterException",
        ),
        (json!({"Rules": [both]}), "WAFInvalidParameterException"),
        (json!({"Rules": [bare]}), "WAFInvalidParameterException"),
        (
            json!({"Tags": [{"Key": "aws:k"}]}),
            "WAFTagOperationException",
        ),
        (json!({"CaptchaConfig": {}}), "UnsupportedMember"),
    ] {
        let mut cloud = Cloud::for_tests();
        let refusal = run(&mut cloud, "CreateWebACL", &request(&changes)).unwrap_err();
        assert_eq!(refusal.code, code, "{changes}");
        assert!(cloud.wafv2.web_acls.is_empty());
    }
}

#[test]
fn names_are_unique_and_a_region_holds_a_hundred() {
    let mut cloud = Cloud::for_tests();
    create(&mut cloud, "n0");
    let again = run(&mut cloud, "CreateWebACL", &request(&json!({"Name": "n0"}))).unwrap_err();
    assert_eq!(again.code, "WAFDuplicateItemException");
    for number in 1..100 {
        create(&mut cloud, &format!("n{number}"));
    }
    let more = run(&mut cloud, "CreateWebACL", &request(&json!({}))).unwrap_err();
    assert_eq!(more.code, "WAFLimitsExceededException");

    let list = |cloud: &mut Cloud, marker: Value| {
        let filter = json!({"Scope": "REGIONAL", "Limit": 60, "NextMarker": marker});
        let answer = run(cloud, "ListWebACLs", &filter).unwrap();
        (
            answer["WebACLs"].as_array().unwrap().len(),
            answer["NextMarker"].clone(),
        )
    };
    let (first, marker) = list(&mut cloud, Value::Null);
    let (second, end) = list(&mut cloud, marker);
    assert_eq!((first, second, end), (60, 40, Value::Null));
}

#[test]
fn a_load_balancer_has_one_web_acl_and_the_last_one_counts() {
    let mut cloud = Cloud::for_tests();
    let (first, second) = (create(&mut cloud, "first"), create(&mut cloud, "second"));
    assert_eq!(web_acl_of(&cloud, LOAD_BALANCER), json!({}));
    for web_acl in [&first, &second] {
        protect(&mut cloud, web_acl["ARN"].as_str().unwrap(), LOAD_BALANCER).unwrap();
        assert_eq!(
            web_acl_of(&cloud, LOAD_BALANCER)["WebACL"]["Name"],
            web_acl["Name"]
        );
    }
    let resources = json!({"WebACLArn": second["ARN"]});
    let resources = run(&mut cloud, "ListResourcesForWebACL", &resources).unwrap();
    assert_eq!(resources["ResourceArns"], json!([LOAD_BALANCER]));
    run(&mut cloud, "DeleteWebACL", &deletion(&first)).unwrap();

    let refusal = run(&mut cloud, "DeleteWebACL", &deletion(&second)).unwrap_err();
    assert_eq!(refusal.code, "WAFAssociatedItemException");
    release(&mut cloud, LOAD_BALANCER);
    run(&mut cloud, "DeleteWebACL", &deletion(&second)).unwrap();
    let gone = run(&mut cloud, "DeleteWebACL", &deletion(&second)).unwrap_err();
    assert_eq!(gone.code, "WAFNonexistentItemException");
}

#[test]
fn a_stale_lock_token_is_refused() {
    let mut cloud = Cloud::for_tests();
    let mut delete = deletion(&create(&mut cloud, "edge"));
    delete["LockToken"] = json!("another");
    let refusal = run(&mut cloud, "DeleteWebACL", &delete).unwrap_err();
    assert_eq!(refusal.code, "WAFOptimisticLockException");
}

#[test]
fn what_is_not_there_cannot_be_protected() {
    let mut cloud = Cloud::for_tests();
    let arn = create(&mut cloud, "edge")["ARN"].clone();
    for (resource, code) in [
        (LOAD_BALANCER, "WAFNonexistentItemException"),
        ("arn:aws:s3:::bucket", "WAFInvalidParameterException"),
    ] {
        let input = json!({"WebACLArn": arn, "ResourceArn": resource});
        let refusal = run(&mut cloud, "AssociateWebACL", &input).unwrap_err();
        assert_eq!(refusal.code, code);
        assert!(cloud.wafv2.associations.is_empty());
    }
    let refusal = protect(&mut cloud, "arn:none", LOAD_BALANCER).unwrap_err();
    assert_eq!(refusal.code, "WAFNonexistentItemException");
}

#[test]
fn tags_come_and_go() {
    let mut cloud = Cloud::for_tests();
    let arn = create(&mut cloud, "edge")["ARN"].clone();
    let tag = json!({"ResourceARN": arn, "Tags": [{"Key": "k", "Value": "v"}, {"Key": "l", "Value": "w"}]});
    run(&mut cloud, "TagResource", &tag).unwrap();
    run(
        &mut cloud,
        "UntagResource",
        &json!({"ResourceARN": arn, "TagKeys": ["k"]}),
    )
    .unwrap();
    let list = run(
        &mut cloud,
        "ListTagsForResource",
        &json!({ "ResourceARN": arn }),
    )
    .unwrap();
    assert_eq!(
        list["TagInfoForResource"]["TagList"],
        json!([{"Key": "l", "Value": "w"}])
    );
}
