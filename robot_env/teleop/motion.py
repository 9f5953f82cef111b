"""Motion: what a device wants of the tool, along the axes of the base, and the action that says so."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from robot_env.env import RobotEnv
from robot_env.geometry import Vector, rotation_from_six_d
from robot_env.relative_frame import turned
from robot_env.teleop.base import Env
from shared.interface import InterfaceSpec
from shared.step import Action, Observation


@dataclass(frozen=True, kw_only=True)
class Motion:
    """A motion of the tool centre point in policy units: 1 is the most that the task allows in one period.

    Attributes:
        translation: (3,) along the axes of the base.
        turn: (3,) about the axes of the base, right-handed.
        gripper: 1 opens, -1 closes, 0 leaves it as it is.
    """

    translation: Vector
    turn: Vector
    gripper: float = 0.0

    def along(self, interface: InterfaceSpec, seen: Observation) -> Action:
        """The action (A,) float32, unbounded, in the entries and the frame of an interface of RobotEnv.

        Args:
            interface: whose actions; a turn about axes that it does not have is left out.
            seen: holds `arm/tcp_rotation_base_6d` where the actions go along the axes of the tool.
        """
        names = [entry.name for entry in interface.actions]
        moved, turn = self.translation, self.turn
        if names[0].endswith("_tool"):
            moved, turn = turned(rotation_from_six_d(seen["arm/tcp_rotation_base_6d"]).T, moved, turn)
        parts = [moved]
        if any(name.startswith("rotation") for name in names):
            parts.append(turn[-interface.actions[1].size :])
        if "gripper" in names:
            parts.append(np.array([self.gripper]))
        return np.concatenate(parts).astype(np.float32)


def seeing(env: Env | None) -> Callable[[], Observation] | None:
    """How to look at the arm itself, whatever the policy is shown; None in worlds that are not RobotEnv."""
    world = None if env is None else env.unwrapped
    return world.see if isinstance(world, RobotEnv) else None
