//! Network, load balancer and deployment settings of a service, to the SDK's words and back.

use aws_sdk_ecs::types::builders::DeploymentConfigurationBuilder;
use aws_sdk_ecs::types::{
    AdvancedConfiguration, AssignPublicIp, AwsVpcConfiguration, CanaryConfiguration,
    DeploymentAlarms, DeploymentCircuitBreaker, DeploymentConfiguration, DeploymentStrategy,
    LinearConfiguration, LoadBalancer, NetworkConfiguration, Service, ThresholdConfiguration,
    ThresholdType as SdkThresholdType,
};
use express_core::resources::ecs_service::{
    Bridge, DeploymentSettings, MAXIMUM_PERCENT, MINIMUM_HEALTHY_PERCENT, ServiceIngress, Strategy,
    TaskNetwork,
};
use express_core::resources::task_definition::PRIMARY_CONTAINER;
use provider_schema::{Percent, ThresholdType};

use super::lifecycle_hooks;
use crate::aws::error::AwsError;
use crate::aws::error::answer::unbuildable;

/// Value of a circuit breaker's threshold that was never given; its type is then `BOUNDED_PERCENT`.
/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ThresholdConfiguration.html>
const BREAKER_THRESHOLD_DEFAULT: i32 = 50;

/// Where the tasks are.
pub fn network(
    operation: &'static str,
    network: &TaskNetwork,
) -> Result<NetworkConfiguration, AwsError> {
    let TaskNetwork {
        subnet_ids,
        security_group_ids,
        assign_public_ip,
    } = network;
    let awsvpc = AwsVpcConfiguration::builder()
        .set_subnets(Some(subnet_ids.clone()))
        .set_security_groups(Some(security_group_ids.clone()))
        .assign_public_ip(if *assign_public_ip {
            AssignPublicIp::Enabled
        } else {
            AssignPublicIp::Disabled
        })
        .build()
        .map_err(unbuildable(operation))?;
    Ok(NetworkConfiguration::builder()
        .awsvpc_configuration(awsvpc)
        .build())
}

/// How requests come to the tasks: both groups, and the rules whose weights ECS moves.
/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_AdvancedConfiguration.html>
pub fn load_balancer(ingress: &ServiceIngress) -> LoadBalancer {
    let ServiceIngress {
        target_group_arn,
        alternate_target_group_arn,
        rule_arn,
        test_rule_arn,
        infrastructure_role_arn,
        container_port,
    } = ingress;
    LoadBalancer::builder()
        .target_group_arn(target_group_arn)
        .container_name(PRIMARY_CONTAINER)
        .container_port(i32::from(*container_port))
        .advanced_configuration(
            AdvancedConfiguration::builder()
                .alternate_target_group_arn(alternate_target_group_arn)
                .production_listener_rule(rule_arn)
                .set_test_listener_rule(test_rule_arn.clone())
                .role_arn(infrastructure_role_arn)
                .build(),
        )
        .build()
}

/// The same in the middle of a move: a group of each load balancer. ECS registers the tasks with both by its
/// service-linked role.
/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/register-multiple-targetgroups.html>
pub fn bridge(bridge: &Bridge) -> Vec<LoadBalancer> {
    let Bridge {
        target_group_arns,
        container_port,
    } = bridge;
    let element = |arn: &String| {
        LoadBalancer::builder()
            .target_group_arn(arn)
            .container_name(PRIMARY_CONTAINER)
            .container_port(i32::from(*container_port))
            .build()
    };
    target_group_arns.iter().map(element).collect()
}

