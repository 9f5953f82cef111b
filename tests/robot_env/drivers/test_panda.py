"""The Panda's driver, over a fake of panda_py that is held against the installed library's own names."""

import inspect
import re
import threading
from types import SimpleNamespace
from typing import Any

import numpy as np
import panda_py
import pytest
from panda_py import controllers, libfranka

from robot_env.arms.base import Impedance
from robot_env.geometry import TOOL_DOWN, Pose, rotation_from_vector, vector_from_rotation
from robot_env.server.drivers import panda as module
from robot_env.server.drivers.panda import PandaDriver, PandaDriverConfig, clipped
from robot_env.server.drivers.panda_hand import PandaHand
from shared.clock import ManualClock
from shared.errors import ConfigError, DriverLost

STILL = np.zeros(7)


class FakeController:
    """controllers.CartesianImpedance."""

    def __init__(
        self,
        impedance: Any,
        damping_ratio: float = 1,
        nullspace_stiffness: float = 1,
        filter_coeff: float = 1,
    ):
        self.impedance, self.damping_ratio = np.array(impedance), damping_ratio
        self.position = self.orientation = np.zeros(3)

    def set_control(self, position: Any, orientation: Any, q_nullspace: Any) -> None:
        self.position, self.orientation = np.array(position), np.array(orientation)

    def set_impedance(self, impedance: Any) -> None:
        self.impedance = np.array(impedance)


class FakeRobot:
    """libfranka.Robot."""

    thresholds: tuple[Any, ...] = ()

    def server_version(self) -> int:
        return 5

    def set_collision_behavior(self, *thresholds: Any) -> None:
        self.thresholds = thresholds


class FakeModel:
    """libfranka.Model."""

    def zero_jacobian(self, frame: Any, state: Any) -> list[float]:
        return list(np.eye(6, 7).flatten(order="F"))


