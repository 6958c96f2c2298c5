//! Deleting a service.

use std::collections::BTreeSet;

use express_core::naming::TAG_OWNER;
use express_tests::account::{Inventory, Item, Kind};
use express_tests::by_hand::{self, ByHand};
use express_tests::cloudformation::{RequestType, answers_sent};
use express_tests::history::Event;
use express_tests::invariants::check_attempts_apart;
use express_tests::{Scenario, StackStatus, Template, World, web};
use local_aws::fault::{Fault, Rule};
use local_aws::wire::Service;
use serde_json::{Value, json};

use super::create;
use StackStatus::{CreateComplete, DeleteComplete, DeleteFailed, RollbackComplete, UpdateComplete};

#[test]
fn case_43_a_delete_of_an_id_that_nobody_knows_succeeds_and_changes_nothing() {
    for id in [
        "2024/03/01/[$LATEST]0123456789abcdef",
        "0a1b2c3d-0000-4000-8000-000000000000",
        "app-Web-1A2B3C4D5E6F",
    ] {
        let world = World::new();
        world.deliver(
            world
                .stack("app")
                .event(RequestType::Delete, Some(id), &web()),
        );
        world.settle();
        let body = &answers_sent(&world)[0];
        assert_eq!(
            (&body["Status"], &body["PhysicalResourceId"]),
            (&"SUCCESS".into(), &id.into())
        );
        let mutations = world
            .history()
            .calls()
            .filter(|call| call.recorded.mutates())
            .count();
        assert_eq!(mutations, 0, "{id}");
    }
}

#[test]
fn case_43b_a_create_that_was_cancelled_at_any_time_leaves_nothing() {
    check_cancelled(World::new);
}

#[test]
fn case_43b_a_cancelled_create_leaves_nothing_of_what_aws_does_not_show_yet() {
    check_cancelled(|| {
        let world = World::new();
        let every_read = Rule::once(None, 0, Fault::StaleRead).times(u64::MAX);
        world.faults().add(every_read);
        world
    });
}

fn check_cancelled(world: impl Fn() -> World) {
    for seconds in [0, 1, 5, 10, 31, 60, 100] {
        let world = world();
        let before = world.inventory().without_what_stays();
        let template = Template::of(&web()).sibling_fails_after(seconds);
        let run = Scenario::new().then_deploy(template).run_in(world);
        assert_eq!(run.statuses(), [RollbackComplete], "{seconds} s");
        let after = run.world.inventory().without_what_stays();
        assert_eq!(before.diff(&after), Vec::<String>::new(), "{seconds} s");
    }
}

/// Whether a call of the first attempt, that of the Create, has had its effect after the Delete was sent.
fn has_landed_after_the_delete(world: &World) -> bool {
    let history = world.history();
    let is_delete = |event: &Event| matches!(event, Event::Sent { event, .. } if event["RequestType"] == "Delete");
    let deleted = history.events.iter().position(is_delete).unwrap();
    let mut later = history.events[deleted..].iter();
    later.any(|event| matches!(event, Event::Called(call) if call.attempt == 1))
}

/// Calls of a Create's first attempt that change something: number among all its calls, and name.
fn changes_of_a_create() -> Vec<(usize, String)> {
    let clean = Scenario::new().create(web()).run();
    let history = clean.world.history();
    let calls = history.calls().enumerate();
    let changes = calls.filter(|(_, call)| call.attempt == 1 && call.recorded.mutates());
    let changes: Vec<(usize, String)> = changes
        .map(|(number, call)| (number, call.recorded.name()))
        .collect();
    assert!(changes.len() > 10, "{changes:?}");
    changes
}

/// A Create is cancelled after some seconds, while a call of its attempt is on its way.
fn check_late(late: Rule, seconds: u64) {
    let name = format!("{late:?}");
    let world = World::new();
    let before = world.inventory().without_what_stays();
    let template = Template::of(&web()).sibling_fails_after(seconds);
    let run = Scenario::new()
        .with_fault(late)
        .then_deploy(template)
        .run_in(world);
    assert_eq!(run.statuses(), [RollbackComplete], "{name}");
    assert!(has_landed_after_the_delete(&run.world), "{name}");
    check_attempts_apart(&run.world);
    let after = run.world.inventory().without_what_stays();
    let left = before.diff(&after);
    assert!(left.is_empty(), "{name}: {left:?}\n{}", run.trace());
}

