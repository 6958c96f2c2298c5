//! Network, load balancer and deployment settings of a service, to the SDK's words and back.

use aws_sdk_ecs::types::{
    AdvancedConfiguration, AssignPublicIp, AwsVpcConfiguration, CanaryConfiguration,
    DeploymentAlarms, DeploymentCircuitBreaker, DeploymentConfiguration, DeploymentStrategy,
    LoadBalancer, NetworkConfiguration, Service,
};
use express_core::resources::ecs_service::{
    BAKE_MINUTES, CANARY_BAKE_MINUTES, CANARY_PERCENT, HEALTH_CHECK_GRACE_S, MAXIMUM_PERCENT,
    MINIMUM_HEALTHY_PERCENT, ServiceIngress, TaskNetwork,
};
use express_core::resources::task_definition::PRIMARY_CONTAINER;

use crate::aws::error::AwsError;
use crate::aws::error::answer::{member, unbuildable};

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

/// How requests come to the tasks: both groups, and the rule whose weights ECS moves.
/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_AdvancedConfiguration.html>
pub fn load_balancer(ingress: &ServiceIngress) -> LoadBalancer {
    let ServiceIngress {
        target_group_arn,
        alternate_target_group_arn,
        rule_arn,
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
                .role_arn(infrastructure_role_arn)
                .build(),
        )
        .build()
}

/// A canary that is rolled back when tasks do not start or the alarm is in ALARM.
/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-canary.html>
pub fn deployment(
    operation: &'static str,
    alarm_names: &[String],
) -> Result<DeploymentConfiguration, AwsError> {
    let alarms = DeploymentAlarms::builder()
        .set_alarm_names(Some(alarm_names.to_vec()))
        .enable(true)
        .rollback(true)
        .build()
        .map_err(unbuildable(operation))?;
    Ok(DeploymentConfiguration::builder()
        .strategy(DeploymentStrategy::Canary)
        .canary_configuration(
            CanaryConfiguration::builder()
                .canary_percent(CANARY_PERCENT)
                .canary_bake_time_in_minutes(CANARY_BAKE_MINUTES)
                .build(),
        )
        .bake_time_in_minutes(BAKE_MINUTES)
        .maximum_percent(MAXIMUM_PERCENT)
        .minimum_healthy_percent(MINIMUM_HEALTHY_PERCENT)
        .deployment_circuit_breaker(
            DeploymentCircuitBreaker::builder()
                .enable(true)
                .rollback(true)
                .build(),
        )
        .alarms(alarms)
        .build())
}

/// Where the tasks are; lists sorted. A service without subnets is not of `awsvpc`, thus never ours.
pub fn read_network(operation: &'static str, service: &Service) -> Result<TaskNetwork, AwsError> {
    let awsvpc = service
        .network_configuration()
        .and_then(NetworkConfiguration::awsvpc_configuration);
    let awsvpc = member(operation, "awsvpcConfiguration", awsvpc)?;
    let mut subnet_ids = awsvpc.subnets().to_vec();
    subnet_ids.sort();
    let mut security_group_ids = awsvpc.security_groups().to_vec();
    security_group_ids.sort();
    Ok(TaskNetwork {
        subnet_ids,
        security_group_ids,
        assign_public_ip: awsvpc.assign_public_ip() == Some(&AssignPublicIp::Enabled),
    })
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
        infrastructure_role_arn: advanced.role_arn()?.to_owned(),
        container_port: u16::try_from(found.container_port()?).ok()?,
    };
    (load_balancer(&ingress) == *found).then_some(ingress)
}

/// Whether strategy, bakes, circuit breaker, percentages, grace period and the alarms' switches are ours.
/// Further alarms and lifecycle hooks are the user's.
pub fn deployment_is_ours(service: &Service) -> bool {
    let Some(found) = service.deployment_configuration() else {
        return false;
    };
    let canary = found.canary_configuration().is_some_and(|canary| {
        canary
            .canary_percent()
            .is_some_and(|percent| (percent - CANARY_PERCENT).abs() < f64::EPSILON)
            && canary.canary_bake_time_in_minutes() == Some(CANARY_BAKE_MINUTES)
    });
    let breaker = found
        .deployment_circuit_breaker()
        .is_some_and(|breaker| breaker.enable() && breaker.rollback());
    let alarms = found
        .alarms()
        .is_some_and(|alarms| alarms.enable() && alarms.rollback());
    found.strategy() == Some(&DeploymentStrategy::Canary)
        && canary
        && breaker
        && alarms
        && found.bake_time_in_minutes() == Some(BAKE_MINUTES)
        && found.maximum_percent() == Some(MAXIMUM_PERCENT)
        && found.minimum_healthy_percent() == Some(MINIMUM_HEALTHY_PERCENT)
        && service.health_check_grace_period_seconds() == Some(HEALTH_CHECK_GRACE_S)
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
    use super::*;

    fn ingress() -> ServiceIngress {
        ServiceIngress {
            target_group_arn: "arn:a".to_owned(),
            alternate_target_group_arn: "arn:b".to_owned(),
            rule_arn: "arn:rule".to_owned(),
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

    fn described() -> Service {
        Service::builder()
            .network_configuration(network("x:Y", &task_network()).expect("is complete"))
            .load_balancers(load_balancer(&ingress()))
            .deployment_configuration(
                deployment("x:Y", &["alarm".to_owned()]).expect("is complete"),
            )
            .health_check_grace_period_seconds(HEALTH_CHECK_GRACE_S)
            .build()
    }

    #[test]
    fn what_is_written_is_read_back() {
        let service = described();
        assert_eq!(read_network("x:Y", &service).ok(), Some(task_network()));
        assert_eq!(read_ingress(&service), Some(ingress()));
        assert!(deployment_is_ours(&service));
        assert_eq!(alarm_names(&service), ["alarm"]);
    }

    #[test]
    fn another_container_or_a_test_rule_is_not_our_ingress() {
        let mut service = described();
        let found = &mut service.load_balancers.as_mut().unwrap()[0];
        found.container_name = Some("web".to_owned());
        assert_eq!(read_ingress(&service), None);

        let mut service = described();
        let found = &mut service.load_balancers.as_mut().unwrap()[0];
        found
            .advanced_configuration
            .as_mut()
            .unwrap()
            .test_listener_rule = Some("arn:test".to_owned());
        assert_eq!(read_ingress(&service), None);
    }

    #[test]
    fn every_changed_deployment_setting_is_seen() {
        let changes: [fn(&mut DeploymentConfiguration); 7] = [
            |found| found.strategy = Some(DeploymentStrategy::Rolling),
            |found| found.bake_time_in_minutes = Some(10),
            |found| found.canary_configuration = None,
            |found| found.deployment_circuit_breaker = None,
            |found| found.alarms.as_mut().unwrap().rollback = false,
            |found| found.maximum_percent = Some(150),
            |found| found.minimum_healthy_percent = Some(50),
        ];
        for change in changes {
            let mut service = described();
            change(service.deployment_configuration.as_mut().unwrap());
            assert!(!deployment_is_ours(&service));
        }
        let mut service = described();
        service.health_check_grace_period_seconds = None;
        assert!(!deployment_is_ours(&service));
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
        assert!(deployment_is_ours(&service));
    }
}
