"""Tap: what was pressed since it was asked for last, unless nobody asked in time, as during a pause."""

import threading

from shared.clock import Clock

ROUNDING_SECONDS = 1e-6


class Tap:
    """The newest press of something, taken once. Any thread.

    Args:
        fresh_seconds: one that waited longer is forgotten.
    """

    def __init__(self, clock: Clock, fresh_seconds: float) -> None:
        self._clock, self._fresh_seconds = clock, fresh_seconds + ROUNDING_SECONDS
        self._lock = threading.Lock()
        self._pressed_seconds, self._value = 0.0, 0.0

    def press(self, value: float) -> None:
        """It asks for this now, whatever it asked for before."""
        with self._lock:
            self._pressed_seconds, self._value = self._clock.now(), value

    def take(self) -> float:
        """What it asks for; 0 for nothing."""
        with self._lock:
            fresh = self._clock.now() - self._pressed_seconds <= self._fresh_seconds
            value, self._value = self._value, 0.0
        return value if fresh else 0.0

    def forget(self) -> None:
        """Nothing was pressed."""
        with self._lock:
            self._value = 0.0
