//! What a change of one property does, and nothing beside it.

use expect_test::expect;
use serde_json::json;

use super::world::GIVEN;
use super::{check, decided, rule, seen, text, web};
use crate::claim::LedTo;
use crate::decision::Decision;
use crate::resources::ecs_service::ServiceStatus;
use crate::step::Step;

#[test]
fn nothing_changed_plans_nothing() {
    check(
        web(),
        seen(web()),
        expect![[r#"
        Converged
    "#]],
    );
}

#[test]
fn case_28_order_of_environment_and_tags_means_nothing() {
    let pairs = |first: &str, second: &str| json!([{"Name": first, "Value": "1"}, {"Name": second, "Value": "1"}]);
    let environment = "/PrimaryContainer/Environment";
    check(
        web()
            .set(environment, pairs("B", "A"))
            .tags(&[("y", "2"), ("x", "1")]),
        seen(
            web()
                .set(environment, pairs("A", "B"))
                .tags(&[("x", "1"), ("y", "2")]),
        ),
        expect![[r#"
            Converged
        "#]],
    );
}

#[test]
fn changed_container_registers_a_revision() {
    let registers = expect![[r#"
        RegisterTaskDefinition(express-web-119a3fbe52e2)
    "#]];
    for (pointer, value) in [
        ("/PrimaryContainer/Image", json!("web:2")),
        ("/PrimaryContainer/Command", json!(["serve"])),
        (
            "/PrimaryContainer/Environment",
            json!([{"Name": "MODE", "Value": "blue"}]),
        ),
        (
            "/PrimaryContainer/Secrets",
            json!([{"Name": "KEY", "ValueFrom": "/web/key"}]),
        ),
        (
            "/PrimaryContainer/RepositoryCredentials",
            json!({"CredentialsParameter": "registry"}),
        ),
        (
            "/ExecutionRoleArn",
            json!("arn:aws:iam::123456789012:role/other"),
        ),
        ("/TaskRoleArn", json!("arn:aws:iam::123456789012:role/task")),
        ("/Cpu", json!(512)),
        ("/Memory", json!(4096)),
        ("/CpuArchitecture", json!("ARM64")),
    ] {
        registers.assert_eq(&decided(web().set(pointer, value), &seen(web())));
    }
}

#[test]
fn registered_revision_is_deployed_by_its_task_definition_only() {
    let mut after = seen(web());
    let changed = web().image("web:2").updating(&after.world.web).desired();
    let spec = match &changed.task_definition {
        crate::desired::DesiredTaskDefinition::Ours(spec) => spec.clone(),
        crate::desired::DesiredTaskDefinition::Given(arn) => panic!("{arn} was not given"),
    };
    let registered = crate::step::Step::RegisterTaskDefinition(spec);
    after.world.apply(&registered);
    check(
        web().image("web:2"),
        after.clone(),
        expect![[r#"
        UpdateService(web) taskDefinition
    "#]],
    );
    // No deployment is begun that would be stopped at once.
    check(
        web().image("web:2"),
        after.after_s(3_100),
        expect![[r#"
        NotStabilized: what is left of `ServiceTimeout` is too little for a deployment of service `web` and its rollback, so none is begun; give it more seconds, at most 3600, and update again
    "#]],
    );
}

#[test]
fn changed_log_group_is_created_with_the_revision() {
    let logs = json!({"LogGroup": "/team/web"});
    let seen = seen(web()).but(|observed| {
        // It is looked up by the name that is wanted now.
        observed.log_group = crate::observed::Presence::Absent;
    });
    check(
        web().set("/PrimaryContainer/AwsLogsConfiguration", logs),
        seen,
        expect![[r#"
            CreateLogGroup(/team/web)
            RegisterTaskDefinition(express-web-119a3fbe52e2)
        "#]],
    );
}

#[test]
fn changed_port_opens_the_new_one_before_the_deployment() {
    check(
        web().port(8080),
        seen(web()),
        expect![[r#"
        RegisterTaskDefinition(express-web-119a3fbe52e2)
        AuthorizeIngress(sg-service) 8080
    "#]],
    );
}

#[test]
fn changed_health_check_path_alone_is_asked_of_the_tasks_that_run() {
    // They are the same tasks before and after: no deployment brings others.
    check(
        web().health_check_path("/up"),
        seen(web()),
        expect![[r#"
        ModifyTargetGroup(a) HealthCheckPath=/up
        ModifyTargetGroup(b) HealthCheckPath=/up
    "#]],
    );
}

#[test]
fn changed_path_with_a_new_image_spares_the_group_that_serves() {
    check(
        web().health_check_path("/up").image("web:2"),
        seen(web()),
        expect![[r#"
            RegisterTaskDefinition(express-web-119a3fbe52e2)
            ModifyTargetGroup(b) HealthCheckPath=/up
        "#]],
    );
}

/// What is brought by a rolling deployment becomes healthy in the group in which the other tasks are still.
#[test]
fn on_the_way_back_of_a_rolling_service_the_path_that_all_know_comes_first() {
    let of = |strategy: &str, image: &str, path: &str| {
        let web = web().set("/Deployment/Strategy", json!(strategy));
        web.image(image).health_check_path(path)
    };
    for (before, strategy, led_to, is_asked_first) in [
        ("ROLLING", "ROLLING", Some(LedTo::Reached), true),
        // The group that serves has the path of before still.
        ("ROLLING", "ROLLING", Some(LedTo::NotReached), false),
        ("ROLLING", "ROLLING", None, false),
        ("CANARY", "CANARY", Some(LedTo::Reached), false),
        // What was brought into a group of its own was never asked for the path of before.
        ("CANARY", "ROLLING", Some(LedTo::Reached), false),
    ] {
        let seen = seen(of(before, "web:2", "/up"));
        let mut wanted = of(strategy, "web:1", "/ping").updating(&seen.world.web);
        if let Some(led_to) = led_to {
            wanted = wanted.back_from(led_to);
        }
        let text = text(&seen.world.plan(&wanted.desired()));
        let is_asked = text.contains("ModifyTargetGroup(a) HealthCheckPath=/ping");
        assert_eq!(
            is_asked, is_asked_first,
            "{before} {strategy} {led_to:?}: {text}"
        );
    }
}

/// A rolling deployment leaves the rule as it is.
#[test]
fn a_rolling_service_is_registered_first_with_the_group_that_serves() {
    for (strategy, serving_b_is_first) in [("ROLLING", true), ("CANARY", false)] {
        let web = web().set("/Deployment/Strategy", json!(strategy));
        let seen = seen(web.clone()).but(|observed| {
            let b = observed.target_group_b.present().expect("b").arn.clone();
            let rule = rule(observed);
            let weight_of = |arn: &String| u32::from(*arn == b) * 100;
            rule.weights
                .iter_mut()
                .for_each(|(arn, weight)| *weight = weight_of(arn));
        });
        let desired = web
            .infrastructure_role("other")
            .updating(&seen.world.web)
            .desired();
        let Ok(Decision::Apply(steps)) = seen.world.plan(&desired) else {
            panic!("{strategy}: load balancers are sent");
        };
        let [Step::UpdateService { spec, .. }] = steps.as_slice() else {
            panic!("{strategy}: {steps:?}");
        };
        let b = &seen.world.observed.target_group_b.present().expect("b").arn;
        let is_first = spec.ingress.target_group_arn == *b;
        assert_eq!(is_first, serving_b_is_first, "{strategy}");
    }
}

#[test]
fn changed_infrastructure_role_is_sent_with_the_load_balancers() {
    check(
        web().infrastructure_role("other"),
        seen(web()),
        expect![[r#"
            UpdateService(web) loadBalancers
        "#]],
    );
}

#[test]
fn changed_task_counts_leave_the_service_alone() {
    check(
        web().tasks(2, 30),
        seen(web()),
        expect![[r#"
        RegisterScalableTarget(service/default/web) 2..30
    "#]],
    );
}

#[test]
fn changed_metric_changes_the_policy() {
    check(
        web().metric("AVERAGE_MEMORY", 60),
        seen(web()),
        expect![[r#"
            PutScalingPolicy(express-119a3fbe52e2)
        "#]],
    );
    check(
        web().metric("AVERAGE_CPU", 50),
        seen(web()),
        expect![[r#"
        PutScalingPolicy(express-119a3fbe52e2)
    "#]],
    );
    check(
        web().metric("REQUEST_COUNT_PER_TARGET", 500),
        seen(web()),
        expect![[r#"
            PutScalingPolicy(express-119a3fbe52e2)
        "#]],
    );
}

#[test]
fn changed_subnets_are_an_ordinary_deployment() {
    check(
        web().subnets(&["subnet-b", "subnet-a"]),
        seen(web()),
        expect![[r#"
            Converged
        "#]],
    );
    check(
        web().subnets(&["subnet-a", "subnet-b", "subnet-c"]),
        seen(web()),
        expect![[r#"
            ExtendSubnets(arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/express-b9f7bcfb-1/1) subnet-a,subnet-b,subnet-c
        "#]],
    );
    check(
        web().subnets(&["subnet-a", "subnet-b"]),
        seen(web().subnets(&["subnet-a", "subnet-b", "subnet-c"])),
        expect![[r#"
            UpdateService(web) networkConfiguration
        "#]],
    );
}

#[test]
fn changed_security_groups_change_the_network_only() {
    check(
        web().set("/NetworkConfiguration/SecurityGroups", json!(["sg-db"])),
        seen(web()),
        expect![[r#"
            UpdateService(web) networkConfiguration
        "#]],
    );
}

#[test]
fn changed_tags_are_written_in_place() {
    check(
        web().tags(&[("team", "shop")]),
        seen(web().tags(&[("team", "web")])),
        expect![[r#"
            TagResources
        "#]],
    );
    check(
        web(),
        seen(web().tags(&[("team", "web")])),
        expect![[r#"
        TagResources
    "#]],
    );
}

#[test]
fn of_the_alarms_of_a_service_those_go_that_its_properties_had() {
    let alarms = |names: &[&str]| web().set("/Deployment/AlarmNames", json!(names));
    let before = seen(alarms(&["latency", "errors"])).service(|service| {
        service.alarm_names.push("added-by-hand".to_owned());
    });
    let after = alarms(&["errors", "traffic"]);
    let desired = after.updating(&before.world.web).desired();
    let decision = before.world.plan(&desired).expect("there is a plan");
    let Decision::Apply(steps) = decision else {
        panic!("nothing is to change: {decision:?}");
    };
    let sent: Vec<&String> = steps.iter().flat_map(alarms_sent_by).collect();
    assert_eq!(
        sent,
        [
            "express-web-119a3fbe52e2-rollback",
            "errors",
            "traffic",
            "added-by-hand"
        ]
    );
}

fn alarms_sent_by(step: &Step) -> &[String] {
    if let Step::UpdateService { change, .. } = step
        && let Some(deployment) = &change.deployment
    {
        return &deployment.alarm_names;
    }
    &[]
}

#[test]
fn tag_that_somebody_else_added_stays() {
    check(
        web(),
        seen(web()).service(|service| {
            service.tags.insert("cost".to_owned(), "42".to_owned());
        }),
        expect![[r#"
            Converged
        "#]],
    );
}

#[test]
fn given_task_definition_takes_over_with_its_port() {
    check(
        web().given(GIVEN),
        seen(web()),
        expect![[r#"
        AuthorizeIngress(sg-service) 9000
    "#]],
    );
}

#[test]
fn our_task_definition_takes_over_from_any_revision_of_a_family_that_was_given() {
    let seen = seen(web().given(GIVEN));
    let (family, _) = GIVEN.rsplit_once(':').expect("a revision");
    for (given, takes_over) in [(family, true), ("theirs", false), (GIVEN, true)] {
        let desired = web().updating(&web().given(given)).desired();
        let text = text(&seen.world.plan(&desired));
        let registers = text.contains("RegisterTaskDefinition");
        assert_eq!(registers, takes_over, "{given}: {text}");
    }
}

#[test]
fn grace_period_that_people_gave_a_service_is_sent_again_and_a_new_one_gets_ours() {
    let grace_s = |status: ServiceStatus| {
        let seen = seen(web()).status(status).service(|service| {
            service.health_check_grace_s = 900;
        });
        let desired = web().infrastructure_role("other");
        let desired = desired.updating(&seen.world.web).desired();
        let decision = seen.world.plan(&desired).expect("there is a plan");
        let Decision::Apply(steps) = decision else {
            panic!("nothing is to be done: {decision:?}");
        };
        match steps.as_slice() {
            [Step::CreateService { spec, .. } | Step::UpdateService { spec, .. }] => {
                spec.health_check_grace_s
            }
            others => panic!("not the service alone: {others:?}"),
        }
    };
    assert_eq!(grace_s(ServiceStatus::Active), 900);
    assert_eq!(grace_s(ServiceStatus::Inactive), 300);
}

#[test]
fn our_task_definition_takes_over_from_a_given_one() {
    check(
        web(),
        seen(web().given(GIVEN)),
        expect![[r#"
        CreateLogGroup(/aws/ecs/default/web)
        RegisterTaskDefinition(express-web-119a3fbe52e2)
        AuthorizeIngress(sg-service) 80
    "#]],
    );
}
