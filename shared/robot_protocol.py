"""Every message between a robot server, its clients and its driver process, on one page.

A client dials the server's one port with one DEALER. The conversation:

    client                        server
    Hello          ─────────────> refuses (another client controls the arm), or
                   <───────────── Welcome                       who drives the arm
    Heartbeat      <────────────> Heartbeat                     answered at once: clocks are compared by it
                   <───────────── Measurement                   about 100 a second
                   <───────────── Lost                          in their place while there is no arm
                   <───────────── Event
    SetPoint       ─────────────>                               newest wins
    HoldPose, Grip ─────────────>
    request        ─────────────> Enable, Compliance, Reset, ResetJoints, Recover, Guide
                   <───────────── Reply                         once it is done, or why it was refused
    Leave          ─────────────>

The server passes the commands of the client that controls the arm on to its driver process, and what that
says to every client, in these same messages; `Driver` is the first from there. Poses are seven numbers,
x y z in m and qx qy qz qw, in the arm's base frame; times are seconds of the server's monotonic clock.
"""

from typing import Literal

import msgspec

from shared.link.dialect import Dialect
from shared.protocol import Channel, Heartbeat, Malformed, Refuse, Unknown

ROBOT_PROTOCOL_VERSION = 101
"""Never one of the learner's: whoever dials the wrong port is told so."""

Floats = tuple[float, ...]
Triple = tuple[float, float, float]
WirePose = tuple[float, float, float, float, float, float, float]


class RobotHello(msgspec.Struct, tag="Hello", frozen=True, kw_only=True):
    """The first message; `control` asks for the arm, without it the client only watches.

    A client of the same name and another incarnation supersedes the one before, for good.
    """

    protocol_version: int
    channel: Channel
    name: str
    incarnation: str
    control: bool
    code_version: str


class RobotWelcome(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """The server knows this client. `description` is the driver's, empty while there is no arm."""

    description: str
    heartbeat_seconds: float
    lease_seconds: float
    code_version: str


class Driver(msgspec.Struct, tag=True, frozen=True):
    """The arm is connected: what it is, and what drives it."""

    description: str


class Hand(msgspec.Struct, frozen=True, array_like=True):
    """The gripper, as `HandReading`."""

    width_m: float
    speed_m_s: float
    opening: bool
    age_seconds: float
    fault: str


class Measurement(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """The robot's state, as `RobotState`; the jacobian row by row."""

    number: int
    time_seconds: float
    tcp: WirePose
    velocity_m_s: Triple
    angular_velocity_rad_s: Triple
    force_n: Triple
    torque_nm: Triple
    joints_rad: Floats
    joint_velocities_rad_s: Floats
    jacobian: Floats
    hand: Hand | None
    mode: str
    reason: str
    command_success_rate: float


class Lost(msgspec.Struct, tag=True, frozen=True):
    """The server cannot reach the arm, and why."""

    reason: str


class Event(msgspec.Struct, tag=True, frozen=True):
    """Something happened, as `RobotEvent`."""

    kind: str
    detail: str
    time_seconds: float


class SetPoint(msgspec.Struct, tag=True, frozen=True):
    """Go there. `time_seconds` is when it was given, and the next is due `period_seconds` later."""

    pose: WirePose
    time_seconds: float
    period_seconds: float


class HoldPose(msgspec.Struct, tag=True, frozen=True):
    """Stay where the tool is; said again, it keeps the motion from being ended."""


class Grip(msgspec.Struct, tag=True, frozen=True):
    """Open or close the gripper; said again, it goes on as it was."""

    opening: bool


class Leave(msgspec.Struct, tag=True, frozen=True):
    """The client goes; another may take control at once. To the driver process: who controlled is gone."""


class Enable(msgspec.Struct, tag=True, frozen=True):
    """Resume motion after a stop."""

    request: int


class Compliance(msgspec.Struct, tag=True, frozen=True, kw_only=True):
    """The spring and damper from here on, as `Impedance`."""

    request: int
    stiffness_n_m: float
    damping_ns_m: float
    clip_m: Triple
    rotational_stiffness_nm_rad: float
    rotational_damping_nms_rad: float
    rotational_clip_rad: Triple
    posture_stiffness_nm_rad: float
    posture_damping_nms_rad: float


class Reset(msgspec.Struct, tag=True, frozen=True):
    """Bring the tool to a pose: up, over, down; done once arrival is measured."""

    request: int
    pose: WirePose
    timeout_seconds: float


class ResetJoints(msgspec.Struct, tag=True, frozen=True):
    """Bring the joints to the posture that the server was configured with."""

    request: int
    timeout_seconds: float


class Recover(msgspec.Struct, tag=True, frozen=True):
    """Clear an error, if the rules allow; `operator` says that a person has looked and agrees."""

    request: int
    operator: bool


class Guide(msgspec.Struct, tag=True, frozen=True):
    """Be led by hand, or no longer."""

    request: int
    on: bool


class Failure(msgspec.Struct, frozen=True):
    """Why a request was not done; `config`: what it asked for is out of range."""

    kind: Literal["fault", "config"]
    stage: str
    cause: str
    cure: str


class Reply(msgspec.Struct, tag=True, frozen=True):
    """A request is done, or why not."""

    request: int
    failure: Failure | None = None


class Shutdown(msgspec.Struct, tag=True, frozen=True):
    """To the driver process only: hold, stop, disconnect and exit."""


Request = Enable | Compliance | Reset | ResetJoints | Recover | Guide
Command = SetPoint | HoldPose | Grip | Request
RobotMessage = (
    RobotHello
    | RobotWelcome
    | Driver
    | Measurement
    | Lost
    | Event
    | SetPoint
    | HoldPose
    | Grip
    | Leave
    | Enable
    | Compliance
    | Reset
    | ResetJoints
    | Recover
    | Guide
    | Reply
    | Shutdown
    | Heartbeat
    | Malformed
    | Refuse
    | Unknown
)

ROBOT = Dialect(
    version=ROBOT_PROTOCOL_VERSION,
    decoder=msgspec.msgpack.Decoder(RobotMessage),
    hello=RobotHello,
    welcome=RobotWelcome,
    channels=("control",),
    server="robot server",
    client="client",
)
