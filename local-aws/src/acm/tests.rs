//! Certificates as their clients see them.

use serde_json::{Value, json};

use super::{Status, call, certificate, set_in_use};
use crate::cloud::{Cloud, Outcome};
use crate::route53;
use crate::wire::Input;

const HOUR_MS: u64 = 3_600_000;

fn run(cloud: &mut Cloud, operation: &str, input: &Value) -> Outcome {
    call(cloud, operation, Input::new(input))
}

/// A request for a wildcard, with `changes` over it.
fn wildcard(changes: &Value) -> Value {
    let mut request = json!({"DomainName": "*.example.com", "ValidationMethod": "DNS"});
    for (name, value) in changes.as_object().unwrap() {
        request[name] = value.clone();
    }
    request
}

fn request(cloud: &mut Cloud, changes: &Value) -> String {
    let answer = run(cloud, "RequestCertificate", &wildcard(changes)).unwrap();
    answer["CertificateArn"].as_str().unwrap().to_owned()
}

fn described(cloud: &mut Cloud, arn: &str) -> Value {
    run(
        cloud,
        "DescribeCertificate",
        &json!({ "CertificateArn": arn }),
    )
    .unwrap()["Certificate"]
        .clone()
}

/// Puts the validation record of the certificate's name number `position` into a zone of this name.
fn prove(cloud: &mut Cloud, arn: &str, position: usize, zone: &str) {
    let option = &described(cloud, arn)["DomainValidationOptions"][position];
    let record = option["ResourceRecord"].clone();
    let mut dns = |operation: &str, path: &str, body: Value| {
        let path = format!("/2013-04-01/{path}");
        let input = json!({"method": "POST", "path": path, "query": {}, "body": body});
        route53::call(cloud, operation, Input::new(&input)).unwrap()
    };
    let create = json!({"Name": zone, "CallerReference": zone});
    let answer = dns("CreateHostedZone", "hostedzone", create);
    let id = answer["CreateHostedZoneResponse"]["HostedZone"]["Id"]
        .as_str()
        .unwrap()
        .to_owned();
    let change = json!({"ChangeBatch": {"Changes": {"Change": {
        "Action": "CREATE",
        "ResourceRecordSet": {
            "Name": record["Name"], "Type": "CNAME", "TTL": "300",
            "ResourceRecords": {"ResourceRecord": {"Value": record["Value"]}},
        },
    }}}});
    dns("ChangeResourceRecordSets", &format!("{id}/rrset"), change);
}

#[test]
fn a_certificate_is_issued_once_all_its_records_are_there() {
    let mut cloud = Cloud::for_tests();
    let arn = request(
        &mut cloud,
        &json!({"SubjectAlternativeNames": ["example.org"]}),
    );
    assert!(arn.starts_with("arn:aws:acm:eu-west-1:123456789012:certificate/"));
    cloud.advance_to(cloud.now_ms + HOUR_MS);
    assert_eq!(described(&mut cloud, &arn)["Status"], "PENDING_VALIDATION");
    prove(&mut cloud, &arn, 0, "example.com");
    cloud.advance_to(cloud.now_ms + HOUR_MS);
    let certificate = described(&mut cloud, &arn);
    assert_eq!(certificate["Status"], "PENDING_VALIDATION");
    assert_eq!(
        certificate["DomainValidationOptions"][0]["ValidationStatus"],
        "SUCCESS"
    );
    assert_eq!(
        certificate["DomainValidationOptions"][1]["ValidationStatus"],
        "PENDING_VALIDATION"
    );
    prove(&mut cloud, &arn, 1, "example.org");
    cloud.advance_to(cloud.now_ms + 10_000);
    let certificate = described(&mut cloud, &arn);
    assert_eq!(certificate["Status"], "ISSUED");
    assert_eq!(
        certificate["SubjectAlternativeNames"],
        json!(["*.example.com", "example.org"])
    );
    assert!(certificate["NotAfter"]["$timestamp_ms"].as_u64() > Some(cloud.now_ms));
}

