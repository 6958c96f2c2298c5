//! Which requests a rule is for.
//!
//! AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html>

use serde_json::{Value, json};

use super::quota;
use crate::wildcard;
use crate::wire::{Input, Refusal};

/// Characters of a value at most.
const VALUE_CHARS_MAX: usize = 128;

/// One condition; a rule is for the requests that meet all of its conditions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The host is like one of these; case does not matter.
    HostHeader(Vec<String>),
    /// The path is like one of these.
    PathPattern(Vec<String>),
    /// The method is one of these.
    RequestMethod(Vec<String>),
    /// A header is like one of these values.
    HttpHeader {
        /// The header.
        name: String,
        /// Patterns of its value.
        values: Vec<String>,
    },
    /// A parameter is like one of these: key, if it matters, and value.
    QueryString(Vec<(Option<String>, String)>),
    /// The client's address is in one of these blocks.
    SourceIp(Vec<String>),
}

/// A request as far as conditions look at it here.
#[derive(Clone, Copy, Debug)]
pub struct Request<'r> {
    /// The header `Host`.
    pub host: &'r str,
    /// Without a query.
    pub path: &'r str,
    /// `GET`, `POST`, ...
    pub method: &'r str,
    /// Further headers: names and values.
    pub headers: &'r [(&'r str, &'r str)],
}

impl<'r> Request<'r> {
    /// `GET https://<host>/` with these headers.
    #[must_use]
    pub const fn get(host: &'r str, headers: &'r [(&'r str, &'r str)]) -> Self {
        Self {
            host,
            path: "/",
            method: "GET",
            headers,
        }
    }
}

impl Condition {
    /// Whether the request meets the condition. It has no query, and comes from anywhere.
    pub(super) fn admits(&self, request: Request<'_>) -> bool {
        // Hosts and headers are compared whatever their case.
        let is_like = |patterns: &[String], value: &str| {
            let value = value.to_ascii_lowercase();
            let mut patterns = patterns.iter();
            patterns.any(|pattern| wildcard::matches(&pattern.to_ascii_lowercase(), &value))
        };
        match self {
            Self::HostHeader(patterns) => is_like(patterns, request.host),
            Self::PathPattern(patterns) => patterns
                .iter()
                .any(|pattern| wildcard::matches(pattern, request.path)),
            Self::RequestMethod(methods) => methods.iter().any(|method| method == request.method),
            Self::HttpHeader { name, values } => {
                let mut headers = request.headers.iter();
                headers.any(|(header, value)| {
                    header.eq_ignore_ascii_case(name) && is_like(values, value)
                })
            }
            Self::QueryString(_) => false,
            Self::SourceIp(blocks) => blocks.iter().any(|block| block == "0.0.0.0/0"),
        }
    }

    const fn field(&self) -> &'static str {
        match self {
            Self::HostHeader(_) => "host-header",
            Self::PathPattern(_) => "path-pattern",
            Self::RequestMethod(_) => "http-request-method",
            Self::HttpHeader { .. } => "http-header",
            Self::QueryString(_) => "query-string",
            Self::SourceIp(_) => "source-ip",
        }
    }

    fn values(&self) -> Vec<&str> {
        match self {
            Self::HostHeader(values)
            | Self::PathPattern(values)
            | Self::RequestMethod(values)
            | Self::HttpHeader { values, .. }
            | Self::SourceIp(values) => values.iter().map(String::as_str).collect(),
            Self::QueryString(pairs) => pairs.iter().map(|(_, value)| value.as_str()).collect(),
        }
    }

    pub(super) fn describe(&self) -> Value {
        let field = self.field();
        match self {
            // These two are told in both forms, the old one and the new one.
            Self::HostHeader(values) => json!({
                "Field": field, "Values": values, "HostHeaderConfig": {"Values": values},
            }),
            Self::PathPattern(values) => json!({
                "Field": field, "Values": values, "PathPatternConfig": {"Values": values},
            }),
            Self::RequestMethod(values) => json!({
                "Field": field, "HttpRequestMethodConfig": {"Values": values},
            }),
            Self::HttpHeader { name, values } => json!({
                "Field": field, "HttpHeaderConfig": {"HttpHeaderName": name, "Values": values},
            }),
            Self::QueryString(pairs) => {
                let pairs: Vec<Value> = pairs
                    .iter()
                    .map(|(key, value)| json!({"Key": key, "Value": value}))
                    .collect();
                json!({"Field": field, "QueryStringConfig": {"Values": pairs}})
            }
            Self::SourceIp(values) => json!({
                "Field": field, "SourceIpConfig": {"Values": values},
            }),
        }
    }
}

