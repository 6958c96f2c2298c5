//! The function's environment variables: all that configures it, read once and validated together.
//!
//! AWS's own variables (`AWS_ENDPOINT_URL…`, credentials) are the SDK's business; `AWS_REGION` is read here
//! too, because the hosts that answers may go to depend on it.

use std::fmt;

use express_core::claim::domain::Domain;
use express_core::claim::pool::MEMBERS_MAX;
use express_core::claim::{ATTEMPT_LENGTH_S, SEEN_AFTER_MS};
use express_core::naming;

use crate::cloudformation::response_host::ResponseHosts;

/// Name of the ledger's table.
pub const LEDGER_TABLE: &str = "EXPRESS_LEDGER_TABLE";
/// ARN of the waiter's state machine.
pub const WAITER_STATE_MACHINE_ARN: &str = "EXPRESS_WAITER_STATE_MACHINE_ARN";
/// ARN of the KMS key that seals what the ledger keeps of an open operation.
pub const SEAL_KEY_ARN: &str = "EXPRESS_SEAL_KEY_ARN";
/// Domain below which every service has its host name.
pub const DOMAIN_NAME: &str = "EXPRESS_DOMAIN_NAME";
/// Route 53 hosted zone of that domain. Unset or empty: DNS is managed elsewhere.
pub const HOSTED_ZONE_ID: &str = "EXPRESS_HOSTED_ZONE_ID";
/// ARN of the wildcard certificate for that domain.
pub const CERTIFICATE_ARN: &str = "EXPRESS_CERTIFICATE_ARN";
/// Where answers may go instead of CloudFormation's own hosts. Unset or empty: only there.
pub const RESPONSE_HOSTS: &str = "EXPRESS_RESPONSE_HOSTS";
/// Seconds until AWS surely shows what was changed, where that is another time than in AWS itself: a stand-in may answer
/// without delay, and its clock may run faster. Unset or empty: [`SEEN_AFTER_MS`].
pub const SEEN_AFTER_SECONDS: &str = "EXPRESS_SEEN_AFTER_SECONDS";
/// Set by Lambda. AWS: <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>
pub const REGION: &str = "AWS_REGION";

/// The longest domain: ACM wants the first name of a certificate, here `*.<domain>`, to be at most 64.
///
/// AWS: <https://docs.aws.amazon.com/acm/latest/APIReference/API_RequestCertificate.html>
pub const DOMAIN_NAME_BYTES_MAX: usize = 62;

/// How the function is configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// [`LEDGER_TABLE`].
    pub ledger_table: String,
    /// [`WAITER_STATE_MACHINE_ARN`].
    pub waiter_state_machine_arn: String,
    /// [`SEAL_KEY_ARN`].
    pub seal_key_arn: String,
    /// [`DOMAIN_NAME`], in lower case.
    pub domain_name: String,
    /// [`HOSTED_ZONE_ID`], without `/hostedzone/`.
    pub hosted_zone_id: Option<String>,
    /// [`CERTIFICATE_ARN`].
    pub certificate_arn: String,
    /// [`RESPONSE_HOSTS`], or CloudFormation's in [`REGION`].
    pub response_hosts: ResponseHosts,
    /// [`SEEN_AFTER_SECONDS`], in milliseconds.
    pub seen_after_ms: u64,
    /// Services on one load balancer: [`MEMBERS_MAX`]; less where a test is to fill one.
    pub members_max: u64,
}

/// What is wrong with the environment: one problem per variable, names only, never values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct SettingsError {
    /// At least one.
    pub problems: Vec<SettingsProblem>,
    /// Where answers may go, if at least that is known: then requests can be answered with what is wrong.
    pub response_hosts: Option<ResponseHosts>,
}

/// What is wrong with one variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsProblem {
    /// The variable.
    pub variable: &'static str,
    /// What it should be and is not.
    pub problem: String,
}

impl fmt::Display for SettingsProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.variable, self.problem)
    }
}

impl Settings {
    /// The domain, with its zone.
    #[must_use]
    pub fn domain(&self) -> Domain {
        Domain {
            name: self.domain_name.clone(),
            hosted_zone_id: self.hosted_zone_id.clone(),
        }
    }

