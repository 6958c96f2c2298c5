"""A real account, for what no stand-in can tell: `cargo xtask live`.

What it needs: credentials with which stacks can be made (boto3 finds them as the AWS CLI does), a region, and the
provider of `templates/provider.yaml` installed there with a hosted zone. Nothing runs without `EXPRESS_LIVE=1`.

What it makes: stacks whose names begin with `express-live-`, each with one or two services of a quarter of a virtual
CPU, one stack of roles, and one of a small function that shows what CloudFormation sends. Each test deletes its stacks,
also when it fails; the stack of roles stays until `python live.py clean`, which also deletes the stacks of a run that
was killed. Log groups stay, as the provider leaves them.

What it costs: the questions take about an hour and a half of one load balancer and two tasks, which is less than one
US dollar; the case with forty stacks takes an hour of two load balancers and forty tasks, about as much.
<https://aws.amazon.com/fargate/pricing/>, <https://aws.amazon.com/elasticloadbalancing/pricing/>
"""

import concurrent.futures
import contextlib
import functools
import json
import os
import sys
import threading
import time
import unittest
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator

try:
    import boto3
    from botocore.exceptions import ClientError, WaiterError
except ImportError:  # Without an account nothing of it is needed.
    boto3 = None

PREFIX = "express-live-"
ROLES = PREFIX + "roles"
IMAGE = "public.ecr.aws/nginx/nginx:stable"
OTHER_IMAGE = "public.ecr.aws/nginx/nginx:mainline"
NO_IMAGE = "public.ecr.aws/nginx/nginx:there-is-none"
# CloudFormation waits an hour for one resource; an operation that is rolled back has two of them.
STACK_S_MAX = 3 * 3600
LOOK_S = 15
# Tests that run side by side use the same roles.
MAKING_ROLES = threading.Lock()

needs_account = unittest.skipUnless(os.environ.get("EXPRESS_LIVE") == "1", "needs an account: EXPRESS_LIVE=1")


def client(service: str):
    return boto3.client(service)


def role(service: str, policies: list[str]) -> dict:
    """A role that an AWS service assumes."""
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [statement]},
            "ManagedPolicyArns": [{"Fn::Sub": "arn:${AWS::Partition}:iam::aws:policy/" + name} for name in policies],
        },
    }


def roles_template() -> dict:
    resources = {
        "Execution": role("ecs-tasks.amazonaws.com", ["service-role/AmazonECSTaskExecutionRolePolicy"]),
        "Infrastructure": role("ecs.amazonaws.com", ["AmazonECSInfrastructureRolePolicyForLoadBalancers"]),
        # The one that Express Mode has: it allows calls on what carries `AmazonECSManaged` only.
        "ExpressMode": role("ecs.amazonaws.com", ["service-role/AmazonECSInfrastructureRoleforExpressGatewayServices"]),
    }
    outputs = {name: {"Value": {"Fn::GetAtt": [name, "Arn"]}} for name in resources}
    return {"Resources": resources, "Outputs": outputs}


def service(infrastructure: str = "Infrastructure", **properties) -> dict:
    """A template with one service, and all its attributes as outputs that are named below."""
    container = {"Image": properties.pop("Image", IMAGE), "ContainerPort": properties.pop("ContainerPort", 80)}
    if command := properties.pop("Command", None):
        container["Command"] = command
    roles = role_arns()
    web = {
        "Type": "Custom::ExpressService",
        "Properties": {
            "ServiceToken": {"Fn::ImportValue": "express-service-token"},
            "InfrastructureRoleArn": roles[infrastructure],
            "ExecutionRoleArn": roles["Execution"],
            "Cpu": 256,
            "Memory": 512,
            "ScalingTarget": {"MinTaskCount": 1, "MaxTaskCount": 1},
            "PrimaryContainer": container,
        }
        | properties,
    }
    outputs = {"ServiceArn": {"Value": {"Ref": "Web"}}} | {
        name: {"Value": {"Fn::GetAtt": ["Web", name]}}
        for name in ("Endpoint", "LoadBalancerArn", "LoadBalancerDnsName", "TaskDefinitionArn", "LogGroupName")
    }
    return {"Resources": {"Web": web}, "Outputs": outputs}


class StackFailed(AssertionError):
    """A stack did not become what it should; the text has its events."""


