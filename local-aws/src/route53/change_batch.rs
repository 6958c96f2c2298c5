//! Batches of changes: all of them happen, or none, and every problem of a batch is reported together.
//!
//! Changes are applied in their order to a copy of the zone, so that a name may pass from one type to
//! another in one batch.
//! AWS: <https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeResourceRecordSets.html>

use serde_json::json;

use super::hosted_zone::{HostedZone, find};
use super::record_set::{RecordSet, Target};
use super::{body, invalid_input, path_segment, submit};
use crate::cloud::{Cloud, Outcome};
use crate::wire::{Input, Refusal};

/// Records of one batch; those of an UPSERT count twice.
/// AWS: <https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html>
const BATCH_RECORDS_MAX: usize = 1000;
/// Characters of all values of one batch; those of an UPSERT count twice.
const BATCH_CHARACTERS_MAX: usize = 32_000;
/// Record sets of one zone, adjustable.
const ZONE_RECORDS_MAX: usize = 10_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Create,
    Upsert,
    Delete,
}

pub(super) fn change(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    let id = path_segment(input, 2)?;
    let body = body(input)?;
    body.only(&["ChangeBatch"])?;
    let batch = body
        .object("ChangeBatch")
        .ok_or_else(|| invalid_input("the request has no ChangeBatch"))?;
    batch.only(&["Comment", "Changes"])?;
    let changes = parse(batch)?;
    check_size(&changes)?;
    let mut changed = find(cloud, &id)?.clone();
    let problems: Vec<String> = changes
        .into_iter()
        .filter_map(|(action, record)| apply(cloud, &mut changed, action, record).err())
        .collect();
    if !problems.is_empty() {
        return Err(refuse(&problems));
    }
    if changed.records.len() > ZONE_RECORDS_MAX {
        let problem = format!("Number of records limit of {ZONE_RECORDS_MAX} exceeded.");
        return Err(refuse(&[problem]));
    }
    cloud.route53.zones.insert(id, changed);
    let info = submit(cloud, batch.text("Comment"));
    Ok(json!({"ChangeResourceRecordSetsResponse": {"ChangeInfo": info}}))
}

fn refuse(problems: &[String]) -> Refusal {
    Refusal::client("InvalidChangeBatch", format!("[{}]", problems.join(", ")))
}

fn parse(batch: Input<'_>) -> Result<Vec<(Action, RecordSet)>, Refusal> {
    let list = batch
        .object("Changes")
        .ok_or_else(|| invalid_input("a ChangeBatch has at least one Change"))?;
    list.items("Change")
        .map(|change| {
            change.only(&["Action", "ResourceRecordSet"])?;
            let name = change.text("Action").unwrap_or_default();
            let action = match name {
                "CREATE" => Action::Create,
                "UPSERT" => Action::Upsert,
                "DELETE" => Action::Delete,
                other => {
                    return Err(invalid_input(format!(
                        "the Action `{other}` is not CREATE, UPSERT or DELETE"
                    )));
                }
            };
            let record = change
                .object("ResourceRecordSet")
                .ok_or_else(|| invalid_input("a Change has a ResourceRecordSet"))?;
            Ok((action, RecordSet::parse(record, name)?))
        })
        .collect()
}

fn check_size(changes: &[(Action, RecordSet)]) -> Result<(), Refusal> {
    let (mut records, mut characters) = (0, 0);
    for (action, record) in changes {
        let times = if *action == Action::Upsert { 2 } else { 1 };
        let (record_count, character_count) = record.weight();
        records += times * record_count;
        characters += times * character_count;
    }
    if records > BATCH_RECORDS_MAX {
        let problem = format!("Number of records limit of {BATCH_RECORDS_MAX} exceeded.");
        return Err(refuse(&[problem]));
    }
    if characters > BATCH_CHARACTERS_MAX {
        let problem = format!("Number of characters limit of {BATCH_CHARACTERS_MAX} exceeded.");
        return Err(refuse(&[problem]));
    }
    Ok(())
}

