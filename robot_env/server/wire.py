"""Poses, states, events and failures to the robot's messages and back."""

import numpy as np

from robot_env.arms.base import ArmState, Impedance
from robot_env.geometry import Pose, Vector, quaternion_wxyz
from robot_env.server.drivers.base import DriverState
from robot_env.server.state import HandReading, Mode, RobotEvent, RobotState
from shared.errors import ConfigError, HandsOnError, RobotFault
from shared.robot_protocol import Compliance, Event, Failure, Hand, Measurement, Triple, WirePose


def wire_pose(pose: Pose) -> WirePose:
    """x y z qx qy qz qw; the rotation has to be one."""
    x, y, z = (float(value) for value in pose.position_m)
    qw, qx, qy, qz = (float(value) for value in quaternion_wxyz(pose.rotation))
    return (x, y, z, qx, qy, qz, qw)


def pose_of(wire: WirePose) -> Pose:
    """The pose of seven numbers; of a quaternion that is none, the rotation is not one either."""
    x, y, z, w = wire[3:]
    norm = x * x + y * y + z * z + w * w
    scale = 2.0 / norm if 0.9 < norm < 1.1 else np.nan
    rotation = np.array(
        [
            [1.0 - scale * (y * y + z * z), scale * (x * y - z * w), scale * (x * z + y * w)],
            [scale * (x * y + z * w), 1.0 - scale * (x * x + z * z), scale * (y * z - x * w)],
            [scale * (x * z - y * w), scale * (y * z + x * w), 1.0 - scale * (x * x + y * y)],
        ]
    )
    return Pose(np.array(wire[:3]), rotation)


def measurement(
    number: int, state: DriverState, hand: HandReading | None, mode: Mode, reason: str
) -> Measurement:
    """What is sent of a driver's state."""
    return Measurement(
        number=number,
        time_seconds=state.time_seconds,
        tcp=wire_pose(state.tcp),
        velocity_m_s=_triple(state.velocity_m_s),
        angular_velocity_rad_s=_triple(state.angular_velocity_rad_s),
        force_n=_triple(state.force_n),
        torque_nm=_triple(state.torque_nm),
        joints_rad=tuple(state.joints_rad.tolist()),
        joint_velocities_rad_s=tuple(state.joint_velocities_rad_s.tolist()),
        jacobian=tuple(state.jacobian.ravel().tolist()),
        hand=None if hand is None else _hand(hand),
        mode=mode,
        reason=reason,
        command_success_rate=state.command_success_rate,
    )


def robot_state(message: Measurement, offset_seconds: float) -> RobotState:
    """The state that a message tells; `offset_seconds` is the sender's clock minus ours."""
    hand = message.hand
    return RobotState(
        number=message.number,
        time_seconds=message.time_seconds - offset_seconds,
        arm=ArmState(
            tcp=pose_of(message.tcp),
            velocity_m_s=np.array(message.velocity_m_s),
            angular_velocity_rad_s=np.array(message.angular_velocity_rad_s),
            force_n=np.array(message.force_n),
            joints_rad=np.array(message.joints_rad),
        ),
        torque_nm=np.array(message.torque_nm),
        joint_velocities_rad_s=np.array(message.joint_velocities_rad_s),
        jacobian=np.array(message.jacobian).reshape(6, -1),
        gripper=None if hand is None else _reading(hand),
        mode=message.mode,  # pyright: ignore[reportArgumentType]
        reason=message.reason,
        command_success_rate=message.command_success_rate,
    )


def robot_event(message: Event, offset_seconds: float) -> RobotEvent:
    """The event that a message tells, on our clock."""
    return RobotEvent(
        kind=message.kind,  # pyright: ignore[reportArgumentType]
        detail=message.detail,
        time_seconds=message.time_seconds - offset_seconds,
    )


def wire_event(event: RobotEvent) -> Event:
    """What is sent of an event."""
    return Event(kind=event.kind, detail=event.detail, time_seconds=event.time_seconds)


def compliance(request: int, impedance: Impedance) -> Compliance:
    """What is sent of an impedance."""
    return Compliance(
        request=request,
        stiffness_n_m=impedance.stiffness_n_m,
        damping_ns_m=impedance.damping_ns_m,
        clip_m=impedance.clip_m,
        rotational_stiffness_nm_rad=impedance.rotational_stiffness_nm_rad,
        rotational_damping_nms_rad=impedance.rotational_damping_nms_rad,
        rotational_clip_rad=impedance.rotational_clip_rad,
        posture_stiffness_nm_rad=impedance.posture_stiffness_nm_rad,
        posture_damping_nms_rad=impedance.posture_damping_nms_rad,
    )


def impedance_of(message: Compliance) -> Impedance:
    """The impedance that a message asks for; ConfigError where it is none."""
    return Impedance(
        stiffness_n_m=message.stiffness_n_m,
        damping_ns_m=message.damping_ns_m,
        clip_m=message.clip_m,
        rotational_stiffness_nm_rad=message.rotational_stiffness_nm_rad,
        rotational_damping_nms_rad=message.rotational_damping_nms_rad,
        rotational_clip_rad=message.rotational_clip_rad,
        posture_stiffness_nm_rad=message.posture_stiffness_nm_rad,
        posture_damping_nms_rad=message.posture_damping_nms_rad,
    )


def failure(error: HandsOnError) -> Failure:
    """What is sent of an error."""
    kind = "config" if isinstance(error, ConfigError) else "fault"
    return Failure(kind=kind, stage=error.stage, cause=error.cause, cure=error.cure)


def error_of(failed: Failure) -> HandsOnError:
    """The error that a message tells."""
    kind = ConfigError if failed.kind == "config" else RobotFault
    return kind(failed.stage, failed.cause, failed.cure)


def _triple(vector: Vector) -> Triple:
    x, y, z = vector.tolist()
    return (x, y, z)


def _hand(reading: HandReading) -> Hand:
    return Hand(reading.width_m, reading.speed_m_s, reading.opening, reading.age_seconds, reading.fault)


def _reading(hand: Hand) -> HandReading:
    return HandReading(
        width_m=hand.width_m,
        speed_m_s=hand.speed_m_s,
        opening=hand.opening,
        age_seconds=hand.age_seconds,
        fault=hand.fault,
    )
