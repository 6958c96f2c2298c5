"""The rules of `templates/cfn-lint`: they find mistakes, at their places, and nothing in what is right."""

from __future__ import annotations

import json
import unittest
from pathlib import Path

from cfnlint.api import ManualArgs, lint

ROOT = Path(__file__).parents[2]
RULES = str(ROOT / "templates" / "cfn-lint")
SERVICE = {
    "ServiceToken": "arn:aws:lambda:us-east-1:123456789012:function:express",
    "InfrastructureRoleArn": "arn:aws:iam::123456789012:role/infrastructure",
    "ExecutionRoleArn": "arn:aws:iam::123456789012:role/execution",
    "PrimaryContainer": {"Image": "web:1"},
}


def findings(template: str) -> list[str]:
    """What the rules say, each after its place; errors of other rules as well."""
    matches = lint(template, config=ManualArgs(append_rules=[RULES], regions=["us-east-1"]))
    return [f"{match.rule.id} {'/'.join(map(str, match.path))}: {match.message}" for match in matches]


def of_service(changes: dict | None = None, without: tuple[str, ...] = (), output: object = None) -> list[str]:
    """The findings in a template with one service."""
    properties = {name: value for name, value in (SERVICE | (changes or {})).items() if name not in without}
    template = {
        "Parameters": {"Number": {"Type": "String"}},
        "Resources": {"Web": {"Type": "Custom::ExpressService", "Properties": properties}},
        "Outputs": {"Endpoint": {"Value": output or {"Fn::GetAtt": ["Web", "Endpoint"]}}},
    }
    if '"Number"}' not in json.dumps(template["Resources"]):
        del template["Parameters"]
    return findings(json.dumps(template))


class FromExpressMode(unittest.TestCase):
    """cfn-lint's own schema of AWS::ECS::ExpressGatewayService takes what the example for moving has."""

    TEMPLATE = (ROOT / "templates" / "examples" / "from-express-mode.yaml").read_text(encoding="utf-8")

    def before(self, template: str) -> list[str]:
        """The findings in the template as it was before the move."""
        token = "      ServiceToken: !ImportValue express-service-token\n"
        log_group = self.TEMPLATE[self.TEMPLATE.index("  # Attributes keep") :]
        for part in (token, log_group):
            self.assertEqual(template.count(part), 1)
            template = template.replace(part, "")
        return findings(template.replace("Type: Custom::ExpressService", "Type: AWS::ECS::ExpressGatewayService"))

    def test_the_properties_are_the_same(self) -> None:
        self.assertEqual(self.before(self.TEMPLATE), [])

    def test_what_only_this_provider_has_would_be_found(self) -> None:
        ours = self.TEMPLATE.replace("      HealthCheckPath: /\n", "      Deployment: {Strategy: LINEAR}\n")
        self.assertTrue(any("Deployment" in finding for finding in self.before(ours)))


