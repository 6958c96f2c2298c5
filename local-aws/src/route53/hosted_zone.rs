//! Hosted zones.
//!
//! Identity: the id; names may repeat. Repeat-safe through `CallerReference`: the same one again is refused.
//! AWS: <https://docs.aws.amazon.com/Route53/latest/APIReference/API_CreateHostedZone.html>

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::record_set::{RecordKey, RecordSet, Target};
use super::{DomainName, body, invalid_input, max_items, no_zone, path_segment, query, submit};
use crate::cloud::{Cloud, Outcome};
use crate::tags::{self, Tags};
use crate::wire::{Input, LOCATION, Refusal};

/// Hosted zones of an account, adjustable.
/// AWS: <https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html>
const ZONES_MAX: usize = 500;
/// Hosted zones on a page, at most and by default.
/// AWS: <https://docs.aws.amazon.com/Route53/latest/APIReference/API_ListHostedZones.html>
const PAGE_MAX: usize = 100;
/// Seconds that the records of a new zone may be cached.
/// AWS: <https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/SOA-NSrecords.html>
const NS_TTL_S: i64 = 172_800;
const SOA_TTL_S: i64 = 900;

/// One hosted zone.
#[derive(Clone, Debug)]
pub struct HostedZone {
    /// `Z` and 20 characters.
    pub id: String,
    /// The domain.
    pub name: DomainName,
    /// Its record sets, in the order in which they are listed.
    pub(super) records: BTreeMap<RecordKey, RecordSet>,
    caller_reference: String,
    comment: Option<String>,
    name_servers: Vec<String>,
    tags: Tags,
}

impl HostedZone {
    /// The record set of this name and type.
    #[must_use]
    pub fn record_set(&self, name: &DomainName, kind: &str) -> Option<&RecordSet> {
        self.records.get(&(name.clone(), kind.to_owned()))
    }

    /// All record sets, in the order in which they are listed.
    pub fn record_sets(&self) -> impl Iterator<Item = &RecordSet> {
        self.records.values()
    }

    /// Whether the record set is one that the zone was made with and cannot be without.
    pub(super) fn needs(&self, (name, kind): &RecordKey) -> bool {
        *name == self.name && matches!(kind.as_str(), "NS" | "SOA")
    }

    fn describe(&self) -> Value {
        json!({
            "Id": format!("/hostedzone/{}", self.id),
            "Name": self.name.as_str(),
            "CallerReference": self.caller_reference,
            "Config": {"Comment": self.comment, "PrivateZone": false},
            "ResourceRecordSetCount": self.records.len(),
        })
    }

    fn delegation_set(&self) -> Value {
        json!({"NameServers": {"NameServer": self.name_servers}})
    }
}

pub(super) fn create(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    let body = body(input)?;
    body.only(&["Name", "CallerReference", "HostedZoneConfig"])?;
    let name = body.text("Name").unwrap_or_default();
    let name = DomainName::parse(name)
        .ok()
        .filter(|name| name.labels() > 1)
        .ok_or_else(|| {
            Refusal::client(
                "InvalidDomainName",
                format!("The domain name '{name}' is not a valid domain name"),
            )
        })?;
    let reference = body
        .text("CallerReference")
        .filter(|reference| (1..=128).contains(&reference.chars().count()))
        .ok_or_else(|| invalid_input("CallerReference must have 1 to 128 characters"))?;
    let config = body.object("HostedZoneConfig");
    if let Some(config) = config {
        config.only(&["Comment", "PrivateZone"])?;
        if config.flag("PrivateZone")? == Some(true) {
            return Err(invalid_input(
                "a private hosted zone needs a VPC, which local-aws does not associate",
            ));
        }
    }
    let zones = &cloud.route53.zones;
    if zones
        .values()
        .any(|zone| zone.caller_reference == reference)
    {
        return Err(Refusal::new(
            409,
            "HostedZoneAlreadyExists",
            format!(
                "A hosted zone has already been created with the specified caller reference: {reference}"
            ),
        ));
    }
    if zones.len() >= ZONES_MAX {
        return Err(Refusal::client(
            "TooManyHostedZones",
            format!(
                "Limits Exceeded: MAX_HOSTED_ZONES_BY_OWNER - Cannot create more than {ZONES_MAX} hosted zones."
            ),
        ));
    }
    let comment = config.and_then(|config| config.text("Comment"));
    let zone = new_zone(cloud, name, reference, comment);
    let output = json!({
        LOCATION: format!("https://route53.amazonaws.com/2013-04-01/hostedzone/{}", zone.id),
        "CreateHostedZoneResponse": {
            "HostedZone": zone.describe(),
            "ChangeInfo": submit(cloud, None),
            "DelegationSet": zone.delegation_set(),
        },
    });
    cloud.route53.zones.insert(zone.id.clone(), zone);
    Ok(output)
}

/// A zone with the two record sets that every zone has.
fn new_zone(
    cloud: &mut Cloud,
    name: DomainName,
    reference: &str,
    comment: Option<&str>,
) -> HostedZone {
    let id = format!("Z{}", cloud.random.hex(20).to_uppercase());
    let name_servers: Vec<String> = ["com", "net", "org", "co.uk"]
        .iter()
        .map(|domain| {
            let server = cloud.random.below(2048);
            format!("ns-{server}.awsdns-{:02}.{domain}", server % 64)
        })
        .collect();
    let first = name_servers.first().cloned().unwrap_or_default();
    let soa = format!("{first}. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400");
    let servers = name_servers.iter().map(|server| format!("{server}."));
    let own = [
        ("NS", NS_TTL_S, servers.collect()),
        ("SOA", SOA_TTL_S, vec![soa]),
    ];
    let records = own.into_iter().map(|(kind, ttl_s, values)| {
        let record = RecordSet {
            name: name.clone(),
            kind: kind.to_owned(),
            target: Target::Values { ttl_s, values },
        };
        (record.key(), record)
    });
    HostedZone {
        id,
        records: records.collect(),
        name,
        caller_reference: reference.to_owned(),
        comment: comment.map(str::to_owned),
        name_servers,
        tags: Tags::new(),
    }
}

