"""Poses and rotations: 3x3 matrices inside this package; quaternions say their order in the name.

Rotation vectors (axis times angle, rad) are for actions and differences, 6D (the first two columns of the
matrix, Zhou et al. 2019, arXiv 1812.07035) for observations. Never Euler angles.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

TOOL_DOWN: Matrix = np.diag([1.0, -1.0, -1.0])
TOOL_DOWN.flags.writeable = False


@dataclass(frozen=True, slots=True)
class Pose:
    """A frame in the arm's base frame: `position_m` (3,), `rotation` (3, 3), columns are its axes."""

    position_m: Vector
    rotation: Matrix

    @classmethod
    def of(cls, position_m: ArrayLike, rotation: ArrayLike | None = None) -> "Pose":
        """A pose from anything array-like; upright where no rotation is given."""
        matrix = np.eye(3) if rotation is None else np.array(rotation, dtype=np.float64)
        return cls(np.array(position_m, dtype=np.float64), matrix)


def rotation_from_vector(vector_rad: ArrayLike) -> Matrix:
    """Rodrigues' formula: the rotation about a vector (3,) by its length in rad."""
    x, y, z = (float(element) for element in np.asarray(vector_rad))
    skew = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    angle = math.sqrt(x * x + y * y + z * z)
    if angle < 1e-8:
        return np.eye(3) + skew + skew @ skew / 2.0
    return np.eye(3) + math.sin(angle) / angle * skew + (1.0 - math.cos(angle)) / angle**2 * (skew @ skew)


def vector_from_rotation(rotation: Matrix) -> Vector:
    """The shortest rotation vector (3,) of a rotation, length in [0, pi] rad."""
    w, x, y, z = quaternion_wxyz(rotation)
    sine = math.sqrt(x * x + y * y + z * z)
    scale = 2.0 if sine < 1e-9 else 2.0 * math.atan2(sine, w) / sine
    return np.array([x * scale, y * scale, z * scale])


def quaternion_wxyz(rotation: Matrix) -> Vector:
    """The unit quaternion (4,) of a rotation, w first and never negative (Shepperd's method)."""
    r = rotation
    squares = np.array(
        [
            1.0 + r[0, 0] + r[1, 1] + r[2, 2],
            1.0 + r[0, 0] - r[1, 1] - r[2, 2],
            1.0 - r[0, 0] + r[1, 1] - r[2, 2],
            1.0 - r[0, 0] - r[1, 1] + r[2, 2],
        ]
    )
    largest = int(np.argmax(squares))
    sums = (
        (squares[0], r[2, 1] - r[1, 2], r[0, 2] - r[2, 0], r[1, 0] - r[0, 1]),
        (r[2, 1] - r[1, 2], squares[1], r[1, 0] + r[0, 1], r[0, 2] + r[2, 0]),
        (r[0, 2] - r[2, 0], r[1, 0] + r[0, 1], squares[2], r[2, 1] + r[1, 2]),
        (r[1, 0] - r[0, 1], r[0, 2] + r[2, 0], r[2, 1] + r[1, 2], squares[3]),
    )
    quaternion = np.array(sums[largest]) / (2.0 * math.sqrt(squares[largest]))
    return -quaternion if quaternion[0] < 0 else quaternion


def six_d(rotation: Matrix) -> Vector:
    """The first two columns (6,) of a rotation: continuous, so networks can use it."""
    return np.concatenate([rotation[:, 0], rotation[:, 1]])


def rotation_from_six_d(columns: ArrayLike) -> Matrix:
    """The rotation whose first two columns these (6,) are nearly: by Gram and Schmidt, as Zhou et al. do."""
    first, second = np.asarray(columns, dtype=np.float64).reshape(2, 3)
    x = first / np.linalg.norm(first)
    y = second - x * (x @ second)
    y /= np.linalg.norm(y)
    return np.column_stack([x, y, np.cross(x, y)])


def limit_length(vector: Vector, limit: float) -> Vector:
    """The vector, shortened to `limit` where it is longer."""
    length = float(np.linalg.norm(vector))
    return vector if length <= limit else vector * (limit / length)
