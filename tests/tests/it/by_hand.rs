//! What people change by hand: one call each, to a part of a service.

use express_core::naming::TAG_OWNER;
use express_tests::World;
use express_tests::account::{Item, Kind};
use local_aws::wire::Service;
use serde_json::{Value, json};

const ELB: Service = Service::ElasticLoadBalancing;

/// A change by hand: to a thing of this kind, by this call, with this input.
#[derive(Clone, Copy)]
pub struct ByHand {
    pub kind: Kind,
    service: Service,
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
pub const SERVICE_DELETED: ByHand = ByHand {
    kind: Kind::EcsService,
    service: Service::Ecs,
    operation: "DeleteService",
    input: |id, _| json!({"cluster": "default", "service": id, "force": true}),
};
pub const REVISION_DEREGISTERED: ByHand = ByHand {
    kind: Kind::TaskDefinition,
    service: Service::Ecs,
    operation: "DeregisterTaskDefinition",
    input: |id, _| json!({"taskDefinition": id}),
};

impl ByHand {
    /// Does it to the part of the service with this name.
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
        let input = (self.input)(id, item);
        let done = world.account().perform(self.service, self.operation, input);
        assert!(done.is_ok(), "{}: {done:?}", self.operation);
    }
}
