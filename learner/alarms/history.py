"""History: what metrics.jsonl says, by name, as far as alarms look back."""

import math
from collections import deque
from collections.abc import Mapping
from typing import Any, NamedTuple

KEPT = 500
"""Newest values of each metric."""


class Point(NamedTuple):
    """One value of a metric, when it was written, and after how many training steps."""

    time_seconds: float
    env_steps: int
    value: float


class History:
    """Takes the lines of metrics.jsonl in order; owned by one thread.

    Attributes:
        now: Unix time up to which it tells; the newest line's unless somebody sets it later.
        env_steps, updates: of the newest line.
        grew_at: time of the line in which `env_steps` grew last; None where it never did.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self.env_steps = self.updates = 0
        self.grew_at: float | None = None
        self._series: dict[str, deque[Point]] = {}

    def add(self, line: Mapping[str, Any]) -> None:
        """One more line; what is no finite number in it is left out."""
        time_seconds, env_steps = float(line.get("time_seconds", self.now)), int(line.get("env_steps", 0))
        self.now = max(self.now, time_seconds)
        if env_steps > self.env_steps:
            self.grew_at = time_seconds
        self.env_steps = max(self.env_steps, env_steps)
        self.updates = max(self.updates, int(line.get("updates", 0)))
        for name, value in line.items():
            if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
                points = self._series.setdefault(name, deque(maxlen=KEPT))
                points.append(Point(time_seconds, env_steps, float(value)))

    def points(self, name: str) -> list[Point]:
        """Of one metric, oldest first."""
        return list(self._series.get(name, ()))

    def newest(self, name: str) -> float | None:
        """The newest value of a metric, None where there is none."""
        points = self._series.get(name)
        return points[-1].value if points else None

    def recent(self, name: str, count: int) -> list[float]:
        """At most so many newest values."""
        return [point.value for point in self.points(name)[-count:]]

    def names(self, prefix: str) -> list[str]:
        """The metrics whose names begin so."""
        return sorted(name for name in self._series if name.startswith(prefix))
