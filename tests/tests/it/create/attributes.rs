//! The attributes of a service, put together from what AWS describes.

use express_core::naming::{TAG_ORDINAL, TAG_OWNER, TAG_POOL};
use express_tests::World;
use express_tests::account::{Item, Kind};
use serde_json::{Map, Value, json};

/// The attributes of the only service, as AWS describes what they name.
pub(super) fn as_aws_says(world: &World) -> Map<String, Value> {
    let inventory = world.inventory();
    let of = |kind: Kind, is_it: &dyn Fn(&Item) -> bool| {
        let mut found = inventory.of(kind).filter(|(_, item)| is_it(item));
        let (id, item) = found.next().unwrap_or_else(|| panic!("no {kind:?}"));
        assert!(found.next().is_none(), "two of {kind:?}");
        (id.to_owned(), item.description.clone())
    };
    let any = |_: &Item| true;
    let (_, balancer) = of(Kind::LoadBalancer, &any);
    let (listener, https) = of(Kind::Listener, &|item| item.description["Port"] == 443);
    let (rule, routing) = of(Kind::ListenerRule, &any);
    let (alarm, _) = of(Kind::MetricAlarm, &|item| item.name.ends_with("-rollback"));
    let (target, _) = of(Kind::ScalableTarget, &any);
    let (group, _) = of(Kind::SecurityGroup, &|item| {
        item.tags.contains_key(TAG_OWNER)
    });
    let (log_group, _) = of(Kind::LogGroup, &any);
    let service = world.active_service();
    let container = world.active_container();
    let mut groups: Vec<&str> = inventory.of(Kind::TargetGroup).map(|(id, _)| id).collect();
    groups.sort_unstable();
    let group_arn = |id: &Value| {
        json!([format!(
            "arn:aws:ec2:eu-west-1:123456789012:security-group/{}",
            id.as_str().unwrap()
        )])
    };
    let host = &routing["Conditions"][0]["Values"][0];
    let record = inventory.of(Kind::RecordSet);
    let leads_here = record.filter(|(id, _)| *id == format!("{} A", host.as_str().unwrap()));
    assert_eq!(leads_here.count(), 1);
    let (_, shared) = inventory.of(Kind::LoadBalancer).next().unwrap();
    let scheme = balancer["Scheme"].as_str().unwrap();
    let pool = format!(
        "{scheme}-{}-{}",
        shared.tags[TAG_POOL], shared.tags[TAG_ORDINAL]
    );
    let managed = "ECSManagedResourceArns";
    let expected = json!({
        "Endpoint": format!("https://{}", host.as_str().unwrap()),
        "LoadBalancerArn": balancer["LoadBalancerArn"],
        "LoadBalancerDnsName": balancer["DNSName"],
        "LoadBalancerHostedZoneId": balancer["CanonicalHostedZoneId"],
        "TaskDefinitionArn": service["taskDefinition"],
        "ServiceSecurityGroupId": group,
        "LogGroupName": container["logConfiguration"]["options"]["awslogs-group"],
        "LoadBalancerPool": pool,
        "ServiceArn": service["serviceArn"],
        format!("{managed}.IngressPath.LoadBalancerArn"): balancer["LoadBalancerArn"],
        format!("{managed}.IngressPath.ListenerArn"): listener,
        format!("{managed}.IngressPath.ListenerRuleArn"): rule,
        format!("{managed}.IngressPath.TargetGroupArns"): groups,
        format!("{managed}.IngressPath.CertificateArn"): https["Certificates"][0]["CertificateArn"],
        format!("{managed}.IngressPath.LoadBalancerSecurityGroups"): group_arn(&balancer["SecurityGroups"][0]),
        format!("{managed}.ServiceSecurityGroups"): group_arn(&json!(group)),
        format!("{managed}.MetricAlarms"): [alarm],
        format!("{managed}.LogGroups"): [log_group],
        format!("{managed}.AutoScaling.ScalableTarget"): target,
    });
    expected.as_object().unwrap().clone()
}