#[test]
fn a_certificate_that_nobody_proves_times_out() {
    let mut cloud = Cloud::for_tests();
    let arn = request(&mut cloud, &json!({}));
    cloud.advance_to(cloud.now_ms + 72 * HOUR_MS);
    let certificate = described(&mut cloud, &arn);
    assert_eq!(certificate["Status"], "VALIDATION_TIMED_OUT");
    assert_eq!(
        certificate["DomainValidationOptions"][0]["ValidationStatus"],
        "FAILED"
    );
    prove(&mut cloud, &arn, 0, "example.com");
    cloud.advance_to(cloud.now_ms + HOUR_MS);
    assert_eq!(
        super::certificate(&cloud, &arn).unwrap().status,
        Status::ValidationTimedOut
    );
}

#[test]
fn a_name_and_its_wildcard_are_proved_by_one_record() {
    let mut cloud = Cloud::for_tests();
    let first = request(
        &mut cloud,
        &json!({"SubjectAlternativeNames": ["example.com"]}),
    );
    let second = request(&mut cloud, &json!({"DomainName": "example.com"}));
    let record = |cloud: &mut Cloud, arn: &str, position: usize| {
        described(cloud, arn)["DomainValidationOptions"][position]["ResourceRecord"].clone()
    };
    let wildcard = record(&mut cloud, &first, 0);
    assert_eq!(wildcard, record(&mut cloud, &first, 1));
    assert_eq!(wildcard, record(&mut cloud, &second, 0));
    assert!(
        wildcard["Name"]
            .as_str()
            .unwrap()
            .ends_with(".example.com.")
    );
}

#[test]
fn a_token_stands_for_its_certificate_for_an_hour() {
    let mut cloud = Cloud::for_tests();
    let token = json!({"IdempotencyToken": "t_1"});
    let first = request(&mut cloud, &token);
    assert_eq!(request(&mut cloud, &token), first);
    assert_ne!(
        request(&mut cloud, &json!({"IdempotencyToken": "t_2"})),
        first
    );
    assert_ne!(
        request(&mut cloud, &json!({})),
        request(&mut cloud, &json!({}))
    );
    cloud.advance_to(cloud.now_ms + HOUR_MS);
    assert_ne!(request(&mut cloud, &token), first);
}

#[test]
fn malformed_requests_are_refused() {
    let long = format!("{}.example.com", "a".repeat(53));
    let eleven: Vec<String> = (0..10).map(|n| format!("n{n}.example.com")).collect();
    for (changes, code) in [
        (json!({"DomainName": null}), "ValidationException"),
        (json!({"DomainName": "com"}), "ValidationException"),
        (
            json!({"DomainName": "a.*.example.com"}),
            "ValidationException",
        ),
        (
            json!({"DomainName": "-a.example.com"}),
            "ValidationException",
        ),
        (json!({"DomainName": long}), "InvalidParameterException"),
        (
            json!({ "SubjectAlternativeNames": eleven }),
            "LimitExceededException",
        ),
        (json!({"IdempotencyToken": "t-1"}), "ValidationException"),
        (
            json!({"IdempotencyToken": "t".repeat(33)}),
            "ValidationException",
        ),
        (json!({"ValidationMethod": "EMAIL"}), "UnsupportedMember"),
        (
            json!({"ValidationMethod": "TELEPHONE"}),
            "ValidationException",
        ),
        (
            json!({"KeyAlgorithm": "RSA_4096"}),
            "InvalidParameterException",
        ),
        (
            json!({"Options": {"Export": "ENABLED"}}),
            "UnsupportedMember",
        ),
        (json!({"Tags": [{"Key": "aws:k"}]}), "InvalidTagException"),
    ] {
        let mut cloud = Cloud::for_tests();
        let refusal = run(&mut cloud, "RequestCertificate", &wildcard(&changes)).unwrap_err();
        assert_eq!(refusal.code, code, "{changes}");
        assert!(cloud.acm.certificates.is_empty());
    }
}

#[test]
fn the_first_name_may_have_64_characters() {
    let mut cloud = Cloud::for_tests();
    let longest = format!("{}.example.com", "a".repeat(52));
    assert_eq!(longest.len(), 64);
    request(&mut cloud, &json!({ "DomainName": longest }));
}

