"""What AWS's documents leave open, and what the provider and `local-aws` take for true until somebody has looked.

Each test asserts what is assumed. One that fails is news: the assumption is changed where it is made, with the date.
They come first, before an hour of cases: unittest takes files in the order of their names.
"""

import json
import re
import time
import unittest
import uuid

import live

# A function that shows what CloudFormation sends. One of the two never answers a Create.
PROBE = """
import cfnresponse, json
def handler(event, context):
    shown = {name: value for name, value in event.items() if name != "ResponseURL"}
    print("EVENT " + json.dumps(shown))
    if event["RequestType"] == "Create" and event["ResourceProperties"].get("Silent") == "true":
        return
    cfnresponse.send(event, context, cfnresponse.SUCCESS, {"Event": json.dumps(shown)}, event.get("PhysicalResourceId", "probe"))
"""
# The shortest that leaves CloudFormation time to send the event, in seconds.
SILENT_S = 60


def probe(silent: bool) -> dict:
    """A template with a custom resource of its own."""
    function = {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "Runtime": "python3.13",
            "Handler": "index.handler",
            "Role": {"Fn::GetAtt": ["Role", "Arn"]},
            "Code": {"ZipFile": PROBE},
        },
    }
    probed = {
        "Type": "Custom::Probe",
        "Properties": {
            "ServiceToken": {"Fn::GetAtt": ["Function", "Arn"]},
            "ServiceTimeout": SILENT_S,
            "Silent": str(silent).lower(),
        },
    }
    logs = live.role("lambda.amazonaws.com", ["service-role/AWSLambdaBasicExecutionRole"])
    outputs = {"Function": {"Value": {"Ref": "Function"}}}
    if not silent:
        outputs["Event"] = {"Value": {"Fn::GetAtt": ["Probe", "Event"]}}
    return {"Resources": {"Role": logs, "Function": function, "Probe": probed}, "Outputs": outputs}


@live.needs_account
class OfCloudFormation(unittest.TestCase):
    def test_service_timeout_is_in_the_event(self):
        outputs = live.Stack(self, "timeout").deploy(probe(silent=False))
        properties = json.loads(outputs["Event"])["ResourceProperties"]
        self.assertEqual(properties.get("ServiceTimeout"), str(SILENT_S))

    def test_the_delete_after_service_timeout_has_an_id_that_cloudformation_made_up(self):
        stack = live.Stack(self, "silent")
        began_ms = int(time.time() * 1000)
        with self.assertRaises(live.StackFailed):
            stack.deploy(probe(silent=True))
        # The function's name begins with the stack's; its log is there although the function is gone.
        logs = live.client("logs")
        events = []
        groups = logs.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{stack.name}-")["logGroups"]
        for group in groups:
            self.addCleanup(logs.delete_log_group, logGroupName=group["logGroupName"])
            found = logs.filter_log_events(
                logGroupName=group["logGroupName"], filterPattern="EVENT", startTime=began_ms
            )
            events += [json.loads(event["message"].split("EVENT ", 1)[1]) for event in found["events"]]
        [deleted] = {event["PhysicalResourceId"] for event in events if event["RequestType"] == "Delete"}
        # As `INVENTED_LENGTHS` of `claim/transitions.rs` has it.
        self.assertRegex(deleted, rf"^{re.escape(stack.name)}-Probe-[A-Za-z0-9]{{12,13}}$")


