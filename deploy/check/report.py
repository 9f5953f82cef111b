"""How findings are told: a line each for people, one object for programs."""

import json
from collections.abc import Sequence
from typing import IO

from deploy.check.base import Finding

MARKS = {"ok": "ok  ", "warn": "warn", "fail": "FAIL", "skip": "skip"}
NAME_WIDTH = 20


def line(finding: Finding) -> str:
    """One finding; the cure on a line of its own."""
    outcome = finding.outcome
    told = f"{MARKS[outcome.status]}  {finding.name:<{NAME_WIDTH}} {outcome.detail}"
    return f"{told}\n{'':6}-> {outcome.cure}" if outcome.cure else told


def conclusion(findings: Sequence[Finding]) -> str:
    """The last line: how many, and what to mend first."""
    counts = {status: sum(f.outcome.status == status for f in findings) for status in MARKS}
    told = ", ".join(f"{count} {status}" for status, count in counts.items() if count)
    first = next((finding for finding in findings if finding.outcome.status == "fail"), None)
    if first is None:
        return f"{told}: ready"
    return f"{told}: mend {first.name} first"


def print_json(findings: Sequence[Finding], stream: IO[str]) -> None:
    """`{"checks": [{"name", "ok", "status", "detail", "cure"}]}`; `ok` is false for failures only."""
    rows = [
        {
            "name": finding.name,
            "ok": finding.outcome.status != "fail",
            "status": finding.outcome.status,
            "detail": finding.outcome.detail,
            "cure": finding.outcome.cure,
        }
        for finding in findings
    ]
    print(json.dumps({"checks": rows}, indent=2), file=stream)
