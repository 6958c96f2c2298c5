"""Custom resources keep CloudFormation's contract."""

import re
import unittest

from ministack_plugin.custom_resources import Answers, CustomResources, Failed, as_strings

STACK = "arn:aws:cloudformation:eu-west-1:000000000000:stack/web/1"


class Harness:
    """Custom resources whose function answers at once with what `reply` makes of the event."""

    def __init__(self, reply):
        self.events = []
        self.answers = Answers()
        self.resources = CustomResources(self.answers, lambda token: f"http://local/{token}", self.invoke)
        self.reply = reply

    def invoke(self, _service_token, event):
        self.events.append(event)
        answer = self.reply(event)
        if answer is not None:
            self.answers.deliver(event["ResponseURL"].rpartition("/")[2], answer)

    def request(self, request_type, physical_id=None, old=None, **properties):
        properties = {"ServiceToken": "arn:function", **properties}
        return self.resources.request(
            request_type, "Web", properties, "web", STACK, "Custom::ExpressService", physical_id, old
        )


def answer(event, **members):
    echoed = {key: event[key] for key in ("StackId", "RequestId", "LogicalResourceId")}
    return {"Status": "SUCCESS", "PhysicalResourceId": "made", **echoed, **members}


class Event(unittest.TestCase):
    def test_has_what_cloudformation_sends(self):
        harness = Harness(answer)
        harness.request("Update", "made", {"ServiceToken": "arn:function", "Port": 80}, Port=81, On=True, Gone=None)
        event = harness.events[0]
        self.assertEqual("arn:function", event["ServiceToken"])
        self.assertEqual("made", event["PhysicalResourceId"])
        self.assertEqual({"ServiceToken": "arn:function", "Port": "81", "On": "true"}, event["ResourceProperties"])
        self.assertEqual("80", event["OldResourceProperties"]["Port"])

    def test_a_create_names_no_physical_id(self):
        harness = Harness(answer)
        harness.request("Create")
        self.assertNotIn("PhysicalResourceId", harness.events[0])
        self.assertNotIn("OldResourceProperties", harness.events[0])

    def test_scalars_at_any_depth_are_strings(self):
        self.assertEqual({"a": ["1", {"b": "false"}], "c": ""}, as_strings({"a": [1, {"b": False}, None], "c": ""}))


class Answer(unittest.TestCase):
    def test_success_gives_id_and_attributes(self):
        harness = Harness(lambda event: answer(event, Data={"Endpoint": "https://web"}))
        self.assertEqual(("made", {"Endpoint": "https://web"}), harness.request("Create"))

    def test_only_the_first_answer_counts(self):
        answers = Answers()
        token = answers.expect()
        self.assertTrue(answers.deliver(token, {"first": True}))
        self.assertTrue(answers.deliver(token, {"first": False}))
        self.assertEqual({"first": True}, answers.wait(token, 1))
        self.assertFalse(answers.deliver(token, {}))

    def test_what_cloudformation_does_not_accept(self):
        cases = {
            "told so": {"Status": "FAILED", "Reason": "told so"},
            "Invalid PhysicalResourceId": {"PhysicalResourceId": ""},
            "too long": {"Data": {"a": "é" * 2048}},
            "`RequestId`": {"RequestId": "another"},
        }
        for reason, members in cases.items():
            with self.subTest(reason=reason), self.assertRaisesRegex(Failed, reason):
                Harness(lambda event, members=members: answer(event, **members)).request("Create")


class LeftBehind(unittest.TestCase):
    def left(self, request_type, reply, physical_id=None, **properties):
        harness = Harness(reply)
        with self.assertRaises(Failed):
            harness.request(request_type, physical_id, {} if request_type == "Update" else None, **properties)
        left = harness.resources.take_left_behind(STACK, "Web")
        self.assertIsNone(harness.resources.take_left_behind(STACK, "Web"))
        return left and left.physical_id

    def test_a_failed_create_leaves_the_id_that_it_answered(self):
        self.assertEqual("made", self.left("Create", lambda event: answer(event, Status="FAILED")))

    def test_an_unanswered_create_leaves_an_invented_id(self):
        invented = self.left("Create", lambda _event: None, ServiceTimeout="0.01")
        self.assertTrue(re.fullmatch(r"web-Web-[A-Z0-9]{12}", invented), invented)

    def test_a_failed_replacement_leaves_its_new_id(self):
        self.assertEqual("made", self.left("Update", lambda event: answer(event, Status="FAILED"), "old"))

    def test_a_failed_update_in_place_leaves_nothing(self):
        self.assertIsNone(self.left("Update", lambda event: answer(event, Status="FAILED"), "made"))

    def test_a_failed_delete_leaves_nothing(self):
        self.assertIsNone(self.left("Delete", lambda event: answer(event, Status="FAILED"), "made"))


if __name__ == "__main__":
    unittest.main()
