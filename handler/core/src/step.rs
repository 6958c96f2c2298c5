//! The unit of change: one thing to do in AWS or in the ledger, with all that it takes.
//!
//! Planning decides everything; applying a step makes no choices. Steps of one plan do not depend on
//! each other and are applied side by side.

use std::collections::BTreeMap;
use std::fmt;

use crate::claim::Slot;
use crate::naming::Pair;
use crate::resources::Tags;
use crate::resources::alias_record::{AliasRecordSpec, ObservedAliasRecord};
use crate::resources::cluster::ClusterSpec;
use crate::resources::ecs_service::{EcsServiceChange, EcsServiceSpec};
use crate::resources::listener::ListenerSpec;
use crate::resources::listener_rule::{ListenerRuleSpec, TestHeader};
use crate::resources::load_balancer::LoadBalancerSpec;
use crate::resources::log_group::LogGroupSpec;
use crate::resources::metric_alarm::MetricAlarmSpec;
use crate::resources::scalable_target::ScalableTargetSpec;
use crate::resources::scaling_policy::ScalingPolicySpec;
use crate::resources::security_group::{IngressRule, SecurityGroupSpec};
use crate::resources::target_group::{TargetGroupChange, TargetGroupSpec};
use crate::resources::task_definition::TaskDefinitionSpec;

/// Whose security group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupOf {
    /// The service's.
    Service,
    /// The shared load balancer's.
    LoadBalancer,
}

/// What to claim a slot for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotRequest {
    /// The pool.
    pub pool_id: String,
    /// The pool's VPC.
    pub vpc_id: String,
    /// The pool's scheme, in ELB's word.
    pub scheme: String,
    /// The owner whose pool it is, for a dedicated one.
    pub dedicated_to: Option<String>,
    /// Subnet by zone, for the case that a load balancer is opened now.
    pub subnets: BTreeMap<String, String>,
    /// The service that claims.
    pub service_arn: String,
    /// Its owner.
    pub owner_key: String,
}

