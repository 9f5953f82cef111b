"""What an evaluation found, for a person at a terminal."""

from pathlib import Path

from rich.table import Table

from actor.evaluating.comparison import Comparison
from actor.evaluating.success_map import SuccessMap
from actor.scoring import EvaluationResult


def result_table(title: str, result: EvaluationResult, grid: SuccessMap | None, *, written: Path) -> Table:
    """One policy's figures; success without help and with help stand apart."""
    table = Table(title=title, show_header=False, caption="in brackets: 95% intervals (Wilson)")
    assisted = result.assisted
    if assisted.episodes:
        table.add_row("success alone, of all", str(result.overall))
        table.add_row("  where nobody helped", str(result.autonomous))
        table.add_row("  where somebody helped", str(assisted))
    else:
        table.add_row("success", str(result.overall))
    for name, value in _rows(result).items():
        table.add_row(name, value)
    if grid is not None:
        table.add_row("centre of the grid", str(grid.centre))
        table.add_row("edges of the grid", str(grid.edges))
        for row in map_lines(grid):
            table.add_row("", row)
    table.add_row("policy", f"version {result.policy_version}, after {result.policy_update} updates")
    table.add_row("written", str(written))
    return table


def _rows(result: EvaluationResult) -> dict[str, str]:
    rows: dict[str, str] = {}
    if result.done_at_start:
        seeds = ", ".join(map(str, result.done_at_start[:5]))
        rows["left out"] = f"{len(result.done_at_start)} starts were done before anybody acted: {seeds}"
    if (cycle := result.cycle_seconds) is not None:
        rows["seconds to success"] = f"{cycle[1]:.1f} (half of them {cycle[0]:.1f} to {cycle[2]:.1f})"
    if result.failures:
        rows["failures"] = _counts(result.failures)
    if result.stood:
        rows["where they stood"] = _counts(result.stood)
    if result.mean_return is not None and result.mean_length is not None:
        rows["mean return"] = f"{result.mean_return:.2f} in {result.mean_length:.1f} steps, without help"
    return rows


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items(), key=lambda c: -c[1]))


def map_lines(found: SuccessMap) -> list[str]:
    """The grid as text, one line a row, "-" where the task draws no start."""
    rows, columns = found.grid.rows, found.grid.columns
    lines = [f"{rows.name} {rows.low:.2f} to {rows.high:.2f} downwards, {columns.name} to the right"]
    for row in range(rows.parts):
        rates = [found.cells.get((row, column)) for column in range(columns.parts)]
        lines.append("  ".join("  - " if r is None or r.share is None else f"{r.share:4.0%}" for r in rates))
    return lines


def comparison_table(comparison: Comparison, *, written: Path) -> Table:
    """How two policies compare, success without help alone."""
    both, first, second, neither = comparison.counts
    low, high = comparison.interval
    table = Table(title="first against second, from the same starts", show_header=False)
    table.add_row("both succeed", str(both))
    table.add_row("only the first", str(first))
    table.add_row("only the second", str(second))
    table.add_row("neither", str(neither))
    table.add_row("difference", f"{comparison.difference:+.2f} (95% interval {low:+.2f} to {high:+.2f})")
    table.add_row("McNemar's exact p", f"{comparison.p_value:.3f}")
    table.add_row("verdict", comparison.verdict)
    table.add_row("written", str(written))
    return table
