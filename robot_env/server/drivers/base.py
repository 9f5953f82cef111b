"""What drives an arm inside the robot server: the seam between the servo and a vendor's library.

A driver lives in a child process that the server can kill, and is called by one thread there, the servo's.
No call waits for a motion to end; each returns within a fraction of a second or the child is killed.
"""

from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np

from robot_env.arms.base import Impedance
from robot_env.geometry import Pose, Vector

Activity = Literal["idle", "tracking", "travelling", "guiding", "reflex", "user_stop"]
"""idle: no motion runs; tracking: the impedance loop; travelling: point to point; guiding: led by hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverState:
    """What the library reports now.

    Attributes:
        tcp: tool centre point, base frame.
        velocity_m_s, angular_velocity_rad_s: (3,) of the tool, base frame.
        force_n, torque_nm: (3,) that the surroundings exert on the tool, base frame, without its weight.
        joints_rad, joint_velocities_rad_s: (7,) or as many as the arm has.
        jacobian: (6, joints) of the tool, base frame, translation first.
        activity: what it is doing.
        errors: the vendor's names of the errors that stopped it, while it is in `reflex`.
        command_success_rate: share of the last commands that reached the arm in time, in [0, 1].
        time_seconds: when it was measured, on this computer's monotonic clock.
    """

    tcp: Pose
    velocity_m_s: Vector
    angular_velocity_rad_s: Vector
    force_n: Vector
    joints_rad: Vector
    activity: Activity
    time_seconds: float
    torque_nm: Vector = field(default_factory=lambda: np.zeros(3))
    joint_velocities_rad_s: Vector = field(default_factory=lambda: np.zeros(0))
    jacobian: Vector = field(default_factory=lambda: np.zeros((6, 0)))
    errors: tuple[str, ...] = ()
    command_success_rate: float = 1.0


class Driver(Protocol):
    """One arm, connected. Every method may raise DriverLost (the connection is gone: build another)."""

    @property
    def description(self) -> str:
        """Arm, library and versions in a few words, as in `FR3, libfranka 0.21.2, server version 10`."""
        ...

    def read(self) -> DriverState:
        """The newest measurement, at most a few ms old."""
        ...

    def engage(self, impedance: Impedance) -> None:
        """Begin tracking, the reference at the measured pose; the gains rise from zero to those given."""
        ...

    def track(self, reference: Pose) -> None:
        """The impedance loop's new reference. Called at the servo's rate, and already smooth."""
        ...

    def travel(self, target: Pose, speed_share: float) -> None:
        """Begin a motion straight to a pose, exact at its end, at a share of the arm's own limits."""
        ...

    def travel_joints(self, joints_rad: Vector, speed_share: float) -> None:
        """Begin a motion to joint angles."""
        ...

    def guide(self) -> None:
        """Be led by hand: no stiffness, gravity compensated."""
        ...

    def stop(self) -> None:
        """End whatever motion runs, at rest; `read` says idle once it has."""
        ...

    def recover(self) -> None:
        """Clear the errors of a reflex. Whether that is right is the server's decision."""
        ...

    def close(self) -> None:
        """Stop and disconnect; harmless twice."""
        ...


class DriverConfig(Protocol):
    """Settings of a driver, and how to connect. Building may hang: the server does it in the child."""

    def build(self) -> Driver:
        """A connected driver; DriverLost where there is no arm, with the cause and its cure."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class HandState:
    """What a gripper's driver reports: the width between the fingers, and whether they still move."""

    width_m: float
    moving: bool
    time_seconds: float


class HandDriver(Protocol):
    """One gripper. Its calls may block for as long as a motion takes: a thread of its own makes them."""

    @property
    def max_width_m(self) -> float:
        """Fully open."""
        ...

    def home(self) -> None:
        """Find its limits."""
        ...

    def move(self, width_m: float, speed_m_s: float) -> None:
        """Move the fingers, without force."""
        ...

    def grasp(self, force_n: float, speed_m_s: float) -> None:
        """Close until something resists; closing on nothing is no error."""
        ...

    def stop(self) -> None:
        """End the motion; may be called while another call blocks."""
        ...

    def read(self) -> HandState:
        """The newest measurement."""
        ...

    def close(self) -> None:
        """Disconnect; harmless twice."""
        ...


class HandDriverConfig(Protocol):
    """Settings of a gripper's driver, and how to connect."""

    def build(self) -> HandDriver:
        """A connected driver."""
        ...
