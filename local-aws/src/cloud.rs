//! The simulated account: the state of every service, and the passing of time.

use serde_json::Value;

use crate::random::Random;
use crate::wire::{Call, Input, Refusal, Service};
use crate::{
    acm, autoscaling, cloudwatch, ec2, ecs, elbv2, kms, logs, response_sink, route53, sfn, sts,
    wafv2,
};

/// What an operation answers: its output, or AWS's refusal.
pub type Outcome = Result<Value, Refusal>;

/// The account, region and partition of every ARN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Twelve digits.
    pub id: String,
    /// For example `eu-west-1`.
    pub region: String,
    /// `aws`, `aws-cn` or `aws-us-gov`.
    pub partition: String,
}

impl Account {
    /// `arn:<partition>:<service>:<region>:<account>:<resource>`.
    #[must_use]
    pub fn arn(&self, service: &str, resource: &str) -> String {
        let Self {
            id,
            region,
            partition,
        } = self;
        format!("arn:{partition}:{service}:{region}:{id}:{resource}")
    }
}

/// Every service's state. One service may read and change another's: ECS registers targets and
/// moves the weights of listener rules, load balancers hold network interfaces.
#[derive(Clone, Debug)]
pub struct Cloud {
    /// Whose resources these are.
    pub account: Account,
    /// Milliseconds since the epoch; the time up to which everything has happened.
    pub now_ms: u64,
    /// Generated identifiers.
    pub random: Random,
    /// EC2.
    pub ec2: ec2::State,
    /// Elastic Load Balancing.
    pub elbv2: elbv2::State,
    /// ECS.
    pub ecs: ecs::State,
    /// Application Auto Scaling.
    pub autoscaling: autoscaling::State,
    /// CloudWatch.
    pub cloudwatch: cloudwatch::State,
    /// CloudWatch Logs.
    pub logs: logs::State,
    /// ACM.
    pub acm: acm::State,
    /// Route 53.
    pub route53: route53::State,
    /// WAFv2.
    pub wafv2: wafv2::State,
    /// Key Management Service.
    pub kms: kms::State,
    /// Step Functions.
    pub sfn: sfn::State,
    /// Where answers to CloudFormation arrive.
    pub response_sink: response_sink::State,
}

impl Cloud {
    pub(crate) fn new(account: Account, now_ms: u64, random: Random) -> Self {
        let mut cloud = Self {
            account,
            now_ms,
            random,
            ec2: ec2::State::default(),
            elbv2: elbv2::State::default(),
            ecs: ecs::State::default(),
            autoscaling: autoscaling::State::default(),
            cloudwatch: cloudwatch::State::default(),
            logs: logs::State::default(),
            acm: acm::State::default(),
            route53: route53::State::default(),
            wafv2: wafv2::State::default(),
            kms: kms::State::default(),
            sfn: sfn::State::default(),
            response_sink: response_sink::State::default(),
        };
        ec2::create_default_vpc(&mut cloud);
        cloud
    }

    /// Lets everything happen that is due by `now_ms`, in order of time.
    pub(crate) fn advance_to(&mut self, now_ms: u64) {
        while let Some(due_ms) = self.next_due_ms().filter(|due_ms| *due_ms <= now_ms) {
            self.now_ms = self.now_ms.max(due_ms);
            self.happen();
        }
        self.now_ms = self.now_ms.max(now_ms);
    }

    /// When the next thing happens by itself. Each engine must move its own due time forward when
    /// `happen` is called, or time would stand still.
    fn next_due_ms(&self) -> Option<u64> {
        [
            ec2::next_due_ms(&self.ec2),
            elbv2::next_due_ms(&self.elbv2),
            ecs::next_due_ms(&self.ecs),
            autoscaling::next_due_ms(&self.autoscaling),
            cloudwatch::next_due_ms(&self.cloudwatch),
            acm::next_due_ms(&self.acm),
            route53::next_due_ms(&self.route53),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    fn happen(&mut self) {
        ec2::happen(self);
        elbv2::happen(self);
        ecs::happen(self);
        autoscaling::happen(self);
        cloudwatch::happen(self);
        acm::happen(self);
        route53::happen(self);
    }

    pub(crate) fn call(&mut self, call: &Call) -> Outcome {
        let input = Input::new(&call.input);
        match call.service {
            Service::Ec2 => ec2::call(self, &call.operation, input),
            Service::ElasticLoadBalancing => elbv2::call(self, &call.operation, input),
            Service::Ecs => ecs::call(self, &call.operation, input),
            Service::ApplicationAutoScaling => autoscaling::call(self, &call.operation, input),
            Service::CloudWatch => cloudwatch::call(self, &call.operation, input),
            Service::Logs => logs::call(self, &call.operation, input),
            Service::Acm => acm::call(self, &call.operation, input),
            Service::Route53 => route53::call(self, &call.operation, input),
            Service::Wafv2 => wafv2::call(self, &call.operation, input),
            Service::Kms => kms::call(self, &call.operation, input),
            Service::StepFunctions => sfn::call(self, &call.operation, input),
            Service::Sts => sts::call(self, &call.operation, input),
            Service::ResponseSink => response_sink::call(self, &call.operation, input),
            Service::DynamoDb => Err(Refusal::internal("DynamoDB is answered outside the cloud")),
        }
    }
}

#[cfg(test)]
impl Cloud {
    /// An empty account at the first second of 2026, for unit tests.
    pub(crate) fn for_tests() -> Self {
        let account = Account {
            id: "123456789012".to_owned(),
            region: "eu-west-1".to_owned(),
            partition: "aws".to_owned(),
        };
        Self::new(account, 1_767_225_600_000, Random::seeded(1))
    }
}
