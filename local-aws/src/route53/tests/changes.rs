//! Batches of changes, and what is refused in them.

use super::*;

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
