"""The provider as people install it, with SAM or as a package: deployed as the README says, and deleted again.

The environment leads to a local stack that has only a hosted zone, `HOSTED_ZONE_ID`; `SAM` and `AWS` are the commands,
`BOOTSTRAP` is the function, built for this machine. Building it again for Lambda would take ten minutes, so in the copy
of the template that SAM deploys here, a Makefile takes that one; of a package there is the template,
`PACKAGED_TEMPLATE`, and the name of the archive that it names, `PACKAGED_ARCHIVE`.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import tempfile
import unittest
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
# SAM looks after a stack every five seconds unless told otherwise; a local stack takes seconds.
ENVIRONMENT = os.environ | {"SAM_CLI_TELEMETRY": "0", "SAM_CLI_POLL_DELAY": "1"}
# What takes longer hangs.
TIMEOUT_S = 180
# As SAM and Lambda call this machine's processor.
ARCHITECTURE = "arm64" if platform.machine() == "aarch64" else "x86_64"
# What is different in the copy, each once in the template.
CHANGES = {
    "      BuildMethod: rust-cargolambda\n      BuildProperties:\n        Binary: bootstrap\n": "      BuildMethod: makefile\n",
    "      Architectures: [arm64]\n": f"      Architectures: [{ARCHITECTURE}]\n",
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


def commands_of_the_readme() -> str:
    """How the README has a package deployed, for the processor, bucket and zone of here."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```sh\n(aws cloudformation package .*?)```", readme, flags=re.DOTALL)
    for old, new in (("arm64", ARCHITECTURE), ("<bucket>", "packages"), ("<zone>", os.environ["HOSTED_ZONE_ID"])):
        if block.count(old) != 1:
            raise AssertionError(f"the README's commands have {old!r} {block.count(old)} times, not once")
        block = block.replace(old, new)
    return block


class LocalStack(unittest.TestCase):
    """Never an account: an endpoint has to be given, and it has to be of this machine."""

    def setUp(self) -> None:
        self.assertTrue(os.environ["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1:"))
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        project(self.folder)

    def sam(self, command: str, *arguments: str, answers: str = "") -> str:
        """Runs SAM's command and tells what it says."""
        return self.run_there(os.environ["SAM"], command, *arguments, answers=answers)

    def shell(self, commands: str) -> str:
        """Runs lines of a shell that call the AWS CLI and tells what they say."""
        return self.run_there("bash", "-euc", commands)

    def run_there(self, *command: str, answers: str = "") -> str:
        ran = subprocess.run(
            command,
            cwd=self.folder,
            env=ENVIRONMENT | {"PATH": f"{Path(os.environ['AWS']).parent}{os.pathsep}{os.environ['PATH']}"},
            input=answers,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        if ran.returncode != 0:
            raise AssertionError(f"{command}: exit code {ran.returncode}\n{ran.stdout}")
        return ran.stdout

    def test_the_provider_is_built_deployed_and_deleted(self) -> None:
        self.assertIn("Build Succeeded", self.sam("build"))
        zone = os.environ["HOSTED_ZONE_ID"]
        # Each line answers a question; an empty one takes what is proposed.
        name_and_region = "\n\n"
        certificate_roles_boundary_days = "\n\n\n\n"
        unconfirmed_roles_rollback_unsaved = "n\ny\n\nn\n"
        guided = f"{name_and_region}apps.example.com\n{zone}\n{certificate_roles_boundary_days}{unconfirmed_roles_rollback_unsaved}"
        created = self.sam("deploy", "--guided", answers=guided)
        self.assertIn("Successfully created/updated stack - express-provider", created)
        # Then with an environment, of whose own settings only the domain and the zone are to be replaced.
        self.assertIn("Build Succeeded", self.sam("build", "--config-env", "dev"))
        settings = ["DomainName=apps.example.com", f"HostedZoneId={zone}", "LogRetentionDays=14"]
        deployed = self.sam("deploy", "--config-env", "dev", "--parameter-overrides", *settings)
        self.assertIn("Successfully created/updated stack - express-provider", deployed)
        self.assertRegex(deployed, r"arn:aws:lambda:us-east-1:123456789012:function:express-provider-")
        deleted = self.sam("delete", "--config-env", "dev", "--no-prompts")
        self.assertIn("Deleted successfully", deleted)

    def test_the_package_is_deployed_as_the_readme_says(self) -> None:
        template = self.folder / f"provider-{ARCHITECTURE}.yaml"
        template.write_text(os.environ["PACKAGED_TEMPLATE"], encoding="utf-8")
        archive = self.folder / os.environ["PACKAGED_ARCHIVE"]
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
            file.write(os.environ["BOOTSTRAP"], "bootstrap")
        self.shell("aws s3 mb s3://packages")
        deployed = self.shell(commands_of_the_readme())
        self.assertIn("Successfully created/updated stack - express-provider", deployed)
        token = "Outputs[?ExportName=='express-service-token'].OutputValue"
        described = self.shell(f"aws cloudformation describe-stacks --stack-name express-provider --query \"Stacks[0].{token}\"")
        self.assertIn("arn:aws:lambda:us-east-1:123456789012:function:express-provider-", described)
        # The CLI's own waiter looks every 30 seconds.
        gone = self.shell(
            "aws cloudformation delete-stack --stack-name express-provider\n"
            "for _ in $(seq 60); do aws cloudformation describe-stacks --stack-name express-provider || exit 0; sleep 1; done\n"
            "exit 1"
        )
        self.assertIn("does not exist", gone)


if __name__ == "__main__":
    unittest.main()
