"""franky's 1 kHz impedance loop for the FR3, within its joint limits: stiff to track, limp to be guided."""

from dataclasses import dataclass

import franky

from robot_env.arms.base import Impedance

LOWER_RAD = (-2.7437, -1.7837, -2.9007, -3.0421, -2.8065, 0.5445, -3.0159)
UPPER_RAD = (2.7437, 1.7837, 2.9007, -0.1518, 2.8065, 4.5169, 3.0159)


@dataclass(frozen=True, kw_only=True)
class LoopLimits:
    """What bounds the torques of a loop that tracks; FR3DriverConfig tells of each."""

    torque_rate_nm: float
    gains_seconds: float
    posture_rad: tuple[float, ...]
    posture_torque_nm: float


def tracker(limits: LoopLimits, impedance: Impedance) -> franky.CartesianImpedanceTrackingMotion:
    """The impedance loop; its gains rise from nothing with the configured time constant."""
    motion = franky.CartesianImpedanceTrackingMotion(
        translational_stiffness=0.0,
        rotational_stiffness=0.0,
        posture_task=franky.PostureTask(limits.posture_rad, 0.0, 0.0, limits.posture_torque_nm),
        max_delta_tau=limits.torque_rate_nm,
        lower_joint_limits=LOWER_RAD,
        upper_joint_limits=UPPER_RAD,
        translational_error_clip=impedance.clip_m,
        rotational_error_clip=impedance.rotational_clip_rad,
        gains_time_constant=limits.gains_seconds,
    )
    motion.set_gains(
        franky.CartesianImpedanceGains.isotropic(
            impedance.stiffness_n_m,
            impedance.rotational_stiffness_nm_rad,
            impedance.damping_ns_m,
            impedance.rotational_damping_nms_rad,
        )
    )
    posture = franky.NullspaceGains()
    posture.posture_stiffness = impedance.posture_stiffness_nm_rad
    posture.posture_damping = impedance.posture_damping_nms_rad
    posture.posture_max_torque = limits.posture_torque_nm
    motion.set_nullspace_gains(posture)
    return motion


def limp(torque_rate_nm: float) -> franky.CartesianImpedanceTrackingMotion:
    """The same loop without stiffness or damping; the joint limits still push back."""
    return franky.CartesianImpedanceTrackingMotion(
        translational_stiffness=0.0,
        rotational_stiffness=0.0,
        max_delta_tau=torque_rate_nm,
        lower_joint_limits=LOWER_RAD,
        upper_joint_limits=UPPER_RAD,
    )
