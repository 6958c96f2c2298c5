//! Application Load Balancers, shared by the services of a pool.
//!
//! Identity: name from the pool and the ordinal. Repeat-safe: CreateLoadBalancer with identical
//! settings returns the existing one; the settings come from the ordinal's item alone, so that whoever
//! creates it asks for the same.
//! Immutable: name, scheme. Subnets are extended when a service needs a further zone, never taken away.
//! AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html>

use std::collections::BTreeMap;

use provider_schema::Scheme;

use super::Tags;

/// A load balancer that is to exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadBalancerSpec {
    /// `express-<pool>-<ordinal>`
    pub name: String,
    /// Reachable from the internet, or from the VPC.
    pub scheme: Scheme,
    /// Subnet by availability zone: those of the ordinal.
    pub subnets: BTreeMap<String, String>,
    /// Tags, from the pool alone.
    pub tags: Tags,
}

/// A load balancer that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedLoadBalancer {
    /// Its ARN.
    pub arn: String,
    /// Its DNS name.
    pub dns_name: String,
    /// The hosted zone of that name, for alias records.
    pub hosted_zone_id: String,
    /// Where it stands.
    pub state: LoadBalancerState,
    /// Its security groups.
    pub security_group_ids: Vec<String>,
    /// Subnet by availability zone.
    pub subnets: BTreeMap<String, String>,
}

/// `State.Code` of a load balancer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadBalancerState {
    /// Being set up.
    Provisioning,
    /// In service, also when impaired.
    Active,
    /// Could not be set up.
    Failed,
}

impl ObservedLoadBalancer {
    /// What metrics call it: `app/<name>/<id>`.
    #[must_use]
    pub fn full_name(&self) -> &str {
        self.arn
            .split_once(":loadbalancer/")
            .map_or(self.arn.as_str(), |(_, name)| name)
    }

    /// Subnet by zone to set so that the load balancer serves `wanted` too; none when it does already.
    #[must_use]
    pub fn extended_subnets(
        &self,
        wanted: &BTreeMap<String, String>,
    ) -> Option<BTreeMap<String, String>> {
        let mut subnets = self.subnets.clone();
        for (zone, subnet) in wanted {
            subnets
                .entry(zone.clone())
                .or_insert_with(|| subnet.clone());
        }
        (subnets.len() > self.subnets.len()).then_some(subnets)
    }
}
