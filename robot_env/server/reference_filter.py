"""From set-points, a few a second and late, to a reference that is smooth at every tick.

A follower runs straight to the newest set-point at a bounded speed; the reference is its path averaged over
two windows of time. An average never leaves the hull of what it averages, so the reference never overshoots,
and from a speed below v the windows T1 = 2 v / a and T2 = 2 a / j bound its acceleration by a and its jerk by
j, whatever the set-points do. It arrives T1 + T2 after the follower does. The averages are exact for any
sequence of tick times: they integrate the follower's piecewise constant velocity against the windows'
twice-integrated kernel, E[max(0, U1 + U2 - age)] with U uniform over each window.

Rotations are filtered as rotation vectors in the frame in which the motion began; the angular speed is never
above the rotation vector's rate. Farther than 3 rad from there the coordinates end: guards refuse that.
"""

from collections import deque
from dataclasses import dataclass

import numpy as np

from robot_env.geometry import Pose, Vector, limit_length, rotation_from_vector, vector_from_rotation
from shared.errors import ConfigError

LONGEST_TICK_SECONDS = 0.05
"""Time beyond it does not count: after a stall the reference goes on, it does not catch up."""


@dataclass(frozen=True, kw_only=True)
class MotionLimits:
    """Bounds of the reference, of translation and of rotation."""

    speed_m_s: float = 0.6
    """Fastest reference."""
    acceleration_m_s2: float = 8.0
    """Its largest acceleration."""
    jerk_m_s3: float = 800.0
    """Its largest jerk."""
    turn_rad_s: float = 1.5
    """Fastest rotation of the reference."""
    turn_acceleration_rad_s2: float = 20.0
    """Its largest angular acceleration."""
    turn_jerk_rad_s3: float = 2000.0
    """Its largest angular jerk."""

    def __post_init__(self) -> None:
        values = (self.speed_m_s, self.acceleration_m_s2, self.jerk_m_s3)
        values += (self.turn_rad_s, self.turn_acceleration_rad_s2, self.turn_jerk_rad_s3)
        if not all(np.isfinite(values)) or min(values) <= 0:
            raise ConfigError("motion limits", f"{self} has values that are not positive", "use SI values")


class SmoothPath:
    """A point (3,) that follows a target with bounded speed, acceleration and jerk."""

    def __init__(self, start: Vector, speed: float, acceleration: float, jerk: float) -> None:
        self._speed = speed
        self._windows = (2.0 * speed / acceleration, 2.0 * acceleration / jerk)
        self._raw = start.copy()
        self._now = 0.0
        self._segments: deque[tuple[float, ...]] = deque()

    def step(self, target: Vector, seconds: float) -> Vector:
        """Where the reference is after another tick; `seconds` is measured, not nominal."""
        if seconds > 0.0:
            move = limit_length(target - self._raw, self._speed * seconds)
            begin, self._now = self._now, self._now + seconds
            if move.any():
                self._segments.append((begin, self._now, *(move / seconds).tolist()))
            self._raw = self._raw + move
        while self._segments and self._segments[0][1] < self._now - sum(self._windows):
            self._segments.popleft()
        if not self._segments:
            return self._raw.copy()
        segments = np.array(self._segments)
        weights = self._tail(self._now - segments[:, 1]) - self._tail(self._now - segments[:, 0])
        return self._raw - weights @ segments[:, 2:]

    def _tail(self, age: Vector) -> Vector:
        """E[max(0, U1 + U2 - age)]."""
        first, second = self._windows
        cubes = np.maximum(0.0, first + second - age) ** 3
        cubes -= np.maximum(0.0, first - age) ** 3 + np.maximum(0.0, second - age) ** 3
        return cubes / (6.0 * first * second)


class ReferenceFilter:
    """Position and rotation of the reference, from rest at a pose.

    Attributes:
        reference: where it is now.
        target: where it goes.
    """

    def __init__(self, limits: MotionLimits, start: Pose, now: float) -> None:
        self.reference = self.target = start
        self._origin = start.rotation
        self._then = now
        self._place = SmoothPath(
            start.position_m, limits.speed_m_s, limits.acceleration_m_s2, limits.jerk_m_s3
        )
        self._turn = SmoothPath(
            np.zeros(3), limits.turn_rad_s, limits.turn_acceleration_rad_s2, limits.turn_jerk_rad_s3
        )

    def step(self, now: float) -> Pose:
        """The reference at this time."""
        seconds = min(max(0.0, now - self._then), LONGEST_TICK_SECONDS)
        self._then = now
        position = self._place.step(self.target.position_m, seconds)
        wanted = vector_from_rotation(self._origin.T @ self.target.rotation)
        turned = rotation_from_vector(self._turn.step(wanted, seconds))
        self.reference = Pose(position, self._origin @ turned)
        return self.reference
