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

/// What a host that no rule knows is answered: Express Mode's default action.
/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/express-service-work.html>
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
    let port = number(operation, "Port", listener.port())?;
    Ok(ObservedListener {
        arn: text(operation, "ListenerArn", listener.listener_arn())?,
        port,
        has_other_default_action: has_other_default_action(port, listener.default_actions()),
        // The default one and no other.
        // AWS: https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_Listener.html
        certificate_arn: listener
            .certificates()
            .first()
            .and_then(|default| default.certificate_arn())
            .map(str::to_owned),
    })
}

/// Whether the actions are not the one that we give to a listener on this port.
fn has_other_default_action(port: u16, actions: &[Action]) -> bool {
    let [action] = actions else {
        return true;
    };
    if port == HTTPS_PORT {
        let answer = action.fixed_response_config();
        !answer.is_some_and(|answer| {
            answer.status_code() == Some(NOT_FOUND_STATUS)
                && answer.content_type() == Some(NOT_FOUND_CONTENT_TYPE)
                && answer.message_body() == Some(NOT_FOUND_BODY)
        })
    } else {
        let redirect = action.redirect_config();
        !redirect.is_some_and(is_to_https)
    }
}

/// Whether the redirect leads to the same place by HTTPS. Parts that were not given are answered as they came: by the
/// keyword that stands for the request's own.
/// AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RedirectActionConfig.html>
fn is_to_https(redirect: &RedirectActionConfig) -> bool {
    let is_kept = |part: Option<&str>, keyword| part.is_none_or(|part| part == keyword);
    redirect.protocol() == Some(ProtocolEnum::Https.as_str())
        && redirect.port() == Some(HTTPS_PORT.to_string().as_str())
        && redirect.status_code() == Some(&RedirectActionStatusCodeEnum::Http301)
        && is_kept(redirect.host(), "#{host}")
        && is_kept(redirect.path(), "/#{path}")
        && is_kept(redirect.query(), "#{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redirect(change: impl FnOnce(&mut RedirectActionConfig)) -> Action {
        let mut action = default_action(&ListenerRole::Redirect);
        change(action.redirect_config.as_mut().expect("it redirects"));
        action
    }

    #[test]
    fn the_action_that_we_write_is_ours_in_either_form() {
        let certificate_arn = String::new();
        let not_found = default_action(&ListenerRole::Https { certificate_arn });
        assert!(!has_other_default_action(HTTPS_PORT, &[not_found]));
        assert!(!has_other_default_action(HTTP_PORT, &[redirect(|_| {})]));
        let answered = redirect(|config| {
            config.host = Some("#{host}".to_owned());
            config.path = Some("/#{path}".to_owned());
            config.query = Some("#{query}".to_owned());
        });
        assert!(!has_other_default_action(HTTP_PORT, &[answered]));
    }

    #[test]
    fn every_other_action_is_peoples() {
        let ours = || redirect(|_| {});
        let elsewhere = redirect(|config| config.host = Some("elsewhere.example.com".to_owned()));
        let below = redirect(|config| config.path = Some("/new/#{path}".to_owned()));
        let asked = redirect(|config| config.query = Some("#{query}&old=1".to_owned()));
        let passing =
            redirect(|config| config.status_code = Some(RedirectActionStatusCodeEnum::Http302));
        let other_port = redirect(|config| config.port = Some("8443".to_owned()));
        let plain = redirect(|config| config.protocol = Some("HTTP".to_owned()));
        for other in [elsewhere, below, asked, passing, other_port, plain] {
            assert!(
                has_other_default_action(HTTP_PORT, std::slice::from_ref(&other)),
                "{other:?}"
            );
        }
        assert!(has_other_default_action(HTTP_PORT, &[]));
        assert!(has_other_default_action(HTTP_PORT, &[ours(), ours()]));
        // Each on the other's port.
        assert!(has_other_default_action(HTTPS_PORT, &[ours()]));
        let certificate_arn = String::new();
        let mut answer = default_action(&ListenerRole::Https { certificate_arn });
        assert!(has_other_default_action(HTTP_PORT, &[answer.clone()]));
        let config = answer.fixed_response_config.as_mut();
        config.expect("it answers").message_body = Some("Come back later".to_owned());
        assert!(has_other_default_action(HTTPS_PORT, &[answer]));
    }
}
