"""The serl_http arm and gripper against our own facade, and against servers that hang, lie or break off."""

import contextlib
import json
import socket
import threading
import time

import numpy as np
import pytest

from robot_env.arms.base import Impedance
from robot_env.arms.real_world import RealWorld
from robot_env.arms.serl_http import SerlHttpArm, SerlHttpArmConfig
from robot_env.geometry import TOOL_DOWN, Pose, rotation_from_vector
from robot_env.grippers.point import PointGripperConfig
from robot_env.grippers.serl_http import SerlHttpGripperConfig
from robot_env.serl_http.compliance import PRECISION
from robot_env.serl_http.connection import Connection
from robot_env.server.serl_facade import SerlFacade
from robot_env.tasks.pick_cube import PickCube
from robot_env.tasks.reach import Reach
from shared.clock import SystemClock
from shared.errors import ConfigError, LinkError, RobotFault
from tests.robot_env.serl_http.conftest import HOME

SCENE = Reach().scene
SOFT = Impedance(stiffness_n_m=2000.0, clip_m=(0.003, 0.003, 0.01))
QUICK = {"reset_speed_m_s": 2.0, "reset_turn_rad_s": 10.0, "timeout_seconds": 20.0, "follow_m": 1.0}


@pytest.fixture
def join(bench):
    """`join(**settings)`: the arm over the bench's facade; closed at the end."""
    arms = []

    def make(**settings):
        arms.append(SerlHttpArmConfig(url=bench.url, **(QUICK | settings)).build(SCENE, SOFT, None))
        return arms[-1]

    yield make
    for arm in arms:
        arm.close()


def test_what_is_measured_comes_back_in_our_frames(bench, join):
    state = join().read()
    np.testing.assert_allclose(state.tcp.position_m, HOME.position_m)
    np.testing.assert_allclose(state.tcp.rotation, HOME.rotation, atol=1e-12)
    np.testing.assert_allclose(state.velocity_m_s, [0.1, 0.2, 0.3])
    np.testing.assert_allclose(state.angular_velocity_rad_s, [0.4, 0.5, 0.6])
    np.testing.assert_allclose(state.force_n, [1.0, 2.0, 3.0])
    np.testing.assert_allclose(state.joints_rad, np.arange(7.0))


def test_a_set_point_arrives_and_no_error_is_cleared_for_it(bench, join):
    target = Pose(HOME.position_m + 0.01, HOME.rotation @ rotation_from_vector((0.0, 0.0, 0.1)))
    join().send(target)
    assert [call[0] for call in bench.robot.calls] == ["set_point"]
    np.testing.assert_allclose(bench.robot.tcp.rotation, target.rotation, atol=1e-12)


def test_reset_lifts_travels_and_descends_with_precision_then_softens(bench, join):
    start = Pose.of((0.5, -0.1, 0.2), TOOL_DOWN)
    join().reset(start)
    path = np.array([call[1].position_m for call in bench.robot.done("set_point")])
    assert path[:, 2].max() == pytest.approx(0.35)
    moved_sideways = np.abs(np.diff(path[:, :2], axis=0)).max(axis=1) > 1e-9
    assert (path[1:, 2][moved_sideways] > 0.35 - 1e-9).all()
    assert np.linalg.norm(np.diff(path, axis=0), axis=1).max() <= 2.0 / 20 + 1e-9
    np.testing.assert_allclose(bench.robot.tcp.position_m, start.position_m, atol=1e-9)
    first, last = (call[1] for call in bench.robot.done("set_impedance"))
    assert (first.stiffness_n_m, first.clip_m) == (PRECISION.stiffness_n_m, PRECISION.clip_m)
    assert (last.stiffness_n_m, last.clip_m) == (SOFT.stiffness_n_m, SOFT.clip_m)


