"""What an FR3 is told once it is connected: how hard it may be touched, and where its tool is."""

from collections.abc import Sequence

import franky
import numpy as np

from robot_env.geometry import Vector, rotation_from_vector

HAND_TURN_RAD = -np.pi / 4
MOST_STATES = 200


def set_collision_limits(robot: franky.Robot, wrench: Sequence[float], torque_nm: Sequence[float]) -> None:
    """Thresholds of collisions, contacts at half of them; (6,) N and Nm on the tool, (7,) Nm at joints."""
    most, torque = np.array(wrench), np.array(torque_nm)
    robot.set_collision_behavior(torque / 2, torque, most / 2, most)


def set_tool(robot: franky.Robot, tool_m: float) -> None:
    """Put the tool centre point between the fingertips of the Franka hand, `tool_m` beyond the flange."""
    mounted, tool = np.asarray(robot.state.F_T_NE.matrix), _hand(tool_m)
    robot.set_ee(list((np.linalg.inv(mounted) @ tool).flatten(order="F")))
    _await(robot, tool)


def _await(robot: franky.Robot, tool: Vector) -> None:
    """Read states until one is measured at the new tool; a pose of the old one would be a jump later."""
    for _ in range(MOST_STATES):
        if np.allclose(robot.state.F_T_EE.matrix, tool, atol=1e-5):
            return
    raise franky.CommandException("the arm does not take the tool frame")


def _hand(tool_m: float) -> Vector:
    """The fingertips seen from the flange: the hand is mounted an eighth of a turn to the left."""
    frame = np.eye(4)
    frame[:3, :3] = rotation_from_vector((0.0, 0.0, HAND_TURN_RAD))
    frame[2, 3] = tool_m
    return frame
