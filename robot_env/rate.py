"""A fixed period on a clock: measured overrun, a fresh anchor after a stall, never a burst to catch up."""

from shared.clock import Clock
from shared.errors import ConfigError


class Rate:
    """Keeps the control loop on a grid of `period_seconds`.

    Attributes:
        periods: how many were waited for.
        overruns: how many of them had already passed when `wait` was called.
    """

    def __init__(self, hz: float, clock: Clock) -> None:
        if not hz > 0:
            raise ConfigError("control rate", f"{hz} Hz is not a rate", "use a positive number of Hz")
        self.period_seconds = 1.0 / hz
        self.periods = 0
        self.overruns = 0
        self._clock = clock
        self._deadline = clock.now()

    def restart(self) -> None:
        """The next period begins now."""
        self._deadline = self._clock.now()

    def wait(self) -> float:
        """Sleep to the end of the period; returns by how many seconds it had already passed, or 0.

        After an overrun the grid starts anew at now, so that late periods are not made up by short ones.
        """
        self._deadline += self.period_seconds
        self.periods += 1
        late = self._clock.now() - self._deadline
        if late > 0:
            self.overruns += 1
            self.restart()
            return late
        self._clock.sleep_until(self._deadline)
        return 0.0