/// How deployments go, and what rolls them back.
/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html>
pub fn deployment(
    operation: &'static str,
    settings: &DeploymentSettings,
    alarm_names: &[String],
) -> Result<DeploymentConfiguration, AwsError> {
    let DeploymentSettings {
        strategy,
        is_breaker_enabled,
        threshold_type,
        threshold,
        lifecycle_hooks,
    } = settings;
    let alarms = DeploymentAlarms::builder()
        .set_alarm_names(Some(alarm_names.to_vec()))
        .enable(true)
        .rollback(true)
        .build()
        .map_err(unbuildable(operation))?;
    let threshold = ThresholdConfiguration::builder()
        .r#type(match threshold_type {
            ThresholdType::Count => SdkThresholdType::Count,
            ThresholdType::BoundedPercent => SdkThresholdType::BoundedPercent,
            ThresholdType::UnboundedPercent => SdkThresholdType::UnboundedPercent,
        })
        .value(threshold.cast_signed())
        .build()
        .map_err(unbuildable(operation))?;
    let configuration = DeploymentConfiguration::builder()
        .maximum_percent(MAXIMUM_PERCENT)
        .minimum_healthy_percent(MINIMUM_HEALTHY_PERCENT)
        .deployment_circuit_breaker(
            DeploymentCircuitBreaker::builder()
                .enable(*is_breaker_enabled)
                // Both as AWS has them where nothing is said: nothing tells whether it takes a rollback by a breaker
                // that is off.
                .rollback(*is_breaker_enabled)
                .threshold_configuration(threshold)
                .build(),
        )
        .set_lifecycle_hooks(Some(lifecycle_hooks::to_sdk(lifecycle_hooks)))
        .alarms(alarms);
    Ok(with_strategy(configuration, strategy).build())
}

fn with_strategy(
    configuration: DeploymentConfigurationBuilder,
    strategy: &Strategy,
) -> DeploymentConfigurationBuilder {
    match strategy {
        Strategy::Canary {
            percent,
            canary_bake,
            bake,
        } => configuration
            .strategy(DeploymentStrategy::Canary)
            .canary_configuration(
                CanaryConfiguration::builder()
                    .canary_percent(percent.to_f64())
                    .canary_bake_time_in_minutes(canary_bake.cast_signed())
                    .build(),
            )
            .bake_time_in_minutes(bake.cast_signed()),
        Strategy::Linear {
            percent,
            step_bake,
            bake,
        } => configuration
            .strategy(DeploymentStrategy::Linear)
            .linear_configuration(
                LinearConfiguration::builder()
                    .step_percent(percent.to_f64())
                    .step_bake_time_in_minutes(step_bake.cast_signed())
                    .build(),
            )
            .bake_time_in_minutes(bake.cast_signed()),
        Strategy::BlueGreen { bake } => configuration
            .strategy(DeploymentStrategy::BlueGreen)
            .bake_time_in_minutes(bake.cast_signed()),
        Strategy::Rolling => configuration.strategy(DeploymentStrategy::Rolling),
    }
}

/// Where the tasks are; lists sorted. Those of a service that is not of `awsvpc`, thus never ours, are in no subnet.
pub fn read_network(service: &Service) -> TaskNetwork {
    let Some(awsvpc) = service
        .network_configuration()
        .and_then(NetworkConfiguration::awsvpc_configuration)
    else {
        return TaskNetwork::default();
    };
    let mut subnet_ids = awsvpc.subnets().to_vec();
    subnet_ids.sort();
    let mut security_group_ids = awsvpc.security_groups().to_vec();
    security_group_ids.sort();
    TaskNetwork {
        subnet_ids,
        security_group_ids,
        assign_public_ip: awsvpc.assign_public_ip() == Some(&AssignPublicIp::Enabled),
    }
}

/// How requests come to the tasks; none when it is not in the form that we write.
pub fn read_ingress(service: &Service) -> Option<ServiceIngress> {
    let [found] = service.load_balancers() else {
        return None;
    };
    let advanced = found.advanced_configuration()?;
    let ingress = ServiceIngress {
        target_group_arn: found.target_group_arn()?.to_owned(),
        alternate_target_group_arn: advanced.alternate_target_group_arn()?.to_owned(),
        rule_arn: advanced.production_listener_rule()?.to_owned(),
        test_rule_arn: advanced.test_listener_rule().map(str::to_owned),
        infrastructure_role_arn: advanced.role_arn()?.to_owned(),
        container_port: u16::try_from(found.container_port()?).ok()?,
    };
    (load_balancer(&ingress) == *found).then_some(ingress)
}

/// The two groups of a service in the middle of a move; none when it is not in that form.
pub fn read_bridge(service: &Service) -> Option<Bridge> {
    let [first, second] = service.load_balancers() else {
        return None;
    };
    let found = Bridge {
        target_group_arns: [
            first.target_group_arn()?.to_owned(),
            second.target_group_arn()?.to_owned(),
        ],
        container_port: u16::try_from(first.container_port()?).ok()?,
    };
    (bridge(&found) == service.load_balancers()).then_some(found)
}

