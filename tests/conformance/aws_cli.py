"""Runs the AWS CLI, and sends rubbish, against `express local serve`.

Usage: `python aws_cli.py --express <the program>`.

The commands are in `aws_cli.yaml`; what is sent beside them is in `rubbish.py`. Exit status: 0 if everything was
answered as it should be and the server lived, 1 if not, 2 if the check could not be made.
"""

import argparse
import json
import os
import shlex
import signal
import string
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jmespath
import yaml

import rubbish
import servers

_FOLDER = Path(__file__).parent
_COMMAND_S = 60
# Groups at once; a command is mostly the start of Python.
_WORKERS = 2
_MEMBERS = {"run", "at", "is", "keep", "fails"}


class BadCommand(Exception):
    """The file of commands is wrong."""


def problems(commands: list[dict], address: str) -> Iterator[str]:
    """What goes wrong with a group of commands; the first problem ends it, because later ones need what it makes."""
    kept: dict[str, str] = {}
    for command in commands:
        if "run" not in command or command.keys() - _MEMBERS:
            raise BadCommand(f"not a command: {command}")
        line = string.Template(command["run"]).substitute(kept)
        problem = _problem(command, kept, _run(line, address))
        if problem:
            yield f"aws {line}: {problem}"
            return


def _problem(command: dict, kept: dict[str, str], ended: subprocess.CompletedProcess) -> str | None:
    if refusal := command.get("fails"):
        is_refused = ended.returncode != 0 and f"({refusal})" in ended.stderr
        return None if is_refused else f"not refused by {refusal}: {_said(ended)}"
    if ended.returncode != 0:
        return f"exit code {ended.returncode}: {_said(ended)}"
    answer = json.loads(ended.stdout) if ended.stdout.strip() else None
    if "at" in command:
        found = jmespath.search(command["at"], answer)
        if found != command["is"]:
            return f"`{command['at']}` is {found!r}, expected {command['is']!r}"
    for name, path in (command.get("keep") or {}).items():
        value = jmespath.search(path, answer)
        if not isinstance(value, str):
            return f"there is no `{path}`: {_said(ended)}"
        kept[name] = value
    return None


def _run(line: str, address: str) -> subprocess.CompletedProcess:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        "AWS_DEFAULT_REGION": servers.REGION,
        "AWS_ACCESS_KEY_ID": servers.ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_MAX_ATTEMPTS": "1",
        # Whatever profile this machine has is not asked.
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    program = [sys.executable, "-m", "awscli", "--endpoint-url", address, "--output", "json", *shlex.split(line)]
    return subprocess.run(program, env=environment, capture_output=True, text=True, timeout=_COMMAND_S, check=False)


def _said(ended: subprocess.CompletedProcess) -> str:
    return (ended.stderr or ended.stdout).strip()


def run(express: Path) -> int:
    """Runs everything, reports, and says with which status to exit."""
    groups = yaml.safe_load((_FOLDER / "aws_cli.yaml").read_text(encoding="utf-8"))
    with servers.local_aws(express) as address, ThreadPoolExecutor(_WORKERS) as workers:
        found = [
            problem
            for group in workers.map(lambda commands: list(problems(commands, address)), groups.values())
            for problem in group
        ]
        sent, unclear = rubbish.send_all(address)
        found += unclear
    for problem in found:
        print(problem)
    commands = sum(map(len, groups.values()))
    print(f"{commands} commands of the AWS CLI, {sent} requests of rubbish, {len(found)} problems")
    return 1 if found or not commands or not sent else 0


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--express", type=Path, required=True)
    # As an exception, so that the server is ended on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))
    try:
        return run(arguments.parse_args().express)
    except (BadCommand, servers.NotServing, OSError, subprocess.SubprocessError, yaml.YAMLError) as error:
        print(f"aws_cli: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
