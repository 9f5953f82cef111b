"""How SERL's poses, starts and stops move the arm: judged before they are sent, and never after a stop."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from robot_env.arms.base import Impedance
from robot_env.geometry import Pose, vector_from_rotation
from robot_env.serl_http.compliance import changed
from robot_env.server.state import RobotState
from shared.clock import Clock
from shared.errors import ConfigError

FAULTS = ("reflex", "user_stop", "link_lost")


@dataclass(frozen=True, kw_only=True)
class FacadeLimits:
    """What a pose may ask for, before the robot server judges it once more."""

    jump_m: float = 0.2
    """Farther than this from where the tool is now, a pose is stale or absurd."""
    jump_rad: float = 1.0
    """The same for rotation."""
    state_age_seconds: float = 0.2
    """An older measurement is not given out, and no pose is judged by it."""

    def __post_init__(self) -> None:
        if not min(self.jump_m, self.jump_rad, self.state_age_seconds) > 0:
            raise ConfigError("serl facade", f"{self} is out of range", "use positive values")


class Robot(Protocol):
    """What is asked of a RobotClient."""

    def peek(self) -> RobotState: ...

    def set_point(self, target: Pose) -> None: ...

    def hold(self) -> None: ...

    def enable(self) -> None: ...

    def set_impedance(self, impedance: Impedance) -> None: ...

    def reset_joints(self, timeout_seconds: float = ...) -> None: ...

    def recover(self, *, operator: bool = ..., timeout_seconds: float = ...) -> None: ...

    def grip(self, opening: bool) -> None: ...


@dataclass(kw_only=True)
class Refusal(Exception):
    """A request that is not done: HTTP status and why."""

    status: int
    reason: str


class SerlMotion:
    """Any thread may ask; what was asked for before a stop moves nothing after it."""

    def __init__(self, robot: Robot, clock: Clock, limits: FacadeLimits) -> None:
        self._robot, self._clock, self._limits = robot, clock, limits
        self._impedance, self._softened = Impedance(), False
        self._stopped, self._stops = False, 0
        self._lock, self._complying = threading.Lock(), threading.Lock()

    def state(self) -> RobotState:
        """The newest measurement; Refusal where it is old."""
        state = self._robot.peek()
        age = self._clock.now() - state.time_seconds
        if age > self._limits.state_age_seconds:
            raise Refusal(status=503, reason=f"the newest measurement is {age:.1f} s old")
        return state

    def go(self, target: Pose) -> None:
        """Go there, unless the pose is stale, absurd, or nothing may move."""
        stops, state = self._stops, self.state()
        self._require_started(stops)
        self.require_no_fault(state)
        if state.mode in ("resetting", "guiding"):
            raise Refusal(status=409, reason=f"the arm is {state.mode}")
        self._require_near(target, state)
        if state.mode == "ready":  # the watchdog ended the motion; SERL's controller would still run
            self._resume()
        with self._lock:
            self._require_started(stops)  # resuming takes a while
            self._robot.set_point(target)

    def _require_started(self, stops: int) -> None:
        """Neither stopped now, nor since there were so many stops."""
        if self._stopped or self._stops != stops:
            raise Refusal(status=400, reason="the impedance controller is stopped: POST /startimp")

    def _resume(self) -> None:
        """With the compliance that was asked for: a driver that was started anew knows only its default."""
        if self._softened:
            self._robot.set_impedance(self._impedance)
        self._robot.enable()

    def require_no_fault(self, state: RobotState) -> None:
        """Refusal where the arm is stopped, or away."""
        if state.mode in FAULTS:
            raise Refusal(status=503, reason=f"the arm is in {state.mode}: {state.reason}")

    def _require_near(self, target: Pose, state: RobotState) -> None:
        now = state.arm.tcp
        far = float(np.linalg.norm(target.position_m - now.position_m))
        turn = float(np.linalg.norm(vector_from_rotation(now.rotation.T @ target.rotation)))
        if far > self._limits.jump_m or turn > self._limits.jump_rad:
            limits = f"the limits are {self._limits.jump_m:g} m and {self._limits.jump_rad:g} rad"
            reason = f"stale or absurd: {far:.3f} m and {turn:.2f} rad from where the tool is now; {limits}"
            raise Refusal(status=400, reason=reason)

    def start(self) -> None:
        """Resume motion, the target at the tool; in vain where it is stopped meanwhile."""
        stops = self._stops
        self._resume()
        with self._lock:
            if self._stops != stops:
                raise Refusal(status=409, reason="the impedance controller was stopped meanwhile")
            self._stopped = False

    def stop(self) -> None:
        """Hold where the tool is, end a reset, and take no pose until the next start."""
        with self._lock:
            self._stopped, self._stops = True, self._stops + 1
            self._robot.hold()

    def comply(self, values: Mapping[str, Any]) -> None:
        """Another compliance."""
        with self._complying:
            impedance = changed(self._impedance, values)
            self._robot.set_impedance(impedance)
            self._impedance, self._softened = impedance, True
