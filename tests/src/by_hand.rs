//! What people change by hand: one call each, to a part of a service.
#![expect(missing_docs, reason = "the names of the changes say it")]

use express_core::naming::TAG_OWNER;
use local_aws::wire::Service;
use serde_json::{Value, json};

use crate::World;
use crate::account::{Item, Kind, description};

const ELB: Service = Service::ElasticLoadBalancing;

/// A change by hand: to a thing of this kind, by this call, with this input.
#[derive(Clone, Copy, Debug)]
pub struct ByHand {
    /// What it is done to.
    pub kind: Kind,
    service: Service,
    /// The call.
    pub operation: &'static str,
    input: fn(&str, &Item) -> Value,
}

pub const RULE_DELETED: ByHand = ByHand {
    kind: Kind::ListenerRule,
    service: ELB,
    operation: "DeleteRule",
    input: |id, _| json!({"RuleArn": id}),
};
pub const RULE_MOVED: ByHand = ByHand {
    kind: Kind::ListenerRule,
    service: ELB,
    operation: "SetRulePriorities",
    input: |id, _| json!({"RulePriorities": [{"RuleArn": id, "Priority": "7"}]}),
};
/// All requests go to the group that has had fewest.
pub const WEIGHTS_MOVED: ByHand = ByHand {
    kind: Kind::ListenerRule,
    service: ELB,
    operation: "ModifyRule",
    input: |id, rule| {
        let mut groups = target_groups(rule);
        groups.sort_by_key(|group| group["Weight"].as_u64());
        for (place, group) in groups.iter_mut().enumerate() {
            group["Weight"] = json!(if place == 0 { 100 } else { 0 });
        }
        forward_to(id, &groups)
    },
};
/// The rule goes on with the group that has the traffic only.
pub const GROUP_DETACHED: ByHand = ByHand {
    kind: Kind::ListenerRule,
    service: ELB,
    operation: "ModifyRule",
    input: |id, rule| {
        let mut groups = target_groups(rule);
        groups.retain(|group| group["Weight"] != 0);
        forward_to(id, &groups)
    },
};
pub const HEALTH_CHECK_CHANGED: ByHand = ByHand {
    kind: Kind::TargetGroup,
    service: ELB,
    operation: "ModifyTargetGroup",
    input: |id, _| json!({"TargetGroupArn": id, "HealthCheckPath": "/elsewhere"}),
};
pub const DELAY_RAISED: ByHand = ByHand {
    kind: Kind::TargetGroup,
    service: ELB,
    operation: "ModifyTargetGroupAttributes",
    input: |id, _| {
        let delay = json!({"Key": "deregistration_delay.timeout_seconds", "Value": "1800"});
        json!({"TargetGroupArn": id, "Attributes": [delay]})
    },
};
pub const ALARM_DELETED: ByHand = ByHand {
    kind: Kind::MetricAlarm,
    service: Service::CloudWatch,
    operation: "DeleteAlarms",
    input: |_, item| json!({"AlarmNames": [item.name]}),
};
pub const TARGET_DEREGISTERED: ByHand = ByHand {
    kind: Kind::ScalableTarget,
    service: Service::ApplicationAutoScaling,
    operation: "DeregisterScalableTarget",
    input: |_, item| {
        json!({
            "ServiceNamespace": "ecs",
            "ResourceId": item.name,
            "ScalableDimension": "ecs:service:DesiredCount",
        })
    },
};
pub const GROUP_UNTAGGED: ByHand = ByHand {
    kind: Kind::SecurityGroup,
    service: Service::Ec2,
    operation: "DeleteTags",
    input: |id, _| json!({"ResourceId": [id], "Tag": [{"Key": TAG_OWNER}]}),
};
pub const SERVICE_UNTAGGED: ByHand = ByHand {
    kind: Kind::EcsService,
    service: Service::Ecs,
    operation: "UntagResource",
    input: |id, _| json!({"resourceArn": id, "tagKeys": [TAG_OWNER]}),
};
pub const RULE_UNTAGGED: ByHand = ByHand {
    kind: Kind::ListenerRule,
    ..TARGET_GROUP_UNTAGGED
};
pub const RULE_WITHOUT_TAGS: ByHand = ByHand {
    kind: Kind::ListenerRule,
    input: |id, item| json!({"ResourceArns": [id], "TagKeys": item.tags.keys().collect::<Vec<_>>()}),
    ..TARGET_GROUP_UNTAGGED
};
pub const TARGET_GROUP_UNTAGGED: ByHand = ByHand {
    kind: Kind::TargetGroup,
    service: ELB,
    operation: "RemoveTags",
    input: |id, _| json!({"ResourceArns": [id], "TagKeys": [TAG_OWNER]}),
};
pub const SERVICE_DELETED: ByHand = ByHand {
    kind: Kind::EcsService,
    service: Service::Ecs,
    operation: "DeleteService",
    input: |id, item| json!({"cluster": description(item, "/clusterArn"), "service": id, "force": true}),
};
pub const TARGET_GROUP_DELETED: ByHand = ByHand {
    kind: Kind::TargetGroup,
    service: ELB,
    operation: "DeleteTargetGroup",
    input: |id, _| json!({"TargetGroupArn": id}),
};
pub const SECURITY_GROUP_DELETED: ByHand = ByHand {
    kind: Kind::SecurityGroup,
    service: Service::Ec2,
    operation: "DeleteSecurityGroup",
    input: |id, _| json!({"GroupId": id}),
};
pub const REVISION_DEREGISTERED: ByHand = ByHand {
    kind: Kind::TaskDefinition,
    service: Service::Ecs,
    operation: "DeregisterTaskDefinition",
    input: |id, _| json!({"taskDefinition": id}),
};

impl ByHand {
    /// Does it to the part of the service with this name.
    ///
    /// # Panics
    /// When there is no such part, or AWS refuses.
    pub fn happen(&self, world: &World, service: &str) {
        let inventory = world.inventory();
        let owner = inventory
            .of(Kind::EcsService)
            .find(|(_, item)| item.name == service)
            .map(|(_, item)| item.tags[TAG_OWNER].clone());
        let (id, item) = inventory
            .of(self.kind)
            .find(|(_, item)| {
                item.tags.get(TAG_OWNER) == owner.as_ref() || item.name.ends_with(service)
            })
            .unwrap_or_else(|| panic!("{service} has no {:?}", self.kind));
        assert!(
            self.is_done_to(world, id, item),
            "{} was refused",
            self.operation
        );
    }

    /// Does it to this thing; whether AWS has taken it.
    #[must_use]
    pub fn is_done_to(&self, world: &World, id: &str, item: &Item) -> bool {
        let input = (self.input)(id, item);
        let done = world.account().perform(self.service, self.operation, input);
        done.is_ok()
    }
}

/// The groups that a rule forwards to, with their weights.
fn target_groups(rule: &Item) -> Vec<Value> {
    let groups = rule
        .description
        .pointer("/Actions/0/ForwardConfig/TargetGroups");
    groups
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default()
}

/// `ModifyRule` of the rule, so that it forwards to these groups.
fn forward_to(id: &str, groups: &[Value]) -> Value {
    let action = json!({"Type": "forward", "ForwardConfig": {"TargetGroups": groups}});
    json!({"RuleArn": id, "Actions": [action]})
}
