"""Hosted zones and certificates of a template, and the validation that CloudFormation itself carries out.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-certificatemanager-certificate.html
"""

import time
import uuid

from ministack_plugin import aws
from ministack_plugin.kinds import Clients, Kind, Made

# `local-aws` issues as soon as the record is there; whoever names no zone must make the record within this time.
_ISSUE_TIMEOUT_S = 60.0
_ISSUE_PAUSE_S = 0.2


def _create_zone(clients: Clients, properties: dict, _name: str) -> Made:
    made = clients("route53").create_hosted_zone(Name=properties["Name"], CallerReference=str(uuid.uuid4()))
    zone_id = made["HostedZone"]["Id"].removeprefix("/hostedzone/")
    return zone_id, {"Id": zone_id, "NameServers": made.get("DelegationSet", {}).get("NameServers", [])}


def _delete_zone(clients: Clients, zone_id: str, _properties: dict) -> None:
    clients("route53").delete_hosted_zone(Id=zone_id)


def _create_certificate(clients: Clients, properties: dict, _name: str) -> Made:
    acm = clients("acm")
    tags = aws.tags(properties)
    names = properties.get("SubjectAlternativeNames")
    arn = acm.request_certificate(
        DomainName=properties["DomainName"],
        ValidationMethod=properties.get("ValidationMethod", "DNS"),
        **({"SubjectAlternativeNames": names} if names else {}),
        **({"Tags": tags} if tags else {}),
    )["CertificateArn"]
    try:
        _validate(clients, arn, properties)
    except Exception:
        # A certificate whose creation failed is not left behind.
        acm.delete_certificate(CertificateArn=arn)
        raise
    return arn, {}


def _validate(clients: Clients, arn: str, properties: dict) -> None:
    """Writes the validation records into the zones named by the template, then waits until ACM has issued."""
    zones = {
        option["DomainName"]: option["HostedZoneId"]
        for option in properties.get("DomainValidationOptions") or []
        if "HostedZoneId" in option
    }
    written: set[str] = set()
    deadline = time.monotonic() + _ISSUE_TIMEOUT_S
    while time.monotonic() < deadline:
        certificate = clients("acm").describe_certificate(CertificateArn=arn)["Certificate"]
        if certificate["Status"] == "ISSUED":
            return
        for option in certificate.get("DomainValidationOptions", []):
            name = option["DomainName"]
            if name in zones and name not in written and "ResourceRecord" in option:
                _write_record(clients, zones[name], option["ResourceRecord"])
                written.add(name)
        time.sleep(_ISSUE_PAUSE_S)
    raise TimeoutError(f"certificate `{arn}` was not issued within {_ISSUE_TIMEOUT_S:.0f} s: is its record there?")


def _write_record(clients: Clients, zone_id: str, record: dict) -> None:
    record_set = {
        "Name": record["Name"],
        "Type": record["Type"],
        "TTL": 300,
        "ResourceRecords": [{"Value": record["Value"]}],
    }
    clients("route53").change_resource_record_sets(
        HostedZoneId=zone_id,
        ChangeBatch={"Changes": [{"Action": "UPSERT", "ResourceRecordSet": record_set}]},
    )


def _delete_certificate(clients: Clients, arn: str, _properties: dict) -> None:
    clients("acm").delete_certificate(CertificateArn=arn)


KINDS = {
    "AWS::Route53::HostedZone": Kind(_create_zone, _delete_zone),
    "AWS::CertificateManager::Certificate": Kind(_create_certificate, _delete_certificate),
}