#[test]
fn case_43b_what_a_cancelled_create_has_still_on_its_way_is_deleted_too() {
    for (number, _) in changes_of_a_create() {
        check_late(Rule::once(None, number as u64, Fault::LandLate), 10);
    }
}

/// Of two calls side by side that are not answered, until they are given up.
const TRIES: u64 = 4;

/// The attempt has given the call up, and has ended.
#[test]
fn case_43b_what_a_cancelled_create_has_waited_for_in_vain_is_deleted_too() {
    let names = changes_of_a_create().into_iter().map(|(_, name)| name);
    // Of the ledger: the claim of a place.
    let names = names.chain(["dynamodb:UpdateItem".to_owned()]);
    for name in names.collect::<BTreeSet<String>>() {
        let late = Rule::once(Some(&name), 0, Fault::LandAfter).times(TRIES);
        check_late(late, 15);
    }
}

#[test]
fn case_43b_a_create_whose_answer_crosses_the_cancellation_leaves_nothing() {
    let world = World::new();
    let before = world.inventory().without_what_stays();
    let stack = world.stack("app");
    world.deliver(stack.event(RequestType::Create, None, &web()));
    world.settle();
    assert_eq!(answers_sent(&world)[0]["Status"], "SUCCESS");
    // CloudFormation had cancelled it a moment before the answer came, and has read nothing.
    world.deliver(stack.event(RequestType::Delete, Some("app-Web-1A2B3C4D5E6F"), &web()));
    world.settle();
    assert_eq!(answers_sent(&world)[1]["Status"], "SUCCESS");
    let after = world.inventory().without_what_stays();
    assert_eq!(before.diff(&after), Vec::<String>::new());
}

#[test]
fn case_43b_a_create_that_arrives_only_after_its_delete_makes_nothing() {
    let world = World::new();
    let before = world.inventory();
    let stack = world.stack("app");
    let create = stack.event(RequestType::Create, None, &web());
    world.block_on(world.sleep_s(30));
    world.deliver(stack.event(RequestType::Delete, Some("app-Web-1A2B3C4D5E6F"), &web()));
    world.settle();
    world.deliver(create);
    world.settle();
    let after = world.inventory();
    assert_eq!(before.diff(&after), Vec::<String>::new());
    let answers = answers_sent(&world);
    let statuses: Vec<&Value> = answers.iter().map(|answer| &answer["Status"]).collect();
    assert_eq!(statuses, ["SUCCESS", "FAILED"]);
    assert!(
        answers[1]["Reason"].to_string().contains("given it up"),
        "{}",
        answers[1]
    );
    // The tombstone ends nothing but what is older: the resource can be added again.
    world.block_on(world.sleep_s(1));
    let again = stack.deploy_now(Template::of(&web()));
    assert_eq!(again.status, CreateComplete);
}

#[test]
fn case_8_a_create_that_arrives_after_its_service_timeout_makes_nothing() {
    let world = World::new();
    let before = world.inventory();
    let create = world.stack("app").event(RequestType::Create, None, &web());
    world.block_on(world.sleep_s(3600));
    world.deliver(create);
    world.settle();
    assert_eq!(before.diff(&world.inventory()), Vec::<String>::new());
    assert_eq!(answers_sent(&world)[0]["Status"], "FAILED");
}

#[test]
fn case_45_the_last_service_takes_the_load_balancer_with_it() {
    let world = World::new();
    let before = world.inventory().without_what_stays();
    let run = Scenario::new()
        .create(web())
        .then_settle()
        .then_delete()
        .run_in(world);
    assert_eq!(run.statuses(), [CreateComplete, DeleteComplete]);
    let after = run.world.inventory().without_what_stays();
    assert_eq!(before.diff(&after), Vec::<String>::new());
}

#[test]
fn case_50_the_same_name_can_be_created_again_at_once() {
    let run = Scenario::new()
        .create(web())
        .then_delete()
        .create(web())
        .then_delete()
        .run();
    assert_eq!(
        run.statuses(),
        [
            CreateComplete,
            DeleteComplete,
            CreateComplete,
            DeleteComplete
        ]
    );
}

/// One thing of a kind that belongs to a service.
fn of_a_service(inventory: &Inventory, kind: Kind) -> Option<(&str, &Item)> {
    let mut owned = inventory
        .of(kind)
        .filter(|(_, item)| item.tags.contains_key(TAG_OWNER) || kind == Kind::ScalableTarget);
    owned.next()
}

