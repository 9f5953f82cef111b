"""Learning curves of whole runs: read from a run directory, averaged over seeds, drawn as a picture."""

import json
import statistics
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from deploy.report.charts import COLOURS, Series, line_chart

STYLE = "text{font:11px sans-serif;fill:#444}.grid{stroke:#ddd}svg{background:#fff}"

Curve = Sequence[tuple[float, float]]


def lines_of(directory: Path) -> list[dict[str, Any]]:
    """What a run wrote to metrics.jsonl."""
    return [json.loads(line) for line in (directory / "metrics.jsonl").read_text().splitlines()]


def evaluations(directory: Path) -> list[dict[str, Any]]:
    """Its lines that hold an evaluation, in order."""
    return [line for line in lines_of(directory) if "evaluation/success_rate" in line]


def average(curves: Sequence[Curve]) -> tuple[Curve, Sequence[tuple[float, float, float]]]:
    """Mean over seeds at each evaluation, and the range from the worst seed to the best."""
    line, band = [], []
    for points in zip(*curves, strict=False):
        x = statistics.mean(x for x, _ in points)
        rates = [y for _, y in points]
        line.append((x, statistics.mean(rates)))
        band.append((x, min(rates), max(rates)))
    return line, band


def draw(curves: Mapping[str, Sequence[Curve]], path: Path, x_label: str, *, legend_at: int = 130) -> None:
    """One line for each label with the range of its seeds; the legend begins at this height."""
    series = []
    for label, found in curves.items():
        line, band = average(found)
        series.append(Series(label=label, points=line, band=band))
    drawing = line_chart(series, x_label=x_label, y_range=(0.0, 1.0)).partition("</svg>")[0]
    drawing = drawing.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" width="690" ', 1)
    legend = "".join(
        f'<text x="70" y="{legend_at + 14 * i}" style="fill:{COLOURS[i]}">{escape(s.label)}</text>'
        for i, s in enumerate(series)
    )
    path.write_text(f"{drawing}<style>{STYLE}</style>{legend}</svg>\n", encoding="utf-8")
