"""The gripper that a robot server drives beside its arm: Franka's hand, a Robotiq, or a simulated one."""

from dataclasses import dataclass
from typing import ClassVar

from robot_env.arms.base import Arm
from robot_env.arms.franka import FrankaArm
from robot_env.grippers.base import GripperState
from robot_env.server.state import HandReading
from shared.clock import Clock, SystemClock
from shared.errors import ConfigError, RobotFault

STAGE = "franka gripper"
LOOK_SECONDS = 0.02
AT_REST_M_S = 0.002
AT_REST_SECONDS = 0.15


@dataclass(frozen=True, kw_only=True)
class FrankaGripperConfig:
    """Settings of a gripper behind a robot server; force and speed are the server's."""

    max_age_seconds: float = 1.0
    """A width older than this is a fault; Franka's hand tells its own about ten times a second."""
    reset_seconds: float = 5.0
    """A hand that is not at rest by then has failed to open or close."""

    real_time: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.max_age_seconds <= 0 or self.reset_seconds <= 0:
            raise ConfigError(STAGE, f"{self} has times that are not positive", "give seconds")

    def build(self, arm: Arm) -> "FrankaGripper":
        """The gripper beside an arm that a robot server drives."""
        if not isinstance(arm, FrankaArm):
            raise ConfigError(
                "choosing the gripper", "'franka' fits only the franka arm", "choose both alike, or neither"
            )
        if arm.await_arm().gripper is None:
            raise ConfigError(
                "choosing the gripper",
                "the robot server drives no gripper",
                "start it with --hand fr3, panda, robotiq or simulated",
            )
        return FrankaGripper(arm, self, SystemClock())


class FrankaGripper:
    """Commanded by state over the arm's own connection."""

    def __init__(self, arm: FrankaArm, config: FrankaGripperConfig, clock: Clock) -> None:
        self._client, self._config, self._clock = arm.client, config, clock

    def reset(self, opening: bool) -> None:
        """Open or close, and wait until the fingers are at rest; RobotFault where they do not come to it."""
        self._client.grip(opening)
        began = resting = self._clock.now()
        while True:
            reading, now = self._client.state().gripper, self._clock.now()
            if not (cause := self._failing(reading)) and _rests(reading, opening):
                if now - resting >= AT_REST_SECONDS:
                    return
            else:
                resting = now
            if now - began >= self._config.reset_seconds:  # until then it may overcome an earlier failure
                cause = cause or f"the fingers did not come to rest within {self._config.reset_seconds:g} s"
                raise RobotFault(STAGE, cause, "look what is between them, and at the robot server's log")
            self._clock.sleep_until(now + LOOK_SECONDS)

    def read(self) -> GripperState:
        """Width, speed and what it was told; RobotFault where the width is old or the hand failed."""
        reading = self._reading()
        return GripperState(width_m=reading.width_m, speed_m_s=reading.speed_m_s, opening=reading.opening)

    def send(self, opening: bool) -> None:
        """Open or close; never waits."""
        self._client.grip(opening)

    def close(self) -> None:
        """The arm's connection is the arm's to close."""

    def _reading(self) -> HandReading:
        reading = self._client.state().gripper
        cause = self._failing(reading)
        if reading is None or cause:
            raise RobotFault(STAGE, cause, "see the robot server's log; restart it if the hand hangs")
        return reading

    def _failing(self, reading: HandReading | None) -> str:
        """Why nothing can be said of the fingers, or empty."""
        if reading is None:
            return "it is not driven"
        fresh = 0 <= reading.age_seconds <= self._config.max_age_seconds
        return reading.fault or ("" if fresh else "its width is old")


def _rests(reading: HandReading | None, opening: bool) -> bool:
    return reading is not None and reading.opening == opening and abs(reading.speed_m_s) <= AT_REST_M_S
