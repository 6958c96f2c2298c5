"""Replays the same calls against `express local serve` and against moto, and compares what comes of them.

Usage: `python compare.py --express <the program>`, with `--only <text>` for the scenarios whose titles contain it.

Every difference must be in `differences.yaml`, with an AWS document that says which side is right, and everything in
that table must still occur. Exit status: 0 if so, 1 if not, 2 if the comparison could not be made.
"""

import argparse
import signal
import sys
from collections import Counter
from pathlib import Path

import yaml

import differences
import servers
from differences import Difference, Table
from replay import BadScenario, Side, Step

_FOLDER = Path(__file__).parent

Scenarios = dict[str, list[Step]]


def scenarios() -> Scenarios:
    """All scenarios by their titles, which name the file too."""
    found: Scenarios = {}
    for path in sorted((_FOLDER / "scenarios").glob("*.yaml")):
        for title, steps in yaml.safe_load(path.read_text(encoding="utf-8")).items():
            # What begins with a dot is there to be referred to.
            if not title.startswith("."):
                found[f"{path.stem}: {title}"] = [Step.read(step) for step in steps]
    if not found:
        raise BadScenario("there are no scenarios")
    return found


def compare(title: str, steps: list[Step], express: Path, moto: str) -> list[Difference]:
    """The differences that a scenario shows."""
    servers.reset_moto(moto)
    with servers.local_aws(express) as ours:
        found = []
        for step, theirs, mine in zip(steps, Side(moto).replay(steps), Side(ours).replay(steps)):
            if theirs.result == mine.result and theirs.result.startswith("not called"):
                raise BadScenario(f"{title}: {step.call} {theirs.result}")
            found += differences.between(step.call, theirs, mine)
    return found


def run(express: Path, only: str) -> int:
    """Compares, reports, and says with which status to exit."""
    table = Table.read(_FOLDER / "differences.yaml")
    chosen = {title: steps for title, steps in scenarios().items() if only in title}
    unknown: Counter[str] = Counter()
    calls, listed = 0, 0
    with servers.moto() as moto:
        for title, steps in chosen.items():
            calls += len(steps)
            for difference in compare(title, steps, express, moto):
                if table.knows(difference):
                    listed += 1
                else:
                    unknown[f"{title}\n    {difference}"] += 1
    for difference, count in unknown.items():
        print(f"not listed: {difference} ({count} times)")
    # With a choice of scenarios, what the others would show is not known.
    gone = [] if only else sorted(table.unseen())
    for difference in gone:
        print(f"listed, but occurs no longer: {difference}")
    print(
        f"{len(chosen)} scenarios, {calls} calls on each side, {listed} differences in {len(table)} rows of the table, "
        f"{len(unknown)} not listed, {len(gone)} gone"
    )
    return 1 if unknown or gone or not calls else 0


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--express", type=Path, required=True)
    arguments.add_argument("--only", default="")
    chosen = arguments.parse_args()
    # As an exception, so that the servers are ended on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))
    try:
        return run(chosen.express, chosen.only)
    except (BadScenario, differences.BadTable, servers.NotServing, OSError, yaml.YAMLError) as error:
        print(f"compare: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
