//! Listing each service's things, page by page.

use local_aws::LocalAws;
use local_aws::wire::Service;
use serde_json::{Value, json};

use super::{Inventory, Kind, TARGET_TRACKING};

/// Pages at most of one listing; an account of a thousand services has fewer.
const PAGES_MAX: usize = 200;

/// How a service spells its listings.
struct Listing {
    service: Service,
    operation: &'static str,
    /// Member of the answer that holds the things.
    things: &'static str,
    /// Member of the input and of the answer that hold the place to go on from.
    token: (&'static str, &'static str),
}

impl Listing {
    fn all(&self, account: &LocalAws, mut input: Value) -> Vec<Value> {
        let mut things = Vec::new();
        for _ in 0..PAGES_MAX {
            let answer = account
                .perform(self.service, self.operation, input.clone())
                .unwrap_or_else(|refusal| panic!("{} was refused: {refusal:?}", self.operation));
            things.extend_from_slice(array(&answer[self.things]));
            match answer[self.token.1].as_str() {
                Some(token) if !token.is_empty() => input[self.token.0] = json!(token),
                Some(_) | None => return things,
            }
        }
        panic!("{} has more than {PAGES_MAX} pages", self.operation);
    }
}

const fn elb(operation: &'static str, things: &'static str) -> Listing {
    Listing {
        service: Service::ElasticLoadBalancing,
        operation,
        things,
        token: ("Marker", "NextMarker"),
    }
}

const fn ecs_list(operation: &'static str, things: &'static str) -> Listing {
    Listing {
        service: Service::Ecs,
        operation,
        things,
        token: ("nextToken", "nextToken"),
    }
}

const fn pascal(service: Service, operation: &'static str, things: &'static str) -> Listing {
    Listing {
        service,
        operation,
        things,
        token: ("NextToken", "NextToken"),
    }
}

pub(super) fn ecs(account: &LocalAws, inventory: &mut Inventory) {
    let clusters = ecs_list("ListClusters", "clusterArns").all(account, json!({}));
    for cluster in &clusters {
        let described = ecs_list("DescribeClusters", "clusters")
            .all(account, json!({"clusters": [cluster], "include": ["TAGS"]}));
        for cluster in &described {
            let arn = text(cluster, "/clusterArn");
            inventory.add(
                Kind::Cluster,
                arn,
                text(cluster, "/clusterName"),
                &cluster["tags"],
                &stable_cluster(cluster),
            );
        }
        let services =
            ecs_list("ListServices", "serviceArns").all(account, json!({"cluster": cluster}));
        for service in &services {
            let input = json!({"cluster": cluster, "services": [service], "include": ["TAGS"]});
            for service in ecs_list("DescribeServices", "services").all(account, input) {
                let arn = text(&service, "/serviceArn");
                inventory.add(
                    Kind::EcsService,
                    arn,
                    text(&service, "/serviceName"),
                    &service["tags"],
                    &service,
                );
            }
        }
    }
    // INACTIVE revisions stay in every account for ever: deregistering is all that can be done.
    let active = ecs_list("ListTaskDefinitions", "taskDefinitionArns")
        .all(account, json!({"status": "ACTIVE"}));
    for arn in active.iter().filter_map(Value::as_str) {
        let answer = account
            .perform(
                Service::Ecs,
                "DescribeTaskDefinition",
                json!({"taskDefinition": arn, "include": ["TAGS"]}),
            )
            .unwrap_or_else(|refusal| panic!("DescribeTaskDefinition was refused: {refusal:?}"));
        let name = arn.rsplit('/').next().unwrap_or(arn);
        inventory.add(
            Kind::TaskDefinition,
            arn,
            name,
            &answer["tags"],
            &answer["taskDefinition"],
        );
    }
}

/// A cluster without its counts, which change with every task.
fn stable_cluster(cluster: &Value) -> Value {
    json!({"clusterName": cluster["clusterName"], "capacityProviders": cluster["capacityProviders"]})
}

