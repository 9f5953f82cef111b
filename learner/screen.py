"""What a person watching the learner sees: a live panel on a terminal, else a line in the log."""

import logging
import math
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table

from learner.alarms.base import Finding
from learner.alarms.diagnosis import speaking
from learner.alarms.panel import add_alarms
from shared.clock import Clock

log = logging.getLogger(__name__)

LIVE_SECONDS = 0.5
SHOWN = {
    "env_steps": ("steps", "{:,.0f}"),
    "steps_per_second": ("steps/s", "{:.1f}"),
    "updates": ("updates", "{:,.0f}"),
    "updates_per_second": ("updates/s", "{:.1f}"),
    "utd_actual": ("UTD", "{:.2f}"),
    "updates_forfeited": ("forfeited", "{:,.0f}"),
    "wait_share": ("waiting", "{:.0%}"),
    "actors": ("actors", "{:.0f}"),
    "critic_loss": ("critic loss", "{:.3g}"),
    "q_mean": ("Q", "{:.3g}"),
    "entropy": ("entropy", "{:.3g}"),
}


class Screen:
    """Shows the newest numbers. All methods belong to the training thread.

    Args:
        every_seconds: between two lines where there is no terminal.
        console: a terminal gets the live panel.
    """

    def __init__(self, every_seconds: float, clock: Clock, console: Console) -> None:
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None
        self._every_seconds = LIVE_SECONDS if self._live else every_seconds
        self._clock = clock
        self._shown_at = -math.inf

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

    def show(self, values: Mapping[str, float], findings: Sequence[Finding] = ()) -> None:
        """Draw the newest numbers, and what the alarms say, if it is time; cheap enough for every turn."""
        now = self._clock.now()
        if not values or now - self._shown_at < self._every_seconds:
            return
        self._shown_at = now
        if self._live:
            self._live.update(_panel(values, findings), refresh=True)
        else:
            words = [f"{name} {value}" for name, value in _numbers(values)]
            log.info("%s", "  ".join(words + [f"{f.level} {f.name}" for f in speaking(findings)]))


def _numbers(values: Mapping[str, float]) -> list[tuple[str, str]]:
    return [(name, form.format(values[key])) for key, (name, form) in SHOWN.items() if key in values]


def _panel(values: Mapping[str, float], findings: Sequence[Finding]) -> Table:
    grid = Table.grid(padding=(0, 2))
    for name, value in _numbers(values):
        grid.add_row(f"[dim]{name}[/]", value)
    add_alarms(grid, findings)
    return grid
