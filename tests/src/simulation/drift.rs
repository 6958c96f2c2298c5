//! Changes by hand to parts of a service.

use express_core::naming::TAG_OWNER;
use local_aws::LocalAws;
use local_aws::wire::Service;
use serde_json::json;

use super::account::attempt;
use super::watch::{Misrouted, is_of_a_service};
use crate::account::{Inventory, Item, Kind};
use crate::by_hand::{self, ByHand};
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

    /// Whether a part is gone then.
    pub(super) const fn loses_a_part(self) -> bool {
        match self {
            Self::RuleDeleted
            | Self::AlarmDeleted
            | Self::ScalableTargetDeregistered
            | Self::RecordDeleted
            | Self::ServiceDeleted => true,
            Self::WeightsMoved
            | Self::TargetGroupAttributeChanged
            | Self::ServiceUntagged
            | Self::RuleUntagged
            | Self::TargetGroupUntagged
            | Self::SecurityGroupUntagged => false,
        }
    }

    /// Whether it may keep visitors from what serves. Weights are ECS's to set, and what has lost its tag is not touched.
    pub(super) const fn misroutes(self) -> Misrouted {
        match self {
            Self::RuleDeleted | Self::RecordDeleted | Self::ServiceDeleted => {
                Misrouted::UntilRepaired
            }
            Self::WeightsMoved
            | Self::RuleUntagged
            | Self::TargetGroupUntagged
            | Self::ServiceUntagged => Misrouted::ForGood,
            Self::AlarmDeleted
            | Self::TargetGroupAttributeChanged
            | Self::ScalableTargetDeregistered
            | Self::SecurityGroupUntagged => Misrouted::Never,
        }
    }

    /// The call; none for a record, which is deleted as it is.
    const fn by_hand(self) -> Option<ByHand> {
        match self {
            Self::RuleDeleted => Some(by_hand::RULE_DELETED),
            Self::WeightsMoved => Some(by_hand::WEIGHTS_MOVED),
            Self::AlarmDeleted => Some(by_hand::ALARM_DELETED),
            Self::TargetGroupAttributeChanged => Some(by_hand::DELAY_RAISED),
            Self::ScalableTargetDeregistered => Some(by_hand::TARGET_DEREGISTERED),
            Self::RecordDeleted => None,
            Self::ServiceDeleted => Some(by_hand::SERVICE_DELETED),
            Self::ServiceUntagged => Some(by_hand::SERVICE_UNTAGGED),
            Self::RuleUntagged => Some(by_hand::RULE_UNTAGGED),
            Self::TargetGroupUntagged => Some(by_hand::TARGET_GROUP_UNTAGGED),
            Self::SecurityGroupUntagged => Some(by_hand::GROUP_UNTAGGED),
        }
    }

    fn kind(self) -> Kind {
        // A record says by its name only whose it is: that of a rule's host.
        self.by_hand()
            .map_or(Kind::ListenerRule, |by_hand| by_hand.kind)
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
        // A service that has ended cannot be tagged, and needs no tag.
        let is_past = self == Self::ServiceUntagged && item.description["status"] != "ACTIVE";
        match self.by_hand() {
            Some(by_hand) => !is_past && by_hand.is_done_to(world, id, item),
            None => delete_record(world, inventory, item),
        }
    }
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
