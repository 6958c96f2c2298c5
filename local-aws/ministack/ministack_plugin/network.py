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
    for attribute in ("EnableDnsSupport", "EnableDnsHostnames"):
        if attribute in properties:
            ec2.modify_vpc_attribute(VpcId=vpc["VpcId"], **{attribute: {"Value": aws.is_true(properties[attribute])}})
    groups = ec2.describe_security_groups(
        Filters=[{"Name": "vpc-id", "Values": [vpc["VpcId"]]}, {"Name": "group-name", "Values": ["default"]}]
    )["SecurityGroups"]
    attributes = {"VpcId": vpc["VpcId"], "CidrBlock": vpc["CidrBlock"]}
    attributes |= {"DefaultSecurityGroup": group["GroupId"] for group in groups}
    return vpc["VpcId"], attributes


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


def _delete_route(clients: Clients, _physical_id: str, properties: dict) -> None:
    identity = ("RouteTableId", "DestinationCidrBlock", "DestinationIpv6CidrBlock")
    clients("ec2").delete_route(**{key: properties[key] for key in identity if key in properties})


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
    if ingress := [_permission(rule) for rule in properties.get("SecurityGroupIngress", [])]:
        ec2.authorize_security_group_ingress(GroupId=group_id, IpPermissions=ingress)
    if egress := [_permission(rule) for rule in properties.get("SecurityGroupEgress", [])]:
        # Rules of one's own take the place of the one that allows everything.
        everything = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
        ec2.revoke_security_group_egress(GroupId=group_id, IpPermissions=[everything])
        ec2.authorize_security_group_egress(GroupId=group_id, IpPermissions=egress)
    return group_id, {"GroupId": group_id, **vpc}


def _delete_security_group(clients: Clients, group_id: str, _properties: dict) -> None:
    clients("ec2").delete_security_group(GroupId=group_id)


KINDS = {
    "AWS::EC2::VPC": Kind(_create_vpc, _delete_vpc),
    "AWS::EC2::Subnet": Kind(_create_subnet, _delete_subnet),
    "AWS::EC2::InternetGateway": Kind(_create_internet_gateway, _delete_internet_gateway),
    "AWS::EC2::VPCGatewayAttachment": Kind(_attach_gateway, _detach_gateway),
    "AWS::EC2::RouteTable": Kind(_create_route_table, _delete_route_table),
    "AWS::EC2::Route": Kind(_create_route, _delete_route),
    "AWS::EC2::SubnetRouteTableAssociation": Kind(_associate_route_table, _disassociate_route_table),
    "AWS::EC2::SecurityGroup": Kind(_create_security_group, _delete_security_group),
}
