"""Custom resources as CloudFormation handles them: the event, the wait for one answer, the Delete after a failure.

MiniStack's own version leaves out `ServiceToken`, calls the function synchronously, drops the physical id of a FAILED
answer and sends no Delete after a failed Create.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/crpg-ref.html
"""

import json
import secrets
import string
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

# What CloudFormation waits when a template has no ServiceTimeout, in seconds.
DEFAULT_TIMEOUT_S = 3600
# Longest answer that CloudFormation accepts.
ANSWER_BYTES_MAX = 4096
_ECHOED = ("StackId", "RequestId", "LogicalResourceId")


class Failed(RuntimeError):
    """The custom resource failed; the text is the reason of the stack event."""


@dataclass(frozen=True)
class LeftBehind:
    """What a failed request may have made, to be deleted when the stack rolls back."""

    resource_type: str
    physical_id: str
    properties: dict


@dataclass
class _Open:
    answered: threading.Event = field(default_factory=threading.Event)
    answer: dict | None = None


class Answers:
    """The answers to response URLs that have been handed out. Only the first one of each counts."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[str, _Open] = {}

    def expect(self) -> str:
        """A token for a response URL."""
        token = uuid.uuid4().hex
        with self._lock:
            self._open[token] = _Open()
        return token

    def deliver(self, token: str, answer: dict) -> bool:
        """Takes what was PUT; false if nobody waits for it (any more)."""
        with self._lock:
            entry = self._open.get(token)
            if entry is None:
                return False
            if entry.answer is None:
                entry.answer = answer
                entry.answered.set()
            return True

    def wait(self, token: str, timeout_s: float) -> dict | None:
        """The answer, or none after the timeout; later ones are not taken."""
        with self._lock:
            entry = self._open[token]
        entry.answered.wait(timeout_s)
        with self._lock:
            del self._open[token]
            return entry.answer


class CustomResources:
    """Sends the events of custom resources and remembers what their failures left behind."""

    def __init__(self, answers: Answers, response_url: Callable[[str], str], invoke: Callable[[str, dict], None]) -> None:
        self._answers = answers
        self._response_url = response_url
        self._invoke = invoke
        self._left_behind: dict[tuple[str, str], LeftBehind] = {}

    def request(
        self,
        request_type: str,
        logical_id: str,
        properties: dict,
        stack_name: str,
        stack_id: str,
        resource_type: str,
        physical_id: str | None = None,
        old_props: dict | None = None,
    ) -> tuple[str, dict]:
        """One request and its answer: the physical id and the attributes. Blocks, so it belongs on a worker thread."""
        token = self._answers.expect()
        event = {
            "RequestType": request_type,
            "ServiceToken": properties["ServiceToken"],
            "ResponseURL": self._response_url(token),
            "StackId": stack_id,
            "RequestId": str(uuid.uuid4()),
            "LogicalResourceId": logical_id,
            "ResourceType": resource_type,
            "ResourceProperties": as_strings(properties),
        }
        if physical_id is not None:
            event["PhysicalResourceId"] = physical_id
        if old_props is not None:
            event["OldResourceProperties"] = as_strings(old_props)
        self._invoke(properties["ServiceToken"], event)
        answer = self._answers.wait(token, float(properties.get("ServiceTimeout") or DEFAULT_TIMEOUT_S))
        try:
            return _accepted(event, answer)
        except Failed:
            self._remember(event, answer, stack_name, properties)
            raise

    def take_left_behind(self, stack_id: str, logical_id: str | None) -> LeftBehind | None:
        """What the resource's last request left behind; asked for once."""
        return self._left_behind.pop((stack_id, logical_id or ""), None)

    def _remember(self, event: dict, answer: dict | None, stack_name: str, properties: dict) -> None:
        answered = str((answer or {}).get("PhysicalResourceId") or "")
        if event["RequestType"] == "Create":
            # Without an answer CloudFormation knows no id and sends one that it invents.
            physical_id = answered or invented_id(stack_name, event["LogicalResourceId"])
        elif event["RequestType"] == "Update" and answered not in ("", event["PhysicalResourceId"]):
            physical_id = answered
        else:
            return
        self._left_behind[event["StackId"], event["LogicalResourceId"]] = LeftBehind(
            event["ResourceType"], physical_id, properties
        )


def _accepted(event: dict, answer: dict | None) -> tuple[str, dict]:
    """The physical id and the attributes of an answer that CloudFormation takes for a success."""
    request = f"(RequestId: {event['RequestId']})"
    if answer is None:
        raise Failed("CloudFormation did not receive a response from your Custom Resource. Please check your logs for "
                     f"requestId [{event['RequestId']}].")
    if len(json.dumps(answer, separators=(",", ":"), ensure_ascii=False).encode()) > ANSWER_BYTES_MAX:
        raise Failed(f"Response object is too long. {request}")
    for member in _ECHOED:
        if answer.get(member) != event[member]:
            raise Failed(f"Invalid response: `{member}` is not that of the request. {request}")
    if answer.get("Status") != "SUCCESS":
        raise Failed(f"Received response status [{answer.get('Status')}] from custom resource. "
                     f"Message returned: {answer.get('Reason', '')} {request}")
    if not answer.get("PhysicalResourceId"):
        raise Failed(f"Invalid PhysicalResourceId {request}")
    return str(answer["PhysicalResourceId"]), answer.get("Data") or {}


def as_strings(value: object) -> object:
    """Properties as they arrive in an event: lists and maps as they are, every scalar a string, nulls left out."""
    if isinstance(value, dict):
        return {key: as_strings(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [as_strings(item) for item in value if item is not None]
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def invented_id(stack_name: str, logical_id: str) -> str:
    """A physical id as CloudFormation makes one up: stack, logical id and 12 random characters."""
    letters = string.ascii_uppercase + string.digits
    return f"{stack_name}-{logical_id}-" + "".join(secrets.choice(letters) for _ in range(12))
