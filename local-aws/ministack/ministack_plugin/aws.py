"""Clients of `local-aws` and of MiniStack itself, and what AWS's refusals mean to CloudFormation."""

import contextlib
import functools
import secrets
import time
from collections.abc import Callable, Iterator

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

# Codes that say "it does not exist" without the words "NotFound".
_ABSENT = frozenset({"NoSuchHostedZone", "NoSuchEntity", "WAFNonexistentItemException", "Gateway.NotAttached"})
# Codes that say "something still uses it": CloudFormation tries such a delete again for a while.
_IN_USE = frozenset(
    {
        "DependencyViolation",
        "ResourceInUseException",
        "ClusterContainsServicesException",
        "ClusterContainsTasksException",
        "WAFAssociatedItemException",
    }
)
_DELETE_ATTEMPTS = 60
_DELETE_PAUSE_S = 1.0


@functools.cache
def client(service: str, endpoint: str, region: str, account_id: str):
    """A client of one service at one endpoint. The access key is the account id, which both sides take for the account."""
    return boto3.session.Session().client(
        service,
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=account_id,
        aws_secret_access_key="local",
        config=Config(retries={"mode": "standard", "total_max_attempts": 3}, read_timeout=30),
    )


def code(error: ClientError) -> str:
    """AWS's error code."""
    return error.response.get("Error", {}).get("Code", "")


@contextlib.contextmanager
def absence_ignored() -> Iterator[None]:
    """Deleting what is gone is a success."""
    try:
        yield
    except ClientError as error:
        if "NotFound" not in code(error) and code(error) not in _ABSENT:
            raise


def delete_when_unused(delete: Callable[[], None]) -> None:
    """Calls `delete` until AWS no longer answers that something uses the resource; a minute at most."""
    for remaining in reversed(range(_DELETE_ATTEMPTS)):
        try:
            with absence_ignored():
                delete()
            return
        except ClientError as error:
            if code(error) not in _IN_USE or remaining == 0:
                raise
            time.sleep(_DELETE_PAUSE_S)


def tags(properties: dict) -> list[dict]:
    """The `Tags` property. Keys of the prefix `aws:` are CloudFormation's to set, and AWS refuses them from anyone else."""
    return [
        {"Key": tag["Key"], "Value": str(tag["Value"])}
        for tag in properties.get("Tags") or []
        if not tag["Key"].startswith("aws:")
    ]


def generated_name(stack_name: str, logical_id: str, limit: int) -> str:
    """The name of a resource whose template gives none. Random, because a replacement exists beside its predecessor."""
    suffix = secrets.token_hex(6)
    return f"{stack_name[: limit // 2]}-{logical_id}"[: limit - 13] + f"-{suffix}"


def is_true(value: object) -> bool:
    """A boolean of a template, which may have arrived as a string."""
    return value is True or value == "true"
