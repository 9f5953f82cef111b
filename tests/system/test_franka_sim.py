"""The real libfranka against a simulated Franka that speaks its protocol: driver, hand, server and failures.

One simulator serves the file. The figures printed are wall-clock: these tests run one at a time.
"""

import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("franky", reason="franky-control is not installed: make install ROLE=robot WITH=fr3")

from deploy.franka_sim.environment import InstallationFailed, install
from deploy.franka_sim.launch import ARM_PORT, FrankaSim, free_host, launch
from robot_env.arms.base import Impedance
from robot_env.geometry import TOOL_DOWN, Pose, vector_from_rotation
from robot_env.server.drivers.base import DriverState
from robot_env.server.drivers.fr3 import FR3Driver, FR3DriverConfig
from robot_env.server.drivers.fr3_hand import FR3HandConfig
from shared.errors import ConfigError, DriverLost, RobotFault
from tests.system.robot_bench import SECONDS, Bench

pytestmark = pytest.mark.realtime

PERIOD_SECONDS = 0.1
ACTOR = """
import sys, time
import numpy as np
from robot_env.geometry import TOOL_DOWN, Pose
from robot_env.server.client import RobotClient, RobotClientConfig
from shared.clock import SystemClock

client = RobotClient(RobotClientConfig(address=sys.argv[1]), SystemClock())
client.reset(Pose.of((0.45, 0.0, 0.3), TOOL_DOWN))
client.enable()
for step in range(600):
    y = 0.1 * np.sin(step / 4)
    client.set_point(Pose.of((0.45, y, 0.3), TOOL_DOWN))
    time.sleep(0.1)
"""
LOST_SECONDS = 1.5


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FrankaSim]:
    try:
        install()
    except InstallationFailed as error:
        pytest.skip(f"the simulated Franka cannot be installed here: {error.cause}")
    running = launch(tmp_path_factory.mktemp("franka") / "sim.log", "--enforce-communication")
    yield running
    running.close()


@pytest.fixture
def own_simulator(simulator: FrankaSim, tmp_path: Path) -> Iterator[FrankaSim]:
    """One that may be killed."""
    running = launch(tmp_path / "sim.log", "--enforce-communication")
    yield running
    running.close()


@pytest.fixture
def driver(simulator: FrankaSim) -> Iterator[FR3Driver]:
    made = FR3DriverConfig(host=simulator.host).build()
    yield made
    made.close()
    made.close()


@pytest.fixture
def bench(simulator: FrankaSim, spawn: Any, wait_until: Any) -> Iterator[Bench]:
    made = Bench(spawn, wait_until, simulator.host)
    wait_until(lambda: made.is_in("ready"), SECONDS, "a ready arm")
    yield made
    made.client.close()


def until(driver: FR3Driver, *activities: str, seconds: float = 10.0) -> DriverState:
    deadline = time.monotonic() + seconds
    while (state := driver.read()).activity not in activities:
        assert time.monotonic() < deadline, f"still {state.activity}, not {activities}: {state.errors}"
        time.sleep(0.005)
    return state


def home(driver: FR3Driver) -> Pose:
    driver.travel(Pose.of((0.45, 0.0, 0.35), TOOL_DOWN), 0.2)
    return until(driver, "idle").tcp


def tracking(driver: FR3Driver, impedance: Impedance | None = None) -> Pose:
    here = home(driver)
    driver.engage(impedance or Impedance())
    until(driver, "tracking")
    return here


def test_it_connects_and_reads(driver: FR3Driver):
    assert "libfranka 0.21" in driver.description
    here = home(driver)
    state = driver.read()
    assert state.activity == "idle"
    assert vector_from_rotation(TOOL_DOWN.T @ here.rotation) == pytest.approx(np.zeros(3), abs=0.01)
    assert state.jacobian.shape == (6, 7)
    assert len(state.joints_rad) == 7


def test_it_begins_to_track_without_a_move_and_follows(driver: FR3Driver):
    start = tracking(driver)
    strayed = 0.0
    for _ in range(50):
        strayed = max(strayed, float(np.linalg.norm(driver.read().tcp.position_m - start.position_m)))
        time.sleep(0.01)
    target = Pose.of(start.position_m + np.array((0.015, 0.01, -0.01)), TOOL_DOWN)
    driver.track(target)
    time.sleep(1.0)
    error = float(np.linalg.norm(driver.read().tcp.position_m - target.position_m))
    print(f"\nfranka-sim: strayed {1e3 * strayed:.2f} mm while engaging, static error {1e3 * error:.2f} mm")
    assert strayed < 0.005
    assert error < 0.01