    /// The account that the provider is in.
    #[must_use]
    pub fn account_id(&self) -> &str {
        naming::account_of(&self.waiter_state_machine_arn)
    }

    /// Reads and validates all variables; `variable` looks one up.
    ///
    /// # Errors
    /// If any is missing or malformed; the error lists all of them.
    pub fn from_environment(
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, SettingsError> {
        let mut reader = Reader {
            variable,
            problems: Vec::new(),
        };
        let ledger_table = reader.required(
            LEDGER_TABLE,
            "is not the name of a DynamoDB table",
            is_table_name,
        );
        let waiter_state_machine_arn = reader.required(
            WAITER_STATE_MACHINE_ARN,
            "is not the ARN of a Step Functions state machine",
            |arn| is_arn(arn, "states", "stateMachine:"),
        );
        let seal_key_arn = reader.required(SEAL_KEY_ARN, "is not the ARN of a KMS key", |arn| {
            is_arn(arn, "kms", "key/")
        });
        let domain_name = reader.required(
            DOMAIN_NAME,
            "is not a domain name of at most 62 characters with at least two labels",
            is_domain_name,
        );
        let hosted_zone_id = reader.optional(
            HOSTED_ZONE_ID,
            "is not the id of a Route 53 hosted zone",
            |id| is_hosted_zone_id(zone_id(id)),
        );
        let certificate_arn = reader.certificate(waiter_state_machine_arn.as_deref());
        let seen_after_s = reader.optional(
            SEEN_AFTER_SECONDS,
            "is not a whole number of at most 60",
            |text| seconds(text).is_some(),
        );
        let response_hosts = reader.response_hosts();
        let Reader { problems, .. } = reader;
        if !problems.is_empty() {
            return Err(SettingsError {
                problems,
                response_hosts,
            });
        }
        let complete = || {
            Some(Self {
                ledger_table: ledger_table?,
                waiter_state_machine_arn: waiter_state_machine_arn?,
                seal_key_arn: seal_key_arn?,
                domain_name: domain_name?.to_ascii_lowercase(),
                hosted_zone_id: hosted_zone_id.map(|id| zone_id(&id).to_owned()),
                certificate_arn: certificate_arn?,
                response_hosts: response_hosts?,
                seen_after_ms: seen_after_s
                    .and_then(|text| seconds(&text))
                    .map_or(SEEN_AFTER_MS, |seconds| seconds * 1000),
                members_max: MEMBERS_MAX,
            })
        };
        // Every missing part has left a problem above.
        complete().ok_or(SettingsError {
            problems,
            response_hosts: None,
        })
    }
}

/// Up to the length of an attempt.
fn seconds(text: &str) -> Option<u64> {
    let seconds: u64 = text.parse().ok()?;
    (seconds <= u64::from(ATTEMPT_LENGTH_S)).then_some(seconds)
}

/// Looks variables up and notes what is wrong with them.
struct Reader<F> {
    variable: F,
    problems: Vec<SettingsProblem>,
}

impl<F: Fn(&str) -> Option<String>> Reader<F> {
    fn required(
        &mut self,
        variable: &'static str,
        problem: &str,
        is_valid: impl Fn(&str) -> bool,
    ) -> Option<String> {
        let value = self.optional(variable, problem, is_valid);
        let is_unset = (self.variable)(variable).is_none_or(|value| value.is_empty());
        if is_unset {
            self.note(variable, "is not set");
        }
        value
    }

    /// An empty variable counts as unset: a template cannot leave a variable out as easily as empty.
    fn optional(
        &mut self,
        variable: &'static str,
        problem: &str,
        is_valid: impl Fn(&str) -> bool,
    ) -> Option<String> {
        let value = (self.variable)(variable).filter(|value| !value.is_empty())?;
        if is_valid(&value) {
            return Some(value);
        }
        self.note(variable, problem);
        None
    }

    /// A load balancer takes certificates of its own account and region only, which are the waiter's.
    fn certificate(&mut self, waiter: Option<&str>) -> Option<String> {
        let found = self.required(
            CERTIFICATE_ARN,
            "is not the ARN of an ACM certificate",
            |arn| is_arn(arn, "acm", "certificate/"),
        );
        if let (Some(found), Some(waiter)) = (&found, waiter)
            && place_of(found) != place_of(waiter)
        {
            self.note(
                CERTIFICATE_ARN,
                "is of another account or region than the provider, and load balancers take certificates of their own only",
            );
        }
        found
    }

