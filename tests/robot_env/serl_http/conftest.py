"""A robot in memory behind the facade, and SERL's way of asking it: one POST after another."""

import dataclasses
import http.client
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from robot_env.arms.base import ArmState, Impedance
from robot_env.geometry import Pose, rotation_from_vector
from robot_env.server.serl_facade import SerlFacade
from robot_env.server.state import HandReading, RobotState
from shared.clock import SystemClock
from shared.errors import RobotFault

HOME = Pose.of((0.4, 0.1, 0.3), np.diag([1.0, -1.0, -1.0]) @ rotation_from_vector((0.1, -0.2, 0.3)))


class MemoryRobot:
    """Is where it was told to be, at once; remembers every call."""

    def __init__(self) -> None:
        self.clock = SystemClock()
        self.calls: list[tuple] = []
        self.tcp, self.mode, self.reason, self.width_m = HOME, "holding", "", 0.05
        self.age_seconds, self.stuck, self.gripping = 0.0, False, True
        self.refuses = ""
        self.joints_reset = threading.Event()
        self.may_reset_joints = threading.Event()
        self.may_reset_joints.set()
        self.enabling, self.gates = threading.Event(), list[threading.Event]()

    def peek(self) -> RobotState:
        return RobotState(
            number=1,
            time_seconds=self.clock.now() - self.age_seconds,
            arm=ArmState(
                tcp=self.tcp,
                velocity_m_s=np.array([0.1, 0.2, 0.3]),
                angular_velocity_rad_s=np.array([0.4, 0.5, 0.6]),
                force_n=np.array([1.0, 2.0, 3.0]),
                joints_rad=np.arange(7.0),
            ),
            torque_nm=np.array([0.1, 0.0, 0.0]),
            joint_velocities_rad_s=np.arange(7.0) / 10,
            jacobian=np.arange(42.0).reshape(6, 7),
            gripper=self._hand(),
            mode=self.mode,
            reason=self.reason,
            command_success_rate=1.0,
        )

    def _hand(self) -> HandReading | None:
        if not self.gripping:
            return None
        return HandReading(width_m=self.width_m, speed_m_s=0.0, opening=True, age_seconds=0.0)

    def set_point(self, target: Pose) -> None:
        self.calls.append(("set_point", target))
        if not self.stuck:
            self.tcp = target

    def hold(self) -> None:
        self.calls.append(("hold",))

    def enable(self) -> None:
        self.calls.append(("enable",))
        self.enabling.set()
        if self.gates:
            assert self.gates.pop().wait(20.0)
        self.mode = "moving"

    def while_enabling(self, ask: Callable[[], Any]) -> Callable[[], Any]:
        """Ask in another thread, until the arm is being enabled; what ends that and gives the answer."""
        gate = threading.Event()
        self.gates.append(gate)
        self.enabling.clear()
        answer = ThreadPoolExecutor(1).submit(ask)
        assert self.enabling.wait(20.0)

        def finish() -> Any:
            gate.set()
            return answer.result(20.0)

        return finish

    def set_impedance(self, impedance: Impedance) -> None:
        self.calls.append(("set_impedance", impedance))

    def reset_joints(self, timeout_seconds: float = 30.0) -> None:
        self.calls.append(("reset_joints", timeout_seconds))
        self.joints_reset.set()
        assert self.may_reset_joints.wait(20.0)

    def recover(self, *, operator: bool = False, timeout_seconds: float = 5.0) -> None:
        del timeout_seconds
        self.calls.append(("recover", operator))
        if self.refuses:
            raise RobotFault("recovery", self.refuses, "look, then: handson robot --recover")
        self.mode = "ready"

    def grip(self, opening: bool) -> None:
        self.calls.append(("grip", opening))
        self.width_m = 0.08 if opening else 0.0

    def done(self, name: str) -> list[tuple]:
        return [call for call in self.calls if call[0] == name]


@dataclasses.dataclass
class Bench:
    robot: MemoryRobot
    facade: SerlFacade

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.facade.port}/"

    def raw(self, method, route, body=None, headers=()):
        connection = http.client.HTTPConnection("127.0.0.1", self.facade.port, timeout=20)
        try:
            connection.request(method, f"/{route}", body, dict(headers))
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def post(self, route, body=None):
        return self.raw("POST", route, None if body is None else json.dumps(body))


@pytest.fixture
def make_bench() -> Iterator:
    made: list[Bench] = []

    def make(units="serl"):
        robot = MemoryRobot()
        made.append(Bench(robot, SerlFacade(robot, 0, units, robot.clock)))
        return made[-1]

    yield make
    for bench in made:
        bench.facade.close()


@pytest.fixture
def bench(make_bench):
    return make_bench()
