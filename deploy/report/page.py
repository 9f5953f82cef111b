"""report.html: how a run went, in numbers, curves and pictures; a file that loads nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from deploy.report import pictures
from deploy.report.alarms import alarms
from deploy.report.charts import number
from deploy.report.curves import curves
from deploy.report.parts import STYLE, number_table, video_of


@dataclass(frozen=True, kw_only=True)
class Report:
    """What the page shows.

    Attributes:
        result: what `result.json` holds.
        metrics: the lines of `metrics.jsonl`.
        episodes: the final episodes, in order: success, episode_return, length, start_seed.
        settings: the text of `config.toml`.
        cameras: the image entries of the interface, in order.
        video: a WebM file to put inside, None without one.
        strips: directory of the strips of final episodes; where it is missing there are none.
        augmented: the picture of augmented samples; where it is missing there is none.
        passed: whether the target was met, None where the run has none to meet.
    """

    result: Mapping[str, Any]
    metrics: Sequence[Mapping[str, Any]]
    episodes: Sequence[Mapping[str, Any]]
    settings: str
    cameras: Sequence[str]
    video: Path | None
    strips: Path
    augmented: Path
    passed: bool | None


def render(report: Report) -> str:
    """The page as text."""
    result = report.result
    title = f"HandsOn: {result.get('task', 'run')}, seed {result.get('seed', '?')}"
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{escape(title)}</title><style>
{STYLE.read_text()}</style></head><body>
<h1>{escape(title)}</h1>
{_verdict(result, report.passed)}
<h2>Final episodes</h2>
{_strip(report.episodes)}
{video_of(report.video)}
{pictures.strips(report.strips, report.episodes, report.cameras)}
{pictures.samples(report.augmented, report.cameras)}
<h2>Curves</h2>
<div class="grid-of-charts">{curves(report.metrics)}</div>
<h2>Alarms</h2>
{alarms(report.metrics)}
<h2>Numbers</h2>
{number_table({key: value for key, value in result.items() if key != "versions"})}
<h2>Settings</h2>
<details><summary>config.toml</summary><pre>{escape(report.settings)}</pre></details>
<h2>Versions</h2>
{number_table({"handson": result.get("code_version"), **(result.get("versions") or {})})}
</body></html>
"""


def _verdict(result: Mapping[str, Any], passed: bool | None) -> str:
    rate, interval = result.get("success_rate"), result.get("success_interval")
    words: list[str] = []
    if rate is not None:
        words.append(f"{rate:.0%} of {result.get('eval_episodes')} greedy episodes succeeded")
    if rate is not None and interval:
        words.append(f"95% interval {interval[0]:.0%} to {interval[1]:.0%}")
    if result.get("mean_return") is not None:
        words.append(f"mean return {number(result['mean_return'])}")
    if result.get("wall_seconds") is not None:
        words.append(f"{result['wall_seconds'] / 60:.1f} minutes")
    tone = "" if passed is None else "good" if passed else "bad"
    return f'<p class="verdict {tone}">{escape("; ".join(words) or "no final evaluation")}</p>'


def _strip(episodes: Sequence[Mapping[str, Any]]) -> str:
    if not episodes:
        return '<p class="empty">none were played</p>'
    cells = "".join(
        f'<span class="{"good" if episode["success"] else "bad"}" title="start {episode["start_seed"]}: '
        f'return {episode["episode_return"]:.3g} after {episode["length"]} steps"></span>'
        for episode in episodes
    )
    return f'<p>One cell an episode, green where it succeeded.</p><div class="strip">{cells}</div>'
