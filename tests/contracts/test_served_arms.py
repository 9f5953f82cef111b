"""What every arm behind a server of its own must do: the contract of `test_arms.py`, in real time.

Nothing here depends on how fast this computer is: set-points are repeated until what must become true is.
"""

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from robot_env.arms.base import Arm, ArmConfig, Impedance
from robot_env.arms.franka import FrankaArmConfig
from robot_env.arms.serl_http import SerlHttpArmConfig
from robot_env.env import RobotEnv
from robot_env.geometry import TOOL_DOWN, Pose, rotation_from_vector, vector_from_rotation
from robot_env.grippers.base import Gripper, GripperConfig
from robot_env.grippers.franka import FrankaGripperConfig
from robot_env.grippers.serl_http import SerlHttpGripperConfig
from robot_env.registry import make
from robot_env.scene import Box, SceneObject
from robot_env.server.client import RobotClient, RobotClientConfig
from robot_env.server.serl_facade import SerlFacade
from robot_env.server.serl_motion import FacadeLimits
from shared.clock import SystemClock
from shared.errors import HandsOnError
from shared.step import Why

pytestmark = pytest.mark.timeout(100)

PERIOD_SECONDS = 0.05
PATIENCE_SECONDS = 20.0
CENTRE = Pose.of((0.45, 0.0, 0.25), TOOL_DOWN)
SCENE = (SceneObject(name="marker", kind="marker", boxes=(Box(half_size_m=(0.01, 0.01, 0.01)),)),)
SERVE = "import sys; from robot_env.server.main import main; sys.exit(main(sys.argv[1:]))"
READY = re.compile(r"ready on (tcp://\S+):")


class Life(NamedTuple):
    """An arm with its gripper, and how to let time pass."""

    arm: Arm
    gripper: Gripper
    env: Callable[[], RobotEnv]

    def send_until(self, target: Pose, there: Callable[[], bool]) -> None:
        """Repeat a set-point, as a control loop does, until something is true."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not there():
            assert time.monotonic() < deadline, self.arm.read()
            self.arm.send(target)
            time.sleep(PERIOD_SECONDS)

    def centre(self) -> None:
        """Be at the centre, without the long way of a reset."""
        if self.away_m(CENTRE) > 0.2:
            self.arm.reset(CENTRE)
        self.send_until(CENTRE, lambda: self.away_m(CENTRE) < 2e-3)

    def away_m(self, target: Pose) -> float:
        return float(np.linalg.norm(self.arm.read().tcp.position_m - target.position_m))


class Kind(NamedTuple):
    """One kind of arm, connected to a server of its own."""

    arm: ArmConfig
    gripper: GripperConfig
    arrival_m: float
    knows_its_reach: bool


def patient(address: str) -> RobotClientConfig:
    """Stale states are tested by name elsewhere, not by a computer that is busy."""
    return RobotClientConfig(address=address, max_state_age_seconds=5.0, connect_seconds=20.0)


@contextmanager
def franka(address: str) -> Iterator[Kind]:
    yield Kind(FrankaArmConfig(robot=patient(address)), FrankaGripperConfig(), 5e-3, knows_its_reach=True)


@contextmanager
def serl_http(address: str) -> Iterator[Kind]:
    """Through SERL's routes, served over the same robot server."""
    clock, limits = SystemClock(), FacadeLimits(state_age_seconds=5.0)
    with (
        closing(RobotClient(patient(address), clock)) as client,
        closing(SerlFacade(client, 0, "serl", clock, limits)) as facade,
    ):
        arm = SerlHttpArmConfig(url=f"http://127.0.0.1:{facade.port}/", timeout_seconds=5.0)
        yield Kind(arm, SerlHttpGripperConfig(), arm.arrival_m, knows_its_reach=False)


SERVED = [franka, pytest.param(serl_http, marks=pytest.mark.acceptance)]


