"""Which curves a report draws, and from which metrics."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from deploy.report.charts import Series, line_chart
from shared.intervals import wilson_interval

Lines = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A chart: its title and the metrics it shows, each with its label."""

    title: str
    metrics: dict[str, str]
    y_range: tuple[float, float] | None = None


SUCCESS = Chart(
    title="Success on stopping starts", metrics={"evaluation/success_rate": "greedy success"}, y_range=(0, 1)
)
CHARTS = (
    Chart(
        title="Return",
        metrics={"evaluation/mean_return": "greedy evaluation", "episode/return": "practice"},
    ),
    Chart(title="Critic loss", metrics={"critic/loss": "critic loss"}),
    Chart(title="Actor loss", metrics={"actor/loss": "actor loss", "actor/imitation_loss": "imitation"}),
    Chart(
        title="Q",
        metrics={"critic/q_mean": "mean Q", "critic/target_mean": "mean target", "critic/q_spread": "spread"},
    ),
    Chart(title="Entropy", metrics={"actor/entropy": "entropy", "temperature/alpha": "temperature"}),
    Chart(title="Updates per training step", metrics={"ratio/actual": "actual", "ratio/target": "target"}),
    Chart(
        title="Speed",
        metrics={"learner/updates_per_second": "updates/s", "actor/steps_per_second": "steps/s"},
    ),
)


def curves(lines: Lines) -> str:
    """A figure for each chart that has data; success always has one."""
    figures = [_figure(SUCCESS.title, [_success(lines)], SUCCESS.y_range)]
    for chart in CHARTS:
        series = [Series(label=label, points=_points(lines, key)) for key, label in chart.metrics.items()]
        if any(s.points for s in series):
            figures.append(_figure(chart.title, series, chart.y_range))
    return "".join(figures)


def _figure(title: str, series: Sequence[Series], y_range: tuple[float, float] | None) -> str:
    chart = line_chart(series, x_label="training steps", y_range=y_range)
    return f"<figure><figcaption>{escape(title)}</figcaption>{chart}</figure>"


def _points(lines: Lines, key: str) -> list[tuple[float, float]]:
    """(training steps, value) wherever the metric is a number."""
    return [
        (float(line["env_steps"]), float(line[key]))
        for line in lines
        if isinstance(line.get(key), int | float) and isinstance(line.get("env_steps"), int | float)
    ]


def _success(lines: Lines) -> Series:
    (key, label), *_ = SUCCESS.metrics.items()
    band = [
        (
            float(line["env_steps"]),
            *wilson_interval(
                round(line[key] * line["evaluation/episodes"]), int(line["evaluation/episodes"])
            ),
        )
        for line in lines
        if key in line and "evaluation/episodes" in line
    ]
    return Series(label=label, points=_points(lines, key), band=band)
