"""The live screen of `handson sim`: one panel on a terminal, a plain line every ten seconds elsewhere."""

import math
import sys
from collections.abc import Mapping
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console
from rich.live import Live
from rich.panel import Panel
from rich.table import Table

from deploy.progress import Progress
from deploy.target import Target
from learner.alarms.diagnosis import diagnose, speaking
from learner.alarms.panel import add_alarms
from shared.clock import Clock

PLAIN_SECONDS = 10.0
BARS = "▁▂▃▄▅▆▇█"


class Screen:
    """Shows a run's progress until it is closed.

    Args:
        title: names the run.
        target: what evaluations are held against; None for nothing.
        utd: updates a training step that were asked for.
        budget_seconds: time allowed.
        clock: measures the elapsed time.
        started: since this moment of the clock; None is now.
        stream: where to write; a terminal gets the live panel.
    """

    def __init__(
        self,
        *,
        title: str,
        target: Target | None,
        utd: float,
        budget_seconds: float,
        clock: Clock,
        started: float | None = None,
        stream: TextIO | None = None,
    ) -> None:
        self._title = title
        self._target = target
        self._utd = utd
        self._budget_seconds = budget_seconds
        self._clock = clock
        self._started = clock.now() if started is None else started
        self._console = Console(file=stream or sys.stdout, highlight=False, soft_wrap=True)
        self._live = Live(console=self._console, auto_refresh=False) if self._console.is_terminal else None
        self._shown = ("", -math.inf)

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def show(self, progress: Progress) -> None:
        """Draw what is known; cheap enough to call several times a second."""
        if self._live:
            self._live.update(self._panel(progress), refresh=True)
            return
        phase, moment = self._shown
        now = self._clock.now()
        if progress.phase != phase or now - moment >= PLAIN_SECONDS:
            self._shown = progress.phase, now
            self._console.print(self._line(progress))

    def say(self, text: str) -> None:
        """Print a line that stays."""
        self._console.print(text, markup=False)

    def _line(self, progress: Progress) -> str:
        words = [self._elapsed(), progress.phase]
        words += [f"{name} {value}" for name, value in self._numbers(progress) if value]
        if progress.updates:
            words += [f"{found.level} {found.name}" for found in speaking(diagnose(progress.history))]
        return "  ".join(words)

    def _panel(self, progress: Progress) -> Panel:
        grid = Table.grid(padding=(0, 2))
        grid.add_row("", f"[bold]{progress.phase}[/]   {self._elapsed()}")
        for name, value in self._numbers(progress):
            grid.add_row(f"[dim]{name}[/]", value or "-")
        if progress.updates:
            add_alarms(grid, diagnose(progress.history))
        return Panel(grid, title=self._title, title_align="left", expand=False, border_style="blue")

    def _numbers(self, progress: Progress) -> list[tuple[str, str]]:
        seen, started = progress.values, progress.updates > 0
        return [
            ("evaluations", self._evaluations(progress)),
            ("steps", f"{progress.env_steps:,}" if progress.env_steps else ""),
            ("updates", f"{progress.updates:,}" if started else ""),
            ("UTD", f"{seen['utd_actual']:.2f} of {self._utd:g}" if started and "utd_actual" in seen else ""),
            ("updates/s", f"{seen['updates_per_second']:.0f}" if "updates_per_second" in seen else ""),
            *_help(seen),
            ("policy age", _seconds(seen.get("actor/policy_age_seconds"))),
        ]

    def _evaluations(self, progress: Progress) -> str:
        if not progress.evaluations:
            return ""
        metric = self._target.metric if self._target else "mean_return"
        history = [evaluation[metric] for evaluation in progress.evaluations if metric in evaluation]
        wanted = f" of {_reading(metric, self._target.stop_at)}" if self._target else ""
        return f"{sparkline(history)} {_reading(metric, history[-1])}{wanted}" if history else ""

    def _elapsed(self) -> str:
        elapsed = self._clock.now() - self._started
        return f"{_minutes(elapsed)} of {_minutes(self._budget_seconds)}"


def _help(seen: Mapping[str, float]) -> list[tuple[str, str]]:
    """How much somebody helped of late, and what the policy did alone; nothing where nobody may help."""
    if "interventions/step_share" not in seen:
        return []
    share, span = seen["interventions/step_share"], seen["interventions/mean_span_steps"]
    alone = seen["interventions/autonomous_success"]
    return [("help", f"{share:.0%} of steps, {span:.1f} at a time; success {alone:.0%} alone")]


def sparkline(values: list[float], width: int = 24) -> str:
    """The newest values as bars, from their lowest to their highest; success rates from 0 to 1."""
    newest = values[-width:]
    low, high = (0.0, 1.0) if all(0 <= v <= 1 for v in newest) else (min(newest), max(newest))
    span = (high - low) or 1.0
    return "".join(BARS[round((value - low) / span * (len(BARS) - 1))] for value in newest)


def _reading(metric: str, value: float) -> str:
    return f"{value:.0%}" if metric == "success_rate" else f"{value:.1f}"


def _minutes(seconds: float) -> str:
    return f"{int(seconds) // 60:02d}:{int(seconds) % 60:02d}"


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.2f} s"
