//! Which hosts an answer may go to.
//!
//! The event says where to send the answer, and the event may come from anybody who may invoke the
//! function. Without this check the provider could be made to send requests to any host.
//!
//! CloudFormation's URLs point into one bucket per region,
//! `cloudformation-custom-resource-response-<region without hyphens>`. The name is compared as a whole
//! with that of the function's own region: by prefix alone, anybody could register a bucket that matches.
//!
//! AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/vpc-interface-endpoints.html> (the
//! bucket), <https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html> and
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/dual-stack-endpoints.html> (the forms of hosts)

use http::Uri;
use http::uri::{Authority, Scheme};

use crate::telemetry::Sensitive;

/// The hosts that answers may go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResponseHosts {
    /// CloudFormation's bucket in this region, by all names that Amazon S3 has for it; https only.
    CloudFormation {
        /// The function's region.
        region: String,
    },
    /// What `EXPRESS_RESPONSE_HOSTS` lists, and nothing else.
    Listed(Vec<HostPattern>),
}

/// A scheme, a host and a port, such as `http://localhost:*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPattern {
    scheme: Scheme,
    host: String,
    port: PortPattern,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PortPattern {
    Exactly(u16),
    Any,
}

/// A response URL that no answer is sent to. Its texts hold at most the host, never the URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ForeignHost {
    /// Not an absolute URL.
    #[error("the ResponseURL is not an absolute http or https URL")]
    NotAUrl,
    /// It has user information, which makes the host look like another.
    #[error("the ResponseURL has user information before its host")]
    UserInformation,
    /// The host is not allowed.
    #[error("the ResponseURL's host `{0}` is not one of {1}")]
    NotAllowed(String, String),
}

impl ResponseHosts {
    /// CloudFormation's own hosts for a function in `region`.
    #[must_use]
    pub fn cloudformation(region: &str) -> Self {
        Self::CloudFormation {
            region: region.to_owned(),
        }
    }

    /// Patterns separated by commas: `scheme://host`, `scheme://host:port` or `scheme://host:*`.
    ///
    /// A host is compared as a whole; there is no wildcard in it. Without a port, the scheme's own (80, 443).
    ///
    /// # Errors
    /// If `list` names no pattern, or one that is not of that form.
    pub fn parse(list: &str) -> Result<Self, String> {
        let patterns: Vec<_> = list
            .split(',')
            .map(HostPattern::parse)
            .collect::<Result<_, _>>()?;
        Ok(Self::Listed(patterns))
    }

    /// The URL as something that a request can be made of, if its host is allowed.
    ///
    /// # Errors
    /// If it is not.
    pub fn admit(&self, url: &Sensitive<String>) -> Result<Uri, ForeignHost> {
        let uri: Uri = url.expose().parse().map_err(|_| ForeignHost::NotAUrl)?;
        let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else {
            return Err(ForeignHost::NotAUrl);
        };
        if authority.as_str().contains('@') {
            return Err(ForeignHost::UserInformation);
        }
        let port = port_of(scheme, authority)?;
        let host = authority.host().to_ascii_lowercase();
        let allowed = match self {
            Self::CloudFormation { region } => {
                *scheme == Scheme::HTTPS
                    && port == 443
                    && is_cloudformation(region, &host, uri.path())
            }
            Self::Listed(patterns) => patterns
                .iter()
                .any(|pattern| pattern.matches(scheme, &host, port)),
        };
        if allowed {
            Ok(uri)
        } else {
            Err(ForeignHost::NotAllowed(host, self.describe()))
        }
    }

    /// For messages.
    fn describe(&self) -> String {
        match self {
            Self::CloudFormation { region } => format!("CloudFormation's for region `{region}`"),
            Self::Listed(_) => "those in EXPRESS_RESPONSE_HOSTS".to_owned(),
        }
    }
}

impl HostPattern {
    fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let malformed = || {
            format!(
                "`{text}` is not of the form `scheme://host`, `scheme://host:port` or `scheme://host:*`"
            )
        };
        let (scheme, rest) = text.split_once("://").ok_or_else(malformed)?;
        let scheme = match scheme {
            "http" => Scheme::HTTP,
            "https" => Scheme::HTTPS,
            _ => return Err(malformed()),
        };
        let (host, port) = match rest.split_once(':') {
            None => (rest, PortPattern::Exactly(default_port(&scheme))),
            Some((host, "*")) => (host, PortPattern::Any),
            Some((host, port)) => (
                host,
                PortPattern::Exactly(port.parse().map_err(|_| malformed())?),
            ),
        };
        let valid = !host.is_empty()
            && host
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.');
        if !valid {
            return Err(malformed());
        }
        Ok(Self {
            scheme,
            host: host.to_ascii_lowercase(),
            port,
        })
    }

    fn matches(&self, scheme: &Scheme, host: &str, port: u16) -> bool {
        let port_matches = match self.port {
            PortPattern::Exactly(own) => own == port,
            PortPattern::Any => true,
        };
        self.scheme == *scheme && self.host == host && port_matches
    }
}

