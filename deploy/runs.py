"""`handson runs`: what was trained here; `show RUN`: one in full; `doctor RUN`: why it is not learning."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from deploy import run_directory

COLUMNS = ("run", "task", "success", "return", "demos", "steps", "updates", "minutes")
NEWEST = "(default: latest)"


def main(argv: Sequence[str]) -> int:
    """List the finished runs, show one, or say why one is not learning; 1 where the doctor finds an alarm."""
    parser = argparse.ArgumentParser(prog="handson runs", description="What was trained here.")
    parser.add_argument("--runs-dir", type=Path, default=Path("runs"), help="where runs lie (default: runs)")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands.add_parser("list", help="one line a run, oldest first (what no command does, too)")
    show = commands.add_parser("show", help="everything in a run's result.json, and where its files are")
    show.add_argument(
        "run", nargs="?", default=run_directory.LATEST, help=f"name of a run, or its directory {NEWEST}"
    )
    ask = commands.add_parser("doctor", help="why a run is not learning: named alarms and what to do")
    ask.add_argument(
        "run",
        nargs="?",
        default=run_directory.LATEST,
        help=f"name of a run that trains or has ended, or its directory {NEWEST}",
    )
    ask.add_argument("--json", action="store_true", help="for programs")
    arguments = parser.parse_args(list(argv))
    if arguments.command == "doctor":
        from deploy.doctor.main import doctor

        return doctor(run_directory.find_any(arguments.runs_dir, arguments.run), as_json=arguments.json)
    if arguments.command == "show":
        print(_show(run_directory.find(arguments.runs_dir, arguments.run)))
    else:
        print(_table(run_directory.finished_runs(arguments.runs_dir)))
    return 0


def _table(runs: Sequence[Path]) -> str:
    if not runs:
        return "no finished runs here; handson sim --task reach makes one in two minutes"
    rows = [COLUMNS, *(_row(run) for run in runs)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(COLUMNS))]
    return "\n".join(
        "  ".join(cell.ljust(w) for cell, w in zip(r, widths, strict=True)).rstrip() for r in rows
    )


def _row(run: Path) -> tuple[str, ...]:
    result = _result(run)
    return (
        run.name,
        str(result.get("task", "?")),
        _number(result.get("success_rate"), "{:.0%}"),
        _number(result.get("mean_return"), "{:.2f}"),
        _number(max((kept for _, kept in _demonstrations(run)), default=None), "{:,}"),
        _number(result.get("env_steps"), "{:,}"),
        _number(result.get("updates"), "{:,}"),
        _number(result.get("wall_seconds"), "{:.1f}", 1 / 60),
    )


def _number(value: object, form: str, scale: float = 1) -> str:
    if not isinstance(value, int | float):
        return "-"
    return form.format(value if scale == 1 else value * scale)


def _show(run: Path) -> str:
    lines = [f"{key:<28} {json.dumps(value)}" for key, value in _result(run).items()]
    files = [f"  {path.name}{'/' if path.is_dir() else ''}" for path in sorted(run.iterdir())]
    demos = [line for line, _ in _demonstrations(run)]
    return "\n".join([str(run), "", *lines, "", *demos, "files:", *files])


def _demonstrations(run: Path) -> list[tuple[str, int]]:
    """A line on each recording of demonstrations in a run, and how many there are with it."""
    found: list[tuple[str, int]] = []
    for path in sorted(run.glob("demos*.json")):
        try:
            told = json.loads(path.read_text())
            counts = ", ".join(
                f"{told[name]} {name}" for name in ("kept", "successes", "failed", "discarded")
            )
            found.append((f"demonstrations in {told['file']}: {counts}", int(told["kept"])))
        except (OSError, ValueError, KeyError, TypeError):
            continue  # one that cannot be read hides nothing else
    return found


def _result(run: Path) -> dict[str, Any]:
    """A run's result; one that cannot be read shows as empty rather than hiding the others."""
    try:
        result = json.loads((run / run_directory.RESULT).read_text())
    except (OSError, ValueError):
        return {}
    return result if isinstance(result, dict) else {}
