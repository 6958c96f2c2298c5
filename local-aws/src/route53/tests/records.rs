//! Records as they are kept and listed.

use super::*;

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
