"""Alarms on a live screen: each with its evidence and the next step."""

from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from learner.alarms.base import Finding, Level
from learner.alarms.diagnosis import speaking

COLOURS = {Level.WARN: "yellow", Level.ALARM: "red"}


def add_alarms(grid: Table, findings: Sequence[Finding]) -> None:
    """Rows of two cells: those alarms that have something to say, or that none has."""
    if not findings:
        return
    told = speaking(findings)
    if not told:
        grid.add_row("[dim]alarms[/]", f"none of {len(findings)}")
    for finding in told:
        name = f"[{COLOURS[finding.level]}]{finding.name}[/]"
        grid.add_row(name, escape(f"{finding.evidence}\n→ {finding.next_step}"))
