//! Reads `PrimaryContainer`. Nothing of an environment variable appears in a message, its name
//! neither: what should have been a value is sometimes written there.

use super::reader::{Members, Reading};
use crate::error::{Pointer, PropertyErrors};
use crate::properties::{
    AwsLogsConfiguration, KeyValuePair, PrimaryContainer, RepositoryCredentials, Secret, defaults,
};
use crate::{RequestContext, arn, rules, validate};

pub(super) fn primary_container(
    members: &mut Members<'_>,
    request: &RequestContext<'_>,
    problems: &mut PropertyErrors,
) -> Option<PrimaryContainer> {
    let mut container = members.object("PrimaryContainer", problems).given()?;
    let image = container.required("Image", problems, rules::image);
    let container_port = container
        .scalar("ContainerPort", problems, rules::port)
        .or(defaults::container_port());
    let aws_logs_configuration = aws_logs_configuration(&mut container, problems);
    let repository_credentials = repository_credentials(&mut container, request, problems);
    let command = container
        .scalars("Command", problems, rules::any)
        .into_iter()
        .flatten()
        .collect();
    let (mut environment, mut names) = environment(&mut container, problems);
    let (mut secrets, secret_names) = secrets(&mut container, request, problems);
    names.extend(secret_names);
    validate::variable_names(&names, problems);
    container.finish(problems);
    environment.sort_unstable();
    secrets.sort_unstable();
    Some(PrimaryContainer {
        image: image.unwrap_or_default(),
        container_port: container_port.unwrap_or_default(),
        aws_logs_configuration,
        repository_credentials,
        command,
        environment,
        secrets,
    })
}

fn aws_logs_configuration(
    container: &mut Members<'_>,
    problems: &mut PropertyErrors,
) -> Option<AwsLogsConfiguration> {
    let Reading::Given(mut logs) = container.object("AwsLogsConfiguration", problems) else {
        return None;
    };
    let log_group = logs.required("LogGroup", problems, rules::log_group);
    let log_stream_prefix = logs
        .scalar("LogStreamPrefix", problems, rules::log_stream_prefix)
        .or(defaults::log_stream_prefix());
    logs.finish(problems);
    Some(AwsLogsConfiguration {
        log_group: log_group.unwrap_or_default(),
        log_stream_prefix: log_stream_prefix.unwrap_or_default(),
    })
}

fn repository_credentials(
    container: &mut Members<'_>,
    request: &RequestContext<'_>,
    problems: &mut PropertyErrors,
) -> Option<RepositoryCredentials> {
    let Reading::Given(mut credentials) = container.object("RepositoryCredentials", problems)
    else {
        return None;
    };
    let credentials_parameter = credentials.required("CredentialsParameter", problems, |text| {
        arn::registry_secret(text, request)
    });
    credentials.finish(problems);
    Some(RepositoryCredentials {
        credentials_parameter: credentials_parameter.unwrap_or_default(),
    })
}

/// A variable's name and its place.
type NamedAt = (String, Pointer);

fn environment(
    container: &mut Members<'_>,
    problems: &mut PropertyErrors,
) -> (Vec<KeyValuePair>, Vec<NamedAt>) {
    let mut variables = Vec::new();
    let mut names = Vec::new();
    for mut variable in container.objects("Environment", problems) {
        let name = variable.required("Name", problems, rules::variable_name);
        let value = variable.required_value("Value", problems, rules::variable_value);
        if let Some(name) = name.clone() {
            names.push((name, variable.pointer("Name")));
        }
        variable.finish(problems);
        variables.push(KeyValuePair {
            name: name.unwrap_or_default(),
            value: value.unwrap_or_default(),
        });
    }
    (variables, names)
}

fn secrets(
    container: &mut Members<'_>,
    request: &RequestContext<'_>,
    problems: &mut PropertyErrors,
) -> (Vec<Secret>, Vec<NamedAt>) {
    let mut secrets = Vec::new();
    let mut names = Vec::new();
    for mut secret in container.objects("Secrets", problems) {
        let name = secret.required("Name", problems, rules::variable_name);
        let value_from = secret.required("ValueFrom", problems, |text| {
            arn::secret_source(text, request)
        });
        if let Some(name) = name.clone() {
            names.push((name, secret.pointer("Name")));
        }
        secret.finish(problems);
        secrets.push(Secret {
            name: name.unwrap_or_default(),
            value_from: value_from.unwrap_or_default(),
        });
    }
    (secrets, names)
}
