"""`handson demo inspect PATH`: list and check episodes; nothing is changed."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from actor.demonstrations.choice import numbers
from actor.demonstrations.findings import Findings, look_at, repeated
from actor.demonstrations.loading import Episodes, load


def main(argv: Sequence[str]) -> int:
    """Print what there is; 1 where something is wrong."""
    parser = argparse.ArgumentParser(prog="handson demo inspect", description="List and check episodes.")
    parser.add_argument("path", type=Path, help="episode file, or a directory of them")
    parser.add_argument("--json", action="store_true", help="print it for programs")
    parser.add_argument("--episodes", type=numbers, metavar="N,N-N", help="only these, counted from 0")
    arguments = parser.parse_args(list(argv))
    loaded = load(arguments.path, numbers=arguments.episodes)
    findings = [look_at(numbered, loaded.interface) for numbered in loaded.episodes]
    same = repeated(findings)
    if arguments.json:
        print(json.dumps(_report(loaded, findings, same), indent=1))
    else:
        _print(arguments.path, loaded, findings, same)
    return int(any(one.wrong for one in findings))


def _report(
    loaded: Episodes, findings: Sequence[Findings], same: Sequence[tuple[int, int]]
) -> dict[str, Any]:
    return {
        "files": [str(path) for path in loaded.files],
        "cut": [str(path) for path in loaded.cut],
        "interface": loaded.interface.name,
        "fingerprint": loaded.interface.fingerprint,
        "episodes": [one.as_dict() for one in findings],
        "duplicates": list(same),
    }


def _print(
    path: Path, loaded: Episodes, findings: Sequence[Findings], same: Sequence[tuple[int, int]]
) -> None:
    console = Console()
    console.print(_table(path, findings))
    successes = sum(one.why == "success" for one in findings)
    steps = sum(one.length for one in findings)
    print(f"{len(findings)} episodes of {loaded.interface.name}, {steps} steps, {successes} successes")
    for file in loaded.cut:
        print(f"{file} was cut off while it was written; what is whole in it is listed")
    for one in findings:
        for what in one.wrong:
            print(f"WRONG: episode {one.number} {what}")
    for one in findings:
        for what in one.notes:
            print(f"note: episode {one.number}: {what}")
    for earlier, later in same:
        print(f"note: episode {later} says the same as episode {earlier}")
    if not any(one.wrong for one in findings):
        print("nothing is wrong")


def _table(path: Path, findings: Sequence[Findings]) -> Table:
    table = Table(title=str(path))
    for column in ("", "steps", "return", "end", "driven by", "at limit", "at rest", "start"):
        table.add_column(column, no_wrap=True)
    for one in findings:
        table.add_row(
            str(one.number),
            str(one.length),
            f"{one.episode_return:.2f}",
            one.why,
            " ".join(f"{who} {count}" for who, count in one.sources.items()),
            f"{one.saturated:.0%}",
            f"{one.still:.0%}",
            "unknown" if one.start_seed is None else "known",
        )
    return table