fn default_port(scheme: &Scheme) -> u16 {
    if *scheme == Scheme::HTTPS { 443 } else { 80 }
}

/// The port that a connection would be made to.
fn port_of(scheme: &Scheme, authority: &Authority) -> Result<u16, ForeignHost> {
    if *scheme != Scheme::HTTP && *scheme != Scheme::HTTPS {
        return Err(ForeignHost::NotAUrl);
    }
    match authority.port_u16() {
        Some(port) => Ok(port),
        None if authority.as_str() == authority.host() => Ok(default_port(scheme)),
        // A colon and no number that is a port.
        None => Err(ForeignHost::NotAUrl),
    }
}

/// Whether `host` and `path` lead to CloudFormation's bucket of `region`.
fn is_cloudformation(region: &str, host: &str, path: &str) -> bool {
    let bucket = format!(
        "cloudformation-custom-resource-response-{}",
        region.replace('-', "")
    );
    // Path style: the bucket is the first segment, and nothing in the path may lead out of it again.
    let in_path = path
        .strip_prefix('/')
        .and_then(|path| path.split('/').next())
        == Some(bucket.as_str())
        && !path.split('/').any(|segment| matches!(segment, "." | ".."));
    match host
        .strip_prefix(bucket.as_str())
        .and_then(|rest| rest.strip_prefix('.'))
    {
        Some(endpoint) => is_s3_endpoint(region, endpoint),
        None => in_path && is_s3_endpoint(region, host),
    }
}

/// Whether `host` is an endpoint of Amazon S3 in `region`.
///
/// `s3.<region>` and, older, `s3-<region>`; dual-stack and FIPS variants; the global `s3` and, for the
/// oldest region, `s3-external-1`; and the name of an interface endpoint of a VPC.
/// AWS: <https://docs.aws.amazon.com/general/latest/gr/s3.html>,
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/privatelink-interface-endpoints.html>
fn is_s3_endpoint(region: &str, host: &str) -> bool {
    let suffix = dns_suffix(region);
    let Some(name) = host
        .strip_suffix(suffix)
        .and_then(|name| name.strip_suffix('.'))
    else {
        return false;
    };
    let regional = [
        format!("s3.{region}"),
        format!("s3-{region}"),
        format!("s3.dualstack.{region}"),
        format!("s3-fips.{region}"),
        format!("s3-fips-{region}"),
        format!("s3-fips.dualstack.{region}"),
    ];
    regional.iter().any(|endpoint| endpoint == name)
        // The global name exists in the partition of the commercial regions only.
        || (name == "s3" && is_commercial(region))
        || (name == "s3-external-1" && region == "us-east-1")
        || is_interface_endpoint(region, name)
}

/// `bucket.vpce-<ids>.s3.<region>.vpce`, where the ids may end in an Availability Zone.
fn is_interface_endpoint(region: &str, name: &str) -> bool {
    let id = name
        .strip_prefix("bucket.vpce-")
        .and_then(|rest| rest.strip_suffix(".vpce"))
        .and_then(|rest| rest.strip_suffix(region))
        .and_then(|rest| rest.strip_suffix(".s3."));
    id.is_some_and(|id| {
        !id.is_empty()
            && id
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    })
}

/// The domain of a region's endpoints.
///
/// AWS's partitions (botocore 1.44.5, `partitions.json`).
fn dns_suffix(region: &str) -> &'static str {
    const SUFFIXES: [(&str, &str); 6] = [
        ("cn-", "amazonaws.com.cn"),
        ("eusc-", "amazonaws.eu"),
        ("us-iso-", "c2s.ic.gov"),
        ("us-isob-", "sc2s.sgov.gov"),
        ("eu-isoe-", "cloud.adc-e.uk"),
        ("us-isof-", "csp.hci.ic.gov"),
    ];
    SUFFIXES
        .into_iter()
        .find_map(|(prefix, suffix)| region.starts_with(prefix).then_some(suffix))
        .unwrap_or("amazonaws.com")
}

/// Whether `region` is in the partition `aws`.
fn is_commercial(region: &str) -> bool {
    dns_suffix(region) == "amazonaws.com" && !region.starts_with("us-gov-")
}

#[cfg(test)]
mod tests;
