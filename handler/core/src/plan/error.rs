//! What planning refuses, in the user's words.

use provider_schema::Scheme;

use crate::decision::HandlerErrorCode;
use crate::network::scheme_name;

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// No subnets were given, and there is no default VPC to take them from.
    #[error(
        "there is no default VPC with default subnets in this region; name the subnets in `NetworkConfiguration.Subnets`"
    )]
    NoDefaultVpc,
    /// Some of the subnets do not exist.
    #[error("subnets `{}` do not exist in this account and region; correct `NetworkConfiguration.Subnets`", subnet_ids.join("`, `"))]
    SubnetsNotFound {
        /// Those that are missing.
        subnet_ids: Vec<String>,
    },
    /// The subnets are not of one VPC.
    #[error("subnet `{}` is in `{}` but subnet `{}` is in `{}`; all subnets must be in one VPC", first.0, first.1, second.0, second.1)]
    SubnetsOfSeveralVpcs {
        /// Subnet and VPC.
        first: (String, String),
        /// Subnet and VPC.
        second: (String, String),
    },
    /// Some of the subnets have IPv6 only.
    #[error("subnets `{}` have no IPv4 addresses, by which a load balancer reaches its tasks; give subnets with an IPv4 range in `NetworkConfiguration.Subnets`", subnet_ids.join("`, `"))]
    SubnetsWithoutIpv4 {
        /// Which.
        subnet_ids: Vec<String>,
    },
    /// All subnets are in one zone.
    #[error("the subnets are all in `{}`; a load balancer needs subnets in at least 2 availability zones; add one in another", zones.join("`, `"))]
    TooFewZones {
        /// The zones that they are in.
        zones: Vec<String>,
    },
    /// Some subnets lead to the internet and some do not.
    #[error(
        "some of the subnets have a route to an internet gateway and some do not; set `LoadBalancer.Scheme`, or give subnets of one kind. Where the template makes the routes, let the service `DependsOn` them"
    )]
    MixedSubnets,
    /// There is no place for the load balancer.
    #[error("no {scheme} load balancer can reach the tasks: it would need a subnet {} in zones `{}`, and the VPC has none there; make one, give other subnets, or choose the other `LoadBalancer.Scheme`", subnet_for(scheme), zones.join("`, `"))]
    NoIngressSubnets {
        /// The load balancer's scheme.
        scheme: &'static str,
        /// The zones without one.
        zones: Vec<String>,
    },
    /// The named cluster does not exist.
    #[error(
        "cluster `{cluster}` does not exist or is not active; create it, or leave `Cluster` out to use `default`"
    )]
    ClusterNotFound {
        /// Its name.
        cluster: String,
    },
    /// Something of the needed name exists and is not ours.
    #[error(
        "{resource} already exists and does not belong to this resource; choose another `ServiceName`, or remove it first"
    )]
    OwnedByAnother {
        /// What.
        resource: String,
    },
    /// A part of the service has lost the tag that says whose it is.
    #[error(
        "{resource} has no tag `{}`: somebody has taken it off, so it is neither changed nor deleted. Put the tag back, with the value that the other parts of the service have, or delete the resource yourself; then ask again",
        crate::naming::TAG_OWNER
    )]
    OwnerTagMissing {
        /// Which.
        resource: String,
    },
    /// The given task definition does not exist or cannot be used.
    #[error("task definition `{arn}` {problem}")]
    TaskDefinitionUnfit {
        /// Its ARN.
        arn: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Somebody deployed a task definition that we did not register.
    #[error(
        "the service runs `{arn}`, which this provider did not register; an update would overwrite it. Set `TaskDefinitionArn` to keep it, or deploy a revision of ours again first"
    )]
    ForeignTaskDefinition {
        /// With the revision.
        arn: String,
    },
    /// The subnets are of another VPC than the service.
    #[error(
        "the VPC of a running service cannot be changed; give the resource another `ServiceName` to make a new service beside it"
    )]
    MoveOutOfVpc,
    /// A move between load balancers that needs DNS, which is managed elsewhere.
    #[error(
        "the service would move to another load balancer, but its host name is not in a hosted zone of the provider, so requests would fail until somebody points it there; give the resource another `ServiceName` to make a new service beside it"
    )]
    MoveWithoutDns,
    /// A move between load balancers, to zones in which the present one is not.
    #[error(
        "the service would move to another load balancer and to zones `{}` at once, where its present load balancer is not, so it could not serve from both; update the subnets within the zones `{}` first", zones.join("`, `"), present.join("`, `")
    )]
    MoveBetweenZones {
        /// The zones that the present load balancer is not in.
        zones: Vec<String>,
        /// Those that it is in.
        present: Vec<String>,
    },
    /// A move between load balancers that would not end before CloudFormation gives up.
    #[error(
        "the service would move to another load balancer by two rolling deployments, which takes about {needed_s} s; give `ServiceTimeout` at least {missing_s} s more, or let `Deployment.RollbackAlarm` evaluate fewer periods"
    )]
    MoveWithoutTime {
        /// Seconds that it takes.
        needed_s: u64,
        /// Seconds that it lacks.
        missing_s: u64,
    },
    /// A move that an update back to the old properties could not undo in time.
    #[error(
        "the service would move to another load balancer, and the `ServiceTimeout` that it has had until now is {missing_s} s too short to move it back when something else in the stack fails; update `ServiceTimeout` first, or let `Deployment.RollbackAlarm` evaluate fewer periods, then move the service, and nothing else, with another update"
    )]
    MoveBackWithoutTime {
        /// How much longer it has to be.
        missing_s: u64,
    },
    /// A move between load balancers of a service with test traffic.
    #[error(
        "the service would move to another load balancer while it has `Deployment.TestTraffic`, whose rule cannot be on both; update it without `TestTraffic` first, then move it, and set `TestTraffic` again after that"
    )]
    MoveWithTestTraffic,
    /// A move between load balancers of a service to whose rule people have added something.
    #[error(
        "the service would move to another load balancer, where it gets a new listener rule, and what somebody has added to the present one, `{rule}`, would be lost: host names, conditions or actions beside those for `{host}`. Take them off, update again, and put them on the new rule; or change `ServiceName` as well and remove the old service when nobody uses it any more"
    )]
    MoveWithOwnRule {
        /// ARN of the rule.
        rule: String,
        /// The host name that it was made for.
        host: String,
    },
    /// A move to a third load balancer while another move has not ended.
    #[error(
        "an earlier update has left the service between two load balancers; undo its change of `LoadBalancer` and subnets, or repeat it, before the service moves to a third"
    )]
    BetweenLoadBalancers,
    /// A load balancer that the ledger does not know of.
    #[error(
        "the service is behind load balancer `{found}`, and the provider's table says `{known}`: the table was restored from before the service moved. Update the resource with the `LoadBalancer` and subnets that it had when that update succeeded, as a rollback does; that corrects the table, and then it can move. If that is refused in the same way, restore the table to a later point in time"
    )]
    BehindUnknownLoadBalancer {
        /// What ECS names.
        found: String,
        /// What the ledger has.
        known: String,
    },
    /// The deployment of this operation did not succeed.
    #[error("the deployment of service `{service}` failed: {reason}")]
    DeploymentFailed {
        /// The service.
        service: String,
        /// In ECS's words.
        reason: String,
    },
    /// What is deployed does not stay as it was asked for.
    #[error(
        "service `{service}` still differs from the template in `{fields}` after several deployments: somebody else changes it at the same time, or ECS does not keep what it is told. See who calls UpdateService in CloudTrail"
    )]
    NeverAsDesired {
        /// The service.
        service: String,
        /// ECS's names of what differs.
        fields: String,
    },
    /// There is no time left for a deployment.
    #[error(
        "what is left of `ServiceTimeout` is too little for a deployment of service `{service}` and its rollback, so none is begun; give it more seconds, at most 3600, and update again"
    )]
    TooLateToDeploy {
        /// The service.
        service: String,
    },
    /// The rollback alarm did not recover.
    #[error(
        "alarm `{alarm}` is in ALARM; ECS would not watch a deployment that starts now. See what it measures in CloudWatch, and update again once it is OK"
    )]
    AlarmInAlarm {
        /// Its name.
        alarm: String,
    },
    /// The load balancer could not be set up.
    #[error("load balancer `{name}` could not be set up; look at it in the EC2 console")]
    LoadBalancerFailed {
        /// Its name.
        name: String,
    },
}

