//! The effect of each step, as its AWS page documents it.

use std::collections::BTreeMap;

use super::World;
use crate::claim::Slot;
use crate::naming::Pair;
use crate::observed::{LeavingSide, Observed, Presence};
use crate::resources::alias_record::{AliasRecordSpec, ObservedAliasRecord};
use crate::resources::cluster::ObservedCluster;
use crate::resources::ecs_service::{
    EcsServiceChange, EcsServiceSpec, ObservedEcsService, ServiceStatus,
};
use crate::resources::listener::{
    HTTP_PORT, HTTPS_PORT, ListenerRole, ListenerSpec, ObservedListener,
};
use crate::resources::listener_rule::{
    FULL_WEIGHT, ListenerRuleSpec, ObservedListenerRule, TestHeader,
};
use crate::resources::load_balancer::{LoadBalancerState, ObservedLoadBalancer};
use crate::resources::log_group::ObservedLogGroup;
use crate::resources::metric_alarm::{
    AlarmSource, AlarmState, MetricAlarmSpec, ObservedMetricAlarm, Watched,
};
use crate::resources::scalable_target::ObservedScalableTarget;
use crate::resources::scaling_policy::ObservedScalingPolicy;
use crate::resources::security_group::ObservedSecurityGroup;
use crate::resources::target_group::{ObservedTargetGroup, TargetGroupChange};
use crate::resources::task_definition::{
    LiveContent, ObservedTaskDefinition, PrimaryContainerFacts, TaskDefinitionSpec,
};
use crate::step::{GroupOf, Step, Tagging};

/// ELB's own deregistration delay, which a new target group has.
const DEREGISTRATION_DELAY_OF_NEW_S: u32 = 300;

