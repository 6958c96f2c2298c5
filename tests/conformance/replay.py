"""One scenario against one side: its calls in order, each with what earlier ones answered."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import jmespath
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

import servers
from normal import Fields, Names

# For `until`: real seconds.
_UNTIL_S = 10.0
_UNTIL_PAUSE_S = 0.02

# One for all sides, because it keeps the service models that it has read, and those of EC2 take long to read.
_SESSION = boto3.session.Session(
    aws_access_key_id=servers.ACCOUNT, aws_secret_access_key="local", region_name=servers.REGION
)


class BadScenario(Exception):
    """A scenario that cannot be replayed on any side."""


@dataclass(frozen=True)
class Step:
    """One call of a scenario."""

    call: str
    input: dict
    name: str | None = None
    # A condition on the answer: the call is repeated until it holds.
    until: str | None = None
    # What of the answer is compared, if not all of it.
    only: str | None = None

    @classmethod
    def read(cls, written: dict) -> "Step":
        """A step as a scenario has it."""
        unknown = written.keys() - {"as", "call", "with", "until", "only"}
        if unknown or "call" not in written:
            raise BadScenario(f"not a step: {written}")
        return cls(
            written["call"], written.get("with") or {}, written.get("as"), written.get("until"), written.get("only")
        )


@dataclass(frozen=True)
class Outcome:
    """What came of a call: `succeeds` or AWS's error code, the HTTP status, and the normalised answer."""

    result: str
    status: str
    fields: Fields


class Side:
    """The clients of one side."""

    def __init__(self, address: str):
        self._address = address
        self._clients: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        """The client of a service. It checks nothing itself, so that wrong requests are sent too."""
        if service not in self._clients:
            config = Config(retries={"total_max_attempts": 1}, parameter_validation=False, read_timeout=20)
            self._clients[service] = _SESSION.client(service, endpoint_url=self._address, config=config)
        return self._clients[service]

    def replay(self, steps: list[Step]) -> Iterator[Outcome]:
        """The outcomes of a scenario's calls."""
        names, answers = Names(), {}
        for number, step in enumerate(steps, start=1):
            yield self._outcome(number, step, names, answers)

    def _outcome(self, number: int, step: Step, names: Names, answers: dict[str, dict]) -> Outcome:
        try:
            answer = self._called(step, _filled(step.input, answers))
        except _Missing as missing:
            return Outcome(f"not called: {missing}", "none", {})
        except ClientError as error:
            response = error.response
            return Outcome(response["Error"]["Code"], str(response["ResponseMetadata"]["HTTPStatusCode"]), {})
        except (BotoCoreError, ResponseParserError) as error:
            # Refused by the client itself, or answered with something that is no answer of AWS.
            return Outcome(type(error).__name__, "none", {})
        status = str(answer.pop("ResponseMetadata")["HTTPStatusCode"])
        if step.name:
            answers[step.name] = answer
        compared = {step.only: jmespath.search(step.only, answer)} if step.only else answer
        return Outcome("succeeds", status, names.fields(number, compared))

    def _called(self, step: Step, input: dict) -> dict:
        service, operation = step.call.split(".")
        call = getattr(self.client(service), xform_name(operation))
        answer, deadline = call(**input), time.monotonic() + _UNTIL_S
        while step.until and not jmespath.search(step.until, answer):
            if time.monotonic() > deadline:
                raise BadScenario(f"{step.call}: `{step.until}` did not come true at {self._address}")
            time.sleep(_UNTIL_PAUSE_S)
            answer = call(**input)
        return answer


class _Missing(Exception):
    """What a call needs was not answered."""


def _filled(value: object, answers: dict[str, dict]) -> Any:
    """The input with `$name.path` replaced by what the step of that name answered."""
    if isinstance(value, dict):
        return {key: _filled(member, answers) for key, member in value.items()}
    if isinstance(value, list):
        return [_filled(item, answers) for item in value]
    if isinstance(value, str) and value.startswith("$"):
        return _found(value, answers)
    return value


def _found(reference: str, answers: dict[str, dict]) -> object:
    """What `$name.Member.Member` refers to; of a list its first item, and `tail` is what follows the last slash."""
    value: object = answers
    for member in reference.removeprefix("$").split("."):
        if member == "tail" and isinstance(value, str):
            value = value.rsplit("/", 1)[-1]
        else:
            value = value.get(member) if isinstance(value, dict) else None
        if isinstance(value, list):
            value = value[0] if value else None
    if value is None:
        raise _Missing(reference)
    return value
