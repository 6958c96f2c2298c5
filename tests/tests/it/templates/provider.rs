//! `templates/provider.yaml` against the function that it installs.

use std::cell::RefCell;
use std::collections::BTreeSet;

use express_core::claim::ATTEMPT_LENGTH_S;
use express_handler::settings::{
    DOMAIN_NAME_BYTES_MAX, REGION, RESPONSE_HOSTS, SEEN_AFTER_SECONDS, Settings,
    WAITER_STATE_MACHINE_ARN,
};
use express_handler::waiter::SERVICE_TIMEOUT_SECONDS_DEFAULT;
use express_tests::lambda::{DELIVERY_PAUSES_S, FUNCTION_TIMEOUT_S};
use express_tests::world::provider::{ledger_attributes, ledger_key, ledger_time_to_live};
use serde_json::{Value, json};

use super::{many, properties, string, template};

/// The variables that the function asks its environment for.
fn asked_for() -> BTreeSet<String> {
    let asked = RefCell::new(BTreeSet::new());
    let settings = Settings::from_environment(|name| {
        asked.borrow_mut().insert(name.to_owned());
        None
    });
    assert!(settings.is_err());
    asked.into_inner()
}

#[test]
fn the_environment_is_what_the_function_reads() {
    let mut set: BTreeSet<String> = properties("Function")["Environment"]["Variables"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect();
    // Lambda sets the region. Unset, responses go to CloudFormation's own hosts only, and changes are looked at when AWS
    // shows them, which is what an installation wants.
    for other in [REGION, RESPONSE_HOSTS, SEEN_AFTER_SECONDS] {
        assert!(
            set.insert(other.to_owned()),
            "{other} is not the template's to set"
        );
    }
    assert_eq!(set, asked_for());
}

#[test]
fn the_function_starts_the_waiter_of_its_own_stack() {
    let waiter = properties("Waiter");
    let name = string(&waiter["StateMachineName"]["Fn::Sub"]);
    let arn = &properties("Function")["Environment"]["Variables"][WAITER_STATE_MACHINE_ARN];
    let end = format!(":${{AWS::AccountId}}:stateMachine:{name}");
    assert!(string(&arn["Fn::Sub"]).ends_with(&end), "{arn}");
}

#[test]
fn an_attempt_is_as_long_as_the_function_may_run() {
    let function = properties("Function");
    assert_eq!(function["Timeout"], ATTEMPT_LENGTH_S);
    assert_eq!(function["Timeout"], FUNCTION_TIMEOUT_S);
}

#[test]
fn lambda_delivers_an_event_as_often_as_the_driver_and_as_long_as_cloudformation_waits() {
    let config = properties("FunctionEventInvokeConfig");
    assert_eq!(config["MaximumRetryAttempts"], DELIVERY_PAUSES_S.len() - 1);
    assert_eq!(
        config["MaximumEventAgeInSeconds"],
        SERVICE_TIMEOUT_SECONDS_DEFAULT
    );
}

#[test]
fn the_domain_is_as_long_as_the_function_takes() {
    let template = template("templates/provider.yaml");
    assert_eq!(
        template["Parameters"]["DomainName"]["MaxLength"],
        DOMAIN_NAME_BYTES_MAX
    );
}

#[test]
fn the_ledger_is_the_table_that_the_tests_use() {
    let ledger = properties("Ledger");
    assert_eq!(ledger["AttributeDefinitions"], ledger_attributes());
    assert_eq!(ledger["KeySchema"], ledger_key());
    assert_eq!(ledger["TimeToLiveSpecification"], ledger_time_to_live());
}

/// The names in `Ref`, `Fn::GetAtt` and `Fn::Sub` anywhere in a value.
fn references(value: &Value) -> BTreeSet<String> {
    match value {
        Value::Array(items) => items.iter().flat_map(references).collect(),
        Value::Object(members) => members
            .iter()
            .flat_map(|(name, value)| match (name.as_str(), value) {
                ("Ref", Value::String(name)) => BTreeSet::from([name.clone()]),
                ("Fn::GetAtt", Value::String(attribute)) => {
                    BTreeSet::from([attribute.split('.').next().unwrap_or_default().to_owned()])
                }
                ("Fn::Sub", Value::String(text)) => text
                    .split("${")
                    .skip(1)
                    .filter_map(|rest| rest.split(['}', '.']).next())
                    .map(str::to_owned)
                    .collect(),
                _ => references(value),
            })
            .collect(),
        _ => BTreeSet::new(),
    }
}

#[test]
fn case_49_every_resource_of_the_provider_outlives_the_guard() {
    let template = template("templates/provider.yaml");
    let resources = template["Resources"].as_object().unwrap();
    let guard = &resources["Guard"];
    assert_eq!(guard["Type"], express_handler::guard::RESOURCE_TYPE);
    let mut outliving: BTreeSet<String> =
        many(&guard["DependsOn"]).into_iter().map(string).collect();
    outliving.extend(references(&guard["Properties"]));
    let others: BTreeSet<String> = resources
        .keys()
        .filter(|name| *name != "Guard")
        .cloned()
        .collect();
    let missing: Vec<_> = others.difference(&outliving).collect();
    assert!(
        missing.is_empty(),
        "deleted before the guard has agreed: {missing:?}"
    );
    for (name, resource) in resources {
        let depends = many(&resource["DependsOn"])
            .iter()
            .any(|other| **other == "Guard");
        assert!(
            !depends && !references(resource).contains("Guard"),
            "{name} waits for the guard"
        );
    }
    // DependsOn cannot name a resource that may be absent.
    for name in many(&guard["DependsOn"]) {
        assert_eq!(resources[&string(name)]["Condition"], Value::Null, "{name}");
    }
}

/// The guard sees another domain or zone only if they are among its properties.
#[test]
fn the_guard_knows_the_domain_that_the_function_has() {
    let function = &properties("Function")["Environment"]["Variables"];
    let guard = &properties("Guard");
    assert_eq!(guard["DomainName"], function["EXPRESS_DOMAIN_NAME"]);
    assert_eq!(
        guard["HostedZoneId"],
        function["EXPRESS_HOSTED_ZONE_ID"]["Fn::If"][1]
    );
    assert_eq!(guard["HostedZoneId"], json!({"Ref": "HostedZoneId"}));
}

#[test]
fn the_alarm_of_the_sweep_waits_for_the_line_that_the_function_writes() {
    let filter = &properties("SweepFindings");
    assert_eq!(filter["FilterPattern"], r#"{ $.event = "sweep.findings" }"#);
    assert_eq!(filter["LogGroupName"], json!({"Ref": "FunctionLogGroup"}));
    let metric = &filter["MetricTransformations"][0];
    let alarm = &properties("SweepFindingsAlarm");
    assert_eq!(metric["MetricNamespace"], alarm["Namespace"]);
    assert_eq!(metric["MetricName"], alarm["MetricName"]);
}

#[test]
fn what_services_may_still_need_is_kept_when_the_stack_goes() {
    let template = template("templates/provider.yaml");
    // A table that is protected from deletion would keep the rollback of a failed installation from ending.
    for (name, policy) in [
        ("Ledger", "Retain"),
        ("Certificate", "RetainExceptOnCreate"),
    ] {
        let resource = &template["Resources"][name];
        assert_eq!(resource["DeletionPolicy"], policy, "{name}");
        assert_eq!(resource["UpdateReplacePolicy"], "Retain", "{name}");
    }
    assert_eq!(
        template["Outputs"]["ServiceToken"]["Export"],
        json!({"Name": "express-service-token"})
    );
}
