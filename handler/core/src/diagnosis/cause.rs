//! The closed list of causes: code, class, what proves it, and what to do.
//!
//! The order is the ranking: a cause stands before what it leads to, and what names a thing before what only
//! says that something is wrong. `handler/ERRORS.md` has an entry for each code; a test compares the two.

use crate::decision::HandlerErrorCode;

/// How long a role may take to be known everywhere in IAM: roles that the same stack makes are common.
/// AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency>
pub const IAM_PROPAGATION_MS: u64 = 120_000;
/// How long one waits for what others may give back: capacity, addresses, a registry's or an account's limit.
/// ECS itself goes on trying.
/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-throttle-logic.html>
const CAPACITY_PATIENCE_MS: u64 = 300_000;

/// How long a secret or a parameter may take to be found: what the same stack makes is read from many places, and
/// its value may come after it.
/// AWS: <https://docs.aws.amazon.com/secretsmanager/latest/userguide/troubleshoot.html>
const CONSISTENCY_MS: u64 = 120_000;
/// How long a route may be missing: a NAT gateway or a VPC endpoint of the same stack takes minutes to be made.
/// AWS: <https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-troubleshooting.html>
const ROUTE_PATIENCE_MS: u64 = 300_000;

/// From when on a cause leaves no other outcome than a failed deployment, as long as no task is healthy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Seen once in a task of the deployment, while none has started: trying again cannot change it.
    Once,
    /// Seen in a task that was begun after another had stopped for the same, and so many milliseconds after the
    /// deployment was made.
    Repeated(u64),
    /// Still there, in the newest task that tells anything, so many milliseconds after the deployment was made.
    Lasting(u64),
    /// The application's own: ECS's circuit breaker judges, as the user has set it. Where it is switched off,
    /// as many starts in turn as ECS would allow by default.
    Breaker,
    /// The load balancer still sees it when a task has had its grace period: many applications answer so while
    /// they start.
    Grace,
    /// It proves nothing.
    Never,
}

