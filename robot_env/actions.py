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
from robot_env.geometry import TOOL_DOWN, Pose, rotation_from_vector, vector_from_rotation
from robot_env.tasks.base import TaskSettings
from shared.errors import NonFiniteError
from shared.interface import ActionEntry
from shared.step import Action


def action_entries(settings: TaskSettings) -> tuple[ActionEntry, ...]:
    """Translation along the base axes, rotation about the vertical, gripper: those the task uses."""
    step, turn = settings.translation_limit_m, settings.rotation_limit_rad
    entries = [ActionEntry(name="translation_base", low=(-step,) * 3, high=(step,) * 3, unit="m")]
    if turn > 0:
        entries.append(ActionEntry(name="rotation_z_base", low=(-turn,), high=(turn,), unit="rad"))
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
    """The set-point that an action asks for: the tool upright, whatever contact has done to it.

    Where the task does not turn the tool its heading is 0, else the measured one plus the action's.
    """
    displacement = action[:3].astype(np.float64) * settings.translation_limit_m
    heading = 0.0
    if settings.rotation_limit_rad > 0:
        measured = math.atan2(arm.tcp.rotation[1, 0], arm.tcp.rotation[0, 0])
        heading = measured + float(action[3]) * settings.rotation_limit_rad
    upright = rotation_from_vector((0.0, 0.0, heading)) @ TOOL_DOWN
    return Pose(arm.tcp.position_m + displacement, upright)


def wanted_opening(action: Action, opening: bool, settings: TaskSettings) -> bool:
    """Whether the gripper should be open, given what it was told before."""
    value = float(action[-1])
    return opening if abs(value) < settings.gripper_band else value > 0


def executed_command(
    before: ArmState, target: Pose, opening: bool | None, settings: TaskSettings
) -> NDArray[np.float32]:
    """What was sent, in the order and units of `action_entries`; the gripper as 1 open, -1 closed."""
    executed = list(target.position_m - before.tcp.position_m)
    if settings.rotation_limit_rad > 0:
        executed.append(vector_from_rotation(target.rotation @ before.tcp.rotation.T)[2])
    if opening is not None:
        executed.append(1.0 if opening else -1.0)
    return np.array(executed, dtype=np.float32)
