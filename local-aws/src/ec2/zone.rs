//! Availability Zones: three, `a` to `c`, in every region.
//!
//! AWS: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeAvailabilityZones.html>,
//! zone ids <https://docs.aws.amazon.com/global-infrastructure/latest/regions/az-ids.html>

use serde_json::{Value, json};

use crate::cloud::{Cloud, Outcome};
use crate::wire::{Input, Refusal};

/// The zones' letters.
pub(super) const LETTERS: [char; 3] = ['a', 'b', 'c'];

/// `eu-west-1a`
pub(super) fn name(region: &str, letter: char) -> String {
    format!("{region}{letter}")
}

/// The id of the zone with this name, `euw1-az1`; none when there is no such zone.
pub(super) fn id(region: &str, zone: &str) -> Option<String> {
    let index = LETTERS
        .iter()
        .position(|letter| name(region, *letter) == zone)?;
    Some(format!("{}-az{}", short_name(region), index + 1))
}

/// `eu-west-1` is `euw1`, `ap-northeast-1` is `apne1`, `us-gov-west-1` is `usgw1`.
fn short_name(region: &str) -> String {
    region
        .split('-')
        .enumerate()
        .map(|(index, part)| match part {
            "northeast" => "ne".to_owned(),
            "northwest" => "nw".to_owned(),
            "southeast" => "se".to_owned(),
            "southwest" => "sw".to_owned(),
            _ if index == 0 => part.to_owned(),
            _ => part.chars().take(1).collect(),
        })
        .collect()
}

pub(super) fn describe(cloud: &Cloud, input: Input<'_>) -> Outcome {
    input.only(&["ZoneName"])?;
    let region = &cloud.account.region;
    let wanted = input.texts("ZoneName");
    for zone in &wanted {
        if id(region, zone).is_none() {
            return Err(Refusal::client(
                "InvalidParameterValue",
                format!("Invalid availability zone: [{zone}]"),
            ));
        }
    }
    let zones: Vec<Value> = LETTERS
        .iter()
        .map(|letter| name(region, *letter))
        .filter(|zone| wanted.is_empty() || wanted.contains(&zone.as_str()))
        .map(|zone| {
            json!({
                "zoneState": "available",
                "optInStatus": "opt-in-not-required",
                "messageSet": [],
                "regionName": region,
                "zoneId": id(region, &zone),
                "groupName": format!("{region}-zg-1"),
                "networkBorderGroup": region,
                "zoneType": "availability-zone",
                "zoneName": zone,
            })
        })
        .collect();
    Ok(json!({"availabilityZoneInfo": zones}))
}

#[cfg(test)]
mod tests {
    use super::id;

    #[test]
    fn zone_ids_are_those_of_the_region() {
        for (region, zone, expected) in [
            ("eu-west-1", "eu-west-1a", Some("euw1-az1")),
            ("ap-northeast-1", "ap-northeast-1c", Some("apne1-az3")),
            ("us-gov-west-1", "us-gov-west-1b", Some("usgw1-az2")),
            ("eu-west-1", "eu-west-1d", None),
            ("eu-west-1", "eu-central-1a", None),
        ] {
            assert_eq!(id(region, zone).as_deref(), expected);
        }
    }
}