def test_an_arm_that_does_not_follow_is_a_fault(bench, join):
    bench.robot.stuck = True
    with pytest.raises(RobotFault, match=r"behind its way(.|\n)*clearerr"):
        join(follow_m=0.05, reset_speed_m_s=1.0).reset(Pose.of((0.5, 0.1, 0.3), TOOL_DOWN))
    with pytest.raises(RobotFault, match=r"still 0\.010 m"):
        join(clearance_m=0.0, arrival_m=0.005, arrival_seconds=0.1).reset(
            Pose(HOME.position_m + np.array([0.01, 0, 0]), HOME.rotation)
        )


def test_who_only_looked_moves_nothing_when_closing(bench, join):
    arm = join()
    arm.read()
    arm.close()
    assert bench.robot.done("set_point") == []


def test_closing_holds_where_the_tool_is_and_twice_is_harmless(bench, join):
    arm = join()
    arm.send(arm.read().tcp)
    arm.close()
    arm.close()
    *_, (_, held) = bench.robot.done("set_point")
    np.testing.assert_allclose(held.position_m, HOME.position_m)


def test_a_refused_pose_is_a_fault_that_says_why(bench, join):
    arm = join()
    with pytest.raises(RobotFault, match=r"answered 400.*stale or absurd"):
        arm.send(Pose(HOME.position_m + 0.5, HOME.rotation))
    arm.read()


def test_one_connection_is_kept_and_a_restarted_server_is_found_again(bench, join, make_bench):
    arm = join()
    for _ in range(20):
        arm.read()
    port = bench.facade.port
    bench.facade.close()
    with pytest.raises(RobotFault, match="getstate no answer"):
        arm.read()
    bench.facade = SerlFacade(bench.robot, port, "serl", bench.robot.clock)
    arm.read()


def test_proxies_of_the_environment_are_ignored(bench, join, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    join().read()


@pytest.mark.parametrize("units", ["serl", "serl_robotiq", "hil"])
def test_the_gripper_in_every_unit(make_bench, units):
    bench = make_bench(units)
    arm = SerlHttpArmConfig(url=bench.url, timeout_seconds=20.0).build(SCENE, SOFT, None)
    gripper = SerlHttpGripperConfig(units=units, reset_seconds=20.0).build(arm)
    gripper.reset(True)
    assert gripper.read().width_m == pytest.approx(0.08)
    gripper.send(False)
    gripper.send(False)
    assert [call for call in bench.robot.calls if call[0] == "grip"] == [("grip", True), ("grip", False)]
    arm.read()
    state = gripper.read()
    assert (state.width_m, state.opening) == (pytest.approx(0.0), False)
    gripper.close()
    arm.close()


def test_other_units_than_the_servers_are_noticed(make_bench):
    bench = make_bench("serl_robotiq")
    arm = SerlHttpArmConfig(url=bench.url, timeout_seconds=20.0).build(SCENE, SOFT, None)
    with pytest.raises(RobotFault, match=r"units serl\n.*--gripper.units"):
        SerlHttpGripperConfig(units="serl").build(arm).read()
    arm.close()


def test_what_does_not_go_together_is_refused(bench, join):
    with pytest.raises(ConfigError, match="only the serl_http arm"):
        SerlHttpGripperConfig().build(object())
    with pytest.raises(ConfigError):
        PointGripperConfig().build(join())
    with pytest.raises(ConfigError, match="real here"):
        SerlHttpArmConfig(url=bench.url).build(PickCube().scene, SOFT, None)


@pytest.mark.parametrize(
    "url", ["127.0.0.1:5000", "https://robot/", "http://", "http://a:b/", "http://[::1", ""]
)
def test_an_address_that_is_none(url):
    with pytest.raises(ConfigError, match=r"http://127\.0\.0\.1:5000/"):
        SerlHttpArmConfig(url=url)


def test_nobody_there_says_what_to_start(free_port):
    with pytest.raises(LinkError, match=r"franka_server\.py"):
        SerlHttpArmConfig(url=f"http://127.0.0.1:{free_port()}/").build(SCENE, SOFT, None)


class RawServer:
    """Answers each connection with these bytes, one every `pause` seconds where that is not 0."""

    def __init__(self, answer: bytes, pause: float = 0.0) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.answer, self.pause = answer, pause
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.socket.getsockname()[1]}/"

    def run(self) -> None:
        while not self.ending.is_set():
            with contextlib.suppress(OSError):
                peer, _ = self.socket.accept()
                with peer:
                    self.serve(peer)

    def serve(self, peer: socket.socket) -> None:
        peer.recv(65536)
        if not self.pause:
            peer.sendall(self.answer)
            return
        for byte in self.answer:
            peer.sendall(bytes([byte]))
            if self.ending.wait(self.pause):
                return

    def close(self) -> None:
        self.ending.set()
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join(5.0)


