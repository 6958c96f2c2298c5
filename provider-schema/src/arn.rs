//! The ARNs that properties take, and the names that go with them.
//!
//! AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>

use crate::RequestContext;
use crate::error::quoted;
use crate::limits::{
    CLUSTER_NAME_LENGTH_MAX, FUNCTION_NAME_LENGTH_MAX, FUNCTION_QUALIFIER_LENGTH_MAX,
};

struct Arn<'a> {
    partition: &'a str,
    service: &'a str,
    region: &'a str,
    account: &'a str,
    resource: &'a str,
}

impl<'a> Arn<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(6, ':');
        let prefix = parts.next()?;
        let arn = Self {
            partition: parts.next()?,
            service: parts.next()?,
            region: parts.next()?,
            account: parts.next()?,
            resource: parts.next()?,
        };
        (prefix == "arn" && !arn.resource.is_empty()).then_some(arn)
    }

    /// Whether it names something of the stack's own account and region.
    fn is_local(&self, service: &str, request: &RequestContext<'_>) -> bool {
        self.service == service
            && self.partition == request.partition
            && self.region == request.region
            && self.account == request.account_id
    }
}

/// A role of the stack's account. A role of another account cannot be passed to a service.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html>
pub(crate) fn role(text: &str, request: &RequestContext<'_>) -> Result<String, String> {
    let RequestContext {
        partition,
        account_id,
        ..
    } = request;
    let expected = format!("arn:{partition}:iam::{account_id}:role/<name>");
    let is_role = Arn::parse(text).is_some_and(|arn| {
        arn.service == "iam"
            && arn.region.is_empty()
            && arn.partition == *partition
            && arn
                .resource
                .strip_prefix("role/")
                .is_some_and(is_role_path_and_name)
    });
    if !is_role {
        return Err(format!(
            "{} is not the ARN of a role, expected `{expected}`",
            quoted(text)
        ));
    }
    match Arn::parse(text) {
        Some(arn) if arn.account == *account_id => Ok(text.to_owned()),
        _ => Err(format!(
            "{} is a role of another account, which cannot be passed to a service; expected \
             `{expected}`",
            quoted(text)
        )),
    }
}

/// Path up to 512 visible characters, name up to 64 letters, digits and `_+=,.@-`.
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_Role.html>
fn is_role_path_and_name(text: &str) -> bool {
    let (path, name) = text.rsplit_once('/').unwrap_or(("", text));
    path.len() <= 510
        && path.chars().all(|c| c.is_ascii_graphic())
        && (1..=64).contains(&name.len())
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c))
}

/// The name of a cluster, from its name or its ARN.
pub(crate) fn cluster(text: &str, request: &RequestContext<'_>) -> Result<String, String> {
    let name = if text.starts_with("arn:") {
        let RequestContext {
            partition,
            region,
            account_id,
            ..
        } = request;
        Arn::parse(text)
            .filter(|arn| arn.is_local("ecs", request))
            .and_then(|arn| arn.resource.strip_prefix("cluster/"))
            .ok_or_else(|| {
                format!(
                    "{} is not a cluster of this account and region, expected a name or \
                     `arn:{partition}:ecs:{region}:{account_id}:cluster/<name>`",
                    quoted(text)
                )
            })?
    } else {
        text
    };
    if is_ecs_name(name, CLUSTER_NAME_LENGTH_MAX) {
        Ok(name.to_owned())
    } else {
        Err(format!(
            "{} is not the name of a cluster, expected up to {CLUSTER_NAME_LENGTH_MAX} letters, \
             digits, hyphens and underscores",
            quoted(name)
        ))
    }
}

/// A task definition of the stack's account and region, with or without a revision.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskDefinition.html>
pub(crate) fn task_definition(text: &str, request: &RequestContext<'_>) -> Result<String, String> {
    let is_task_definition = Arn::parse(text)
        .filter(|arn| arn.is_local("ecs", request))
        .and_then(|arn| arn.resource.strip_prefix("task-definition/"))
        .is_some_and(|name| {
            let (family, revision) = name.split_once(':').unwrap_or((name, "1"));
            is_ecs_name(family, 255) && revision.parse().is_ok_and(|revision: u32| revision > 0)
        });
    if is_task_definition {
        return Ok(text.to_owned());
    }
    let RequestContext {
        partition,
        region,
        account_id,
        ..
    } = request;
    Err(format!(
        "{} is not the ARN of a task definition of this account and region, expected \
         `arn:{partition}:ecs:{region}:{account_id}:task-definition/<family>:<revision>`",
        quoted(text)
    ))
}

/// A Lambda function of the stack's region, with or without a qualifier.
/// <https://docs.aws.amazon.com/lambda/latest/api/API_FunctionConfiguration.html>
pub(crate) fn function(text: &str, request: &RequestContext<'_>) -> Result<String, String> {
    let RequestContext {
        partition, region, ..
    } = request;
    let is_function = Arn::parse(text)
        .filter(|arn| arn.service == "lambda" && arn.partition == *partition)
        .filter(|arn| arn.region == *region && is_account(arn.account))
        .and_then(|arn| arn.resource.strip_prefix("function:"))
        .is_some_and(|name| {
            let (name, qualifier) = name.split_once(':').unwrap_or((name, "1"));
            let is_latest = qualifier == "$LATEST";
            is_ecs_name(name, FUNCTION_NAME_LENGTH_MAX)
                && (is_latest || is_ecs_name(qualifier, FUNCTION_QUALIFIER_LENGTH_MAX))
        });
    if is_function {
        return Ok(text.to_owned());
    }
    Err(format!(
        "{} is not the ARN of a function of this region, expected \
         `arn:{partition}:lambda:{region}:<account>:function:<name>`",
        quoted(text)
    ))
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.chars().all(|c| c.is_ascii_digit())
}

