//! Listeners. Each has a default rule, which is made, changed and deleted with it.
//!
//! Identity: a load balancer has one listener for each port. CreateListener with the settings of the one
//! that exists, tags included, answers with it; with others it is refused.
//! AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateListener.html>

use serde_json::{Value, json};

use super::action::{self, Action};
use super::rule_index::{Priority, Rule};
use super::tag::{self, Tags};
use super::{State, certificate, load_balancer, page, quota, rule};
use crate::cloud::{Cloud, Outcome};
use crate::wire::{Input, Refusal};

/// The policy of an HTTPS listener that names none.
/// AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html>
const SSL_POLICY_DEFAULT: &str = "ELBSecurityPolicy-2016-08";

/// The policies there are, without their common beginning.
/// AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html>
const SSL_POLICIES: [&str; 29] = [
    "2016-08",
    "FS-2018-06",
    "FS-1-1-2019-08",
    "FS-1-2-2019-08",
    "FS-1-2-Res-2019-08",
    "FS-1-2-Res-2020-10",
    "TLS-1-0-2015-04",
    "TLS-1-1-2017-01",
    "TLS-1-2-2017-01",
    "TLS-1-2-Ext-2018-06",
    "TLS13-1-0-2021-06",
    "TLS13-1-1-2021-06",
    "TLS13-1-2-2021-06",
    "TLS13-1-2-Res-2021-06",
    "TLS13-1-2-Ext1-2021-06",
    "TLS13-1-2-Ext2-2021-06",
    "TLS13-1-3-2021-06",
    "TLS13-1-0-FIPS-2023-04",
    "TLS13-1-1-FIPS-2023-04",
    "TLS13-1-2-FIPS-2023-04",
    "TLS13-1-2-Res-FIPS-2023-04",
    "TLS13-1-2-Ext0-FIPS-2023-04",
    "TLS13-1-2-Ext1-FIPS-2023-04",
    "TLS13-1-2-Ext2-FIPS-2023-04",
    "TLS13-1-3-FIPS-2023-04",
    "TLS13-1-2-PQ-2025-09",
    "TLS13-1-2-Res-PQ-2025-09",
    "TLS13-1-3-PQ-2025-09",
    "TLS13-1-0-PQ-2025-09",
];

/// A listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// `…:listener/app/<load balancer>/<id>/<id>`
    pub arn: String,
    /// Its load balancer.
    pub load_balancer_arn: String,
    /// Unique in the load balancer.
    pub port: u16,
    /// What it speaks.
    pub protocol: Protocol,
    /// The certificates beside the default one, chosen by the name that the client asks for.
    pub extra_certificates: Vec<String>,
    /// The rule for all requests that no other is for.
    pub default_rule_arn: String,
    pub(super) tags: Tags,
}

/// What a listener speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP.
    Http,
    /// HTTPS.
    Https {
        /// TLS versions and ciphers.
        ssl_policy: String,
        /// ARN of the default certificate.
        certificate_arn: String,
    },
}

impl Protocol {
    const fn name(&self) -> &'static str {
        match self {
            Self::Http => "HTTP",
            Self::Https { .. } => "HTTPS",
        }
    }

    pub(super) fn certificate_arn(&self) -> Option<&str> {
        match self {
            Self::Http => None,
            Self::Https {
                certificate_arn, ..
            } => Some(certificate_arn),
        }
    }

    fn ssl_policy(&self) -> Option<&str> {
        match self {
            Self::Http => None,
            Self::Https { ssl_policy, .. } => Some(ssl_policy),
        }
    }

    /// What a call asks for; what it leaves out is as it was in `old`.
    fn parse(cloud: &Cloud, input: Input<'_>, old: Option<&Self>) -> Result<Self, Refusal> {
        let name = match (input.text("Protocol"), old) {
            (Some(name), _) => name,
            (None, Some(old)) => old.name(),
            (None, None) => return Err(super::invalid("A listener protocol must be specified")),
        };
        let given = certificate::default_of_call(cloud, input)?;
        match name {
            "HTTP" if given.is_some() || input.text("SslPolicy").is_some() => Err(super::invalid(
                "Certificates and SSL policies cannot be specified for HTTP listeners",
            )),
            "HTTP" => Ok(Self::Http),
            "HTTPS" => {
                let certificate_arn = given
                    .or_else(|| old.and_then(Self::certificate_arn).map(str::to_owned))
                    .ok_or_else(|| {
                        super::invalid("A certificate must be specified for HTTPS listeners")
                    })?;
                let ssl_policy = input
                    .text("SslPolicy")
                    .or_else(|| old.and_then(Self::ssl_policy))
                    .unwrap_or(SSL_POLICY_DEFAULT);
                let known = ssl_policy.strip_prefix("ELBSecurityPolicy-");
                if known.is_none_or(|name| !SSL_POLICIES.contains(&name)) {
                    return Err(Refusal::client(
                        "SSLPolicyNotFound",
                        format!("SSL policy '{ssl_policy}' not found"),
                    ));
                }
                Ok(Self::Https {
                    ssl_policy: ssl_policy.to_owned(),
                    certificate_arn,
                })
            }
            other => Err(Refusal::client(
                "UnsupportedProtocol",
                format!("Listener protocol '{other}' must be one of 'HTTP, HTTPS'"),
            )),
        }
    }
}

