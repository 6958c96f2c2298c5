use aws_sdk_ecs::types::{Attribute, TaskDefinitionStatus, Ulimit, UlimitName, Volume};

use super::*;

fn wanted() -> TaskDefinitionSpec {
    TaskDefinitionSpec {
        family: "express-web-0123456789ab".to_owned(),
        cpu: 1024,
        memory_mib: 2048,
        cpu_architecture: CpuArchitecture::Arm64,
        execution_role_arn: "arn:aws:iam::123456789012:role/execution".to_owned(),
        task_role_arn: Some("arn:aws:iam::123456789012:role/task".to_owned()),
        container: ContainerSpec {
            image: "public.ecr.aws/nginx/nginx:1".to_owned(),
            port: 8080,
            command: vec!["serve".to_owned(), "--all".to_owned()],
            environment: vec![
                ("A".to_owned(), "1".to_owned()),
                ("B".to_owned(), String::new()),
            ],
            secrets: vec![(
                "PASSWORD".to_owned(),
                "arn:aws:ssm:::parameter/p".to_owned(),
            )],
            repository_credentials: Some("arn:aws:secretsmanager:::secret:r".to_owned()),
            log_group: "/aws/ecs/default/web".to_owned(),
            log_stream_prefix: "ecs".to_owned(),
            region: "eu-west-1".to_owned(),
            force_deployment: Some("again".to_owned()),
        },
        tags: Tags::from([("team".to_owned(), "web".to_owned())]),
    }
}

/// As ECS describes a registered revision: with its own additions.
fn described(spec: &TaskDefinitionSpec) -> TaskDefinition {
    let mut container = container("ecs:RegisterTaskDefinition", &spec.container).unwrap();
    container.mount_points = Some(Vec::new());
    container.volumes_from = Some(Vec::new());
    container.system_controls = Some(Vec::new());
    container.environment.get_or_insert_default().reverse();
    TaskDefinition::builder()
        .task_definition_arn("arn:aws:ecs:eu-west-1:123456789012:task-definition/web:3")
        .family(&spec.family)
        .revision(3)
        .status(TaskDefinitionStatus::Active)
        .cpu(spec.cpu.to_string())
        .memory(spec.memory_mib.to_string())
        .runtime_platform(platform(spec.cpu_architecture))
        .execution_role_arn(&spec.execution_role_arn)
        .set_task_role_arn(spec.task_role_arn.clone())
        .network_mode(NetworkMode::Awsvpc)
        .requires_compatibilities(Compatibility::Fargate)
        .compatibilities(Compatibility::Ec2)
        .compatibilities(Compatibility::Fargate)
        .requires_attributes(Attribute::builder().name("a").build().unwrap())
        .container_definitions(container)
        .set_volumes(Some(Vec::new()))
        .set_placement_constraints(Some(Vec::new()))
        .enable_fault_injection(false)
        .build()
}

fn read(found: &TaskDefinition) -> Option<TaskDefinitionSpec> {
    spec(found, &wanted().tags)
}

#[test]
fn what_was_registered_is_read_back() {
    assert_eq!(read(&described(&wanted())), Some(wanted()));
}

#[test]
fn the_least_is_read_back() {
    let mut least = wanted();
    least.task_role_arn = None;
    least.container.command.clear();
    least.container.environment.clear();
    least.container.secrets.clear();
    least.container.repository_credentials = None;
    assert_eq!(read(&described(&least)), Some(least));
}

#[test]
fn further_containers_and_volumes_are_not_ours() {
    let mut two = described(&wanted());
    let containers = two.container_definitions.get_or_insert_default();
    containers.push(ContainerDefinition::builder().name("sidecar").build());
    assert_eq!(read(&two), None);

    let mut volume = described(&wanted());
    volume.volumes = Some(vec![Volume::builder().name("data").build()]);
    assert_eq!(read(&volume), None);
}

#[test]
fn any_field_that_we_never_write_is_not_ours() {
    let changes: [fn(&mut ContainerDefinition); 6] = [
        |container| container.name = Some("web".to_owned()),
        |container| container.readonly_root_filesystem = Some(true),
        |container| container.stop_timeout = Some(5),
        |container| container.entry_point = Some(vec!["sh".to_owned()]),
        |container| container.memory_reservation = Some(64),
        |container| {
            container.ulimits = Some(vec![
                Ulimit::builder().name(UlimitName::Nofile).build().unwrap(),
            ]);
        },
    ];
    for change in changes {
        let mut found = described(&wanted());
        change(&mut found.container_definitions.as_mut().unwrap()[0]);
        assert_eq!(read(&found), None);
    }
}

#[test]
fn a_further_log_option_is_not_ours() {
    let mut found = described(&wanted());
    let container = &mut found.container_definitions.as_mut().unwrap()[0];
    let logs = container.log_configuration.as_mut().unwrap();
    logs.options
        .as_mut()
        .unwrap()
        .insert("awslogs-create-group".to_owned(), "true".to_owned());
    assert_eq!(read(&found), None);
}

#[test]
fn port_and_log_group_are_read_from_the_container_main() {
    let facts = primary(&described(&wanted()));
    assert_eq!(facts.port, Some(8080));
    assert_eq!(facts.log_group.as_deref(), Some("/aws/ecs/default/web"));
}

#[test]
fn several_ports_udp_and_other_log_drivers_give_no_facts() {
    let mut found = described(&wanted());
    let container = &mut found.container_definitions.as_mut().unwrap()[0];
    container.log_configuration.as_mut().unwrap().log_driver = LogDriver::Fluentd;
    container.port_mappings.as_mut().unwrap()[0].protocol = Some(TransportProtocol::Udp);
    let facts = primary(&found);
    assert_eq!((facts.port, facts.log_group), (None, None));

    let mut found = described(&wanted());
    let container = &mut found.container_definitions.as_mut().unwrap()[0];
    container
        .port_mappings
        .as_mut()
        .unwrap()
        .push(port_mapping(9000));
    assert_eq!(primary(&found).port, None);
}

#[test]
fn a_task_definition_without_main_gives_no_facts() {
    let mut found = described(&wanted());
    found.container_definitions.as_mut().unwrap()[0].name = Some("web".to_owned());
    let facts = primary(&found);
    assert_eq!((facts.port, facts.log_group), (None, None));
}
