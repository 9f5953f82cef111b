"""A source that fails as cameras do, to rehearse it: after a while, until the right thing is done."""

import os
import time
from dataclasses import dataclass
from typing import Literal

from robot_env.cameras.base import Intrinsics
from robot_env.cameras.ladder import Rung
from robot_env.cameras.source_config import Life
from robot_env.cameras.sources.base import RawFrame, Source, SourceFault
from shared.errors import ConfigError

CURES = ("nothing", "restart", "hardware_reset", "reopen", "new_process")


@dataclass(frozen=True, kw_only=True)
class FaultConfig:
    """One fault to rehearse."""

    kind: Literal["none", "frozen", "dead", "lying", "hung", "crash", "unplugged"] = "none"
    """frozen: one frame again and again; dead: no more frames; lying: numbers go back; hung: reading never
    returns; crash: the process ends; unplugged: the device is gone."""
    after_seconds: float = 3.0
    """When it begins, from the camera's first frame; 0 is before there is any."""
    cured_by: str = "restart"
    """What ends it: nothing, restart, hardware_reset, reopen or new_process; what is stronger does too."""
    lasts_seconds: float = float("inf")
    """It ends by itself after so long."""

    def __post_init__(self) -> None:
        if self.cured_by not in CURES:
            raise ConfigError(
                "rehearsing a camera's fault",
                f"nothing is called {self.cured_by!r}",
                f"choose of {', '.join(CURES)}",
            )
        if self.after_seconds < 0.0 or self.lasts_seconds <= 0.0:
            raise ConfigError("rehearsing a camera's fault", f"{self} never is", "give positive seconds")


class FaultySource:
    """Passes on another source, but for its fault."""

    def __init__(self, source: Source, fault: FaultConfig, life: Life) -> None:
        self._source, self._fault = source, fault
        later = fault.after_seconds > 0.0 and life.number == 0
        self._begins = float("inf") if later else life.began_seconds + fault.after_seconds
        self._cured = life.number > 0 and fault.cured_by != "nothing"
        self._last: RawFrame | None = None
        self._back = 0

    @property
    def description(self) -> str:
        """Of the source."""
        return self._source.description

    @property
    def intrinsics(self) -> Intrinsics | None:
        """Of the source."""
        return self._source.intrinsics

    @property
    def depth_scale(self) -> float:
        """Of the source."""
        return self._source.depth_scale

    def open(self) -> None:
        """Open it, where it is plugged in."""
        self._require_plugged_in()
        self._source.open()

    def read(self, seconds: float) -> RawFrame | None:
        """The next frame, or what the fault makes of it."""
        if not self._active():
            self._last = self._source.read(seconds)
            if self._last is not None and self._begins == float("inf"):
                self._begins = time.monotonic() + self._fault.after_seconds
            return self._last
        return self._fail(seconds)

    def restart(self) -> None:
        """Restart it."""
        self._try(Rung.RESTART)
        self._require_plugged_in()
        self._source.restart()

    def hardware_reset(self) -> None:
        """Reset it."""
        self._try(Rung.HARDWARE_RESET)
        self._require_plugged_in()
        self._source.hardware_reset()

    def close(self) -> None:
        """Close it: what comes before it is opened again."""
        self._try(Rung.REOPEN)
        self._source.close()

    def _active(self) -> bool:
        passed = time.monotonic() - self._begins
        return self._fault.kind != "none" and not self._cured and 0.0 <= passed < self._fault.lasts_seconds

    def _try(self, rung: Rung) -> None:
        needed = CURES.index(self._fault.cured_by)
        if self._active() and needed and rung >= Rung.RETRY + needed:
            self._cured = True

    def _fail(self, seconds: float) -> RawFrame | None:
        kind = self._fault.kind
        if kind == "crash":
            os._exit(1)
        if kind == "hung":
            while self._active():
                time.sleep(0.1)
        self._require_plugged_in()
        newest = self._source.read(seconds)
        if kind == "frozen":
            return self._last
        if kind == "lying" and newest is not None:
            self._back += 2
            return RawFrame(image=newest.image, number=newest.number - self._back, device_time_seconds=None)
        return None

    def _require_plugged_in(self) -> None:
        if self._fault.kind == "unplugged" and self._active():
            raise SourceFault("it is not connected -> plug it in")