macro_rules! causes {
    ($($(#[$comment:meta])+ $name:ident, $class:ident, $proof:expr, $remedy:literal;)+) => {
        /// Why a service does not become, or stay, what was asked for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Cause {
            $($(#[$comment])+ $name,)+
        }

        impl Cause {
            /// Every cause, the most telling first.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// Its name in reasons, logs and `ERRORS.md`; it never changes.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)+ }
            }

            /// CloudFormation's word for it.
            #[must_use]
            pub const fn class(self) -> HandlerErrorCode {
                match self { $(Self::$name => HandlerErrorCode::$class,)+ }
            }

            /// What proves it.
            #[must_use]
            pub const fn proof(self) -> Proof {
                match self { $(Self::$name => $proof,)+ }
            }

            /// What to do.
            #[must_use]
            pub const fn remedy(self) -> &'static str {
                match self { $(Self::$name => $remedy,)+ }
            }
        }
    };
}

impl Cause {
    /// Whether it is a role that cannot be used, or may do too little: soon after the role was made that may pass.
    #[must_use]
    pub const fn is_of_a_role(self) -> bool {
        matches!(
            self,
            Self::InfrastructureRoleNotUsable
                | Self::InfrastructureRoleLacksAction
                | Self::ExecutionRoleNotAssumable
                | Self::ExecutionRoleLacksAction
                | Self::TaskRoleNotAssumable
        )
    }
}

causes! {
    /// The infrastructure role cannot be assumed, or may do nothing.
    InfrastructureRoleNotUsable, AccessDenied, Proof::Lasting(IAM_PROPAGATION_MS),
    "let `ecs.amazonaws.com` assume the role, and attach AmazonECSInfrastructureRolePolicyForLoadBalancers to it";
    /// The infrastructure role may not do one thing.
    InfrastructureRoleLacksAction, AccessDenied, Proof::Lasting(IAM_PROPAGATION_MS),
    "attach AmazonECSInfrastructureRolePolicyForLoadBalancers to the role, or allow the action";
    /// The execution role cannot be assumed.
    ExecutionRoleNotAssumable, AccessDenied, Proof::Lasting(IAM_PROPAGATION_MS),
    "let `ecs-tasks.amazonaws.com` assume the role in its trust policy";
    /// The task role cannot be assumed.
    TaskRoleNotAssumable, AccessDenied, Proof::Lasting(IAM_PROPAGATION_MS),
    "let `ecs-tasks.amazonaws.com` assume the role in its trust policy";
    /// The execution role may not do one thing.
    ExecutionRoleLacksAction, AccessDenied, Proof::Lasting(IAM_PROPAGATION_MS),
    "allow the action in a policy of the execution role; check policies of the resource, too";
    /// The image is for another processor.
    WrongArchitecture, InvalidRequest, Proof::Once,
    "build the image for the service's `CpuArchitecture` (docker build --platform), or change that property";
    /// There is no such image.
    ImageNotFound, NotFound, Proof::Once,
    "correct `PrimaryContainer.Image`, or push the image; a private registry outside ECR needs `RepositoryCredentials`";
    /// The registry does not let the image be pulled.
    ImagePullDenied, AccessDenied, Proof::Lasting(IAM_PROPAGATION_MS),
    "allow the execution role to pull (AmazonECSTaskExecutionRolePolicy) and check the repository's policy";
    /// The registry cannot be reached.
    RegistryUnreachable, NotStabilized, Proof::Repeated(ROUTE_PATIENCE_MS),
    "give the task subnets a route (NAT gateway, or VPC endpoints for ecr.api, ecr.dkr and S3) and let their \
     security groups send HTTPS";
    /// The registry is asked too often.
    RegistryRateLimited, Throttling, Proof::Lasting(CAPACITY_PATIENCE_MS),
    "use Amazon ECR or a pull-through cache, or give `RepositoryCredentials`";
    /// The image does not fit on the task's disk.
    DiskFull, NotStabilized, Proof::Repeated(0),
    "make the image smaller: a Fargate task has 20 GiB of storage";
    /// The image cannot be pulled, for another reason.
    ImageNotPulled, NotStabilized, Proof::Repeated(ROUTE_PATIENCE_MS),
    "check the image with docker pull from the same network, with the execution role's permissions";
    /// A secret does not have the key that is asked of it.
    SecretKeyNotFound, NotFound, Proof::Lasting(CONSISTENCY_MS),
    "correct the key after the secret's ARN in `Secrets`, or add it to the secret";
    /// There is no such secret.
    SecretNotFound, NotFound, Proof::Lasting(CONSISTENCY_MS),
    "correct the ARN in `Secrets`, or create the secret";
    /// There is no such parameter.
    ParameterNotFound, NotFound, Proof::Lasting(CONSISTENCY_MS),
    "correct the ARN in `Secrets`, or create the parameter";
    /// Where secrets are kept cannot be reached.
    SecretsUnreachable, NotStabilized, Proof::Repeated(ROUTE_PATIENCE_MS),
    "give the task subnets a route (NAT gateway, or VPC endpoints for secretsmanager and ssm) and let their \
     security groups send HTTPS";
    /// CloudWatch Logs cannot be reached.
    LogsUnreachable, NotStabilized, Proof::Repeated(ROUTE_PATIENCE_MS),
    "give the task subnets a route (NAT gateway, or a VPC endpoint for logs) and let their security groups send HTTPS";
    /// There is no such log group.
    LogGroupNotFound, NotFound, Proof::Repeated(IAM_PROPAGATION_MS),
    "create the log group, or deploy again: the provider creates one that is missing";
    /// The command of the container cannot be run.
    CommandNotFound, InvalidRequest, Proof::Once,
    "correct `PrimaryContainer.Command`, or the image's entry point";
    /// The container needed more memory than it has.
    OutOfMemory, NotStabilized, Proof::Breaker,
    "raise `Memory`, or make the application use less";
    /// The container ended by itself with an error.
    ContainerCrashed, NotStabilized, Proof::Breaker,
    "read the log of the container; what it needs to start is missing or wrong";
    /// The container ended by itself without an error.
    ContainerFinished, NotStabilized, Proof::Breaker,
    "run a server in the foreground: a service's container must not end";
    /// The container's own health check failed.
    ContainerHealthCheckFailed, NotStabilized, Proof::Breaker,
    "run the health check's command in the image; give it a `startPeriod` if the application starts slowly";
    /// The application listens on another port.
    WrongPort, InvalidRequest, Proof::Grace,
    "set `PrimaryContainer.ContainerPort` to the port that the application listens on, or the other way round";
    /// The application listens on the loopback address only.
    LocalhostOnly, InvalidRequest, Proof::Grace,
    "let the application listen on 0.0.0.0";
    /// The health check gets an answer that tells of a wrong path or of an application that wants something.
    HealthCheckRefused, InvalidRequest, Proof::Grace,
    "set `HealthCheckPath` to a path that answers 200 without authentication or redirect";
    /// The application says that it is not well.
    HealthCheckFailed, NotStabilized, Proof::Breaker,
    "read the log of the container: it answers with a server error";
    /// The health check gets no answer in time.
    HealthCheckTimeout, NotStabilized, Proof::Breaker,
    "let the path answer within 5 seconds, and check security groups and network ACLs of the task subnets";
    /// Nothing accepts the health check's connection.
    NotListening, NotStabilized, Proof::Breaker,
    "check that the application listens on 0.0.0.0 and on `ContainerPort`, and starts within 5 minutes";
    /// Fargate has no capacity in the zones.
    FargateCapacity, ServiceLimitExceeded, Proof::Lasting(CAPACITY_PATIENCE_MS),
    "deploy again later, or give subnets in further zones";
    /// The account may not run more.
    FargateQuota, ServiceLimitExceeded, Proof::Lasting(IAM_PROPAGATION_MS),
    "request an increase of `Fargate On-Demand vCPU resource count` in Service Quotas; a deployment needs room for \
     both revisions";
    /// The account may not run a task so large.
    TaskSizeAboveLimit, ServiceLimitExceeded, Proof::Once,
    "lower `Cpu` or `Memory`, or request an increase in Service Quotas";
    /// A subnet has no address left.
    SubnetOutOfAddresses, ServiceLimitExceeded, Proof::Lasting(IAM_PROPAGATION_MS),
    "give further or larger subnets; a deployment needs an address for each task of both revisions";
    /// Too many load balancers.
    LoadBalancerQuota, ServiceLimitExceeded, Proof::Once,
    "request an increase of `Application Load Balancers per Region` in Service Quotas, or delete unused ones";
    /// Too many target groups.
    TargetGroupQuota, ServiceLimitExceeded, Proof::Once,
    "request an increase of `Target Groups per Region` in Service Quotas, or delete unused ones";
    /// Too many listener rules, or target groups behind them, on the load balancer.
    RuleQuota, ServiceLimitExceeded, Proof::Once,
    "deploy a new service again, and it gets a place on another load balancer; for one that is there, remove rules that \
     people have added, or request an increase of `Rules per Application Load Balancer` or of `Target Groups per \
     Application Load Balancer` in Service Quotas";
    /// Too many rules in one security group.
    SecurityGroupRuleQuota, ServiceLimitExceeded, Proof::Once,
    "request an increase of `Inbound or outbound rules per security group` in Service Quotas, or remove rules from \
     that group";
    /// Too many security groups.
    SecurityGroupQuota, ServiceLimitExceeded, Proof::Once,
    "request an increase of `VPC security groups per Region` in Service Quotas, or delete unused ones";
    /// Another quota.
    OtherQuota, ServiceLimitExceeded, Proof::Once,
    "request an increase of the quota that AWS names, in Service Quotas";
    /// An alarm has rolled the deployment back.
    AlarmRolledBack, NotStabilized, Proof::Once,
    "look at what the alarm measures, and at the log of the application, for the time of the deployment";
    /// An alarm was in ALARM before the deployment.
    AlarmInAlarm, NotStabilized, Proof::Never,
    "look at what the alarm measures in CloudWatch, and update when it is OK";
    /// A lifecycle hook has ended the deployment.
    LifecycleHookFailed, NotStabilized, Proof::Once,
    "read the log of the hook's function; if it was never called, let `ecs.amazonaws.com` assume the hook's role and \
     allow it lambda:InvokeFunction";
    /// The listener rule is not as ECS needs it.
    ListenerRuleChanged, ResourceConflict, Proof::Once,
    "deploy again: the provider restores the rule; find out who changes it";
    /// The host name belongs to somebody else.
    HostNameTaken, AlreadyExists, Proof::Once,
    "choose another `ServiceName`, or remove the record or the other service first";
    /// A service of this name is still being deleted.
    PredecessorDraining, ResourceConflict, Proof::Never,
    "wait until the old service is INACTIVE, then deploy again; if it stays, its infrastructure role is missing: \
     restore that";
}
