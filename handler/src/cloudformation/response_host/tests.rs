use super::*;

fn admits(hosts: &ResponseHosts, url: &str) -> bool {
    hosts.admit(&Sensitive::new(url.to_owned())).is_ok()
}

fn bucket(region: &str) -> String {
    format!("cloudformation-custom-resource-response-{region}")
}

#[test]
fn cloudformations_bucket_is_admitted_by_all_its_names() {
    let hosts = ResponseHosts::cloudformation("us-west-2");
    let bucket = bucket("uswest2");
    for url in [
        format!("https://{bucket}.s3.amazonaws.com/arn%3Aaws%3A/x%7C?Signature=a%2B"),
        format!("https://{bucket}.s3.us-west-2.amazonaws.com/x"),
        format!("https://{bucket}.s3-us-west-2.amazonaws.com/x"),
        format!("https://{bucket}.s3.dualstack.us-west-2.amazonaws.com/x"),
        format!("https://s3.us-west-2.amazonaws.com/{bucket}/x"),
        format!("https://s3-us-west-2.amazonaws.com/{bucket}/x"),
        format!("https://s3.amazonaws.com/{bucket}/x"),
        format!("https://{bucket}.s3.us-west-2.amazonaws.com:443/x"),
        format!("HTTPS://{bucket}.S3.US-WEST-2.amazonaws.com/x"),
        format!("https://{bucket}.bucket.vpce-1a2b-5e6f.s3.us-west-2.vpce.amazonaws.com/x"),
        format!(
            "https://bucket.vpce-1a2b-5e6f-us-west-2a.s3.us-west-2.vpce.amazonaws.com/{bucket}/x"
        ),
    ] {
        assert!(admits(&hosts, &url), "{url}");
    }
}

#[test]
fn case_63_every_partition_has_its_own_domain() {
    for (region, name, endpoint) in [
        ("us-east-1", "useast1", "s3.amazonaws.com"),
        ("us-east-1", "useast1", "s3-external-1.amazonaws.com"),
        ("us-east-1", "useast1", "s3.us-east-1.amazonaws.com"),
        ("cn-north-1", "cnnorth1", "s3.cn-north-1.amazonaws.com.cn"),
        (
            "us-gov-west-1",
            "usgovwest1",
            "s3-fips-us-gov-west-1.amazonaws.com",
        ),
        (
            "us-gov-west-1",
            "usgovwest1",
            "s3-fips.us-gov-west-1.amazonaws.com",
        ),
        (
            "eusc-de-east-1",
            "euscdeeast1",
            "s3.eusc-de-east-1.amazonaws.eu",
        ),
    ] {
        let url = format!("https://{}.{endpoint}/x", bucket(name));
        assert!(
            admits(&ResponseHosts::cloudformation(region), &url),
            "{url}"
        );
    }
}

#[test]
fn case_11_every_other_host_is_refused() {
    let hosts = ResponseHosts::cloudformation("us-east-1");
    let bucket = bucket("useast1");
    for url in [
        format!("http://{bucket}.s3.amazonaws.com/x"),
        format!("https://{bucket}.s3.amazonaws.com@evil.example/x"),
        format!("https://evil@{bucket}.s3.amazonaws.com/x"),
        format!("https://{bucket}.s3.amazonaws.com:8443/x"),
        format!("https://{bucket}.s3.amazonaws.com:99999/x"),
        format!("https://{bucket}.s3.amazonaws.com:/x"),
        format!("https://{bucket}.s3.amazonaws.com./x"),
        format!("https://{bucket}.s3.amazonaws.com.evil.example/x"),
        format!("https://evil.example/{bucket}.s3.amazonaws.com/x"),
        format!("https://evil.example\\@{bucket}.s3.amazonaws.com/x"),
        format!("https://evil.example#@{bucket}.s3.amazonaws.com/x"),
        format!("https://evil.example?@{bucket}.s3.amazonaws.com/x"),
        format!("https://evil-{bucket}.s3.amazonaws.com/x"),
        format!("https://evil.{bucket}.s3.amazonaws.com/x"),
        format!("https://{bucket}-evil.s3.amazonaws.com/x"),
        format!("https://{bucket}.s3.amazonaws.evil/x"),
        format!("https://{bucket}.s3.us-west-2.amazonaws.com/x"),
        format!("https://{bucket}.ec2.us-east-1.amazonaws.com/x"),
        format!("https://{bucket}.bucket.vpce-1.evil.s3.us-east-1.vpce.amazonaws.com/x"),
        format!("https://{bucket}.s3.us-east-1.vpce.amazonaws.com/x"),
        "https://cloudformation-custom-resource-response-uswest2.s3.amazonaws.com/x".to_owned(),
        "https://cloudformation-custom-resource-response-.s3.amazonaws.com/x".to_owned(),
        "https://s3.amazonaws.com/evil/x".to_owned(),
        format!("https://s3.amazonaws.com/{bucket}/../evil/x"),
        format!("https://s3.amazonaws.com/{bucket}-evil/x"),
        format!("https://s3.amazonaws.com//{bucket}/x"),
        "https://169.254.169.254/latest/meta-data".to_owned(),
        "https://[::1]/x".to_owned(),
        "file:///etc/passwd".to_owned(),
        "ftp://host/x".to_owned(),
        "/x".to_owned(),
        format!("{bucket}.s3.amazonaws.com/x"),
        "not a url".to_owned(),
        String::new(),
    ] {
        assert!(!admits(&hosts, &url), "{url}");
    }
}

#[test]
fn case_63_the_global_name_is_that_of_the_commercial_partition() {
    let url = "https://cloudformation-custom-resource-response-usgovwest1.s3.amazonaws.com/x";
    assert!(!admits(
        &ResponseHosts::cloudformation("us-gov-west-1"),
        url
    ));
}

#[test]
fn listed_patterns_replace_cloudformations_hosts() {
    let hosts =
        ResponseHosts::parse("http://localhost:*, https://sink.example:8443,http://127.0.0.1")
            .unwrap();
    for (url, admitted) in [
        ("http://localhost:4566/x", true),
        ("http://localhost/x", true),
        ("http://LOCALHOST:1/x", true),
        ("https://localhost:4566/x", false),
        ("http://localhost.evil:4566/x", false),
        ("http://localhost:4566@evil/x", false),
        ("https://sink.example:8443/x", true),
        ("https://sink.example/x", false),
        ("http://127.0.0.1:80/x", true),
        ("http://127.0.0.1:81/x", false),
        (
            "https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com/x",
            false,
        ),
    ] {
        assert_eq!(admits(&hosts, url), admitted, "{url}");
    }
}

#[test]
fn malformed_patterns_are_named() {
    for list in [
        "",
        "localhost:*",
        "ftp://localhost",
        "http://",
        "http://a b",
        "http://a:x",
        "http://a,",
        "http://*.a",
    ] {
        let problem = ResponseHosts::parse(list).unwrap_err();
        assert!(problem.contains("is not of the form"), "{list}: {problem}");
    }
}

#[test]
fn a_refusal_names_the_host_and_nothing_else_of_the_url() {
    let refused = ResponseHosts::cloudformation("us-east-1")
        .admit(&Sensitive::new(
            "https://evil.example/path?signature=canary".to_owned(),
        ))
        .unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the ResponseURL's host `evil.example` is not one of CloudFormation's for region `us-east-1`"
    );
}