impl World {
    /// Has the effect of `step`.
    #[expect(
        clippy::too_many_lines,
        reason = "one arm per step; splitting it would hide which one is missing"
    )]
    pub(in crate::plan::tests) fn apply(&mut self, step: &Step) {
        match step {
            Step::CreateCluster(spec) => {
                let arn = format!("cluster/{}", spec.name);
                self.observed.cluster = Presence::Present(ObservedCluster { arn });
            }
            Step::CreateLogGroup(spec) => {
                let name = spec.name.clone();
                self.observed.log_group = Presence::Present(ObservedLogGroup { name });
            }
            Step::RegisterTaskDefinition(spec) => self.register(spec),
            Step::TurnBack => {
                let back = self.observed.from_leaving_side().expect("a move");
                let left = std::mem::replace(&mut self.observed, back);
                self.observed.leaving = Some(Box::new(left_side(&left)));
            }
            Step::LeaveSlot(_) => self.observed.leaving = None,
            Step::ClaimSlot(request) => {
                if self.observed.slot.present().is_some() {
                    self.observed.leaving = Some(Box::new(left_side(&self.observed)));
                    self.observed.load_balancer = Presence::Absent;
                    self.observed.load_balancer_security_group = Presence::Absent;
                    self.observed.https_listener = Presence::Absent;
                    self.observed.http_listener = Presence::Absent;
                    self.observed.target_group_a = Presence::Absent;
                    self.observed.target_group_b = Presence::Absent;
                    self.observed.listener_rule = Presence::Absent;
                }
                self.observed.pool_id = Some(request.pool_id.clone());
                self.observed.slot = Presence::Present(Slot {
                    pool_id: request.pool_id.clone(),
                    ordinal: 1,
                    number: 0,
                });
                self.observed.pool_subnets = Presence::Present(request.subnets.clone());
            }
            Step::ClaimNextSlot(_) => {
                let Presence::Present(slot) = &mut self.observed.slot else {
                    panic!("no slot before the next");
                };
                slot.number += 1;
                self.observed.is_priority_taken = false;
            }
            Step::CreateSecurityGroup { of, spec } => {
                let id = match of {
                    GroupOf::Service => "sg-service".to_owned(),
                    GroupOf::LoadBalancer => format!("sg-of-{}", spec.name),
                };
                *self.security_group(*of) = Presence::Present(ObservedSecurityGroup {
                    id,
                    name: spec.name.clone(),
                    tags: spec.tags.clone(),
                    ingress: Vec::new(),
                    has_default_egress: true,
                    egress: vec!["0.0.0.0/0".to_owned()],
                });
            }
            Step::AuthorizeIngress {
                of,
                group_id: _,
                rules,
            } => {
                let reachable = self.observed.vpc_cidrs.present().cloned();
                let group = present(self.security_group(*of));
                group.ingress.extend(rules.clone());
                group.has_default_egress = false;
                if *of == GroupOf::LoadBalancer {
                    group.egress = reachable.expect("the ranges of the VPC");
                }
            }
            Step::AdmitRanges {
                group_id: _,
                ranges,
                ingress,
            } => {
                let group = present(self.security_group(GroupOf::LoadBalancer));
                group.ingress.extend(ingress.clone());
                group.egress.extend(ranges.clone());
            }
            Step::RevokeIngress { group_id: _, rules } => {
                present(&mut self.observed.service_security_group)
                    .ingress
                    .retain(|rule| !rules.contains(rule));
            }
            Step::CreateLoadBalancer {
                spec,
                security_group_id,
            } => {
                let (name, region) = (&spec.name, "eu-west-1");
                self.observed.load_balancer = Presence::Present(ObservedLoadBalancer {
                    arn: format!(
                        "arn:aws:elasticloadbalancing:{region}:123456789012:loadbalancer/app/{name}/1"
                    ),
                    dns_name: format!("{name}-1234567890.{region}.elb.amazonaws.com"),
                    hosted_zone_id: "ZELB".to_owned(),
                    state: LoadBalancerState::Provisioning,
                    security_group_ids: vec![security_group_id.clone()],
                    subnets: spec.subnets.clone(),
                });
            }
            Step::ExtendSubnets {
                load_balancer_arn: _,
                slot: _,
                subnets,
            } => present(&mut self.observed.load_balancer)
                .subnets
                .clone_from(subnets),
            Step::CreateListener(spec) => self.create_listener(spec),
            Step::SetListenerCertificate {
                listener_arn: _,
                certificate_arn,
            } => {
                let listener = present(&mut self.observed.https_listener);
                listener.certificate_arn = Some(certificate_arn.clone());
            }
            Step::CreateTargetGroup(spec) => {
                let name = &spec.name;
                let group = ObservedTargetGroup {
                    arn: format!(
                        "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/{name}/1"
                    ),
                    name: name.clone(),
                    vpc_id: spec.vpc_id.clone(),
                    health_check_path: spec.health_check_path.clone(),
                    deregistration_delay_s: Some(DEREGISTRATION_DELAY_OF_NEW_S),
                    load_balancer_arns: Vec::new(),
                    tags: spec.tags.clone(),
                };
                *self.target_group(spec.pair) = Presence::Present(group);
            }
            Step::ModifyTargetGroup {
                pair: _,
                arn,
                change,
            } => modify(
                present(self.observed.target_group_mut(arn).expect("the group")),
                change,
            ),
            Step::CreateListenerRule(spec) => self.create_rule(spec),
            Step::RepairListenerRule { rule_arn, weights } => {
                present(self.rule(rule_arn)).weights.clone_from(weights);
            }
            Step::SetTestHeader {
                rule_arn,
                host: _,
                header,
            } => present(self.rule(rule_arn)).headers = headers(Some(header)),
            Step::AddHost { rule_arn, host } => {
                present(self.rule(rule_arn)).hosts.push(host.clone());
            }
            Step::PutMetricAlarm(spec) => self.put_alarm(spec),
            Step::CreateService {
                spec,
                client_token: _,
            } => self.create_service(spec),
            Step::UpdateService { spec: _, change } => self.update_service(change),
            Step::StopDeployment { .. } => {
                let service = present(&mut self.observed.ecs_service);
                let deployment = service.deployment.as_mut().expect("a deployment to stop");
                deployment.status = crate::resources::ecs_service::DeploymentStatus::GoingBack;
            }
            Step::RegisterScalableTarget(spec) => {
                self.observed.scalable_target = Presence::Present(ObservedScalableTarget {
                    arn: "scalable-target".to_owned(),
                    min_capacity: spec.min_capacity,
                    max_capacity: spec.max_capacity,
                });
            }
            Step::PutScalingPolicy(spec) => {
                self.observed.scaling_policy = Presence::Present(ObservedScalingPolicy {
                    name: spec.name.clone(),
                    metric: Some(spec.metric.clone()),
                    target_value: f64::from(spec.target_value),
                    pace: spec.pace,
                    has_alarms: true,
                });
            }
            Step::CreateAliasRecord(spec) => {
                assert!(self.observed.alias_record.is_absent(), "a record is there");
                self.observed.alias_record = Presence::Present(record(spec));
            }
            Step::UpsertAliasRecord(spec) => {
                if self.observed.leaving.is_some() {
                    self.timing.alias_moved_ms = Some(self.timing.now_ms);
                }
                self.observed.alias_record = Presence::Present(record(spec));
            }
            Step::TagResources(tagging) => self.tag(tagging),
            Step::DeregisterTaskDefinition { arn } => {
                self.active.retain(|active| active != arn);
                if let Presence::Present(revisions) = &mut self.observed.revisions {
                    revisions.retain(|revision| revision != arn);
                }
            }
            Step::DeleteAliasRecord { .. } => self.observed.alias_record = Presence::Absent,
            Step::DeregisterScalableTarget { .. } => {
                self.observed.scalable_target = Presence::Absent;
                self.observed.scaling_policy = Presence::Absent;
            }
            Step::DeleteListenerRule { rule_arn } => {
                let leaving = self.observed.leaving.as_deref_mut();
                [
                    &mut self.observed.listener_rule,
                    &mut self.observed.test_rule,
                ]
                .into_iter()
                .chain(leaving.map(|leaving| &mut leaving.listener_rule))
                .filter(|rule| rule.present().is_some_and(|rule| rule.arn == *rule_arn))
                .for_each(|rule| *rule = Presence::Absent);
            }
            Step::DeleteService { .. } => {
                present(&mut self.observed.ecs_service).status = ServiceStatus::Draining;
            }
            Step::DeleteTargetGroup { pair: _, arn } => {
                let leaving = self.observed.leaving.as_deref();
                let rules = leaving.and_then(|leaving| leaving.listener_rule.present());
                let rules = [&self.observed.listener_rule, &self.observed.test_rule]
                    .into_iter()
                    .filter_map(Presence::present)
                    .chain(rules);
                assert!(
                    !rules.into_iter().any(|rule| rule.weights.contains_key(arn)),
                    "the group is in use by a rule"
                );
                *self.observed.target_group_mut(arn).expect("the group") = Presence::Absent;
            }
            Step::DeleteMetricAlarm { name: _ } => self.observed.metric_alarm = Presence::Absent,
            Step::DeleteSecurityGroup { group_id: _ } => {
                self.observed.service_security_group = Presence::Absent;
            }
        }
    }

    const fn security_group(&mut self, of: GroupOf) -> &mut Presence<ObservedSecurityGroup> {
        match of {
            GroupOf::Service => &mut self.observed.service_security_group,
            GroupOf::LoadBalancer => &mut self.observed.load_balancer_security_group,
        }
    }

    const fn target_group(&mut self, pair: Pair) -> &mut Presence<ObservedTargetGroup> {
        match pair {
            Pair::A => &mut self.observed.target_group_a,
            Pair::B => &mut self.observed.target_group_b,
        }
    }

    fn register(&mut self, spec: &TaskDefinitionSpec) {
        let revision = self.registered.len() + 1;
        let arn = format!(
            "arn:aws:ecs:eu-west-1:123456789012:task-definition/{}:{revision}",
            spec.family
        );
        self.active.push(arn.clone());
        self.registered.push(ObservedTaskDefinition {
            arn,
            spec: Some(spec.clone()),
            live: Some(LiveContent {
                environment: spec.container.environment.clone(),
                secrets: spec.container.secrets.clone(),
                kept: spec.kept.clone(),
            }),
            tags: spec.tags.clone(),
            primary: PrimaryContainerFacts {
                port: Some(spec.container.port),
                log_group: Some(spec.container.log_group.clone()),
            },
            misfit: None,
        });
    }

    fn create_listener(&mut self, spec: &ListenerSpec) {
        let (presence, port, certificate_arn) = match &spec.role {
            ListenerRole::Https { certificate_arn } => (
                &mut self.observed.https_listener,
                HTTPS_PORT,
                Some(certificate_arn.clone()),
            ),
            ListenerRole::Redirect => (&mut self.observed.http_listener, HTTP_PORT, None),
        };
        *presence = Presence::Present(ObservedListener {
            arn: format!("listener-{port}"),
            port,
            certificate_arn,
            has_other_default_action: false,
        });
    }

    fn rule(&mut self, arn: &str) -> &mut Presence<ObservedListenerRule> {
        let test_rule = self.observed.test_rule.present();
        if test_rule.is_some_and(|rule| rule.arn == arn) {
            &mut self.observed.test_rule
        } else {
            &mut self.observed.listener_rule
        }
    }

    fn create_rule(&mut self, spec: &ListenerRuleSpec) {
        let (rule, arn) = match spec.header {
            Some(_) => (&mut self.observed.test_rule, "test-rule".to_owned()),
            None => (
                &mut self.observed.listener_rule,
                format!("rule-of-{}", spec.first_group_arn),
            ),
        };
        *rule = Presence::Present(ObservedListenerRule {
            arn,
            priority: Some(spec.priority),
            hosts: vec![spec.host.clone()],
            has_host_expressions: false,
            has_further_parts: false,
            headers: headers(spec.header.as_ref()),
            weights: BTreeMap::from([
                (spec.first_group_arn.clone(), FULL_WEIGHT),
                (spec.second_group_arn.clone(), 0),
            ]),
            tags: spec.tags.clone(),
        });
    }

    fn put_alarm(&mut self, spec: &MetricAlarmSpec) {
        let state = self
            .observed
            .metric_alarm
            .present()
            .map_or(AlarmState::InsufficientData, |alarm| alarm.state);
        let expression = spec.queries().pop().map(|query| match query.source {
            AlarmSource::Expression(expression) => expression,
            AlarmSource::Sum { .. } => panic!("the last query is what is compared"),
        });
        self.observed.metric_alarm = Presence::Present(ObservedMetricAlarm {
            arn: format!("alarm:{}", spec.name),
            state,
            target_groups: match spec.watched.clone() {
                Watched::One(group) => vec![group],
                Watched::Both(a, b) => vec![a, b],
            },
            expression,
            rule: Some(spec.rule),
            actions: spec.actions.clone(),
        });
    }

    fn create_service(&mut self, spec: &EcsServiceSpec) {
        let EcsServiceSpec {
            cluster,
            name,
            task_definition_arn,
            initial_desired_count: _,
            network,
            ingress,
            deployment_settings,
            health_check_grace_s,
            alarm_names,
            dropped_alarm_names: _,
            tags,
        } = spec.clone();
        self.live = None;
        self.observed.ecs_service = Presence::Present(ObservedEcsService {
            arn: format!("arn:aws:ecs:eu-west-1:123456789012:service/{cluster}/{name}"),
            status: ServiceStatus::Active,
            task_definition_arn: task_definition_arn.clone(),
            network,
            ingress: Some(ingress),
            bridge: None,
            deployment_settings: Some(deployment_settings),
            health_check_grace_s,
            alarm_names,
            tags,
            current_deployment_arn: None,
            current_revision_arns: Vec::new(),
            deployment: None,
            live_target_group_arn: None,
            latest_event: None,
        });
        self.timing.deployment_asked_ms = Some(self.timing.now_ms);
        self.deploy(&task_definition_arn);
    }

    fn update_service(&mut self, change: &EcsServiceChange) {
        // Nothing else can be sent: neither the desired count nor the rule's weights have a field here.
        let EcsServiceChange {
            task_definition_arn,
            network,
            ingress,
            bridge,
            deployment,
            is_deployed_again: _,
        } = change.clone();
        let service = present(&mut self.observed.ecs_service);
        self.previous = Some(service.clone());
        if let Some(arn) = task_definition_arn {
            service.task_definition_arn = arn;
        }
        if let Some(network) = network {
            service.network = network;
        }
        if ingress.is_some() || bridge.is_some() {
            service.ingress = ingress;
            service.bridge = bridge;
        }
        if let Some(deployment) = deployment {
            service.deployment_settings = Some(deployment.settings);
            service.alarm_names = deployment.alarm_names;
        }
        self.timing.service_updates += 1;
        if !change.starts_deployment() {
            self.timing.settings_sent_ms = Some(self.timing.now_ms);
            return;
        }
        let deployed = service.task_definition_arn.clone();
        let before = service.deployment.as_ref();
        self.timing.deployment_before = before.map(|deployment| deployment.arn.clone());
        self.timing.deployment_asked_ms = Some(self.timing.now_ms);
        self.deploy(&deployed);
    }

    fn tag(&mut self, tagging: &Tagging) {
        let tags = &mut present(&mut self.observed.ecs_service).tags;
        tags.extend(tagging.set.clone());
        tags.retain(|key, _| !tagging.remove.contains(key));
    }
}