/// How deployments go; none when percentages, or the switches that are not the properties' are not what
/// we write, or a lifecycle hook is of a kind that we do not write. Further alarms are the user's.
pub fn read_deployment(service: &Service) -> Option<DeploymentSettings> {
    let found = service.deployment_configuration()?;
    let breaker = found.deployment_circuit_breaker()?;
    let alarms = found.alarms()?;
    let is_ours = breaker.rollback() == breaker.enable()
        && alarms.enable()
        && alarms.rollback()
        && found.maximum_percent() == Some(MAXIMUM_PERCENT)
        && found.minimum_healthy_percent() == Some(MINIMUM_HEALTHY_PERCENT);
    let threshold = breaker.threshold_configuration();
    let threshold_type = match threshold.map(ThresholdConfiguration::r#type) {
        Some(SdkThresholdType::Count) => ThresholdType::Count,
        None | Some(SdkThresholdType::BoundedPercent) => ThresholdType::BoundedPercent,
        Some(SdkThresholdType::UnboundedPercent) => ThresholdType::UnboundedPercent,
        Some(_) => return None,
    };
    let value = threshold.map_or(BREAKER_THRESHOLD_DEFAULT, ThresholdConfiguration::value);
    let settings = DeploymentSettings {
        strategy: read_strategy(found)?,
        is_breaker_enabled: breaker.enable(),
        threshold_type,
        threshold: u32::try_from(value).ok()?,
        lifecycle_hooks: lifecycle_hooks::read(found.lifecycle_hooks())?,
    };
    is_ours.then_some(settings)
}

fn read_strategy(found: &DeploymentConfiguration) -> Option<Strategy> {
    let minutes = |minutes: Option<i32>| u32::try_from(minutes?).ok();
    let bake = minutes(found.bake_time_in_minutes());
    Some(match found.strategy()? {
        DeploymentStrategy::Canary => {
            let canary = found.canary_configuration()?;
            Strategy::Canary {
                percent: Percent::from_f64(canary.canary_percent()?)?,
                canary_bake: minutes(canary.canary_bake_time_in_minutes())?,
                bake: bake?,
            }
        }
        DeploymentStrategy::Linear => {
            let linear = found.linear_configuration()?;
            Strategy::Linear {
                percent: Percent::from_f64(linear.step_percent()?)?,
                step_bake: minutes(linear.step_bake_time_in_minutes())?,
                bake: bake?,
            }
        }
        DeploymentStrategy::BlueGreen => Strategy::BlueGreen { bake: bake? },
        // A bake time that an earlier strategy has left behind means nothing here.
        DeploymentStrategy::Rolling => Strategy::Rolling,
        _ => return None,
    })
}

