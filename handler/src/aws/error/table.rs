//! Which AWS error code is which class of failure.
//!
//! Codes are those that the operations we call declare in AWS's service models (botocore 1.44.5); for EC2,
//! whose model declares none, those of its list of error codes. A service's own row comes before a row for
//! all services.
//! AWS: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>,
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/CommonErrors.html>

use express_core::decision::HandlerErrorCode as Class;

/// The class of a failure, or `None` for a code that nobody has classified yet.
///
/// `operation` is named as in IAM; `status` is that of the HTTP answer.
pub(super) fn class_of(
    operation: &str,
    code: &str,
    message: &str,
    status: Option<u16>,
) -> Option<Class> {
    // Older services report a role that they cannot assume as an invalid parameter, so the message decides.
    if speaks_of_role(code, message) || speaks_of_linked_role(code, message) {
        return Some(Class::AccessDenied);
    }
    let service = operation.split(':').next().unwrap_or(operation);
    by_message(service, code, message)
        .or_else(|| own_code(service, code))
        .or_else(|| everyones_code(code))
        .or_else(|| by_status(status))
}

/// Whether the message is about a role that a service cannot assume or does not know.
///
/// The texts: `ECS was unable to assume the configured ECS Infrastructure Role`, `Unable to assume the
/// service linked role`, `Unable to assume role and validate the specified targetGroupArn`, `is not
/// authorized to perform: sts:AssumeRole`, `Cannot assume role`; and `Role is not valid`, which
/// RegisterTaskDefinition says of a role that IAM does not show to ECS yet.
/// Seen: hashicorp/terraform-provider-aws#38538, hashicorp/terraform#4375, aws/containers-roadmap#1390.
pub(super) fn speaks_of_role(code: &str, message: &str) -> bool {
    const TEXTS: [&str; 4] = [
        "unable to assume",
        "cannot assume role",
        "perform: sts:assumerole",
        "role is not valid",
    ];
    // A conflict or a missing thing may quote a role's name; only refusals are about the role itself.
    let refusal = code.starts_with("AccessDenied")
        || matches!(
            code,
            "ClientException"
                | "InvalidParameterException"
                | "ValidationException"
                | "FailedResourceAccessException"
                | "UnauthorizedOperation"
        );
    let message = message.to_ascii_lowercase();
    refusal && TEXTS.iter().any(|text| message.contains(text))
}

/// What Application Auto Scaling says when it has tried in vain, as the provider, what scaling will do.
/// Seen: awsdocs/aws-auto-scaling-user-guide#3, hashicorp/terraform-provider-aws#46385.
const TRIED_IN_VAIN: &str = "missing the following permissions";

/// Whether IAM knows of no policy that allows the provider's own call: with a provider that was just installed or
/// upgraded, the policy may not have reached all of IAM yet. What a policy or a boundary forbids is said otherwise, and
/// which roles may be passed is the user's choice, wrong at once.
/// AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html> (the texts)
pub(super) fn lacks_policy(message: &str) -> bool {
    let says = |text: &str| message.to_ascii_lowercase().contains(text);
    says(TRIED_IN_VAIN) || (is_allowed_nowhere(message) && !says("perform: iam:passrole"))
}

/// Whether no policy of the provider's allows the call itself.
/// AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html> (the texts)
pub(super) fn is_allowed_nowhere(message: &str) -> bool {
    message
        .to_ascii_lowercase()
        .contains("no identity-based policy allows")
}

/// Application Auto Scaling could not make or read the alarms behind a policy.
/// AWS: <https://docs.aws.amazon.com/autoscaling/application/APIReference/API_DescribeScalingPolicies.html>
const ALARMS_OUT_OF_REACH: &str = "FailedResourceAccessException";