/// What a service has on its load balancer, which it is about to leave.
fn left_side(observed: &Observed) -> LeavingSide {
    LeavingSide {
        slot: observed.slot.present().expect("a slot").clone(),
        load_balancer: observed.load_balancer.clone(),
        load_balancer_security_group: observed.load_balancer_security_group.clone(),
        https_listener: observed.https_listener.clone(),
        target_group_a: observed.target_group_a.clone(),
        target_group_b: observed.target_group_b.clone(),
        listener_rule: observed.listener_rule.clone(),
    }
}

fn headers(header: Option<&TestHeader>) -> Vec<(String, Vec<String>)> {
    let headers = header.into_iter();
    headers
        .map(|header| (header.name.clone(), vec![header.value.clone()]))
        .collect()
}

fn modify(group: &mut ObservedTargetGroup, change: &TargetGroupChange) {
    let TargetGroupChange {
        health_check_path,
        deregistration_delay_s,
    } = change.clone();
    if let Some(path) = health_check_path {
        group.health_check_path = path;
    }
    group.deregistration_delay_s = deregistration_delay_s.or(group.deregistration_delay_s);
}

fn record(spec: &AliasRecordSpec) -> ObservedAliasRecord {
    ObservedAliasRecord {
        // As Route 53 writes it.
        target_dns_name: format!("dualstack.{}.", spec.target_dns_name),
        target_hosted_zone_id: spec.target_hosted_zone_id.clone(),
        evaluate_target_health: false,
        other_type: None,
    }
}

fn present<T>(presence: &mut Presence<T>) -> &mut T {
    match presence {
        Presence::Present(thing) => thing,
        Presence::Unknown | Presence::Absent => panic!("the step needs what is not there"),
    }
}
