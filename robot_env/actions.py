"""From an action in policy units to a command in SI units, and what is recorded of it.

The set-point is the measured pose at the start of the period plus the bounded displacement, so what an
action does follows from the observation and nothing else. The gripper is told a state: positive opens,
negative closes, and within a small band round 0 it keeps what it was told before, which is an observation
too.
"""

import math

import numpy as np
from numpy.typing import NDArray

from robot_env.arms.base import ArmState
from robot_env.geometry import (
    TOOL_DOWN,
    Matrix,
    Pose,
    Vector,
    rotation_from_vector,
    vector_from_rotation,
)
from robot_env.relative_frame import turned
from robot_env.tasks.base import TaskSettings
from shared.errors import NonFiniteError
from shared.interface import ActionEntry
from shared.step import Action


def action_entries(settings: TaskSettings) -> tuple[ActionEntry, ...]:
    """Translation along the axes of the action frame, rotation, gripper: those the task uses."""
    step, turn, frame = settings.translation_limit_m, settings.rotation_limit_rad, settings.action_frame
    entries = [ActionEntry(name=f"translation_{frame}", low=(-step,) * 3, high=(step,) * 3, unit="m")]
    if turn > 0:
        name, size = (f"rotation_{frame}", 3) if settings.rotation == "full" else (f"rotation_z_{frame}", 1)
        entries.append(ActionEntry(name=name, low=(-turn,) * size, high=(turn,) * size, unit="rad"))
    if settings.drives_gripper:
        entries.append(ActionEntry(name="gripper", low=(-1.0,), high=(1.0,), unit="open"))
    return tuple(entries)


def admit(action: Action, size: int) -> Action:
    """The action as float32 (size,) in [-1, 1]; NonFiniteError where it is misshapen or not finite."""
    array = np.asarray(action, dtype=np.float32)
    if array.shape != (size,) or not bool(np.isfinite(array).all()):
        raise NonFiniteError(
            "stepping the environment",
            f"the action {array} is not {size} finite numbers",
            "send what the InterfaceSpec declares; nothing was moved",
        )
    return np.clip(array, -1.0, 1.0)


def wanted_pose(action: Action, arm: ArmState, settings: TaskSettings) -> Pose:
    """The set-point that an action asks for: the measured pose, moved and turned by it.

    Unless the task turns the tool about all axes, the tool is upright whatever contact has done to it: its
    heading is 0, or, where the task turns it, the measured one plus the action's.
    """
    units = action.astype(np.float64)
    moved, turn = turned(
        _axes(arm, settings),
        units[:3] * settings.translation_limit_m,
        _turn(units, settings) * settings.rotation_limit_rad,
    )
    position = arm.tcp.position_m + moved
    if settings.rotation_limit_rad > 0 and settings.rotation == "full":
        return Pose(position, rotation_from_vector(turn) @ arm.tcp.rotation)
    heading = 0.0
    if settings.rotation_limit_rad > 0:
        way = -1.0 if settings.action_frame == "tool" else 1.0  # upright, the tool's z axis points down
        measured = math.atan2(arm.tcp.rotation[1, 0], arm.tcp.rotation[0, 0])
        heading = measured + way * float(action[3]) * settings.rotation_limit_rad
    return Pose(position, rotation_from_vector((0.0, 0.0, heading)) @ TOOL_DOWN)


def _axes(arm: ArmState, settings: TaskSettings) -> Matrix:
    """The axes of the action frame, as columns in the base frame."""
    return arm.tcp.rotation if settings.action_frame == "tool" else np.eye(3)


def _turn(units: Vector, settings: TaskSettings) -> Vector:
    """The rotation (3,) within an action, in policy units; 0 where it holds none about all axes."""
    full = settings.rotation_limit_rad > 0 and settings.rotation == "full"
    return units[3:6] if full else np.zeros(3)


def wanted_opening(action: Action, opening: bool, settings: TaskSettings) -> bool:
    """Whether the gripper should be open, given what it was told before."""
    value = float(action[-1])
    return opening if abs(value) < settings.gripper_band else value > 0


def executed_command(
    before: ArmState, target: Pose, opening: bool | None, settings: TaskSettings
) -> NDArray[np.float32]:
    """What was sent, in the order and units of `action_entries`; the gripper as 1 open, -1 closed."""
    turn = vector_from_rotation(target.rotation @ before.tcp.rotation.T)
    moved, turn = turned(_axes(before, settings).T, target.position_m - before.tcp.position_m, turn)
    executed = list(moved)
    if settings.rotation_limit_rad > 0:
        executed += list(turn) if settings.rotation == "full" else [turn[2]]
    if opening is not None:
        executed.append(1.0 if opening else -1.0)
    return np.array(executed, dtype=np.float32)
