"""A grid of start states as a table of cells, each as green as the policy succeeds there."""

from collections.abc import Mapping
from html import escape
from typing import Any

from deploy.report.charts import number


def success_map(grid: Mapping[str, Any]) -> str:
    """The map as HTML, rows along the first quantity; a cell in which the task draws no start is blank.

    Args:
        grid: as in evaluation.json.
    """
    rows, columns = grid["rows"], grid["columns"]
    cells = {(cell["row"], cell["column"]): cell for cell in grid["cells"]}
    lines = "".join(
        f"<tr><th>{_middle(rows, row)}</th>"
        + "".join(_cell(cells.get((row, column))) for column in range(columns["parts"]))
        + "</tr>"
        for row in range(rows["parts"])
    )
    heads = "".join(f"<th>{_middle(columns, column)}</th>" for column in range(columns["parts"]))
    return (
        f"<h3>Where it succeeds</h3><p>Down: {escape(rows['name'])}; across: {escape(columns['name'])}. "
        f"Centre {_rate(grid['centre'])}; edges {_rate(grid['edges'])}.</p>"
        f'<table class="map"><tr><th></th>{heads}</tr>{lines}</table>'
    )


def _middle(axis: Mapping[str, Any], part: int) -> str:
    width = (axis["high"] - axis["low"]) / axis["parts"]
    return number(round(axis["low"] + (part + 0.5) * width, 3))


def _cell(cell: Mapping[str, Any] | None) -> str:
    if cell is None or cell["rate"] is None:
        return "<td></td>"
    hue = round(120 * cell["rate"])
    title = f"{cell['successes']} of {cell['episodes']}"
    return f'<td style="background:hsl({hue} 55% 60%)" title="{title}">{cell["rate"]:.0%}</td>'


def _rate(rate: Mapping[str, Any]) -> str:
    if rate["rate"] is None:
        return "was not tried"
    low, high = rate["interval"]
    return f"{rate['successes']} of {rate['episodes']} ({low:.0%} to {high:.0%})"
