//! Changes by hand to parts of a service.

use express_core::naming::TAG_OWNER;
use local_aws::LocalAws;
use local_aws::wire::Service;
use serde_json::{Value, json};

use super::account::attempt;
use super::watch::is_of_a_service;
use crate::account::{Inventory, Item, Kind, description};
use crate::world::World;

/// What somebody does to a part of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Drift {
    RuleDeleted,
    WeightsMoved,
    AlarmDeleted,
    TargetGroupAttributeChanged,
    ScalableTargetDeregistered,
    RecordDeleted,
    ServiceDeleted,
    ServiceUntagged,
    RuleUntagged,
    TargetGroupUntagged,
    SecurityGroupUntagged,
}

/// A tag that somebody took off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Untagged {
    kind: Kind,
    id: String,
    owner_key: String,
}

/// What came of a change by hand.
pub(super) struct Drifted {
    /// Whose part it was.
    pub(super) owner_key: String,
    /// The tag that is missing now.
    pub(super) untagged: Option<Untagged>,
}

impl Drift {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::RuleDeleted,
        Self::WeightsMoved,
        Self::AlarmDeleted,
        Self::TargetGroupAttributeChanged,
        Self::ScalableTargetDeregistered,
        Self::RecordDeleted,
        Self::ServiceDeleted,
        Self::ServiceUntagged,
        Self::RuleUntagged,
        Self::TargetGroupUntagged,
        Self::SecurityGroupUntagged,
    ];

    const fn kind(self) -> Kind {
        match self {
            // A record says by its name only whose it is: that of a rule's host.
            Self::RuleDeleted | Self::WeightsMoved | Self::RuleUntagged | Self::RecordDeleted => {
                Kind::ListenerRule
            }
            Self::AlarmDeleted => Kind::MetricAlarm,
            Self::TargetGroupAttributeChanged | Self::TargetGroupUntagged => Kind::TargetGroup,
            Self::ScalableTargetDeregistered => Kind::ScalableTarget,
            Self::ServiceDeleted | Self::ServiceUntagged => Kind::EcsService,
            Self::SecurityGroupUntagged => Kind::SecurityGroup,
        }
    }

    /// Does it to one of the things of that kind that have an owner; none when there is none, or AWS refuses.
    pub(super) fn happen(self, world: &World, which: usize) -> Option<Drifted> {
        let inventory = world.inventory();
        let kind = self.kind();
        let owned: Vec<(&str, &Item)> = inventory
            .of(kind)
            .filter(|(_, item)| is_of_a_service(item))
            .collect();
        let (id, item) = owned.get(which.checked_rem(owned.len())?)?;
        let owner_key = item.tags[TAG_OWNER].clone();
        let is_done = self.change(world, &inventory, id, item);
        let untagged = matches!(
            self,
            Self::ServiceUntagged
                | Self::RuleUntagged
                | Self::TargetGroupUntagged
                | Self::SecurityGroupUntagged
        )
        .then(|| Untagged {
            kind,
            id: (*id).to_owned(),
            owner_key: owner_key.clone(),
        });
        is_done.then_some(Drifted {
            owner_key,
            untagged,
        })
    }

    fn change(self, world: &World, inventory: &Inventory, id: &str, item: &Item) -> bool {
        let account = world.account();
        let elb = Service::ElasticLoadBalancing;
        match self {
            Self::RuleDeleted => attempt(account, elb, "DeleteRule", json!({"RuleArn": id})),
            Self::WeightsMoved => attempt(account, elb, "ModifyRule", moved(id, item)),
            Self::AlarmDeleted => {
                let input = json!({"AlarmNames": [item.name]});
                attempt(account, Service::CloudWatch, "DeleteAlarms", input)
            }
            Self::TargetGroupAttributeChanged => {
                let attribute =
                    json!({"Key": "deregistration_delay.timeout_seconds", "Value": "1800"});
                let input = json!({"TargetGroupArn": id, "Attributes": [attribute]});
                attempt(account, elb, "ModifyTargetGroupAttributes", input)
            }
            Self::ScalableTargetDeregistered => {
                let input = json!({
                    "ServiceNamespace": "ecs",
                    "ResourceId": item.name,
                    "ScalableDimension": "ecs:service:DesiredCount",
                });
                let service = Service::ApplicationAutoScaling;
                attempt(account, service, "DeregisterScalableTarget", input)
            }
            Self::RecordDeleted => delete_record(world, inventory, item),
            Self::ServiceDeleted => {
                let cluster = description(item, "/clusterArn");
                let input = json!({"cluster": cluster, "service": id, "force": true});
                attempt(account, Service::Ecs, "DeleteService", input)
            }
            Self::ServiceUntagged
            | Self::RuleUntagged
            | Self::TargetGroupUntagged
            | Self::SecurityGroupUntagged => untag(account, item, id, self.kind()),
        }
    }
}