class Stack:
    """One stack, which is deleted at the end of its test."""

    def __init__(self, test: unittest.TestCase, name: str):
        self.name = f"{PREFIX}{name}-{uuid.uuid4().hex[:6]}"
        self.cloudformation = client("cloudformation")
        test.addCleanup(self.delete)

    def deploy(self, template: dict, rolls_back: bool = True) -> dict[str, str]:
        """Creates or updates it; its outputs."""
        status = self.status()
        # A stack that has failed is updated without a rollback only.
        has_failed = status in ("CREATE_FAILED", "UPDATE_FAILED")
        arguments = self.arguments(template) | {"DisableRollback": not rolls_back or has_failed}
        if status is None:
            self.cloudformation.create_stack(**arguments)
        else:
            self.cloudformation.update_stack(**arguments)
        status = self.end()
        if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            raise StackFailed(f"{self.name} is {status}:\n" + "\n".join(self.reasons()))
        return self.outputs()

    def arguments(self, template: dict) -> dict:
        return {
            "StackName": self.name,
            "TemplateBody": json.dumps(template),
            "Capabilities": ["CAPABILITY_IAM"],
        }

    def looked_at(self, template: dict) -> dict[str, str]:
        """What a change set says that it would do to each resource; it is not carried out."""
        made = self.cloudformation.create_change_set(ChangeSetName="look", **self.arguments(template))
        self.cloudformation.get_waiter("change_set_create_complete").wait(ChangeSetName=made["Id"])
        described = self.cloudformation.describe_change_set(ChangeSetName=made["Id"])
        self.cloudformation.delete_change_set(ChangeSetName=made["Id"])
        changes = [change["ResourceChange"] for change in described["Changes"]]
        return {change["LogicalResourceId"]: change["Action"] for change in changes}

    def delete(self) -> None:
        if self.status() is None:
            return
        self.cloudformation.delete_stack(StackName=self.name)
        status = self.end()
        if status not in (None, "DELETE_COMPLETE"):
            raise StackFailed(f"{self.name} is {status}:\n" + "\n".join(self.reasons()))

    def end(self) -> str | None:
        """Waits until nothing is in progress; how it ended. None when it is gone."""
        deadline = time.monotonic() + STACK_S_MAX
        while time.monotonic() < deadline:
            status = self.status()
            if status is None or not status.endswith("_IN_PROGRESS"):
                return status
            time.sleep(LOOK_S)
        raise StackFailed(f"{self.name} is still {self.status()} after {STACK_S_MAX} s")

    def described(self) -> dict | None:
        try:
            return self.cloudformation.describe_stacks(StackName=self.name)["Stacks"][0]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise

    def status(self) -> str | None:
        described = self.described()
        return described and described["StackStatus"]

    def outputs(self) -> dict[str, str]:
        described = self.described() or {}
        return {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}

    def reasons(self) -> list[str]:
        """What failed and why, newest first."""
        events = self.cloudformation.describe_stack_events(StackName=self.name)["StackEvents"]
        failed = (event for event in events if event["ResourceStatus"].endswith("_FAILED"))
        return [f"  {event['LogicalResourceId']}: {event.get('ResourceStatusReason', '')}" for event in failed]


@functools.cache
def role_arns() -> dict[str, str]:
    """The roles that all services here have, made first if need be."""
    with MAKING_ROLES:
        return find_or_make_roles()


def find_or_make_roles() -> dict[str, str]:
    cloudformation = client("cloudformation")
    try:
        described = cloudformation.describe_stacks(StackName=ROLES)
    except ClientError:
        template = json.dumps(roles_template())
        cloudformation.create_stack(StackName=ROLES, TemplateBody=template, Capabilities=["CAPABILITY_IAM"])
        cloudformation.get_waiter("stack_create_complete").wait(StackName=ROLES)
        described = cloudformation.describe_stacks(StackName=ROLES)
    return {output["OutputKey"]: output["OutputValue"] for output in described["Stacks"][0]["Outputs"]}


def answer(endpoint: str) -> int:
    """The HTTP status of a visit, over TLS with a certificate that is checked; 0 when there is no answer."""
    try:
        return urllib.request.urlopen(endpoint, timeout=10).status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


@contextlib.contextmanager
def visited(endpoint: str) -> Iterator[list[int]]:
    """Visits the endpoint every second while the block runs; the statuses that were not 200."""
    wrong: list[int] = []
    is_over = threading.Event()

    def visit() -> None:
        while not is_over.wait(1):
            if (status := answer(endpoint)) != 200:
                wrong.append(status)

    visitor = threading.Thread(target=visit, daemon=True)
    visitor.start()
    try:
        yield wrong
    finally:
        is_over.set()
        visitor.join()


