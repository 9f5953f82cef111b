"""The Franka hand on a Panda, through panda-python's own connection to it."""

import logging
from dataclasses import dataclass
from typing import Any

import numpy as np
from panda_py import libfranka

from robot_env.server.drivers.base import HandState
from robot_env.server.drivers.panda import reaching
from shared.clock import Clock, SystemClock
from shared.errors import ConfigError

log = logging.getLogger(__name__)

ANY_WIDTH_M = 0.1
STILL_M = 5e-5


@dataclass(frozen=True, kw_only=True)
class PandaHandConfig:
    """Settings of the Franka hand of a Panda."""

    host: str = "172.16.0.2"
    """Address of the arm's controller."""

    def __post_init__(self) -> None:
        if not self.host:
            raise ConfigError(
                "Franka hand", "no host is given", "give the controller's address, as 172.16.0.2"
            )

    def build(self) -> "PandaHand":
        """Connect; DriverLost where there is no hand."""
        with reaching(self.host):
            hand = libfranka.Gripper(self.host)
        return PandaHand(hand, self.host, SystemClock())


class PandaHand:
    """One hand. `stop` and `read` may be called while another call blocks."""

    def __init__(self, hand: Any, host: str, clock: Clock) -> None:
        self._hand, self._host, self._clock = hand, host, clock
        self._width_m = np.nan
        with reaching(host):
            self._max_width_m = float(hand.read_once().max_width)

    @property
    def max_width_m(self) -> float:
        """Fully open, as the last homing found it."""
        return self._max_width_m

    def home(self) -> None:
        """Open and close once: needed after power-up and after the fingers were changed."""
        with reaching(self._host):
            self._hand.homing()
            self._max_width_m = float(self._hand.read_once().max_width)

    def move(self, width_m: float, speed_m_s: float) -> None:
        """Move the fingers."""
        with reaching(self._host):
            self._hand.move(min(width_m, self._max_width_m), speed_m_s)

    def grasp(self, force_n: float, speed_m_s: float) -> None:
        """Close on whatever is there, and hold it."""
        with reaching(self._host):
            self._hand.grasp(0.0, speed_m_s, force_n, ANY_WIDTH_M, ANY_WIDTH_M)

    def stop(self) -> None:
        """End its motion."""
        with reaching(self._host):
            self._hand.stop()

    def read(self) -> HandState:
        """Width now; it moves while the width differs from that of the last call."""
        with reaching(self._host):
            width = float(self._hand.read_once().width)
        moving = abs(width - self._width_m) > STILL_M
        self._width_m = width
        return HandState(width_m=width, moving=moving, time_seconds=self._clock.now())

    def close(self) -> None:
        """The library disconnects with the process; nothing moves by itself until then."""
