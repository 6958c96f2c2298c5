//! AWS's token buckets: how many calls an account may make, and what happens beyond.
//!
//! Off unless [`crate::LocalAws::throttle`] turns it on. A call draws from every bucket that it belongs to, or,
//! if one of them is empty, from none, and is refused with its service's throttling code. Buckets refill
//! evenly with the simulated time. A call that AWS documents no bucket for is never refused here. What a
//! service does on its own (ECS registering targets) draws from nothing, as on AWS.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html>,
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/userguide/elb-api-throttling.html>,
//! <https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html>,
//! <https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html>,
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html>,
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html>,
//! <https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html>

mod limits;

use std::collections::BTreeMap;

use crate::wire::Call;

/// Tokens of one bucket.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Limit {
    capacity: f64,
    refill_per_s: f64,
}

/// What a call takes from one bucket.
#[derive(Clone, Debug, PartialEq)]
struct Draw {
    /// Names the bucket.
    bucket: String,
    limit: Limit,
    tokens: f64,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: f64,
    filled_ms: u64,
}

/// The buckets of the account.
#[derive(Clone, Debug, Default)]
pub(crate) struct Throttle {
    enabled: bool,
    buckets: BTreeMap<String, Bucket>,
    refused: BTreeMap<String, u64>,
}

impl Throttle {
    /// Turns the buckets on, all full, or off.
    pub(crate) fn enable(&mut self, enabled: bool) {
        self.enabled = enabled;
        self.buckets.clear();
    }

    /// How many calls were refused, by name: `ecs:RegisterTaskDefinition`.
    pub(crate) const fn refused(&self) -> &BTreeMap<String, u64> {
        &self.refused
    }

    /// Takes the call's tokens; false, and nothing taken, when some are missing.
    pub(crate) fn admit(&mut self, now_ms: u64, call: &Call) -> bool {
        if !self.enabled {
            return true;
        }
        let draws = limits::draws(call);
        let admitted = draws
            .iter()
            .all(|draw| self.tokens(now_ms, draw) >= draw.tokens);
        if admitted {
            for draw in draws {
                let tokens = self.tokens(now_ms, &draw) - draw.tokens;
                let filled_ms = now_ms;
                let left = Bucket { tokens, filled_ms };
                self.buckets.insert(draw.bucket, left);
            }
        } else {
            *self.refused.entry(call.name()).or_default() += 1;
        }
        admitted
    }

