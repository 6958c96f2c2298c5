//! Zones and records as their clients see them.

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
fn a_change_is_pending_for_a_minute() {
    let mut cloud = Cloud::for_tests();
    let id = zone(&mut cloud, "example.com", "r");
    let answer = change(
        &mut cloud,
        &id,
        &[address("CREATE", "a.example.com", "192.0.2.1")],
    )
    .unwrap();
    let info = &answer["ChangeResourceRecordSetsResponse"]["ChangeInfo"];
    let path = info["Id"]
        .as_str()
        .unwrap()
        .trim_start_matches('/')
        .to_owned();
    let status = |cloud: &mut Cloud| {
        let answer = run(cloud, "GetChange", &path, &json!({}), &Value::Null).unwrap();
        answer["GetChangeResponse"]["ChangeInfo"]["Status"].clone()
    };
    cloud.advance_to(cloud.now_ms + 59_999);
    assert_eq!(status(&mut cloud), "PENDING");
    cloud.advance_to(cloud.now_ms + 1);
    assert_eq!(status(&mut cloud), "INSYNC");
    let unknown = run(
        &mut cloud,
        "GetChange",
        "change/C0",
        &json!({}),
        &Value::Null,
    )
    .unwrap_err();
    assert_eq!(
        (unknown.status, unknown.code.as_str()),
        (404, "NoSuchChange")
    );
}

/// Sends the batch to a zone with one record; it is refused with a message that has `message` in it.
fn refuse(changes: &[Value], message: &str) {
    let mut cloud = Cloud::for_tests();
    let id = zone(&mut cloud, "example.com", "r");
    change(
        &mut cloud,
        &id,
        &[address("CREATE", "a.example.com", "192.0.2.1")],
    )
    .unwrap();
    let before = records(&mut cloud, &id, &json!({})).1;
    let refusal = change(&mut cloud, &id, changes).unwrap_err();
    assert_eq!(refusal.code, "InvalidChangeBatch");
    assert!(
        refusal.message.contains(message),
        "`{}` lacks `{message}`",
        refusal.message
    );
    assert_eq!(records(&mut cloud, &id, &json!({})).1, before);
}

#[test]
fn a_batch_that_is_refused_changes_nothing_and_says_why() {
    let tried_delete = "Tried to delete resource record set [name='a.example.com.', type='A'] but";
    let cases = [
        (
            vec![address("CREATE", "a.example.com", "192.0.2.9")],
            "Tried to create resource record set [name='a.example.com.', type='A'] but it already exists".to_owned(),
        ),
        (
            vec![address("DELETE", "b.example.com", "192.0.2.1")],
            "Tried to delete resource record set [name='b.example.com.', type='A'] but it was not found".to_owned(),
        ),
        (
            vec![address("DELETE", "a.example.com", "192.0.2.2")],
            format!("{tried_delete} the values provided do not match the current values"),
        ),
        (
            vec![alias("DELETE", "a.example.com", "A", "Z9", LOAD_BALANCER)],
            format!("{tried_delete} the values provided do not match the current values"),
        ),
        (
            vec![address("DELETE", "a.example.com", "192.0.2.1"), address("DELETE", "a.example.com", "192.0.2.1")],
            format!("{tried_delete} it was not found"),
        ),
        (
            vec![
                address("CREATE", "b.example.com", "192.0.2.1"),
                address("CREATE", "a.example.com", "192.0.2.9"),
                address("DELETE", "c.example.com", "192.0.2.9"),
            ],
            "but it already exists, Tried to delete".to_owned(),
        ),
    ];
    for (changes, message) in cases {
        refuse(&changes, &message);
    }
}

#[test]
fn records_that_cannot_be_are_refused() {
    let cases = [
        (
            vec![address("CREATE", "a.example.org", "192.0.2.1")],
            "RRSet with DNS name a.example.org. is not permitted in zone example.com.",
        ),
        (
            vec![values("CREATE", "example.com", "CNAME", &["x.org"])],
            "is not permitted at apex in zone example.com.",
        ),
        (
            vec![values("CREATE", "a.example.com", "CNAME", &["x.org"])],
            "conflicts with other records with the same DNS name",
        ),
        (
            vec![values(
                "CREATE",
                "c.example.com",
                "CNAME",
                &["x.org", "y.org"],
            )],
            "MultipleCNAMEs",
        ),
        (
            vec![address("UPSERT", "a.example.com", "here")],
            "ARRDATAIllegalIPv4Address",
        ),
        (
            vec![values("CREATE", "t.example.com", "TXT", &["bare"])],
            "InvalidCharacterString",
        ),
        (
            vec![values("CREATE", "t.example.com", "A", &[])],
            "at least one value",
        ),
        (
            vec![alias(
                "CREATE",
                "l.example.com",
                "A",
                "Z9",
                "lb.example.org",
            )],
            "the alias target name does not lie within the target zone",
        ),
        (
            vec![alias("CREATE", "l.example.com", "TXT", "Z9", LOAD_BALANCER)],
            "that target was not found",
        ),
    ];
    for (changes, message) in cases {
        refuse(&changes, message);
    }
}

#[test]
fn the_records_that_a_zone_needs_stay() {
    let mut cloud = Cloud::for_tests();
    let id = zone(&mut cloud, "example.com", "r");
    let listed = records(&mut cloud, &id, &json!({})).1;
    for (position, message) in [(0, "at least one NS record"), (1, "exactly one SOA record")] {
        let record = listed["ResourceRecordSets"]["ResourceRecordSet"][position].clone();
        let delete = json!({"Action": "DELETE", "ResourceRecordSet": record});
        let refusal = change(&mut cloud, &id, &[delete]).unwrap_err();
        assert!(refusal.message.contains(message), "{refusal}");
    }
}

