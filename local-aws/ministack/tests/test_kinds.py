"""What the kinds send to `local-aws`, and what they make of its refusals."""

import unittest
from unittest import mock

from botocore.exceptions import ClientError

from ministack_plugin import aws, domain, firewall, functions, network, settings, workload


def refusal(code):
    return ClientError({"Error": {"Code": code}}, "Delete")


class Services:
    """One mocked client per service."""

    def __init__(self):
        self.made = {}

    def __call__(self, service):
        return self.made.setdefault(service, mock.Mock())


class Deleting(unittest.TestCase):
    def test_what_is_gone_is_a_success(self):
        for code in ("InvalidVpcID.NotFound", "NoSuchHostedZone", "WAFNonexistentItemException", "Gateway.NotAttached"):
            with self.subTest(code=code):
                delete = mock.Mock(side_effect=refusal(code))
                aws.delete_when_unused(delete)
                delete.assert_called_once_with()

    def test_what_is_in_use_is_tried_again(self):
        delete = mock.Mock(side_effect=[refusal("DependencyViolation"), refusal("DependencyViolation"), None])
        with mock.patch("time.sleep"):
            aws.delete_when_unused(delete)
        self.assertEqual(3, delete.call_count)

    def test_after_a_minute_the_refusal_stands(self):
        delete = mock.Mock(side_effect=refusal("ResourceInUseException"))
        with mock.patch("time.sleep") as sleep, self.assertRaises(ClientError):
            aws.delete_when_unused(delete)
        self.assertEqual(59, sleep.call_count)

    def test_any_other_refusal_stands_at_once(self):
        delete = mock.Mock(side_effect=refusal("AccessDenied"))
        with self.assertRaises(ClientError):
            aws.delete_when_unused(delete)
        delete.assert_called_once_with()


class Names(unittest.TestCase):
    def test_are_within_their_limit_and_differ(self):
        first, second = (aws.generated_name("s" * 100, "Logical" * 30, 128) for _ in range(2))
        self.assertLessEqual(len(first), 128)
        self.assertNotEqual(first, second)


class SecurityGroups(unittest.TestCase):
    def test_an_update_sends_only_what_changed(self):
        services = Services()
        kept, gone, added = (
            {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "CidrIp": "10.0.0.0/8"} for port in ("80", "81", "82")
        )
        old = {"GroupDescription": "d", "SecurityGroupIngress": [kept, gone]}
        new = {"GroupDescription": "d", "SecurityGroupIngress": [kept, added]}
        kind = network.KINDS["AWS::EC2::SecurityGroup"]
        self.assertEqual("sg-1", kind.update(services, "sg-1", old, new, "name")[0])
        ec2 = services.made["ec2"]
        revoked = ec2.revoke_security_group_ingress.call_args.kwargs["IpPermissions"]
        authorized = ec2.authorize_security_group_ingress.call_args.kwargs["IpPermissions"]
        self.assertEqual([81], [permission["FromPort"] for permission in revoked])
        self.assertEqual([82], [permission["FromPort"] for permission in authorized])
        ec2.revoke_security_group_egress.assert_not_called()

    def test_egress_rules_take_the_place_of_the_one_that_allows_everything(self):
        services = Services()
        services("ec2").create_security_group.return_value = {"GroupId": "sg-1"}
        rule = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": "0.0.0.0/0"}
        properties = {"GroupDescription": "d", "SecurityGroupEgress": [rule]}
        network.KINDS["AWS::EC2::SecurityGroup"].create(services, properties, "name")
        revoked = services.made["ec2"].revoke_security_group_egress.call_args.kwargs["IpPermissions"]
        self.assertEqual(["-1"], [permission["IpProtocol"] for permission in revoked])


