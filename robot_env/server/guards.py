"""What the robot server lets an arm do, whoever asks: the actor's own bounds come before these, not in place.

A set-point that is not a pose, or is absurdly far from the tool, is refused; one that is merely beyond a
limit is brought back to it. What the arm measures is judged too, at every tick.
"""

from dataclasses import dataclass

import numpy as np

from robot_env.arms.base import ArmState
from robot_env.geometry import TOOL_DOWN, Pose, Vector, vector_from_rotation
from robot_env.safety import SafetyEnvelope
from robot_env.scene import Vector3
from robot_env.server.drivers.base import DriverState
from shared.errors import ConfigError

ORTHONORMAL = 1e-3
FARTHEST_M = 100.0
LOW_RAD = (-2.7437, -1.7628, -2.8973, -3.0421, -2.8065, 0.5445, -2.8973)
HIGH_RAD = (2.7437, 1.7628, 2.8973, -0.1518, 2.8065, 3.7525, 2.8973)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits of every motion; the joints' are those that Panda and FR3 share."""

    low_m: Vector3 = (0.2, -0.4, 0.0)
    """Lower corner of the box that the tool centre point stays in, base frame."""
    high_m: Vector3 = (0.8, 0.4, 0.7)
    """Upper corner."""
    jump_m: float = 0.25
    """A set-point farther than this from the tool is absurd: refused."""
    jump_rad: float = 1.0
    """The same for rotation."""
    rotation_range_rad: float = 1.2
    """Largest rotation away from the tool pointing straight down."""
    force_n: float = 60.0
    """Above this contact force only retreating set-points pass."""
    speed_m_s: float = 1.2
    """A tool measured faster than this is stopped."""
    joint_low_rad: tuple[float, ...] = LOW_RAD
    """Lower limits of the joints; empty for an arm that has others."""
    joint_high_rad: tuple[float, ...] = HIGH_RAD
    """Upper limits."""
    joint_margin_rad: float = 0.05
    """Nearer than this to a limit, a joint only turns away from it."""

    def __post_init__(self) -> None:
        self.envelope()
        if not (self.jump_m > 0 and self.jump_rad > 0 and self.speed_m_s > 0 and self.joint_margin_rad >= 0):
            raise ConfigError("limits", f"{self} has values that are not positive", "use positive SI values")
        if len(self.joint_low_rad) != len(self.joint_high_rad):
            raise ConfigError(
                "limits", "joint_low_rad and joint_high_rad differ in length", "give one of each a joint"
            )

    def envelope(self) -> SafetyEnvelope:
        """The bounds on one set-point, as an actor has them."""
        return SafetyEnvelope(
            low_m=self.low_m,
            high_m=self.high_m,
            step_m=self.jump_m,
            speed_m_s=self.jump_m,
            rotation_range_rad=self.rotation_range_rad,
            rotation_step_rad=self.jump_rad,
            force_n=self.force_n,
        )


@dataclass(frozen=True, slots=True)
class Admitted:
    """A set-point that may be followed and what shaped it, or None and why not."""

    target: Pose | None
    reasons: tuple[str, ...] = ()


class Guards:
    """Judges set-points and measurements by the limits; holds no state."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._envelope = limits.envelope()

    def admit(self, wanted: Pose, state: DriverState) -> Admitted:
        """The nearest pose within the limits; refused where no honest program would have sent it."""
        if refusal := self._absurdity(wanted, state):
            return Admitted(None, (refusal,))
        arm = ArmState(
            tcp=state.tcp,
            velocity_m_s=state.velocity_m_s,
            angular_velocity_rad_s=state.angular_velocity_rad_s,
            force_n=state.force_n,
        )
        bounded = self._envelope.bound(wanted, arm, period_seconds=1.0)
        if joint := self._joint_at_limit(bounded.target, state):
            return Admitted(None, (f"joint {joint} is at its limit",))
        return Admitted(bounded.target, bounded.limited_by)

    def require_start(self, tcp: Pose) -> None:
        """ConfigError for a pose to reset to that is outside of the workspace or turned too far."""
        inside = is_pose(tcp) and np.all(tcp.position_m >= self._limits.low_m)
        inside = inside and np.all(tcp.position_m <= self._limits.high_m)
        if not inside:
            raise ConfigError(
                "resetting the arm",
                f"{tcp.position_m.round(3)} m is outside of the robot server's workspace",
                f"stay within {self._limits.low_m} to {self._limits.high_m}, or widen its [limits]",
            )
        turn = float(np.linalg.norm(vector_from_rotation(TOOL_DOWN.T @ tcp.rotation)))
        if turn > self._limits.rotation_range_rad:
            raise ConfigError(
                "resetting the arm",
                f"the tool would be turned {turn:.2f} rad away from pointing down",
                f"stay within {self._limits.rotation_range_rad} rad, or widen the server's [limits]",
            )

    def presses(self, target: Pose, state: DriverState) -> bool:
        """Whether the tool pushes too hard, and the target leads further in."""
        if float(np.linalg.norm(state.force_n)) <= self._limits.force_n:
            return False
        return float((target.position_m - state.tcp.position_m) @ state.force_n) < 0.0

    def danger(self, state: DriverState) -> str | None:
        """Why the motion has to end now, or None."""
        if not is_pose(state.tcp):
            return "the measured pose is not finite"
        speed = float(np.linalg.norm(state.velocity_m_s))
        if not speed <= self._limits.speed_m_s:
            return f"the tool moves at {speed:.2f} m/s, the limit is {self._limits.speed_m_s:g} m/s"
        return None

    def _absurdity(self, wanted: Pose, state: DriverState) -> str | None:
        if not is_pose(wanted):
            return "the set-point is not a pose"
        far = float(np.linalg.norm(wanted.position_m - state.tcp.position_m))
        if far > self._limits.jump_m:
            return f"the set-point is {far:.3f} m away from the tool, the limit is {self._limits.jump_m:g} m"
        turn = float(np.linalg.norm(vector_from_rotation(state.tcp.rotation.T @ wanted.rotation)))
        if turn > self._limits.jump_rad:
            return f"the set-point is turned {turn:.2f} rad, the limit is {self._limits.jump_rad:g} rad"
        return None

    def _joint_at_limit(self, target: Pose, state: DriverState) -> int:
        """The joint (from 1) that is at its limit and would turn further out, or 0."""
        low, high = np.array(self._limits.joint_low_rad), np.array(self._limits.joint_high_rad)
        joints = state.joints_rad
        if len(low) != len(joints) or state.jacobian.shape != (6, len(joints)):
            return 0
        margin = self._limits.joint_margin_rad
        out = np.where(joints > high - margin, 1.0, np.where(joints < low + margin, -1.0, 0.0))
        if not out.any():
            return 0
        turning = out * _joint_step(target, state)
        return int(np.argmax(turning)) + 1 if turning.max() > 1e-6 else 0


def is_pose(pose: Pose) -> bool:
    """Finite, on this planet, and the rotation a rotation."""
    rotation = pose.rotation
    if not (np.abs(pose.position_m).max() <= FARTHEST_M and np.abs(rotation).max() <= 2.0):  # false for NaN
        return False
    return bool(np.abs(rotation @ rotation.T - np.eye(3)).max() < ORTHONORMAL and np.linalg.det(rotation) > 0)


def _joint_step(target: Pose, state: DriverState) -> Vector:
    turn = state.tcp.rotation @ vector_from_rotation(state.tcp.rotation.T @ target.rotation)
    step = np.concatenate([target.position_m - state.tcp.position_m, turn])
    return np.linalg.pinv(state.jacobian, rcond=1e-3) @ step
