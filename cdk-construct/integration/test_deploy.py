"""The app on the local stack, with the CDK's own command: deployed, deployed again with a change, destroyed.

The environment leads to the local stack, which has the provider; `CDK` is the command.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

FOLDER = Path(__file__).parent
# A local stack takes seconds; what takes longer hangs.
TIMEOUT_S = 180


def cdk(command: str, *arguments: str) -> str:
    """Runs the command and tells what it says."""
    ran = subprocess.run(
        [os.environ["CDK"], command, "--app", f"{sys.executable} app.py", "--all", "--no-notices", "--ci", *arguments],
        cwd=FOLDER,
        env=os.environ | {"CDK_DISABLE_CLI_TELEMETRY": "true"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    if ran.returncode != 0:
        raise AssertionError(f"cdk {command}: exit code {ran.returncode}\n{ran.stdout}")
    return ran.stdout


def deploy(folder: str, *arguments: str) -> dict[str, str]:
    """Deploys the app and tells its outputs."""
    outputs = Path(folder) / "outputs.json"
    out = str(Path(folder) / "cdk.out")
    cdk("deploy", "--require-approval", "never", "--output", out, "--outputs-file", str(outputs), *arguments)
    return json.loads(outputs.read_text(encoding="utf-8"))["cdk-python"]


class LocalStack(unittest.TestCase):
    """Never an account: an endpoint has to be given, and it has to be of this machine."""

    def setUp(self) -> None:
        self.assertTrue(os.environ["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1:"))

    def test_the_app_is_deployed_changed_and_destroyed(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            first = deploy(folder)
            self.assertRegex(first["Endpoint"], r"^https://[a-z0-9-]+\.apps\.example\.com$")
            self.assertRegex(first["ServiceArn"], r"^arn:aws:ecs:us-east-1:123456789012:service/default/[a-z0-9-]+$")
            second = deploy(folder, "--context", "level=debug")
            self.assertEqual(second, first)
            difference = cdk("diff", "--context", "level=debug", "--output", str(Path(folder) / "cdk.out"))
            self.assertIn("There were no differences", difference)
            out = str(Path(folder) / "cdk.out")
            self.assertIn("cdk-python: destroyed", cdk("destroy", "--force", "--output", out))


if __name__ == "__main__":
    unittest.main()
