"""The report of a reward classifier: its curve, its calibration, its cameras; a page that loads nothing."""

import json
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

from deploy.report.charts import Series, line_chart
from shared.policy.classifier.classifier_file import RewardClassifier

STYLE = Path(__file__).with_name("page.css")


def render(classifier: RewardClassifier, name: str) -> str:
    """The page as text."""
    found = classifier.metrics
    classes = "".join(_class(title, figures) for title, figures in found.get("classes", {}).items())
    title = escape(f"HandsOn: {name}, {classifier.identity}")
    frames = ", ".join(f"{count} {title}" for title, count in found.get("frames", {}).items())
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><style>
{STYLE.read_text()}</style></head><body>
<h1>{title}</h1>
<p>Looks through {escape(classifier.spec.views.describe())}. Trained from {escape(frames)} frames of
{found.get("episodes")} episodes; every figure is of episodes that the member asked was trained without.</p>
{classes}
<h2>All figures</h2><pre>{escape(json.dumps(_small(found), indent=2))}</pre>
</body></html>
"""


def _class(name: str, figures: Mapping[str, Any]) -> str:
    chosen = figures["chosen"]
    met = "" if figures["target_met"] else " <strong>The precision asked for was not reached.</strong>"
    useless = "".join(
        f" <strong>{escape(camera)} shows next to nothing of it: is it the right camera?</strong>"
        for camera in figures["useless_cameras"]
    )
    alone = ", ".join(f"{escape(c)} {area:.3f}" for c, area in figures["area_of_each_camera"].items())
    return f"""<h2>{escape(name)}</h2>
<p>From a probability of {chosen["threshold"]:.3f} on: {chosen["true"]} right and {chosen["false"]} wrong, a
precision of {chosen["precision"]:.3f} (at least {chosen["precision_low"]:.3f}), and {chosen["recall"]:.0%} of
them are found.{met} Area under the curve {figures["area_under_curve"]:.3f}; alone: {alone}.{useless}
Calibration error {figures["calibration_error"]:.3f}.</p>
<h3>Which threshold?</h3>{_curve(figures)}
<h3>Does a probability mean what it says?</h3>{_reliability(figures)}"""


def _curve(figures: Mapping[str, Any]) -> str:
    curve = figures["curve"]
    chosen = figures["chosen"]
    precision = Series(
        label="precision",
        points=[(p["threshold"], p["precision"]) for p in curve],
        band=[(p["threshold"], p["precision_low"], p["precision"]) for p in curve],
    )
    recall = Series(label="recall", points=[(p["threshold"], p["recall"]) for p in curve])
    mark = Series(label="chosen", points=[(chosen["threshold"], 0.0), (chosen["threshold"], 1.0)])
    return line_chart([precision, recall, mark], x_label="threshold", y_range=(0.0, 1.0))


def _reliability(figures: Mapping[str, Any]) -> str:
    found = Series(label="share of them", points=[(mean, share) for mean, share, _ in figures["reliability"]])
    honest = Series(label="honest", points=[(0.0, 0.0), (1.0, 1.0)])
    return line_chart([found, honest], x_label="probability", y_range=(0.0, 1.0))


def _small(found: Mapping[str, Any]) -> dict[str, Any]:
    """The figures without the long lists that the charts show."""
    classes = {
        name: {key: value for key, value in figures.items() if key not in ("curve", "reliability")}
        for name, figures in found.get("classes", {}).items()
    }
    return {**found, "classes": classes}
