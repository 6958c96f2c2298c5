//! What no source of ours says: which actions AWS checks by itself, and what it cannot hold by a tag.

/// The most characters of a managed policy, white space not counted.
/// AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
pub const POLICY_CHARACTERS_MAX: usize = 6_144;

/// What the policies' variables are in the account in which they are longest.
pub const LONGEST: [(&str, &str); 6] = [
    ("${AWS::Partition}", "aws-us-gov"),
    ("${AWS::Region}", "ap-southeast-1"),
    ("${AWS::AccountId}", "123456789012"),
    ("${AWS::StackName}", "express-provider-of-the-platform-team"),
    ("${HostedZoneId}", "Z0123456789ABCDEFGHIJKLMNOPQRSTU"),
    ("${DomainName}", "applications.some-department.example.com"),
];

/// Actions that AWS checks although the handler calls no operation of that name: the operation (or the service) that
/// they come with, the actions, and the page below <https://docs.aws.amazon.com/> that says so.
pub const CHECKED_WITHOUT_A_CALL: [(&str, &[&str], &str); 16] = [
    (
        "application-autoscaling:PutScalingPolicy",
        &[
            "cloudwatch:DeleteAlarms",
            "cloudwatch:DescribeAlarms",
            "cloudwatch:PutMetricAlarm",
        ],
        "autoscaling/application/userguide/security_iam_permission_validation.html",
    ),
    (
        "application-autoscaling:RegisterScalableTarget",
        &[
            "ecs:DescribeServices",
            "ecs:UpdateService",
            "iam:CreateServiceLinkedRole",
        ],
        "AmazonECS/latest/developerguide/auto-scaling-IAM.html",
    ),
    (
        "application-autoscaling:RegisterScalableTarget",
        &["application-autoscaling:TagResource"],
        "autoscaling/application/userguide/resource-tagging-support.html",
    ),
    (
        "cloudwatch:PutMetricAlarm",
        &["cloudwatch:TagResource"],
        "AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html",
    ),
    (
        "ec2:CreateSecurityGroup",
        &["ec2:CreateTags"],
        "AWSEC2/latest/UserGuide/supported-iam-actions-tagging.html",
    ),
    (
        "ecs:CreateService",
        &["ecs:TagResource"],
        "AmazonECS/latest/developerguide/supported-iam-actions-tagging.html",
    ),
    (
        "ecs:CreateService",
        &["iam:PassRole"],
        "AmazonECS/latest/developerguide/infrastructure_IAM_role.html",
    ),
    (
        "ecs:UpdateService",
        &["iam:PassRole"],
        "AmazonECS/latest/developerguide/blue-green-permissions.html",
    ),
    (
        "ecs:RegisterTaskDefinition",
        &["iam:PassRole"],
        "AmazonECS/latest/developerguide/task_execution_IAM_role.html",
    ),
    (
        "elasticloadbalancing:CreateLoadBalancer",
        &[
            "ec2:DescribeAccountAttributes",
            "ec2:DescribeAddresses",
            "ec2:DescribeInternetGateways",
            "ec2:DescribeSecurityGroups",
            "ec2:DescribeSubnets",
            "ec2:DescribeVpcs",
            "iam:CreateServiceLinkedRole",
        ],
        "elasticloadbalancing/latest/userguide/elb-api-permissions.html",
    ),
    // Not on that page: ELB's refusals name it, <https://github.com/kubernetes-sigs/aws-load-balancer-controller/issues/3917>,
    // and AWS's own policy has it.
    (
        "elasticloadbalancing:CreateLoadBalancer",
        &["ec2:GetSecurityGroupsForVpc"],
        "aws-managed-policy/latest/reference/ElasticLoadBalancingFullAccess.html",
    ),
    (
        "elasticloadbalancing:CreateLoadBalancer",
        &["elasticloadbalancing:AddTags"],
        "elasticloadbalancing/latest/userguide/tagging-resources-during-creation.html",
    ),
    (
        "elasticloadbalancing:CreateTargetGroup",
        &["ec2:DescribeInternetGateways", "ec2:DescribeVpcs"],
        "elasticloadbalancing/latest/userguide/elb-api-permissions.html",
    ),
    (
        "logs:CreateLogGroup",
        &["logs:TagResource"],
        "AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html",
    ),
    (
        LAMBDA,
        &["logs:CreateLogStream", "logs:PutLogEvents"],
        "lambda/latest/dg/monitoring-cloudwatchlogs.html",
    ),
    (
        LAMBDA,
        &["sqs:SendMessage"],
        "lambda/latest/dg/invocation-async-retain-records.html",
    ),
];

/// Lambda acts as the function on its own account.
pub const LAMBDA: &str = "lambda";

/// What the waiter's role needs: Step Functions acts as it, and calls nothing but the function.
/// AWS: <https://docs.aws.amazon.com/step-functions/latest/dg/lambda-iam.html> and
/// <https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html>
pub const WAITER_ACTIONS: [&str; 9] = [
    "lambda:InvokeFunction",
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
];

/// What holds a statement that changes something and has no condition on our tag.
#[derive(Clone, Copy, Debug)]
pub enum Held {
    /// Every resource has one of these in its ARN: a name of this stack's, or one that only we give.
    Name(&'static str),
    /// A condition on this key, with this in its operator and value.
    Condition(&'static str, &'static str),
    /// Only resources of this kind, which have no tag then; what they are part of is held by another statement.
    Kind(&'static str),
    /// AWS has no way to hold it.
    Nothing,
}

/// Statements without a condition on our tag, because AWS knows none that would do. Each statement's comment in the
/// template says more. AWS:
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html>
pub const HELD_OTHERWISE: [(&str, Held); 15] = [
    ("OwnLog", Held::Name("FunctionLogGroup.Arn")),
    ("Ledger", Held::Name("Ledger.Arn")),
    (
        "StartWaiter",
        Held::Name(":stateMachine:${AWS::StackName}-waiter"),
    ),
    ("FailureQueue", Held::Name("FailureQueue.Arn")),
    (
        "PassTaskRoles",
        Held::Condition("iam:PassedToService", "ecs-tasks.amazonaws.com"),
    ),
    (
        "PassInfrastructureRole",
        Held::Condition("iam:PassedToService", "ecs.amazonaws.com"),
    ),
    (
        "ServiceLinkedRoles",
        Held::Condition("iam:AWSServiceName", "ecs.amazonaws.com"),
    ),
    (
        "ChangeAliasRecords",
        Held::Condition(
            "route53:ChangeResourceRecordSetsNormalizedRecordNames",
            "*.${DomainName}",
        ),
    ),
    ("CreateSecurityGroupInVpc", Held::Kind(":vpc/*")),
    (
        "NewSecurityGroupRules",
        Held::Kind(":security-group-rule/*"),
    ),
    ("CreateDefaultCluster", Held::Name(":cluster/default")),
    ("StopDeployments", Held::Kind(":service-deployment/*")),
    ("DeregisterTaskDefinitions", Held::Nothing),
    ("OwnAlarms", Held::Name(":alarm:express-")),
    (
        "TriesOfAutoScaling",
        Held::Condition("aws:ViaAWSService", "Bool \"true\""),
    ),
];
