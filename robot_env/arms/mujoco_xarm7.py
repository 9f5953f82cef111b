"""The simulated UFACTORY xArm 7: another model under the controller of `robot_env.arms.mujoco`.

This is all it takes to simulate one more arm; `docs/porting.md` tells what its model file has to name.
"""

from dataclasses import dataclass
from typing import ClassVar

from robot_env.arms.arm_model import XARM7, ArmModel
from robot_env.arms.mujoco import MujocoArmConfig


@dataclass(frozen=True, kw_only=True)
class MujocoXArm7Config(MujocoArmConfig):
    """Settings of the simulated xArm 7."""

    model: ClassVar[ArmModel] = XARM7

    posture_rad: tuple[float, ...] = XARM7.home_rad
    """Joint angles that the null space returns to."""
