"""Rules for cfn-lint that know `Custom::ExpressService`: `cfn-lint --append-rules templates/cfn-lint -- template.yaml`.

cfn-lint takes every `Custom::` type for `AWS::CloudFormation::CustomResource`, whose properties are anything; a schema
given with `--registry-schemas` changes nothing about that. Rules of one's own are asked, so these are two: E9101 holds
the properties against the generated schema beside this file, E9102 the attributes that `Fn::GetAtt` and `Fn::Sub` read.
What only the provider can know (accounts, lengths of several names together, order of numbers) is left to it.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Iterator

from cfnlint.jsonschema import ValidationError
from cfnlint.rules import CloudFormationLintRule, RuleMatch
from cfnlint.rules.jsonschema.CfnLintJsonSchema import CfnLintJsonSchema

RESOURCE_TYPE = "Custom::ExpressService"
SCHEMA = json.loads(Path(__file__).with_suffix(".schema.json").read_text(encoding="utf-8"))
ATTRIBUTES = frozenset(SCHEMA.pop("attributes"))

# `${Name.Attribute}` but not `${!Literal}`.
SUBSTITUTION = re.compile(r"\$\{([A-Za-z0-9]+)\.([A-Za-z0-9.]+)\}")


class ExpressServiceProperties(CfnLintJsonSchema):
    """The properties of a service."""

    id = "E9101"
    shortdesc = "Properties of Custom::ExpressService are invalid"
    description = "Names, choices, ranges and pairs of the properties of Custom::ExpressService"
    source_url = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateExpressGatewayService.html"
    tags = ["resources", "express"]

    def __init__(self) -> None:
        super().__init__(keywords=[f"Resources/{RESOURCE_TYPE}/Properties"], all_matches=True)
        self._schema = SCHEMA
        self._use_schema_arg = False

    def _iter_errors(self, validator: Any, instance: Any) -> Iterator[ValidationError]:
        """The errors themselves, all under this rule's id: cfn-lint's own ids are for AWS's types."""
        for error in validator.iter_errors(instance):
            if not error.unknown:
                error.rule = self
                error.context = []
                error.message = _message(error)
                yield error


class ExpressServiceAttributes(CloudFormationLintRule):
    """The attributes of a service."""

    id = "E9102"
    shortdesc = "Custom::ExpressService has no such attribute"
    description = "Attributes of Custom::ExpressService that Fn::GetAtt and Fn::Sub read"
    source_url = ExpressServiceProperties.source_url
    tags = ["resources", "functions", "express"]

    def match(self, cfn: Any) -> list[RuleMatch]:
        services = cfn.get_resources(RESOURCE_TYPE)
        return [
            RuleMatch(path, f"{name!r} has no attribute {attribute!r}")
            for path, name, attribute in _references(cfn)
            if name in services and attribute not in ATTRIBUTES
        ]


def _message(error: ValidationError) -> str:
    """What the schema itself says of a mistake, or cfn-lint's words, with each number once and without the resource."""
    choices = error.validator_value
    if error.validator == "required" and (expected := _beside(error).get("$expected")):
        return f"{choices[0]!r} {expected}"
    if error.validator == "enum":
        if expected := error.schema.get("$expected"):
            return f"{error.instance!r} {expected}"
        numbers = {str(choice) for choice in choices if not isinstance(choice, str)}
        return f"{error.instance!r} is not one of {[choice for choice in choices if choice not in numbers]!r}"
    if error.validator == "anyOf":
        sets = (" and ".join(repr(name) for name in choice["required"]) for choice in choices)
        return f"Required are {', or '.join(sets)}"
    return error.message


def _beside(error: ValidationError) -> dict[str, Any]:
    """The part of the schema that the mistake is against; cfn-lint tells of it only the one keyword."""
    part: Any = SCHEMA
    for name in list(error.absolute_schema_path)[:-1]:
        part = part[name] if isinstance(part, list) else part.get(name)
        if not isinstance(part, (dict, list)):
            return {}
    return part


def _references(cfn: Any) -> Iterator[tuple[list[Any], str, str]]:
    """Path, logical id and attribute of each literal reference."""
    for *path, value in cfn.search_deep_keys("Fn::GetAtt"):
        parts = value.split(".", 1) if isinstance(value, str) else value
        if isinstance(parts, list) and len(parts) == 2 and all(isinstance(part, str) for part in parts):
            yield path, parts[0], parts[1]
    for *path, value in cfn.search_deep_keys("Fn::Sub"):
        text = value[0] if isinstance(value, list) and value else value
        if isinstance(text, str):
            for name, attribute in SUBSTITUTION.findall(text):
                yield path, name, attribute
