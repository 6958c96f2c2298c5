"""How two outcomes differ, and the table in which every difference must be listed."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from replay import Outcome

# The place of a difference that is not in a field of the answer.
RESULT = "result"
STATUS = "status"
ABSENT = "absent"
# In the table: any value that has an id in it, whose name changes with the scenario's calls.
ANY_WITH_ID = "*"

_MEMBERS = {"call", "where", "moto", "ours", "right", "why", "source"}
_SIDES = {"ours", "moto", "both"}


class BadTable(Exception):
    """A row of the table is incomplete."""


@dataclass(frozen=True)
class Difference:
    """One place where two outcomes differ."""

    call: str
    where: str
    moto: str
    ours: str

    def __str__(self) -> str:
        return f"{self.call} {self.where}: moto {self.moto}, ours {self.ours}"


def between(call: str, moto: Outcome, ours: Outcome) -> Iterator[Difference]:
    """The differences between two outcomes of one call."""
    if moto.result != ours.result:
        yield Difference(call, RESULT, moto.result, ours.result)
        return
    if moto.status != ours.status:
        yield Difference(call, STATUS, moto.status, ours.status)
    for path in sorted(moto.fields.keys() | ours.fields.keys()):
        theirs, mine = moto.fields.get(path, []), ours.fields.get(path, [])
        if theirs != mine:
            counted = set(theirs) == set(mine)
            yield Difference(call, path, _shown(theirs, counted), _shown(mine, counted))


def _shown(values: list[str], counted: bool) -> str:
    if not values:
        return ABSENT
    if counted:
        return f"{len(values)} × {', '.join(sorted(set(values)))}"
    return ", ".join(sorted(set(values)))


class Table:
    """The differences that are known, each settled by an AWS document."""

    def __init__(self, rows: list[dict]):
        self._rows = [_checked(row) for row in rows]
        # What of each row occurred.
        self._seen: list[set[Difference]] = [set() for _ in rows]

    @classmethod
    def read(cls, path: Path) -> "Table":
        """The table as it is written."""
        return cls(yaml.safe_load(path.read_text(encoding="utf-8")))

    def knows(self, difference: Difference) -> bool:
        """Whether a row lists this difference; all that do are marked as seen."""
        known = False
        for row, seen in zip(self._rows, self._seen):
            if (
                difference.call in row["call"]
                and difference.where in row["where"]
                and _among(row["moto"], difference.moto)
                and _among(row["ours"], difference.ours)
            ):
                seen.add(difference)
                known = True
        return known

    def unseen(self) -> Iterator[str]:
        """The parts of rows that did not occur: a call, a place or a value that the row need not name."""
        for row, seen in zip(self._rows, self._seen):
            for member in ("call", "where", "moto", "ours"):
                for part in row[member]:
                    if not any(_among([part], getattr(difference, member)) for difference in seen):
                        yield f"{', '.join(row['call'])}: {row['why']} It does not occur that `{member}` is `{part}`."

    def __len__(self) -> int:
        return len(self._rows)


def _among(listed: list[str], found: str) -> bool:
    return found in listed or (ANY_WITH_ID in listed and "<" in found)


def _checked(row: dict) -> dict:
    if row.keys() != _MEMBERS:
        raise BadTable(f"a row has the members {', '.join(sorted(_MEMBERS))}: {row}")
    if row["right"] not in _SIDES:
        raise BadTable(f"`right` is one of {', '.join(sorted(_SIDES))}: {row}")
    if not str(row["source"]).startswith("https://docs.aws.amazon.com/"):
        raise BadTable(f"`source` is a page of AWS's documentation: {row}")
    listed = {key: row[key] if isinstance(row[key], list) else [row[key]] for key in ("call", "where", "moto", "ours")}
    return row | {key: [str(item) for item in items] for key, items in listed.items()}
