"""What happens when the set-points stop coming: first hold, then end the motion."""

from dataclasses import dataclass
from typing import Literal

from shared.errors import ConfigError

Verdict = Literal["go", "hold", "stop"]


@dataclass(frozen=True, kw_only=True)
class WatchdogConfig:
    """How long a silence may be."""

    periods: float = 3.0
    """Control periods without a set-point, after which the arm holds where it is."""
    stop_seconds: float = 2.0
    """Without a set-point or an explicit hold, after which the motion ends."""

    def __post_init__(self) -> None:
        if not (1.0 <= self.periods <= 100.0 and 0.1 <= self.stop_seconds <= 60.0):
            raise ConfigError(
                "watchdog",
                f"periods is {self.periods:g}, stop_seconds {self.stop_seconds:g}",
                "give 1 to 100 control periods, and 0.1 to 60 s",
            )


class Watchdog:
    """Fed with every set-point and every explicit hold; times are seconds of one clock."""

    def __init__(self, config: WatchdogConfig, now: float) -> None:
        self._config = config
        self._fed = now
        self._due: float | None = None

    def set_point(self, now: float, period_seconds: float) -> None:
        """A set-point came, and the next is due after a period."""
        self._fed = now
        self._due = now + self._config.periods * period_seconds

    def hold(self, now: float) -> None:
        """Somebody wants the arm to stay where it is, and is there."""
        self._fed = now
        self._due = None

    def verdict(self, now: float) -> Verdict:
        """What to do now; `hold` until the next set-point."""
        if now - self._fed >= self._config.stop_seconds:
            return "stop"
        return "go" if self._due is not None and now < self._due else "hold"

    def is_stale(self, age_seconds: float, period_seconds: float) -> bool:
        """Whether a set-point was so long under way that it means nothing any more."""
        return age_seconds > self._config.periods * period_seconds
