"""Which curves a report draws, and from which metrics."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from deploy.report.charts import Series, line_chart

Lines = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A chart: its title and the metrics it shows, each with its label."""

    title: str
    metrics: dict[str, str]


SUCCESS = "evaluation/success_rate"
SUCCESS_BAND = ("evaluation/success_low", "evaluation/success_high")
CHARTS = (
    Chart(
        title="Return",
        metrics={"evaluation/mean_return": "greedy evaluation", "training/episode_return": "practice"},
    ),
    Chart(title="Critic loss", metrics={"critic_loss": "critics"}),
    Chart(title="Policy loss", metrics={"policy_loss": "policy", "cloning_loss": "cloning"}),
    Chart(
        title="Q",
        metrics={
            "q_mean": "mean over the batch",
            "q_policy": "of the policy's actions",
            "q_demo_data": "of demonstrated actions",
            "q_spread": "spread over the critics",
        },
    ),
    Chart(title="Entropy", metrics={"entropy": "entropy, nats"}),
    Chart(title="Temperature", metrics={"alpha": "alpha"}),
    Chart(title="UTD", metrics={"utd_actual": "updates per training step"}),
    Chart(title="Speed", metrics={"updates_per_second": "updates/s", "actor/steps_per_second": "steps/s"}),
    Chart(title="Policy age", metrics={"actor/policy_age_seconds": "seconds"}),
)


def curves(lines: Lines) -> str:
    """A figure for each chart that has data; success always has one."""
    figures = [_figure("Success on stopping starts", [_success(lines)], (0.0, 1.0))]
    for chart in CHARTS:
        series = [Series(label=label, points=_points(lines, key)) for key, label in chart.metrics.items()]
        if any(s.points for s in series):
            figures.append(_figure(chart.title, series, None))
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
    """Greedy success with its 95 % interval behind it."""
    evaluations = [line for line in lines if SUCCESS in line]
    low, high = SUCCESS_BAND
    band = [
        (float(e["env_steps"]), float(e[low]), float(e[high])) for e in evaluations if low in e and high in e
    ]
    return Series(label="greedy success", points=_points(evaluations, SUCCESS), band=band)
