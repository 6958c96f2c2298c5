"""The app, synthesized: that the packed library does in Python what it does in TypeScript."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_route53 as route53
from custom_express_service import CfnExpressService, ExpressService, ExpressServiceProvider, Sharing

FOLDER = Path(__file__).parent
IMAGE = "public.ecr.aws/nginx/nginx:1.29"


class App(unittest.TestCase):
    """`app.py`."""

    def test_the_app_synthesizes(self) -> None:
        with tempfile.TemporaryDirectory() as out:
            subprocess.run([sys.executable, "app.py"], cwd=FOLDER, env=os.environ | {"CDK_OUTDIR": out}, check=True)
            template = json.loads((Path(out) / "cdk-python.template.json").read_text(encoding="utf-8"))
        (service,) = (r for r in template["Resources"].values() if r["Type"] == "Custom::ExpressService")
        properties = service["Properties"]
        self.assertEqual(properties["ServiceToken"], {"Fn::ImportValue": "express-service-token"})
        self.assertEqual(
            properties["PrimaryContainer"],
            {"Image": IMAGE, "Environment": [{"Name": "LEVEL", "Value": "info"}]},
        )
        self.assertEqual((properties["Cpu"], properties["Memory"]), (512, 1024))
        self.assertEqual(
            properties["ScalingTarget"],
            {"MinTaskCount": 2, "AutoScalingMetric": "REQUEST_COUNT_PER_TARGET", "AutoScalingTargetValue": 1000},
        )
        self.assertEqual(properties["Tags"], [{"Key": "team", "Value": "web"}])
        self.assertEqual(set(template["Outputs"]), {"Endpoint", "ServiceArn"})


class Library(unittest.TestCase):
    """What crosses from Python into the library and back."""

    def setUp(self) -> None:
        self.stack = cdk.Stack(cdk.App(), "Test")

    def test_mistakes_are_named_in_the_provider_s_words(self) -> None:
        image = ecs.ContainerImage.from_registry(IMAGE)
        expected = "memory `3072` is not allowed with cpu `2048`, expected 4096 to 16384 in steps of 1024"
        with self.assertRaisesRegex(Exception, expected):
            ExpressService(self.stack, "Web", image=image, cpu=2048, memory=cdk.Size.gibibytes(3))

    def test_helpers_take_the_options_that_this_version_of_the_cdk_has(self) -> None:
        web = ExpressService(self.stack, "Web", image=ecs.ContainerImage.from_registry(IMAGE))
        minute = cdk.Duration.minutes(1)
        web.metric_cpu_utilization(period=minute).create_alarm(self.stack, "Cpu", threshold=80, evaluation_periods=3)
        web.metric_target_response_time(period=minute).create_alarm(self.stack, "Slow", threshold=1, evaluation_periods=3)
        alarms = [r for r in self.template()["Resources"].values() if r["Type"] == "AWS::CloudWatch::Alarm"]
        self.assertEqual(len(alarms), 2)

    def test_the_resource_itself_takes_structures(self) -> None:
        service = CfnExpressService(
            self.stack,
            "Web",
            service_token="arn:aws:lambda:us-east-1:123456789012:function:express",
            infrastructure_role_arn="arn:aws:iam::123456789012:role/infrastructure",
            execution_role_arn="arn:aws:iam::123456789012:role/execution",
            primary_container=CfnExpressService.PrimaryContainerProperty(image=IMAGE, container_port=8080),
            load_balancer=CfnExpressService.LoadBalancerProperty(sharing=Sharing.DEDICATED.value),
        )
        properties = self.template()["Resources"]["Web"]["Properties"]
        self.assertEqual(properties["PrimaryContainer"], {"Image": IMAGE, "ContainerPort": 8080})
        self.assertEqual(properties["LoadBalancer"], {"Sharing": "DEDICATED"})
        self.assertEqual(self.stack.resolve(service.attr_endpoint), {"Fn::GetAtt": ["Web", "Endpoint"]})

    def test_the_provider_comes_with_the_package(self) -> None:
        zone = route53.HostedZone.from_hosted_zone_attributes(
            self.stack, "Zone", hosted_zone_id="Z0123456789", zone_name="example.com"
        )
        provider = ExpressServiceProvider(
            self.stack,
            "Provider",
            code=lambda_.Code.from_asset(str(FOLDER.parent / "test" / "function")),
            domain_name="apps.example.com",
            hosted_zone=zone,
        )
        self.assertIn("Fn::GetAtt", self.stack.resolve(provider.service_token))
        types = {resource["Type"] for resource in self.template()["Resources"].values()}
        self.assertIn("AWS::StepFunctions::StateMachine", types)

    def template(self) -> dict:
        assembly = cdk.App.of(self.stack).synth()
        return assembly.get_stack_by_name("Test").template


if __name__ == "__main__":
    unittest.main()