/// Tags to write on everything that a service consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tagging {
    /// ARNs that Elastic Load Balancing tags: both groups and the rules.
    pub load_balancing_arns: Vec<String>,
    /// ARNs that ECS tags.
    pub ecs_arns: Vec<String>,
    /// The service's security group.
    pub security_group_id: String,
    /// The rollback alarm.
    pub alarm_arn: String,
    /// The scalable target.
    pub scalable_target_arn: String,
    /// To set.
    pub set: Tags,
    /// To remove.
    pub remove: Vec<String>,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// `ecs:CreateCluster`
    CreateCluster(ClusterSpec),
    /// `logs:CreateLogGroup`
    CreateLogGroup(LogGroupSpec),
    /// `ecs:RegisterTaskDefinition`
    RegisterTaskDefinition(Box<TaskDefinitionSpec>),
    /// Ledger: a slot on a load balancer of the pool.
    ClaimSlot(SlotRequest),
    /// Ledger: the place that a move leaves is the one to be at again, and the other is left.
    TurnBack,
    /// Ledger: gives up the place that a move has left; nothing of the service is there any more.
    LeaveSlot(Slot),
    /// Ledger: another slot on the same load balancer, because a foreign rule has our priority.
    ClaimNextSlot(SlotRequest),
    /// `ec2:CreateSecurityGroup`
    CreateSecurityGroup {
        /// Whose.
        of: GroupOf,
        /// What.
        spec: SecurityGroupSpec,
    },
    /// `ec2:AuthorizeSecurityGroupIngress`
    AuthorizeIngress {
        /// Whose.
        of: GroupOf,
        /// The group.
        group_id: String,
        /// The rules.
        rules: Vec<IngressRule>,
    },
    /// `ec2:AuthorizeSecurityGroupIngress`, then `ec2:AuthorizeSecurityGroupEgress`: ranges that the VPC has got since
    /// the load balancer was made.
    AdmitRanges {
        /// The load balancer's group.
        group_id: String,
        /// What it may reach from now on.
        ranges: Vec<String>,
        /// Who is let in from there: nobody, when everybody is already.
        ingress: Vec<IngressRule>,
    },
    /// `ec2:RevokeSecurityGroupIngress`
    RevokeIngress {
        /// The service's group.
        group_id: String,
        /// The rules.
        rules: Vec<IngressRule>,
    },
    /// `elasticloadbalancing:CreateLoadBalancer`
    CreateLoadBalancer {
        /// What.
        spec: LoadBalancerSpec,
        /// Its security group.
        security_group_id: String,
    },
    /// `elasticloadbalancing:SetSubnets`, with what the ledger has joined
    ExtendSubnets {
        /// The load balancer.
        load_balancer_arn: String,
        /// The service's place on it.
        slot: Slot,
        /// Subnet by zone: those that it has, and those that it lacks.
        subnets: BTreeMap<String, String>,
    },
    /// `elasticloadbalancing:CreateListener`
    CreateListener(ListenerSpec),
    /// `elasticloadbalancing:ModifyListener`: the provider has another certificate now.
    SetListenerCertificate {
        /// The HTTPS listener.
        listener_arn: String,
        /// The provider's certificate.
        certificate_arn: String,
    },
    /// `elasticloadbalancing:CreateTargetGroup`
    CreateTargetGroup(TargetGroupSpec),
    /// `elasticloadbalancing:ModifyTargetGroup`, `…ModifyTargetGroupAttributes`
    ModifyTargetGroup {
        /// Which.
        pair: Pair,
        /// Its ARN.
        arn: String,
        /// What changes.
        change: TargetGroupChange,
    },
    /// `elasticloadbalancing:CreateRule`
    CreateListenerRule(ListenerRuleSpec),
    /// `elasticloadbalancing:ModifyRule`: a group that somebody took out of the forward action is put
    /// back; the weights of those that are there stay.
    RepairListenerRule {
        /// The rule.
        rule_arn: String,
        /// Weight by target group ARN.
        weights: BTreeMap<String, u32>,
    },
    /// `elasticloadbalancing:ModifyRule`: the rule for test traffic is to look at another header.
    SetTestHeader {
        /// The rule.
        rule_arn: String,
        /// The service's host name.
        host: String,
        /// The header.
        header: TestHeader,
    },
    /// `elasticloadbalancing:ModifyRule`: the rule is for the service's host again; its other conditions stay.
    AddHost {
        /// The rule.
        rule_arn: String,
        /// The service's host name.
        host: String,
    },
    /// `cloudwatch:PutMetricAlarm`
    PutMetricAlarm(MetricAlarmSpec),
    /// `ecs:CreateService`
    CreateService {
        /// What.
        spec: Box<EcsServiceSpec>,
        /// Makes a repeated call return the same service.
        client_token: String,
    },
    /// `ecs:UpdateService`
    UpdateService {
        /// What it is to be.
        spec: Box<EcsServiceSpec>,
        /// What of it is sent.
        change: EcsServiceChange,
    },
    /// `ecs:StopServiceDeployment`
    StopDeployment {
        /// The deployment.
        deployment_arn: String,
        /// Why.
        why: Stop,
    },
    /// `application-autoscaling:RegisterScalableTarget`
    RegisterScalableTarget(ScalableTargetSpec),
    /// `application-autoscaling:PutScalingPolicy`
    PutScalingPolicy(ScalingPolicySpec),
    /// `route53:ChangeResourceRecordSets`, refused when there is a record already: it is somebody's.
    CreateAliasRecord(AliasRecordSpec),
    /// `route53:ChangeResourceRecordSets`
    UpsertAliasRecord(AliasRecordSpec),
    /// Tags of everything the service consists of.
    TagResources(Box<Tagging>),
    /// `ecs:DeregisterTaskDefinition`
    DeregisterTaskDefinition {
        /// With the revision.
        arn: String,
    },
    /// `route53:ChangeResourceRecordSets`
    DeleteAliasRecord {
        /// The provider's hosted zone.
        hosted_zone_id: String,
        /// The service's host name.
        host: String,
        /// As it was found.
        record: ObservedAliasRecord,
    },
    /// `application-autoscaling:DeregisterScalableTarget`
    DeregisterScalableTarget {
        /// `service/<cluster>/<service>`
        resource_id: String,
        /// Tags that it gets again where they are needed to deregister it.
        tags: Tags,
    },
    /// `elasticloadbalancing:DeleteRule`
    DeleteListenerRule {
        /// The rule.
        rule_arn: String,
    },
    /// `ecs:DeleteService`
    DeleteService {
        /// Its cluster.
        cluster: String,
        /// Its ARN.
        service_arn: String,
    },
    /// `elasticloadbalancing:DeleteTargetGroup`
    DeleteTargetGroup {
        /// Which.
        pair: Pair,
        /// Its ARN.
        arn: String,
    },
    /// `cloudwatch:DeleteAlarms`
    DeleteMetricAlarm {
        /// Its name.
        name: String,
    },
    /// `ec2:DeleteSecurityGroup`
    DeleteSecurityGroup {
        /// The group.
        group_id: String,
    },
}

