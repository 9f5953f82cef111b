"""The gripper behind a lab's own SERL or HIL-SERL robot server."""

from dataclasses import dataclass
from typing import ClassVar

from robot_env.arms.base import Arm
from robot_env.arms.serl_http import SerlHttpArm
from robot_env.grippers.base import GripperState
from robot_env.serl_http.gripper_units import MAX_WIDTH_M, GripperUnits, require_units, width_from_position
from shared.clock import Clock, SystemClock
from shared.errors import ConfigError, RobotFault

STAGE = "serl_http gripper"
LOOK_SECONDS = 0.1
AT_REST_M_S = 0.005
FRESH_SECONDS = 0.05


@dataclass(frozen=True, kw_only=True)
class SerlHttpGripperConfig:
    """Settings of a gripper behind SERL's robot server; force and speed are the server's."""

    units: GripperUnits = "serl"
    """How it reports: serl (SERL with Franka's hand), serl_robotiq, or hil (HIL-SERL)."""
    max_width_m: float = MAX_WIDTH_M
    """Between the fingers when it is open."""
    reset_seconds: float = 3.0
    """A gripper that is not at rest by then has failed to open or close."""

    real_time: ClassVar[bool] = True

    def __post_init__(self) -> None:
        require_units(self.units, STAGE)
        if not (0 < self.max_width_m < 1 and self.reset_seconds > 0):
            raise ConfigError(STAGE, f"{self} is out of range", "give a width in m and seconds")

    def build(self, arm: Arm) -> "SerlHttpGripper":
        """The gripper beside an arm behind SERL's server."""
        if not isinstance(arm, SerlHttpArm):
            raise ConfigError(
                "choosing the gripper", "'serl_http' fits only the serl_http arm", "choose both, or neither"
            )
        return SerlHttpGripper(arm, self, SystemClock())


class SerlHttpGripper:
    """Commanded by state: told the same again, nothing is sent."""

    def __init__(self, arm: SerlHttpArm, config: SerlHttpGripperConfig, clock: Clock) -> None:
        self._arm, self._config, self._clock = arm, config, clock
        self._told: bool | None = None
        self._width_m, self._speed_m_s, self._seen_at = 0.0, 0.0, float("-inf")

    def reset(self, opening: bool) -> None:
        """Open or close, and wait until the fingers are at rest; RobotFault where they do not come to it."""
        self._told = None
        self.send(opening)
        deadline = self._clock.now() + self._config.reset_seconds
        calm = 0
        while calm < 2:
            self._clock.sleep_until(self._clock.now() + LOOK_SECONDS)
            calm = calm + 1 if abs(self.read().speed_m_s) < AT_REST_M_S else 0
            if calm < 2 and self._clock.now() >= deadline:
                raise RobotFault(
                    STAGE,
                    f"the fingers did not come to rest within {self._config.reset_seconds:g} s",
                    "look what is between them, and whether the units are those of the server",
                )

    def read(self) -> GripperState:
        """Width as the server said last, its rate between two measurements, and what it was told."""
        if self._clock.now() - self._arm.read_at > FRESH_SECONDS:
            self._arm.read()
        if self._arm.read_at > self._seen_at:
            self._look()
        return GripperState(width_m=self._width_m, speed_m_s=self._speed_m_s, opening=self._told is not False)

    def send(self, opening: bool) -> None:
        """Open or close; the server does not wait for it."""
        if opening == self._told:
            return
        route, answer = ("open_gripper", "Opened") if opening else ("close_gripper", "Closed")
        self._arm.connection.tell(route, None, answer)
        self._told = opening

    def close(self) -> None:
        """The connection is the arm's to close."""

    def _look(self) -> None:
        config = self._config
        width_m = width_from_position(self._arm.gripper_pos, config.units, config.max_width_m)
        if not -0.01 <= width_m <= config.max_width_m + 0.05:
            raise RobotFault(
                STAGE,
                f"gripper_pos {self._arm.gripper_pos:g} would be {width_m:.3f} m in units {config.units}",
                "give the units of this server: --gripper.units serl, serl_robotiq or hil",
            )
        seconds = self._arm.read_at - self._seen_at
        self._speed_m_s = (width_m - self._width_m) / seconds if seconds < 1.0 else 0.0
        self._width_m, self._seen_at = width_m, self._arm.read_at
