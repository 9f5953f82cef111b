"""The fingers of the fake point arm."""

from dataclasses import dataclass

from robot_env.arms.base import Arm
from robot_env.arms.point import MAX_WIDTH_M, PointArm, PointWorld
from robot_env.grippers.base import GripperState
from shared.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class PointGripperConfig:
    """It has no settings."""

    def build(self, arm: Arm) -> "PointGripper":
        """The fingers of a point arm."""
        if not isinstance(arm, PointArm):
            raise ConfigError(
                "choosing the gripper", "'point' fits only the point arm", "choose both alike, or neither"
            )
        return PointGripper(arm.world)


class PointGripper:
    """Opens and closes at a constant speed."""

    def __init__(self, world: PointWorld) -> None:
        self._world = world

    def reset(self, opening: bool) -> None:
        """Fully open or closed, at rest."""
        self._world.width_m = MAX_WIDTH_M if opening else 0.0
        self._world.finger_speed_m_s = 0.0
        self._world.opening = opening

    def read(self) -> GripperState:
        """Width, speed and what it was told."""
        world = self._world
        return GripperState(width_m=world.width_m, speed_m_s=world.finger_speed_m_s, opening=world.opening)

    def send(self, opening: bool) -> None:
        """Open or close."""
        self._world.opening = opening

    def close(self) -> None:
        """Nothing is held."""