/// What somebody deletes in the console.
const BY_HAND: [ByHand; 5] = [
    by_hand::RULE_DELETED,
    by_hand::ALARM_DELETED,
    by_hand::TARGET_DEREGISTERED,
    by_hand::REVISION_DEREGISTERED,
    // Last: by the service the other things are found.
    by_hand::SERVICE_DELETED,
];

#[test]
fn case_42_what_was_deleted_by_hand_does_not_stop_a_delete() {
    // One thing each, and at last all of them.
    let alone = BY_HAND.iter().map(|one| vec![*one]);
    for deleted in alone.chain([BY_HAND.to_vec()]) {
        let world = World::new();
        let before = world.inventory().without_what_stays();
        let stack = world.with_service("app", &web());
        let kinds: Vec<Kind> = deleted.iter().map(|one| one.kind).collect();
        for by_hand in deleted {
            by_hand.happen(&world, "web");
        }
        let outcome = stack.delete_now();
        assert_eq!(outcome.status, DeleteComplete, "{kinds:?}");
        world.settle();
        let after = world.inventory().without_what_stays();
        assert_eq!(before.diff(&after), Vec::<String>::new(), "{kinds:?}");
    }
}

/// The alias record of the only service is deleted in the console.
fn delete_record(world: &World) {
    let inventory = world.inventory();
    let mut records = inventory.of(Kind::RecordSet);
    let (_, record) = records.find(|(id, _)| id.starts_with("web.")).unwrap();
    change_record(world, "DELETE", &record.description);
}

fn change_record(world: &World, action: &str, record: &Value) {
    let zone = &world.provider().hosted_zone_id;
    let input = json!({
        "path": format!("/2013-04-01/hostedzone/{zone}/rrset"),
        "body": {"ChangeBatch": {"Changes": {"Change": {"Action": action, "ResourceRecordSet": record}}}},
    });
    let changed = world
        .account()
        .perform(Service::Route53, "ChangeResourceRecordSets", input);
    assert!(changed.is_ok(), "{changed:?}");
}

/// What somebody does in a world.
type Happening<'a> = &'a dyn Fn(&World);

