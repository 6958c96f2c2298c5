//! Listeners and their certificates.

use super::*;

#[test]
fn a_listener_is_created_once_for_each_port() {
    let world = &mut World::new();
    let balancer = world.balancer("web");
    let input = listener_input(&balancer, 80);
    let created = world.ok("CreateListener", input.clone());
    assert_eq!(world.ok("CreateListener", input.clone()), created);
    let mut other = input.clone();
    other["DefaultActions"][0]["FixedResponseConfig"]["StatusCode"] = json!("503");
    assert_eq!(
        world.code("CreateListener", other.clone()),
        "DuplicateListener"
    );
    let listener = text(&created, "/Listeners/0/ListenerArn");
    other = json!({"ListenerArn": listener, "DefaultActions": other["DefaultActions"]});
    world.ok("ModifyListener", other);
    let rules = world.ok("DescribeRules", json!({"ListenerArn": listener}));
    let response = &rules["Rules"][0]["Actions"][0]["FixedResponseConfig"];
    assert_eq!(response["StatusCode"], "503");
    for (member, value, expected) in [
        ("Protocol", json!("TCP"), "UnsupportedProtocol"),
        ("Port", json!("0"), "ValidationError"),
        ("DefaultActions", json!([]), "InvalidLoadBalancerAction"),
        (
            "DefaultActions",
            json!([{"Type": "authenticate-oidc"}]),
            "UnsupportedMember",
        ),
        (
            "SslPolicy",
            json!("ELBSecurityPolicy-2016-08"),
            "ValidationError",
        ),
        (
            "LoadBalancerArn",
            json!("arn:aws:x"),
            "LoadBalancerNotFound",
        ),
        (
            "DefaultActions",
            json!([{"Type": "redirect", "RedirectConfig": {"StatusCode": "HTTP_301"}}]),
            "InvalidLoadBalancerAction",
        ),
    ] {
        let mut bad = listener_input(&balancer, 81);
        bad[member] = value;
        assert_eq!(world.code("CreateListener", bad), expected, "{member}");
    }
    for port in 1..50 {
        world.listener(&balancer, 1000 + port);
    }
    assert_eq!(
        world.code("CreateListener", listener_input(&balancer, 99)),
        "TooManyListeners"
    );
}

#[test]
fn an_https_listener_needs_a_certificate_that_is_issued() {
    let world = &mut World::new();
    let balancer = world.balancer("web");
    let certificate = world.certificate();
    let mut input = listener_input(&balancer, 443);
    input["Protocol"] = json!("HTTPS");
    assert_eq!(
        world.code("CreateListener", input.clone()),
        "ValidationError"
    );
    input["Certificates"] = json!([{"CertificateArn": "arn:aws:acm:eu-west-1:1:certificate/0"}]);
    assert_eq!(
        world.code("CreateListener", input.clone()),
        "CertificateNotFound"
    );
    input["Certificates"] = json!([{"CertificateArn": certificate}]);
    assert_eq!(
        world.code("CreateListener", input.clone()),
        "UnsupportedCertificate"
    );
    world.issue(&certificate);
    input["SslPolicy"] = json!("ELBSecurityPolicy-TLS13");
    assert_eq!(
        world.code("CreateListener", input.clone()),
        "SSLPolicyNotFound"
    );
    input["SslPolicy"] = json!("ELBSecurityPolicy-TLS13-1-2-2021-06");
    let created = world.ok("CreateListener", input);
    let listener = text(&created, "/Listeners/0/ListenerArn");
    let in_use = |world: &World| world.cloud.acm.certificates[&certificate].in_use_by.len();
    assert_eq!(in_use(world), 1);

    let second = world.certificate();
    world.issue(&second);
    let add = json!({"ListenerArn": listener, "Certificates": [{"CertificateArn": second}]});
    world.ok("AddListenerCertificates", add.clone());
    world.ok("AddListenerCertificates", add.clone());
    let listed = world.ok(
        "DescribeListenerCertificates",
        json!({"ListenerArn": listener}),
    );
    assert_eq!(
        listed["Certificates"],
        json!([
            {"CertificateArn": certificate, "IsDefault": true},
            {"CertificateArn": second, "IsDefault": false},
        ])
    );
    let default =
        json!({"ListenerArn": listener, "Certificates": [{"CertificateArn": certificate}]});
    assert_eq!(
        world.code("RemoveListenerCertificates", default),
        "OperationNotPermitted"
    );
    world.ok("RemoveListenerCertificates", add);
    assert!(world.cloud.acm.certificates[&second].in_use_by.is_empty());
    world.ok("DeleteListener", json!({"ListenerArn": listener}));
    assert_eq!(in_use(world), 0);
}
