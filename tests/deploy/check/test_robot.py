"""The robot server: a real one with the simulated arm in a process of its own, and measurements made up."""

import re
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pytest

from deploy.check.arm import arm
from deploy.check.arm import judge as judge_arm
from deploy.check.base import Finding
from deploy.check.bench import Bench
from deploy.check.config import CheckConfig
from deploy.check.gripper import judge as judge_gripper
from deploy.check.host import Host
from deploy.check.main import check
from deploy.check.robot import judge_rate, mode
from robot_env.arms.base import ArmState
from robot_env.geometry import Pose
from robot_env.lab import Lab
from robot_env.server.state import Mode, RobotState
from robot_env.tasks.reach import Reach

START = "import sys; from robot_env.server.main import main; sys.exit(main(sys.argv[1:]))"
READY = re.compile(r"ready on (tcp://\S+):")


@pytest.fixture
def server(spawn: Any, wait_until: Any) -> Callable[..., str]:
    """`server(*flags)`: the address of a robot server that is ready."""

    def start(*flags: str) -> str:
        process = spawn([sys.executable, "-c", START, "--bind", "tcp://127.0.0.1:0", *flags])
        wait_until(lambda: READY.search(process.log.read_text()) or process.poll() is not None, 60.0)
        ready = READY.search(process.log.read_text())
        assert ready, process.log.read_text()
        return ready[1]

    return start


def findings(**settings: Any) -> dict[str, Finding]:
    may_move = settings.pop("may_move", False)
    found = check(CheckConfig(role="robot", **settings), Host(), may_move=may_move)
    return {finding.name: finding for finding in found}


def test_a_robot_server_that_runs_is_in_order_and_its_gripper_moves_only_when_allowed(server: Any):
    address = server("--driver", "simulated")
    watched = findings(robot=address)
    assert watched["robot server"].outcome.status == "ok"
    assert address in watched["robot server"].outcome.detail
    assert watched["robot mode"].outcome.status == "ok"
    assert watched["robot rate"].outcome.status in ("ok", "warn"), watched["robot rate"]
    assert watched["gripper"].outcome.status == "skip"
    moved = findings(robot=address, may_move=True)["gripper"].outcome
    assert moved.status == "ok", moved
    assert re.fullmatch(r"closed to \d+ mm, opened to [78]\d mm", moved.detail)


def test_no_robot_server_fails_once_with_what_to_start(free_port: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("deploy.check.robot_config.CONNECT_SECONDS", 0.3)
    found = findings(robot=f"tcp://127.0.0.1:{free_port()}")
    assert found["robot server"].outcome.status == "fail"
    assert "handson robot" in found["robot server"].outcome.cure
    assert [found[name].outcome.status for name in ("robot mode", "robot rate", "gripper")] == ["skip"] * 3


def test_a_host_that_accepts_and_stays_silent_does_not_hang_the_check(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("deploy.check.robot_config.CONNECT_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        found = findings(robot=f"tcp://127.0.0.1:{silent.getsockname()[1]}")
    assert found["robot server"].outcome.status == "fail"
    assert found["robot server"].outcome.cure


def state_in(mode: Mode, reason: str = "") -> RobotState:
    still = np.zeros(3)
    pose = Pose.of(still)
    return RobotState(
        number=0,
        time_seconds=0.0,
        arm=ArmState(tcp=pose, velocity_m_s=still, angular_velocity_rad_s=still),
        torque_nm=still,
        joint_velocities_rad_s=np.zeros(7),
        jacobian=np.zeros((6, 7)),
        gripper=None,
        mode=mode,
        reason=reason,
        command_success_rate=1.0,
    )


@pytest.mark.parametrize("stopped", ["reflex", "user_stop", "link_lost", "guiding"])
def test_an_arm_that_cannot_be_moved_fails_with_its_reason_and_a_cure(stopped: Mode):
    outcome = mode(state_in(stopped, "cartesian_reflex"))
    assert outcome.status == "fail"
    assert outcome.detail == f"{stopped}: cartesian_reflex"
    assert outcome.cure
    assert mode(state_in(stopped)).detail != f"{stopped}: "


@pytest.mark.parametrize("well", ["ready", "holding", "moving"])
def test_an_arm_that_can_be_moved_is_in_order(well: Mode):
    assert mode(state_in(well)).status == "ok"


@pytest.mark.parametrize(
    ("hz", "share", "status"),
    [(100.0, 1.0, "ok"), (20.0, 1.0, "warn"), (100.0, 0.9, "warn"), (100.0, 0.5, "fail")],
)
def test_states_must_come_and_commands_arrive(hz: float, share: float, status: str):
    outcome = judge_rate(hz, share, 0.01)
    assert outcome.status == status
    assert bool(outcome.cure) == (status != "ok")


@pytest.mark.parametrize(("seconds", "status"), [(0.005, "ok"), (0.08, "warn")])
def test_an_arm_of_another_server_must_answer_well_within_a_period(seconds: float, status: str):
    outcome = judge_arm([seconds] * 3, control_hz=10.0)
    assert outcome.status == status
    assert bool(outcome.cure) == (status != "ok")


@dataclass(frozen=True)
class StillArm:
    """Counts what is asked of it."""

    real_time: ClassVar[bool] = True
    asked: list[str]

    def build(self, scene: Any, impedance: Any, gripper_width_m: Any) -> "StillArm":
        return self

    def read(self) -> None:
        self.asked.append("read")

    def close(self) -> None:
        self.asked.append("close")


def test_an_arm_of_another_server_is_only_read():
    config = StillArm([])
    bench = Bench(config=CheckConfig(), lab=Lab(arm=config), task=Reach())
    assert arm(bench, config).status == "ok"
    assert set(config.asked[:-1]) == {"read"}
    assert config.asked[-1] == "close"


def test_a_gripper_that_does_not_move_fails():
    assert judge_gripper(0.0, 0.08).status == "ok"
    assert judge_gripper(0.04, 0.041).cure
