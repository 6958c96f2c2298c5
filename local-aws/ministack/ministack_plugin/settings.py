"""What the environment says, read once."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit


class SettingsError(Exception):
    """The environment cannot be used."""


@dataclass(frozen=True)
class Settings:
    """Where the two halves of the local stack listen."""

    # Base URL of `local-aws`, for example http://127.0.0.1:4600.
    local_aws: str
    # Base URL of this MiniStack, as functions and response URLs name it.
    gateway: str


def read(environment: Mapping[str, str]) -> Settings:
    """Reads `LOCAL_AWS_ENDPOINT` (required) and MiniStack's own `MINISTACK_HOST`, `GATEWAY_PORT` and `EDGE_PORT`."""
    local_aws = environment.get("LOCAL_AWS_ENDPOINT", "").rstrip("/")
    if urlsplit(local_aws).scheme not in ("http", "https") or not urlsplit(local_aws).netloc:
        raise SettingsError("LOCAL_AWS_ENDPOINT must be the base URL of local-aws, for example http://127.0.0.1:4600")
    host = environment.get("MINISTACK_HOST") or "localhost"
    port = environment.get("GATEWAY_PORT") or environment.get("EDGE_PORT") or "4566"
    return Settings(local_aws=local_aws, gateway=f"http://{host}:{port}")