/// Applies one change to `zone`, or says in AWS's sentence why it cannot be.
fn apply(
    cloud: &Cloud,
    zone: &mut HostedZone,
    action: Action,
    record: RecordSet,
) -> Result<(), String> {
    let key = record.key();
    let (name, kind) = (record.name.as_str(), &record.kind);
    let zone_name = zone.name.as_str();
    if !record.name.is_within(&zone.name) {
        return Err(format!(
            "RRSet with DNS name {name} is not permitted in zone {zone_name}"
        ));
    }
    let existing = zone.records.get(&key);
    match (action, existing) {
        (Action::Delete, None) => Err(format!(
            "Tried to delete resource record set [name='{name}', type='{kind}'] but it was not found"
        )),
        (Action::Delete, Some(existing)) if !same(existing, &record) => Err(format!(
            "Tried to delete resource record set [name='{name}', type='{kind}'] but the values provided \
             do not match the current values"
        )),
        (Action::Delete, Some(_)) if zone.needs(&key) => Err(if kind == "NS" {
            "A HostedZone must contain at least one NS record for the zone itself.".to_owned()
        } else {
            "A HostedZone must contain exactly one SOA record.".to_owned()
        }),
        (Action::Delete, Some(_)) => {
            zone.records.remove(&key);
            Ok(())
        }
        (Action::Create, Some(_)) => Err(format!(
            "Tried to create resource record set [name='{name}', type='{kind}'] but it already exists"
        )),
        (Action::Create | Action::Upsert, _) => {
            record.value_problem().map_or(Ok(()), Err)?;
            check_cname(zone, &record)?;
            check_alias(cloud, zone, &record)?;
            zone.records.insert(key, record);
            Ok(())
        }
    }
}

/// A DELETE names the same values; their order does not matter.
fn same(existing: &RecordSet, given: &RecordSet) -> bool {
    let sorted = |record: &RecordSet| {
        let mut record = record.clone();
        if let Target::Values { values, .. } = &mut record.target {
            values.sort();
        }
        record
    };
    sorted(existing) == sorted(given)
}

/// A CNAME is alone at its name, and not at the name of the zone.
fn check_cname(zone: &HostedZone, record: &RecordSet) -> Result<(), String> {
    let (name, zone_name) = (record.name.as_str(), zone.name.as_str());
    let kind = &record.kind;
    if kind == "CNAME" && record.name == zone.name {
        return Err(format!(
            "RRSet of type CNAME with DNS name {name} is not permitted at apex in zone {zone_name}"
        ));
    }
    let conflict = zone.record_sets().any(|other| {
        other.name == record.name
            && other.kind != *kind
            && (other.kind == "CNAME" || kind == "CNAME")
    });
    if conflict {
        return Err(format!(
            "RRSet of type {kind} with DNS name {name} is not permitted as it conflicts with other \
             records with the same DNS name in zone {zone_name}"
        ));
    }
    Ok(())
}

/// An alias within the zone points to a record set of its type; one to a load balancer is of type A or
/// AAAA, and in Elastic Load Balancing's zone.
/// AWS: <https://docs.aws.amazon.com/Route53/latest/APIReference/API_AliasTarget.html>
fn check_alias(cloud: &Cloud, zone: &HostedZone, record: &RecordSet) -> Result<(), String> {
    let Target::Alias {
        zone_id,
        name: target,
        ..
    } = &record.target
    else {
        return Ok(());
    };
    let kind = &record.kind;
    let tried = format!(
        "Tried to create an alias that targets {}, type {kind} in zone {zone_id}, but",
        target.as_str()
    );
    if *zone_id == zone.id {
        return match (target.is_within(&zone.name), zone.record_set(target, kind)) {
            (false, _) => Err(format!(
                "{tried} the alias target name does not lie within the target zone"
            )),
            (true, None) => Err(format!("{tried} that target was not found")),
            (true, Some(_)) => Ok(()),
        };
    }
    if cloud.route53.zones.contains_key(zone_id) {
        return Err(format!(
            "{tried} an alias must point to its own zone or to an AWS service"
        ));
    }
    let of_aws = [".amazonaws.com.", ".amazonaws.com.cn.", ".cloudfront.net."];
    if !of_aws
        .iter()
        .any(|domain| target.as_str().ends_with(domain))
    {
        return Err(format!(
            "{tried} the alias target name does not lie within the target zone"
        ));
    }
    if !matches!(kind.as_str(), "A" | "AAAA") {
        return Err(format!("{tried} that target was not found"));
    }
    Ok(())
}
