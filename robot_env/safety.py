"""The safety envelope: every motion command passes it, and what it changed is said by name."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from robot_env.arms.base import ArmState
from robot_env.geometry import TOOL_DOWN, Matrix, Pose, Vector, rotation_from_vector, vector_from_rotation
from robot_env.scene import Vector3
from shared.errors import ConfigError

Reason = Literal["workspace", "step", "speed", "rotation", "rotation_step", "force"]
TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Bounded:
    """A set-point that may be sent, and the limits that shaped it."""

    target: Pose
    limited_by: tuple[Reason, ...]


@dataclass(frozen=True, kw_only=True)
class SafetyEnvelope:
    """Bounds on set-points, relative to what the arm measures.

    A tool found outside the workspace may stay or come back; it is never sent further out.

    Attributes:
        low_m, high_m: corners of the workspace box of the tool centre point, base frame.
        step_m: longest distance from the measured position to a set-point.
        speed_m_s: fastest mean speed that a set-point may ask for within one period.
        rotation_range_rad: largest rotation away from the tool pointing straight down.
        rotation_step_rad: largest rotation from the measured orientation to a set-point.
        force_n: above this contact force only retreating set-points pass.
    """

    low_m: Vector3
    high_m: Vector3
    step_m: float
    speed_m_s: float = 1.0
    rotation_range_rad: float = 0.6
    rotation_step_rad: float = 0.2
    force_n: float = 60.0

    def __post_init__(self) -> None:
        if not all(low < high for low, high in zip(self.low_m, self.high_m, strict=True)):
            raise ConfigError(
                "safety envelope", f"{self.low_m} to {self.high_m} is no box", "give low < high on every axis"
            )
        limits = (self.step_m, self.speed_m_s, self.rotation_range_rad, self.rotation_step_rad, self.force_n)
        if not all(np.isfinite(limits)) or min(limits) <= 0 or self.rotation_range_rad >= np.pi / 2:
            raise ConfigError(
                "safety envelope",
                f"a limit is out of range: {self}",
                "use positive, finite limits and a rotation range below pi / 2",
            )

    def bound(self, wanted: Pose, arm: ArmState, period_seconds: float) -> Bounded:
        """The nearest set-point that keeps every limit, and the limits that were reached."""
        position, why_position = self._position(wanted.position_m, arm, period_seconds)
        rotation, why_rotation = self._rotation(wanted.rotation, arm.tcp.rotation)
        return Bounded(Pose(position, rotation), why_position + why_rotation)

    def _position(
        self, wanted: Vector, arm: ArmState, period_seconds: float
    ) -> tuple[Vector, tuple[Reason, ...]]:
        measured = arm.tcp.position_m
        reasons: list[Reason] = []
        inside = np.clip(wanted, np.minimum(self.low_m, measured), np.maximum(self.high_m, measured))
        if np.abs(inside - wanted).max() > TOLERANCE:
            reasons.append("workspace")
        step = inside - measured
        length = float(np.linalg.norm(step))
        limit = min(self.step_m, self.speed_m_s * period_seconds)
        if length > limit:
            if length > limit + TOLERANCE:
                reasons.append("step" if self.step_m <= limit else "speed")
            inside = measured + step * (limit / length)
        if float(np.linalg.norm(arm.force_n)) > self.force_n and float(step @ arm.force_n) < 0:
            return measured.copy(), (*reasons, "force")
        return inside, tuple(reasons)

    def _rotation(self, wanted: Matrix, measured: Matrix) -> tuple[Matrix, tuple[Reason, ...]]:
        reasons: list[Reason] = []
        away = vector_from_rotation(TOOL_DOWN.T @ wanted)
        now = float(np.linalg.norm(vector_from_rotation(TOOL_DOWN.T @ measured)))
        limit = max(self.rotation_range_rad, now)
        if (angle := float(np.linalg.norm(away))) > limit + TOLERANCE:
            reasons.append("rotation")
            wanted = TOOL_DOWN @ rotation_from_vector(away * (limit / angle))
        turn = vector_from_rotation(measured.T @ wanted)
        if (angle := float(np.linalg.norm(turn))) > self.rotation_step_rad + TOLERANCE:
            reasons.append("rotation_step")
            wanted = measured @ rotation_from_vector(turn * (self.rotation_step_rad / angle))
        return wanted, tuple(reasons)
