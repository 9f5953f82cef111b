"""The bytes of every message of the robot's protocol, kept: see tests/shared/test_golden_protocol.py.

To write the files of a new version or message: `python -m tests.shared.test_golden_robot_protocol`.
"""

import typing
from pathlib import Path

import msgspec
import pytest

from shared import codec
from shared.protocol import Heartbeat, Malformed, Refuse, Unknown
from shared.robot_protocol import (
    ROBOT,
    ROBOT_PROTOCOL_VERSION,
    Compliance,
    Driver,
    Enable,
    Event,
    Failure,
    Grip,
    Guide,
    Hand,
    HoldPose,
    Leave,
    Lost,
    Measurement,
    Recover,
    Reply,
    Reset,
    ResetJoints,
    RobotHello,
    RobotMessage,
    RobotWelcome,
    SetPoint,
    Shutdown,
)

DIRECTORY = Path(__file__).resolve().parents[1] / "golden" / f"robot_protocol_v{ROBOT_PROTOCOL_VERSION}"
POSE = (0.5, 0.0, 0.25, 1.0, 0.0, 0.0, 0.0)
X, Y = (0.125, 0.0, -0.5), (0.0, 0.25, 0.0)

MESSAGES: dict[str, msgspec.Struct] = {
    "hello": RobotHello(
        protocol_version=ROBOT_PROTOCOL_VERSION,
        channel="control",
        name="actor",
        incarnation="0186a3b1c2d3e4f5-0a1b2c3d",
        control=True,
        code_version="0.1.0+g35f2f59",
    ),
    "welcome": RobotWelcome(
        description="FR3, libfranka 0.21.2, server version 10",
        heartbeat_seconds=0.25,
        lease_seconds=2.0,
        code_version="0.1.0+g35f2f59",
    ),
    "driver": Driver("FR3, libfranka 0.21.2, server version 10"),
    "measurement": Measurement(
        number=7,
        time_seconds=12.5,
        tcp=POSE,
        velocity_m_s=X,
        angular_velocity_rad_s=Y,
        force_n=Y,
        torque_nm=X,
        joints_rad=(0.0, -0.5, 0.0, -2.25, 0.0, 1.75, 0.75),
        joint_velocities_rad_s=(0.125,) * 7,
        jacobian=(1.0, 0.0, 0.5),
        hand=Hand(0.0625, -0.125, False, 0.015625, ""),
        mode="moving",
        reason="",
        command_success_rate=1.0,
    ),
    "lost": Lost("the connection to the arm hung for 5.0 s: killed"),
    "event": Event("reflex", "cartesian_reflex", 12.5),
    "set_point": SetPoint(POSE, 12.5, 0.125),
    "hold_pose": HoldPose(),
    "grip": Grip(True),
    "leave": Leave(),
    "enable": Enable(1),
    "compliance": Compliance(
        request=2,
        stiffness_n_m=2000.0,
        damping_ns_m=89.0,
        clip_m=(0.0078125, 0.0078125, 0.0078125),
        rotational_stiffness_nm_rad=150.0,
        rotational_damping_nms_rad=7.0,
        rotational_clip_rad=(0.0625, 0.0625, 0.0625),
        posture_stiffness_nm_rad=0.25,
        posture_damping_nms_rad=0.125,
    ),
    "reset": Reset(3, POSE, 20.0),
    "reset_joints": ResetJoints(4, 30.0),
    "recover": Recover(5, True),
    "guide": Guide(6, False),
    "reply": Reply(7, Failure("fault", "reset", "the arm did not arrive", "look what is in its way")),
    "shutdown": Shutdown(),
    "heartbeat": Heartbeat(12.5, 12.25),
    "malformed": Malformed("a header of 5 bytes is not a message"),
    "refuse": Refuse("superseded", "another client controls the arm", "end it first"),
    "unknown": Unknown(),
}


def test_every_message_has_its_bytes() -> None:
    assert {type(message) for message in MESSAGES.values()} == set(typing.get_args(RobotMessage))
    assert {path.stem for path in DIRECTORY.glob("*.bin")} == set(MESSAGES)


@pytest.mark.parametrize("name", MESSAGES)
def test_todays_code_reads_them_and_writes_them_again(name: str) -> None:
    data = (DIRECTORY / f"{name}.bin").read_bytes()
    assert codec.decode_with(ROBOT.decoder, data) == MESSAGES[name]
    assert codec.encode(MESSAGES[name]) == data


if __name__ == "__main__":
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    for name, message in MESSAGES.items():
        if not (path := DIRECTORY / f"{name}.bin").exists():
            path.write_bytes(codec.encode(message))
