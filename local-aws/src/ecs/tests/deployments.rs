//! What deployments do over time.

use super::*;

#[test]
fn a_first_deployment_takes_the_primary_group_and_all_the_traffic() {
    let mut world = World::new();
    let input = world.create_input("nginx");
    let service = world.ok("CreateService", input)["service"].clone();
    assert_eq!(service["status"], "ACTIVE");
    assert_eq!(service["deployments"][0]["rolloutState"], "IN_PROGRESS");
    assert_eq!(world.deployment()["status"], "PENDING");
    world.pass(12);
    assert_eq!(world.deployment()["status"], "IN_PROGRESS");
    assert_eq!(world.deployment()["lifecycleStage"], "SCALE_UP");
    world.pass(300);
    let deployment = world.deployment();
    assert_eq!(deployment["status"], "SUCCESSFUL");
    assert_eq!(
        deployment["targetServiceRevision"]["requestedProductionTrafficWeight"],
        100.0
    );
    assert_eq!(world.weights(), [100, 0]);
    let service = world.service();
    assert_eq!([&service["runningCount"], &service["pendingCount"]], [2, 0]);
    assert_eq!(service["deployments"][0]["rolloutState"], "COMPLETED");
    assert!(text(&service, "/events/0/message").ends_with("has reached a steady state."));
}

#[test]
fn the_first_revision_may_land_in_the_alternate_group() {
    let mut world = World::new();
    world.cloud.ecs.first_revision = FirstRevision::Alternate;
    world.create("nginx");
    assert_eq!(world.weights(), [0, 100]);
    assert_eq!(live_group(&mut world), world.groups[1]);
}

#[test]
fn each_deployment_takes_the_group_that_is_idle() {
    let mut world = World::new();
    world.create("nginx");
    for live in [1, 0, 1] {
        let before = text(&world.service(), "/currentServiceRevisions/0/arn");
        let definition = world.definition("nginx:2");
        world.update(json!({"taskDefinition": definition}));
        world.pass(300);
        let deployment = world.deployment();
        assert_eq!(deployment["status"], "SUCCESSFUL");
        assert_eq!(deployment["sourceServiceRevisions"][0]["arn"], before);
        assert_eq!(world.weights()[live], 100);
        assert_eq!(live_group(&mut world), world.groups[live]);
        assert_eq!(world.tasks("RUNNING").len(), 2);
    }
}

#[test]
fn the_old_revision_serves_until_the_new_one_is_healthy() {
    let mut world = World::new();
    world.create("nginx");
    let definition = world.definition("nginx:2");
    world.update(json!({"taskDefinition": definition}));
    let mut most_tasks = 0;
    for _ in 0..60 {
        world.pass(5);
        let running = world.tasks("RUNNING");
        most_tasks = most_tasks.max(running.len());
        let live = usize::from(world.weights() == [0, 100]);
        let group = world.groups[live].clone();
        let serving = world
            .cloud
            .ecs
            .tasks
            .values()
            .filter(|task| task.is_wanted() && task.target_group(&world.cloud) == group)
            .filter(|task| task.target_health(&world.cloud) == Some(elbv2::TargetHealth::Healthy))
            .count();
        assert!(
            serving >= 2,
            "{serving} healthy tasks where the traffic goes"
        );
    }
    assert_eq!(most_tasks, 4);
    assert_eq!(world.deployment()["status"], "SUCCESSFUL");
}

#[test]
fn broken_images_are_rolled_back_by_the_circuit_breaker() {
    for (image, reason, exit_code) in [
        ("demo/crash", "Essential container in task exited", json!(1)),
        (
            "demo/unhealthy",
            "Task failed ELB health checks in",
            json!(0),
        ),
        ("demo/missing", "CannotPullContainerError", json!(null)),
    ] {
        let mut world = World::new();
        world.create("nginx");
        let (old, weights) = (text(&world.service(), "/taskDefinition"), world.weights());
        let definition = world.definition(image);
        world.update(json!({"taskDefinition": definition}));
        world.pass(1_800);
        let deployment = world.deployment();
        assert_eq!(deployment["status"], "ROLLBACK_SUCCESSFUL", "{image}");
        let why =
            "Service deployment rolled back because the circuit breaker threshold was exceeded.";
        assert_eq!(deployment["statusReason"], why);
        assert_eq!(deployment["rollback"]["reason"], why);
        assert_eq!(
            deployment["deploymentCircuitBreaker"]["status"],
            "TRIGGERED"
        );
        let service = world.service();
        assert_eq!(service["taskDefinition"], old);
        assert_eq!(service["runningCount"], 2);
        assert_eq!(service["deployments"][0]["rolloutState"], "COMPLETED");
        assert_eq!(world.weights(), weights, "{image}");
        let stopped = world.tasks("STOPPED");
        let told = |task: &&Value| text(task, "/stoppedReason").starts_with(reason);
        let failed = stopped.iter().find(told);
        let failed = failed.unwrap_or_else(|| panic!("{image}: no task stopped with {reason}"));
        assert_eq!(failed["containers"][0]["exitCode"], exit_code, "{image}");
    }
}

