"""The hand of the simulated arms: two mirrored fingers, moved at a bounded speed and force, as Franka's."""

from dataclasses import dataclass

from robot_env.arms.base import Arm
from robot_env.arms.mujoco import MujocoArm
from robot_env.arms.mujoco_world import FINGERS
from robot_env.grippers.base import GripperState
from shared.errors import ConfigError

MAX_WIDTH_M = 0.08


@dataclass(frozen=True, kw_only=True)
class MujocoGripperConfig:
    """Settings of the simulated hand: force of each finger when stopped, speed of each when free."""

    force_n: float = 30.0
    finger_speed_m_s: float = 0.1

    def __post_init__(self) -> None:
        if not (0 < self.force_n <= 70 and 0 < self.finger_speed_m_s <= 0.1):
            raise ConfigError("mujoco gripper", f"{self} is beyond the hand", "use up to 70 N and 0.1 m/s")

    def build(self, arm: Arm) -> "MujocoGripper":
        """The hand of a simulated arm."""
        if not isinstance(arm, MujocoArm):
            raise ConfigError(
                "choosing the gripper",
                "it fits only the simulated arms",
                "choose both alike, or neither",
            )
        return MujocoGripper(arm, self)


class MujocoGripper:
    """Drives both fingers of a MujocoArm with a constant force against their own damping."""

    def __init__(self, arm: MujocoArm, config: MujocoGripperConfig) -> None:
        self._data = arm.world.data
        model = arm.world.model
        joints = [model.joint(name) for name in FINGERS]
        self._qpos = [int(joint.qposadr[0]) for joint in joints]
        self._dofs = [int(joint.dofadr[0]) for joint in joints]
        model.dof_damping[self._dofs] = config.force_n / config.finger_speed_m_s
        self._force_n = config.force_n
        self._opening = True

    def reset(self, opening: bool) -> None:
        """Fully open or fully closed, at rest."""
        self._data.qpos[self._qpos] = MAX_WIDTH_M / 2.0 if opening else 0.0
        self._data.qvel[self._dofs] = 0.0
        self.send(opening)

    def read(self) -> GripperState:
        """Width and its rate of change, from the fingers."""
        return GripperState(
            width_m=float(self._data.qpos[self._qpos].sum()),
            speed_m_s=float(self._data.qvel[self._dofs].sum()),
            opening=self._opening,
        )

    def send(self, opening: bool) -> None:
        """Push the fingers apart or together."""
        self._opening = opening
        self._data.qfrc_applied[self._dofs] = self._force_n if opening else -self._force_n

    def close(self) -> None:
        """Nothing is held."""
