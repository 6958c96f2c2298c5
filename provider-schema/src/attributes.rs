//! What `Fn::GetAtt` reads: one fixed set, always complete, never null or empty.
//!
//! A key that is sometimes missing would break templates that read it, so every answer has every
//! key, and a request whose worst case would not fit CloudFormation's 4,096 bytes is refused
//! before anything is made. Beside flat names there are the dotted ones of
//! `AWS::ECS::ExpressGatewayService`, so that a template that reads those need not change. Not
//! offered, of Express's: `ActiveConfigurations`, `CreatedAt`, `UpdatedAt` (they would change with
//! every deployment) and `ECSManagedResourceArns.AutoScaling.ApplicationAutoScalingPolicies`.
//!
//! AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ecs-expressgatewayservice.html>

mod worst_case;

pub use worst_case::answer_bytes;
pub(crate) use worst_case::worst_case_answer_bytes;

use serde_json::{Map, Value, json};

/// The value of an attribute that has nothing to name.
pub const NONE: &str = "none";

/// The attributes of one service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attributes {
    /// URL of the service, with `https://`.
    pub endpoint: String,
    pub load_balancer_arn: String,
    pub load_balancer_dns_name: String,
    pub load_balancer_hosted_zone_id: String,
    /// With the revision.
    pub task_definition_arn: String,
    /// The id, `sg-…`; rendered also as an ARN.
    pub service_security_group_id: String,
    /// [`NONE`] if the container has no awslogs.
    pub log_group_name: String,
    pub load_balancer_pool: String,
    /// Also gives partition, region and account for the ARNs that are made of ids.
    pub service_arn: String,
    pub listener_arn: String,
    pub listener_rule_arn: String,
    pub target_group_arns: [String; 2],
    pub certificate_arn: String,
    /// The id, `sg-…`; rendered as an ARN.
    pub load_balancer_security_group_id: String,
    pub rollback_alarm_arn: String,
    /// [`NONE`] if the container has no awslogs.
    pub log_group_arn: String,
    pub scalable_target_arn: String,
}

/// An attribute as a template's author sees it.
pub struct Attribute {
    /// What `Fn::GetAtt` is given.
    pub name: &'static str,
    /// What it is; one sentence, for the documentation.
    pub meaning: &'static str,
    /// Whether the value is a list.
    pub is_list: bool,
    value: fn(&Attributes) -> Value,
}

impl Attributes {
    /// `Data` of the answer to CloudFormation.
    pub fn to_data(&self) -> Map<String, Value> {
        ATTRIBUTES
            .iter()
            .map(|attribute| (attribute.name.to_owned(), (attribute.value)(self)))
            .collect()
    }
}

const fn one(
    name: &'static str,
    meaning: &'static str,
    value: fn(&Attributes) -> Value,
) -> Attribute {
    Attribute {
        name,
        meaning,
        is_list: false,
        value,
    }
}

const fn list(
    name: &'static str,
    meaning: &'static str,
    value: fn(&Attributes) -> Value,
) -> Attribute {
    Attribute {
        name,
        meaning,
        is_list: true,
        value,
    }
}

/// Every attribute, in the order of the documentation.
pub const ATTRIBUTES: &[Attribute] = &[
    one("Endpoint", "URL of the service, with `https://`.", |a| {
        json!(a.endpoint)
    }),
    one("LoadBalancerArn", "ARN of the load balancer.", |a| {
        json!(a.load_balancer_arn)
    }),
    one(
        "LoadBalancerDnsName",
        "DNS name of the load balancer, for records of your own.",
        |a| json!(a.load_balancer_dns_name),
    ),
    one(
        "LoadBalancerHostedZoneId",
        "Hosted zone of that name, for alias records.",
        |a| json!(a.load_balancer_hosted_zone_id),
    ),
    one(
        "TaskDefinitionArn",
        "ARN of the task definition that runs, with its revision.",
        |a| json!(a.task_definition_arn),
    ),
    one(
        "ServiceSecurityGroupId",
        "Id of the security group made for the tasks.",
        |a| json!(a.service_security_group_id),
    ),
    one(
        "LogGroupName",
        "Log group of the container; `none` without awslogs.",
        |a| json!(a.log_group_name),
    ),
    one(
        "LoadBalancerPool",
        "Pool of load balancers that the service is in.",
        |a| json!(a.load_balancer_pool),
    ),
    one(
        "ServiceArn",
        "ARN of the ECS service; the same as `Ref`.",
        |a| json!(a.service_arn),
    ),
    one(
        "ECSManagedResourceArns.IngressPath.LoadBalancerArn",
        "ARN of the load balancer.",
        |a| json!(a.load_balancer_arn),
    ),
    one(
        "ECSManagedResourceArns.IngressPath.ListenerArn",
        "ARN of the HTTPS listener.",
        |a| json!(a.listener_arn),
    ),
    one(
        "ECSManagedResourceArns.IngressPath.ListenerRuleArn",
        "ARN of the service's listener rule.",
        |a| json!(a.listener_rule_arn),
    ),
    list(
        "ECSManagedResourceArns.IngressPath.TargetGroupArns",
        "ARNs of the two target groups; which one takes the traffic alternates.",
        |a| json!(a.target_group_arns),
    ),
    one(
        "ECSManagedResourceArns.IngressPath.CertificateArn",
        "ARN of the provider's certificate.",
        |a| json!(a.certificate_arn),
    ),
    list(
        "ECSManagedResourceArns.IngressPath.LoadBalancerSecurityGroups",
        "ARN of the load balancer's security group.",
        |a| {
            json!([security_group_arn(
                &a.service_arn,
                &a.load_balancer_security_group_id
            )])
        },
    ),
    list(
        "ECSManagedResourceArns.ServiceSecurityGroups",
        "ARN of the security group made for the tasks.",
        |a| {
            json!([security_group_arn(
                &a.service_arn,
                &a.service_security_group_id
            )])
        },
    ),
    list(
        "ECSManagedResourceArns.MetricAlarms",
        "ARN of the rollback alarm.",
        |a| json!([a.rollback_alarm_arn]),
    ),
    list(
        "ECSManagedResourceArns.LogGroups",
        "ARN of the container's log group; `none` without awslogs.",
        |a| json!([a.log_group_arn]),
    ),
    one(
        "ECSManagedResourceArns.AutoScaling.ScalableTarget",
        "ARN of the scalable target.",
        |a| json!(a.scalable_target_arn),
    ),
];

/// Express gives ARNs of security groups, EC2 knows ids.
fn security_group_arn(service_arn: &str, id: &str) -> String {
    let mut parts = service_arn.split(':').skip(1);
    let partition = parts.next().unwrap_or_default();
    let mut parts = parts.skip(1);
    let region = parts.next().unwrap_or_default();
    let account = parts.next().unwrap_or_default();
    format!("arn:{partition}:ec2:{region}:{account}:security-group/{id}")
}