    /// What is in a bucket now.
    #[expect(
        clippy::cast_precision_loss,
        reason = "milliseconds between two calls stay exact in an f64 for 285,000 years"
    )]
    fn tokens(&self, now_ms: u64, draw: &Draw) -> f64 {
        let Limit {
            capacity,
            refill_per_s,
        } = draw.limit;
        let Some(bucket) = self.buckets.get(&draw.bucket) else {
            return capacity;
        };
        let elapsed_s = now_ms.saturating_sub(bucket.filled_ms) as f64 / 1000.0;
        (bucket.tokens + elapsed_s * refill_per_s).min(capacity)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Throttle;
    use crate::wire::{Call, Protocol, Service};

    fn call(service: Service, operation: &str, input: Value) -> Call {
        Call {
            service,
            protocol: Protocol::Query,
            operation: operation.to_owned(),
            input,
        }
    }

    fn plain(service: Service, operation: &str) -> Call {
        call(service, operation, json!({}))
    }

    /// How many of `count` calls at once are admitted.
    fn admitted(throttle: &mut Throttle, now_ms: u64, call: &Call, count: usize) -> usize {
        (0..count).filter(|_| throttle.admit(now_ms, call)).count()
    }

    fn enabled() -> Throttle {
        let mut throttle = Throttle::default();
        throttle.enable(true);
        throttle
    }

    #[test]
    fn nothing_is_refused_until_asked_for() {
        let register = plain(Service::Ecs, "RegisterTaskDefinition");
        assert_eq!(admitted(&mut Throttle::default(), 0, &register, 1000), 1000);
    }

    #[test]
    fn a_bucket_holds_its_burst_and_refills_with_time() {
        use Service::{CloudWatch, Ec2, Ecs, ElasticLoadBalancing, Route53};
        for (service, operation, burst, in_ten_seconds) in [
            (Ecs, "RegisterTaskDefinition", 20, 10),
            (Ecs, "CreateService", 50, 50),
            (Ecs, "DescribeServices", 100, 100),
            (Ecs, "DescribeServiceDeployments", 50, 50),
            (ElasticLoadBalancing, "DescribeRules", 40, 40),
            (ElasticLoadBalancing, "CreateRule", 20, 20),
            (ElasticLoadBalancing, "CreateLoadBalancer", 10, 2),
            (ElasticLoadBalancing, "RegisterTargets", 20, 20),
            (Ec2, "CreateSecurityGroup", 50, 50),
            (Ec2, "DescribeSubnets", 100, 100),
            (Ec2, "DescribeSecurityGroups", 50, 50),
            (Ec2, "CreateTags", 100, 100),
            (Route53, "GetChange", 50, 50),
            (Route53, "CreateHostedZone", 40, 20),
            (CloudWatch, "PutMetricAlarm", 3, 3),
        ] {
            let (mut throttle, call) = (enabled(), plain(service, operation));
            assert_eq!(admitted(&mut throttle, 0, &call, 200), burst, "{operation}");
            assert_eq!(
                admitted(&mut throttle, 10_000, &call, 200),
                in_ten_seconds,
                "{operation} after ten seconds"
            );
        }
    }

    #[test]
    fn operations_of_one_category_share_its_bucket_and_others_do_not() {
        let mut throttle = enabled();
        let register = plain(Service::Ecs, "RegisterTaskDefinition");
        assert_eq!(admitted(&mut throttle, 0, &register, 21), 20);
        assert!(!throttle.admit(0, &plain(Service::Ecs, "DeregisterTaskDefinition")));
        assert!(throttle.admit(0, &plain(Service::Ecs, "DescribeTaskDefinition")));
        assert_eq!(throttle.refused()["ecs:RegisterTaskDefinition"], 1);
        assert_eq!(throttle.refused()["ecs:DeregisterTaskDefinition"], 1);
    }

    #[test]
    fn the_account_has_a_bucket_of_its_own_beside_the_categories() {
        let mut throttle = enabled();
        let elb = Service::ElasticLoadBalancing;
        assert_eq!(
            admitted(&mut throttle, 0, &plain(elb, "CreateRule"), 30),
            20
        );
        assert_eq!(
            admitted(&mut throttle, 0, &plain(elb, "DescribeRules"), 30),
            20
        );
    }

    #[test]
    fn a_refused_call_takes_nothing() {
        let mut throttle = enabled();
        let elb = Service::ElasticLoadBalancing;
        assert_eq!(
            admitted(&mut throttle, 0, &plain(elb, "CreateRule"), 1000),
            20
        );
        assert_eq!(
            admitted(&mut throttle, 0, &plain(elb, "DescribeRules"), 1000),
            20
        );
    }

    #[test]
    fn a_filter_gives_ec2_s_larger_bucket() {
        let filters = [
            json!({"Filter": [{"Name": "vpc-id", "Value": ["v"]}]}),
            json!({"MaxResults": "5"}),
        ];
        for filter in filters {
            let filtered = call(Service::Ec2, "DescribeSecurityGroups", filter);
            assert_eq!(admitted(&mut enabled(), 0, &filtered, 200), 100);
        }
    }

    #[test]
    fn an_upsert_counts_as_two_changes() {
        let batch = |action: &str, count: usize| {
            let changes: Vec<Value> = (0..count).map(|_| json!({ "Action": action })).collect();
            let body = json!({"ChangeBatch": {"Changes": {"Change": changes}}});
            call(
                Service::Route53,
                "ChangeResourceRecordSets",
                json!({ "body": body }),
            )
        };
        assert_eq!(admitted(&mut enabled(), 0, &batch("CREATE", 500), 10), 3);
        assert_eq!(admitted(&mut enabled(), 0, &batch("UPSERT", 500), 10), 1);
        let mut throttle = enabled();
        let upsert = batch("UPSERT", 1);
        assert_eq!(admitted(&mut throttle, 0, &upsert, 100), 50);
        assert_eq!(admitted(&mut throttle, 1_000, &upsert, 100), 10);
    }

    #[test]
    fn turning_it_on_again_fills_the_buckets() {
        let mut throttle = enabled();
        let register = plain(Service::Ecs, "RegisterTaskDefinition");
        assert_eq!(admitted(&mut throttle, 0, &register, 21), 20);
        throttle.enable(true);
        assert_eq!(admitted(&mut throttle, 0, &register, 21), 20);
    }
}
