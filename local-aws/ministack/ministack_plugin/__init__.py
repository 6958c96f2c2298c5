"""MiniStack, joined to `local-aws`.

MiniStack plays CloudFormation, Lambda, Step Functions, DynamoDB, S3, IAM, KMS, SQS and EventBridge of the local stack;
`local-aws` plays what the provider's function calls: EC2, Elastic Load Balancing, ECS, ACM, Route 53, CloudWatch, Logs,
Application Auto Scaling and WAF. MiniStack's own CloudFormation would make a template's resources of those services in
its own memory, where the function never finds them. This package replaces the handlers of the types that the project's
templates use, corrects what `Ref` is where MiniStack has it otherwise than AWS, and gives custom resources the part of
CloudFormation's contract that MiniStack leaves out.

Start: `LOCAL_AWS_ENDPOINT=http://127.0.0.1:<port> python -m ministack_plugin`. Only public behaviour of MiniStack 1.5.33
is relied on, and the few names that `install` replaces; `requirements.txt` pins it for that reason.
"""
