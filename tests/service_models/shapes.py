"""Whether a value fits a shape: names, required members, types, enums, patterns, ranges, lengths, list sizes.

Values are as a recording has them: JSON and CBOR with their own types; Query, EC2 and REST-XML with strings for all
scalars, lists unflattened.
"""

import base64
import binascii
import functools
from collections.abc import Iterator
from dataclasses import dataclass

import regex
from botocore.model import ListShape, MapShape, Shape, StructureShape

import models

# Longest value that a violation shows.
_SHOWN_CHARACTERS = 80


@dataclass(frozen=True, order=True)
class Violation:
    """One way in which a request does not fit its model."""

    # Dotted wire names from the input on, list positions left out, so that the same mistake is the same violation.
    path: str
    problem: str


def check(protocol: str, shape: Shape, value: object, path: str = "") -> Iterator[Violation]:
    """The violations of a value, outermost first."""
    if shape.metadata.get("document"):
        return
    if isinstance(shape, StructureShape):
        yield from _structure(protocol, shape, value, path)
    elif isinstance(shape, ListShape):
        yield from _list(protocol, shape, value, path)
    elif isinstance(shape, MapShape):
        yield from _map(protocol, shape, value, path)
    else:
        yield from _scalar(protocol, shape, value, path)


def _structure(protocol: str, shape: StructureShape, value: object, path: str) -> Iterator[Violation]:
    if value in ("", None) and protocol in ("query", "ec2", "rest-xml"):
        # An element or prefix without members.
        value = {}
    if not isinstance(value, dict):
        yield _wrong_type(path, "a structure", value)
        return
    yield from members(protocol, models.body_members(shape) if not path else shape.members, shape, value, path)


def members(
    protocol: str, known: dict[str, Shape], shape: StructureShape, value: dict, path: str
) -> Iterator[Violation]:
    """Checks the given members of a structure."""
    names = {models.wire_name(protocol, name, member): (name, member) for name, member in known.items()}
    for wire in value:
        if wire not in names:
            yield Violation(_join(path, wire), f"`{shape.name}` has no such member")
    required = shape.metadata.get("required", [])
    for wire, (name, member) in names.items():
        if wire in value:
            yield from check(protocol, member, value[wire], _join(path, wire))
        elif name in required:
            yield Violation(_join(path, wire), f"required by `{shape.name}`")
    if shape.metadata.get("union") and len(value) != 1:
        yield Violation(path, f"`{shape.name}` takes exactly one member, not {len(value)}")


def _list(protocol: str, shape: ListShape, value: object, path: str) -> Iterator[Violation]:
    items = _items(protocol, shape, value)
    if items is None:
        yield _wrong_type(path, "a list", value)
        return
    yield from _range(shape, len(items), path, "items")
    for item in items:
        yield from check(protocol, shape.member, item, f"{path}[]")


def _items(protocol: str, shape: ListShape, value: object) -> list | None:
    if protocol in ("query", "ec2") and value == "":
        return []
    if protocol == "rest-xml" and not shape.serialization.get("flattened"):
        if value in ("", None):
            return []
        name = shape.member.serialization.get("name", "member")
        if not isinstance(value, dict) or list(value) != [name]:
            return None
        value = value[name]
    if protocol == "rest-xml" and not isinstance(value, list):
        # One element is not recognisable as a list.
        return [value]
    return value if isinstance(value, list) else None


def _map(protocol: str, shape: MapShape, value: object, path: str) -> Iterator[Violation]:
    if protocol in ("query", "rest-xml"):
        # Entries of a key and a value, whose names the model may change.
        key, item = (part.serialization.get("name", name) for part, name in ((shape.key, "key"), (shape.value, "value")))
        if not isinstance(value, list) or any(not isinstance(entry, dict) or set(entry) != {key, item} for entry in value):
            yield _wrong_type(path, "a list of entries", value)
            return
        value = {entry[key]: entry[item] for entry in value}
    if not isinstance(value, dict):
        yield _wrong_type(path, "a map", value)
        return
    yield from _range(shape, len(value), path, "entries")
    for key, item in value.items():
        yield from check(protocol, shape.key, key, f"{path}{{key}}")
        yield from check(protocol, shape.value, item, f"{path}{{}}")


def _scalar(protocol: str, shape: Shape, value: object, path: str) -> Iterator[Violation]:
    textual = protocol in ("query", "ec2", "rest-xml")
    match shape.type_name:
        case "string" | "character":
            if isinstance(value, str):
                yield from _text(shape, value, path)
            else:
                yield _wrong_type(path, "a string", value)
        case "integer" | "long":
            number = _parsed(int, value) if textual else value
            if isinstance(number, bool) or not isinstance(number, int):
                yield _wrong_type(path, "an integer", value)
            else:
                yield from _range(shape, number, path, "")
        case "double" | "float":
            number = _parsed(float, value) if textual else value
            if isinstance(number, bool) or not isinstance(number, int | float):
                yield _wrong_type(path, "a number", value)
            else:
                yield from _range(shape, number, path, "")
        case "boolean":
            if not (value in ("true", "false") if textual else isinstance(value, bool)):
                yield _wrong_type(path, "a boolean", value)
        case "blob":
            yield from _blob(shape, value, path)
        case "timestamp":
            # JSON and CBOR carry seconds since the epoch, the others ISO 8601.
            if not isinstance(value, str if textual else int | float) or isinstance(value, bool):
                yield _wrong_type(path, "a timestamp", value)
        case other:
            raise NotImplementedError(f"shape type `{other}` of `{shape.name}`")


def _text(shape: Shape, value: str, path: str) -> Iterator[Violation]:
    allowed = shape.metadata.get("enum")
    if allowed and value not in allowed:
        yield Violation(path, f"{_shown(value)} is not among the values of `{shape.name}`")
        return
    yield from _range(shape, len(value), path, "characters")
    pattern = shape.metadata.get("pattern")
    if pattern and not _compiled(pattern).fullmatch(value):
        yield Violation(path, f"{_shown(value)} does not match `{pattern}`")


def _blob(shape: Shape, value: object, path: str) -> Iterator[Violation]:
    try:
        content = base64.b64decode(value, validate=True) if isinstance(value, str) else None
    except binascii.Error:
        content = None
    if content is None:
        yield _wrong_type(path, "base64", value)
    else:
        yield from _range(shape, len(content), path, "bytes")


def _range(shape: Shape, size: float, path: str, unit: str) -> Iterator[Violation]:
    what = f"{size} {unit}".strip()
    # The models write limits as numbers and, for some, as strings.
    least, most = (_parsed(float, str(shape.metadata[key])) if key in shape.metadata else None for key in ("min", "max"))
    if least is not None and size < least:
        yield Violation(path, f"{what}, at least {least:g}")
    if most is not None and size > most:
        yield Violation(path, f"{what}, at most {most:g}")


@functools.cache
def _compiled(pattern: str) -> "regex.Pattern":
    """A pattern of a model. Java writes characters beyond the first plane as pairs, which Python reads as two."""
    return regex.compile(pattern.replace(r"\uD800\uDC00-\uDBFF\uDFFF", r"\U00010000-\U0010FFFF"))


def _parsed(kind: type, text: object) -> int | float | None:
    try:
        return kind(text) if isinstance(text, str) else None
    except ValueError:
        return None


def _wrong_type(path: str, expected: str, value: object) -> Violation:
    return Violation(path, f"expected {expected}, got {type(value).__name__}")


def _shown(value: str) -> str:
    return f"`{value[:_SHOWN_CHARACTERS]}`" + ("…" if len(value) > _SHOWN_CHARACTERS else "")


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
