//! The rollback alarm's metric maths against the plain calculation that it stands for, over random traffic.

use std::collections::BTreeMap;
use std::time::Duration;

use express_core::resources::Tags;
use express_core::resources::metric_alarm::{
    AlarmActions, AlarmQuery, AlarmRule, AlarmSource, MetricAlarmSpec, PERIOD_S, Watched,
};
use local_aws::clock::{Clock, VirtualClock};
use local_aws::cloudwatch::{AlarmState, Metric, alarm_state, report};
use local_aws::random::Random;
use local_aws::wire::Service;
use local_aws::{Account, LocalAws, Settings};
use provider_schema::Percent;
use serde_json::{Value, json};

const MINUTE_MS: u64 = 60_000;
const CASES: u64 = 400;
const MINUTES: u64 = 12;
const GROUPS: [&str; 2] = ["targetgroup/a/1", "targetgroup/b/2"];
const LOAD_BALANCER: &str = "app/express/1";

/// What came to one group in one minute: requests, and among them answers of 4xx and of 5xx.
#[derive(Clone, Copy, Debug, Default)]
struct Minute {
    requests: u64,
    refused: u64,
    failed: u64,
}

fn random_rule(random: &mut Random) -> AlarmRule {
    let evaluation_periods = u32::try_from(1 + random.below(4)).unwrap();
    AlarmRule {
        error_rate: Percent::from_tenths(u16::try_from(random.below(300)).unwrap()),
        requests_min: u32::try_from(1 + random.below(40)).unwrap(),
        counts_4xx: random.below(2) == 1,
        evaluation_periods,
        datapoints_to_alarm: u32::try_from(1 + random.below(u64::from(evaluation_periods)))
            .unwrap(),
    }
}

/// Often silent, often near the least number of requests, sometimes much.
fn random_minute(random: &mut Random) -> Minute {
    let requests = match random.below(4) {
        0 => 0,
        1 | 2 => random.below(60),
        _ => random.below(5_000),
    };
    let failed = random.below(requests / 4 + 1);
    Minute {
        requests,
        refused: random.below((requests - failed) / 4 + 1),
        failed,
    }
}

/// Whether a minute has too many errors, over the groups that are looked at.
fn is_bad(rule: &AlarmRule, minutes: &[Minute]) -> bool {
    let sum = |of: fn(&Minute) -> u64| minutes.iter().map(of).sum::<u64>();
    let requests = sum(|minute| minute.requests);
    let refused = if rule.counts_4xx {
        sum(|minute| minute.refused)
    } else {
        0
    };
    let errors = sum(|minute| minute.failed) + refused;
    // errors / requests > tenths / 1000, without a fraction.
    requests >= u64::from(rule.requests_min)
        && errors * 1_000 > u64::from(rule.error_rate.tenths()) * requests
}

fn put(account: &LocalAws, spec: &MetricAlarmSpec) {
    let metrics: Vec<Value> = spec
        .queries()
        .into_iter()
        .map(|AlarmQuery { id, source }| match source {
            AlarmSource::Expression(text) => {
                json!({"Id": id, "Expression": text, "ReturnData": true})
            }
            AlarmSource::Sum {
                metric,
                target_group,
            } => json!({"Id": id, "ReturnData": false, "MetricStat": {
                "Metric": {"Namespace": "AWS/ApplicationELB", "MetricName": metric, "Dimensions": [
                    {"Name": "LoadBalancer", "Value": LOAD_BALANCER},
                    {"Name": "TargetGroup", "Value": target_group},
                ]},
                "Period": PERIOD_S, "Stat": "Sum",
            }}),
        })
        .collect();
    let rule = &spec.rule;
    let alarm = json!({
        "AlarmName": spec.name, "Metrics": metrics, "Threshold": rule.error_rate.to_f64(),
        "ComparisonOperator": "GreaterThanThreshold", "TreatMissingData": "notBreaching",
        "EvaluationPeriods": rule.evaluation_periods, "DatapointsToAlarm": rule.datapoints_to_alarm,
    });
    account
        .perform(Service::CloudWatch, "PutMetricAlarm", alarm)
        .unwrap();
}

fn count(account: &LocalAws, group: &str, name: &str, number: u64) {
    if number == 0 {
        // ELB reports nothing where nothing was.
        return;
    }
    let metric = Metric {
        namespace: "AWS/ApplicationELB".to_owned(),
        name: name.to_owned(),
        dimensions: BTreeMap::from([
            ("LoadBalancer".to_owned(), LOAD_BALANCER.to_owned()),
            ("TargetGroup".to_owned(), group.to_owned()),
        ]),
    };
    let mut cloud = account.cloud();
    let at_ms = cloud.now_ms;
    let number = f64::from(u32::try_from(number).unwrap());
    report(&mut cloud, &metric, at_ms, number);
}

#[test]
fn the_alarm_says_what_a_plain_calculation_says_over_random_traffic() {
    let mut random = Random::seeded(10);
    let mut alarms = 0;
    for case in 0..CASES {
        let clock = VirtualClock::starting_at(1_767_225_600_000);
        let account = LocalAws::new(Settings {
            account: Account {
                id: "123456789012".to_owned(),
                region: "eu-west-1".to_owned(),
                partition: "aws".to_owned(),
            },
            clock: Clock::Virtual(clock.clone()),
            seed: case,
        });
        let rule = random_rule(&mut random);
        let watches_both = random.below(2) == 1;
        let [a, b] = GROUPS.map(str::to_owned);
        let spec = MetricAlarmSpec {
            name: "rollback".to_owned(),
            arn: String::new(),
            load_balancer: LOAD_BALANCER.to_owned(),
            watched: if watches_both {
                Watched::Both(a, b)
            } else {
                Watched::One(a)
            },
            rule,
            actions: AlarmActions::default(),
            tags: Tags::new(),
        };
        put(&account, &spec);
        let watched = if watches_both { 2 } else { 1 };
        let mut bad = Vec::new();
        for minute in 0..MINUTES {
            let came = [random_minute(&mut random), random_minute(&mut random)];
            for (group, came) in GROUPS.iter().zip(came) {
                count(&account, group, "RequestCount", came.requests);
                count(&account, group, "HTTPCode_Target_4XX_Count", came.refused);
                count(&account, group, "HTTPCode_Target_5XX_Count", came.failed);
            }
            clock.advance_by(Duration::from_millis(MINUTE_MS));
            bad.push(is_bad(&rule, &came[..watched]));
            let looked_at = bad.iter().rev().take(rule.evaluation_periods as usize);
            let breaching = looked_at.filter(|is_bad| **is_bad).count();
            let expected = if breaching >= rule.datapoints_to_alarm as usize {
                alarms += 1;
                AlarmState::Alarm
            } else {
                AlarmState::Ok
            };
            let said = alarm_state(&account.cloud(), "rollback");
            assert_eq!(
                said,
                Some(expected),
                "case {case}, minute {minute}: {rule:?} {came:?} {bad:?}"
            );
        }
    }
    assert!(alarms > 500, "the traffic is often bad enough: {alarms}");
}
