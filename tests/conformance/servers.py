"""The two sides: `express local serve` and moto, each a process of its own on a free port of 127.0.0.1."""

import contextlib
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

REGION = "us-east-1"
ACCOUNT = "123456789012"
# Simulated seconds per second: a load balancer is active after a fifth of a second instead of two minutes.
_RATE = "600"
_START_S = 30
_STOP_S = 5
_LOOK_S = 0.01
_SAID_BYTES_MAX = 64 * 1024
# With what follows the port, so that half a port is not taken for one.
_ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+(?=[.\s])")


class NotServing(Exception):
    """A server named no address, or ended before it was told to."""


@contextlib.contextmanager
def local_aws(express: Path) -> Iterator[str]:
    """The address of a stand-in that starts empty and ends with the block."""
    command = [str(express), "local", "serve", "--port", "0", "--rate", _RATE, "--account", ACCOUNT, "--region", REGION]
    with _serving(command) as address:
        yield address


@contextlib.contextmanager
def moto() -> Iterator[str]:
    """The address of a moto server that ends with the block."""
    command = [sys.executable, "-m", "moto.server", "--host", "127.0.0.1", "--port", "0"]
    # A certificate is issued after this many seconds; moto's own default is 60.
    with _serving(command, {"MOTO_ACM_VALIDATION_WAIT": "1"}) as address:
        yield address


def reset_moto(address: str) -> None:
    """Empties moto, but for the default VPC."""
    urllib.request.urlopen(urllib.request.Request(f"{address}/moto-api/reset", method="POST"), timeout=10).close()


@contextlib.contextmanager
def _serving(command: list[str], environment: dict[str, str] | None = None) -> Iterator[str]:
    # What a server says goes to a file, because nobody reads on after the address and a pipe would fill.
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            env=os.environ | (environment or {}),
        )
        try:
            yield _address(process, said)
            if process.poll() is not None:
                raise NotServing(f"`{command[0]}` ended with status {process.returncode}; it said:\n{_text(said)}")
        finally:
            process.terminate()
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _address(process: subprocess.Popen, said: BinaryIO) -> str:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline and process.poll() is None:
        if found := _ADDRESS.search(_text(said)):
            return found.group(0)
        time.sleep(_LOOK_S)
    raise NotServing(f"no address from `{' '.join(process.args)}`; it said:\n{_text(said)}")


def _text(said: BinaryIO) -> str:
    # The server writes at the same offset that this file object reads from, so the offset is left alone.
    return os.pread(said.fileno(), _SAID_BYTES_MAX, 0).decode(errors="replace")