#[test]
fn what_is_not_a_change_is_refused() {
    let mut cloud = Cloud::for_tests();
    let id = zone(&mut cloud, "example.com", "r");
    let record = |members: Value| {
        let mut record = json!({"Name": "a.example.com", "Type": "A"});
        record
            .as_object_mut()
            .unwrap()
            .extend(members.as_object().unwrap().clone());
        json!({"Action": "CREATE", "ResourceRecordSet": record})
    };
    let one = json!({"ResourceRecord": {"Value": "192.0.2.1"}});
    for (changes, code) in [
        (json!([]), "InvalidInput"),
        (
            json!([{"Action": "REPLACE", "ResourceRecordSet": {}}]),
            "InvalidInput",
        ),
        (json!([{"Action": "CREATE"}]), "InvalidInput"),
        (json!([record(json!({}))]), "InvalidInput"),
        (
            json!([record(json!({"ResourceRecords": one}))]),
            "InvalidInput",
        ),
        (
            json!([record(json!({"TTL": "-1", "ResourceRecords": one}))]),
            "InvalidInput",
        ),
        (
            json!([record(
                json!({"Type": "X", "TTL": "1", "ResourceRecords": one})
            )]),
            "InvalidInput",
        ),
        (
            json!([record(json!({"SetIdentifier": "s"}))]),
            "UnsupportedMember",
        ),
    ] {
        let list = if changes == json!([]) {
            json!("")
        } else {
            json!({ "Change": changes })
        };
        let body = json!({"ChangeBatch": {"Changes": list}});
        let path = format!("hostedzone/{id}/rrset");
        let outcome = run(
            &mut cloud,
            "ChangeResourceRecordSets",
            &path,
            &json!({}),
            &body,
        );
        assert_eq!(outcome.unwrap_err().code, code, "{changes}");
    }
}

#[test]
fn a_batch_has_a_size() {
    let mut cloud = Cloud::for_tests();
    let id = zone(&mut cloud, "example.com", "r");
    let names: Vec<String> = (0..501).map(|n| format!("n{n}.example.com")).collect();
    let batch = |action: &str| -> Vec<Value> {
        names
            .iter()
            .map(|name| address(action, name, "192.0.2.1"))
            .collect()
    };
    let refusal = change(&mut cloud, &id, &batch("UPSERT")).unwrap_err();
    assert!(refusal.message.contains("1000"), "{refusal}");
    change(&mut cloud, &id, &batch("CREATE")).unwrap();
}

#[test]
fn an_alias_is_kept_found_and_passes_to_another_type_in_one_batch() {
    let mut cloud = Cloud::for_tests();
    let id = zone(&mut cloud, "example.com", "r");
    let name = "web.example.com";
    change(
        &mut cloud,
        &id,
        &[values("CREATE", name, "CNAME", &["old.org"])],
    )
    .unwrap();
    let batch = [
        values("DELETE", name, "CNAME", &["old.org"]),
        alias("CREATE", name, "A", "Z9", LOAD_BALANCER),
        alias("CREATE", "also.example.com", "A", &id, name),
    ];
    change(&mut cloud, &id, &batch).unwrap();
    let Some(Target::Alias {
        zone_id,
        name: target,
        evaluate_health,
    }) = record_set(&cloud, "WEB.example.com", "A").map(|record| &record.target)
    else {
        panic!("no alias");
    };
    assert_eq!((zone_id.as_str(), *evaluate_health), ("Z9", true));
    assert_eq!(target.as_str(), "web-1.eu-west-1.elb.amazonaws.com.");
    assert_eq!(record_set(&cloud, name, "CNAME"), None);
    let dangling = alias("CREATE", "more.example.com", "A", &id, "none.example.com");
    let refusal = change(&mut cloud, &id, &[dangling]).unwrap_err();
    assert!(
        refusal.message.contains("that target was not found"),
        "{refusal}"
    );
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
fn records_are_listed_from_a_name_and_type_in_pages() {
    let mut cloud = Cloud::for_tests();
    let id = zone(&mut cloud, "example.com", "r");
    let batch = [
        address("CREATE", "b.example.com", "192.0.2.1"),
        values("CREATE", "b.example.com", "TXT", &["\"t\""]),
        address("CREATE", "*.example.com", "192.0.2.1"),
        address("CREATE", "a.b.example.com", "192.0.2.1"),
    ];
    change(&mut cloud, &id, &batch).unwrap();
    let all = "example.com. NS, example.com. SOA, \\052.example.com. A, b.example.com. A, \
               b.example.com. TXT, a.b.example.com. A";
    assert_eq!(records(&mut cloud, &id, &json!({})).0, all);
    let (page, answer) = records(
        &mut cloud,
        &id,
        &json!({"name": "*.example.com", "maxitems": "2"}),
    );
    assert_eq!(page, "\\052.example.com. A, b.example.com. A");
    assert_eq!(answer["IsTruncated"], true);
    let next = json!({"name": answer["NextRecordName"], "type": answer["NextRecordType"]});
    let (page, answer) = records(&mut cloud, &id, &next);
    assert_eq!(page, "b.example.com. TXT, a.b.example.com. A");
    assert_eq!(answer["IsTruncated"], false);
    let path = format!("hostedzone/{id}/rrset");
    for query in [
        json!({"type": "A"}),
        json!({"maxitems": "0"}),
        json!({"name": "a..b"}),
    ] {
        let refusal = run(
            &mut cloud,
            "ListResourceRecordSets",
            &path,
            &query,
            &Value::Null,
        );
        assert_eq!(refusal.unwrap_err().code, "InvalidInput", "{query}");
    }
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
