"""Puts the plug-in's parts in the places of MiniStack's own. The only module that knows MiniStack from the inside."""

import json

from ministack.core.responses import get_account_id, get_region
from ministack.services.cloudformation import custom_resource, provisioners, stacks

from ministack_plugin import aws, domain, firewall, functions, network, workload
from ministack_plugin.custom_resources import Answers, CustomResources
from ministack_plugin.kinds import Clients, Kind
from ministack_plugin.settings import Settings

KINDS: dict[str, Kind] = network.KINDS | domain.KINDS | workload.KINDS | firewall.KINDS


def install(settings: Settings) -> None:
    """Joins MiniStack to `local-aws`."""

    def clients(service: str):
        return aws.client(service, settings.local_aws, get_region(), get_account_id())

    handlers = provisioners._RESOURCE_HANDLERS
    for resource_type, kind in KINDS.items():
        handlers[resource_type] = _handler(kind, clients)
    _mirror_log_groups(handlers["AWS::Logs::LogGroup"], clients)
    _refer_to_secrets_by_arn(handlers["AWS::SecretsManager::Secret"])
    _set_environments(handlers["AWS::Lambda::Function"], settings)
    _leave_the_event_loop()
    _replace_custom_resources(settings)


def _handler(kind: Kind, clients: Clients) -> dict:
    """A kind in the form of MiniStack's table of handlers."""

    def create(logical_id: str, properties: dict, stack_name: str):
        return kind.create(clients, properties, aws.generated_name(stack_name, logical_id, kind.name_limit))

    def delete(physical_id: str, properties: dict) -> None:
        aws.delete_when_unused(lambda: kind.delete(clients, physical_id, properties))

    handler: dict = {"create": create, "delete": delete}
    if kind.update is not None:
        change = kind.update

        def update(physical_id: str, old: dict, new: dict, stack_name: str, logical_id: str):
            name = aws.generated_name(stack_name, logical_id, kind.name_limit)
            return change(clients, physical_id, old, new, name)

        handler |= {"update": update, "update_with_logical_id": True}
    return handler


def _mirror_log_groups(handler: dict, clients: Clients) -> None:
    """A log group is made in both halves: functions log to MiniStack, services to `local-aws`."""
    create, delete = handler["create"], handler["delete"]

    def create_both(logical_id: str, properties: dict, stack_name: str):
        made = create(logical_id, properties, stack_name)
        clients("logs").create_log_group(logGroupName=made[0])
        return made

    def delete_both(physical_id: str, properties: dict) -> None:
        with aws.absence_ignored():
            clients("logs").delete_log_group(logGroupName=physical_id)
        delete(physical_id, properties)

    handler.update(create=create_both, delete=delete_both)


def _refer_to_secrets_by_arn(handler: dict) -> None:
    """`Ref` of a secret is its ARN; MiniStack gives, and takes, its name.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-secretsmanager-secret.html
    """
    create, update, delete = handler["create"], handler["update"], handler["delete"]

    def by_arn(made):
        return made[1]["Arn"], made[1]

    def create_secret(logical_id: str, properties: dict, stack_name: str):
        return by_arn(create(logical_id, properties, stack_name))

    def update_secret(arn: str, *rest):
        return by_arn(update(secret_name(arn), *rest))

    def delete_secret(arn: str, properties: dict) -> None:
        delete(secret_name(arn), properties)

    handler.update(create=create_secret, update=update_secret, delete=delete_secret)


def secret_name(arn: str) -> str:
    """A secret's ARN ends with its name, a hyphen and six characters that make it unique."""
    return arn.partition(":secret:")[2][:-7]


def _set_environments(handler: dict, settings: Settings) -> None:
    create, update = handler["create"], handler["update"]

    def create_function(logical_id: str, properties: dict, stack_name: str):
        return create(logical_id, functions.with_endpoints(properties, settings), stack_name)

    def update_function(physical_id: str, old: dict, new: dict, *rest):
        return update(
            physical_id, functions.with_endpoints(old, settings), functions.with_endpoints(new, settings), *rest
        )

    handler.update(create=create_function, update=update_function)


def _leave_the_event_loop() -> None:
    """Kinds call `local-aws` and wait for it, which must not hold up every other service of MiniStack."""
    runs_on_worker_thread = stacks._runs_on_worker_thread
    blocking = KINDS.keys() | {"AWS::Logs::LogGroup"}
    stacks._runs_on_worker_thread = lambda resource_type: (
        resource_type in blocking or runs_on_worker_thread(resource_type)
    )


def _replace_custom_resources(settings: Settings) -> None:
    def invoke(service_token: str, event: dict) -> None:
        # As CloudFormation does: asynchronously, so that Lambda retries and has a destination for what fails.
        own = aws.client("lambda", settings.gateway, get_region(), get_account_id())
        own.invoke(FunctionName=service_token, InvocationType="Event", Payload=json.dumps(event).encode())

    answers = Answers()
    resources = CustomResources(answers, lambda token: f"{settings.gateway}/_ministack/cfn-response/{token}", invoke)
    custom_resource.deliver_response = answers.deliver
    custom_resource.invoke_custom_resource = resources.request

    roll_back = stacks._roll_back_operation

    async def roll_back_with_failed(stack_name: str, stack_id: str, stack: dict, operation: dict, *rest, **named) -> None:
        """Adds what a failed request left behind to what the rollback deletes."""
        logical_id = operation.get("failed_logical_id")
        left = resources.take_left_behind(stack_id, logical_id)
        if left is not None:
            stack.setdefault("_resources", {})[logical_id] = {
                "LogicalResourceId": logical_id,
                "ResourceType": left.resource_type,
                "PhysicalResourceId": left.physical_id,
                "Properties": left.properties,
                "ResourceStatus": "CREATE_FAILED",
                "Attributes": {},
            }
            operation["created"] = [*operation.get("created", []), logical_id]
        await roll_back(stack_name, stack_id, stack, operation, *rest, **named)

    stacks._roll_back_operation = roll_back_with_failed