#[test]
fn case_42_what_can_be_deleted_by_hand_only_after_something_else_does_not_stop_a_delete() {
    let groups = |world: &World| {
        by_hand::RULE_DELETED.happen(world, "web");
        for _ in 0..2 {
            by_hand::TARGET_GROUP_DELETED.happen(world, "web");
        }
    };
    let security_group = |world: &World| {
        let inventory = world.inventory();
        let (id, item) = of_a_service(&inventory, Kind::SecurityGroup).unwrap();
        by_hand::SERVICE_DELETED.happen(world, "web");
        // Its tasks have network interfaces until they have stopped.
        world.block_on(world.sleep_s(180));
        assert!(by_hand::SECURITY_GROUP_DELETED.is_done_to(world, id, item));
    };
    let all = |world: &World| {
        delete_record(world);
        by_hand::RULE_DELETED.happen(world, "web");
        for _ in 0..2 {
            by_hand::TARGET_GROUP_DELETED.happen(world, "web");
        }
        by_hand::ALARM_DELETED.happen(world, "web");
        by_hand::TARGET_DEREGISTERED.happen(world, "web");
        security_group(world);
    };
    let ways: [(&str, Happening<'_>); 4] = [
        ("record", &delete_record),
        ("target groups", &groups),
        ("security group", &security_group),
        ("all", &all),
    ];
    for (what, happen) in ways {
        let world = World::new();
        let before = world.inventory().without_what_stays();
        let stack = world.with_service("app", &web());
        happen(&world);
        let outcome = stack.delete_now();
        let reason = &outcome.last().reason;
        assert_eq!(outcome.status, DeleteComplete, "{what}: {reason}");
        world.settle();
        let after = world.inventory().without_what_stays();
        assert_eq!(before.diff(&after), Vec::<String>::new(), "{what}");
    }
}

#[test]
fn case_42_a_second_delete_succeeds_and_changes_nothing() {
    let world = World::new();
    let stack = world.with_service("app", &web());
    let id = stack.resources()["Web"].physical_id.clone();
    assert_eq!(stack.delete_now().status, DeleteComplete);
    world.settle();
    let before = world.inventory();
    world.deliver(stack.event(RequestType::Delete, Some(&id), &web()));
    world.settle();
    assert_eq!(before.diff(&world.inventory()), Vec::<String>::new());
    let answers = answers_sent(&world);
    assert_eq!(answers.last().unwrap()["Status"], "SUCCESS");
    assert_eq!(answers.last().unwrap()["PhysicalResourceId"], *id);
}

#[test]
fn case_44_a_delete_leaves_what_has_lost_its_tag_and_says_which() {
    for change in [
        by_hand::RULE_UNTAGGED,
        by_hand::TARGET_GROUP_UNTAGGED,
        by_hand::GROUP_UNTAGGED,
        by_hand::SERVICE_UNTAGGED,
    ] {
        let kind = change.kind;
        let world = World::new();
        let stack = world.with_service("app", &web());
        let inventory = world.inventory();
        let (id, item) = of_a_service(&inventory, kind).unwrap();
        assert!(change.is_done_to(&world, id, item), "{kind:?}");
        // It is his now: nothing of it may change, and nothing at all when it is the service.
        let before = world.inventory();
        let outcome = stack.delete_now();
        assert_eq!(outcome.status, DeleteFailed, "{kind:?}");
        let reason = &outcome.last().reason;
        assert!(reason.contains(TAG_OWNER), "{kind:?}: {reason}");
        world.settle();
        let left = world.inventory();
        let described = |inventory: &Inventory| {
            let mut item = inventory.items.get(&(kind, id.to_owned())).cloned()?;
            // A group is behind no load balancer once its rule is gone, which is ours.
            item.description["LoadBalancerArns"] = Value::Null;
            Some(item)
        };
        assert!(described(&left).is_some(), "{kind:?}");
        assert_eq!(described(&left), described(&before), "{kind:?}");
        if kind == Kind::EcsService {
            assert_eq!(before.diff(&left), Vec::<String>::new());
        }
    }
}

/// The ECS service of this name, with its ARN.
fn ecs_service(world: &World, name: &str) -> Option<(String, Item)> {
    let inventory = world.inventory();
    let mut services = inventory.of(Kind::EcsService);
    let (arn, item) = services.find(|(_, item)| item.name == name)?;
    Some((arn.to_owned(), item.clone()))
}

/// A service that was replaced, and could not be removed then, goes with its successor, even if that has to stay.
#[test]
fn case_44_what_a_delete_must_leave_does_not_keep_what_else_is_to_go() {
    let world = World::new();
    let before = world.inventory().without_what_stays();
    let untag = |arn: &str, service: &Item| {
        assert!(by_hand::SERVICE_UNTAGGED.is_done_to(&world, arn, service));
    };
    let tag = |arn: &str, service: &Item| {
        let tags = json!([{"key": TAG_OWNER, "value": service.tags[TAG_OWNER]}]);
        let input = json!({"resourceArn": arn, "tags": tags});
        let tagged = world.account().perform(Service::Ecs, "TagResource", input);
        assert!(tagged.is_ok(), "{tagged:?}");
    };
    let stack = world.with_service("app", &web());
    let (web_arn, web_service) = ecs_service(&world, "web").unwrap();
    untag(&web_arn, &web_service);
    let replaced = stack.deploy_now(Template::of(&web().named("api")));
    assert_eq!(replaced.status, UpdateComplete);
    assert!(ecs_service(&world, "web").is_some());
    tag(&web_arn, &web_service);
    let (api_arn, api_service) = ecs_service(&world, "api").unwrap();
    untag(&api_arn, &api_service);
    assert_eq!(stack.delete_now().status, DeleteFailed);
    assert_eq!(ecs_service(&world, "web"), None);
    assert!(ecs_service(&world, "api").is_some());
    tag(&api_arn, &api_service);
    assert_eq!(stack.delete_now().status, DeleteComplete);
    world.settle();
    let after = world.inventory().without_what_stays();
    assert_eq!(before.diff(&after), Vec::<String>::new());
}

#[test]
fn case_44_a_delete_leaves_a_record_that_leads_to_somebody_else() {
    let world = World::new();
    let stack = world.with_service("app", &web());
    let inventory = world.inventory();
    let mut records = inventory.of(Kind::RecordSet);
    let (id, record) = records.find(|(id, _)| id.starts_with("web.")).unwrap();
    let mut theirs = record.description.clone();
    theirs["AliasTarget"]["DNSName"] = json!("dualstack.theirs-1.eu-west-1.elb.amazonaws.com.");
    change_record(&world, "UPSERT", &theirs);
    world.remember_as_foreign(Kind::RecordSet, id);
    let outcome = stack.delete_now();
    assert_eq!(outcome.status, DeleteComplete, "{}", outcome.last().reason);
    world.settle();
    let left = world.inventory();
    let (_, record) = left
        .of(Kind::RecordSet)
        .find(|(left, _)| *left == id)
        .unwrap();
    assert_eq!(record.description["AliasTarget"], theirs["AliasTarget"]);
}

/// The service `web` is made to scale, and has an alarm, by somebody.
fn scale_and_watch(world: &World) {
    let perform = |service: Service, operation: &str, input: Value| {
        let answer = world.account().perform(service, operation, input);
        answer.unwrap_or_else(|refusal| panic!("{operation}: {refusal:?}"))
    };
    let target = json!({
        "ServiceNamespace": "ecs", "ResourceId": "service/default/web",
        "ScalableDimension": "ecs:service:DesiredCount", "MinCapacity": 1, "MaxCapacity": 7,
    });
    perform(
        Service::ApplicationAutoScaling,
        "RegisterScalableTarget",
        target,
    );
    let alarm = json!({
        "AlarmName": "web-rollback", "Namespace": "AWS/ECS", "MetricName": "CPUUtilization",
        "Statistic": "Average", "Period": 60, "EvaluationPeriods": 1, "Threshold": 90.0,
        "ComparisonOperator": "GreaterThanThreshold",
    });
    perform(Service::CloudWatch, "PutMetricAlarm", alarm);
}

/// Somebody has deleted the service and made one of his own under its name.
#[test]
fn case_44_a_delete_leaves_a_service_of_the_same_name_with_its_target_and_its_alarm() {
    let world = World::new();
    let stack = world.with_service("app", &web());
    let inventory = world.inventory();
    let (_, group) = of_a_service(&inventory, Kind::TargetGroup).unwrap();
    let owner = group.tags[TAG_OWNER].clone();
    by_hand::SERVICE_DELETED.happen(&world, "web");
    world.block_on(world.sleep_s(180));
    let service = create::foreign_service(&world);
    scale_and_watch(&world);
    world.block_on(world.sleep_s(300));
    let before = world.inventory();
    let theirs: Vec<(Kind, String)> = before
        .items
        .iter()
        .filter(|((kind, _), item)| match kind {
            Kind::TaskDefinition | Kind::TargetGroup => item.name.starts_with("theirs"),
            Kind::ListenerRule => item.name.ends_with(" 50"),
            Kind::EcsService => item.description["serviceArn"] == service.as_str(),
            Kind::ScalableTarget => item.name == "service/default/web",
            Kind::MetricAlarm => item.name == "web-rollback",
            _ => false,
        })
        .map(|(key, _)| key.clone())
        .collect();
    assert_eq!(theirs.len(), 7, "{theirs:?}");
    for (kind, id) in &theirs {
        world.remember_as_foreign(*kind, id);
    }
    let outcome = stack.delete_now();
    assert_eq!(outcome.status, DeleteComplete, "{}", outcome.last().reason);
    world.settle();
    let left = world.inventory();
    // Nothing reaches his tasks, so ECS goes on starting others: of the service it counts what it was made with.
    let made_with = |inventory: &Inventory, key: &(Kind, String)| {
        let mut item = inventory.items[key].clone();
        if key.0 == Kind::EcsService {
            let members = ["status", "taskDefinition", "desiredCount", "loadBalancers"];
            let described = members.map(|member| item.description[member].clone());
            item.description = described.to_vec().into();
        }
        item
    };
    for key in &theirs {
        assert_eq!(made_with(&left, key), made_with(&before, key), "{key:?}");
    }
    // Of ours nothing is left.
    let groups = left.of(Kind::TargetGroup);
    let ours = groups.filter(|(_, group)| group.tags.get(TAG_OWNER) == Some(&owner));
    assert_eq!(ours.count(), 0);
}

/// Somebody's network interface has the security group of the only service, beside its tasks'.
fn use_security_group(world: &World) -> String {
    let inventory = world.inventory();
    let (group, _) = of_a_service(&inventory, Kind::SecurityGroup).unwrap();
    let interfaces = &mut world.account().cloud().ec2.network_interfaces;
    let mut interface = interfaces.values().next().unwrap().clone();
    interface.id = "eni-0123456789abcdef0".to_owned();
    interface.group_ids = vec![group.to_owned()];
    let id = interface.id.clone();
    interfaces.insert(id.clone(), interface);
    id
}

fn stop_using(world: &World, interface: &str) {
    let interfaces = &mut world.account().cloud().ec2.network_interfaces;
    assert!(interfaces.remove(interface).is_some());
}

#[test]
fn case_47_a_delete_waits_minutes_for_interfaces_that_keep_the_security_group() {
    for minutes in [4, 15] {
        let world = World::new();
        let before = world.inventory().without_what_stays();
        let stack = world.with_service("app", &web());
        let interface = use_security_group(&world);
        let later = world.clone();
        world.spawn(async move {
            later.sleep_s(minutes * 60).await;
            stop_using(&later, &interface);
        });
        let outcome = stack.delete_now();
        let (seconds, reason) = (outcome.last().seconds(), &outcome.last().reason);
        assert_eq!(outcome.status, DeleteComplete, "{reason}");
        assert!(
            (minutes * 60..=minutes * 60 + 60).contains(&seconds),
            "{seconds} s"
        );
        world.settle();
        let after = world.inventory().without_what_stays();
        assert_eq!(before.diff(&after), Vec::<String>::new());
    }
}

#[test]
fn case_47_interfaces_that_stay_are_named_before_the_time_is_up() {
    let world = World::new();
    let before = world.inventory().without_what_stays();
    let stack = world.with_service("app", &web().service_timeout(1_800));
    let interface = use_security_group(&world);
    let outcome = stack.delete_now();
    assert_eq!(outcome.status, DeleteFailed);
    let failed = outcome.last().clone();
    assert!(failed.seconds() < 1_800, "{} s", failed.seconds());
    let reason = &failed.reason;
    assert!(
        reason.contains("DeleteSecurityGroup") && reason.contains("DependencyViolation"),
        "{reason}"
    );
    world.settle();
    stop_using(&world, &interface);
    let deleted = world.block_on(stack.delete_again(failed)).unwrap();
    assert!(deleted.is_success(), "{}", deleted.reason);
    world.settle();
    let after = world.inventory().without_what_stays();
    assert_eq!(before.diff(&after), Vec::<String>::new());
}

#[test]
fn case_48_a_deregistration_delay_of_half_an_hour_does_not_outlast_the_service_timeout() {
    let world = World::new();
    let stack = world.with_service("app", &web());
    let inventory = world.inventory();
    for (id, _) in inventory.of(Kind::TargetGroup) {
        let delay = json!({"Key": "deregistration_delay.timeout_seconds", "Value": "1800"});
        let input = json!({"TargetGroupArn": id, "Attributes": [delay]});
        let elb = Service::ElasticLoadBalancing;
        world
            .account()
            .perform(elb, "ModifyTargetGroupAttributes", input)
            .unwrap();
    }
    let outcome = stack.delete_now();
    assert_eq!(outcome.status, DeleteComplete, "{}", outcome.last().reason);
    assert!(outcome.last().seconds() < 3_600);
}

#[test]
fn case_52_a_load_balancer_that_is_protected_is_kept_and_named_and_the_service_goes() {
    let world = World::new();
    let stack = world.with_service("app", &web());
    let inventory = world.inventory();
    let (balancer, _) = inventory.of(Kind::LoadBalancer).next().unwrap();
    let protection = json!({"Key": "deletion_protection.enabled", "Value": "true"});
    world
        .account()
        .perform(
            Service::ElasticLoadBalancing,
            "ModifyLoadBalancerAttributes",
            json!({"LoadBalancerArn": balancer, "Attributes": [protection]}),
        )
        .unwrap();
    assert_eq!(stack.delete_now().status, DeleteComplete);
    world.settle();
    let left = world.inventory();
    assert_eq!(
        left.of(Kind::EcsService)
            .filter(|(_, item)| item.description["status"] == "ACTIVE")
            .count(),
        0
    );
    let balancers: Vec<&str> = left.of(Kind::LoadBalancer).map(|(id, _)| id).collect();
    assert_eq!(balancers, [balancer]);
    let logs = world.logs().text();
    assert!(logs.contains("pool.kept") && logs.contains("deletion protection is on"));
    // It takes the next service.
    let _next = world.with_service("next", &web());
    let left = world.inventory();
    let balancers: Vec<&str> = left.of(Kind::LoadBalancer).map(|(id, _)| id).collect();
    assert_eq!(balancers, [balancer]);
}