def in_ecs(service_arn: str) -> dict:
    """The service, as ECS describes it."""
    cluster = service_arn.split("/")[1]
    return client("ecs").describe_services(cluster=cluster, services=[service_arn])["services"][0]


def live_group(service_arn: str) -> str:
    """The target group of the revision that serves."""
    ecs = client("ecs")
    cluster = service_arn.split("/")[1]
    listed = ecs.list_service_deployments(cluster=cluster, service=service_arn, status=["SUCCESSFUL"])
    newest = max(listed["serviceDeployments"], key=lambda deployment: deployment["createdAt"])
    revisions = ecs.describe_service_revisions(serviceRevisionArns=[newest["targetServiceRevisionArn"]])
    revision = revisions["serviceRevisions"][0]
    return revision["resolvedConfiguration"]["loadBalancers"][0]["targetGroupArn"]


def group_pair(service_arn: str) -> tuple[str, str]:
    """The target groups of a service: the one it was given as such, and the alternate one."""
    [balancer] = in_ecs(service_arn)["loadBalancers"]
    return balancer["targetGroupArn"], balancer["advancedConfiguration"]["alternateTargetGroupArn"]


def inventory() -> set[str]:
    """Everything that services and their provider make, but for log groups and the cluster, which stay."""
    found = set()
    pages = client("resourcegroupstaggingapi").get_paginator("get_resources")
    for page in pages.paginate(TagFilters=[{"Key": "express:provider"}]):
        found |= {resource["ResourceARN"] for resource in page["ResourceTagMappingList"]}
    # INACTIVE services and revisions stay known, and keep their tags, for a while.
    found = {arn for arn in found if ":log-group:" not in arn and ":cluster/" not in arn and is_active(arn)}
    for page in client("application-autoscaling").get_paginator("describe_scalable_targets").paginate(
        ServiceNamespace="ecs"
    ):
        found |= {"scalable target " + target["ResourceId"] for target in page["ScalableTargets"]}
    for page in client("cloudwatch").get_paginator("describe_alarms").paginate():
        found |= {"alarm " + alarm["AlarmName"] for alarm in page["MetricAlarms"]}
    for page in client("elbv2").get_paginator("describe_load_balancers").paginate():
        found |= {"load balancer " + balancer["LoadBalancerName"] for balancer in page["LoadBalancers"]}
    for page in client("elbv2").get_paginator("describe_target_groups").paginate():
        found |= {"target group " + group["TargetGroupName"] for group in page["TargetGroups"]}
    return found


def is_active(arn: str) -> bool:
    ecs = client("ecs")
    if ":service/" in arn and ":ecs:" in arn:
        cluster = arn.split("/")[1]
        described = ecs.describe_services(cluster=cluster, services=[arn])["services"]
        return any(found["status"] != "INACTIVE" for found in described)
    if ":task-definition/" in arn:
        described = ecs.describe_task_definition(taskDefinition=arn)
        return described["taskDefinition"]["status"] == "ACTIVE"
    return True


def settled_inventory(before: set[str]) -> set[str]:
    """What is there now; waits for load balancers that are being closed, which no Delete waits for."""
    deadline = time.monotonic() + 1800
    while (now := inventory()) - before and time.monotonic() < deadline:
        time.sleep(60)
    return now


def clean() -> None:
    """Deletes the stacks of a run that was killed, and at last the roles."""
    cloudformation = client("cloudformation")
    pages = cloudformation.get_paginator("describe_stacks").paginate()
    names = [stack["StackName"] for page in pages for stack in page["Stacks"] if stack["StackName"].startswith(PREFIX)]

    def delete(name: str) -> None:
        cloudformation.delete_stack(StackName=name)
        try:
            cloudformation.get_waiter("stack_delete_complete").wait(StackName=name)
            print(f"{name} is deleted")
        except WaiterError as error:
            print(f"{name} is not deleted: {error}")

    with concurrent.futures.ThreadPoolExecutor() as pool:
        list(pool.map(delete, [name for name in names if name != ROLES]))
    if ROLES in names:
        delete(ROLES)


if __name__ == "__main__":
    if sys.argv[1:] != ["clean"]:
        sys.exit("usage: python live.py clean")
    clean()
