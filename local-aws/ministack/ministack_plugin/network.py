"""EC2: VPCs, subnets, internet gateways, routes and security groups of a template.

What `Ref` and `Fn::GetAtt` give is that of each type's page under
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_EC2.html
"""

from ministack_plugin import aws
from ministack_plugin.kinds import Clients, Kind, Made


def _tagged(resource_type: str, properties: dict) -> dict:
    tags = aws.tags(properties)
    return {"TagSpecifications": [{"ResourceType": resource_type, "Tags": tags}]} if tags else {}


def _create_vpc(clients: Clients, properties: dict, _name: str) -> Made:
    ec2 = clients("ec2")
    vpc = ec2.create_vpc(CidrBlock=properties["CidrBlock"], **_tagged("vpc", properties))["Vpc"]
    return _with_dns(clients, vpc["VpcId"], properties)


def _with_dns(clients: Clients, vpc_id: str, properties: dict) -> Made:
    ec2 = clients("ec2")
    for attribute in ("EnableDnsSupport", "EnableDnsHostnames"):
        if attribute in properties:
            ec2.modify_vpc_attribute(VpcId=vpc_id, **{attribute: {"Value": aws.is_true(properties[attribute])}})
    groups = ec2.describe_security_groups(
        Filters=[{"Name": "vpc-id", "Values": [vpc_id]}, {"Name": "group-name", "Values": ["default"]}]
    )["SecurityGroups"]
    attributes = {"VpcId": vpc_id, "CidrBlock": properties["CidrBlock"]}
    # Every VPC has exactly one.
    attributes["DefaultSecurityGroup"] = groups[0]["GroupId"]
    return vpc_id, attributes


def _update_vpc(clients: Clients, vpc_id: str, old: dict, new: dict, name: str) -> Made:
    if old["CidrBlock"] != new["CidrBlock"]:
        return _create_vpc(clients, new, name)
    return _with_dns(clients, vpc_id, new)


def _delete_vpc(clients: Clients, vpc_id: str, _properties: dict) -> None:
    clients("ec2").delete_vpc(VpcId=vpc_id)


def _create_subnet(clients: Clients, properties: dict, _name: str) -> Made:
    ec2 = clients("ec2")
    given = {key: properties[key] for key in ("CidrBlock", "VpcId", "AvailabilityZone") if key in properties}
    subnet = ec2.create_subnet(**given, **_tagged("subnet", properties))["Subnet"]
    if aws.is_true(properties.get("MapPublicIpOnLaunch")):
        ec2.modify_subnet_attribute(SubnetId=subnet["SubnetId"], MapPublicIpOnLaunch={"Value": True})
    attributes = {key: subnet[key] for key in ("SubnetId", "VpcId", "CidrBlock", "AvailabilityZone")}
    return subnet["SubnetId"], attributes


def _delete_subnet(clients: Clients, subnet_id: str, _properties: dict) -> None:
    clients("ec2").delete_subnet(SubnetId=subnet_id)


def _create_internet_gateway(clients: Clients, properties: dict, _name: str) -> Made:
    made = clients("ec2").create_internet_gateway(**_tagged("internet-gateway", properties))
    gateway_id = made["InternetGateway"]["InternetGatewayId"]
    return gateway_id, {"InternetGatewayId": gateway_id}


def _delete_internet_gateway(clients: Clients, gateway_id: str, _properties: dict) -> None:
    clients("ec2").delete_internet_gateway(InternetGatewayId=gateway_id)


def _attach_gateway(clients: Clients, properties: dict, _name: str) -> Made:
    if "InternetGatewayId" not in properties:
        raise ValueError("local-aws has no VPN gateways; only InternetGatewayId can be attached")
    clients("ec2").attach_internet_gateway(
        InternetGatewayId=properties["InternetGatewayId"], VpcId=properties["VpcId"]
    )
    return f"IGW|{properties['VpcId']}", {"AttachmentType": "IGW"}


def _detach_gateway(clients: Clients, _physical_id: str, properties: dict) -> None:
    clients("ec2").detach_internet_gateway(
        InternetGatewayId=properties["InternetGatewayId"], VpcId=properties["VpcId"]
    )


def _create_route_table(clients: Clients, properties: dict, _name: str) -> Made:
    made = clients("ec2").create_route_table(VpcId=properties["VpcId"], **_tagged("route-table", properties))
    table_id = made["RouteTable"]["RouteTableId"]
    return table_id, {"RouteTableId": table_id}


def _delete_route_table(clients: Clients, table_id: str, _properties: dict) -> None:
    clients("ec2").delete_route_table(RouteTableId=table_id)


def _create_route(clients: Clients, properties: dict, _name: str) -> Made:
    clients("ec2").create_route(**properties)
    destination = properties.get("DestinationCidrBlock") or properties["DestinationIpv6CidrBlock"]
    return f"{properties['RouteTableId']}|{destination}", {"CidrBlock": destination}


