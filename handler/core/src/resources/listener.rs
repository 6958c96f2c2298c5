//! The two listeners of a shared load balancer: HTTPS, whose rules lead to the services and which
//! answers 404 to unknown hosts, and HTTP, which redirects to HTTPS.
//!
//! Identity: load balancer and port. Repeat-safe: CreateListener with identical settings returns the
//! existing one, and to set the same certificate twice changes nothing. They go with their load balancer.
//! AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateListener.html>,
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_ModifyListener.html>

use super::Tags;

/// HTTPS port.
pub const HTTPS_PORT: u16 = 443;
/// HTTP port.
pub const HTTP_PORT: u16 = 80;
/// TLS 1.2 and 1.3, ELB's recommendation for general use.
/// AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html>
pub const SSL_POLICY: &str = "ELBSecurityPolicy-TLS13-1-2-2021-06";

/// A listener that is to exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerSpec {
    /// Its load balancer.
    pub load_balancer_arn: String,
    /// What it does.
    pub role: ListenerRole,
    /// Tags, from the pool alone.
    pub tags: Tags,
}

/// What a listener does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenerRole {
    /// Port 443 with this certificate; 404 by default.
    Https {
        /// The provider's wildcard certificate.
        certificate_arn: String,
    },
    /// Port 80; redirects to HTTPS.
    Redirect,
}

/// A listener that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedListener {
    /// Its ARN.
    pub arn: String,
    /// Its port.
    pub port: u16,
    /// Its default certificate; none for HTTP.
    pub certificate_arn: Option<String>,
    /// Whether people have given it another default action than the one it was made with: theirs, and never written.
    pub has_other_default_action: bool,
}

impl ObservedListener {
    /// Whether it is on a port on which every load balancer of ours listens. One on another port is people's.
    #[must_use]
    pub const fn is_on_port_of_ours(&self) -> bool {
        matches!(self.port, HTTPS_PORT | HTTP_PORT)
    }

    /// Whether it shows clients another certificate than this one.
    #[must_use]
    pub fn has_other_certificate(&self, certificate_arn: &str) -> bool {
        self.certificate_arn.as_deref() != Some(certificate_arn)
    }
}
