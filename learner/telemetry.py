"""What the learner says about itself while it trains: rates, waits, gauges, and what actors report."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import jax

from learner.checkpointer import Progress
from learner.metrics import MetricsConfig, MetricsLog
from shared.clock import Clock
from shared.protocol import Stats

STATS_SECONDS = 0.2

Gauges = Callable[[], dict[str, float]]


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Where numbers come from; each is asked several times a second from the training loop: be quick.

    Attributes:
        gauges: numbers of this moment by name.
        stats: what actors reported since the last time.
        env_steps: training steps taken in.
    """

    gauges: Gauges
    stats: Callable[[], list[tuple[str, Stats]]]
    env_steps: Callable[[], int]


class Telemetry:
    """Collects during turns of the training loop, and hands a row to the metrics thread now and then.

    Attributes:
        train_seconds: from the first update call to the last one's result.
    """

    def __init__(
        self, metrics: MetricsLog, sources: Sources, config: MetricsConfig, start: Progress, clock: Clock
    ) -> None:
        self._metrics = metrics
        self._sources = sources
        self._config = config
        self._clock = clock
        self._calls: list[Mapping[str, jax.Array]] = []
        self._waited = 0.0
        self._row_at = self._stats_at = clock.now()
        self._row_updates = self._start_updates = start.update
        self._row_steps = sources.env_steps()
        self._first_call_at: float | None = None
        self.train_seconds = 0.0

    def call(self, metrics: Mapping[str, jax.Array]) -> None:
        """An update call was started; its metrics are still on the device."""
        if self._first_call_at is None:
            self._first_call_at = self._clock.now()
        self._calls.append(metrics)

    def finished(self) -> None:
        """An update call's result is there."""
        if self._first_call_at is not None:
            self.train_seconds = self._clock.now() - self._first_call_at

    def updates_made(self, updates: int) -> int:
        """Of so many updates over all lives, those of this one."""
        return updates - self._start_updates

    def turn(self, progress: Progress, waited_seconds: float) -> None:
        """The loop went round once; `waited_seconds` of it had neither data nor a result to wait for."""
        self._waited += waited_seconds
        now = self._clock.now()
        if now - self._stats_at >= STATS_SECONDS:
            self._stats_at = now
            self._take_stats(progress)
        if now - self._row_at >= self._config.every_seconds:
            self._write_row(progress, now)

    def flush(self, progress: Progress) -> None:
        """Write what was collected since the last row."""
        self._take_stats(progress)
        self._write_row(progress, self._clock.now())

    def check(self) -> None:
        """Raise what stopped the metrics thread."""
        self._metrics.check()

    def _take_stats(self, progress: Progress) -> None:
        env_steps = self._sources.env_steps()
        for actor_id, stats in self._sources.stats():
            values = {**stats.values, "actor_steps": stats.step}
            self._metrics.actor(actor_id, values, env_steps, progress.update)

    def _write_row(self, progress: Progress, now: float) -> None:
        seconds = max(now - self._row_at, 1e-9)
        env_steps = self._sources.env_steps()
        rates = {
            "updates_per_second": (progress.update - self._row_updates) / seconds,
            "steps_per_second": (env_steps - self._row_steps) / seconds,
            "wait_share": min(self._waited / seconds, 1.0),
        }
        self._metrics.learner(self._calls, rates | self._sources.gauges(), env_steps, progress.update)
        self._calls, self._waited = [], 0.0
        self._row_at, self._row_updates, self._row_steps = now, progress.update, env_steps
