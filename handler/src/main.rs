//! The Lambda function's process: reads the environment, builds the clients, serves invocations.
//!
//! Kept small: all of it runs before the first event is asked for, and a cold start is waited for by
//! people. One thread is enough, since Lambda sends one invocation at a time.
//!
//! A panic is a bug and must still be answered (case 1): the release build unwinds, and
//! [`express_handler::serve`] turns a panic into an answer or an error of this one invocation.

use std::process::ExitCode;
use std::time::Duration;

use aws_config::BehaviorVersion;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::{HttpConnectorSettings, SharedHttpConnector};
use express_handler::aws::{AwsClients, CONNECT_TIMEOUT};
use express_handler::clock::Clock;
use express_handler::cloudformation::respond::RESPONSE_TRY_TIMEOUT_MS;
use express_handler::error::chain;
use express_handler::settings::Settings;
use express_handler::{Invocation, Process, Runtime, telemetry};
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::Value;

/// TLS by ring: the other choice adds 4 MB and 50 ms of start-up.
const TLS: Provider = Provider::Rustls(CryptoMode::Ring);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    telemetry::start(std::env::var(telemetry::LOG_LEVEL_VARIABLE).ok().as_deref());
    let process = &process().await;
    let service = service_fn(move |event: LambdaEvent<Value>| async move {
        let LambdaEvent { payload, context } = event;
        let invocation = Invocation {
            function_arn: context.invoked_function_arn.clone(),
            log_stream: context.env_config.log_stream.clone(),
        };
        // The Lambda runtime prints what is returned, so it gets the redacted text and not the error.
        express_handler::serve(process, &invocation, payload)
            .await
            .map_err(|error| chain(&error).to_string())
    });
    match lambda_runtime::run(service).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(event = "runtime.ended", error = %chain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

/// What invocations need. A malformed environment does not end the process: requests would then hang until
/// CloudFormation gives up, instead of failing with the cause.
async fn process() -> Process {
    let clock = Clock::system();
    let connector = SharedHttpConnector::new(
        Connector::builder()
            .connector_settings(
                HttpConnectorSettings::builder()
                    .connect_timeout(CONNECT_TIMEOUT)
                    .read_timeout(Duration::from_millis(RESPONSE_TRY_TIMEOUT_MS))
                    .build(),
            )
            .sleep_impl(clock.async_sleep())
            .tls_provider(TLS)
            .build(),
    );
    match Settings::from_environment(|name| std::env::var(name).ok()) {
        Ok(settings) => {
            let config = aws_config::defaults(BehaviorVersion::latest())
                .http_client(Builder::new().tls_provider(TLS).build_https())
                .time_source(clock.time_source())
                .sleep_impl(clock.async_sleep())
                .load()
                .await;
            Process::Ready(Box::new(Runtime {
                aws: AwsClients::new(&config),
                settings,
                clock,
                connector,
            }))
        }
        Err(error) => {
            tracing::error!(event = "settings.invalid", error = %chain(&error));
            Process::Misconfigured {
                error,
                clock,
                connector,
            }
        }
    }
}
