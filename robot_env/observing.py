"""What every task sees of its arm and gripper: which entries, and their values."""

import numpy as np

from robot_env.arms.base import ArmState
from robot_env.geometry import TOOL_DOWN, Pose, six_d
from robot_env.grippers.base import GripperState
from robot_env.relative_frame import seen_from
from robot_env.tasks.base import TaskSettings
from shared.interface import ObservationEntry
from shared.step import Observation


def _entry(name: str, bound: float, offset: tuple[float, ...], scale: tuple[float, ...]) -> ObservationEntry:
    return ObservationEntry(
        name=name, shape=(len(offset),), dtype="float32", low=-bound, high=bound, offset=offset, scale=scale
    )


def arm_entries(settings: TaskSettings) -> tuple[ObservationEntry, ...]:
    """Position and velocity; orientation and turning only where the task turns; the gripper if driven."""
    frame, (centre, half) = settings.pose_frame, _extent(settings)
    speed = (settings.translation_limit_m * settings.control_hz,) * 3
    entries = [
        _entry(f"arm/tcp_position_{frame}_m", 2.0, centre, half),
        _entry(f"arm/tcp_velocity_{frame}_m_s", 10.0, (0.0,) * 3, speed),
    ]
    if settings.rotation_limit_rad > 0:
        middle = tuple(six_d(TOOL_DOWN if frame == "base" else np.eye(3)).tolist())
        turning = settings.rotation_limit_rad * settings.control_hz
        entries.append(_entry(f"arm/tcp_rotation_{frame}_6d", 1.01, middle, (0.3,) * 6))
        entries.append(_entry(f"arm/tcp_angular_velocity_{frame}_rad_s", 50.0, (0.0,) * 3, (turning,) * 3))
    if settings.drives_gripper:
        entries.append(_entry("gripper/width_m", 0.2, (0.04,), (0.04,)))
        entries.append(_entry("gripper/speed_m_s", 5.0, (0.0,), (0.2,)))
        entries.append(_entry("gripper/command", 1.0, (0.0,), (1.0,)))
    return tuple(entries)


def _extent(settings: TaskSettings) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Where positions are and how far they spread; the axes of a start may point anywhere."""
    low, high = np.array(settings.envelope.low_m), np.array(settings.envelope.high_m)
    if settings.pose_frame == "reset":
        return (0.0,) * 3, (float((high - low).max()) / 2,) * 3
    return tuple(((high + low) / 2).tolist()), tuple(((high - low) / 2).tolist())


def arm_values(
    settings: TaskSettings, arm: ArmState, gripper: GripperState | None, began: Pose
) -> Observation:
    """The values of `arm_entries`, float32; `gripper/command` is 1 told to open, -1 told to close.

    `began` is the tool's pose at the start of the episode, in the base frame.
    """
    frame = settings.pose_frame
    arm = seen_from(arm, began) if frame == "reset" else arm
    values = {
        f"arm/tcp_position_{frame}_m": arm.tcp.position_m,
        f"arm/tcp_velocity_{frame}_m_s": arm.velocity_m_s,
    }
    if settings.rotation_limit_rad > 0:
        values[f"arm/tcp_rotation_{frame}_6d"] = six_d(arm.tcp.rotation)
        values[f"arm/tcp_angular_velocity_{frame}_rad_s"] = arm.angular_velocity_rad_s
    if gripper is not None:
        values["gripper/width_m"] = np.array([gripper.width_m])
        values["gripper/speed_m_s"] = np.array([gripper.speed_m_s])
        values["gripper/command"] = np.array([1.0 if gripper.opening else -1.0])
    return {name: value.astype(np.float32) for name, value in values.items()}
