"""The environment of a template's functions: where the services are that their clients call."""

from ministack_plugin.settings import Settings

# Services of `local-aws`, as they are written in AWS_ENDPOINT_URL_<SERVICE>:
# https://docs.aws.amazon.com/sdkref/latest/guide/ss-endpoints-table.html
SERVICES = (
    "ACM",
    "APPLICATION_AUTO_SCALING",
    "CLOUDWATCH",
    "CLOUDWATCH_LOGS",
    "EC2",
    "ECS",
    "ELASTIC_LOAD_BALANCING_V2",
    "ROUTE_53",
    "WAFV2",
)


def with_endpoints(properties: dict, settings: Settings) -> dict:
    """The properties of an AWS::Lambda::Function with the local stack's variables; what the template sets stays."""
    variables = {"AWS_ENDPOINT_URL": settings.gateway}
    variables |= {f"AWS_ENDPOINT_URL_{service}": settings.local_aws for service in SERVICES}
    # The provider answers CloudFormation's own hosts only, unless it is told of others.
    variables["EXPRESS_RESPONSE_HOSTS"] = settings.gateway
    # What is changed here is shown at once, and a second of the provider's clock may be many of the stack's.
    variables["EXPRESS_SEEN_AFTER_SECONDS"] = "0"
    environment = properties.get("Environment") or {}
    return {
        **properties,
        "Environment": {**environment, "Variables": variables | (environment.get("Variables") or {})},
    }
