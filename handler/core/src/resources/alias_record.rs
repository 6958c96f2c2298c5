//! Alias records: the service's host name leads to its load balancer.
//!
//! Identity: name and type in the provider's hosted zone. Repeat-safe: UPSERT. Only an alias to one of
//! our load balancers is ever deleted, and only with exactly the values that were observed.
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
}

/// Whether the record leads elsewhere. Route 53 ends names with a dot and may put `dualstack.` before.
#[must_use]
pub fn differs(spec: &AliasRecordSpec, observed: &ObservedAliasRecord) -> bool {
    let found = observed.target_dns_name.trim_end_matches('.');
    let found = found.strip_prefix("dualstack.").unwrap_or(found);
    !found.eq_ignore_ascii_case(&spec.target_dns_name)
}
