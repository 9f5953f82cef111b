"""Ladder: what to do about a camera that stopped delivering, gentlest first. No clock, no thread, no camera.

LIVE ── no fresh frame ──> RETRY ─> RESTART ─> HARDWARE_RESET ─> REOPEN ─> NEW_PROCESS ─┐
  ^                          │         │            │              │       ^    │       │ again and
  └──── steady frames ───────┴─────────┴────────────┴──────────────┴───────┼────┴───────┘ again
                                       └── an order is not carried out ────┘  the process has ended
"""

from dataclasses import dataclass
from enum import IntEnum

from shared.errors import ConfigError


class Rung(IntEnum):
    """What is done, from the gentlest on."""

    RETRY = 1
    RESTART = 2
    HARDWARE_RESET = 3
    REOPEN = 4
    NEW_PROCESS = 5


@dataclass(frozen=True, kw_only=True)
class LadderConfig:
    """How long each thing may take."""

    frame_seconds: float = 0.5
    """A newest frame older than this is a fault."""
    start_seconds: float = 10.0
    """The first frame of a process may take this long."""
    retry_seconds: float = 0.3
    """How long the stream may come back by itself."""
    settle_seconds: float = 0.8
    """After each other step, how long until frames must come."""
    hang_seconds: float = 2.0
    """A restart that takes longer hangs: its process is ended and another started."""
    hardware_reset_seconds: float = 8.0
    """The same for a hardware reset, after which the device must be found again."""
    steady_frames: int = 3
    """So many new frames make a camera live again."""

    def __post_init__(self) -> None:
        seconds = (self.frame_seconds, self.start_seconds, self.retry_seconds, self.settle_seconds)
        if min(*seconds, self.hang_seconds, self.hardware_reset_seconds) <= 0.0 or self.steady_frames < 1:
            raise ConfigError(
                "mending a camera", f"{self} cannot be kept", "give positive seconds and frames"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What is seen of a camera.

    Attributes:
        frames: good frames since it was built, over all its processes.
        taken_seconds: when the newest of them was taken; None before the first.
        alive: whether its process runs.
        done: whether the process has carried out the last order.
    """

    frames: int
    taken_seconds: float | None
    alive: bool
    done: bool


class Ladder:
    """Follows one camera.

    Attributes:
        rung: what is being tried, None while the camera is live.
        faults: how often it stopped being live.
        since_seconds: when the present fault was seen, or the ladder began.
    """

    def __init__(self, config: LadderConfig, now: float) -> None:
        self.rung: Rung | None = Rung.NEW_PROCESS
        self.faults = 0
        self.since_seconds = now
        self._config = config
        self._began, self._frames_before = now, 0
        self._done_at: float | None = None

    def step(self, now: float, look: Look) -> Rung | None:
        """Look at the camera; returns what to do now, None for nothing."""
        if self.rung is None:
            return None if self._fresh(now, look) and look.alive else self._fault(now, look)
        if self._mended(now, look):
            self.rung = None
            return None
        if look.done and self._done_at is None:
            self._done_at = now
        upwards = self._next(now, look)
        return None if upwards is None else self._climb(upwards, now, look)

    def _fresh(self, now: float, look: Look) -> bool:
        return look.taken_seconds is not None and now - look.taken_seconds <= self._config.frame_seconds

    def _mended(self, now: float, look: Look) -> bool:
        enough = look.frames - self._frames_before >= self._config.steady_frames
        return enough and look.done and look.alive and self._fresh(now, look)

    def _fault(self, now: float, look: Look) -> Rung:
        self.faults += 1
        self.since_seconds = now
        return self._climb(Rung.RETRY if look.alive else Rung.NEW_PROCESS, now, look)

    def _climb(self, rung: Rung, now: float, look: Look) -> Rung:
        self.rung, self._began, self._done_at, self._frames_before = rung, now, None, look.frames
        return rung

    def _next(self, now: float, look: Look) -> Rung | None:
        rung, config = self.rung, self._config
        assert rung is not None
        if rung is Rung.NEW_PROCESS:
            return rung if now - self._began > config.start_seconds else None
        if not look.alive:
            return Rung.NEW_PROCESS
        if self._done_at is None:
            long = config.hardware_reset_seconds if rung is Rung.HARDWARE_RESET else config.hang_seconds
            return Rung.NEW_PROCESS if now - self._began > long else None
        patience = config.retry_seconds if rung is Rung.RETRY else config.settle_seconds
        return Rung(rung + 1) if now - self._done_at > patience else None