class Properties(unittest.TestCase):
    """E9101."""

    def test_a_service_without_mistakes_has_no_findings(self) -> None:
        self.assertEqual(of_service(), [])

    def test_a_misspelt_property_is_found(self) -> None:
        (finding,) = of_service({"HealthCheckPaht": "/up"})
        self.assertIn("Resources/Web/Properties/HealthCheckPaht", finding)
        self.assertIn("Did you mean 'HealthCheckPath'?", finding)

    def test_a_misspelt_property_within_another_is_found(self) -> None:
        (finding,) = of_service({"ScalingTarget": {"MaxTasks": 3}})
        self.assertIn("E9101 Resources/Web/Properties/ScalingTarget/MaxTasks", finding)

    def test_a_wrong_word_is_found(self) -> None:
        self.assertEqual(
            of_service({"LoadBalancer": {"Sharing": "PRIVATE"}}),
            ["E9101 Resources/Web/Properties/LoadBalancer/Sharing: 'PRIVATE' is not one of ['SHARED', 'DEDICATED']"],
        )

    def test_a_wrong_cpu_size_is_found(self) -> None:
        (finding,) = of_service({"Cpu": "1000"})
        self.assertIn("'1000' is not one of [256, 512, 1024, 2048, 4096, 8192, 16384, 32768]", finding)

    def test_memory_that_does_not_go_with_the_cpu_is_found(self) -> None:
        expected = "is not allowed with `Cpu` 2048, expected 4096 to 16384 in steps of 1024"
        for memory in (3072, "3072"):
            (finding,) = of_service({"Cpu": 2048, "Memory": memory})
            self.assertEqual(finding, f"E9101 Resources/Web/Properties/Memory: {memory!r} {expected}")
        (finding,) = of_service({"Memory": 512})
        self.assertIn("is not allowed with `Cpu` 1024", finding)
        (finding,) = of_service({"Cpu": 4096})
        expected = "its default, 2048, is not allowed with `Cpu` 4096, expected 8192 to 30720 in steps of 1024"
        self.assertIn(f"'Memory' is required, since {expected}", finding)

    def test_pairs_of_fargate_are_no_findings(self) -> None:
        for cpu, memory in ((256, 512), ("256", "2048"), (2048, "16384"), ("32768", 249856)):
            self.assertEqual(of_service({"Cpu": cpu, "Memory": memory}), [], f"{cpu} {memory}")

    def test_what_only_the_deployment_knows_is_no_finding(self) -> None:
        self.assertEqual(of_service({"Cpu": {"Ref": "Number"}, "Memory": 512}), [])
        self.assertEqual(of_service({"Cpu": 256, "Memory": {"Ref": "Number"}}), [])

    def test_values_out_of_range_and_of_the_wrong_form_are_found(self) -> None:
        for changes, path in (
            ({"ScalingTarget": {"MinTaskCount": "0"}}, "ScalingTarget/MinTaskCount"),
            ({"ServiceTimeout": 60}, "ServiceTimeout"),
            ({"HealthCheckPath": "up"}, "HealthCheckPath"),
            ({"ServiceName": "a.b"}, "ServiceName"),
            ({"NetworkConfiguration": {"Subnets": ["vpc-01234567", "subnet-01234567"]}}, "NetworkConfiguration/Subnets/0"),
            ({"Tags": [{"Key": "team"}]}, "Tags/0"),
        ):
            (finding,) = of_service(changes)
            self.assertTrue(finding.startswith(f"E9101 Resources/Web/Properties/{path}: "), finding)

    def test_missing_properties_are_named(self) -> None:
        (finding,) = of_service(without=("InfrastructureRoleArn",))
        self.assertIn("'InfrastructureRoleArn' is a required property", finding)
        (finding,) = of_service(without=("ExecutionRoleArn",))
        self.assertIn("Required are 'TaskDefinitionArn', or 'ExecutionRoleArn' and 'PrimaryContainer'", finding)

    def test_a_task_definition_excludes_what_describes_a_task(self) -> None:
        task_definition = {"TaskDefinitionArn": "arn:aws:ecs:us-east-1:123456789012:task-definition/web:1"}
        without = ("ExecutionRoleArn", "PrimaryContainer")
        self.assertEqual(of_service(task_definition, without), [])
        found = of_service(task_definition | {"Cpu": 256, "Memory": 512}, without)
        self.assertTrue(found)
        self.assertTrue(all(finding.startswith("E9101 ") for finding in found), found)


class Attributes(unittest.TestCase):
    """E9102."""

    def test_attributes_that_there_are_may_be_read(self) -> None:
        for output in (
            {"Fn::GetAtt": "Web.TaskDefinitionArn"},
            {"Fn::GetAtt": ["Web", "ECSManagedResourceArns.IngressPath.ListenerArn"]},
            {"Fn::Sub": "${Web.Endpoint}/${!Web.Nothing}"},
            {"Fn::Sub": "${Web} ${AWS::Region}"},
        ):
            self.assertEqual(of_service(output=output), [], output)

    def test_one_that_there_is_not_is_found(self) -> None:
        for output in ({"Fn::GetAtt": ["Web", "Endpont"]}, {"Fn::Sub": "${Web.Endpont}/x"}):
            (finding,) = of_service(output=output)
            self.assertTrue(finding.startswith("E9102 Outputs/Endpoint/Value"), finding)
            self.assertIn("'Web' has no attribute 'Endpont'", finding)


class Templates(unittest.TestCase):
    """The project's own."""

    def test_no_template_has_findings(self) -> None:
        templates = sorted((ROOT / "templates").rglob("*.yaml"))
        services = 0
        for template in templates:
            text = template.read_text(encoding="utf-8")
            services += text.count("Type: Custom::ExpressService")
            own = [finding for finding in findings(text) if finding.startswith("E910")]
            self.assertEqual(own, [], template)
        self.assertGreaterEqual(services, 4)


if __name__ == "__main__":
    unittest.main()
