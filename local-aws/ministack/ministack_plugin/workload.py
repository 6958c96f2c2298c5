"""Clusters, task definitions, log groups and alarms of a template.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ecs-cluster.html and its neighbours.
"""

from ministack_plugin import aws
from ministack_plugin.kinds import Clients, Kind, Made


def _lower_tags(properties: dict) -> dict:
    tags = [{"key": tag["Key"], "value": tag["Value"]} for tag in aws.tags(properties)]
    return {"tags": tags} if tags else {}


def _create_cluster(clients: Clients, properties: dict, name: str) -> Made:
    given: dict = {"clusterName": properties.get("ClusterName", name), **_lower_tags(properties)}
    if "CapacityProviders" in properties:
        given["capacityProviders"] = properties["CapacityProviders"]
    if "ClusterSettings" in properties:
        given["settings"] = _api_form(properties["ClusterSettings"])
    cluster = clients("ecs").create_cluster(**given)["cluster"]
    return cluster["clusterName"], {"Arn": cluster["clusterArn"]}


def _update_cluster(clients: Clients, name: str, old: dict, new: dict, generated: str) -> Made:
    if old.get("ClusterName") != new.get("ClusterName"):
        return _create_cluster(clients, new, generated)
    raise ValueError("local-aws has no UpdateCluster: of a cluster, only the name can change")


def _delete_cluster(clients: Clients, name: str, _properties: dict) -> None:
    clients("ecs").delete_cluster(cluster=name)


# Numbers of a task definition. Templates may write them as strings; ECS takes only numbers.
_NUMBERS = frozenset({"containerPort", "hostPort", "cpu", "memory", "memoryReservation", "startTimeout", "stopTimeout"})
_FLAGS = frozenset({"essential", "privileged", "readonlyRootFilesystem", "interactive", "pseudoTerminal"})
# Maps whose keys are data, not member names.
_DATA_MAPS = frozenset({"options", "dockerLabels", "labels"})


def _api_form(value: object, member: str = "") -> object:
    """A template's value as the ECS API spells it: the same members, their first letter in lower case."""
    if isinstance(value, list):
        return [_api_form(item) for item in value]
    if isinstance(value, dict):
        if member in _DATA_MAPS:
            return {key: str(item) for key, item in value.items()}
        return {_camel(key): _api_form(item, _camel(key)) for key, item in value.items()}
    if member in _NUMBERS:
        return int(value)
    if member in _FLAGS:
        return aws.is_true(value)
    return value


def _camel(member: str) -> str:
    return member[:1].lower() + member[1:]


def _register_task_definition(clients: Clients, properties: dict, name: str) -> Made:
    given = {_camel(key): _api_form(value, _camel(key)) for key, value in properties.items() if key != "Tags"}
    given.setdefault("family", name)
    # The task's own cpu and memory are strings in the API; only a container's are numbers.
    given |= {member: str(given[member]) for member in ("cpu", "memory") if member in given}
    made = clients("ecs").register_task_definition(**given, **_lower_tags(properties))
    arn = made["taskDefinition"]["taskDefinitionArn"]
    return arn, {"TaskDefinitionArn": arn}


def _deregister_task_definition(clients: Clients, arn: str, _properties: dict) -> None:
    clients("ecs").deregister_task_definition(taskDefinition=arn)


def _put_alarm(clients: Clients, properties: dict, name: str) -> Made:
    alarm = {key: value for key, value in properties.items() if key != "Tags"}
    alarm.setdefault("AlarmName", name)
    for member in ("EvaluationPeriods", "DatapointsToAlarm", "Period"):
        if member in alarm:
            alarm[member] = int(alarm[member])
    if "Threshold" in alarm:
        alarm["Threshold"] = float(alarm["Threshold"])
    tags = aws.tags(properties)
    cloudwatch = clients("cloudwatch")
    cloudwatch.put_metric_alarm(**alarm, **({"Tags": tags} if tags else {}))
    described = cloudwatch.describe_alarms(AlarmNames=[alarm["AlarmName"]])["MetricAlarms"]
    return alarm["AlarmName"], {"Arn": described[0]["AlarmArn"]}


def _update_alarm(clients: Clients, name: str, old: dict, new: dict, generated: str) -> Made:
    renamed = old.get("AlarmName") != new.get("AlarmName")
    return _put_alarm(clients, new, generated if renamed else name)


def _delete_alarm(clients: Clients, name: str, _properties: dict) -> None:
    clients("cloudwatch").delete_alarms(AlarmNames=[name])


KINDS = {
    "AWS::ECS::Cluster": Kind(_create_cluster, _delete_cluster, _update_cluster),
    "AWS::ECS::TaskDefinition": Kind(_register_task_definition, _deregister_task_definition),
    "AWS::CloudWatch::Alarm": Kind(_put_alarm, _delete_alarm, _update_alarm),
}