def _update_route(clients: Clients, physical_id: str, old: dict, new: dict, name: str) -> Made:
    if _route_identity(old) != _route_identity(new):
        return _create_route(clients, new, name)
    clients("ec2").replace_route(**new)
    return physical_id, {"CidrBlock": physical_id.partition("|")[2]}


def _route_identity(properties: dict) -> dict:
    identity = ("RouteTableId", "DestinationCidrBlock", "DestinationIpv6CidrBlock")
    return {key: properties[key] for key in identity if key in properties}


def _delete_route(clients: Clients, _physical_id: str, properties: dict) -> None:
    clients("ec2").delete_route(**_route_identity(properties))


def _associate_route_table(clients: Clients, properties: dict, _name: str) -> Made:
    made = clients("ec2").associate_route_table(
        RouteTableId=properties["RouteTableId"], SubnetId=properties["SubnetId"]
    )
    return made["AssociationId"], {"Id": made["AssociationId"]}


def _disassociate_route_table(clients: Clients, association_id: str, _properties: dict) -> None:
    clients("ec2").disassociate_route_table(AssociationId=association_id)


# A rule's source or destination: the property's name, and where the API wants it.
_PEERS = {
    "CidrIp": ("IpRanges", "CidrIp"),
    "CidrIpv6": ("Ipv6Ranges", "CidrIpv6"),
    "SourceSecurityGroupId": ("UserIdGroupPairs", "GroupId"),
    "DestinationSecurityGroupId": ("UserIdGroupPairs", "GroupId"),
    "SourcePrefixListId": ("PrefixListIds", "PrefixListId"),
    "DestinationPrefixListId": ("PrefixListIds", "PrefixListId"),
}


# What a new group allows until rules of one's own take its place.
_EVERYTHING_OUT = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}


def _permission(rule: dict) -> dict:
    permission: dict = {"IpProtocol": str(rule["IpProtocol"])}
    permission |= {port: int(rule[port]) for port in ("FromPort", "ToPort") if port in rule}
    described = {"Description": rule["Description"]} if "Description" in rule else {}
    for name, (ranges, member) in _PEERS.items():
        if name in rule:
            permission[ranges] = [{member: rule[name], **described}]
    return permission


def _create_security_group(clients: Clients, properties: dict, name: str) -> Made:
    ec2 = clients("ec2")
    vpc = {"VpcId": properties["VpcId"]} if "VpcId" in properties else {}
    group_id = ec2.create_security_group(
        GroupName=properties.get("GroupName", name),
        Description=properties["GroupDescription"],
        **vpc,
        **_tagged("security-group", properties),
    )["GroupId"]
    _change_rules(clients, group_id, {}, properties)
    return group_id, {"GroupId": group_id, **vpc}


def _change_rules(clients: Clients, group_id: str, old: dict, new: dict) -> None:
    ec2 = clients("ec2")
    for member, none_given, revoke, authorize in (
        ("SecurityGroupIngress", [], ec2.revoke_security_group_ingress, ec2.authorize_security_group_ingress),
        ("SecurityGroupEgress", [_EVERYTHING_OUT], ec2.revoke_security_group_egress, ec2.authorize_security_group_egress),
    ):
        before = [_permission(rule) for rule in old.get(member) or []] or none_given
        after = [_permission(rule) for rule in new.get(member) or []] or none_given
        if gone := [permission for permission in before if permission not in after]:
            revoke(GroupId=group_id, IpPermissions=gone)
        if added := [permission for permission in after if permission not in before]:
            authorize(GroupId=group_id, IpPermissions=added)


def _update_security_group(clients: Clients, group_id: str, old: dict, new: dict, name: str) -> Made:
    if any(old.get(key) != new.get(key) for key in ("GroupName", "GroupDescription", "VpcId")):
        return _create_security_group(clients, new, name)
    _change_rules(clients, group_id, old, new)
    return group_id, {"GroupId": group_id} | {key: new[key] for key in ("VpcId",) if key in new}


def _delete_security_group(clients: Clients, group_id: str, _properties: dict) -> None:
    clients("ec2").delete_security_group(GroupId=group_id)


KINDS = {
    "AWS::EC2::VPC": Kind(_create_vpc, _delete_vpc, _update_vpc),
    "AWS::EC2::Subnet": Kind(_create_subnet, _delete_subnet),
    "AWS::EC2::InternetGateway": Kind(_create_internet_gateway, _delete_internet_gateway),
    "AWS::EC2::VPCGatewayAttachment": Kind(_attach_gateway, _detach_gateway),
    "AWS::EC2::RouteTable": Kind(_create_route_table, _delete_route_table),
    "AWS::EC2::Route": Kind(_create_route, _delete_route, _update_route),
    "AWS::EC2::SubnetRouteTableAssociation": Kind(_associate_route_table, _disassociate_route_table),
    "AWS::EC2::SecurityGroup": Kind(_create_security_group, _delete_security_group, _update_security_group),
}
