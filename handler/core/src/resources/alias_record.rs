//! Alias records: the service's host name leads to its load balancer.
//!
//! Identity: name and type in the provider's hosted zone. Repeat-safe: CREATE is refused where there is a
//! record, which is then looked at; UPSERT writes the same again. Only an alias to the service's own load
//! balancer is ever deleted, and only with exactly the values that were observed.
//! AWS: <https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeResourceRecordSets.html>

/// A record that is to exist: type A, without evaluation of target health (the listener answers for
/// 25 services; the health of one says nothing of the others).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AliasRecordSpec {
    /// The provider's hosted zone.
    pub hosted_zone_id: String,
    /// The service's host name.
    pub host: String,
    /// DNS name of the load balancer.
    pub target_dns_name: String,
    /// The load balancer's hosted zone.
    pub target_hosted_zone_id: String,
}

/// A record that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedAliasRecord {
    /// DNS name that it leads to, as Route 53 writes it.
    pub target_dns_name: String,
    /// Hosted zone of that name.
    pub target_hosted_zone_id: String,
    /// As it was found: a deletion must repeat it.
    pub evaluate_target_health: bool,
    /// The type of a record that is none of type A, such as `CNAME`: it leads clients elsewhere, or leaves no room for
    /// ours, and is never ours.
    pub other_type: Option<String>,
}

/// How long it usually takes at most until every name server of Route 53 answers with a change: 60 s, and the 10 s that the
/// call itself may take, because its time is noted before.
/// AWS: <https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeResourceRecordSets.html>
pub const SPREADING_MS: u64 = (60 + 10) * 1000;
/// How long after Route 53 has said that a change is not everywhere it is asked again.
pub const SPREADS_ON_MS: u64 = 10_000;

/// What is known of the change that has pointed the host name of a service that moves at another load balancer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AliasChange {
    /// Of no change: time has to tell.
    #[default]
    None,
    /// Its id. It was just made, so that it cannot be everywhere yet.
    Made(String),
    /// Its id. Route 53 was not asked since, or did not answer: time has to tell.
    Unknown(String),
    /// Some name servers still answer with what was before (`PENDING`).
    Spreading,
    /// Every name server answers with it (`INSYNC`).
    Everywhere,
}

/// The name that it leads to, as ELB writes it.
#[must_use]
pub fn target(observed: &ObservedAliasRecord) -> String {
    bare_target(observed).to_ascii_lowercase()
}

/// Whether the record leads elsewhere.
#[must_use]
pub fn differs(spec: &AliasRecordSpec, observed: &ObservedAliasRecord) -> bool {
    observed.other_type.is_some()
        || !bare_target(observed).eq_ignore_ascii_case(&spec.target_dns_name)
}

/// Whether the record leads to the load balancer of this name, which need not exist any more: its DNS
/// name begins with `<name>-<id>.`, after `internal-` when it is internal.
/// AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html#dns-name>
#[must_use]
pub fn leads_to(observed: &ObservedAliasRecord, load_balancer_name: &str) -> bool {
    if observed.other_type.is_some() {
        return false;
    }
    let target = bare_target(observed).to_ascii_lowercase();
    let target = target.strip_prefix("internal-").unwrap_or(&target);
    target
        .strip_prefix(load_balancer_name)
        .and_then(|rest| rest.strip_prefix('-'))
        .and_then(|rest| rest.split_once('.'))
        .is_some_and(|(id, _)| id.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// Route 53 ends names with a dot and may put `dualstack.` before.
fn bare_target(observed: &ObservedAliasRecord) -> &str {
    let found = observed.target_dns_name.trim_end_matches('.');
    found.strip_prefix("dualstack.").unwrap_or(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn record_is_told_by_the_name_of_the_load_balancer() {
        for (target, is_ours) in [
            ("express-0a1b2c3d-1-123.eu-west-1.elb.amazonaws.com", true),
            (
                "dualstack.express-0a1b2c3d-1-123.eu-west-1.elb.amazonaws.com.",
                true,
            ),
            (
                "Internal-Express-0a1b2c3d-1-123.eu-west-1.elb.amazonaws.com",
                true,
            ),
            (
                "express-0a1b2c3d-1-0123456789abcdef.elb.us-east-2.amazonaws.com",
                true,
            ),
            // The tenth load balancer is another one, and so is what only begins alike.
            ("express-0a1b2c3d-10-123.eu-west-1.elb.amazonaws.com", false),
            (
                "express-0a1b2c3d-1-of-theirs-123.eu-west-1.elb.amazonaws.com",
                false,
            ),
            ("theirs-123.eu-west-1.elb.amazonaws.com", false),
            ("192.0.2.1", false),
        ] {
            let record = ObservedAliasRecord {
                target_dns_name: target.to_owned(),
                target_hosted_zone_id: "Z1".to_owned(),
                evaluate_target_health: false,
                other_type: None,
            };
            assert_eq!(leads_to(&record, "express-0a1b2c3d-1"), is_ours, "{target}");
            let of_other_type = ObservedAliasRecord {
                other_type: Some("AAAA".to_owned()),
                ..record
            };
            assert!(!leads_to(&of_other_type, "express-0a1b2c3d-1"), "{target}");
        }
    }
}