@pytest.fixture(scope="module", params=SERVED)
def kind(request: pytest.FixtureRequest, address: str) -> Iterator[Kind]:
    with request.param(address) as kind:
        yield kind


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A robot server with the simulated driver."""
    settings = ["--bind", "tcp://127.0.0.1:0", "--no-realtime", "--supervision.answer-seconds", "10"]
    with tempfile.TemporaryDirectory() as directory, open(Path(directory) / "log", "w+") as log:
        command = [sys.executable, "-u", "-c", SERVE, *settings]
        server = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        try:
            yield _ready(server, Path(directory) / "log")
        finally:
            server.terminate()
            server.wait(20.0)


def _ready(server: "subprocess.Popen[bytes]", log: Path) -> str:
    deadline = time.monotonic() + 60.0
    while (found := READY.search(log.read_text())) is None:
        assert server.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)
    return found[1]


@pytest.fixture
def life(kind: Kind) -> Iterator[Life]:
    arm = kind.arm.build(SCENE, Impedance(), None)
    gripper = kind.gripper.build(arm)
    yield Life(arm, gripper, lambda: environment(arm, kind))
    gripper.close()
    arm.close()


def environment(arm: Arm, kind: Kind) -> RobotEnv:
    """`reach` on the same server, whose control this arm gives up."""
    arm.close()
    made = make("reach", clock=SystemClock(), arm=kind.arm)
    assert isinstance(made, RobotEnv)
    return made


def angle_between(first: Pose, second: Pose) -> float:
    return float(np.linalg.norm(vector_from_rotation(first.rotation.T @ second.rotation)))


def test_reset_arrives_at_rest(life: Life, kind: Kind) -> None:
    wanted = Pose.of((0.36, -0.15, 0.15), rotation_from_vector((0.0, 0.0, -0.3)) @ TOOL_DOWN)
    life.arm.reset(wanted)
    state = life.arm.read()
    assert life.away_m(wanted) < kind.arrival_m
    assert angle_between(state.tcp, wanted) < 0.1
    assert np.linalg.norm(state.velocity_m_s) < 0.05


def test_a_pose_out_of_reach_is_refused_and_an_arm_that_knows_it_stays(life: Life, kind: Kind) -> None:
    life.centre()
    with pytest.raises(HandsOnError) as refused:
        life.arm.reset(Pose.of((3.0, 0.0, 0.2), TOOL_DOWN))
    assert refused.value.cure
    assert life.away_m(CENTRE) < 5e-3 or not kind.knows_its_reach


def test_a_held_set_point_is_reached_and_kept_and_one_where_it_is_keeps_it_still(life: Life) -> None:
    life.centre()
    turned = rotation_from_vector((0.0, 0.0, 0.15)) @ TOOL_DOWN
    wanted = Pose.of(np.add(CENTRE.position_m, [0.03, -0.02, 0.01]), turned)
    life.send_until(wanted, lambda: life.away_m(wanted) < 2e-3)
    life.send_until(wanted, lambda: angle_between(life.arm.read().tcp, wanted) < 0.02)
    for _ in range(10):
        life.arm.send(life.arm.read().tcp)
        time.sleep(PERIOD_SECONDS)
    assert life.away_m(wanted) < 5e-3


def test_it_moves_the_way_it_is_sent(life: Life) -> None:
    for axis in range(3):
        life.centre()
        step = np.eye(3)[axis] * 0.04
        target = Pose.of(CENTRE.position_m + step, TOOL_DOWN)
        life.send_until(target, lambda: life.away_m(CENTRE) > 0.015)
        moved = life.arm.read().tcp.position_m - CENTRE.position_m
        assert moved[axis] > 0.01
        assert np.linalg.norm(np.delete(moved, axis)) < 0.25 * moved[axis]


def test_without_set_points_it_holds_and_goes_on_when_they_come_again(life: Life) -> None:
    life.centre()
    far = Pose.of(np.add(CENTRE.position_m, [0.0, 0.15, 0.0]), TOOL_DOWN)
    life.send_until(far, lambda: life.away_m(CENTRE) > 0.02)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while np.linalg.norm(life.arm.read().velocity_m_s) > 2e-3:
        assert time.monotonic() < deadline
        time.sleep(PERIOD_SECONDS)
    assert life.away_m(far) > 0.01
    life.send_until(far, lambda: life.away_m(far) < 3e-3)


def test_nothing_pushes_in_free_space_and_readings_are_copies(life: Life) -> None:
    life.centre()
    before = life.arm.read()
    kept = before.tcp.position_m.copy()
    assert np.linalg.norm(before.force_n) < 5.0
    target = Pose.of(np.add(CENTRE.position_m, [0.03, 0.0, 0.0]), TOOL_DOWN)
    life.send_until(target, lambda: life.away_m(target) < 3e-3)
    assert np.array_equal(before.tcp.position_m, kept)


def test_the_gripper_opens_and_closes_by_state(life: Life) -> None:
    for opening in (False, True, True):
        life.gripper.reset(opening)
        state = life.gripper.read()
        assert state.opening == opening
        assert state.width_m == pytest.approx(0.08 if opening else 0.0, abs=5e-3)
    life.gripper.send(False)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while life.gripper.read().width_m > 0.01:
        assert time.monotonic() < deadline
        time.sleep(PERIOD_SECONDS)


def test_markers_are_where_they_were_placed(life: Life) -> None:
    life.arm.world.place("marker", Pose.of((0.5, 0.1, 0.2)))
    assert np.allclose(life.arm.world.poses()["marker"].position_m, (0.5, 0.1, 0.2))
    with pytest.raises(HandsOnError):
        life.arm.world.place("no such thing", CENTRE)


def test_an_episode_on_it_holds_clips_and_ends_like_any_other(life: Life) -> None:
    env = life.env()
    try:
        env.reset(seed=0)
        start = env.see()["arm/tcp_position_base_m"]
        for _ in range(10):
            env.hold()
            time.sleep(0.1)
        assert np.linalg.norm(env.look()["arm/tcp_position_base_m"] - start) < 5e-3
        *_, info = env.step(np.full(3, 50.0, np.float32))
        assert np.linalg.norm(info["executed_command"]) <= 0.0521
        for _ in range(100):
            way = env.see()["target_from_tcp_base_m"] / 0.03
            *_, terminated, truncated, info = env.step(np.clip(way, -1.0, 1.0).astype(np.float32))
            if terminated or truncated:
                break
        assert info["why"] is Why.SUCCESS
    finally:
        env.close()


def test_closing_twice_is_harmless(life: Life) -> None:
    life.arm.close()
    life.arm.close()
    life.gripper.close()
    life.gripper.close()