/// All requests to the group that has had fewest.
fn moved(rule_arn: &str, rule: &Item) -> Value {
    let groups = rule
        .description
        .pointer("/Actions/0/ForwardConfig/TargetGroups");
    let mut groups = groups
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    groups.sort_by_key(|group| group["Weight"].as_u64());
    for (place, group) in groups.iter_mut().enumerate() {
        group["Weight"] = json!(if place == 0 { 100 } else { 0 });
    }
    let action = json!({"Type": "forward", "ForwardConfig": {"TargetGroups": groups}});
    json!({"RuleArn": rule_arn, "Actions": [action]})
}

fn delete_record(world: &World, inventory: &Inventory, rule: &Item) -> bool {
    let host = rule.tags.get(express_core::naming::TAG_HOST);
    let record = inventory.of(Kind::RecordSet).find(|(_, record)| {
        host.is_some_and(|host| record.name.split(' ').next() == Some(host.as_str()))
    });
    let Some((_, record)) = record else {
        return false;
    };
    let zone = &world.provider().hosted_zone_id;
    let input = json!({
        "path": format!("/2013-04-01/hostedzone/{zone}/rrset"),
        "body": {"ChangeBatch": {"Changes": {"Change": {
            "Action": "DELETE",
            "ResourceRecordSet": record.description,
        }}}},
    });
    attempt(
        world.account(),
        Service::Route53,
        "ChangeResourceRecordSets",
        input,
    )
}

fn untag(account: &LocalAws, item: &Item, id: &str, kind: Kind) -> bool {
    match kind {
        Kind::EcsService => {
            // A service that has ended cannot be tagged, and needs no tag.
            let is_active = item.description["status"] == "ACTIVE";
            let input = json!({"resourceArn": id, "tagKeys": [TAG_OWNER]});
            is_active && attempt(account, Service::Ecs, "UntagResource", input)
        }
        Kind::SecurityGroup => {
            let input = json!({"ResourceId": [id], "Tag": [{"Key": TAG_OWNER}]});
            attempt(account, Service::Ec2, "DeleteTags", input)
        }
        _ => {
            let input = json!({"ResourceArns": [id], "TagKeys": [TAG_OWNER]});
            attempt(account, Service::ElasticLoadBalancing, "RemoveTags", input)
        }
    }
}

impl Untagged {
    /// Puts the tag back, where the thing is still there.
    pub(super) fn repair(&self, account: &LocalAws) {
        let value = &self.owner_key;
        let _is_there = match self.kind {
            Kind::EcsService => {
                let input = json!({
                    "resourceArn": self.id, "tags": [{"key": TAG_OWNER, "value": value}],
                });
                attempt(account, Service::Ecs, "TagResource", input)
            }
            Kind::SecurityGroup => {
                let input = json!({
                    "ResourceId": [self.id], "Tag": [{"Key": TAG_OWNER, "Value": value}],
                });
                attempt(account, Service::Ec2, "CreateTags", input)
            }
            _ => {
                let input = json!({
                    "ResourceArns": [self.id], "Tags": [{"Key": TAG_OWNER, "Value": value}],
                });
                attempt(account, Service::ElasticLoadBalancing, "AddTags", input)
            }
        };
    }
}