/// The member `Conditions` of a call.
pub(super) fn parse(input: Input<'_>) -> Result<Vec<Condition>, Refusal> {
    let mut conditions: Vec<Condition> = Vec::new();
    for given in input.items("Conditions") {
        let condition = parse_one(given)?;
        let may_repeat = matches!(
            condition,
            Condition::HttpHeader { .. } | Condition::QueryString(_)
        );
        let field = condition.field();
        if !may_repeat && conditions.iter().any(|known| known.field() == field) {
            return Err(super::invalid(format!(
                "A rule can only have one '{field}' condition"
            )));
        }
        conditions.push(condition);
    }
    if conditions.is_empty() {
        return Err(super::invalid("A condition must be specified"));
    }
    let values: Vec<&str> = conditions.iter().flat_map(Condition::values).collect();
    if values.len() > quota::CONDITION_VALUES_MAX {
        return Err(super::invalid(format!(
            "A rule can only have '{}' condition values",
            quota::CONDITION_VALUES_MAX
        )));
    }
    let wildcards = values.iter().flat_map(|value| value.chars());
    if wildcards.filter(|one| matches!(one, '*' | '?')).count() > quota::CONDITION_WILDCARDS_MAX {
        return Err(super::invalid(format!(
            "A rule can only have '{}' condition wildcards",
            quota::CONDITION_WILDCARDS_MAX
        )));
    }
    Ok(conditions)
}

fn parse_one(given: Input<'_>) -> Result<Condition, Refusal> {
    let field = given.required("Field")?;
    let config = |name: &str| {
        given.only(&["Field", name])?;
        let config = given
            .object(name)
            .ok_or_else(|| super::invalid(format!("A '{field}' condition needs a {name}")))?;
        Ok::<_, Refusal>(config)
    };
    match field {
        "host-header" => {
            let values = either_form(given, "HostHeaderConfig")?;
            values.iter().try_for_each(|value| check_host(value))?;
            Ok(Condition::HostHeader(values))
        }
        "path-pattern" => {
            let values = either_form(given, "PathPatternConfig")?;
            values.iter().try_for_each(|value| check_path(value))?;
            Ok(Condition::PathPattern(values))
        }
        "http-request-method" => {
            let config = config("HttpRequestMethodConfig")?;
            Ok(Condition::RequestMethod(values(config, &["Values"])?))
        }
        "http-header" => {
            let config = config("HttpHeaderConfig")?;
            Ok(Condition::HttpHeader {
                name: config.required("HttpHeaderName")?.to_owned(),
                values: values(config, &["Values", "HttpHeaderName"])?,
            })
        }
        "query-string" => {
            let config = config("QueryStringConfig")?;
            let mut pairs = Vec::new();
            for pair in config.items("Values") {
                let key = pair.text("Key").map(str::to_owned);
                pairs.push((key, pair.required("Value")?.to_owned()));
            }
            if pairs.is_empty() {
                return Err(no_values());
            }
            Ok(Condition::QueryString(pairs))
        }
        "source-ip" => {
            let config = config("SourceIpConfig")?;
            Ok(Condition::SourceIp(values(config, &["Values"])?))
        }
        other => Err(super::invalid(format!(
            "Condition field '{other}' must be one of '[http-request-method, http-header, \
             host-header, query-string, source-ip, path-pattern]'"
        ))),
    }
}

/// Host and path patterns may be given as `Values`, or in their config, but not as both.
fn either_form(given: Input<'_>, config_name: &str) -> Result<Vec<String>, Refusal> {
    given.only(&["Field", "Values", config_name])?;
    match given.object(config_name) {
        Some(config) if given.texts("Values").is_empty() => values(config, &["Values"]),
        Some(_) => Err(super::invalid(format!(
            "You cannot specify both Values and {config_name}"
        ))),
        None => values(given, &["Field", "Values"]),
    }
}

