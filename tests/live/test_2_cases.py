"""The cases of CONTRACT.md that are marked ☁."""

import json
import random
import threading
import time
import unittest
from pathlib import Path

import live

SCHEMA = Path(__file__).parents[2] / "provider-schema" / "express-service.schema.json"
# Case 60.
STACKS = 40
HOUR_S = 3600


def attributes() -> dict[str, bool]:
    """The names that `Fn::GetAtt` reads, and which are lists."""
    schema = json.loads(SCHEMA.read_text())

    def of(path: str) -> dict:
        found = schema
        for step in path.strip("/").split("/"):
            found = found["properties"][step] if step != "properties" else found
        return found

    names = {path.removeprefix("/properties/") for path in schema["readOnlyProperties"]} | {"TaskDefinitionArn"}
    return {name.replace("/", "."): of(name).get("type") == "array" for name in sorted(names)}


class Attributes(unittest.TestCase):
    def test_the_schema_names_them(self):
        names = attributes()
        self.assertIs(names["Endpoint"], False)
        self.assertIs(names["ECSManagedResourceArns.IngressPath.TargetGroupArns"], True)


@live.needs_account
class Cases(unittest.TestCase):
    def test_case_16_every_attribute_is_read_back_and_the_endpoint_answers_at_success(self):
        template = live.service()
        names = attributes()
        for number, (name, is_list) in enumerate(names.items()):
            read = {"Fn::GetAtt": ["Web", name]}
            template["Outputs"][f"Attribute{number}"] = {"Value": {"Fn::Join": [",", read]} if is_list else read}
        outputs = live.Stack(self, "attributes").deploy(template)
        # The first visit, with nothing in between: SUCCESS says that it is answered.
        self.assertEqual(live.answer(outputs["Endpoint"]), 200)
        found = {name: outputs[f"Attribute{number}"] for number, name in enumerate(names)}
        self.assertEqual([name for name, value in found.items() if not value], [])
        described = live.in_ecs(outputs["ServiceArn"])
        self.assertEqual(found["ServiceArn"], described["serviceArn"])
        self.assertEqual(found["TaskDefinitionArn"], described["taskDefinition"])

    def test_case_60_forty_stacks_of_an_hour_leave_the_account_as_it_was(self):
        before = live.settled_inventory(live.inventory())
        ends_at = time.monotonic() + HOUR_S
        failures: list[str] = []

        def churn(number: int) -> None:
            stack = live.Stack(self, f"hour-{number}")
            chance = random.Random(number)
            images = [live.IMAGE, live.OTHER_IMAGE]
            try:
                while time.monotonic() < ends_at:
                    chance.shuffle(images)
                    for image in images[: chance.randint(1, 2)]:
                        stack.deploy(live.service(Image=image, Deployment={"Preset": "DEVELOPMENT"}))
                    stack.delete()
            except Exception as error:
                failures.append(f"{stack.name}: {error}")

        threads = [threading.Thread(target=churn, args=[number]) for number in range(STACKS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.doCleanups()
        self.assertEqual(failures, [])
        self.assertEqual(live.settled_inventory(before) ^ before, set())

    def test_case_64b_a_change_set_that_is_only_looked_at_changes_nothing(self):
        stack = live.Stack(self, "looked-at")
        outputs = stack.deploy(live.service())
        before = live.in_ecs(outputs["ServiceArn"])["deployments"]
        self.assertEqual(stack.looked_at(live.service(Image=live.OTHER_IMAGE)), {"Web": "Modify"})
        self.assertEqual(live.in_ecs(outputs["ServiceArn"])["deployments"], before)

    def test_case_64b_what_failed_with_rollback_off_is_corrected_by_the_next_update(self):
        stack = live.Stack(self, "rollback-off")
        with self.assertRaises(live.StackFailed):
            stack.deploy(live.service(Image=live.NO_IMAGE), rolls_back=False)
        self.assertEqual(stack.status(), "CREATE_FAILED")
        self.assertEqual(live.answer(stack.deploy(live.service())["Endpoint"]), 200)


if __name__ == "__main__":
    unittest.main()
