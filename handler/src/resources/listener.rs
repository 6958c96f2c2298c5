//! Listeners: found, created, and given the provider's certificate; deleted only with their load balancer.
//!
//! Identity: load balancer and port. Repeat-safe: CreateListener with identical settings returns the
//! existing one; with others it is refused (`DuplicateListener`), and the one on this port is looked up.
//! AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateListener.html>,
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_ModifyListener.html>

use aws_sdk_elasticloadbalancingv2::types::{
    Action, ActionTypeEnum, Certificate, FixedResponseActionConfig, Listener, ProtocolEnum,
    RedirectActionConfig, RedirectActionStatusCodeEnum,
};
use express_core::resources::listener::{
    HTTP_PORT, HTTPS_PORT, ListenerRole, ListenerSpec, ObservedListener, SSL_POLICY,
};

use super::tags;
use crate::aws::AwsClients;
use crate::aws::error::answer::{PAGES_MAX, member, number, text, too_many_pages};
use crate::aws::error::{AwsError, aws_error};

const DESCRIBE: &str = "elasticloadbalancing:DescribeListeners";

/// What a host that no rule knows is answered: Express Mode's default action (F§B).
const NOT_FOUND_STATUS: &str = "404";
const NOT_FOUND_CONTENT_TYPE: &str = "text/plain";
const NOT_FOUND_BODY: &str = "Not Found";

/// All listeners of a load balancer; none when it is gone.
///
/// # Errors
/// When AWS refuses, its answer is unusable, or the listing does not end.
pub async fn find_all(
    aws: &AwsClients,
    load_balancer_arn: &str,
) -> Result<Vec<ObservedListener>, AwsError> {
    let mut pages = aws
        .elbv2
        .describe_listeners()
        .load_balancer_arn(load_balancer_arn)
        .into_paginator()
        .send();
    let mut listeners = Vec::new();
    for _ in 0..PAGES_MAX {
        let Some(page) = pages.next().await else {
            return Ok(listeners);
        };
        match page.map_err(aws_error(DESCRIBE)) {
            Ok(page) => {
                for listener in page.listeners() {
                    listeners.push(observed(DESCRIBE, listener)?);
                }
            }
            Err(error) if error.is_not_found() => return Ok(Vec::new()),
            Err(error) => return Err(error),
        }
    }
    Err(too_many_pages(DESCRIBE))
}

/// Creates the listener.
///
/// # Errors
/// When AWS refuses or its answer is unusable.
pub async fn create(aws: &AwsClients, spec: &ListenerSpec) -> Result<ObservedListener, AwsError> {
    const OPERATION: &str = "elasticloadbalancing:CreateListener";
    let ListenerSpec {
        load_balancer_arn,
        role,
        tags: wanted_tags,
    } = spec;
    let request = aws
        .elbv2
        .create_listener()
        .load_balancer_arn(load_balancer_arn)
        .default_actions(default_action(role))
        .set_tags(tags::to_elbv2(wanted_tags));
    let (port, request) = match role {
        ListenerRole::Https { certificate_arn } => (
            HTTPS_PORT,
            request
                .protocol(ProtocolEnum::Https)
                .ssl_policy(SSL_POLICY)
                .certificates(certificate(certificate_arn)),
        ),
        ListenerRole::Redirect => (HTTP_PORT, request.protocol(ProtocolEnum::Http)),
    };
    let created = request
        .port(i32::from(port))
        .send()
        .await
        .map_err(aws_error(OPERATION));
    match created {
        Ok(answer) => observed(
            OPERATION,
            member(OPERATION, "Listeners", answer.listeners().first())?,
        ),
        Err(error) if error.is("DuplicateListener") => find_all(aws, load_balancer_arn)
            .await?
            .into_iter()
            .find(|listener| listener.port == port)
            // Not there any more, or not there yet: the next attempt knows.
            .ok_or(error),
        Err(error) => Err(error),
    }
}

/// Sets the default certificate of an HTTPS listener. What else it has, further certificates too, stays.
///
/// # Errors
/// When AWS refuses or its answer is unusable.
pub async fn set_certificate(
    aws: &AwsClients,
    listener_arn: &str,
    certificate_arn: &str,
) -> Result<ObservedListener, AwsError> {
    const OPERATION: &str = "elasticloadbalancing:ModifyListener";
    let answer = aws
        .elbv2
        .modify_listener()
        .listener_arn(listener_arn)
        .certificates(certificate(certificate_arn))
        .send()
        .await
        .map_err(aws_error(OPERATION))?;
    observed(
        OPERATION,
        member(OPERATION, "Listeners", answer.listeners().first())?,
    )
}

/// ARNs of the certificates that were added to a listener beside its own: other people's (we add none).
///
/// # Errors
/// When AWS refuses, its answer is unusable, or the listing does not end.
pub async fn list_certificates(
    aws: &AwsClients,
    listener_arn: &str,
) -> Result<Vec<String>, AwsError> {
    const OPERATION: &str = "elasticloadbalancing:DescribeListenerCertificates";
    let mut pages = aws
        .elbv2
        .describe_listener_certificates()
        .listener_arn(listener_arn)
        .into_paginator()
        .send();
    let mut arns = Vec::new();
    for _ in 0..PAGES_MAX {
        let Some(page) = pages.next().await else {
            return Ok(arns);
        };
        let page = page.map_err(aws_error(OPERATION))?;
        let added = page
            .certificates()
            .iter()
            .filter(|certificate| certificate.is_default() != Some(true));
        for certificate in added {
            arns.push(text(
                OPERATION,
                "CertificateArn",
                certificate.certificate_arn(),
            )?);
        }
    }
    Err(too_many_pages(OPERATION))
}

fn certificate(arn: &str) -> Certificate {
    Certificate::builder().certificate_arn(arn).build()
}

fn default_action(role: &ListenerRole) -> Action {
    match role {
        ListenerRole::Https { certificate_arn: _ } => Action::builder()
            .r#type(ActionTypeEnum::FixedResponse)
            .fixed_response_config(
                FixedResponseActionConfig::builder()
                    .status_code(NOT_FOUND_STATUS)
                    .content_type(NOT_FOUND_CONTENT_TYPE)
                    .message_body(NOT_FOUND_BODY)
                    .build(),
            )
            .build(),
        // Host, path and query that are not given stay as they were asked for.
        // AWS: https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RedirectActionConfig.html
        ListenerRole::Redirect => Action::builder()
            .r#type(ActionTypeEnum::Redirect)
            .redirect_config(
                RedirectActionConfig::builder()
                    .protocol(ProtocolEnum::Https.as_str())
                    .port(HTTPS_PORT.to_string())
                    .status_code(RedirectActionStatusCodeEnum::Http301)
                    .build(),
            )
            .build(),
    }
}

fn observed(operation: &'static str, listener: &Listener) -> Result<ObservedListener, AwsError> {
    Ok(ObservedListener {
        arn: text(operation, "ListenerArn", listener.listener_arn())?,
        port: number(operation, "Port", listener.port())?,
        // The default one and no other.
        // AWS: https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_Listener.html
        certificate_arn: listener
            .certificates()
            .first()
            .and_then(|default| default.certificate_arn())
            .map(str::to_owned),
    })
}