/// Whether it is Application Auto Scaling's service-linked role that may not do something, or is not known yet: AWS makes
/// it with an account's first scalable target.
/// Seen: hashicorp/terraform-provider-aws#920.
pub(super) fn speaks_of_linked_role(code: &str, message: &str) -> bool {
    let says = |text: &str| message.to_ascii_lowercase().contains(text);
    code == ALARMS_OUT_OF_REACH
        && (says("security token included in the request is invalid")
            || says("is not authorized to perform"))
}

/// Codes that a service uses for several things and only its message tells apart.
fn by_message(service: &str, code: &str, message: &str) -> Option<Class> {
    let says = |text: &str| message.to_ascii_lowercase().contains(text);
    match (service, code) {
        // The name of a deleted service is blocked until its tasks are gone.
        // AWS: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteService.html
        ("ecs", "InvalidParameterException") if says("still draining") => {
            Some(Class::ResourceConflict)
        }
        // A service of this name exists with other settings.
        ("ecs", "InvalidParameterException") if says("not idempotent") => {
            Some(Class::AlreadyExists)
        }
        // RegisterScalableTarget of a service that was just made, which Application Auto Scaling may not see yet.
        // Seen: hashicorp/terraform-provider-aws#11693.
        ("application-autoscaling", "ValidationException") if says("ecs service doesn't exist") => {
            Some(Class::NotFound)
        }
        // RegisterScalableTarget of a target that is there already, because an answer was lost: the next look finds it.
        // Seen: hashicorp/terraform-provider-aws#31839.
        ("application-autoscaling", "ValidationException")
            if says("tried to tag already exists") =>
        {
            Some(Class::ResourceConflict)
        }
        ("application-autoscaling", "ValidationException") if says(TRIED_IN_VAIN) => {
            Some(Class::AccessDenied)
        }
        // What CloudWatch said to it when it made or read the alarms of a policy.
        // Seen: hashicorp/terraform-provider-aws#1428 and #4285, aws/aws-cli#3002.
        ("application-autoscaling", ALARMS_OUT_OF_REACH)
            if says("rate exceeded") || says("throttling") =>
        {
            Some(Class::Throttling)
        }
        ("application-autoscaling", ALARMS_OUT_OF_REACH) if says("status code: 5") => {
            Some(Class::ServiceInternalError)
        }
        // A cluster that was made a moment ago, whose capacity providers are being attached.
        // Seen: hashicorp/terraform-provider-aws#11285.
        ("ecs", "ClientException" | "InvalidParameterException") if says("was not active") => {
            Some(Class::ResourceConflict)
        }
        // DescribeTaskDefinition and DeregisterTaskDefinition of one that is gone.
        ("ecs", "ClientException")
            if says("unable to describe task definition")
                || says("task definition does not exist") =>
        {
            Some(Class::NotFound)
        }
        // RegisterTaskDefinition beside another one of the family, which may be its own that was given up too early.
        // Seen by all who register often; AWS documents no code for it.
        ("ecs", "ClientException") if says("too many concurrent attempts") => {
            Some(Class::ResourceConflict)
        }
        // A target group whose rule was made a moment ago, and a security group that was: neither is shown everywhere
        // yet. Seen: hashicorp/terraform-provider-aws#3495, kubernetes-sigs/aws-load-balancer-controller#2371.
        ("ecs", "InvalidParameterException")
            if says("does not have an associated load balancer")
                || (says("security group") && says("does not exist")) =>
        {
            Some(Class::NotFound)
        }
        ("elasticloadbalancing", "InvalidSecurityGroup") if says("does not exist") => {
            Some(Class::NotFound)
        }
        // The deletion of a record that is not there, and the creation of one that is.
        // AWS: https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeResourceRecordSets.html
        ("route53", "InvalidChangeBatch") if says("but it was not found") => Some(Class::NotFound),
        ("route53", "InvalidChangeBatch") if says("but it already exists") => {
            Some(Class::AlreadyExists)
        }
        // The deletion of a record that was changed since it was looked at. Seen: aws/aws-sdk-kotlin#1435.
        ("route53", "InvalidChangeBatch") if says("do not match the current values") => {
            Some(Class::ResourceConflict)
        }
        ("ec2", "InvalidParameterValue") if says("no default vpc") => Some(Class::NotFound),
        _ => None,
    }
}