impl Listener {
    fn describe(&self, default_action: &Action) -> Value {
        let certificates: Vec<Value> = self
            .protocol
            .certificate_arn()
            .map(|arn| json!({"CertificateArn": arn}))
            .into_iter()
            .collect();
        json!({
            "ListenerArn": self.arn,
            "LoadBalancerArn": self.load_balancer_arn,
            "Port": self.port,
            "Protocol": self.protocol.name(),
            "Certificates": certificates,
            "SslPolicy": self.protocol.ssl_policy(),
            "DefaultActions": default_action.describe(),
        })
    }
}

/// The refusal for a listener that does not exist.
pub(super) fn not_found(arn: &str) -> Refusal {
    Refusal::client("ListenerNotFound", format!("Listener '{arn}' not found"))
}

/// The listener that a request names.
pub(super) fn named<'s>(state: &'s State, arn: &str) -> Result<&'s Listener, Refusal> {
    state.listeners.get(arn).ok_or_else(|| not_found(arn))
}

/// The listeners of a load balancer.
pub(super) fn of_load_balancer<'s>(
    state: &'s State,
    load_balancer_arn: &str,
) -> impl Iterator<Item = &'s Listener> {
    // ARNs of listeners begin with their load balancer's path, so they are neighbours.
    let first = format!(
        "{}/",
        load_balancer_arn.replacen(":loadbalancer/", ":listener/", 1)
    );
    state
        .listeners
        .range(first.clone()..)
        .take_while(move |(arn, _)| arn.starts_with(&first))
        .map(|(_, listener)| listener)
}

fn default_rule<'s>(state: &'s State, listener: &Listener) -> Result<&'s Rule, Refusal> {
    let arn = &listener.default_rule_arn;
    state.rules.get(arn).ok_or_else(|| rule::not_found(arn))
}

fn described(state: &State, listener: &Listener) -> Outcome {
    Ok(listener.describe(&default_rule(state, listener)?.action))
}

fn port(input: Input<'_>) -> Result<Option<u16>, Refusal> {
    let Some(given) = input.integer("Port")? else {
        return Ok(None);
    };
    let port = u16::try_from(given).ok().filter(|port| *port > 0);
    match port {
        Some(port) => Ok(Some(port)),
        None => Err(super::invalid(format!(
            "Port '{given}' must be between 1 and 65535"
        ))),
    }
}

pub(super) fn create(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&[
        "LoadBalancerArn",
        "Protocol",
        "Port",
        "SslPolicy",
        "Certificates",
        "DefaultActions",
        "Tags",
    ])?;
    let load_balancer_arn = input.required("LoadBalancerArn")?;
    load_balancer::named(&cloud.elbv2, load_balancer_arn)?;
    let port = port(input)?.ok_or_else(|| super::invalid("A listener port must be specified"))?;
    let protocol = Protocol::parse(cloud, input, None)?;
    let action = action::parse(input, "DefaultActions")?;
    let tags = tag::parse(input)?;
    let state = &cloud.elbv2;
    let siblings = || of_load_balancer(state, load_balancer_arn);
    if let Some(known) = siblings().find(|known| known.port == port) {
        let is_same = known.protocol == protocol
            && known.tags == tags
            && default_rule(state, known)?.action == action;
        if is_same {
            return Ok(json!({"Listeners": [described(state, known)?]}));
        }
        return Err(duplicate(load_balancer_arn));
    }
    if siblings().count() >= quota::LISTENERS_MAX {
        return Err(Refusal::client(
            "TooManyListeners",
            "The maximum number of listeners has been reached on the load balancer",
        ));
    }
    rule::check_action(state, load_balancer_arn, &action, None)?;
    let arn = format!(
        "{}/{}",
        load_balancer_arn.replacen(":loadbalancer/", ":listener/", 1),
        cloud.random.hex(16)
    );
    let rule_path = arn.replacen(":listener/", ":listener-rule/", 1);
    let listener = Listener {
        default_rule_arn: format!("{rule_path}/{}", cloud.random.hex(16)),
        arn,
        load_balancer_arn: load_balancer_arn.to_owned(),
        port,
        protocol,
        extra_certificates: Vec::new(),
        tags,
    };
    let output = json!({"Listeners": [listener.describe(&action)]});
    let default_rule = Rule {
        arn: listener.default_rule_arn.clone(),
        listener_arn: listener.arn.clone(),
        load_balancer_arn: load_balancer_arn.to_owned(),
        priority: Priority::Default,
        conditions: Vec::new(),
        action,
        tags: Tags::new(),
    };
    let certificates = certificate::of(&listener);
    cloud.elbv2.listeners.insert(listener.arn.clone(), listener);
    rule::put(cloud, default_rule);
    certificate::use_changed(cloud, load_balancer_arn, &certificates);
    Ok(output)
}