pub(super) fn get(cloud: &Cloud, input: Input<'_>) -> Outcome {
    let zone = find(cloud, &path_segment(input, 2)?)?;
    Ok(json!({"GetHostedZoneResponse": {
        "HostedZone": zone.describe(),
        "DelegationSet": zone.delegation_set(),
    }}))
}

pub(super) fn find<'a>(cloud: &'a Cloud, id: &str) -> Result<&'a HostedZone, Refusal> {
    cloud.route53.zones.get(id).ok_or_else(|| no_zone(id))
}

pub(super) fn list(cloud: &Cloud, input: Input<'_>) -> Outcome {
    let query = query(input)?;
    query.only(&["marker", "maxitems"])?;
    let maximum = max_items(query, PAGE_MAX)?;
    let marker = query.text("marker").unwrap_or_default();
    let mut zones = cloud.route53.zones.range(marker.to_owned()..);
    let page: Vec<Value> = zones
        .by_ref()
        .take(maximum)
        .map(|(_, zone)| zone.describe())
        .collect();
    let next = zones.next().map(|(id, _)| id);
    Ok(json!({"ListHostedZonesResponse": {
        "HostedZones": {"HostedZone": page},
        "Marker": marker,
        "IsTruncated": next.is_some(),
        "NextMarker": next,
        "MaxItems": maximum.to_string(),
    }}))
}

/// In the order of the names; `dnsname` and `hostedzoneid` say where to begin.
/// AWS: <https://docs.aws.amazon.com/Route53/latest/APIReference/API_ListHostedZonesByName.html>
pub(super) fn list_by_name(cloud: &Cloud, input: Input<'_>) -> Outcome {
    let query = query(input)?;
    query.only(&["dnsname", "hostedzoneid", "maxitems"])?;
    let maximum = max_items(query, PAGE_MAX)?;
    let asked = query.text("dnsname");
    let id = query.text("hostedzoneid");
    if id.is_some() && asked.is_none() {
        return Err(invalid_input("hostedzoneid needs a dnsname"));
    }
    let start = asked
        .map(DomainName::parse)
        .transpose()
        .map_err(|problem| Refusal::client("InvalidDomainName", problem))?
        .map(|name| (name, id.unwrap_or_default().to_owned()));
    let by_name: BTreeMap<(DomainName, String), &HostedZone> = cloud
        .route53
        .zones
        .values()
        .map(|zone| ((zone.name.clone(), zone.id.clone()), zone))
        .filter(|(key, _)| start.as_ref().is_none_or(|start| key >= start))
        .collect();
    let page: Vec<Value> = by_name
        .values()
        .take(maximum)
        .map(|zone| zone.describe())
        .collect();
    let next = by_name.keys().nth(maximum);
    Ok(json!({"ListHostedZonesByNameResponse": {
        "HostedZones": {"HostedZone": page},
        "DNSName": asked,
        "HostedZoneId": id,
        "IsTruncated": next.is_some(),
        "NextDNSName": next.map(|(name, _)| name.as_str()),
        "NextHostedZoneId": next.map(|(_, id)| id),
        "MaxItems": maximum.to_string(),
    }}))
}

/// Only a zone with nothing but the records that it was made with can go.
/// AWS: <https://docs.aws.amazon.com/Route53/latest/APIReference/API_DeleteHostedZone.html>
pub(super) fn delete(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    let id = path_segment(input, 2)?;
    let zone = find(cloud, &id)?;
    if zone.records.keys().any(|key| !zone.needs(key)) {
        return Err(Refusal::client(
            "HostedZoneNotEmpty",
            "The specified hosted zone contains non-required resource record sets and so cannot be deleted.",
        ));
    }
    cloud.route53.zones.remove(&id);
    let info = submit(cloud, None);
    Ok(json!({"DeleteHostedZoneResponse": {"ChangeInfo": info}}))
}

/// AWS: <https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeTagsForResource.html>
pub(super) fn change_tags(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    let id = path_segment(input, 3)?;
    let body = body(input)?;
    body.only(&["AddTags", "RemoveTagKeys"])?;
    let added = match body.object("AddTags") {
        Some(list) => {
            tags::from_list(list, "Tag").map_err(|problem| invalid_input(problem.to_string()))?
        }
        None => Tags::new(),
    };
    let removed = body
        .object("RemoveTagKeys")
        .map(|list| match list.text("Key") {
            Some(one) => vec![one],
            None => list.texts("Key"),
        });
    let zone = cloud
        .route53
        .zones
        .get_mut(&id)
        .ok_or_else(|| no_zone(&id))?;
    let mut changed = zone.tags.clone();
    for key in removed.into_iter().flatten() {
        changed.remove(key);
    }
    tags::merge(&mut changed, added).map_err(|problem| invalid_input(problem.to_string()))?;
    zone.tags = changed;
    Ok(json!({"ChangeTagsForResourceResponse": {}}))
}

pub(super) fn list_tags(cloud: &Cloud, input: Input<'_>) -> Outcome {
    let id = path_segment(input, 3)?;
    let zone = find(cloud, &id)?;
    Ok(json!({"ListTagsForResourceResponse": {"ResourceTagSet": {
        "ResourceType": "hostedzone",
        "ResourceId": id,
        "Tags": {"Tag": tags::to_list(&zone.tags)},
    }}}))
}