class Certificates(unittest.TestCase):
    def test_the_record_is_written_once_and_the_certificate_waited_for(self):
        services = Services()
        acm = services("acm")
        acm.request_certificate.return_value = {"CertificateArn": "arn:c"}
        option = {"DomainName": "*.a.example", "ResourceRecord": {"Name": "_x.a.example", "Type": "CNAME", "Value": "v"}}
        pending = {"Certificate": {"Status": "PENDING_VALIDATION", "DomainValidationOptions": [option]}}
        acm.describe_certificate.side_effect = [pending, pending, {"Certificate": {"Status": "ISSUED"}}]
        properties = {
            "DomainName": "*.a.example",
            "DomainValidationOptions": [{"DomainName": "*.a.example", "HostedZoneId": "Z1"}],
        }
        with mock.patch("time.sleep"):
            made = domain.KINDS["AWS::CertificateManager::Certificate"].create(services, properties, "")
        self.assertEqual(("arn:c", {}), made)
        services.made["route53"].change_resource_record_sets.assert_called_once()

    def test_one_that_is_never_issued_is_not_left_behind(self):
        services = Services()
        acm = services("acm")
        acm.request_certificate.return_value = {"CertificateArn": "arn:c"}
        acm.describe_certificate.return_value = {"Certificate": {"Status": "PENDING_VALIDATION"}}
        with mock.patch("time.sleep"), mock.patch("time.monotonic", side_effect=[0.0, 1.0, 61.0]):
            with self.assertRaisesRegex(TimeoutError, "was not issued"):
                domain.KINDS["AWS::CertificateManager::Certificate"].create(services, {"DomainName": "a.example"}, "")
        acm.delete_certificate.assert_called_once_with(CertificateArn="arn:c")


class Workloads(unittest.TestCase):
    def test_a_task_definition_is_spelled_as_the_api_spells_it(self):
        services = Services()
        services("ecs").register_task_definition.return_value = {"taskDefinition": {"taskDefinitionArn": "arn:t"}}
        container = {
            "Name": "Main",
            "Essential": "true",
            "PortMappings": [{"ContainerPort": "80"}],
            "LogConfiguration": {"LogDriver": "awslogs", "Options": {"awslogs-group": "g", "mode": 1}},
        }
        properties = {"Cpu": 256, "ContainerDefinitions": [container], "Tags": [{"Key": "aws:x", "Value": "1"}]}
        workload.KINDS["AWS::ECS::TaskDefinition"].create(services, properties, "generated")
        services.made["ecs"].register_task_definition.assert_called_once_with(
            family="generated",
            cpu="256",
            containerDefinitions=[
                {
                    "name": "Main",
                    "essential": True,
                    "portMappings": [{"containerPort": 80}],
                    "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-group": "g", "mode": "1"}},
                }
            ],
        )


class WebAcls(unittest.TestCase):
    def test_an_association_that_another_has_replaced_is_left_alone(self):
        for current, calls in (("arn:mine", 1), ("arn:other", 0)):
            with self.subTest(current=current):
                services = Services()
                services("wafv2").get_web_acl_for_resource.return_value = {"WebACL": {"ARN": current}}
                kind = firewall.KINDS["AWS::WAFv2::WebACLAssociation"]
                kind.delete(services, "arn:lb|arn:mine", {"ResourceArn": "arn:lb", "WebACLArn": "arn:mine"})
                self.assertEqual(calls, services.made["wafv2"].disassociate_web_acl.call_count)


class Settings(unittest.TestCase):
    def test_without_local_aws_there_is_no_start(self):
        for endpoint in ("", "127.0.0.1:4600", "http://"):
            with self.subTest(endpoint=endpoint), self.assertRaises(settings.SettingsError):
                settings.read({"LOCAL_AWS_ENDPOINT": endpoint})

    def test_functions_are_told_where_both_halves_are_and_keep_their_own_variables(self):
        read = settings.read({"LOCAL_AWS_ENDPOINT": "http://127.0.0.1:4600/", "GATEWAY_PORT": "4700"})
        properties = {"Handler": "bootstrap", "Environment": {"Variables": {"OWN": "1", "AWS_ENDPOINT_URL_EC2": "mine"}}}
        variables = functions.with_endpoints(properties, read)["Environment"]["Variables"]
        self.assertEqual("http://localhost:4700", variables["AWS_ENDPOINT_URL"])
        self.assertEqual("http://127.0.0.1:4600", variables["AWS_ENDPOINT_URL_ECS"])
        self.assertEqual("0", variables["EXPRESS_SEEN_AFTER_SECONDS"])
        self.assertEqual(("1", "mine"), (variables["OWN"], variables["AWS_ENDPOINT_URL_EC2"]))


if __name__ == "__main__":
    unittest.main()