/// A service's own codes.
fn own_code(service: &str, code: &str) -> Option<Class> {
    match service {
        "ecs" => ecs(code),
        "elasticloadbalancing" => elastic_load_balancing(code),
        "ec2" => ec2(code),
        "application-autoscaling" => application_auto_scaling(code),
        "cloudwatch" => cloudwatch(code),
        "logs" => logs(code),
        "dynamodb" => dynamodb(code),
        "route53" => route53(code),
        "states" => step_functions(code),
        "kms" => kms(code),
        _ => None,
    }
}

fn ecs(code: &str) -> Option<Class> {
    Some(match code {
        "ClusterNotFoundException"
        | "ServiceNotFoundException"
        | "ServiceNotActiveException"
        | "ServiceDeploymentNotFoundException"
        | "ResourceNotFoundException"
        | "NamespaceNotFoundException" => Class::NotFound,
        "ConflictException" | "UpdateInProgressException" | "ResourceInUseException" => {
            Class::ResourceConflict
        }
        "LimitExceededException" | "AttributeLimitExceededException" => Class::ServiceLimitExceeded,
        "BlockedException" => Class::AccessDenied,
        "ClientException"
        | "InvalidParameterException"
        | "PlatformUnknownException"
        | "PlatformTaskDefinitionIncompatibilityException"
        | "UnsupportedFeatureException" => Class::InvalidRequest,
        "ServerException" => Class::ServiceInternalError,
        _ => return None,
    })
}

fn elastic_load_balancing(code: &str) -> Option<Class> {
    Some(match code {
        "LoadBalancerNotFound" | "ListenerNotFound" | "RuleNotFound" | "TargetGroupNotFound"
        | "CertificateNotFound" | "SubnetNotFound" | "SSLPolicyNotFound" | "AllocationIdNotFound" => {
            Class::NotFound
        }
        "DuplicateLoadBalancerName" | "DuplicateTargetGroupName" | "DuplicateListener" | "PriorityInUse" => {
            Class::AlreadyExists
        }
        "ResourceInUse" | "PriorRequestNotComplete" | "CapacityReservationPending"
        | "TargetGroupAssociationLimit" => Class::ResourceConflict,
        "TooManyLoadBalancers"
        | "TooManyTargetGroups"
        | "TooManyListeners"
        | "TooManyRules"
        | "TooManyActions"
        | "TooManyTargets"
        | "TooManyCertificates"
        | "TooManyTags"
        | "TooManyRegistrationsForTargetId"
        | "TooManyUniqueTargetGroupsPerLoadBalancer" => Class::ServiceLimitExceeded,
        "HealthUnavailable" => Class::ServiceInternalError,
        "InvalidConfigurationRequest"
        | "InvalidSubnet"
        | "InvalidSecurityGroup"
        | "InvalidScheme"
        | "InvalidTarget"
        | "InvalidLoadBalancerAction"
        | "IncompatibleProtocols"
        | "UnsupportedProtocol"
        | "AvailabilityZoneNotSupported"
        | "DuplicateTagKeys"
        // Deletion protection is on, or the rule is a default rule.
        | "OperationNotPermitted" => Class::InvalidRequest,
        _ => return None,
    })
}

