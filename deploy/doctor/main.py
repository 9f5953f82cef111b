"""Asks every alarm about a run, and says what it found."""

import json
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from deploy.doctor.reading import read_history
from learner.alarms.base import Finding, Level
from learner.alarms.diagnosis import diagnose, speaking

COLOURS = {Level.OK: "green", Level.WARN: "yellow", Level.ALARM: "bold red", Level.UNKNOWN: "dim"}


def doctor(run: Path, *, as_json: bool) -> int:
    """Print the findings; 1 where something alarms, else 0.

    Raises:
        ConfigError: the directory holds no metrics.
    """
    history = read_history(run)
    findings = diagnose(history)
    if as_json:
        content = {
            "run": str(run),
            "env_steps": history.env_steps,
            "updates": history.updates,
            "findings": [finding.as_dict() for finding in findings],
        }
        print(json.dumps(content, indent=2))
    else:
        console = Console(highlight=False)
        head = f"{run}: {history.env_steps:,} training steps, {history.updates:,} updates"
        console.print(head, markup=False, soft_wrap=True)
        console.print(table(findings))
        _next_steps(console, findings)
    return int(any(finding.level is Level.ALARM for finding in findings))


def table(findings: Sequence[Finding]) -> Table:
    """A line for each alarm."""
    grid = Table(show_header=True, box=None, padding=(0, 2, 0, 0))
    for heading in ("", "alarm", "evidence"):
        grid.add_column(heading)
    for finding in findings:
        level = f"[{COLOURS[finding.level]}]{finding.level}[/]"
        grid.add_row(level, finding.name, escape(finding.evidence))
    return grid


def _next_steps(console: Console, findings: Sequence[Finding]) -> None:
    told = speaking(findings)
    if not told:
        unknown = sum(finding.level is Level.UNKNOWN for finding in findings)
        console.print(f"nothing alarms; {unknown} of {len(findings)} had nothing to tell from")
        return
    console.print("\nnext (docs/not-learning.md says more):")
    for finding in told:
        console.print(f"  {finding.name} ({finding.threshold})\n    {finding.next_step}", markup=False)