pub(super) fn load_balancing(account: &LocalAws, inventory: &mut Inventory) {
    let balancers = elb("DescribeLoadBalancers", "LoadBalancers").all(account, json!({}));
    for balancer in &balancers {
        let arn = text(balancer, "/LoadBalancerArn");
        let name = text(balancer, "/LoadBalancerName");
        inventory.add(
            Kind::LoadBalancer,
            arn,
            name,
            &elb_tags(account, arn),
            balancer,
        );
        for listener in
            elb("DescribeListeners", "Listeners").all(account, json!({"LoadBalancerArn": arn}))
        {
            let arn = text(&listener, "/ListenerArn");
            let name = format!("{name}:{}", listener["Port"]);
            inventory.add(
                Kind::Listener,
                arn,
                &name,
                &elb_tags(account, arn),
                &listener,
            );
            for mut rule in elb("DescribeRules", "Rules").all(account, json!({"ListenerArn": arn}))
            {
                // The default rule is part of its listener.
                if rule["Priority"] == "default" {
                    continue;
                }
                // ECS writes the groups in the order of its deployment, which has no meaning.
                let groups = "/Actions/0/ForwardConfig/TargetGroups";
                if let Some(Value::Array(groups)) = rule.pointer_mut(groups) {
                    groups.sort_by_key(|group| group["TargetGroupArn"].to_string());
                }
                let arn = text(&rule, "/RuleArn");
                let name = format!("{name} {}", text(&rule, "/Priority"));
                inventory.add(
                    Kind::ListenerRule,
                    arn,
                    &name,
                    &elb_tags(account, arn),
                    &rule,
                );
            }
        }
    }
    for mut group in elb("DescribeTargetGroups", "TargetGroups").all(account, json!({})) {
        let arn = text(&group, "/TargetGroupArn").to_owned();
        group["Attributes"] = attributes(account, &arn);
        inventory.add(
            Kind::TargetGroup,
            &arn,
            text(&group, "/TargetGroupName"),
            &elb_tags(account, &arn),
            &group,
        );
    }
}

/// What AWS describes of a target group by a call of its own.
fn attributes(account: &LocalAws, arn: &str) -> Value {
    let answer = account
        .perform(
            Service::ElasticLoadBalancing,
            "DescribeTargetGroupAttributes",
            json!({"TargetGroupArn": arn}),
        )
        .unwrap_or_else(|refusal| panic!("the attributes were refused: {refusal:?}"));
    answer["Attributes"].clone()
}

fn elb_tags(account: &LocalAws, arn: &str) -> Value {
    let answer = account
        .perform(
            Service::ElasticLoadBalancing,
            "DescribeTags",
            json!({"ResourceArns": [arn]}),
        )
        .unwrap_or_else(|refusal| panic!("DescribeTags was refused: {refusal:?}"));
    answer
        .pointer("/TagDescriptions/0/Tags")
        .cloned()
        .unwrap_or_default()
}

pub(super) fn network(account: &LocalAws, inventory: &mut Inventory) {
    let listing = Listing {
        service: Service::Ec2,
        operation: "DescribeSecurityGroups",
        things: "securityGroupInfo",
        token: ("NextToken", "nextToken"),
    };
    for group in listing.all(account, json!({})) {
        let (id, name) = (text(&group, "/groupId"), text(&group, "/groupName"));
        inventory.add(Kind::SecurityGroup, id, name, &group["tagSet"], &group);
    }
}

