//! Record sets: what a name answers for a type.
//!
//! AWS: <https://docs.aws.amazon.com/Route53/latest/APIReference/API_ResourceRecordSet.html>

use std::net::{Ipv4Addr, Ipv6Addr};

use serde_json::{Value, json};

use super::hosted_zone::find;
use super::{DomainName, invalid_input, max_items, path_segment, query};
use crate::cloud::{Cloud, Outcome};
use crate::wire::{Input, Refusal};

/// Record sets on a page, at most and by default.
/// AWS: <https://docs.aws.amazon.com/Route53/latest/APIReference/API_ListResourceRecordSets.html>
const PAGE_MAX: usize = 300;
/// Longest time to live, in seconds.
const TTL_S_MAX: i64 = 2_147_483_647;

/// The types of records that Route 53 serves.
const KINDS: &[&str] = &[
    "A", "AAAA", "CAA", "CNAME", "DS", "HTTPS", "MX", "NAPTR", "NS", "PTR", "SOA", "SPF", "SRV",
    "SSHFP", "SVCB", "TLSA", "TXT",
];

/// A record set's name and type.
pub(super) type RecordKey = (DomainName, String);

/// One record set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordSet {
    /// Its name.
    pub name: DomainName,
    /// `A`, `CNAME`, ...
    pub kind: String,
    /// What it answers.
    pub target: Target,
}

/// What a record set answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Records of its own.
    Values {
        /// Seconds that they may be cached.
        ttl_s: i64,
        /// One per record.
        values: Vec<String>,
    },
    /// What another name answers.
    Alias {
        /// Where the other name is: a zone of this account, or the one of an AWS service.
        zone_id: String,
        /// The other name.
        name: DomainName,
        /// Whether it counts as unhealthy when its target is.
        evaluate_health: bool,
    },
}

impl RecordSet {
    pub(super) fn key(&self) -> RecordKey {
        (self.name.clone(), self.kind.clone())
    }

    /// How many records and characters a batch is charged for it.
    pub(super) fn weight(&self) -> (usize, usize) {
        match &self.target {
            Target::Values { values, .. } => (
                values.len(),
                values.iter().map(|value| value.chars().count()).sum(),
            ),
            Target::Alias { .. } => (0, 0),
        }
    }

    fn describe(&self) -> Value {
        let (name, kind) = (self.name.as_str(), &self.kind);
        match &self.target {
            Target::Values { ttl_s, values } => {
                let records: Vec<Value> =
                    values.iter().map(|value| json!({"Value": value})).collect();
                json!({
                    "Name": name,
                    "Type": kind,
                    "TTL": ttl_s,
                    "ResourceRecords": {"ResourceRecord": records},
                })
            }
            Target::Alias {
                zone_id,
                name: target,
                evaluate_health,
            } => json!({
                "Name": name,
                "Type": kind,
                "AliasTarget": {
                    "HostedZoneId": zone_id,
                    "DNSName": target.as_str(),
                    "EvaluateTargetHealth": evaluate_health,
                },
            }),
        }
    }

    /// Reads a `ResourceRecordSet`; `action` is for the message.
    ///
    /// # Errors
    /// `InvalidInput` for what is not a record set at all.
    pub(super) fn parse(record: Input<'_>, action: &str) -> Result<Self, Refusal> {
        record.only(&["Name", "Type", "TTL", "ResourceRecords", "AliasTarget"])?;
        let given = record
            .text("Name")
            .ok_or_else(|| invalid_input("a ResourceRecordSet has a Name"))?;
        let name = DomainName::parse(given).map_err(invalid_input)?;
        let kind = record.text("Type").unwrap_or_default();
        if !KINDS.contains(&kind) {
            return Err(invalid_input(format!(
                "the record type `{kind}` is not known"
            )));
        }
        let ttl_s = record
            .integer("TTL")
            .map_err(|refusal| invalid_input(refusal.message))?;
        let values: Option<Vec<String>> = record.object("ResourceRecords").map(|list| {
            list.items("ResourceRecord")
                .map(|value| value.text("Value").unwrap_or_default().to_owned())
                .collect()
        });
        let target = match (record.object("AliasTarget"), ttl_s, values) {
            (Some(alias), None, None) => parse_alias(alias)?,
            (None, Some(ttl_s @ 0..=TTL_S_MAX), Some(values)) => Target::Values { ttl_s, values },
            (None, Some(ttl_s), Some(_)) => {
                return Err(invalid_input(format!(
                    "the TTL `{ttl_s}` is not between 0 and {TTL_S_MAX}"
                )));
            }
            (alias, ttl_s, values) => {
                let none = alias.is_none() && (ttl_s.is_none() || values.is_none());
                let found = if none { "none" } else { "more than one" };
                return Err(invalid_input(format!(
                    "Invalid request: Expected exactly one of [AliasTarget, all of [TTL, and \
                     ResourceRecords], or TrafficPolicyInstanceId], but found {found} in Change with \
                     [Action={action}, Name={given}, Type={kind}, SetIdentifier=null]"
                )));
            }
        };
        Ok(Self {
            name,
            kind: kind.to_owned(),
            target,
        })
    }