fn values(holder: Input<'_>, members: &[&str]) -> Result<Vec<String>, Refusal> {
    holder.only(members)?;
    let values = holder.texts("Values");
    if values.is_empty() {
        return Err(no_values());
    }
    for value in &values {
        if value.is_empty() || value.chars().count() > VALUE_CHARS_MAX {
            return Err(super::invalid(format!(
                "Condition value '{value}' must have 1 to {VALUE_CHARS_MAX} characters"
            )));
        }
    }
    Ok(values.into_iter().map(str::to_owned).collect())
}

fn no_values() -> Refusal {
    super::invalid("A condition value must be specified")
}

/// AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_HostHeaderConditionConfig.html>
fn check_host(value: &str) -> Result<(), Refusal> {
    let is_allowed =
        |character: char| character.is_ascii_alphanumeric() || "-.*?".contains(character);
    let ends_well = value.rsplit_once('.').is_some_and(|(_, last)| {
        !last.is_empty() && last.chars().all(|one| one.is_ascii_alphabetic())
    });
    if value.chars().all(is_allowed) && ends_well {
        return Ok(());
    }
    Err(super::invalid(format!(
        "The host name '{value}' is not valid: it needs a '.' with only letters after the last one"
    )))
}

fn check_path(value: &str) -> Result<(), Refusal> {
    let is_allowed = |character: char| {
        character.is_ascii_alphanumeric() || "_-.$/~\"'@:+&*?".contains(character)
    };
    if value.chars().all(is_allowed) {
        return Ok(());
    }
    Err(super::invalid(format!(
        "The path pattern '{value}' is not valid"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(conditions: Value) -> Result<Vec<Condition>, String> {
        let input = json!({ "Conditions": conditions });
        parse(Input::new(&input)).map_err(|refusal| refusal.code)
    }

    fn hosts(values: &[&str]) -> Value {
        json!([{"Field": "host-header", "HostHeaderConfig": {"Values": values}}])
    }

    #[test]
    fn both_forms_of_a_host_condition_mean_the_same() {
        let old = parsed(json!([{"Field": "host-header", "Values": ["a.example.com"]}]));
        assert_eq!(old, parsed(hosts(&["a.example.com"])));
        let both = json!([{
            "Field": "host-header", "Values": ["a.b"], "HostHeaderConfig": {"Values": ["a.b"]},
        }]);
        assert_eq!(parsed(both), Err("ValidationError".to_owned()));
    }

    #[test]
    fn what_no_rule_can_have_is_refused() {
        let long = format!("{}.com", "a".repeat(125));
        for bad in [
            json!([]),
            hosts(&[]),
            hosts(&["a.a", "b.a", "c.a", "d.a", "e.a", "f.a"]),
            hosts(&["*.*.*.*.a", "???.a"]),
            hosts(&["localhost"]),
            hosts(&["a.b1"]),
            hosts(&["a_b.com"]),
            hosts(&[long.as_str()]),
            json!([{"Field": "path-pattern", "Values": ["/a b"]}]),
            json!([{"Field": "colour", "Values": ["red"]}]),
            json!([
                {"Field": "host-header", "Values": ["a.b"]},
                {"Field": "host-header", "Values": ["c.d"]},
            ]),
        ] {
            assert_eq!(
                parsed(bad.clone()),
                Err("ValidationError".to_owned()),
                "{bad}"
            );
        }
        let regex = json!([{"Field": "host-header", "HostHeaderConfig": {"RegexValues": ["a"]}}]);
        assert_eq!(parsed(regex), Err("UnsupportedMember".to_owned()));
    }

    #[test]
    fn hosts_match_whatever_their_case() {
        let request = |host| Request::get(host, &[]);
        let condition = Condition::HostHeader(vec!["*.Example.com".to_owned()]);
        assert!(condition.admits(request("WEB.example.com")));
        assert!(!condition.admits(request("example.com")));
    }

    #[test]
    fn a_header_is_looked_at_by_name_and_value_whatever_their_case() {
        let condition = Condition::HttpHeader {
            name: "X-Test".to_owned(),
            values: vec!["blue*".to_owned(), "Green".to_owned()],
        };
        for (header, admitted) in [
            (("x-test", "GREEN"), true),
            (("X-Test", "bluebird"), true),
            (("X-Test", "red"), false),
            (("X-Other", "green"), false),
        ] {
            let headers = [("Accept", "*/*"), header];
            let request = Request::get("example.com", &headers);
            assert_eq!(condition.admits(request), admitted, "{header:?}");
        }
        assert!(!condition.admits(Request::get("example.com", &[])));
    }
}