pub(super) fn scaling(account: &LocalAws, inventory: &mut Inventory) {
    let input = json!({"ServiceNamespace": "ecs"});
    let service = Service::ApplicationAutoScaling;
    for target in
        pascal(service, "DescribeScalableTargets", "ScalableTargets").all(account, input.clone())
    {
        let arn = text(&target, "/ScalableTargetARN");
        let tags = account
            .perform(service, "ListTagsForResource", json!({"ResourceARN": arn}))
            .unwrap_or_else(|refusal| panic!("ListTagsForResource was refused: {refusal:?}"));
        inventory.add(
            Kind::ScalableTarget,
            arn,
            text(&target, "/ResourceId"),
            &tags["Tags"],
            &target,
        );
    }
    for policy in pascal(service, "DescribeScalingPolicies", "ScalingPolicies").all(account, input)
    {
        let name = format!(
            "{} {}",
            text(&policy, "/ResourceId"),
            text(&policy, "/PolicyName")
        );
        inventory.add(
            Kind::ScalingPolicy,
            text(&policy, "/PolicyARN"),
            &name,
            &Value::Null,
            &policy,
        );
    }
}

pub(super) fn observability(account: &LocalAws, inventory: &mut Inventory) {
    for alarm in
        pascal(Service::CloudWatch, "DescribeAlarms", "MetricAlarms").all(account, json!({}))
    {
        let arn = text(&alarm, "/AlarmArn");
        let tags = account
            .perform(
                Service::CloudWatch,
                "ListTagsForResource",
                json!({"ResourceARN": arn}),
            )
            .unwrap_or_else(|refusal| panic!("ListTagsForResource was refused: {refusal:?}"));
        inventory.add(
            Kind::MetricAlarm,
            arn,
            alarm_name(&alarm),
            &tags["Tags"],
            &alarm,
        );
    }
    let listing = Listing {
        service: Service::Logs,
        operation: "DescribeLogGroups",
        things: "logGroups",
        token: ("nextToken", "nextToken"),
    };
    for group in listing.all(account, json!({})) {
        let name = text(&group, "/logGroupName");
        let arn = text(&group, "/logGroupArn");
        let tags = account
            .perform(
                Service::Logs,
                "ListTagsForResource",
                json!({"resourceArn": arn}),
            )
            .unwrap_or_else(|refusal| panic!("ListTagsForResource was refused: {refusal:?}"));
        inventory.add(
            Kind::LogGroup,
            arn,
            name,
            &tags["tags"],
            &json!({"logGroupName": name}),
        );
    }
}

/// Auto Scaling ends the names of its alarms with a UUID, which says nothing.
fn alarm_name(alarm: &Value) -> &str {
    /// Characters of a UUID and the hyphen before it.
    const SUFFIX: usize = 37;
    let name = text(alarm, "/AlarmName");
    let is_tracking = name.starts_with(TARGET_TRACKING);
    let stem = name
        .len()
        .checked_sub(SUFFIX)
        .and_then(|end| name.get(..end));
    stem.filter(|_| is_tracking).unwrap_or(name)
}

/// Route 53 goes on from a name and a type, and is asked by path.
pub(super) fn records(account: &LocalAws, hosted_zone_id: &str, inventory: &mut Inventory) {
    let path = format!("/2013-04-01/hostedzone/{hosted_zone_id}/rrset");
    let mut query = json!({});
    for _ in 0..PAGES_MAX {
        let answer = match account.perform(
            Service::Route53,
            "ListResourceRecordSets",
            json!({"path": path, "query": query}),
        ) {
            // People may delete the provider's zone.
            Err(refusal) if refusal.code == "NoSuchHostedZone" => return,
            other => other.unwrap_or_else(|refusal| {
                panic!("ListResourceRecordSets was refused: {refusal:?}")
            }),
        };
        let page = &answer["ListResourceRecordSetsResponse"];
        for set in array(&page["ResourceRecordSets"]["ResourceRecordSet"]) {
            let name = format!(
                "{} {}",
                text(set, "/Name").trim_end_matches('.'),
                text(set, "/Type")
            );
            inventory.add(Kind::RecordSet, &name, &name, &Value::Null, set);
        }
        if page["NextRecordName"].is_null() {
            return;
        }
        query = json!({"name": page["NextRecordName"], "type": page["NextRecordType"]});
    }
    panic!("the zone has more than {PAGES_MAX} pages");
}

pub(super) fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

pub(super) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_else(|| panic!("no {pointer} in {value}"))
}
