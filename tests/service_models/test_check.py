"""Tests of the check itself: `python -m unittest` in this folder."""

import contextlib
import io
import json
import pathlib
import tempfile
import unittest

import check


def problems(service: str, operation: str, protocol: str, sent: object) -> list[str]:
    request = {"service": service, "operation": operation, "protocol": protocol, "input": sent}
    return [f"{violation.path}: {violation.problem}" for violation in check.violations(request)]


# The smallest task definition that ECS accepts.
TASK = {"family": "web", "containerDefinitions": [{"name": "Main", "image": "nginx"}]}
CHANGE = {
    "Action": "UPSERT",
    "ResourceRecordSet": {"Name": "web.example.com", "Type": "A", "TTL": "60"},
}


class Json(unittest.TestCase):
    def test_a_valid_request_has_no_violation(self):
        self.assertEqual([], problems("ecs", "RegisterTaskDefinition", "json", TASK))

    def test_an_unknown_service_and_an_unknown_operation(self):
        self.assertEqual([": there is no service `ecz`"], problems("ecz", "CreateService", "json", {}))
        self.assertEqual([": `ecs` has no operation `MakeService`"], problems("ecs", "MakeService", "json", {}))

    def test_an_unknown_member_at_depth(self):
        sent = TASK | {"containerDefinitions": [{"name": "Main", "imagee": "nginx"}]}
        self.assertEqual(
            ["containerDefinitions[].imagee: `ContainerDefinition` has no such member"],
            problems("ecs", "RegisterTaskDefinition", "json", sent),
        )

    def test_a_missing_required_member(self):
        self.assertEqual(
            ["family: required by `RegisterTaskDefinitionRequest`"],
            problems("ecs", "RegisterTaskDefinition", "json", {"containerDefinitions": []}),
        )

    def test_types_are_those_of_json(self):
        for wrong, expected in (("2", "an integer"), (True, "an integer"), (2.5, "an integer")):
            with self.subTest(wrong=wrong):
                sent = {"serviceName": "web", "desiredCount": wrong}
                got = problems("ecs", "CreateService", "json", sent)
                self.assertEqual([f"desiredCount: expected {expected}, got {type(wrong).__name__}"], got)
        self.assertEqual(
            ["enableExecuteCommand: expected a boolean, got str"],
            problems("ecs", "CreateService", "json", {"serviceName": "web", "enableExecuteCommand": "true"}),
        )

    def test_a_closed_enum(self):
        sent = {"serviceName": "web", "launchType": "FARGAT"}
        self.assertEqual(
            ["launchType: `FARGAT` is not among the values of `LaunchType`"],
            problems("ecs", "CreateService", "json", sent),
        )

    def test_pattern_and_length(self):
        got = problems("logs", "CreateLogGroup", "json", {"logGroupName": "a b"})
        self.assertEqual(1, len(got))
        self.assertTrue(got[0].startswith("logGroupName: `a b` does not match"), got)
        self.assertEqual(
            ["logGroupName: 513 characters, at most 512"],
            problems("logs", "CreateLogGroup", "json", {"logGroupName": "a" * 513}),
        )

    def test_range_of_a_list_and_of_a_map(self):
        zones = {"ServiceNamespace": "ecs", "MaxResults": 1, "ResourceIds": "x"}
        self.assertEqual(
            ["ResourceIds: expected a list, got str"],
            problems("application-autoscaling", "DescribeScalableTargets", "json", zones),
        )
        tags = {"resourceArn": "arn:aws:logs:x", "tags": {}}
        self.assertIn("tags: 0 entries, at least 1", problems("logs", "TagResource", "json", tags))

    def test_a_pattern_with_unicode_classes(self):
        arn = "arn:aws:acm:eu-west-1:111122223333:certificate/1"
        tags = [{"Key": "ключ", "Value": "値"}]
        sent = {"CertificateArn": arn, "Tags": tags}
        self.assertEqual([], problems("acm", "AddTagsToCertificate", "json", sent))
        sent = {"CertificateArn": arn, "Tags": [{"Key": "a\u0000"}]}
        self.assertEqual(1, len(problems("acm", "AddTagsToCertificate", "json", sent)))

    def test_base64_of_a_blob(self):
        sent = {"CiphertextBlob": "AQID"}
        self.assertEqual([], problems("kms", "Decrypt", "json", sent))
        self.assertEqual(
            ["CiphertextBlob: expected base64, got str"],
            problems("kms", "Decrypt", "json", {"CiphertextBlob": "not base64!"}),
        )


