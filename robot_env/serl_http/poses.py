"""Poses and measurements as SERL's JSON says them: quaternions scalar last, wrenches in the tool's frame."""

import math
from typing import Any

import numpy as np

from robot_env.geometry import Matrix, Pose, Vector, quaternion_wxyz
from robot_env.serl_http.gripper_units import MAX_WIDTH_M, GripperUnits, position_from_width
from robot_env.server.state import RobotState
from shared.errors import ConfigError

STAGE = "a pose"
CURE = 'send {"arr": [x, y, z, qx, qy, qz, qw]} in m, in the base frame'
# SERL interpolates quaternions without normalising them: half way through a half turn they shrink to 0.7.
SHORTEST, LONGEST = 0.5, 1.5


def seven(pose: Pose) -> list[float]:
    """x y z qx qy qz qw."""
    w, x, y, z = quaternion_wxyz(pose.rotation).tolist()
    return [*pose.position_m.tolist(), x, y, z, w]


def pose_of(numbers: Any) -> Pose:
    """The pose of seven numbers; ConfigError where they are none."""
    values = numbers_of(numbers, 7)
    if values is None:
        raise ConfigError(STAGE, "is not seven finite numbers", CURE)
    length = float(np.linalg.norm(values[3:]))
    if not SHORTEST <= length <= LONGEST:
        raise ConfigError(STAGE, f"has a quaternion of length {length:.3g}, which is no rotation", CURE)
    return Pose(values[:3], _rotation(values[3:] / length))


def numbers_of(numbers: Any, count: int) -> Vector | None:
    """So many finite numbers as a vector; None where they are not."""
    if not isinstance(numbers, list) or len(numbers) != count:
        return None
    if not all(isinstance(n, int | float) and not isinstance(n, bool) and abs(n) < 1e6 for n in numbers):
        return None
    return np.array(numbers, np.float64)


def euler_xyz(rotation: Matrix) -> Vector:
    """Roll, pitch and yaw (3,) in rad about fixed axes, as scipy's "xyz"; only for this protocol."""
    pitch = math.asin(min(max(-float(rotation[2, 0]), -1.0), 1.0))
    if abs(rotation[2, 0]) > 1.0 - 1e-9:  # only the difference of roll and yaw shows
        return np.array([0.0, pitch, math.atan2(-float(rotation[0, 1]), float(rotation[1, 1]))])
    roll = math.atan2(float(rotation[2, 1]), float(rotation[2, 2]))
    return np.array([roll, pitch, math.atan2(float(rotation[1, 0]), float(rotation[0, 0]))])


def state_json(state: RobotState, units: GripperUnits, max_width_m: float = MAX_WIDTH_M) -> dict[str, Any]:
    """What `/getstate` answers."""
    arm = state.arm
    into_tool = arm.tcp.rotation.T
    width_m = 0.0 if state.gripper is None else state.gripper.width_m
    return {
        "pose": seven(arm.tcp),
        "vel": [*arm.velocity_m_s.tolist(), *arm.angular_velocity_rad_s.tolist()],
        "force": (into_tool @ arm.force_n).tolist(),
        "torque": (into_tool @ state.torque_nm).tolist(),
        "q": arm.joints_rad.tolist(),
        "dq": state.joint_velocities_rad_s.tolist(),
        "jacobian": state.jacobian.tolist(),
        "gripper_pos": position_from_width(width_m, units, max_width_m),
    }


def _rotation(xyzw: Vector) -> Matrix:
    x, y, z, w = xyzw.tolist()
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