#[test]
fn a_first_deployment_that_fails_has_nothing_to_roll_back_to() {
    let mut world = World::new();
    world.create("demo/crash");
    world.pass(600);
    let deployment = world.deployment();
    assert_eq!(deployment["status"], "ROLLBACK_FAILED");
    assert_eq!(
        deployment["statusReason"],
        "No rollback candidate was found to run the rollback."
    );
    let service = world.service();
    assert_eq!(service["desiredCount"], 2);
    assert_eq!(service["runningCount"], 0);
    assert_eq!(service["deployments"][0]["rolloutState"], "FAILED");

    let definition = world.definition("nginx");
    world.update(json!({"taskDefinition": definition}));
    world.pass(300);
    assert_eq!(world.deployment()["status"], "SUCCESSFUL");
    assert_eq!(world.service()["runningCount"], 2);
}

#[test]
fn the_grace_period_keeps_unhealthy_tasks() {
    let mut world = World::new();
    let mut input = world.create_input("demo/unhealthy");
    input["healthCheckGracePeriodSeconds"] = json!(600);
    world.ok("CreateService", input);
    world.pass(500);
    assert_eq!(world.deployment()["status"], "IN_PROGRESS");
    assert_eq!(world.tasks("STOPPED").len(), 0);
    world.pass(300);
    assert_ne!(world.tasks("STOPPED").len(), 0);
}

#[test]
fn a_rule_without_both_groups_fails_the_deployment_with_the_text_of_aws() {
    let mut world = World::new();
    let vpc = ec2::subnet(&world.cloud, &world.subnets[0])
        .unwrap()
        .vpc_id
        .clone();
    let stranger = target_group(&mut world.cloud, "stranger", &vpc);
    let mut input = world.create_input("nginx");
    input["loadBalancers"][0]["advancedConfiguration"]["alternateTargetGroupArn"] = json!(stranger);
    world.ok("CreateService", input);
    world.pass(20);
    assert_eq!(
        world.deployment()["rollback"]["reason"],
        "Service deployment rolled back because of invalid networking configuration. Both targetGroup and \
         alternateTargetGroup must be associated with the productionListenerRule or testListenerRule."
    );
}

#[test]
fn a_stopped_deployment_rolls_back() {
    let mut world = World::new();
    world.create("nginx");
    let definition = world.definition("nginx:2");
    world.update(json!({"taskDefinition": definition}));
    world.pass(30);
    let stop = json!({"serviceDeploymentArn": world.deployment()["serviceDeploymentArn"], "stopType": "ROLLBACK"});
    world.ok("StopServiceDeployment", stop.clone());
    assert_eq!(world.deployment()["status"], "ROLLBACK_REQUESTED");
    world.ok("StopServiceDeployment", stop.clone());
    world.pass(300);
    assert_eq!(world.deployment()["status"], "ROLLBACK_SUCCESSFUL");
    assert_eq!(world.weights(), [100, 0]);
    let refusal = world.refusal("StopServiceDeployment", stop);
    assert_eq!(refusal.code, "ConflictException");
}

#[test]
fn an_update_during_a_deployment_takes_its_place() {
    let mut world = World::new();
    world.create("nginx");
    let slow = world.definition("demo/unhealthy");
    world.update(json!({"taskDefinition": slow}));
    world.pass(30);
    let given_up = world.deployment()["serviceDeploymentArn"].clone();
    let definition = world.definition("nginx:3");
    world.update(json!({"taskDefinition": definition}));
    world.pass(10);
    assert_eq!(world.deployment()["lifecycleStage"], "RECONCILE_SERVICE");
    world.pass(400);
    assert_eq!(world.deployment()["status"], "SUCCESSFUL");
    assert_eq!(world.tasks("RUNNING").len(), 2);
    let input = json!({"service": "web", "status": ["STOPPED"]});
    let stopped = world.ok("ListServiceDeployments", input);
    assert_eq!(
        stopped["serviceDeployments"][0]["serviceDeploymentArn"],
        given_up
    );
}

#[test]
fn only_what_makes_a_revision_starts_a_deployment() {
    let mut world = World::new();
    world.create("nginx");
    let service = world.service();
    let first = service["currentServiceDeployment"].clone();
    for members in [
        json!({}),
        json!({"taskDefinition": service["taskDefinition"]}),
        json!({"networkConfiguration": service["networkConfiguration"]}),
        json!({"loadBalancers": service["loadBalancers"]}),
        json!({"healthCheckGracePeriodSeconds": 5}),
        json!({"desiredCount": 3}),
        json!({"deploymentConfiguration": {"strategy": "CANARY", "bakeTimeInMinutes": 3}}),
    ] {
        let updated = world.update(members.clone());
        assert_eq!(
            updated["service"]["currentServiceDeployment"], first,
            "{members}"
        );
    }
    world.pass(120);
    assert_eq!(world.service()["runningCount"], 3);
    let forced = world.update(json!({"forceNewDeployment": true}));
    assert_ne!(forced["service"]["currentServiceDeployment"], first);
}

