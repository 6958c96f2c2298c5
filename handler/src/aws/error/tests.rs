use express_core::decision::HandlerErrorCode as Class;

use super::*;
use crate::aws::AwsClients;
use crate::error::chain;
use crate::fake_aws::FakeAws;

fn json_error(code: &str, message: &str) -> String {
    serde_json::json!({ "__type": code, "message": message }).to_string()
}

async fn create_service(fake: &FakeAws) -> AwsError {
    let aws = AwsClients::new(&fake.sdk_config());
    aws.ecs
        .create_service()
        .service_name("web")
        .send()
        .await
        .map_err(aws_error("ecs:CreateService"))
        .unwrap_err()
}

#[tokio::test]
async fn an_error_says_what_failed_and_shows_no_url() {
    let body = json_error("ClientException", "see https://host/?signature=canary\nnow");
    let error = create_service(&FakeAws::new(move |_, _| Some((400, body.clone())))).await;
    assert_eq!(
        error.to_string(),
        "ecs:CreateService failed (ClientException)"
    );
    assert_eq!(
        (error.message.as_str(), error.class),
        ("see [redacted] now", Class::InvalidRequest)
    );
    assert!(error.is("ClientException") && !error.is("Client"));
    let shown = format!("{error:?} {}", chain(&error));
    assert!(!shown.contains("canary"), "{shown}");
    assert_eq!(
        chain(&error).to_string(),
        "ecs:CreateService failed (ClientException): see [redacted] now"
    );
}

#[tokio::test]
async fn a_long_message_is_cut() {
    let body = json_error("ClientException", &"ä".repeat(1000));
    let error = create_service(&FakeAws::new(move |_, _| Some((400, body.clone())))).await;
    assert_eq!(error.message.len(), MESSAGE_BYTES_MAX);
}

#[tokio::test]
async fn no_answer_is_a_network_failure_of_unknown_outcome() {
    let fake = FakeAws::new(|_, _| None);
    let error = create_service(&fake).await;
    assert_eq!(
        (error.code.as_str(), error.class),
        (NO_CODE, Class::NetworkFailure)
    );
    assert!(error.is_outcome_unknown());
    // Why there is none is what the source says.
    let shown = chain(&error).to_string();
    assert!(
        shown.starts_with("ecs:CreateService failed (none): dispatch failure"),
        "{shown}"
    );
    assert_eq!(
        fake.sent().len(),
        usize::try_from(crate::aws::TRIES_MAX).unwrap()
    );
}

