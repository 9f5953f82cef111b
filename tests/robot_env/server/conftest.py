"""A kinematic arm on a clock moved by hand, a servo over it, and real servers in processes of their own."""

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from robot_env.arms.base import Impedance
from robot_env.geometry import TOOL_DOWN, Pose, rotation_from_vector, vector_from_rotation
from robot_env.server.client import RobotClient, RobotClientConfig
from robot_env.server.config import ServoConfig
from robot_env.server.drivers.base import Activity, DriverState
from robot_env.server.servo import Servo
from robot_env.server.state import RobotEvent
from shared.clock import ManualClock, SystemClock
from shared.errors import HandsOnError

TICK_SECONDS = 0.005
LAG_SECONDS = 0.03
TRAVEL_M_S = 0.5
SERVE = "import sys; from robot_env.server.main import main; sys.exit(main(sys.argv[1:]))"
READY = re.compile(r"ready on (tcp://\S+):")


class FakeArm:
    """Follows its reference with a lag, travels at a constant speed, and fails when told to."""

    description = "fake"

    def __init__(self, clock: ManualClock) -> None:
        self._clock, self._then = clock, clock.now()
        self.tcp = self.reference = Pose.of((0.45, 0.0, 0.3), TOOL_DOWN)
        self.activity: Activity = "idle"
        self.errors: tuple[str, ...] = ()
        self.force_n = np.zeros(3)
        self.velocity_m_s = np.zeros(3)
        self.joints_rad = np.array([0.0, -0.3, 0.0, -2.2, 0.0, 1.9, 0.785398])
        self.jacobian = np.eye(6, 7)
        self.calls: list[str] = []
        self.references: list[Pose] = []
        self.impedance: Impedance | None = None
        self.blocked = False
        self.jump = np.zeros(3)
        self._goal: Pose | np.ndarray | None = None

    def read(self) -> DriverState:
        now = self._clock.now()
        self._move(now - self._then)
        self._then = now
        return DriverState(
            tcp=self.tcp,
            velocity_m_s=self.velocity_m_s,
            angular_velocity_rad_s=np.zeros(3),
            force_n=self.force_n,
            joints_rad=self.joints_rad,
            joint_velocities_rad_s=np.zeros(7),
            jacobian=self.jacobian,
            activity=self.activity,
            errors=self.errors,
            time_seconds=now,
        )

    def engage(self, impedance: Impedance) -> None:
        self.calls.append("engage")
        self.impedance = impedance
        self.activity, self.reference = "tracking", Pose(self.tcp.position_m + self.jump, self.tcp.rotation)

    def track(self, reference: Pose) -> None:
        assert self.activity == "tracking"
        self.reference = reference
        self.references.append(reference)

    def travel(self, target: Pose, speed_share: float) -> None:
        self.calls.append(f"travel {target.position_m.round(3)}")
        self.activity, self._goal = "travelling", target

    def travel_joints(self, joints_rad: np.ndarray, speed_share: float) -> None:
        self.calls.append("travel_joints")
        self.activity, self._goal = "travelling", joints_rad

    def guide(self) -> None:
        self.calls.append("guide")
        self.activity = "guiding"

    def stop(self) -> None:
        self.calls.append("stop")
        if self.activity not in ("reflex", "user_stop"):
            self.activity = "idle"

    def recover(self) -> None:
        self.calls.append("recover")
        self.activity, self.errors = "idle", ()

    def close(self) -> None:
        self.calls.append("close")

    def fail(self, error: str) -> None:
        """A reflex, as the arm itself reports it."""
        self.activity, self.errors = "reflex", (error,)

    def _move(self, seconds: float) -> None:
        if self.blocked:
            return
        if self.activity == "tracking":
            share = 1.0 - float(np.exp(-seconds / LAG_SECONDS))
            turn = vector_from_rotation(self.tcp.rotation.T @ self.reference.rotation)
            step = self.reference.position_m - self.tcp.position_m
            self.tcp = Pose(
                self.tcp.position_m + share * step, self.tcp.rotation @ rotation_from_vector(share * turn)
            )
        elif self.activity == "travelling" and isinstance(self._goal, Pose):
            step = self._goal.position_m - self.tcp.position_m
            if (far := float(np.linalg.norm(step))) > TRAVEL_M_S * seconds:
                self.tcp = Pose(self.tcp.position_m + step * (TRAVEL_M_S * seconds / far), self.tcp.rotation)
            else:
                self.tcp, self.activity = self._goal, "idle"
        elif self.activity == "travelling" and isinstance(self._goal, np.ndarray):
            self.joints_rad, self.activity = self._goal.copy(), "idle"