/// What subnet a load balancer of this scheme needs.
fn subnet_for(scheme: &str) -> &'static str {
    if scheme == scheme_name(Scheme::Internal) {
        "without a route to an internet gateway"
    } else {
        "with a route to an internet gateway"
    }
}

impl PlanError {
    /// Whether AWS may say so of what the same stack has made a moment ago, and otherwise at a second look.
    #[must_use]
    pub const fn may_be_unseen(&self) -> bool {
        matches!(
            self,
            Self::SubnetsNotFound { .. } | Self::MixedSubnets | Self::ClusterNotFound { .. }
        )
    }

    /// Whether it is what somebody else has done that must not be undone; waiting, and asking for less, do not help.
    #[must_use]
    pub const fn is_of_somebody_else(&self) -> bool {
        matches!(
            self,
            Self::ForeignTaskDefinition { .. }
                | Self::TaskDefinitionUnfit { .. }
                | Self::OwnedByAnother { .. }
                | Self::OwnerTagMissing { .. }
                | Self::BehindUnknownLoadBalancer { .. }
        )
    }

    /// CloudFormation's word for it.
    #[must_use]
    pub const fn class(&self) -> HandlerErrorCode {
        match self {
            Self::NoDefaultVpc
            | Self::SubnetsOfSeveralVpcs { .. }
            | Self::SubnetsWithoutIpv4 { .. }
            | Self::TooFewZones { .. }
            | Self::MixedSubnets
            | Self::NoIngressSubnets { .. }
            | Self::TaskDefinitionUnfit { .. } => HandlerErrorCode::InvalidRequest,
            Self::SubnetsNotFound { .. } | Self::ClusterNotFound { .. } => {
                HandlerErrorCode::NotFound
            }
            Self::OwnedByAnother { .. } => HandlerErrorCode::AlreadyExists,
            Self::ForeignTaskDefinition { .. }
            | Self::OwnerTagMissing { .. }
            | Self::BehindUnknownLoadBalancer { .. } => HandlerErrorCode::ResourceConflict,
            Self::MoveOutOfVpc
            | Self::MoveWithoutDns
            | Self::MoveWithoutTime { .. }
            | Self::MoveBackWithoutTime { .. }
            | Self::MoveWithTestTraffic
            | Self::MoveWithOwnRule { .. }
            | Self::MoveBetweenZones { .. }
            | Self::BetweenLoadBalancers => HandlerErrorCode::NotUpdatable,
            Self::DeploymentFailed { .. }
            | Self::NeverAsDesired { .. }
            | Self::TooLateToDeploy { .. }
            | Self::AlarmInAlarm { .. }
            | Self::LoadBalancerFailed { .. } => HandlerErrorCode::NotStabilized,
        }
    }
}
