"""Impedance by panda_py's 1 kHz loop: gains that rise, and a reference within the clips."""

from dataclasses import dataclass

import numpy as np
from panda_py import controllers

from robot_env.arms.base import Impedance
from robot_env.geometry import Pose, Vector, quaternion_wxyz, rotation_from_vector, vector_from_rotation


@dataclass
class ImpedanceLoop:
    """The running impedance loop, its full gains, since when it runs and how far they have risen."""

    controller: controllers.CartesianImpedance
    impedance: Impedance
    begun: float
    risen: float = 0.0

    def raise_gains(self, now: float, gains_seconds: float) -> None:
        """From zero to the full gains within `gains_seconds`."""
        risen = min(1.0, (now - self.begun) / gains_seconds)
        if risen != self.risen:
            self.risen = risen
            self.controller.set_impedance(risen * _stiffness(self.impedance))


def clipped(reference: Pose, measured: Pose, impedance: Impedance) -> Pose:
    """The reference, at most the clips away from the measured pose, in the reference's axes."""
    axes = reference.rotation
    offset = axes.T @ (reference.position_m - measured.position_m)
    turn = vector_from_rotation(measured.rotation.T @ axes)
    offset = np.clip(offset, -np.array(impedance.clip_m), impedance.clip_m)
    turn = np.clip(turn, -np.array(impedance.rotational_clip_rad), impedance.rotational_clip_rad)
    return Pose(measured.position_m + axes @ offset, measured.rotation @ rotation_from_vector(turn))


def placed(pose: Pose) -> tuple[Vector, Vector]:
    """Position (3,) and quaternion (4,), x y z w, as panda_py takes them."""
    w, x, y, z = quaternion_wxyz(pose.rotation)
    return pose.position_m, np.array([x, y, z, w])


def damping_ratio(impedance: Impedance) -> float:
    """The library's one ratio for all axes, D = 2 ratio sqrt(K), so that translation is damped as asked."""
    return impedance.damping_ns_m / (2.0 * float(np.sqrt(impedance.stiffness_n_m)))


def _stiffness(impedance: Impedance) -> Vector:
    return np.diag([impedance.stiffness_n_m] * 3 + [impedance.rotational_stiffness_nm_rad] * 3)