#[test]
fn a_certificate_in_use_stays() {
    let mut cloud = Cloud::for_tests();
    let arn = request(&mut cloud, &json!({}));
    let by = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/a/1";
    set_in_use(&mut cloud, &arn, by, true);
    assert_eq!(described(&mut cloud, &arn)["InUseBy"], json!([by]));
    let delete = json!({ "CertificateArn": arn });
    let refusal = run(&mut cloud, "DeleteCertificate", &delete).unwrap_err();
    assert_eq!(refusal.code, "ResourceInUseException");
    set_in_use(&mut cloud, &arn, by, false);
    run(&mut cloud, "DeleteCertificate", &delete).unwrap();
    assert!(certificate(&cloud, &arn).is_none());
    let gone = run(&mut cloud, "DeleteCertificate", &delete).unwrap_err();
    assert_eq!(gone.code, "ResourceNotFoundException");
    let stranger = json!({"CertificateArn": "arn:aws:s3:::bucket"});
    let refusal = run(&mut cloud, "DescribeCertificate", &stranger).unwrap_err();
    assert_eq!(refusal.code, "InvalidArnException");
}

#[test]
fn a_wildcard_is_for_one_label() {
    let mut cloud = Cloud::for_tests();
    let arn = request(
        &mut cloud,
        &json!({"SubjectAlternativeNames": ["Example.org"]}),
    );
    let certificate = certificate(&cloud, &arn).unwrap();
    for (host, fits) in [
        ("web.example.com", true),
        ("WEB.example.com", true),
        ("a.web.example.com", false),
        ("example.com", false),
        ("example.org", true),
        ("web.example.org", false),
    ] {
        assert_eq!(certificate.is_for(host), fits, "{host}");
    }
}

#[test]
fn certificates_are_listed_by_status_key_and_age_in_pages() {
    let mut cloud = Cloud::for_tests();
    let mut arns = Vec::new();
    for algorithm in ["RSA_2048", "EC_prime256v1", "RSA_2048"] {
        arns.push(request(&mut cloud, &json!({ "KeyAlgorithm": algorithm })));
        cloud.advance_to(cloud.now_ms + 1);
    }
    let mut list = |filter: Value| {
        let answer = run(&mut cloud, "ListCertificates", &filter)?;
        let listed = answer["CertificateSummaryList"].as_array().unwrap().clone();
        let listed: Vec<String> = listed
            .iter()
            .map(|summary| summary["CertificateArn"].as_str().unwrap().to_owned())
            .collect();
        Ok::<_, crate::wire::Refusal>((listed, answer["NextToken"].clone()))
    };
    assert_eq!(list(json!({})).unwrap().0.len(), 2);
    let elliptic = json!({"Includes": {"keyTypes": ["EC_prime256v1"]}});
    assert_eq!(list(elliptic).unwrap().0, [arns[1].clone()]);
    assert!(
        list(json!({"CertificateStatuses": ["ISSUED"]}))
            .unwrap()
            .0
            .is_empty()
    );
    let newest = |token: Value| {
        json!({
            "SortBy": "CREATED_AT", "SortOrder": "DESCENDING", "MaxItems": 1, "NextToken": token,
        })
    };
    let (page, token) = list(newest(Value::Null)).unwrap();
    assert_eq!(page, [arns[2].clone()]);
    assert_eq!(
        list(newest(token)).unwrap(),
        (vec![arns[0].clone()], Value::Null)
    );
    for filter in [
        json!({"MaxItems": 0}),
        json!({"SortBy": "CREATED_AT"}),
        json!({"NextToken": "*"}),
    ] {
        assert_eq!(list(filter).unwrap_err().code, "ValidationException");
    }
}

#[test]
fn tags_come_and_go() {
    let mut cloud = Cloud::for_tests();
    let arn = request(&mut cloud, &json!({"Tags": [{"Key": "k", "Value": "v"}]}));
    let tags = |tags: Value| json!({"CertificateArn": arn, "Tags": tags});
    let add = tags(json!([{"Key": "l", "Value": "w"}, {"Key": "m"}]));
    run(&mut cloud, "AddTagsToCertificate", &add).unwrap();
    let remove = tags(json!([{"Key": "k", "Value": "other"}, {"Key": "l"}]));
    run(&mut cloud, "RemoveTagsFromCertificate", &remove).unwrap();
    let list = run(
        &mut cloud,
        "ListTagsForCertificate",
        &json!({ "CertificateArn": arn }),
    )
    .unwrap();
    assert_eq!(
        list["Tags"],
        json!([{"Key": "k", "Value": "v"}, {"Key": "m", "Value": ""}])
    );
}
