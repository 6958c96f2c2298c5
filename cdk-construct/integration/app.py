"""An app as a user would write it, with the packed library: a service in the default VPC that reads from a bucket.

`CDK_OUTDIR=<folder> python app.py` synthesizes it; `cdk deploy --app "python app.py" --all` deploys it.
"""

import aws_cdk as cdk
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_s3 as s3
from custom_express_service import AutoScalingMetric, ExpressService, ExpressServiceScaling

# No asset is deployed, so the account needs no bootstrap stack.
app = cdk.App(default_stack_synthesizer=cdk.BootstraplessSynthesizer())
stack = cdk.Stack(app, "cdk-python")

web = ExpressService(
    stack,
    "Web",
    image=ecs.ContainerImage.from_registry("public.ecr.aws/nginx/nginx:1.29"),
    cpu=512,
    memory=cdk.Size.gibibytes(1),
    environment={"LEVEL": app.node.try_get_context("level") or "info"},
    scaling=ExpressServiceScaling(
        min_task_count=2,
        auto_scaling_metric=AutoScalingMetric.REQUEST_COUNT_PER_TARGET,
        auto_scaling_target_value=1000,
    ),
    service_timeout=cdk.Duration.minutes(30),
)
s3.Bucket(stack, "Bucket").grant_read(web)
cdk.Tags.of(web).add("team", "web")
cdk.CfnOutput(stack, "Endpoint", value=web.endpoint)
cdk.CfnOutput(stack, "ServiceArn", value=web.service_arn)

app.synth()
