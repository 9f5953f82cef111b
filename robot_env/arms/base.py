"""What every arm does: it is sent Cartesian set-points and says where it is."""

from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np

from robot_env.geometry import Pose, Vector
from robot_env.scene import Scene, Vector3, World
from shared.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Impedance:
    """A Cartesian spring and damper between tool and set-point, in the set-point's axes.

    The tracking error is clipped per axis before the spring sees it, so the force that the arm can exert is
    bounded by stiffness x clip, and its free speed by that divided by the damping.
    """

    stiffness_n_m: float = 3000.0
    """Of the spring along each axis."""
    damping_ns_m: float = 180.0
    """Of the damper along each axis."""
    clip_m: Vector3 = (0.02, 0.02, 0.02)
    """Largest tracking error that the spring sees, for each axis."""
    rotational_stiffness_nm_rad: float = 150.0
    """The same about each axis."""
    rotational_damping_nms_rad: float = 8.0
    """Of the damper about each axis."""
    rotational_clip_rad: Vector3 = (0.1, 0.1, 0.1)
    """Largest error that the rotational spring sees, about each axis."""
    posture_stiffness_nm_rad: float = 10.0
    """Of each joint towards its posture, where that does not move the tool."""
    posture_damping_nms_rad: float = 4.0
    """Of each joint, likewise."""

    def __post_init__(self) -> None:
        values = (self.stiffness_n_m, self.damping_ns_m, *self.clip_m, *self.rotational_clip_rad)
        values += (self.rotational_stiffness_nm_rad, self.rotational_damping_nms_rad)
        if not all(np.isfinite(values)) or min(values) <= 0:
            raise ConfigError(
                "arm impedance", f"{self} has values that are not positive", "use positive SI values"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmState:
    """What an arm measures, in its base frame.

    Attributes:
        tcp: the tool centre point.
        velocity_m_s, angular_velocity_rad_s: (3,) of the tool.
        force_n: (3,) that the surroundings exert on the tool, without its weight.
        joints_rad: joint angles; empty where the arm has none.
    """

    tcp: Pose
    velocity_m_s: Vector
    angular_velocity_rad_s: Vector
    force_n: Vector = field(default_factory=lambda: np.zeros(3))
    joints_rad: Vector = field(default_factory=lambda: np.zeros(0))


class Arm(Protocol):
    """One arm. `world` is where its scene is and, for a simulated arm, where its time passes."""

    @property
    def world(self) -> World:
        """The world it stands in."""
        ...

    def reset(self, tcp: Pose) -> None:
        """Bring the tool to a pose, at rest; returns on arrival, HandsOnError where it cannot arrive."""
        ...

    def read(self) -> ArmState:
        """The newest measurement."""
        ...

    def send(self, target: Pose) -> None:
        """A new set-point, held until the next one."""
        ...

    def close(self) -> None:
        """Stop moving and give back what it holds; harmless twice."""
        ...


@runtime_checkable
class Recoverable(Protocol):
    """An arm that can stop by itself, such as in a collision."""

    def recover(self) -> None:
        """Clear what stopped it, with the consent of a person who has looked; RobotFault where it stays."""
        ...

    def recover_by_rules(self) -> None:
        """Clear what stopped it where that needs no person; PersonNeeded where it does."""
        ...


class ArmConfig(Protocol):
    """Settings of an arm, and how to build it."""

    def build(self, scene: Scene, impedance: Impedance, gripper_width_m: float | None) -> Arm:
        """An arm in a scene; `gripper_width_m` holds the fingers there where no gripper is driven."""
        ...