#[tokio::test]
async fn the_sdk_retries_throttling_and_broken_services_itself() {
    let fake = FakeAws::new(|n, _| match n {
        0 => Some((400, json_error("ThrottlingException", "slow down"))),
        1 => Some((500, json_error("ServerException", "oops"))),
        _ => Some((200, r#"{"service":{"serviceName":"web"}}"#.to_owned())),
    });
    let aws = AwsClients::new(&fake.sdk_config());
    assert!(
        aws.ecs
            .create_service()
            .service_name("web")
            .send()
            .await
            .is_ok()
    );
    assert_eq!(fake.sent().len(), 3);
}

#[tokio::test]
async fn an_unknown_code_is_a_general_exception_and_an_unknown_5xx_a_broken_service() {
    for (status, class) in [
        (400, Class::GeneralServiceException),
        (503, Class::ServiceInternalError),
    ] {
        let fake = FakeAws::new(move |_, _| Some((status, json_error("NeverHeardOf", ""))));
        assert_eq!(create_service(&fake).await.class, class, "{status}");
    }
}

const CODES: &[(&str, &str, Class)] = &[
    (
        "ecs:DescribeServices",
        "ClusterNotFoundException",
        Class::NotFound,
    ),
    (
        "ecs:UpdateService",
        "ServiceNotActiveException",
        Class::NotFound,
    ),
    (
        "ecs:StopServiceDeployment",
        "ConflictException",
        Class::ResourceConflict,
    ),
    (
        "ecs:RegisterTaskDefinition",
        "LimitExceededException",
        Class::ServiceLimitExceeded,
    ),
    (
        "ecs:CreateService",
        "AccessDeniedException",
        Class::AccessDenied,
    ),
    (
        "ecs:CreateService",
        "ThrottlingException",
        Class::Throttling,
    ),
    (
        "elasticloadbalancing:CreateRule",
        "PriorityInUse",
        Class::AlreadyExists,
    ),
    (
        "elasticloadbalancing:CreateRule",
        "TooManyRules",
        Class::ServiceLimitExceeded,
    ),
    (
        "elasticloadbalancing:DeleteTargetGroup",
        "ResourceInUse",
        Class::ResourceConflict,
    ),
    (
        "elasticloadbalancing:DescribeRules",
        "RuleNotFound",
        Class::NotFound,
    ),
    (
        "elasticloadbalancing:CreateRule",
        "Throttling",
        Class::Throttling,
    ),
    (
        "elasticloadbalancing:DeleteLoadBalancer",
        "OperationNotPermitted",
        Class::InvalidRequest,
    ),
    (
        "ec2:CreateSecurityGroup",
        "InvalidGroup.Duplicate",
        Class::AlreadyExists,
    ),
    (
        "ec2:DeleteSecurityGroup",
        "DependencyViolation",
        Class::ResourceConflict,
    ),
    (
        "ec2:DescribeSecurityGroups",
        "InvalidGroup.NotFound",
        Class::NotFound,
    ),
    (
        "ec2:CreateSecurityGroup",
        "UnauthorizedOperation",
        Class::AccessDenied,
    ),
    (
        "ec2:DescribeSubnets",
        "RequestLimitExceeded",
        Class::Throttling,
    ),
    (
        "application-autoscaling:PutScalingPolicy",
        "ObjectNotFoundException",
        Class::NotFound,
    ),
    (
        "application-autoscaling:PutScalingPolicy",
        "ConcurrentUpdateException",
        Class::ResourceConflict,
    ),
    (
        "cloudwatch:PutMetricAlarm",
        "LimitExceeded",
        Class::ServiceLimitExceeded,
    ),
    (
        "logs:CreateLogGroup",
        "ResourceAlreadyExistsException",
        Class::AlreadyExists,
    ),
    (
        "dynamodb:UpdateItem",
        "ConditionalCheckFailedException",
        Class::ResourceConflict,
    ),
    (
        "dynamodb:UpdateItem",
        "ProvisionedThroughputExceededException",
        Class::Throttling,
    ),
    (
        "route53:ChangeResourceRecordSets",
        "PriorRequestNotComplete",
        Class::ResourceConflict,
    ),
    (
        "route53:ChangeResourceRecordSets",
        "Throttling",
        Class::Throttling,
    ),
    (
        "states:StartExecution",
        "ExecutionAlreadyExists",
        Class::AlreadyExists,
    ),
    ("kms:Decrypt", "AccessDeniedException", Class::AccessDenied),
    (
        "kms:Decrypt",
        "ExpiredTokenException",
        Class::InvalidCredentials,
    ),
    (
        "sts:Unlisted",
        "InternalFailure",
        Class::ServiceInternalError,
    ),
];

#[test]
fn codes_have_the_class_that_decides_what_happens() {
    for (operation, code, class) in CODES {
        assert_eq!(
            table::class_of(operation, code, "", Some(400)),
            Some(*class),
            "{operation} {code}"
        );
    }
    assert_eq!(
        table::class_of("ecs:CreateService", NO_CODE, "", Some(429)),
        Some(Class::Throttling)
    );
    assert_eq!(
        table::class_of("ecs:CreateService", NO_CODE, "", None),
        None
    );
}

/// Operation, code and message, and what they mean together.
const SAID: [(&str, &str, &str, Class); 18] = [
    (
        "ecs:CreateService",
        "InvalidParameterException",
        "Unable to Start a service that is still Draining.",
        Class::ResourceConflict,
    ),
    (
        "ecs:CreateService",
        "InvalidParameterException",
        "Creation of service was not idempotent.",
        Class::AlreadyExists,
    ),
    (
        "ecs:DescribeTaskDefinition",
        "ClientException",
        "Unable to describe task definition.",
        Class::NotFound,
    ),
    (
        "ecs:DeregisterTaskDefinition",
        "ClientException",
        "The specified task definition does not exist.",
        Class::NotFound,
    ),
    (
        "ecs:RegisterTaskDefinition",
        "ClientException",
        "Too many concurrent attempts to create a new revision of the specified family.",
        Class::ResourceConflict,
    ),
    (
        "ecs:CreateService",
        "InvalidParameterException",
        "The target group arn:a does not have an associated load balancer.",
        Class::NotFound,
    ),
    (
        "elasticloadbalancing:CreateLoadBalancer",
        "InvalidSecurityGroup",
        "The security group 'sg-1' does not exist",
        Class::NotFound,
    ),
    (
        "application-autoscaling:RegisterScalableTarget",
        "ValidationException",
        "ECS service doesn't exist: service/default/web",
        Class::NotFound,
    ),
    (
        "application-autoscaling:RegisterScalableTarget",
        "ValidationException",
        "The scalable target that you tried to tag already exists. To update tags on an existing scalable target, use \
         the TagResource API.",
        Class::ResourceConflict,
    ),
    (
        "application-autoscaling:RegisterScalableTarget",
        "ValidationException",
        "User is missing the following permissions: [ecs:UpdateService]",
        Class::AccessDenied,
    ),
    (
        "application-autoscaling:PutScalingPolicy",
        "FailedResourceAccessException",
        "Unable to create alarms for scaling policy p due to reason: Rate exceeded (Service: AmazonCloudWatch; Status \
         Code: 400; Error Code: Throttling; Request ID: r)",
        Class::Throttling,
    ),
    (
        "application-autoscaling:DescribeScalingPolicies",
        "FailedResourceAccessException",
        "Unable to retrieve alarms for scaling policy p due to reason: null (Service: AmazonCloudWatch; Status Code: 503; \
         Request ID: r)",
        Class::ServiceInternalError,
    ),
    (
        "application-autoscaling:DescribeScalingPolicies",
        "FailedResourceAccessException",
        "Unable to retrieve alarms for scaling policy p due to reason: The security token included in the request is \
         invalid (Service: AmazonCloudWatch; Status Code: 403; Error Code: InvalidClientTokenId; Request ID: r)",
        Class::AccessDenied,
    ),
    (
        "ecs:CreateService",
        "ClientException",
        "Cluster was not ACTIVE.",
        Class::ResourceConflict,
    ),
    (
        "route53:ChangeResourceRecordSets",
        "InvalidChangeBatch",
        "[Tried to delete resource record set [name='a.', type='A'] but it was not found]",
        Class::NotFound,
    ),
    (
        "route53:ChangeResourceRecordSets",
        "InvalidChangeBatch",
        "[Tried to create resource record set [name='a.', type='A'] but it already exists]",
        Class::AlreadyExists,
    ),
    (
        "route53:ChangeResourceRecordSets",
        "InvalidChangeBatch",
        "[Tried to delete resource record set [name='a.', type='A'] but the values provided do not match the current \
         values]",
        Class::ResourceConflict,
    ),
    (
        "ecs:CreateService",
        "InvalidParameterException",
        "bad",
        Class::InvalidRequest,
    ),
];

#[test]
fn some_codes_mean_what_their_message_says() {
    for (operation, code, message, class) in SAID {
        assert_eq!(
            table::class_of(operation, code, message, Some(400)),
            Some(class),
            "{message}"
        );
    }
}

/// Code, message, class, and whether it may pass once IAM has made known what was changed.
const OF_IAM: [(&str, &str, Class, bool); 11] = [
    (
        "InvalidParameterException",
        "ECS was unable to assume the configured ECS Infrastructure Role 'r'.",
        Class::AccessDenied,
        true,
    ),
    (
        "InvalidParameterException",
        "Unable to assume the service linked role.",
        Class::AccessDenied,
        true,
    ),
    (
        "ClientException",
        "Role is not valid",
        Class::AccessDenied,
        true,
    ),
    (
        "AccessDeniedException",
        "not authorized to perform: sts:AssumeRole on r",
        Class::AccessDenied,
        true,
    ),
    (
        "AccessDeniedException",
        "User: u is not authorized to perform: ecs:CreateService on resource: r because no identity-based policy \
         allows the ecs:CreateService action",
        Class::AccessDenied,
        true,
    ),
    (
        "AccessDeniedException",
        "User: u is not authorized to perform: ecs:CreateService on resource: r with an explicit deny in a service \
         control policy",
        Class::AccessDenied,
        false,
    ),
    (
        "AccessDeniedException",
        "User: u is not authorized to perform: iam:PassRole on resource: r because no identity-based policy allows \
         the iam:PassRole action",
        Class::AccessDenied,
        false,
    ),
    (
        "AccessDeniedException",
        "User is missing the following permissions: [ecs:UpdateService]",
        Class::AccessDenied,
        true,
    ),
    (
        "FailedResourceAccessException",
        "Unable to create alarms for scaling policy p due to reason: The security token included in the request is \
         invalid (Service: AmazonCloudWatch; Status Code: 403; Error Code: InvalidClientTokenId; Request ID: r)",
        Class::AccessDenied,
        true,
    ),
    (
        "ServiceNotFoundException",
        "cannot assume role",
        Class::NotFound,
        false,
    ),
    (
        "InvalidParameterException",
        "bad cpu",
        Class::InvalidRequest,
        false,
    ),
];

#[tokio::test]
async fn case_20_a_role_that_is_not_there_yet_is_told_from_a_plain_refusal() {
    for (code, message, class, propagation) in OF_IAM {
        let body = json_error(code, message);
        let error = create_service(&FakeAws::new(move |_, _| Some((400, body.clone())))).await;
        assert_eq!(
            (error.class, error.may_be_iam_propagation()),
            (class, propagation),
            "{message}"
        );
    }
}