/// Names of the alarms that roll deployments back.
pub fn alarm_names(service: &Service) -> Vec<String> {
    service
        .deployment_configuration()
        .and_then(DeploymentConfiguration::alarms)
        .map(|alarms| alarms.alarm_names().to_vec())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::types::DeploymentLifecycleHookTargetType;
    use provider_schema::{LifecycleHook, LifecycleStage};

    use super::*;

    fn ingress() -> ServiceIngress {
        ServiceIngress {
            target_group_arn: "arn:a".to_owned(),
            alternate_target_group_arn: "arn:b".to_owned(),
            rule_arn: "arn:rule".to_owned(),
            test_rule_arn: Some("arn:test-rule".to_owned()),
            infrastructure_role_arn: "arn:role".to_owned(),
            container_port: 8080,
        }
    }

    fn task_network() -> TaskNetwork {
        TaskNetwork {
            subnet_ids: vec!["subnet-1".to_owned(), "subnet-2".to_owned()],
            security_group_ids: vec!["sg-1".to_owned()],
            assign_public_ip: true,
        }
    }

    fn settings(strategy: Strategy) -> DeploymentSettings {
        DeploymentSettings {
            strategy,
            is_breaker_enabled: true,
            threshold_type: ThresholdType::Count,
            threshold: 7,
            lifecycle_hooks: vec![lifecycle_hook()],
        }
    }

    fn lifecycle_hook() -> LifecycleHook {
        LifecycleHook {
            hook_target_arn: "arn:aws:lambda:eu-west-1:1:function:check".to_owned(),
            role_arn: "arn:role".to_owned(),
            lifecycle_stages: vec![
                LifecycleStage::PreScaleUp,
                LifecycleStage::PreProductionTrafficShift,
            ],
            hook_details: Some(r#"{"a":[1,-2,0.5,"x",true,null],"b":{}}"#.to_owned()),
        }
    }

    fn canary() -> DeploymentSettings {
        settings(Strategy::Canary {
            percent: Percent::from_tenths(125),
            canary_bake: 3,
            bake: 4,
        })
    }

    fn described() -> Service {
        described_with(&canary())
    }

    fn described_with(settings: &DeploymentSettings) -> Service {
        Service::builder()
            .network_configuration(network("x:Y", &task_network()).expect("is complete"))
            .load_balancers(load_balancer(&ingress()))
            .deployment_configuration(
                deployment("x:Y", settings, &["alarm".to_owned()]).expect("is complete"),
            )
            .build()
    }

    #[test]
    fn what_is_written_is_read_back() {
        let service = described();
        assert_eq!(read_network(&service), task_network());
        assert_eq!(read_ingress(&service), Some(ingress()));
        assert_eq!(alarm_names(&service), ["alarm"]);
    }

    #[test]
    fn two_groups_without_more_are_read_back_and_are_no_ingress() {
        let written = Bridge {
            target_group_arns: ["arn:to".to_owned(), "arn:from".to_owned()],
            container_port: 8080,
        };
        let mut service = described();
        assert_eq!(read_bridge(&service), None);
        service.load_balancers = Some(bridge(&written));
        assert_eq!(read_bridge(&service), Some(written));
        assert_eq!(read_ingress(&service), None);
        let second = &mut service.load_balancers.as_mut().unwrap()[1];
        second.container_port = Some(9090);
        assert_eq!(read_bridge(&service), None);
    }

    #[test]
    fn every_strategy_is_read_back() {
        for strategy in [
            canary().strategy,
            Strategy::Linear {
                percent: Percent::from_tenths(333),
                step_bake: 0,
                bake: 1440,
            },
            Strategy::BlueGreen { bake: 0 },
            Strategy::Rolling,
        ] {
            for is_breaker_enabled in [true, false] {
                let mut written = settings(strategy.clone());
                written.is_breaker_enabled = is_breaker_enabled;
                assert_eq!(read_deployment(&described_with(&written)), Some(written));
            }
        }
    }

    #[test]
    fn a_threshold_that_was_never_given_is_that_of_aws() {
        let mut service = described();
        let found = service.deployment_configuration.as_mut().unwrap();
        let breaker = found.deployment_circuit_breaker.as_mut().unwrap();
        breaker.threshold_configuration = None;
        let read = read_deployment(&service).expect("is ours");
        assert_eq!(
            (read.threshold_type, read.threshold),
            (ThresholdType::BoundedPercent, 50)
        );
    }

    #[test]
    fn another_container_is_not_our_ingress() {
        let mut service = described();
        let found = &mut service.load_balancers.as_mut().unwrap()[0];
        found.container_name = Some("web".to_owned());
        assert_eq!(read_ingress(&service), None);
    }

    #[test]
    fn every_changed_deployment_setting_is_seen() {
        let changes: [fn(&mut DeploymentConfiguration); 10] = [
            |found| found.strategy = Some(DeploymentStrategy::Rolling),
            |found| found.bake_time_in_minutes = Some(10),
            |found| found.canary_configuration = None,
            |found| found.deployment_circuit_breaker = None,
            |found| found.alarms.as_mut().unwrap().rollback = false,
            |found| found.maximum_percent = Some(150),
            |found| found.minimum_healthy_percent = Some(50),
            |found| found.lifecycle_hooks = None,
            |found| {
                let hook = &mut found.lifecycle_hooks.as_mut().unwrap()[0];
                hook.hook_details = None;
            },
            |found| {
                let hook = &mut found.lifecycle_hooks.as_mut().unwrap()[0];
                hook.target_type = Some(DeploymentLifecycleHookTargetType::Pause);
            },
        ];
        for change in changes {
            let mut service = described();
            change(service.deployment_configuration.as_mut().unwrap());
            assert_ne!(read_deployment(&service), Some(canary()));
        }
    }

    #[test]
    fn further_alarms_are_the_users() {
        let mut service = described();
        let found = service.deployment_configuration.as_mut().unwrap();
        found
            .alarms
            .as_mut()
            .unwrap()
            .alarm_names
            .push("other".to_owned());
        assert_eq!(read_deployment(&service), Some(canary()));
    }
}
