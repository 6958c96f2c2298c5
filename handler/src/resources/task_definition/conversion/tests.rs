use aws_sdk_ecs::types::{Attribute, TaskDefinitionStatus, Volume};

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
        kept: None,
        tags: Tags::from([("team".to_owned(), "web".to_owned())]),
    }
}

/// As ECS describes a registered revision: with its own additions.
fn described(spec: &TaskDefinitionSpec) -> TaskDefinition {
    let mut container = container("ecs:RegisterTaskDefinition", &spec.container).unwrap();
    container.mount_points = Some(Vec::new());
    container.volumes_from = Some(Vec::new());
    container.system_controls = Some(Vec::new());
    let linux = container.linux_parameters.as_mut().unwrap();
    linux.capabilities = Some(
        KernelCapabilities::builder()
            .set_add(Some(Vec::new()))
            .build(),
    );
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
    let live = live(found)?;
    spec(found, live.kept, &wanted().tags)
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
fn what_ecs_would_not_start_on_fargate_is_told() {
    let cases: [(Change, Option<Misfit>); 6] = [
        (|_| {}, None),
        (|found| found.status = None, None),
        (|found| found.compatibilities = None, None),
        (
            |found| found.status = Some(TaskDefinitionStatus::DeleteInProgress),
            Some(Misfit::Inactive),
        ),
        (
            |found| found.network_mode = Some(NetworkMode::Bridge),
            Some(Misfit::NotForFargate),
        ),
        (
            |found| found.compatibilities = Some(vec![Compatibility::Ec2]),
            Some(Misfit::NotForFargate),
        ),
    ];
    for (change, expected) in cases {
        let mut found = described(&wanted());
        change(&mut found);
        assert_eq!(misfit(&found), expected, "{found:?}");
    }
}

fn kept(found: &TaskDefinition) -> Option<String> {
    live(found).unwrap().kept.map(|kept| kept.content.0)
}

fn main_of(found: &mut TaskDefinition) -> &mut ContainerDefinition {
    &mut found.container_definitions.as_mut().unwrap()[0]
}

fn sidecar(level: &str) -> ContainerDefinition {
    ContainerDefinition::builder()
        .name("agent")
        .image("agent:1")
        .memory_reservation(64)
        .environment(KeyValuePair::builder().name("LEVEL").value(level).build())
        .docker_labels("one", "1")
        .docker_labels("two", "2")
        .docker_labels("three", "3")
        .build()
}

/// A change by somebody else to a revision.
type Change = fn(&mut TaskDefinition);

/// Each adds something that we never write.
const ADDITIONS: [Change; 8] = [
    |found| {
        found
            .container_definitions
            .as_mut()
            .unwrap()
            .push(sidecar("1"))
    },
    |found| found.volumes = Some(vec![Volume::builder().name("data").build()]),
    |found| found.enable_fault_injection = Some(true),
    |found| main_of(found).readonly_root_filesystem = Some(true),
    |found| main_of(found).stop_timeout = Some(5),
    |found| main_of(found).memory_reservation = Some(64),
    |found| {
        let labels = main_of(found).docker_labels.get_or_insert_default();
        labels.insert("team".to_owned(), "web".to_owned());
    },
    |found| {
        let logs = main_of(found).log_configuration.as_mut().unwrap();
        let options = logs.options.get_or_insert_default();
        options.insert("awslogs-create-group".to_owned(), "true".to_owned());
    },
];

#[test]
fn what_we_register_has_nothing_to_keep() {
    assert_eq!(kept(&described(&wanted())), None);
}

#[test]
fn additions_are_kept_beside_what_is_ours_and_go_along_with_the_next_revision() {
    for add in ADDITIONS {
        let mut found = described(&wanted());
        add(&mut found);
        let read = read(&found).expect("our fields are as we write them");
        assert_eq!(read.container, wanted().container);
        let mut next = wanted();
        next.container.image = "next".to_owned();
        next.cpu = 2048;
        let written = overlay("ecs:RegisterTaskDefinition", &found, &next).unwrap();
        assert!(kept(&found).is_some());
        assert_eq!(kept(&written), kept(&found));
        let mut again = described(&next);
        add(&mut again);
        assert_eq!(normal(&written), normal(&again));
    }
}

#[test]
fn what_is_kept_is_told_apart_by_its_values_and_not_by_the_order_of_its_maps() {
    let with = |level: &str| {
        let mut found = described(&wanted());
        found
            .container_definitions
            .as_mut()
            .unwrap()
            .push(sidecar(level));
        kept(&found)
    };
    for _ in 0..20 {
        assert_eq!(with("1"), with("1"));
    }
    assert_ne!(with("1"), with("2"));
}

#[test]
fn everything_that_the_sdk_leaves_out_of_a_debug_output_is_told_apart() {
    let mut found = described(&wanted());
    let mut agent = sidecar("1");
    let credentials = |arn: &str| {
        let built = RepositoryCredentials::builder()
            .credentials_parameter(arn)
            .build();
        Some(built.unwrap())
    };
    agent.repository_credentials = credentials("one");
    found.container_definitions.as_mut().unwrap().push(agent);
    let one = kept(&found).unwrap();
    found.container_definitions.as_mut().unwrap()[1].repository_credentials = credentials("two");
    assert_ne!(kept(&found).unwrap(), one);
    // Two fields of two containers. Another one, in another version of the SDK, would have to be written out.
    assert_eq!(one.matches("Redacted").count(), 4);
}

#[test]
fn lists_keep_their_order_also_when_they_look_like_maps() {
    let with = |command: [&str; 2]| {
        let mut found = described(&wanted());
        let mut agent = sidecar("1");
        agent.command = Some(command.map(str::to_owned).to_vec());
        found.container_definitions.as_mut().unwrap().push(agent);
        kept(&found)
    };
    assert_ne!(with(["a\": \"b", "c"]), with(["c", "a\": \"b"]));
    assert_ne!(
        with(["a\": \"1", "a\": \"2"]),
        with(["a\": \"2", "a\": \"1"])
    );
}

#[test]
fn our_fields_as_we_never_write_them_are_drift_and_are_repaired() {
    let changes: [Change; 6] = [
        |found| found.network_mode = Some(NetworkMode::Bridge),
        |found| main_of(found).port_mappings.as_mut().unwrap()[0].name = None,
        |found| main_of(found).port_mappings = None,
        |found| found.requires_compatibilities = None,
        |found| main_of(found).log_configuration = None,
        |found| {
            let logs = main_of(found).log_configuration.as_mut().unwrap();
            logs.log_driver = LogDriver::Awsfirelens;
        },
    ];
    for change in changes {
        let mut found = described(&wanted());
        change(&mut found);
        found
            .container_definitions
            .as_mut()
            .unwrap()
            .push(sidecar("1"));
        assert_eq!(read(&found), None);
        let repaired = overlay("ecs:RegisterTaskDefinition", &found, &wanted()).unwrap();
        assert_eq!(read(&repaired).unwrap().container, wanted().container);
        assert_eq!(repaired.container_definitions().len(), 2);
    }
}

#[test]
fn a_revision_without_the_container_main_has_nothing_to_carry_over() {
    let mut found = described(&wanted());
    main_of(&mut found).name = Some("web".to_owned());
    assert_eq!(live(&found).map(|live| live.kept), None);
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
