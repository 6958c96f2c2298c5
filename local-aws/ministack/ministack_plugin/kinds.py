"""How one resource type is made, changed and deleted at `local-aws`."""

from collections.abc import Callable
from dataclasses import dataclass

# A client of `local-aws` for a service's boto3 name.
Clients = Callable[[str], object]
# What CloudFormation keeps of a resource: its physical id (`Ref`) and its attributes (`Fn::GetAtt`).
Made = tuple[str, dict]


@dataclass(frozen=True)
class Kind:
    """One resource type."""

    # (clients, properties, generated name) -> physical id and attributes.
    create: Callable[[Clients, dict, str], Made]
    # (clients, physical id, properties).
    delete: Callable[[Clients, str, dict], None]
    # (clients, physical id, old properties, new properties, generated name). Another physical id than before is a
    # replacement: the old one is deleted when the stack's update has succeeded. None: every change replaces.
    update: Callable[[Clients, str, dict, dict, str], Made] | None = None
    # Longest generated name.
    name_limit: int = 255