def test_a_travel_is_exact_and_can_be_stopped(driver: FR3Driver):
    tracking(driver)
    goal = Pose.of((0.5, 0.1, 0.3), TOOL_DOWN)
    driver.travel(goal, 0.2)
    state = until(driver, "idle", "reflex")
    assert (state.activity, state.errors) == ("idle", ())
    assert state.tcp.position_m == pytest.approx(goal.position_m, abs=0.003)
    driver.travel(Pose.of((0.4, -0.1, 0.4), TOOL_DOWN), 0.05)
    until(driver, "travelling")
    driver.stop()
    state = until(driver, "idle", "reflex")
    assert (state.activity, state.errors) == ("idle", ())
    driver.travel_joints(np.array(FR3DriverConfig().posture_rad), 0.2)
    state = until(driver, "idle")
    assert state.joints_rad == pytest.approx(FR3DriverConfig().posture_rad, abs=0.01)


def test_a_push_is_felt_as_what_the_surroundings_exert(driver: FR3Driver, simulator: FrankaSim):
    start = tracking(driver)
    simulator.push((0.0, 10.0, 20.0), 2.0)
    deadline = time.monotonic() + 1.5
    while not (state := driver.read()).force_n.any() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert state.force_n == pytest.approx((0.0, 10.0, 20.0))
    time.sleep(0.5)
    assert driver.read().tcp.position_m[2] > start.position_m[2]
    simulator.push((0.0, 0.0, 0.0), 0.0)


def test_led_by_hand_it_gives_way(driver: FR3Driver, simulator: FrankaSim):
    start = tracking(driver)
    driver.guide()
    until(driver, "guiding")
    simulator.push((6.0, 0.0, 0.0), 0.5)
    time.sleep(0.7)
    assert driver.read().tcp.position_m[0] > start.position_m[0] + 0.02
    driver.stop()
    until(driver, "idle")


def test_a_collision_is_a_reflex_by_name_until_recovered(driver: FR3Driver, simulator: FrankaSim):
    tracking(driver)
    simulator.push((0.0, 0.0, 120.0), 0.3)
    state = until(driver, "reflex")
    assert state.errors == ("cartesian_reflex",)
    time.sleep(0.4)
    driver.recover()
    assert until(driver, "idle").errors == ()
    driver.engage(Impedance())
    until(driver, "tracking")


def test_a_released_enabling_device_is_told_and_needs_no_recovery(driver: FR3Driver, simulator: FrankaSim):
    tracking(driver)
    simulator.user_stop(True)
    until(driver, "user_stop")
    simulator.user_stop(False)
    until(driver, "idle")
    driver.engage(Impedance())
    until(driver, "tracking")


def test_the_hand_moves_while_it_is_watched(simulator: FrankaSim):
    hand = FR3HandConfig(host=simulator.host).build()
    hand.home()
    hand.grasp(20.0, 0.1)
    assert hand.read().width_m == pytest.approx(0.0, abs=0.001)
    opening = threading.Thread(target=hand.move, args=(hand.max_width_m, 0.1))
    opening.start()
    hand.read()
    opening.join(10.0)
    assert hand.read().width_m == pytest.approx(0.08, abs=0.001)
    hand.stop()
    hand.close()
    hand.close()


def test_nothing_at_the_address_says_what_to_do():
    with pytest.raises(DriverLost, match=r"refused[^\n]*\n.*activate FCI"):
        FR3DriverConfig(host=free_host()).build()


def test_settings_out_of_range_are_refused():
    with pytest.raises(ConfigError, match="7 values"):
        FR3DriverConfig(posture_rad=(0.0,))
    with pytest.raises(ConfigError, match="not positive"):
        FR3DriverConfig(collision_force_n=0.0)


def test_set_points_at_ten_hertz_are_followed_through_the_server(bench: Bench):
    client = bench.client
    client.reset(Pose.of((0.45, 0.0, 0.3), TOOL_DOWN))
    client.enable()
    errors, ages, due = [], [], time.monotonic()
    for step in range(30):
        state = client.state()
        ages.append(time.monotonic() - state.time_seconds)
        target = state.arm.tcp.position_m + 0.02 * np.array((np.sin(step / 3), np.cos(step / 3), 0.0))
        client.set_point(Pose.of(target, TOOL_DOWN))
        due += PERIOD_SECONDS
        time.sleep(max(0.0, due - time.monotonic()))
        errors.append(float(np.linalg.norm(client.state().arm.tcp.position_m - target)))
    rate = client.state().command_success_rate
    print(
        f"\nfranka-sim: 20 mm set-points at 10 Hz: {1e3 * np.mean(errors):.1f} mm behind after a period, ",
        end="",
    )
    print(f"oldest state {1e3 * max(ages):.0f} ms, success rate {rate:.2f}")
    assert np.mean(errors) < 0.02
    assert client.state().mode == "moving"


