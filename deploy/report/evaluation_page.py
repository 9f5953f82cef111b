"""evaluation.html: what a policy did by itself, what it did with help, where, how fast, and how it failed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from deploy.report import pictures
from deploy.report.parts import STYLE, number_table, video_of
from deploy.report.success_map import success_map

LISTS = ("episodes", "grid", "cameras", "done_at_start", "autonomous", "assisted", "failures", "stood")


@dataclass(frozen=True, kw_only=True)
class EvaluationReport:
    """What the page shows.

    Attributes:
        first: what evaluation.json holds.
        second, comparison: the same of the policy that it is compared with, and of both; empty without one.
        video: a WebM file to put inside, None without one.
        strips: directory of the strips of the first policy's episodes.
    """

    first: Mapping[str, Any]
    second: Mapping[str, Any]
    comparison: Mapping[str, Any]
    video: Path | None
    strips: Path


def render(report: EvaluationReport) -> str:
    """The page as text; it loads nothing."""
    first = report.first
    title = escape(f"HandsOn: {Path(first['policy']).name} on {first['environment']}")
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><style>
{STYLE.read_text()}</style></head><body>
<h1>{title}</h1>
{_of_one(first)}
{_comparison(report)}
{video_of(report.video)}
{pictures.strips(report.strips, first["episodes"], first.get("cameras", ()))}
<h2>Numbers</h2>
{number_table({key: value for key, value in first.items() if key not in LISTS})}
</body></html>
"""


def _of_one(found: Mapping[str, Any]) -> str:
    grid = found.get("grid")
    return (
        f'<p class="verdict">{escape(_verdict(found))}</p>{_rates(found)}{cells(found["episodes"])}'
        f"{_left_out(found)}{_cycle(found)}{_kinds(found)}{success_map(grid) if grid else ''}"
    )


def _verdict(found: Mapping[str, Any]) -> str:
    low, high = found["success_interval"]
    how = "greedy" if found["greedy"] else "sampled"
    return (
        f"By itself it succeeded in {found['successes']} of {found['eval_episodes']} {how} episodes: "
        f"{found['success_rate']:.0%}, 95% interval {low:.0%} to {high:.0%}"
    )


def _rates(found: Mapping[str, Any]) -> str:
    """Apart, and only where somebody helped at all."""
    if not found["assisted"]["episodes"]:
        return ""
    rows = {"where nobody helped": found["autonomous"], "where somebody helped": found["assisted"]}
    lines = "".join(f"<tr><td>{name}</td><td>{_rate(rate)}</td></tr>" for name, rate in rows.items())
    return f"<h3>Alone and with help</h3><table>{lines}</table>"


def _rate(rate: Mapping[str, Any]) -> str:
    low, high = rate["interval"]
    if rate["rate"] is None:
        return "no episode"
    return f"{rate['successes']} of {rate['episodes']} = {rate['rate']:.0%} ({low:.0%} to {high:.0%})"


def cells(episodes: Sequence[Mapping[str, Any]]) -> str:
    """One cell an episode: green where it succeeded, yellow where with help, else red."""
    drawn = "".join(
        f'<span class="{_tone(episode)}" title="start {episode["start_seed"]}: {escape(episode["why"])} '
        f'after {episode["length"]} steps, {episode["driven_steps"]} of them driven"></span>'
        for episode in episodes
    )
    return (
        "<p>One cell an episode: green where it succeeded by itself, yellow where it did with help, "
        f'else red.</p><div class="strip">{drawn}</div>'
    )


def _tone(episode: Mapping[str, Any]) -> str:
    if not episode["success"]:
        return "bad"
    return "helped" if episode["driven_steps"] else "good"


def _left_out(found: Mapping[str, Any]) -> str:
    seeds = found["done_at_start"]
    if not seeds:
        return ""
    named = ", ".join(map(str, seeds[:20])) + (", ..." if len(seeds) > 20 else "")
    return f"<p><strong>Left out, for they were done before anybody acted: {named}.</strong></p>"


def _cycle(found: Mapping[str, Any]) -> str:
    if found["cycle_seconds"] is None:
        return ""
    first, median, third = found["cycle_seconds"]
    return f"<p>Seconds to success: {median:.1f} (half of them {first:.1f} to {third:.1f}).</p>"


def _kinds(found: Mapping[str, Any]) -> str:
    kinds = {"failures by how they ended": found["failures"], "where they stood": found["stood"]}
    return "".join(
        f"<h3>{name.capitalize()}</h3>{number_table(counts)}" for name, counts in kinds.items() if counts
    )


def _comparison(report: EvaluationReport) -> str:
    found = report.comparison
    if not found:
        return ""
    low, high = found["interval"]
    rows = "".join(_pair(episode) for episode in found["episodes"])
    return f"""<h2>Against {escape(found["second"])}</h2>
<p class="verdict">{escape(found["verdict"])}: difference {found["difference"]:+.0%},
95% interval {low:+.0%} to {high:+.0%}, McNemar's exact p {found["mcnemar_p"]:.3f}</p>
<table><tr><td></td><td>second succeeds</td><td>second fails</td></tr>
<tr><td>first succeeds</td><td>{found["both"]}</td><td>{found["only_first"]}</td></tr>
<tr><td>first fails</td><td>{found["only_second"]}</td><td>{found["neither"]}</td></tr></table>
<details><summary>episode by episode</summary><table>
<tr><td>start</td><td>first</td><td>second</td></tr>{rows}</table></details>
<h3>The second</h3>{_of_one(report.second)}"""


def _pair(episode: Mapping[str, Any]) -> str:
    told = [
        f"{why}{' with help' if helped else ''}, {seconds:.1f} s"
        for why, helped, seconds in zip(episode["why"], episode["helped"], episode["seconds"], strict=True)
    ]
    return f"<tr><td>{episode['start_seed']}</td><td>{escape(told[0])}</td><td>{escape(told[1])}</td></tr>"