class Bench:
    """A servo over a fake arm, with what it told and reported."""

    def __init__(self, config: ServoConfig) -> None:
        self.clock = ManualClock(100.0)
        self.arm = FakeArm(self.clock)
        self.events: list[RobotEvent] = []
        self.reports: dict[int, HandsOnError | None] = {}
        self.modes_at_report: dict[int, str] = {}
        self.servo = Servo(self.arm, config, self.clock, report=self._note, tell=self.events.append)

    def _note(self, request: int, error: HandsOnError | None) -> None:
        self.reports[request], self.modes_at_report[request] = error, self.mode

    @property
    def mode(self) -> str:
        return self.servo.modes.mode

    def kinds(self) -> list[str]:
        return [event.kind for event in self.events if event.kind != "mode"]

    def run(self, seconds: float) -> None:
        """Tick for so long."""
        for _ in range(round(seconds / TICK_SECONDS)):
            self.clock.advance(TICK_SECONDS)
            self.servo.tick()

    def run_until(self, request: int, seconds: float = 30.0) -> HandsOnError | None:
        """Tick until a request is reported."""
        for _ in range(round(seconds / TICK_SECONDS)):
            if request in self.reports:
                return self.reports[request]
            self.run(TICK_SECONDS)
        raise AssertionError(f"request {request} was not reported")

    def enable(self) -> "Bench":
        self.servo.enable(1)
        assert self.run_until(1) is None
        return self

    def move(self, step_m: Any, periods: int = 1) -> None:
        """So many set-points at 10 Hz, each a step from where the tool is."""
        for _ in range(periods):
            target = Pose(self.arm.tcp.position_m + np.asarray(step_m), self.arm.tcp.rotation)
            self.servo.set_point(target, 0.0, 0.1)
            self.run(0.1)


@pytest.fixture
def bench() -> Callable[..., Bench]:
    """`bench(**ServoConfig fields)`: a servo at rest."""
    return lambda **changes: Bench(replace(ServoConfig(), **changes))


class Served:
    """A robot server in a process of its own."""

    def __init__(self, process: Any, address: str) -> None:
        self.process, self.address = process, address

    def log(self) -> str:
        return Path(self.process.log).read_text()


@pytest.fixture
def serve(spawn: Any, wait_until: Any) -> Callable[..., Served]:
    """`serve(*options)`: a server on a free port that is ready (`ready=False`: that listens)."""

    def start(*options: str, ready: bool = True) -> Served:
        # Ordinary scheduling: these tests share their cores with others.
        settings = ["--bind", "tcp://127.0.0.1:0", "--no-realtime", "--supervision.answer-seconds", "5"]
        process = spawn([sys.executable, "-u", "-c", SERVE, *settings, *options])
        pattern = READY if ready else re.compile(r"listening on (tcp://\S+)")
        wait_until(lambda: pattern.search(process.log.read_text()), 75.0, "the robot server to be ready")
        found = pattern.search(process.log.read_text())
        assert found is not None
        return Served(process, found[1])

    return start


@pytest.fixture
def connect() -> Iterator[Callable[..., RobotClient]]:
    """`connect(address, **RobotClientConfig fields)`: a client, closed after the test."""
    clients: list[RobotClient] = []

    def dial(address: str, **settings: Any) -> RobotClient:
        # Stale states are tested by name, not by a machine that is busy.
        settings = {"max_state_age_seconds": 2.0, "connect_seconds": 30.0} | settings
        clients.append(RobotClient(RobotClientConfig(address=address, **settings), SystemClock()))
        return clients[-1]

    yield dial
    for client in clients:
        client.close()