@pytest.fixture
def raw_server():
    servers = []

    def make(answer, pause=0.0):
        servers.append(RawServer(answer, pause))
        return servers[-1]

    yield make
    for server in servers:
        server.close()


def http(body: bytes, status: bytes = b"200 OK") -> bytes:
    return b"HTTP/1.0 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)


def state(**changes) -> bytes:
    whole = {
        "pose": [0.4, 0.1, 0.3, 1.0, 0.0, 0.0, 0.0],
        "vel": [0.0] * 6,
        "force": [0.0] * 3,
        "torque": [0.0] * 3,
        "q": [0.0] * 7,
        "dq": [0.0] * 7,
        "jacobian": [[0.0] * 7] * 6,
        "gripper_pos": [0.5],
    }
    return json.dumps({key: value for key, value in (whole | changes).items() if value is not None}).encode()


def arm_at(url, timeout_seconds=20.0):
    clock = SystemClock()
    config = SerlHttpArmConfig(url=url, timeout_seconds=timeout_seconds)
    return SerlHttpArm(RealWorld(SCENE), Connection(url, timeout_seconds, clock), config, SOFT, clock)


def test_a_server_that_hangs_up_after_each_answer_is_as_good(raw_server):
    arm = arm_at(raw_server(http(state())).url)
    for _ in range(3):
        arm.read()
    assert arm.gripper_pos == 0.5
    arm.connection.close()


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (http(b"Internal Server Error", b"500 INTERNAL SERVER ERROR"), "answered 500"),
        (http(b"not json"), "not a JSON object"),
        (http(b"[" * 60_000), "not a JSON object"),
        (http(b"[1]"), "not a JSON object"),
        (http(b"{}"), "makes no sense"),
        (http(state(pose=[0.0] * 7)), "no rotation"),
        (http(state(pose=None)), "makes no sense"),
        (http(state(pose=["a"] * 7)), "seven finite numbers"),
        (http(state(vel=[0.0] * 5)), "vel is"),
        (http(state(q=[float("nan")] * 7)), "q is"),
        (http(state(gripper_pos="open")), "makes no sense"),
        (http(b"x" * 70_000), "more than 65536 bytes"),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 100\r\n\r\nshort", "no answer"),
        (b"garbage\r\n\r\n", "no answer"),
        (b"HTTP/1.0 200 OK\r\n" + b"x: y\r\n" * 500, "no answer"),
        (b"", "no answer"),
    ],
)
def test_garbage_is_a_fault_by_name(raw_server, answer, why):
    arm = arm_at(raw_server(answer).url)
    with pytest.raises(RobotFault, match=why):
        arm.read()
    arm.connection.close()


@pytest.mark.parametrize("answer", [b"", http(state())])
def test_a_server_that_is_silent_or_trickles_is_left_at_the_deadline(raw_server, answer):
    server = raw_server(answer or b"H", pause=0.05 if answer else 60.0)
    arm, began = arm_at(server.url, timeout_seconds=0.3), time.monotonic()
    with pytest.raises(RobotFault, match=r"no answer within 0.3 s"):
        arm.read()
    print(f"left after {time.monotonic() - began:.2f} s")
    assert time.monotonic() - began < 5.0
    arm.connection.close()
