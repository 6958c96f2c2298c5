//! The SDK clients, and how long one call may take.
//!
//! Concrete clients, no trait per service: a test swaps the SDK's own HTTP client. The
//! limits are set here, whatever the caller's configuration says, because an attempt's safety depends on
//! them: a call that outlives its attempt could change something after a successor has looked.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;

pub mod error;

/// One call with all its retries. An attempt's work budget is 40 s and the function's timeout 60 s, so a
/// call that starts at the end of the budget still ends well inside the attempt.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// One try of one call, from the connection to the last byte of the answer. Leaves room for a second.
pub const TRY_TIMEOUT: Duration = Duration::from_secs(5);

/// Opening one connection, TLS included. Inside a region this takes milliseconds.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Tries of one call, the first included. The SDK spends them on throttling, timeouts and 5xx only.
///
/// AWS: <https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html>
pub const TRIES_MAX: u32 = 4;

/// The wait before the second try is at most this; it doubles with each further one, up to
/// [`BACKOFF_MAX`]. Shorter than the SDK's second, because [`CALL_TIMEOUT`] is short: longer throttling is
/// for the waiter, not for a call.
pub const BACKOFF_FIRST: Duration = Duration::from_millis(200);

/// The longest wait between two tries.
pub const BACKOFF_MAX: Duration = Duration::from_secs(2);

/// One client per AWS service that the handler calls, built once per process.
#[derive(Debug, Clone)]
pub struct AwsClients {
    /// Amazon ECS.
    pub ecs: aws_sdk_ecs::Client,
    /// Elastic Load Balancing, version 2.
    pub elbv2: aws_sdk_elasticloadbalancingv2::Client,
    /// Amazon EC2: subnets, route tables, security groups.
    pub ec2: aws_sdk_ec2::Client,
    /// Application Auto Scaling.
    pub autoscaling: aws_sdk_applicationautoscaling::Client,
    /// CloudWatch alarms.
    pub cloudwatch: aws_sdk_cloudwatch::Client,
    /// CloudWatch Logs.
    pub logs: aws_sdk_cloudwatchlogs::Client,
    /// The ledger's table.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// Alias records.
    pub route53: aws_sdk_route53::Client,
    /// The waiter's state machine.
    pub sfn: aws_sdk_sfn::Client,
    /// The key that seals what the ledger keeps of an open operation.
    pub kms: aws_sdk_kms::Client,
}

impl AwsClients {
    /// Clients with `config`'s region, credentials, HTTP client and endpoints, and this file's limits.
    #[must_use]
    pub fn new(config: &SdkConfig) -> Self {
        let config = config
            .to_builder()
            .timeout_config(
                TimeoutConfig::builder()
                    .operation_timeout(CALL_TIMEOUT)
                    .operation_attempt_timeout(TRY_TIMEOUT)
                    .connect_timeout(CONNECT_TIMEOUT)
                    .build(),
            )
            .retry_config(
                RetryConfig::standard()
                    .with_max_attempts(TRIES_MAX)
                    .with_initial_backoff(BACKOFF_FIRST)
                    .with_max_backoff(BACKOFF_MAX),
            )
            .build();
        Self {
            ecs: aws_sdk_ecs::Client::new(&config),
            elbv2: aws_sdk_elasticloadbalancingv2::Client::new(&config),
            ec2: aws_sdk_ec2::Client::new(&config),
            autoscaling: aws_sdk_applicationautoscaling::Client::new(&config),
            cloudwatch: aws_sdk_cloudwatch::Client::new(&config),
            logs: aws_sdk_cloudwatchlogs::Client::new(&config),
            dynamodb: aws_sdk_dynamodb::Client::new(&config),
            route53: aws_sdk_route53::Client::new(&config),
            sfn: aws_sdk_sfn::Client::new(&config),
            kms: aws_sdk_kms::Client::new(&config),
        }
    }
}
