"""AWS's published service models: where they are, and what a member is called on the wire.

Names on the wire: https://smithy.io/2.0/aws/protocols/index.html
"""

import functools
import re

from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel, Shape, StructureShape

# Services whose signing name is not that of their model.
_MODELS = {"elasticloadbalancing": "elbv2", "monitoring": "cloudwatch", "states": "stepfunctions"}

# The protocols of a recording.
PROTOCOLS = ("json", "query", "ec2", "cbor", "rest-xml")


class UnknownCall(Exception):
    """There is no such service or operation."""


@functools.cache
def service(name: str) -> ServiceModel:
    """The model of a service, by its signing name or by its model's."""
    loader = Loader()
    model = _MODELS.get(name, name)
    if model not in loader.list_available_services("service-2"):
        raise UnknownCall(f"there is no service `{name}`")
    return ServiceModel(loader.load_service_model(model, "service-2"), model)


def operation(service_name: str, operation_name: str) -> OperationModel:
    """The model of an operation."""
    known = service(service_name)
    if operation_name not in known.operation_names:
        raise UnknownCall(f"`{service_name}` has no operation `{operation_name}`")
    return known.operation_model(operation_name)


def wire_name(protocol: str, member: str, shape: Shape) -> str:
    """What a member of a structure is called on the wire."""
    names = shape.serialization
    if protocol == "cbor":
        return member
    if protocol == "ec2":
        name = names.get("queryName") or names.get("name", member)
        return name if "queryName" in names else name[:1].upper() + name[1:]
    return names.get("name", member)


def body_members(shape: StructureShape) -> dict[str, Shape]:
    """The members that travel in the body."""
    return {name: member for name, member in shape.members.items() if "location" not in member.serialization}


def uri_values(called: OperationModel, path: str) -> dict[str, str] | None:
    """The values of the path's placeholders, by their wire names; none if the path is another operation's."""
    template = called.http["requestUri"].partition("?")[0].strip("/")
    pattern = re.sub(r"\\\{(\w+)\\?\+?\\\}", r"(?P<\1>[^/]+)", re.escape(template))
    found = re.fullmatch(pattern, path.strip("/"))
    return found.groupdict() if found else None