def test_a_killed_actor_leaves_the_arm_holding(simulator: FrankaSim, spawn: Any, wait_until: Any):
    bench = Bench(spawn, wait_until, simulator.host, control=False)
    wait_until(lambda: bench.is_in("ready"), SECONDS, "a ready arm")
    actor = spawn([sys.executable, "-c", ACTOR, bench.address])
    wait_until(lambda: bench.is_in("moving") or actor.poll() is not None, SECONDS, "a moving arm")
    assert actor.poll() is None, actor.log.read_text()
    wait_until(lambda: np.linalg.norm(bench.client.peek().arm.velocity_m_s) > 0.03, SECONDS, "speed")
    bench.client.events()
    actor.kill()
    killed = time.monotonic()
    seen: list[Any] = []

    def held() -> bool:
        seen.extend(event for event in bench.client.events() if event.kind == "watchdog_hold")
        return bool(seen)

    wait_until(held, SECONDS, "a hold")
    took = seen[0].time_seconds - killed
    print(f"\nfranka-sim: actor killed: holds after {1e3 * took:.0f} ms (three periods: 300 ms)")
    assert took < 5 * 3 * PERIOD_SECONDS
    wait_until(lambda: np.linalg.norm(bench.client.peek().arm.velocity_m_s) < 0.005, SECONDS, "rest")
    bench.client.close()


def test_late_commands_are_a_real_reflex_that_the_server_recovers(bench: Bench, wait_until: Any):
    bench.client.reset(Pose.of((0.45, 0.0, 0.3), TOOL_DOWN))
    bench.client.events()
    bench.freeze_driver(signal.SIGSTOP)
    time.sleep(0.15)
    bench.freeze_driver(signal.SIGCONT)
    seen: list[Any] = []

    def reflex() -> bool:
        seen.extend(bench.client.events())
        return any("communication_constraints_violation" in event.detail for event in seen)

    wait_until(reflex, SECONDS, "a reflex")
    wait_until(lambda: bench.is_in("reflex"), SECONDS, "its state")
    bench.recover_by_the_rules(wait_until)
    bench.client.reset(Pose.of((0.45, 0.05, 0.3), TOOL_DOWN))
    assert not bench.is_in("reflex")


def test_a_collision_needs_the_operator(bench: Bench, simulator: FrankaSim, wait_until: Any):
    bench.client.reset(Pose.of((0.45, 0.0, 0.3), TOOL_DOWN))
    simulator.push((120.0, 0.0, 0.0), 0.2)
    wait_until(lambda: bench.is_in("reflex"), SECONDS, "a reflex")
    time.sleep(0.3)
    with pytest.raises(RobotFault, match="operator"):
        bench.client.recover()
    bench.client.recover(operator=True)
    bench.client.reset(Pose.of((0.45, 0.0, 0.3), TOOL_DOWN))


@pytest.mark.parametrize("how", ["freeze", "kill"])
def test_a_robot_that_is_gone_is_told_in_time_and_found_again(
    how: str, own_simulator: FrankaSim, spawn: Any, wait_until: Any
):
    simulator = own_simulator
    bench = Bench(spawn, wait_until, simulator.host)
    wait_until(lambda: bench.is_in("ready"), SECONDS, "a ready arm")
    client = bench.client
    client.reset(Pose.of((0.45, 0.0, 0.3), TOOL_DOWN))
    client.enable()
    client.set_point(Pose.of((0.47, 0.0, 0.3), TOOL_DOWN))
    client.events()
    if how == "kill":
        simulator.kill()
    else:
        simulator.freeze()
    gone = time.monotonic()
    wait_until(lambda: bench.is_in("link_lost"), SECONDS, "the loss")
    took = time.monotonic() - gone
    print(f"\nfranka-sim: {how}: link_lost after {took:.2f} s (at most {LOST_SECONDS} s on an idle machine)")
    assert took < 5 * LOST_SECONDS
    if how == "kill":
        simulator.restart()
    else:
        simulator.freeze(False)
    wait_until(lambda: bench.is_in("ready", "holding", "reflex"), SECONDS, "the arm again")
    bench.recover_by_the_rules(wait_until)
    assert {"link_lost", "link_restored"} <= {event.kind for event in client.events()}
    client.reset(Pose.of((0.45, 0.05, 0.3), TOOL_DOWN))
    client.close()


def test_a_silent_host_hangs_nothing(spawn: Any, wait_until: Any):
    host = free_host()
    with socket.create_server((host, ARM_PORT)):
        bench = Bench(spawn, wait_until, host, "--supervision.connect-seconds", "0.5")
        client = bench.client
        wait_until(lambda: "link_lost" in {each.kind for each in client.events()}, SECONDS, "the loss")
        with pytest.raises(RobotFault):
            client.state()
        assert bench.server.poll() is None
        client.close()
        bench.server.send_signal(signal.SIGINT)
        wait_until(lambda: bench.server.poll() is not None, SECONDS, "an orderly end")