class FakePanda:
    """panda_py.Panda: an arm that is where it was put, and stops itself when told to."""

    def __init__(self) -> None:
        self.robot = FakeRobot()
        self.pose = np.eye(4)
        self.pose[:3, :3], self.pose[:3, 3] = TOOL_DOWN, (0.45, 0.0, 0.3)
        self.mode, self.milliseconds = libfranka.RobotMode.kIdle, 0
        self.controller: Any = None
        self.teaching = False
        self.error = ""
        self.names: tuple[str, ...] = ()
        self.travelling = threading.Event()
        self.arrived = threading.Event()

    def get_robot(self) -> FakeRobot:
        return self.robot

    def get_model(self) -> FakeModel:
        return FakeModel()

    def get_state(self) -> Any:
        if "UDP" in self.error:
            raise RuntimeError(self.error)
        errors = SimpleNamespace(**{name: name in self.names for name in module.ERRORS})
        return SimpleNamespace(
            O_T_EE=list(self.pose.flatten(order="F")),
            O_F_ext_hat_K=[1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
            q=STILL,
            dq=np.arange(7.0),
            robot_mode=self.mode,
            current_errors=errors,
            last_motion_errors=errors,
            control_command_success_rate=0.97,
            time=SimpleNamespace(to_msec=lambda: self.milliseconds),
        )

    def start_controller(self, controller: Any) -> None:
        self.controller = controller

    def stop_controller(self) -> None:
        self.controller = None
        self.arrived.set()

    def raise_error(self) -> None:
        if self.error:
            raise RuntimeError(self.error)

    def recover(self) -> None:
        self.error, self.names, self.mode = "", (), libfranka.RobotMode.kIdle

    def teaching_mode(self, active: bool) -> None:
        self.teaching = active

    def move_to_pose(self, positions: Any, orientations: Any, speed_factor: float) -> bool:
        self.travelling.set()
        assert self.arrived.wait(10.0)
        self.pose[:3, 3] = positions[0]
        return True

    def move_to_joint_position(self, waypoints: Any, speed_factor: float) -> bool:
        return self.move_to_pose([self.pose[:3, 3]], [], speed_factor)


@pytest.fixture
def panda() -> FakePanda:
    return FakePanda()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def driver(panda: FakePanda, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> PandaDriver:
    monkeypatch.setattr(controllers, "CartesianImpedance", FakeController)
    return PandaDriver(panda, PandaDriverConfig(), clock)


@pytest.mark.parametrize(
    ("fake", "real"),
    [
        (FakePanda, panda_py.Panda),
        (FakeRobot, libfranka.Robot),
        (FakeModel, libfranka.Model),
        (FakeController, controllers.CartesianImpedance),
    ],
)
def test_the_fake_has_only_what_the_library_has(fake: type, real: type):
    for name, method in inspect.getmembers(fake, inspect.isfunction):
        if name == "__init__" and fake is not FakeController:
            continue
        said = getattr(real, name).__doc__
        for parameter in inspect.signature(method).parameters.values():
            if parameter.kind is parameter.POSITIONAL_OR_KEYWORD and parameter.name not in ("self", "state"):
                assert re.search(rf"\b{parameter.name}: ", said), f"{real.__name__}.{name}: {parameter.name}"


def test_the_state_has_what_is_read_of_it(panda: FakePanda):
    for name in vars(panda.get_state()):
        assert hasattr(libfranka.RobotState, name)
    assert hasattr(libfranka.Duration, "to_msec")


def test_it_reads_pose_twist_and_the_force_of_the_surroundings(panda: FakePanda, driver: PandaDriver):
    state = driver.read()
    assert state.tcp.position_m.tolist() == [0.45, 0.0, 0.3]
    assert state.velocity_m_s.tolist() == [0.0, 1.0, 2.0]
    assert state.force_n.tolist() == [-1.0, -2.0, -3.0]
    assert state.torque_nm.tolist() == [-4.0, -5.0, -6.0]
    assert (state.activity, state.command_success_rate) == ("idle", 1.0)
    assert "server version 5" in driver.description


def test_its_stiffness_rises_from_nothing(panda: FakePanda, driver: PandaDriver, clock: ManualClock):
    impedance = Impedance(stiffness_n_m=1000.0)
    driver.engage(impedance)
    here = driver.read().tcp
    assert not panda.controller.impedance.any()
    assert panda.controller.position.tolist() == here.position_m.tolist()
    risen = []
    for _ in range(4):
        clock.advance(0.1)
        driver.track(here)
        risen.append(panda.controller.impedance[0, 0])
    assert risen == pytest.approx([1000 / 3, 2000 / 3, 1000.0, 1000.0])
    assert driver.read().activity == "tracking"


def test_the_reference_stays_within_the_clips(panda: FakePanda, driver: PandaDriver):
    driver.engage(Impedance(clip_m=(0.01, 0.02, 0.03)))
    driver.track(Pose.of([0.95, -0.5, 0.8], TOOL_DOWN))
    offset = panda.controller.position - panda.pose[:3, 3]
    assert offset == pytest.approx([0.01, -0.02, 0.03])


def test_a_clipped_turn_keeps_its_axis():
    measured = Pose.of(np.zeros(3), TOOL_DOWN)
    wanted = Pose.of(np.zeros(3), TOOL_DOWN @ rotation_from_vector((0.0, 0.0, 1.0)))
    near = clipped(wanted, measured, Impedance(rotational_clip_rad=(0.1, 0.1, 0.1)))
    assert vector_from_rotation(measured.rotation.T @ near.rotation) == pytest.approx([0.0, 0.0, 0.1])


def test_a_travel_blocks_nobody_and_ends_idle(panda: FakePanda, driver: PandaDriver):
    driver.travel(Pose.of([0.5, 0.1, 0.3], TOOL_DOWN), 0.2)
    assert panda.travelling.wait(5.0)
    assert driver.read().activity == "travelling"
    panda.arrived.set()
    thread = next(each for each in threading.enumerate() if each.name == "panda travel")
    thread.join(5.0)
    state = driver.read()
    assert state.activity == "idle"
    assert state.tcp.position_m.tolist() == [0.5, 0.1, 0.3]


def test_a_travel_is_stopped(panda: FakePanda, driver: PandaDriver):
    driver.travel_joints(STILL, 0.2)
    assert panda.travelling.wait(5.0)
    driver.stop()
    assert driver.read().activity == "idle"


def test_a_reflex_has_its_name_until_it_is_recovered(panda: FakePanda, driver: PandaDriver):
    driver.engage(Impedance())
    panda.error, panda.names = 'motion aborted by reflex! ["cartesian_reflex"]', ("cartesian_reflex",)
    panda.mode = libfranka.RobotMode.kReflex
    state = driver.read()
    assert (state.activity, state.errors) == ("reflex", ("cartesian_reflex",))
    driver.recover()
    assert driver.read().activity == "idle"


def test_a_released_enabling_device_and_guiding(panda: FakePanda, driver: PandaDriver):
    driver.guide()
    assert panda.teaching
    assert driver.read().activity == "guiding"
    panda.mode = libfranka.RobotMode.kUserStopped
    assert driver.read().activity == "user_stop"
    driver.stop()
    assert not panda.teaching


def test_a_lost_connection_is_a_lost_driver(panda: FakePanda, driver: PandaDriver):
    driver.engage(Impedance())
    panda.error = "libfranka: UDP receive: Timeout"
    with pytest.raises(DriverLost, match="UDP receive: Timeout"):
        driver.read()
    driver.close()
    driver.close()


def test_a_state_that_repeats_grows_old(panda: FakePanda, driver: PandaDriver, clock: ManualClock):
    first = driver.read().time_seconds
    clock.advance(1.0)
    assert driver.read().time_seconds == first
    panda.milliseconds += 1
    assert driver.read().time_seconds == first + 1.0


def test_nothing_at_the_address_says_what_to_do():
    with pytest.raises(DriverLost, match=r"refused[^\n]*\n.*activate FCI"):
        PandaDriverConfig(host="127.0.0.1").build()


def test_settings_out_of_range_are_refused():
    with pytest.raises(ConfigError, match="7 values"):
        PandaDriverConfig(posture_rad=(0.0,))
    with pytest.raises(ConfigError, match="not positive"):
        PandaDriverConfig(gains_seconds=0.0)


class FakeGripper:
    """libfranka.Gripper."""

    width = 0.08

    def homing(self) -> bool:
        return True

    def move(self, width: float, speed: float) -> bool:
        self.width = width
        return True

    def grasp(
        self, width: float, speed: float, force: float, epsilon_inner: float, epsilon_outer: float
    ) -> bool:
        self.width = 0.02
        return False

    def stop(self) -> bool:
        return True

    def read_once(self) -> Any:
        return SimpleNamespace(width=self.width, max_width=0.08)


def test_the_hand_moves_and_grasps():
    test_the_fake_has_only_what_the_library_has(FakeGripper, libfranka.Gripper)
    hand = PandaHand(FakeGripper(), "nowhere", ManualClock())
    hand.home()
    assert hand.read().width_m == hand.max_width_m == 0.08
    hand.grasp(20.0, 0.1)
    assert (hand.read().width_m, hand.read().moving) == (0.02, False)
    hand.move(0.5, 0.1)
    assert hand.read().moving
    assert hand.read().width_m == 0.08
