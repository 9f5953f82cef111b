"""Time as an argument: the system's clock in production, a clock moved by hand in tests and simulations."""

import threading
import time
from typing import Protocol


class Clock(Protocol):
    """Monotonic seconds, and a way to wait for them."""

    def now(self) -> float:
        """Seconds since an arbitrary start; never goes back."""
        ...

    def sleep_until(self, deadline: float) -> None:
        """Return once `now() >= deadline`."""
        ...


class SystemClock:
    """The monotonic clock of this computer."""

    def now(self) -> float:
        """Seconds of `time.monotonic`."""
        return time.monotonic()

    def sleep_until(self, deadline: float) -> None:
        """Sleep in the kernel until the deadline; returns at once if it has passed."""
        while (remaining := deadline - time.monotonic()) > 0:
            time.sleep(remaining)


class ManualClock:
    """A clock that moves only when told to; sleeping moves it, so simulated loops run as fast as they can."""

    def __init__(self, start: float = 0.0) -> None:
        self._now = start
        self._lock = threading.Lock()

    def now(self) -> float:
        """The time it was last moved to."""
        with self._lock:
            return self._now

    def advance(self, seconds: float) -> None:
        """Move time forward."""
        with self._lock:
            self._now += seconds

    def sleep_until(self, deadline: float) -> None:
        """Move time to the deadline at once."""
        with self._lock:
            self._now = max(self._now, deadline)