    fn response_hosts(&mut self) -> Option<ResponseHosts> {
        let region = self.required(REGION, "is not a region", is_region);
        match (self.variable)(RESPONSE_HOSTS).filter(|list| !list.is_empty()) {
            None => region.as_deref().map(ResponseHosts::cloudformation),
            Some(list) => match ResponseHosts::parse(&list) {
                Ok(hosts) => Some(hosts),
                Err(problem) => {
                    self.note(RESPONSE_HOSTS, &format!("has a malformed entry: {problem}"));
                    None
                }
            },
        }
    }

    fn note(&mut self, variable: &'static str, problem: &str) {
        self.problems.push(SettingsProblem {
            variable,
            problem: problem.to_owned(),
        });
    }
}

/// AWS: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html>
fn is_table_name(name: &str) -> bool {
    (3..=255).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}

/// Whether `arn` names a resource of `service` whose resource part begins with `kind` and goes on.
fn is_arn(arn: &str, service: &str, kind: &str) -> bool {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let [prefix, partition, its_service, region, account, resource] = parts.as_slice() else {
        return false;
    };
    *prefix == "arn"
        && !partition.is_empty()
        && *its_service == service
        && is_region(region)
        && account.len() == 12
        && account.bytes().all(|b| b.is_ascii_digit())
        && resource
            .strip_prefix(kind)
            .is_some_and(|name| !name.is_empty())
}

/// Region and account of an ARN.
fn place_of(arn: &str) -> Vec<&str> {
    arn.split(':').skip(3).take(2).collect()
}

fn is_region(region: &str) -> bool {
    !region.is_empty()
        && region
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn is_domain_name(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= DOMAIN_NAME_BYTES_MAX && name.contains('.') && name.split('.').all(is_label)
}

/// Route 53 itself writes ids as `/hostedzone/Z…`.
fn zone_id(id: &str) -> &str {
    id.strip_prefix("/hostedzone/").unwrap_or(id)
}

/// AWS: <https://docs.aws.amazon.com/Route53/latest/APIReference/API_HostedZone.html> (at most 32 characters)
fn is_hosted_zone_id(id: &str) -> bool {
    (1..=32).contains(&id.len())
        && id
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    const COMPLETE: [(&str, &str); 7] = [
        (LEDGER_TABLE, "express-ledger"),
        (
            WAITER_STATE_MACHINE_ARN,
            "arn:aws:states:eu-west-1:111122223333:stateMachine:express-waiter",
        ),
        (SEAL_KEY_ARN, "arn:aws:kms:eu-west-1:111122223333:key/0a1b"),
        (DOMAIN_NAME, "Apps.example.com"),
        (HOSTED_ZONE_ID, "/hostedzone/Z0123"),
        (
            CERTIFICATE_ARN,
            "arn:aws:acm:eu-west-1:111122223333:certificate/0a1b",
        ),
        (REGION, "eu-west-1"),
    ];

    fn read(changes: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        Settings::from_environment(|name| {
            let find = |list: &[(&str, &str)]| {
                list.iter()
                    .find(|(variable, _)| *variable == name)
                    .map(|(_, value)| (*value).to_owned())
            };
            find(changes).or_else(|| find(&COMPLETE))
        })
    }

    fn check(changes: &[(&str, &str)], expected: &Expect) {
        expected.assert_eq(&read(changes).unwrap_err().to_string());
    }

    #[test]
    fn a_complete_environment_is_read() {
        let settings = read(&[]).unwrap();
        assert_eq!(settings.domain_name, "apps.example.com");
        assert_eq!(settings.hosted_zone_id.as_deref(), Some("Z0123"));
        assert_eq!(
            settings.response_hosts,
            ResponseHosts::cloudformation("eu-west-1")
        );
    }

    #[test]
    fn a_stand_in_may_show_changes_at_once() {
        assert_eq!(read(&[]).unwrap().seen_after_ms, SEEN_AFTER_MS);
        let settings = read(&[(SEEN_AFTER_SECONDS, "0")]).unwrap();
        assert_eq!(settings.seen_after_ms, 0);
    }

    #[test]
    fn optional_variables_may_be_empty() {
        let settings = read(&[(HOSTED_ZONE_ID, ""), (RESPONSE_HOSTS, "")]).unwrap();
        assert_eq!(settings.hosted_zone_id, None);
        assert_eq!(
            settings.response_hosts,
            ResponseHosts::cloudformation("eu-west-1")
        );
    }

    #[test]
    fn all_problems_are_reported_together() {
        let error = Settings::from_environment(|_| None).unwrap_err();
        expect![
            "EXPRESS_LEDGER_TABLE is not set; EXPRESS_WAITER_STATE_MACHINE_ARN is not set; EXPRESS_SEAL_KEY_ARN is not set; EXPRESS_DOMAIN_NAME is not set; EXPRESS_CERTIFICATE_ARN is not set; AWS_REGION is not set"
        ]
        .assert_eq(&error.to_string());
        assert_eq!(error.response_hosts, None);
    }

    #[test]
    fn each_variable_is_checked() {
        check(
            &[(LEDGER_TABLE, "a/b")],
            &expect!["EXPRESS_LEDGER_TABLE is not the name of a DynamoDB table"],
        );
        check(
            &[(
                WAITER_STATE_MACHINE_ARN,
                "arn:aws:states:eu-west-1:111122223333:activity:a",
            )],
            &expect![
                "EXPRESS_WAITER_STATE_MACHINE_ARN is not the ARN of a Step Functions state machine"
            ],
        );
        check(
            &[(SEAL_KEY_ARN, "arn:aws:kms:eu-west-1:111122223333:key/")],
            &expect!["EXPRESS_SEAL_KEY_ARN is not the ARN of a KMS key"],
        );
        check(
            &[(DOMAIN_NAME, "example")],
            &expect![
                "EXPRESS_DOMAIN_NAME is not a domain name of at most 62 characters with at least two labels"
            ],
        );
        check(
            &[(HOSTED_ZONE_ID, "z0123")],
            &expect!["EXPRESS_HOSTED_ZONE_ID is not the id of a Route 53 hosted zone"],
        );
        check(
            &[(SEEN_AFTER_SECONDS, "61")],
            &expect!["EXPRESS_SEEN_AFTER_SECONDS is not a whole number of at most 60"],
        );
        check(
            &[(
                CERTIFICATE_ARN,
                "arn:aws:iam::111122223333:server-certificate/x",
            )],
            &expect!["EXPRESS_CERTIFICATE_ARN is not the ARN of an ACM certificate"],
        );
        // As for CloudFront, and of another account.
        for elsewhere in ["us-east-1:111122223333", "eu-west-1:444455556666"] {
            let arn = format!("arn:aws:acm:{elsewhere}:certificate/0a1b");
            check(
                &[(CERTIFICATE_ARN, &arn)],
                &expect![
                    "EXPRESS_CERTIFICATE_ARN is of another account or region than the provider, and load balancers take certificates of their own only"
                ],
            );
        }
        check(
            &[(RESPONSE_HOSTS, "localhost")],
            &expect![
                "EXPRESS_RESPONSE_HOSTS has a malformed entry: `localhost` is not of the form `scheme://host`, `scheme://host:port` or `scheme://host:*`"
            ],
        );
    }

    #[test]
    fn a_misconfigured_function_still_knows_where_answers_go() {
        let error = read(&[(LEDGER_TABLE, "")]).unwrap_err();
        assert_eq!(
            error.response_hosts,
            Some(ResponseHosts::cloudformation("eu-west-1"))
        );
    }

    #[test]
    fn domain_names_are_names() {
        let longest = format!("{}.example.com", "a".repeat(50));
        assert_eq!(longest.len(), DOMAIN_NAME_BYTES_MAX);
        for (name, valid) in [
            ("example.com", true),
            (longest.as_str(), true),
            (&format!("a{longest}"), false),
            ("-a.com", false),
            ("a-.com", false),
            ("a..com", false),
            ("a.com.", false),
            ("*.a.com", false),
            ("ä.com", false),
        ] {
            assert_eq!(is_domain_name(name), valid, "{name}");
        }
    }
}
