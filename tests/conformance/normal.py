"""What two answers must have in common: the same fields with the same values, whatever ids and times they carry.

An id becomes its kind and the number of the call whose answer had it first, on each side for itself. So two sides agree
only if they speak of the same things. Empty lists, empty maps and empty texts count as absent, because clients cannot
tell them apart in every protocol. The order of lists is not compared.
"""

import datetime
import json
import re
from collections.abc import Iterator

# Identifiers: a pattern, and the kind that stands for what it finds; without one the pattern's first group is the kind.
_IDENTIFIERS = [
    (re.compile(r"\b(acl|dopt|eni-attach|eni|igw|rtbassoc|rtb|sgr|sg|subnet|vpc-cidr-assoc|vpc)-[0-9a-f]{8,17}\b"), ""),
    (re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "uuid"),
    # The ends of Elastic Load Balancing's ARNs. Those of default rules have 15 digits in moto.
    (re.compile(r"(?<=/)[0-9a-f]{15,16}\b"), "hex"),
    # What a validation record of ACM is called and points to.
    (re.compile(r"(?<=_)[0-9a-f]{32}\b"), "token"),
    (re.compile(r"(?<=hostedzone/)[A-Z0-9]{10,32}\b"), "zone"),
    (re.compile(r"(?<=change/)[A-Z0-9]{10,32}\b"), "change"),
]
# What differs in every account and refers to nothing else.
_INCIDENTAL = [
    (re.compile(r"(?<=-)[0-9a-f]+(?=\.[a-z0-9-]+\.elb\.amazonaws\.com\b)"), "<number>"),
    (re.compile(r"\buse1-az\d\b"), "<zone id>"),
    (re.compile(r"\bns-\d+\.awsdns-\d+\.(?:com|net|org|co\.uk)\b"), "<name server>"),
    (re.compile(r"\b[0-9a-z]{10}(?=\.acm-validations\.aws\.)"), "<validations>"),
]
# Moments as numbers, and tokens: by the names of their fields, because their values are like any other.
_MOMENTS = re.compile(r"(creation|first|last|ingestion).*(time|timestamp)$", re.IGNORECASE)
_TOKENS = re.compile(r"(^next.*token|^nextmarker|sequencetoken|^eventid|^marker|^serial)$", re.IGNORECASE)

Fields = dict[str, list[str]]


class Names:
    """The names of the ids of one side in one scenario."""

    def __init__(self):
        self._names: dict[str, str] = {}
        self._call = 0
        # How many new ids of each kind the answer of the present call had so far.
        self._new: dict[str, int] = {}

    def fields(self, call: int, answer: object) -> Fields:
        """Every field of a call's answer by its path without indices, with its values in order of themselves."""
        self._call, self._new = call, {}
        fields: Fields = {}
        for path, value in _leaves(self._ordered(answer), ""):
            fields.setdefault(path, []).append(self._replaced(value, self._name))
        return {path: sorted(values) for path, values in fields.items()}

    def _ordered(self, answer: object) -> object:
        """Lists in an order that is the same on both sides, so that new ids get the same names there."""
        if isinstance(answer, dict):
            return {key: self._ordered(answer[key]) for key in sorted(answer)}
        if isinstance(answer, list):
            return sorted(map(self._ordered, answer), key=self._rank)
        return answer

    def _rank(self, item: object) -> str:
        return self._replaced(json.dumps(item, default=str), lambda identifier, _: self._names.get(identifier, "<new>"))

    @staticmethod
    def _replaced(text: str, name) -> str:
        for pattern, kind in _IDENTIFIERS:
            text = pattern.sub(lambda found, kind=kind: name(found.group(0), kind or found.group(1)), text)
        for pattern, replacement in _INCIDENTAL:
            text = pattern.sub(replacement, text)
        return text

    def _name(self, identifier: str, kind: str) -> str:
        if identifier not in self._names:
            self._new[kind] = self._new.get(kind, 0) + 1
            count = f".{self._new[kind]}" if self._new[kind] > 1 else ""
            self._names[identifier] = f"<{kind} {self._call}{count}>"
        return self._names[identifier]


def _leaves(value: object, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, member in value.items():
            yield from _leaves(_masked(key, member), f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for item in value:
            # A list of keys and values is a map in all but form: each key is a field.
            if isinstance(item, dict) and item.keys() == {"Key", "Value"}:
                yield f"{path}[{item['Key']}]", str(item["Value"]) or "(empty)"
            else:
                yield from _leaves(item, f"{path}[]")
    elif isinstance(value, datetime.datetime):
        yield path, "<time>"
    elif value not in (None, ""):
        yield path, json.dumps(value) if isinstance(value, bool) else str(value)


def _masked(key: str, value: object) -> object:
    if isinstance(value, int) and _MOMENTS.search(key):
        return "<time>"
    if isinstance(value, str) and value and _TOKENS.search(key):
        return "<token>"
    return value