#[test]
fn scaling_in_stops_tasks_and_lets_their_targets_drain() {
    let mut world = World::new();
    world.create("nginx");
    set_desired_count(&mut world.cloud, "default", "web", 1);
    world.pass(20);
    let stopping = world.tasks("STOPPED");
    assert_eq!(stopping.len(), 1);
    assert_eq!(stopping[0]["lastStatus"], "DEACTIVATING");
    world.pass(60);
    assert_eq!(world.tasks("STOPPED")[0]["lastStatus"], "STOPPED");
    assert_eq!(world.service()["runningCount"], 1);
}

#[test]
fn a_task_that_somebody_stops_is_replaced() {
    let mut world = World::new();
    world.create("nginx");
    let task = world.tasks("RUNNING")[0]["taskArn"].clone();
    world.ok("StopTask", json!({"task": task, "reason": "by hand"}));
    world.pass(120);
    assert_eq!(world.tasks("RUNNING").len(), 2);
    let stopped = world.tasks("STOPPED");
    assert_eq!(stopped[0]["stoppedReason"], "by hand");
    assert_eq!(stopped[0]["stopCode"], "UserInitiated");
}

#[test]
fn a_deleted_service_drains_is_inactive_and_its_name_is_free_again() {
    let mut world = World::new();
    world.create("nginx");
    let delete = json!({"service": "web", "force": true});
    assert_eq!(
        world.ok("DeleteService", delete.clone())["service"]["status"],
        "DRAINING"
    );
    let again = world.create_input("nginx");
    let refusal = world.refusal("CreateService", again.clone());
    assert_eq!(
        refusal.message,
        "Unable to Start a service that is still Draining."
    );
    assert_eq!(
        world.ok("ListServices", json!({}))["serviceArns"],
        json!([])
    );
    world.ok("DeleteService", delete.clone());
    world.pass(60);
    assert_eq!(world.service()["status"], "INACTIVE");
    assert_eq!(
        world.refusal("DeleteService", delete).code,
        "ServiceNotFoundException"
    );
    world.pass(60);
    world.ok("CreateService", again);
    world.pass(300);
    assert_eq!(world.service()["runningCount"], 2);
    let deployments = world.ok("ListServiceDeployments", json!({"service": "web"}));
    assert_eq!(
        deployments["serviceDeployments"].as_array().unwrap().len(),
        1
    );
}

#[test]
fn a_service_drains_only_while_the_infrastructure_role_can_be_assumed() {
    let mut world = World::new();
    world.create("nginx");
    let until_ms = world.cloud.now_ms + 600_000;
    world
        .cloud
        .ecs
        .unassumable_roles
        .insert(ROLE.to_owned(), until_ms);
    world.ok("DeleteService", json!({"service": "web", "force": true}));
    world.pass(590);
    assert_eq!(world.service()["status"], "DRAINING");
    world.pass(60);
    assert_eq!(world.service()["status"], "INACTIVE");
}

#[test]
fn roles_that_become_assumable_in_time_do_no_harm() {
    let mut world = World::new();
    let until_ms = world.cloud.now_ms + 20_000;
    let roles = &mut world.cloud.ecs.unassumable_roles;
    roles.insert(EXECUTION_ROLE.to_owned(), until_ms);
    world.create("nginx");
    assert_eq!(world.deployment()["status"], "SUCCESSFUL");
    let events = world.service()["events"].to_string();
    assert!(
        events.contains("ECS was unable to assume the role"),
        "{events}"
    );
}

#[test]
fn a_container_that_crashes_leaves_its_last_words() {
    let mut world = World::new();
    world.create("demo/crash");
    let task = text(&world.tasks("STOPPED")[0], "/taskArn");
    let stream = format!("ecs/Main/{}", task.rsplit('/').next().unwrap());
    let input = json!({"logGroupName": "/web", "logStreamName": stream});
    let answer = ask(&mut world.cloud, logs::call, "GetLogEvents", input);
    assert!(answer["events"].to_string().contains("fatal"), "{answer}");
}

fn live_group(world: &mut World) -> String {
    let arn = text(&world.service(), "/currentServiceRevisions/0/arn");
    let input = json!({"serviceRevisionArns": [arn]});
    let answer = world.ok("DescribeServiceRevisions", input);
    text(
        &answer,
        "/serviceRevisions/0/resolvedConfiguration/loadBalancers/0/targetGroupArn",
    )
}