fn duplicate(load_balancer_arn: &str) -> Refusal {
    Refusal::client(
        "DuplicateListener",
        format!(
            "A listener already exists on this port for this load balancer '{load_balancer_arn}'"
        ),
    )
}

pub(super) fn describe(cloud: &Cloud, input: Input<'_>) -> Outcome {
    input.only(&["LoadBalancerArn", "ListenerArns", "Marker", "PageSize"])?;
    let state = &cloud.elbv2;
    let arns = input.texts("ListenerArns");
    let mut listeners: Vec<&Listener> = match (input.text("LoadBalancerArn"), arns.as_slice()) {
        (Some(load_balancer_arn), []) => {
            load_balancer::named(state, load_balancer_arn)?;
            of_load_balancer(state, load_balancer_arn).collect()
        }
        (None, [_, ..]) => arns
            .iter()
            .map(|arn| named(state, arn))
            .collect::<Result<_, _>>()?,
        _ => {
            return Err(super::invalid(
                "You must specify either listener ARNs or a load balancer ARN",
            ));
        }
    };
    listeners.sort_by(|left, right| left.arn.cmp(&right.arn));
    let (listeners, next) = page::of(listeners, |listener| listener.arn.clone(), input)?;
    let described = listeners
        .into_iter()
        .map(|listener| described(state, listener))
        .collect::<Result<Vec<Value>, Refusal>>()?;
    Ok(json!({"Listeners": described, "NextMarker": next}))
}

pub(super) fn modify(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&[
        "ListenerArn",
        "Port",
        "Protocol",
        "SslPolicy",
        "Certificates",
        "DefaultActions",
    ])?;
    let old = named(&cloud.elbv2, input.required("ListenerArn")?)?.clone();
    let mut listener = old.clone();
    listener.port = port(input)?.unwrap_or(old.port);
    listener.protocol = Protocol::parse(cloud, input, Some(&old.protocol))?;
    if listener.protocol == Protocol::Http {
        listener.extra_certificates.clear();
    }
    let state = &cloud.elbv2;
    let is_taken = of_load_balancer(state, &old.load_balancer_arn)
        .any(|known| known.arn != old.arn && known.port == listener.port);
    if is_taken {
        return Err(duplicate(&old.load_balancer_arn));
    }
    let mut default_rule = default_rule(state, &old)?.clone();
    if input.member("DefaultActions").is_some() {
        default_rule.action = action::parse(input, "DefaultActions")?;
        let (action, replaced) = (&default_rule.action, Some(default_rule.arn.as_str()));
        rule::check_action(state, &old.load_balancer_arn, action, replaced)?;
    }
    let output = json!({"Listeners": [listener.describe(&default_rule.action)]});
    let mut certificates = certificate::of(&old);
    certificates.extend(certificate::of(&listener));
    cloud.elbv2.listeners.insert(listener.arn.clone(), listener);
    rule::put(cloud, default_rule);
    certificate::use_changed(cloud, &old.load_balancer_arn, &certificates);
    Ok(output)
}

pub(super) fn delete(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["ListenerArn"])?;
    let arn = input.required("ListenerArn")?;
    named(&cloud.elbv2, arn)?;
    take(cloud, arn);
    Ok(json!({}))
}

/// Removes a listener with its rules.
pub(super) fn take(cloud: &mut Cloud, arn: &str) {
    let Some(listener) = cloud.elbv2.listeners.remove(arn) else {
        return;
    };
    let rules: Vec<String> = cloud
        .elbv2
        .rules
        .of_listener(arn)
        .map(|rule| rule.arn.clone())
        .collect();
    for rule_arn in rules {
        rule::take(cloud, &rule_arn);
    }
    let certificates = certificate::of(&listener);
    certificate::use_changed(cloud, &listener.load_balancer_arn, &certificates);
}
