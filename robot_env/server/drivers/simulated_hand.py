"""A simulated hand: a width that moves at a constant speed, and may find something between its fingers."""

import threading
from dataclasses import dataclass

from robot_env.server.drivers.base import HandState
from shared.clock import Clock, SystemClock
from shared.errors import ConfigError

LOOK_SECONDS = 0.01


@dataclass(frozen=True, kw_only=True)
class SimulatedHandConfig:
    """A hand like Franka's."""

    max_width_m: float = 0.08
    """Fully open."""
    object_width_m: float = 0.0
    """What is between its fingers; 0 is nothing."""
    slower: float = 1.0
    """Moves so many times more slowly than it is told to."""

    def __post_init__(self) -> None:
        if not 0 <= self.object_width_m < self.max_width_m or not self.slower >= 1:
            raise ConfigError("simulated hand", f"{self} is out of range", "use widths in m and slower >= 1")

    def build(self, clock: Clock | None = None) -> "SimulatedHand":
        """A new one, open."""
        return SimulatedHand(self, clock or SystemClock())


class SimulatedHand:
    """Its width follows from the clock; its calls block for as long as the motion takes."""

    def __init__(self, config: SimulatedHandConfig, clock: Clock) -> None:
        self._config, self._clock = config, clock
        self._lock = threading.Lock()
        self._start = self._goal = config.max_width_m
        self._began, self._speed = clock.now(), 1.0
        self._stopped = threading.Event()

    @property
    def max_width_m(self) -> float:
        """Fully open."""
        return self._config.max_width_m

    def home(self) -> None:
        """Close and open."""
        self.grasp(1.0, 0.1)
        self.move(self.max_width_m, 0.1)

    def move(self, width_m: float, speed_m_s: float) -> None:
        """Move to a width."""
        self._go(width_m, speed_m_s)

    def grasp(self, force_n: float, speed_m_s: float) -> None:
        """Close upon whatever is there."""
        self._go(self._config.object_width_m, speed_m_s)

    def stop(self) -> None:
        """Stay as it is."""
        width = self.read().width_m
        with self._lock:
            self._start = self._goal = width
        self._stopped.set()

    def read(self) -> HandState:
        """Where the fingers are now."""
        now = self._clock.now()
        with self._lock:
            way = self._speed * (now - self._began)
            left = max(0.0, abs(self._goal - self._start) - way)
            sign = 1.0 if self._goal >= self._start else -1.0
            return HandState(width_m=self._goal - sign * left, moving=left > 0.0, time_seconds=now)

    def close(self) -> None:
        """Stop."""
        self.stop()

    def _go(self, width_m: float, speed_m_s: float) -> None:
        start = self.read().width_m
        with self._lock:
            self._start, self._goal, self._began = start, width_m, self._clock.now()
            self._speed = speed_m_s / self._config.slower
        self._stopped.clear()
        while self.read().moving and not self._stopped.is_set():
            self._clock.sleep_until(self._clock.now() + LOOK_SECONDS)
