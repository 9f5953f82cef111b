"""The Franka hand on an FR3, through franky-control's own connection to it."""

import logging
from dataclasses import dataclass

import franky
import numpy as np

from robot_env.server.drivers.base import HandState
from robot_env.server.drivers.franky_calls import STOPPED, reaching
from shared.clock import Clock, SystemClock
from shared.errors import ConfigError

log = logging.getLogger(__name__)

DEVICE = "Franka hand"
ANY_WIDTH_M = 0.1
STILL_M = 5e-5


@dataclass(frozen=True, kw_only=True)
class FR3HandConfig:
    """Settings of the Franka hand of an FR3."""

    host: str = "172.16.0.2"
    """Address of the arm's controller."""

    def __post_init__(self) -> None:
        if not self.host:
            raise ConfigError(DEVICE, "no host is given", "give the controller's address, as 172.16.0.2")

    def build(self) -> "FR3Hand":
        """Connect; DriverLost where there is no hand."""
        return FR3Hand(self.host, SystemClock())


class FR3Hand:
    """One hand. `stop` and `read` may be called while another call blocks."""

    def __init__(self, host: str, clock: Clock) -> None:
        self._host, self._clock = host, clock
        self._width_m = np.nan
        with reaching(DEVICE, host):
            self._hand = franky.Gripper(host)
            self._max_width_m = float(self._hand.state.max_width)

    @property
    def max_width_m(self) -> float:
        """Fully open, as the last homing found it."""
        return self._max_width_m

    def home(self) -> None:
        """Open and close once: needed after power-up and after the fingers were changed."""
        with reaching(DEVICE, self._host):
            self._hand.homing()
            self._max_width_m = float(self._hand.state.max_width)

    def move(self, width_m: float, speed_m_s: float) -> None:
        """Move the fingers; what is in their way ends the motion, and that is no error."""
        with reaching(DEVICE, self._host):
            try:
                self._hand.move(min(width_m, self._max_width_m), speed_m_s)
            except STOPPED as error:
                log.info("the hand stopped on its way to %.3f m: %s", width_m, error)

    def grasp(self, force_n: float, speed_m_s: float) -> None:
        """Close on whatever is there, and hold it."""
        with reaching(DEVICE, self._host):
            try:
                self._hand.grasp(0.0, speed_m_s, force_n, ANY_WIDTH_M, ANY_WIDTH_M)
            except STOPPED as error:
                log.info("the hand stopped while closing: %s", error)

    def stop(self) -> None:
        """End its motion."""
        with reaching(DEVICE, self._host):
            self._hand.stop()

    def read(self) -> HandState:
        """Width now; it moves while the width differs from that of the last call."""
        with reaching(DEVICE, self._host):
            width = float(self._hand.state.width)
        moving = abs(width - self._width_m) > STILL_M
        self._width_m = width
        return HandState(width_m=width, moving=moving, time_seconds=self._clock.now())

    def close(self) -> None:
        """Disconnect; a grasp goes on holding."""
        if hasattr(self, "_hand"):
            del self._hand
