"""Web ACLs of a template and their association with a load balancer.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_WAFv2.html
"""

from ministack_plugin import aws
from ministack_plugin.kinds import Clients, Kind, Made

# What CreateWebACL and UpdateWebACL have in common.
_RULES = ("DefaultAction", "Description", "Rules", "VisibilityConfig", "CustomResponseBodies")


def _typed(value: object, member: str = "") -> object:
    """Numbers and booleans of a template, which may have arrived as strings."""
    if isinstance(value, list):
        return [_typed(item) for item in value]
    if isinstance(value, dict):
        return {key: _typed(item, key) for key, item in value.items()}
    if member in ("Priority", "Limit"):
        return int(value)
    if member in ("CloudWatchMetricsEnabled", "SampledRequestsEnabled"):
        return aws.is_true(value)
    return value


def _rules(properties: dict) -> dict:
    return {key: _typed(properties[key]) for key in _RULES if key in properties}


def _identity(physical_id: str) -> dict:
    name, acl_id, scope = physical_id.split("|")
    return {"Name": name, "Id": acl_id, "Scope": scope}


def _create_acl(clients: Clients, properties: dict, name: str) -> Made:
    tags = aws.tags(properties)
    name = properties.get("Name", name)
    scope = properties["Scope"]
    made = clients("wafv2").create_web_acl(
        Name=name, Scope=scope, **_rules(properties), **({"Tags": tags} if tags else {})
    )["Summary"]
    return f"{name}|{made['Id']}|{scope}", {"Id": made["Id"], "Arn": made["ARN"]}


def _update_acl(clients: Clients, physical_id: str, old: dict, new: dict, name: str) -> Made:
    if any(old.get(key) != new.get(key) for key in ("Name", "Scope")):
        return _create_acl(clients, new, name)
    wafv2 = clients("wafv2")
    found = wafv2.get_web_acl(**_identity(physical_id))
    wafv2.update_web_acl(**_identity(physical_id), LockToken=found["LockToken"], **_rules(new))
    return physical_id, {"Id": found["WebACL"]["Id"], "Arn": found["WebACL"]["ARN"]}


def _delete_acl(clients: Clients, physical_id: str, _properties: dict) -> None:
    wafv2 = clients("wafv2")
    token = wafv2.get_web_acl(**_identity(physical_id))["LockToken"]
    wafv2.delete_web_acl(**_identity(physical_id), LockToken=token)


def _associate(clients: Clients, properties: dict, _name: str) -> Made:
    resource, acl = properties["ResourceArn"], properties["WebACLArn"]
    clients("wafv2").associate_web_acl(ResourceArn=resource, WebACLArn=acl)
    return f"{resource}|{acl}", {}


def _disassociate(clients: Clients, physical_id: str, properties: dict) -> None:
    # After a replacement the load balancer may carry another ACL by now, which is not ours to remove.
    wafv2 = clients("wafv2")
    current = wafv2.get_web_acl_for_resource(ResourceArn=properties["ResourceArn"]).get("WebACL", {})
    if current.get("ARN") == physical_id.partition("|")[2]:
        wafv2.disassociate_web_acl(ResourceArn=properties["ResourceArn"])


KINDS = {
    "AWS::WAFv2::WebACL": Kind(_create_acl, _delete_acl, _update_acl, name_limit=128),
    "AWS::WAFv2::WebACLAssociation": Kind(_associate, _disassociate),
}
