"""What the alarms said of a run in the end, for its page."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from learner.alarms.base import Finding
from learner.alarms.diagnosis import diagnose, speaking
from learner.alarms.history import History


def alarms(lines: Sequence[Mapping[str, Any]]) -> str:
    """Those that speak with what to do; the others by name.

    Args:
        lines: of metrics.jsonl.
    """
    history = History()
    for line in lines:
        history.add(line)
    findings = diagnose(history)
    told = speaking(findings)
    rows = "".join(map(_row, told))
    others = ", ".join(f"{f.name} {f.level}" for f in findings if f not in told)
    return f"<table>{rows}</table><p class='empty'>{escape(others)}</p>"


def _row(finding: Finding) -> str:
    return (
        f"<tr><td>{finding.level}</td><td>{escape(finding.name)}</td><td>{escape(finding.evidence)}<br>"
        f"{escape(finding.next_step)}</td></tr>"
    )
