//! Rules for one value: its text in, the typed value or what is wrong with it out.
//!
//! Rules for what may be secret (environment variables, credentials) do not repeat the text.

use std::ops::RangeInclusive;

use serde_json::Value;
use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

use crate::arn::is_ecs_name;
use crate::canonical_json;
use crate::error::quoted;
use crate::limits::{
    ALARM_NAME_LENGTH_MAX, FORCE_DEPLOYMENT_LENGTH_MAX, HEADER_NAME_LENGTH_MAX,
    HEADER_VALUE_LENGTH_MAX, HEALTH_CHECK_PATH_LENGTH_MAX, HOOK_DETAILS_LENGTH_MAX,
    IMAGE_LENGTH_MAX, LOG_GROUP_LENGTH_MAX, LOG_STREAM_PREFIX_LENGTH_MAX, SERVICE_NAME_LENGTH_MAX,
    TAG_KEY_LENGTH_MAX, TAG_VALUE_LENGTH_MAX,
};
use crate::percent::Percent;

/// Any text.
pub(crate) fn any(text: &str) -> Result<String, String> {
    Ok(text.to_owned())
}

/// Decimal digits and nothing else: neither a sign, nor a fraction, nor leading zeros.
pub(crate) fn whole_number(text: &str, range: RangeInclusive<u32>) -> Result<u32, String> {
    let is_canonical =
        text.chars().all(|c| c.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    let number = text
        .parse()
        .ok()
        .filter(|number| is_canonical && range.contains(number));
    number.ok_or_else(|| {
        let (min, max) = (range.start(), range.end());
        if *max == u32::MAX {
            format!("{} is not a whole number of at least {min}", quoted(text))
        } else {
            format!("{} is not a whole number from {min} to {max}", quoted(text))
        }
    })
}

/// A percentage with at most one decimal, from the first to the last of the tenths.
pub(crate) fn percent(text: &str, tenths: RangeInclusive<u16>) -> Result<Percent, String> {
    let percent = Percent::parse(text).filter(|percent| tenths.contains(&percent.tenths()));
    percent.ok_or_else(|| {
        format!(
            "{} is not a percentage from {} to {} in steps of 0.1",
            quoted(text),
            Percent::from_tenths(*tenths.start()),
            Percent::from_tenths(*tenths.end())
        )
    })
}

/// One of AWS's words, in AWS's case.
pub(crate) fn choice<T: Copy>(text: &str, choices: &[(&str, T)]) -> Result<T, String> {
    if let Some((_, value)) = choices.iter().find(|(word, _)| *word == text) {
        return Ok(*value);
    }
    if let Some((word, _)) = choices
        .iter()
        .find(|(word, _)| word.eq_ignore_ascii_case(text))
    {
        return Err(format!(
            "{} is in the wrong case, write {}",
            quoted(text),
            quoted(word)
        ));
    }
    let words: Vec<String> = choices.iter().map(|(word, _)| quoted(word)).collect();
    Err(format!(
        "{} is not one of {}",
        quoted(text),
        words.join(", ")
    ))
}

pub(crate) fn service_name(text: &str) -> Result<String, String> {
    if is_ecs_name(text, SERVICE_NAME_LENGTH_MAX) {
        return Ok(text.to_owned());
    }
    Err(format!(
        "{} is not the name of a service, expected up to {SERVICE_NAME_LENGTH_MAX} letters, \
         digits, hyphens and underscores",
        quoted(text)
    ))
}

/// Refuses what no registry can have: an image is asked for without a scheme, its repository is in lower case, and a
/// digest is one of SHA-256.
/// <https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests>,
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html>
pub(crate) fn image(text: &str) -> Result<String, String> {
    if text.contains("://") {
        return Err(
            "is a URL, expected `repository/name:tag` or `repository/name@digest` without a scheme"
                .to_owned(),
        );
    }
    let before_digest = text.split_once('@').map_or(text, |(name, _)| name);
    if before_digest.is_empty() || !text.chars().all(|c| c.is_ascii_graphic()) {
        return Err(format!(
            "{} is not an image, expected `repository/name:tag` or `repository/name@digest` \
             without spaces",
            quoted(text)
        ));
    }
    if before_digest.len() > IMAGE_LENGTH_MAX {
        return Err(format!(
            "{} has {} characters, at most {IMAGE_LENGTH_MAX} are allowed",
            quoted(text),
            before_digest.len()
        ));
    }
    if let Some((_, digest)) = text.split_once('@')
        && !is_sha256(digest)
    {
        return Err(format!(
            "{} has no valid digest, expected `@sha256:` and 64 digits or letters from a to f",
            quoted(text)
        ));
    }
    if repository(before_digest).contains(|c: char| c.is_ascii_uppercase()) {
        return Err(format!(
            "{} has upper-case letters in its repository, expected lower case; a tag may have both",
            quoted(text)
        ));
    }
    Ok(text.to_owned())
}

/// The name of an image without its registry and its tag. What stands before the first slash is a registry if it could
/// not be part of a repository: it has a dot, a port or upper case, or is `localhost`.
fn repository(image: &str) -> &str {
    let is_registry = |part: &str| {
        part.contains(['.', ':'])
            || part.contains(|c: char| c.is_ascii_uppercase())
            || part == "localhost"
    };
    let name = match image.split_once('/') {
        Some((first, rest)) if is_registry(first) => rest,
        _ => image,
    };
    // A registry's port stands before a slash, so this colon is the tag's.
    name.split_once(':').map_or(name, |(name, _)| name)
}

fn is_sha256(digest: &str) -> bool {
    let hex = digest.strip_prefix("sha256:").unwrap_or_default();
    hex.len() == 64 && hex.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'))
}

pub(crate) fn port(text: &str) -> Result<u16, String> {
    let number = whole_number(text, 1..=u32::from(u16::MAX))?;
    u16::try_from(number).map_err(|_| format!("{} is not a port", quoted(text)))
}

pub(crate) fn health_check_path(text: &str) -> Result<String, String> {
    // A message loses its URLs before it is sent, and then would not show what it is about.
    if !text.starts_with('/') && text.contains("://") {
        return Err("is a URL, expected only its path, such as `/health`".to_owned());
    }
    if !text.starts_with('/') || !text.chars().all(|c| c.is_ascii_graphic()) {
        return Err(format!(
            "{} is not a path, expected one that starts with `/` and has no spaces; other \
             characters than ASCII are percent-encoded",
            quoted(text)
        ));
    }
    at_most(text, HEALTH_CHECK_PATH_LENGTH_MAX)
}

/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html>
pub(crate) fn log_group(text: &str) -> Result<String, String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-/#".contains(c);
    if !text.chars().all(allowed) || text.starts_with("aws/") {
        return Err(format!(
            "{} is not the name of a log group, expected letters, digits and `. _ - / #`, not \
             starting with `aws/`",
            quoted(text)
        ));
    }
    at_most(text, LOG_GROUP_LENGTH_MAX)
}

