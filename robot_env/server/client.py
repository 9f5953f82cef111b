"""A program's line to the robot server; every method may be called from any thread."""

import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from robot_env.arms.base import Impedance
from robot_env.geometry import Pose
from robot_env.server.client_thread import LOOK_THERE, NOT_THERE, ClientThread
from robot_env.server.requests import Requests
from robot_env.server.robot_view import RobotView
from robot_env.server.state import RobotEvent, RobotState
from robot_env.server.wire import compliance, wire_pose
from shared.clock import Clock
from shared.errors import ConfigError, HandsOnError
from shared.link.address import require_address
from shared.link.dialer import DialerConfig
from shared.robot_protocol import (
    ROBOT_PROTOCOL_VERSION,
    Enable,
    Grip,
    Guide,
    HoldPose,
    Recover,
    Reset,
    ResetJoints,
    RobotHello,
)
from shared.step import new_incarnation
from shared.version import code_version

STAGE = "robot client"
DEFAULT_ADDRESS = "tcp://127.0.0.1:5570"
QUICK_SECONDS = 3.0
LEASE_SECONDS, HEARTBEAT_SECONDS = 2.0, 0.25
LARGEST_BYTES = 1 << 16


@dataclass(frozen=True, kw_only=True)
class RobotClientConfig:
    """Where the robot server is, and how it is used."""

    address: str = DEFAULT_ADDRESS
    """Address of the robot server."""
    keys: Path | None = None
    """Directory with this host's CURVE keys; none for a server on this computer."""
    server_key: Path | None = None
    """File with the robot server's public key."""
    control_hz: float = 10.0
    """Set-points a second: without any for three periods the arm holds."""
    max_state_age_seconds: float = 0.2
    """An older measurement is a fault."""
    connect_seconds: float = 5.0
    """How long to wait for the server's answer."""
    control: bool = True
    """Whether to control the arm; without it this client only watches."""
    name: str = ""
    """Who this is: a client of the same name takes control over. Empty names host and process."""

    def __post_init__(self) -> None:
        require_address(self.address, STAGE)
        times = (self.max_state_age_seconds, self.connect_seconds)
        if not 0.5 <= self.control_hz <= 1000 or min(times) <= 0:
            raise ConfigError(STAGE, f"{self} is out of range", "use 0.5 to 1000 Hz and positive times")
        if (self.keys is None) != (self.server_key is None):
            raise ConfigError(
                STAGE,
                "only one of keys and server_key is given",
                "give this host's keys and the file of the robot server's HOST.key, or neither",
            )


class RobotClient:
    """Connected from construction to `close`; dials again by itself.

    Raises at construction:
        LinkError: no server answers in `connect_seconds`.
        Refused: it does, and another client controls the arm, or a key is not known.
    """

    def __init__(self, config: RobotClientConfig, clock: Clock) -> None:
        self._config = config
        self._requests = Requests(clock)
        self._view = RobotView(clock, config.max_state_age_seconds)
        hello = RobotHello(
            protocol_version=ROBOT_PROTOCOL_VERSION,
            channel="control",
            name=config.name or f"{socket.gethostname()}/{os.getpid()}",
            incarnation=new_incarnation(),
            control=config.control,
            code_version=code_version(),
        )
        self._thread = ClientThread(_dialer(config), hello, self._view, self._requests, clock)
        try:
            self._thread.await_welcome(config.connect_seconds)
        except HandsOnError:
            self.close()
            raise

    @property
    def description(self) -> str:
        """The driver's: arm, library and versions; empty while the server has no arm."""
        return self._view.description

    def peek(self) -> RobotState:
        """The newest measurement whatever its age and mode; RobotFault where there is none yet."""
        return self._view.peek()

    def state(self) -> RobotState:
        """The newest measurement; RobotFault where it is old, or the arm is stopped, saying why."""
        return self._view.judged()

    def set_point(self, target: Pose) -> None:
        """Go there; the newest wins, and nothing waits."""
        self._thread.set_point(wire_pose(target), 1.0 / self._config.control_hz)

    def hold(self) -> None:
        """Stay where the tool is; said again, it keeps the motion from being ended."""
        self._thread.send(HoldPose())

    def enable(self) -> None:
        """Resume motion after a stop; returns once the arm tracks. RobotFault while it is in an error."""
        self._request(Enable(0), QUICK_SECONDS)

    def set_impedance(self, impedance: Impedance) -> None:
        """Another spring and damper."""
        self._request(compliance(0, impedance), QUICK_SECONDS)

    def reset(self, tcp: Pose, timeout_seconds: float = 20.0) -> None:
        """Bring the tool to a pose, at rest and held; returns on arrival.

        Raises:
            RobotFault: it did not arrive, and why.
            ConfigError: the pose is out of the workspace.
        """
        self._request(Reset(0, wire_pose(tcp), timeout_seconds), timeout_seconds + QUICK_SECONDS)

    def reset_joints(self, timeout_seconds: float = 30.0) -> None:
        """Bring the joints to the posture that the server was configured with."""
        self._request(ResetJoints(0, timeout_seconds), timeout_seconds + QUICK_SECONDS)

    def recover(self, *, operator: bool = False, timeout_seconds: float = 5.0) -> None:
        """Clear an error; RobotFault where the rules do not allow it, or it stays."""
        self._request(Recover(0, operator), timeout_seconds)

    def grip(self, opening: bool) -> None:
        """Open or close; told the same again, it goes on as it was. Never waits."""
        self._thread.send(Grip(opening))

    def guide(self, on: bool) -> None:
        """Be led by hand, or no longer."""
        self._request(Guide(0, on), QUICK_SECONDS)

    def events(self) -> list[RobotEvent]:
        """What happened since the last call, oldest first."""
        return self._view.events()

    def close(self) -> None:
        """Hold, leave and disconnect; harmless twice."""
        self._thread.close()
        self._requests.fail("the client was closed", "build another")

    def _request(self, message: Any, timeout_seconds: float) -> None:
        number = self._requests.open()
        if not self._thread.send(msgspec.structs.replace(message, request=number)):
            self._requests.fail(NOT_THERE, LOOK_THERE)
        self._requests.wait(number, type(message).__name__, timeout_seconds)


def _dialer(config: RobotClientConfig) -> DialerConfig:
    return DialerConfig(
        connect=config.address,
        keys=config.keys,
        learner_key=config.server_key,
        lease_seconds=LEASE_SECONDS,
        heartbeat_seconds=HEARTBEAT_SECONDS,
        max_message_bytes=LARGEST_BYTES,
    )
