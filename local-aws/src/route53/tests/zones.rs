//! Hosted zones.

use super::*;

#[test]
fn a_new_zone_has_its_name_servers_and_is_made_once_per_reference() {
    let mut cloud = Cloud::for_tests();
    let body = json!({"Name": "Example.com", "CallerReference": "r",
        "HostedZoneConfig": {"Comment": "c", "PrivateZone": "false"}});
    let answer = run(
        &mut cloud,
        "CreateHostedZone",
        "hostedzone",
        &json!({}),
        &body,
    )
    .unwrap();
    let response = &answer["CreateHostedZoneResponse"];
    let id = response["HostedZone"]["Id"].as_str().unwrap();
    assert_eq!(
        answer[LOCATION],
        format!("https://route53.amazonaws.com/2013-04-01{id}")
    );
    assert_eq!(response["HostedZone"]["Name"], "example.com.");
    assert_eq!(response["HostedZone"]["Config"]["Comment"], "c");
    assert_eq!(response["ChangeInfo"]["Status"], "PENDING");
    let servers = response["DelegationSet"]["NameServers"]["NameServer"]
        .as_array()
        .unwrap();
    assert_eq!(servers.len(), 4);
    let id = id.strip_prefix("/hostedzone/").unwrap();
    assert_eq!(
        records(&mut cloud, id, &json!({})).0,
        "example.com. NS, example.com. SOA"
    );
    let again = run(
        &mut cloud,
        "CreateHostedZone",
        "hostedzone",
        &json!({}),
        &body,
    )
    .unwrap_err();
    assert_eq!(
        (again.status, again.code.as_str()),
        (409, "HostedZoneAlreadyExists")
    );
}

#[test]
fn malformed_zones_are_refused() {
    for (body, code) in [
        (
            json!({"Name": "com", "CallerReference": "r"}),
            "InvalidDomainName",
        ),
        (
            json!({"Name": "a..com", "CallerReference": "r"}),
            "InvalidDomainName",
        ),
        (json!({"Name": "example.com"}), "InvalidInput"),
        (
            json!({"Name": "example.com", "CallerReference": "r".repeat(129)}),
            "InvalidInput",
        ),
        (
            json!({"Name": "example.com", "CallerReference": "r", "VPC": {"VPCId": "v"}}),
            "UnsupportedMember",
        ),
        (Value::Null, "InvalidInput"),
    ] {
        let mut cloud = Cloud::for_tests();
        let refusal = run(
            &mut cloud,
            "CreateHostedZone",
            "hostedzone",
            &json!({}),
            &body,
        )
        .unwrap_err();
        assert_eq!(refusal.code, code, "{body}");
        assert!(cloud.route53.zones.is_empty());
    }
}

#[test]
fn zones_are_listed_in_pages_and_by_name() {
    let mut cloud = Cloud::for_tests();
    for name in ["b.com", "a.org", "a.com"] {
        zone(&mut cloud, name, name);
    }
    let mut list = |operation: &str, query: Value| {
        let answer = run(&mut cloud, operation, "hostedzone", &query, &Value::Null).unwrap();
        let answer = answer[format!("{operation}Response")].clone();
        let zones = answer["HostedZones"]["HostedZone"]
            .as_array()
            .unwrap()
            .clone();
        let names: Vec<String> = zones
            .iter()
            .map(|zone| zone["Name"].as_str().unwrap().to_owned())
            .collect();
        (names, answer)
    };
    let (first, answer) = list("ListHostedZones", json!({"maxitems": "2"}));
    assert_eq!((first.len(), &answer["IsTruncated"]), (2, &json!(true)));
    let (second, answer) = list("ListHostedZones", json!({"marker": answer["NextMarker"]}));
    assert_eq!((second.len(), &answer["IsTruncated"]), (1, &json!(false)));
    assert!(!first.contains(&second[0]));

    let (names, _) = list("ListHostedZonesByName", json!({}));
    assert_eq!(names, ["a.com.", "b.com.", "a.org."]);
    let (names, answer) = list(
        "ListHostedZonesByName",
        json!({"dnsname": "b.com", "maxitems": "1"}),
    );
    assert_eq!(names, ["b.com."]);
    assert_eq!(answer["NextDNSName"], "a.org.");
}

#[test]
fn a_zone_with_records_of_its_own_stays() {
    let mut cloud = Cloud::for_tests();
    let id = zone(&mut cloud, "example.com", "r");
    let path = format!("hostedzone/{id}");
    change(
        &mut cloud,
        &id,
        &[address("CREATE", "a.example.com", "192.0.2.1")],
    )
    .unwrap();
    let delete =
        |cloud: &mut Cloud| run(cloud, "DeleteHostedZone", &path, &json!({}), &Value::Null);
    assert_eq!(delete(&mut cloud).unwrap_err().code, "HostedZoneNotEmpty");
    change(
        &mut cloud,
        &id,
        &[address("DELETE", "a.example.com", "192.0.2.1")],
    )
    .unwrap();
    delete(&mut cloud).unwrap();
    let gone = delete(&mut cloud).unwrap_err();
    assert_eq!((gone.status, gone.code.as_str()), (404, "NoSuchHostedZone"));
    let get = run(&mut cloud, "GetHostedZone", &path, &json!({}), &Value::Null);
    assert_eq!(get.unwrap_err().code, "NoSuchHostedZone");
}

#[test]
fn the_longest_zone_answers_for_a_name() {
    let mut cloud = Cloud::for_tests();
    let outer = zone(&mut cloud, "example.com", "r");
    let inner = zone(&mut cloud, "sub.example.com", "s");
    let name = "a.sub.example.com";
    change(&mut cloud, &outer, &[address("CREATE", name, "192.0.2.1")]).unwrap();
    assert_eq!(record_set(&cloud, name, "A"), None);
    change(&mut cloud, &inner, &[address("CREATE", name, "192.0.2.2")]).unwrap();
    let found = record_set(&cloud, name, "A").map(|record| record.target.clone());
    let expected = Target::Values {
        ttl_s: 60,
        values: vec!["192.0.2.2".to_owned()],
    };
    assert_eq!(found, Some(expected));
}

#[test]
fn tags_come_and_go() {
    let mut cloud = Cloud::for_tests();
    let id = zone(&mut cloud, "example.com", "r");
    let path = format!("tags/hostedzone/{id}");
    let two = json!({"AddTags": {"Tag": [{"Key": "k", "Value": "v"}, {"Key": "l", "Value": "w"}]}});
    let one =
        json!({"AddTags": {"Tag": {"Key": "m", "Value": "x"}}, "RemoveTagKeys": {"Key": "k"}});
    for body in [two, one] {
        run(
            &mut cloud,
            "ChangeTagsForResource",
            &path,
            &json!({}),
            &body,
        )
        .unwrap();
    }
    let answer = run(
        &mut cloud,
        "ListTagsForResource",
        &path,
        &json!({}),
        &Value::Null,
    )
    .unwrap();
    let tags = &answer["ListTagsForResourceResponse"]["ResourceTagSet"]["Tags"]["Tag"];
    assert_eq!(
        *tags,
        json!([{"Key": "l", "Value": "w"}, {"Key": "m", "Value": "x"}])
    );
}
