"""The provider as people with SAM install it: built, deployed with the settings of an environment, and deleted again.

The environment leads to a local stack that has only a hosted zone, `HOSTED_ZONE_ID`; `SAM` is the command, `BOOTSTRAP`
the function, built for this machine. Building it again for Lambda would take ten minutes, so in the copy of the
template that is deployed here, a Makefile takes that one.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).parents[2]
# SAM looks after a stack every five seconds unless told otherwise; a local stack takes seconds.
ENVIRONMENT = os.environ | {"SAM_CLI_TELEMETRY": "0", "SAM_CLI_POLL_DELAY": "1"}
# What takes longer hangs.
TIMEOUT_S = 180
# What is different in the copy, each once in the template.
CHANGES = {
    "      BuildMethod: rust-cargolambda\n      BuildProperties:\n        Binary: bootstrap\n": "      BuildMethod: makefile\n",
    "      Architectures: [arm64]\n": f"      Architectures: [{'arm64' if platform.machine() == 'aarch64' else 'x86_64'}]\n",
}


def project(folder: Path) -> None:
    """What SAM needs of the repository, with the function already built."""
    for name in ("samconfig.toml", "LICENSE", "README.md"):
        shutil.copy(ROOT / name, folder / name)
    template = (ROOT / "templates" / "provider.yaml").read_text(encoding="utf-8")
    for old, new in CHANGES.items():
        if template.count(old) != 1:
            raise AssertionError(f"the template has {old!r} {template.count(old)} times, not once")
        template = template.replace(old, new)
    (folder / "templates").mkdir()
    (folder / "templates" / "provider.yaml").write_text(template, encoding="utf-8")
    handler = folder / "handler"
    handler.mkdir()
    shutil.copy(os.environ["BOOTSTRAP"], handler / "bootstrap")
    (handler / "Makefile").write_text("build-Function:\n\tcp bootstrap $(ARTIFACTS_DIR)/bootstrap\n", encoding="utf-8")


class LocalStack(unittest.TestCase):
    """Never an account: an endpoint has to be given, and it has to be of this machine."""

    def setUp(self) -> None:
        self.assertTrue(os.environ["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1:"))
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        project(self.folder)

    def sam(self, command: str, *arguments: str) -> str:
        """Runs the command and tells what it says."""
        ran = subprocess.run(
            [os.environ["SAM"], command, *arguments],
            cwd=self.folder,
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        if ran.returncode != 0:
            raise AssertionError(f"sam {command}: exit code {ran.returncode}\n{ran.stdout}")
        return ran.stdout

    def test_the_provider_is_built_deployed_and_deleted(self) -> None:
        self.assertIn("Build Succeeded", self.sam("build", "--config-env", "dev"))
        zone = os.environ["HOSTED_ZONE_ID"]
        # Of the environment's own settings, only the domain and the zone are to be replaced.
        settings = ["DomainName=apps.example.com", f"HostedZoneId={zone}", "LogRetentionDays=14"]
        deployed = self.sam("deploy", "--config-env", "dev", "--parameter-overrides", *settings)
        self.assertIn("Successfully created/updated stack - express-provider", deployed)
        self.assertRegex(deployed, r"arn:aws:lambda:us-east-1:123456789012:function:express-provider-")
        deleted = self.sam("delete", "--config-env", "dev", "--no-prompts")
        self.assertIn("Deleted successfully", deleted)


if __name__ == "__main__":
    unittest.main()