class Query(unittest.TestCase):
    def test_scalars_are_strings(self):
        rule = {
            "ListenerArn": "arn:x",
            "Priority": "10",
            "Conditions": [{"Field": "host-header", "HostHeaderConfig": {"Values": ["a.example.com"]}}],
            "Actions": [{"Type": "forward", "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": "t", "Weight": "1"}]}}],
        }
        self.assertEqual([], problems("elasticloadbalancing", "CreateRule", "query", rule))
        for priority, problem in (("x", "expected an integer, got str"), ("50001", "50001, at most 50000")):
            with self.subTest(priority=priority):
                got = problems("elasticloadbalancing", "CreateRule", "query", rule | {"Priority": priority})
                self.assertEqual([f"Priority: {problem}"], got)

    def test_an_empty_list_is_an_empty_text(self):
        self.assertEqual([], problems("elasticloadbalancing", "DescribeTargetGroups", "query", {"Names": ""}))

    def test_ec2_names_are_those_of_its_dialect(self):
        sent = {
            "GroupName": "g",
            "GroupDescription": "d",
            "TagSpecification": [{"ResourceType": "security-group", "Tag": [{"Key": "k", "Value": "v"}]}],
        }
        self.assertEqual([], problems("ec2", "CreateSecurityGroup", "ec2", sent))
        self.assertEqual(
            ["Description: `CreateSecurityGroupRequest` has no such member",
             "GroupDescription: required by `CreateSecurityGroupRequest`"],
            problems("ec2", "CreateSecurityGroup", "ec2", {"GroupName": "g", "Description": "d"}),
        )
        permission = {"IpProtocol": "tcp", "FromPort": "80", "ToPort": "80", "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}
        sent = {"GroupId": "sg-1", "IpPermissions": [permission]}
        self.assertEqual([], problems("ec2", "AuthorizeSecurityGroupIngress", "ec2", sent))


class Cbor(unittest.TestCase):
    def test_numbers_are_numbers(self):
        alarm = {
            "AlarmName": "a",
            "EvaluationPeriods": 3,
            "ComparisonOperator": "GreaterThanThreshold",
            "Threshold": 5,
            "Metrics": [{"Id": "e", "Expression": "a / b", "ReturnData": True}],
        }
        self.assertEqual([], problems("monitoring", "PutMetricAlarm", "cbor", alarm))
        self.assertEqual(
            ["EvaluationPeriods: 0, at least 1"],
            problems("monitoring", "PutMetricAlarm", "cbor", alarm | {"EvaluationPeriods": 0}),
        )


class RestXml(unittest.TestCase):
    def sent(self, **changed) -> dict:
        body = {"ChangeBatch": {"Changes": {"Change": CHANGE}}}
        return {"method": "POST", "path": "/2013-04-01/hostedzone/Z1/rrset/", "query": {}, "body": body} | changed

    def test_one_element_and_several(self):
        self.assertEqual([], problems("route53", "ChangeResourceRecordSets", "rest-xml", self.sent()))
        body = {"ChangeBatch": {"Changes": {"Change": [CHANGE, CHANGE | {"Action": "MAKE"}]}}}
        self.assertEqual(
            ["ChangeBatch.Changes[].Action: `MAKE` is not among the values of `ChangeAction`"],
            problems("route53", "ChangeResourceRecordSets", "rest-xml", self.sent(body=body)),
        )

    def test_a_list_without_its_level(self):
        body = {"ChangeBatch": {"Changes": CHANGE}}
        self.assertEqual(
            ["ChangeBatch.Changes: expected a list, got dict"],
            problems("route53", "ChangeResourceRecordSets", "rest-xml", self.sent(body=body)),
        )

    def test_path_and_query_string(self):
        listing = {"method": "GET", "path": "/2013-04-01/hostedzone/Z1/rrset", "query": {"maxitems": "1"}, "body": None}
        self.assertEqual([], problems("route53", "ListResourceRecordSets", "rest-xml", listing))
        self.assertEqual(
            ["max: `ListResourceRecordSetsRequest` has no such member"],
            problems("route53", "ListResourceRecordSets", "rest-xml", listing | {"query": {"max": "1"}}),
        )
        self.assertEqual(
            [": sent as GET, expected POST /2013-04-01/hostedzone/{Id}/rrset/"],
            problems("route53", "ChangeResourceRecordSets", "rest-xml", self.sent(method="GET")),
        )


class CommandLine(unittest.TestCase):
    def run_on(self, *lines: str) -> tuple[int, str]:
        with tempfile.TemporaryDirectory() as folder:
            recording = pathlib.Path(folder, "recording.jsonl")
            recording.write_text("\n".join(lines), encoding="utf-8")
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
                status = check.main([str(recording)])
            return status, printed.getvalue()

    def line(self, sent: dict) -> str:
        return json.dumps({"service": "ecs", "operation": "RegisterTaskDefinition", "protocol": "json", "input": sent})

    def test_success(self):
        status, printed = self.run_on(self.line(TASK), "", self.line(TASK))
        self.assertEqual((0, "2 requests of 1 operations, 0 violations\n"), (status, printed))

    def test_a_violation_is_printed_once_with_its_count(self):
        status, printed = self.run_on(self.line(TASK | {"a": 1}), self.line(TASK | {"a": 2}))
        self.assertEqual(1, status)
        self.assertEqual(1, printed.count("(2 times)"))
        self.assertIn("ecs:RegisterTaskDefinition a: `RegisterTaskDefinitionRequest` has no such member", printed)

    def test_nothing_to_check_is_not_a_success(self):
        self.assertEqual((2, "check: the recording is empty\n"), self.run_on(""))

    def test_a_line_that_is_no_request(self):
        self.assertEqual(2, self.run_on("{")[0])
        self.assertEqual((2, "check: line 1: no input, operation, protocol\n"), self.run_on('{"service": "ecs"}'))


if __name__ == "__main__":
    unittest.main()