    /// What is wrong with the values for their type; AWS's sentence.
    pub(super) fn value_problem(&self) -> Option<String> {
        let Target::Values { values, .. } = &self.target else {
            return None;
        };
        if values.is_empty() {
            return Some("Invalid Resource Record: at least one value is needed".to_owned());
        }
        if self.kind == "CNAME" && values.len() > 1 {
            return Some(format!(
                "Invalid Resource Record: FATAL problem: MultipleCNAMEs (There is more than one CNAME \
                 record with the name {})",
                self.name.as_str()
            ));
        }
        values.iter().find_map(|value| {
            let problem = self.problem_of(value)?;
            Some(format!(
                "Invalid Resource Record: 'FATAL problem: {problem} encountered with '{value}''"
            ))
        })
    }

    fn problem_of(&self, value: &str) -> Option<&'static str> {
        let (well_formed, problem) = match self.kind.as_str() {
            "A" => (
                value.parse::<Ipv4Addr>().is_ok(),
                "ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address)",
            ),
            "AAAA" => (
                value.parse::<Ipv6Addr>().is_ok(),
                "AAAARRDATAIllegalIPv6Address (Value is not a valid IPv6 address)",
            ),
            "CNAME" | "NS" | "PTR" => (
                DomainName::parse(value).is_ok(),
                "DomainNameIllegal (Value is not a valid domain name)",
            ),
            "TXT" | "SPF" => (
                value.len() > 1 && value.starts_with('"') && value.ends_with('"'),
                "InvalidCharacterString (Value should be enclosed in quotation marks)",
            ),
            _ => (!value.is_empty(), "EmptyValue (Value is empty)"),
        };
        (!well_formed).then_some(problem)
    }
}

fn parse_alias(alias: Input<'_>) -> Result<Target, Refusal> {
    alias.only(&["HostedZoneId", "DNSName", "EvaluateTargetHealth"])?;
    let member = |name: &str| {
        alias
            .text(name)
            .ok_or_else(|| invalid_input(format!("an AliasTarget has a {name}")))
    };
    let evaluate_health = alias
        .flag("EvaluateTargetHealth")
        .map_err(|refusal| invalid_input(refusal.message))?
        .ok_or_else(|| invalid_input("an AliasTarget has an EvaluateTargetHealth"))?;
    Ok(Target::Alias {
        zone_id: member("HostedZoneId")?
            .trim_start_matches("/hostedzone/")
            .to_owned(),
        name: DomainName::parse(member("DNSName")?).map_err(invalid_input)?,
        evaluate_health,
    })
}

/// From the record set at or after `name` and `type` on.
pub(super) fn list(cloud: &Cloud, input: Input<'_>) -> Outcome {
    let zone = find(cloud, &path_segment(input, 2)?)?;
    let query = query(input)?;
    query.only(&["name", "type", "maxitems"])?;
    let maximum = max_items(query, PAGE_MAX)?;
    let kind = query.text("type");
    let name = query
        .text("name")
        .map(DomainName::parse)
        .transpose()
        .map_err(invalid_input)?;
    if kind.is_some() && name.is_none() {
        return Err(invalid_input("type needs a name"));
    }
    let start = name.map(|name| (name, kind.unwrap_or_default().to_owned()));
    let mut records = zone
        .records
        .iter()
        .skip_while(|(key, _)| start.as_ref().is_some_and(|start| *key < start));
    let page: Vec<Value> = records
        .by_ref()
        .take(maximum)
        .map(|(_, record)| record.describe())
        .collect();
    let next = records.next().map(|(key, _)| key);
    Ok(json!({"ListResourceRecordSetsResponse": {
        "ResourceRecordSets": {"ResourceRecordSet": page},
        "IsTruncated": next.is_some(),
        "NextRecordName": next.map(|(name, _)| name.as_str()),
        "NextRecordType": next.map(|(_, kind)| kind),
        "MaxItems": maximum.to_string(),
    }}))
}
