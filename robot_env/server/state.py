"""What the robot server tells its clients: its state, and events with a cause."""

from dataclasses import dataclass
from typing import Literal

from robot_env.arms.base import ArmState
from robot_env.geometry import Vector

Mode = Literal["ready", "moving", "holding", "resetting", "guiding", "reflex", "user_stop", "link_lost"]
"""ready: at rest, no motion runs, `enable` starts one; moving: follows set-points; holding: kept at a fixed
pose; resetting: a supervised procedure runs; guiding: led by hand; reflex: an error stopped the arm;
user_stop: its enabling device is released; link_lost: the server cannot reach the arm."""

EventKind = Literal[
    "mode",
    "watchdog_hold",
    "watchdog_stop",
    "reflex",
    "recovered",
    "recovery_refused",
    "limited",
    "guard",
    "reset_done",
    "reset_failed",
    "link_lost",
    "link_restored",
    "control_taken",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class HandReading:
    """The gripper: width, its rate, what it was told, and how old the width is."""

    width_m: float
    speed_m_s: float
    opening: bool
    age_seconds: float
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RobotState:
    """One measurement.

    Attributes:
        number: counts measurements of one life of the server.
        time_seconds: capture time on the receiver's monotonic clock.
        arm: pose, twist, contact force and joints, base frame.
        torque_nm: (3,) contact torque, base frame.
        joint_velocities_rad_s, jacobian: (7,) and (6, 7).
        gripper: None where the server drives none.
        mode: of the state machine.
        reason: why it is in that mode, where there is something to say.
        command_success_rate: in [0, 1].
    """

    number: int
    time_seconds: float
    arm: ArmState
    torque_nm: Vector
    joint_velocities_rad_s: Vector
    jacobian: Vector
    gripper: HandReading | None
    mode: Mode
    reason: str
    command_success_rate: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RobotEvent:
    """Something happened: what, why, and when on the receiver's monotonic clock."""

    kind: EventKind
    detail: str
    time_seconds: float