/// Where ECS finds a secret. The message does not repeat the text: it may be the secret itself,
/// given in the wrong place.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Secret.html>
pub(crate) fn secret_source(text: &str, request: &RequestContext<'_>) -> Result<String, String> {
    let is_source = if text.starts_with("arn:") {
        Arn::parse(text).is_some_and(|arn| {
            arn.partition == request.partition
                && match arn.service {
                    "secretsmanager" => arn.resource.starts_with("secret:"),
                    "ssm" => arn.resource.starts_with("parameter/"),
                    _ => false,
                }
        })
    } else {
        // Parameter names: <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html>
        text.len() <= 2048
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "_.-/".contains(c))
    };
    if is_source {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "expected the ARN of a secret (`arn:{0}:secretsmanager:…:secret:…`) or of a parameter \
             (`arn:{0}:ssm:…:parameter/…`), or the name of a parameter",
            request.partition
        ))
    }
}

/// The secret with a registry's credentials. The message does not repeat the text.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RepositoryCredentials.html>
pub(crate) fn registry_secret(text: &str, request: &RequestContext<'_>) -> Result<String, String> {
    let is_secret = if text.starts_with("arn:") {
        Arn::parse(text).is_some_and(|arn| {
            arn.partition == request.partition
                && arn.service == "secretsmanager"
                && arn.resource.starts_with("secret:")
        })
    } else {
        // Secret names: <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html>
        text.len() <= 512
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "/_+=.@-".contains(c))
    };
    if is_secret {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "expected the ARN of a secret (`arn:{}:secretsmanager:…:secret:…`) or its name",
            request.partition
        ))
    }
}

/// Letters, digits, hyphens and underscores: ECS's rule for clusters, services and families.
pub(crate) fn is_ecs_name(text: &str, length_max: usize) -> bool {
    (1..=length_max).contains(&text.len())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

/// `<prefix>-` and 8 or 17 hexadecimal digits: the old and the new form of EC2's ids.
/// <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/resource-ids.html>
pub(crate) fn ec2_id(text: &str, prefix: &str) -> Result<String, String> {
    let is_id = text
        .strip_prefix(prefix)
        .and_then(|rest| rest.strip_prefix('-'))
        .is_some_and(|hex| {
            matches!(hex.len(), 8 | 17) && hex.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'))
        });
    if is_id {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "{} is not an id of the form `{prefix}-0123456789abcdef0`",
            quoted(text)
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::REQUEST;

    const CHINA: RequestContext<'_> = RequestContext {
        partition: "aws-cn",
        region: "cn-north-1",
        ..REQUEST
    };

    #[test]
    fn roles_at_their_limits() {
        let in_account = |rest: &str| format!("arn:aws:iam::123456789012:{rest}");
        for (text, is_role) in [
            (in_account("role/a"), true),
            (in_account(&format!("role/{}", "a".repeat(64))), true),
            (in_account(&format!("role/{}", "a".repeat(65))), false),
            (in_account("role/a+=,.@-_9"), true),
            (in_account("role/a b"), false),
            (in_account("role/path/of/several/parts/name"), true),
            (in_account(&format!("role/{}/name", "p".repeat(510))), true),
            (in_account(&format!("role/{}/name", "p".repeat(511))), false),
            (in_account("role"), false),
            (in_account("assumed-role/a/session"), false),
            ("arn:aws:sts::123456789012:role/a".to_owned(), false),
            ("arn:aws:iam::123456789012".to_owned(), false),
            (String::new(), false),
        ] {
            assert_eq!(role(&text, &REQUEST).is_ok(), is_role, "{text}");
        }
        assert!(role("arn:aws-cn:iam::123456789012:role/a", &CHINA).is_ok());
        assert!(role("arn:aws:iam::123456789012:role/a", &CHINA).is_err());
    }

    #[test]
    fn clusters_by_name_and_by_arn() {
        let longest = "c".repeat(255);
        let arn = |name: &str| format!("arn:aws-cn:ecs:cn-north-1:123456789012:{name}");
        for (text, name) in [
            ("prod", Some("prod")),
            (longest.as_str(), Some(longest.as_str())),
            (&"c".repeat(256), None),
            ("a/b", None),
            (&arn("cluster/prod"), Some("prod")),
            (&arn("cluster/"), None),
            (&arn("cluster/a b"), None),
            (&arn("service/prod"), None),
            ("arn:aws:ecs:us-east-1:123456789012:cluster/prod", None),
            ("arn:", None),
        ] {
            assert_eq!(cluster(text, &CHINA).ok().as_deref(), name, "{text}");
        }
    }

    #[test]
    fn task_definitions_with_and_without_revision() {
        for (rest, is_task_definition) in [
            ("web", true),
            ("web:1", true),
            ("web:4294967295", true),
            ("web:4294967296", false),
            ("web:0", false),
            ("web:", false),
            ("web:1:2", false),
            ("", false),
            (&"f".repeat(255), true),
            (&"f".repeat(256), false),
        ] {
            let text = format!("arn:aws:ecs:us-east-1:123456789012:task-definition/{rest}");
            assert_eq!(
                task_definition(&text, &REQUEST).is_ok(),
                is_task_definition,
                "{text}"
            );
        }
    }

    #[test]
    fn ids_have_8_or_17_digits() {
        for (text, is_id) in [
            ("sg-01234567", true),
            ("sg-0123456789abcdef0", true),
            ("sg-0123456", false),
            ("sg-012345678", false),
            ("sg-0123456789abcdef", false),
            ("sg-0123456g", false),
            ("sg01234567", false),
            ("subnet-01234567", false),
        ] {
            assert_eq!(ec2_id(text, "sg").is_ok(), is_id, "{text}");
        }
    }
}