fn ec2(code: &str) -> Option<Class> {
    Some(match code {
        "InvalidGroup.NotFound"
        | "InvalidGroupId.NotFound"
        | "InvalidSecurityGroupID.NotFound"
        | "InvalidSecurityGroupRuleId.NotFound"
        | "InvalidPermission.NotFound"
        | "InvalidSubnetID.NotFound"
        | "InvalidVpcID.NotFound"
        | "InvalidRouteTableID.NotFound"
        | "InvalidID"
        | "VPCIdNotSpecified" => Class::NotFound,
        "InvalidGroup.Duplicate" | "InvalidPermission.Duplicate" => Class::AlreadyExists,
        "DependencyViolation" | "InvalidGroup.InUse" | "ConcurrentTagAccess" | "IncorrectState" => {
            Class::ResourceConflict
        }
        "SecurityGroupLimitExceeded"
        | "RulesPerSecurityGroupLimitExceeded"
        | "SecurityGroupsPerInterfaceLimitExceeded"
        | "TagLimitExceeded"
        | "ResourceLimitExceeded"
        | "InsufficientFreeAddressesInSubnet" => Class::ServiceLimitExceeded,
        "UnauthorizedOperation" | "Blocked" | "PendingVerification" | "OperationNotPermitted" => {
            Class::AccessDenied
        }
        "RequestLimitExceeded" => Class::Throttling,
        "InvalidGroupId.Malformed"
        | "InvalidSubnetId.Malformed"
        | "InvalidVpcId.Malformed"
        | "InvalidPermission.Malformed"
        | "InvalidParameter"
        | "InvalidParameterDependency" => Class::InvalidRequest,
        "InternalError" | "Unavailable" => Class::ServiceInternalError,
        _ => return None,
    })
}

fn application_auto_scaling(code: &str) -> Option<Class> {
    Some(match code {
        "ObjectNotFoundException" | "ResourceNotFoundException" => Class::NotFound,
        "ConcurrentUpdateException" => Class::ResourceConflict,
        "LimitExceededException" | "TooManyTagsException" => Class::ServiceLimitExceeded,
        // A permission of its service-linked role, where its message does not say otherwise.
        ALARMS_OUT_OF_REACH => Class::AccessDenied,
        "InvalidNextTokenException" => Class::InternalFailure,
        "InternalServiceException" => Class::ServiceInternalError,
        _ => return None,
    })
}

fn cloudwatch(code: &str) -> Option<Class> {
    Some(match code {
        "ResourceNotFound" | "ResourceNotFoundException" => Class::NotFound,
        "ConcurrentModificationException" | "ConflictException" | "ResourceConflict" => {
            Class::ResourceConflict
        }
        "LimitExceeded" | "LimitExceededException" => Class::ServiceLimitExceeded,
        "InvalidFormat" => Class::InvalidRequest,
        "InvalidNextToken" => Class::InternalFailure,
        "InternalServiceError" | "InternalServiceFault" => Class::ServiceInternalError,
        _ => return None,
    })
}

fn logs(code: &str) -> Option<Class> {
    Some(match code {
        "ResourceAlreadyExistsException" => Class::AlreadyExists,
        "ResourceNotFoundException" => Class::NotFound,
        "OperationAbortedException" => Class::ResourceConflict,
        "LimitExceededException" | "TooManyTagsException" | "ServiceQuotaExceededException" => {
            Class::ServiceLimitExceeded
        }
        "InvalidParameterException" | "InvalidOperationException" => Class::InvalidRequest,
        "ServiceUnavailableException" => Class::ServiceInternalError,
        _ => return None,
    })
}

fn dynamodb(code: &str) -> Option<Class> {
    Some(match code {
        "ResourceNotFoundException" => Class::NotFound,
        // The ledger reads these two itself; here they say only that somebody else was first.
        "ConditionalCheckFailedException" | "TransactionCanceledException" => {
            Class::ResourceConflict
        }
        "TransactionConflictException"
        | "TransactionInProgressException"
        | "ReplicatedWriteConflictException" => Class::ResourceConflict,
        "ProvisionedThroughputExceededException" | "RequestLimitExceeded" => Class::Throttling,
        "ItemCollectionSizeLimitExceededException" => Class::ServiceLimitExceeded,
        "IdempotentParameterMismatchException" => Class::InternalFailure,
        "InternalServerError" => Class::ServiceInternalError,
        _ => return None,
    })
}