/// Why a deployment is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// It cannot succeed any more.
    Hopeless,
    /// What is left of the operation's time is needed for its rollback.
    OutOfTime,
    /// Nobody waits for it any more.
    Abandoned,
}

impl Step {
    /// Whether nothing of the service changes by it, only what the ledger has for it.
    #[must_use]
    pub const fn is_of_the_ledger_alone(&self) -> bool {
        matches!(
            self,
            Self::ClaimSlot(_) | Self::ClaimNextSlot(_) | Self::TurnBack | Self::LeaveSlot(_)
        )
    }
}

impl fmt::Display for Step {
    #[expect(
        clippy::too_many_lines,
        reason = "one arm per step; splitting it would hide which one is missing"
    )]
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CreateCluster(spec) => write!(formatter, "CreateCluster({})", spec.name),
            Self::CreateLogGroup(spec) => write!(formatter, "CreateLogGroup({})", spec.name),
            Self::RegisterTaskDefinition(spec) => {
                write!(formatter, "RegisterTaskDefinition({})", spec.family)
            }
            Self::ClaimSlot(request) => write!(formatter, "ClaimSlot({})", request.pool_id),
            Self::TurnBack => formatter.write_str("TurnBack"),
            Self::LeaveSlot(slot) => {
                write!(formatter, "LeaveSlot({}) {}", slot.pool_id, slot.ordinal)
            }
            Self::ClaimNextSlot(request) => write!(formatter, "ClaimNextSlot({})", request.pool_id),
            Self::CreateSecurityGroup { of: _, spec } => {
                write!(formatter, "CreateSecurityGroup({})", spec.name)
            }
            Self::AuthorizeIngress {
                of: _,
                group_id,
                rules,
            } => {
                write!(formatter, "AuthorizeIngress({group_id}) {}", ports(rules))
            }
            Self::AdmitRanges {
                group_id,
                ranges,
                ingress,
            } => {
                let ranges = ranges.join(",");
                write!(formatter, "AdmitRanges({group_id}) {ranges}")?;
                match ingress.as_slice() {
                    [] => Ok(()),
                    rules => write!(formatter, " {}", ports(rules)),
                }
            }
            Self::RevokeIngress { group_id, rules } => {
                write!(formatter, "RevokeIngress({group_id}) {}", ports(rules))
            }
            Self::CreateLoadBalancer {
                spec,
                security_group_id: _,
            } => {
                write!(formatter, "CreateLoadBalancer({})", spec.name)
            }
            Self::ExtendSubnets {
                load_balancer_arn,
                slot: _,
                subnets,
            } => {
                let subnet_ids: Vec<&str> = subnets.values().map(String::as_str).collect();
                write!(
                    formatter,
                    "ExtendSubnets({load_balancer_arn}) {}",
                    subnet_ids.join(",")
                )
            }
            Self::CreateListener(spec) => write!(formatter, "CreateListener({:?})", spec.role),
            Self::SetListenerCertificate {
                listener_arn,
                certificate_arn,
            } => {
                write!(
                    formatter,
                    "SetListenerCertificate({listener_arn}) {certificate_arn}"
                )
            }
            Self::CreateTargetGroup(spec) => write!(formatter, "CreateTargetGroup({})", spec.name),
            Self::ModifyTargetGroup {
                pair,
                arn: _,
                change,
            } => {
                write!(formatter, "ModifyTargetGroup({})", pair.letter())?;
                if let Some(path) = &change.health_check_path {
                    write!(formatter, " HealthCheckPath={path}")?;
                }
                if let Some(delay) = change.deregistration_delay_s {
                    write!(formatter, " deregistration_delay={delay}")?;
                }
                Ok(())
            }
            Self::CreateListenerRule(spec) => {
                write!(
                    formatter,
                    "CreateListenerRule({}) priority={}",
                    spec.host, spec.priority
                )?;
                match &spec.header {
                    Some(header) => write!(formatter, " {}", header.name),
                    None => Ok(()),
                }
            }
            Self::RepairListenerRule {
                rule_arn,
                weights: _,
            } => {
                write!(formatter, "RepairListenerRule({rule_arn})")
            }
            Self::SetTestHeader {
                rule_arn,
                host: _,
                header,
            } => write!(formatter, "SetTestHeader({rule_arn}) {}", header.name),
            Self::AddHost { rule_arn, host } => write!(formatter, "AddHost({rule_arn}) {host}"),
            Self::PutMetricAlarm(spec) => write!(formatter, "PutMetricAlarm({})", spec.name),
            Self::CreateService {
                spec,
                client_token: _,
            } => {
                write!(formatter, "CreateService({})", spec.name)
            }
            Self::UpdateService { spec, change } => {
                let fields = change.fields().join(" ");
                write!(formatter, "UpdateService({}) {fields}", spec.name)
            }
            Self::StopDeployment {
                deployment_arn,
                why: _,
            } => {
                write!(formatter, "StopDeployment({deployment_arn})")
            }
            Self::RegisterScalableTarget(spec) => write!(
                formatter,
                "RegisterScalableTarget({}) {}..{}",
                spec.resource_id, spec.min_capacity, spec.max_capacity
            ),
            Self::PutScalingPolicy(spec) => write!(formatter, "PutScalingPolicy({})", spec.name),
            Self::CreateAliasRecord(spec) => write!(formatter, "CreateAliasRecord({})", spec.host),
            Self::UpsertAliasRecord(spec) => write!(formatter, "UpsertAliasRecord({})", spec.host),
            Self::TagResources(_) => formatter.write_str("TagResources"),
            Self::DeregisterTaskDefinition { arn } => {
                write!(formatter, "DeregisterTaskDefinition({arn})")
            }
            Self::DeleteAliasRecord {
                hosted_zone_id: _,
                host,
                record: _,
            } => {
                write!(formatter, "DeleteAliasRecord({host})")
            }
            Self::DeregisterScalableTarget { resource_id, .. } => {
                write!(formatter, "DeregisterScalableTarget({resource_id})")
            }
            Self::DeleteListenerRule { rule_arn } => {
                write!(formatter, "DeleteListenerRule({rule_arn})")
            }
            Self::DeleteService {
                cluster: _,
                service_arn,
            } => {
                write!(formatter, "DeleteService({service_arn})")
            }
            Self::DeleteTargetGroup { pair, arn: _ } => {
                write!(formatter, "DeleteTargetGroup({})", pair.letter())
            }
            Self::DeleteMetricAlarm { name } => write!(formatter, "DeleteMetricAlarm({name})"),
            Self::DeleteSecurityGroup { group_id } => {
                write!(formatter, "DeleteSecurityGroup({group_id})")
            }
        }
    }
}

fn ports(rules: &[IngressRule]) -> String {
    rules
        .iter()
        .map(|rule| rule.port.to_string())
        .collect::<Vec<_>>()
        .join(",")
}