@live.needs_account
class OfEcs(unittest.TestCase):
    def test_the_first_revision_serves_from_one_of_the_two_groups(self):
        outputs = live.Stack(self, "first").deploy(live.service())
        arn = outputs["ServiceArn"]
        primary, _alternate = live.group_pair(arn)
        # Either is allowed for; `FirstRevision` of `local-aws` takes this one where a test does not say.
        self.assertEqual(live.live_group(arn), primary)

    def test_a_port_is_changed_by_a_canary_and_no_visitor_notices(self):
        stack = live.Stack(self, "port")
        outputs = stack.deploy(live.service())
        other_port = ["sh", "-c", "sed -i 's/80;/8080;/' /etc/nginx/conf.d/default.conf && exec nginx -g 'daemon off;'"]
        with live.visited(outputs["Endpoint"]) as wrong:
            stack.deploy(live.service(ContainerPort=8080, Command=other_port))
        self.assertEqual(wrong, [])

    def test_a_load_balancer_of_its_own_is_moved_to_and_no_visitor_notices(self):
        stack = live.Stack(self, "move")
        before = stack.deploy(live.service())
        with live.visited(before["Endpoint"]) as wrong:
            after = stack.deploy(live.service(LoadBalancer={"Sharing": "DEDICATED"}))
        self.assertEqual(wrong, [])
        self.assertNotEqual(after["LoadBalancerArn"], before["LoadBalancerArn"])
        self.assertEqual(after["Endpoint"], before["Endpoint"])
        self.assertEqual(live.answer(after["Endpoint"]), 200)

    def test_a_rolling_deployment_serves_on_whichever_group_is_live(self):
        stack = live.Stack(self, "rolling")
        outputs = stack.deploy(live.service())
        groups = {live.live_group(outputs["ServiceArn"])}
        images = [live.OTHER_IMAGE, live.IMAGE]
        with live.visited(outputs["Endpoint"]) as wrong:
            for image in images:
                stack.deploy(live.service(Image=image))
                groups.add(live.live_group(outputs["ServiceArn"]))
                stack.deploy(live.service(Image=image, Deployment={"Strategy": "ROLLING"}))
                token = {"Strategy": "ROLLING", "ForceDeployment": uuid.uuid4().hex}
                stack.deploy(live.service(Image=image, Deployment=token))
        self.assertEqual(wrong, [])
        self.assertEqual(len(groups), 2, "the live group did not alternate")

    def test_a_service_is_scaled_by_what_the_provider_may_do(self):
        # The policy is allowed by the tag of the scalable target. What Application Auto Scaling tries as the provider
        # before it takes either is allowed in AWS's own calls only (`TriesOfAutoScaling` in the provider's template).
        outputs = live.Stack(self, "scaled").deploy(live.service())
        resource = "service/" + outputs["ServiceArn"].split(":service/")[1]
        scaling = live.client("application-autoscaling")
        found = scaling.describe_scaling_policies(ServiceNamespace="ecs", ResourceId=resource)["ScalingPolicies"]
        self.assertEqual(len(found), 1)
        self.assertEqual(len(found[0]["Alarms"]), 2)

    def test_names_that_do_not_fit_into_the_names_of_the_scaling_alarms_are_cut(self):
        # As `alarm_name` of `local-aws` has it; if they are refused, `CLUSTER_AND_SERVICE_LENGTH_MAX` is too large.
        name = "c" * 212
        ecs = live.client("ecs")
        ecs.create_cluster(clusterName=name)
        self.addCleanup(ecs.delete_cluster, cluster=name)
        outputs = live.Stack(self, "long").deploy(live.service(Cluster=name, ServiceName="s" * 40))
        self.assertEqual(live.answer(outputs["Endpoint"]), 200)

    def test_the_circuit_breaker_ends_a_canary_whose_image_does_not_start(self):
        stack = live.Stack(self, "breaker")
        outputs = stack.deploy(live.service())
        began = time.monotonic()
        with live.visited(outputs["Endpoint"]) as wrong, self.assertRaises(live.StackFailed) as failed:
            stack.deploy(live.service(Command=["sh", "-c", "exit 3"]))
        self.assertEqual(wrong, [])
        self.assertLess(time.monotonic() - began, 1800)
        self.assertRegex(str(failed.exception), "exit code 3|exited")

    def test_the_policy_of_express_mode_allows_what_our_tags_say(self):
        stack = live.Stack(self, "policy")
        stack.deploy(live.service("ExpressMode"))
        outputs = stack.deploy(live.service("ExpressMode", Image=live.OTHER_IMAGE))
        self.assertEqual(live.answer(outputs["Endpoint"]), 200)


if __name__ == "__main__":
    unittest.main()