/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogStream.html>
pub(crate) fn log_stream_prefix(text: &str) -> Result<String, String> {
    if text.contains([':', '*']) || text.chars().any(char::is_control) {
        return Err(format!("{} may contain neither `:` nor `*`", quoted(text)));
    }
    at_most(text, LOG_STREAM_PREFIX_LENGTH_MAX)
}

pub(crate) fn variable_name(text: &str) -> Result<String, String> {
    // A name with `=` is most often a whole `NAME=value`, so the text may hold a secret.
    if text.contains('=') || text.chars().any(char::is_control) {
        return Err(
            "the name of an environment variable has no `=` and no control characters; \
                    the value goes into a property of its own"
                .to_owned(),
        );
    }
    if text.trim().is_empty() {
        return Err("the name of an environment variable is not blank".to_owned());
    }
    Ok(text.to_owned())
}

pub(crate) fn variable_value(text: &str) -> Result<String, String> {
    if text.contains('\0') {
        return Err("the value of an environment variable has no NUL character".to_owned());
    }
    Ok(text.to_owned())
}

/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Tag.html>
pub(crate) fn tag_key(text: &str) -> Result<String, String> {
    let lower = text.to_ascii_lowercase();
    for reserved in ["aws:", "express:", "amazonecsmanaged"] {
        if lower.starts_with(reserved) {
            let whose = if reserved == "aws:" {
                "AWS"
            } else {
                "the provider"
            };
            return Err(format!(
                "{} has a prefix that is reserved for {whose}",
                quoted(text)
            ));
        }
    }
    tag_text(text, TAG_KEY_LENGTH_MAX)
}