fn route53(code: &str) -> Option<Class> {
    Some(match code {
        "NoSuchHostedZone" | "NoSuchChange" => Class::NotFound,
        "PriorRequestNotComplete" => Class::ResourceConflict,
        "InvalidChangeBatch" | "InvalidInput" | "NoSuchHealthCheck" => Class::InvalidRequest,
        _ => return None,
    })
}

fn step_functions(code: &str) -> Option<Class> {
    Some(match code {
        "ExecutionAlreadyExists" => Class::AlreadyExists,
        "ExecutionDoesNotExist" | "StateMachineDoesNotExist" | "StateMachineDeleting" => {
            Class::NotFound
        }
        "ExecutionLimitExceeded" => Class::ServiceLimitExceeded,
        // Name, input and ARN are ours, not the user's.
        "InvalidArn" | "InvalidExecutionInput" | "InvalidName" => Class::InternalFailure,
        "KmsAccessDeniedException" | "KmsInvalidStateException" => Class::AccessDenied,
        "KmsThrottlingException" => Class::Throttling,
        _ => return None,
    })
}

fn kms(code: &str) -> Option<Class> {
    Some(match code {
        "NotFoundException" => Class::NotFound,
        "DisabledException" | "KMSInvalidStateException" | "InvalidKeyUsageException" => {
            Class::HandlerInternalFailure
        }
        "InvalidCiphertextException" | "IncorrectKeyException" | "InvalidGrantTokenException" => {
            Class::InternalFailure
        }
        "KeyUnavailableException" | "DependencyTimeoutException" | "KMSInternalException" => {
            Class::ServiceInternalError
        }
        "LimitExceededException" => Class::ServiceLimitExceeded,
        _ => return None,
    })
}

/// Codes that every service may answer with.
///
/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/CommonErrors.html>; the throttling codes are
/// those that AWS's SDKs retry,
/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html>.
fn everyones_code(code: &str) -> Option<Class> {
    Some(match code {
        "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "TooManyRequestsException"
        | "RequestLimitExceeded"
        | "BandwidthLimitExceeded"
        | "SlowDown"
        | "EC2ThrottledException" => Class::Throttling,
        "AccessDenied"
        | "AccessDeniedException"
        | "AuthFailure"
        | "NotAuthorized"
        | "NotAuthorizedException"
        | "OptInRequired" => Class::AccessDenied,
        "ExpiredToken"
        | "ExpiredTokenException"
        | "IncompleteSignature"
        | "InvalidClientTokenId"
        | "InvalidSignatureException"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "SignatureDoesNotMatch"
        | "UnrecognizedClientException" => Class::InvalidCredentials,
        "RequestExpired" | "RequestTimeTooSkewed" => Class::InvalidCredentials,
        "RequestTimeout" | "RequestTimeoutException" => Class::NetworkFailure,
        "InternalFailure"
        | "InternalError"
        | "InternalServerError"
        | "InternalServerException"
        | "ServiceUnavailable"
        | "ServiceUnavailableException" => Class::ServiceInternalError,
        "ValidationError"
        | "ValidationException"
        | "InvalidParameterValue"
        | "InvalidParameterCombination"
        | "InvalidQueryParameter"
        | "MalformedQueryString"
        | "MissingParameter"
        | "SerializationException" => Class::InvalidRequest,
        "InvalidAction" | "UnknownOperationException" => Class::InternalFailure,
        _ => return None,
    })
}

/// An answer whose code says nothing: the status still tells a broken service from a refusal.
fn by_status(status: Option<u16>) -> Option<Class> {
    match status? {
        429 => Some(Class::Throttling),
        500..=599 => Some(Class::ServiceInternalError),
        _ => None,
    }
}
