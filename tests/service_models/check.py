"""Checks recorded requests against AWS's service models.

Usage: `python check.py [file …]`, or the recording on standard input. A recording has one JSON object per line:
`{"service": "ecs", "operation": "CreateService", "protocol": "json", "input": {…}}`. The protocol is one of `json`,
`query`, `ec2`, `cbor` and `rest-xml`; the input is as it was on the wire, names included. That of `rest-xml` is
`{"method": …, "path": …, "query": {…}, "body": {…}}`.

Prints every violation once, with how often it occurred. Exit status: 0 if there is none, 1 if there are some, 2 if the
recording cannot be read or is empty, because a check of nothing proves nothing.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator

import models
import shapes
from shapes import Violation


class BadRecording(Exception):
    """A line is not a recorded request."""


def violations(request: dict) -> Iterator[Violation]:
    """The violations of one request."""
    try:
        called = models.operation(request["service"], request["operation"])
    except models.UnknownCall as error:
        yield Violation("", str(error))
        return
    protocol, sent = request["protocol"], request["input"]
    if called.input_shape is None:
        if sent:
            yield Violation("", "the operation takes no input")
    elif protocol == "rest-xml":
        yield from _rest(called, sent)
    else:
        yield from shapes.check(protocol, called.input_shape, sent or {})


def _rest(called, sent: dict) -> Iterator[Violation]:
    """A request whose members are spread over path, query string and body."""
    shape = called.input_shape
    path_values = models.uri_values(called, sent["path"])
    if sent["method"] != called.http["method"] or path_values is None:
        yield Violation("", f"sent as {sent['method']}, expected {called.http['method']} {called.http['requestUri']}")
        return
    spread = {"uri": path_values, "querystring": sent.get("query") or {}}
    for location, values in spread.items():
        known = {
            name: member for name, member in shape.members.items() if member.serialization.get("location") == location
        }
        yield from shapes.members("rest-xml", known, shape, values, "")
    yield from shapes.check("rest-xml", shape, sent.get("body"))


def read(lines: Iterable[str]) -> Iterator[dict]:
    """The requests of a recording; empty lines are allowed."""
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            request = json.loads(line)
        except json.JSONDecodeError as error:
            raise BadRecording(f"line {number}: {error}") from error
        missing = {"service", "operation", "protocol", "input"} - (request.keys() if isinstance(request, dict) else set())
        if missing:
            raise BadRecording(f"line {number}: no {', '.join(sorted(missing))}")
        if request["protocol"] not in models.PROTOCOLS:
            raise BadRecording(f"line {number}: unknown protocol `{request['protocol']}`")
        yield request


def main(arguments: list[str]) -> int:
    found: Counter[tuple[str, Violation]] = Counter()
    operations: Counter[str] = Counter()
    try:
        for request in read(_lines(arguments)):
            name = f"{request['service']}:{request['operation']}"
            operations[name] += 1
            found.update((name, violation) for violation in set(violations(request)))
    except (BadRecording, OSError) as error:
        print(f"check: {error}", file=sys.stderr)
        return 2
    if not operations:
        print("check: the recording is empty", file=sys.stderr)
        return 2
    for (name, violation), count in sorted(found.items()):
        print(f"{name} {violation.path or '(request)'}: {violation.problem} ({count} times)")
    print(f"{operations.total()} requests of {len(operations)} operations, {len(found)} violations")
    return 1 if found else 0


def _lines(paths: list[str]) -> Iterator[str]:
    if not paths:
        yield from sys.stdin
    for path in paths:
        with open(path, encoding="utf-8") as recording:
            yield from recording


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