/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Tag.html>
pub(crate) fn tag_value(text: &str) -> Result<String, String> {
    if text.to_ascii_lowercase().starts_with("aws:") {
        return Err(format!(
            "{} has a prefix that is reserved for AWS",
            quoted(text)
        ));
    }
    tag_text(text, TAG_VALUE_LENGTH_MAX)
}

/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html>
pub(crate) fn alarm_name(text: &str) -> Result<String, String> {
    // An ARN has the name behind `alarm:`; ECS wants the name alone.
    if text.starts_with("arn:") || text.chars().any(char::is_control) {
        return Err(format!(
            "{} is not the name of an alarm, expected a name without its ARN",
            quoted(text)
        ));
    }
    at_most(text, ALARM_NAME_LENGTH_MAX)
}

/// A JSON object, in the one form in which two texts of it are the same.
pub(crate) fn hook_details(text: &str) -> Result<String, String> {
    match serde_json::from_str(text) {
        Ok(details @ Value::Object(_)) => {
            at_most(text, HOOK_DETAILS_LENGTH_MAX)?;
            Ok(canonical_json(&details))
        }
        Ok(_) | Err(_) => Err("is not the text of a JSON object".to_owned()),
    }
}

/// The load balancer has a condition of its own for `Host`. Of the characters that a header's name may have, these are
/// the ones in use.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_HttpHeaderConditionConfig.html>
pub(crate) fn header_name(text: &str) -> Result<String, String> {
    if !is_ecs_name(text, HEADER_NAME_LENGTH_MAX) || text.eq_ignore_ascii_case("host") {
        return Err(format!(
            "{} is not the name of a header for tests, expected up to {HEADER_NAME_LENGTH_MAX} letters, digits, \
             hyphens and underscores, and not `Host`",
            quoted(text)
        ));
    }
    Ok(text.to_owned())
}

/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_HttpHeaderConditionConfig.html>
pub(crate) fn header_value(text: &str) -> Result<String, String> {
    let is_allowed = |c: char| c.is_ascii_graphic() && !"*?\\".contains(c);
    if !text.chars().all(is_allowed) {
        return Err(format!(
            "{} may contain only visible ASCII characters, and no `*`, `?` or `\\`, which would make a pattern of it",
            quoted(text)
        ));
    }
    at_most(text, HEADER_VALUE_LENGTH_MAX)
}

pub(crate) fn force_deployment(text: &str) -> Result<String, String> {
    if text.chars().any(char::is_control) {
        return Err("may have no control characters".to_owned());
    }
    at_most(text, FORCE_DEPLOYMENT_LENGTH_MAX)
}

fn tag_text(text: &str, length_max: usize) -> Result<String, String> {
    // `[\p{L}\p{Z}\p{N}_.:/=+\-@]*`: letters without the marks that some scripts write them with.
    let allowed = |c: char| {
        let group = c.general_category_group();
        matches!(
            group,
            GeneralCategoryGroup::Letter
                | GeneralCategoryGroup::Separator
                | GeneralCategoryGroup::Number
        ) || "_.:/=+-@".contains(c)
    };
    if !text.chars().all(allowed) {
        return Err(format!(
            "{} may contain only letters, digits, spaces and `_ . : / = + - @`",
            quoted(text)
        ));
    }
    at_most(text, length_max)
}

fn at_most(text: &str, length_max: usize) -> Result<String, String> {
    let length = text.chars().count();
    if length > length_max {
        return Err(format!(
            "{} has {length} characters, at most {length_max} are allowed",
            quoted(text)
        ));
    }
    Ok(text.to_owned())
}
