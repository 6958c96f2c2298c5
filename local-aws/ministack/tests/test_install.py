"""The names of MiniStack that the plug-in replaces are there, and are replaced."""

import unittest

from ministack.services.cloudformation import custom_resource, provisioners, stacks

from ministack_plugin import install
from ministack_plugin.settings import Settings


class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.before = {
            "request": custom_resource.invoke_custom_resource,
            "deliver": custom_resource.deliver_response,
            "roll_back": stacks._roll_back_operation,
            "function": provisioners._RESOURCE_HANDLERS["AWS::Lambda::Function"]["create"],
        }
        install.install(Settings(local_aws="http://127.0.0.1:1", gateway="http://localhost:2"))

    def test_every_kind_is_handled_here_and_off_the_event_loop(self):
        for resource_type, kind in install.KINDS.items():
            with self.subTest(resource_type=resource_type):
                handler = provisioners._RESOURCE_HANDLERS[resource_type]
                self.assertEqual(install.__name__, handler["create"].__module__)
                self.assertEqual(kind.update is not None, "update" in handler)
                self.assertTrue(stacks._runs_on_worker_thread(resource_type))

    def test_other_types_stay_as_they_are(self):
        self.assertFalse(stacks._runs_on_worker_thread("AWS::SQS::Queue"))
        self.assertTrue(stacks._runs_on_worker_thread("Custom::ExpressService"))

    def test_ref_of_a_secret_is_its_arn_and_finds_it_again(self):
        handler = provisioners._RESOURCE_HANDLERS["AWS::SecretsManager::Secret"]
        old = {"Name": "a/b-c", "SecretString": "one"}
        arn, attributes = handler["create"]("Secret", old, "stack")
        self.assertRegex(arn, r"^arn:aws:secretsmanager:.*:secret:a/b-c-.{6}$")
        self.assertEqual(attributes["Id"], arn)
        changed = handler["update"](arn, old, old | {"SecretString": "two"}, "stack", "Secret")
        self.assertEqual(changed[0], arn)
        handler["delete"](arn, old)
        self.assertNotIn("a/b-c", provisioners._sm._secrets)

    def test_custom_resources_and_functions_are_replaced(self):
        after = {
            "request": custom_resource.invoke_custom_resource,
            "deliver": custom_resource.deliver_response,
            "roll_back": stacks._roll_back_operation,
            "function": provisioners._RESOURCE_HANDLERS["AWS::Lambda::Function"]["create"],
        }
        for name, replaced in self.before.items():
            with self.subTest(name=name):
                self.assertIsNot(replaced, after[name])


if __name__ == "__main__":
    unittest.main()
