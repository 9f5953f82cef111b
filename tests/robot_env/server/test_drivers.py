"""The simulated driver and the faulty one, on a clock moved by hand."""

from collections.abc import Callable

import numpy as np
import pytest

from robot_env.arms.base import Impedance
from robot_env.geometry import TOOL_DOWN, Pose
from robot_env.server.drivers.base import Driver, DriverState
from robot_env.server.drivers.faulty import FaultyDriver, FaultyDriverConfig, parse_fault
from robot_env.server.drivers.simulated import SimulatedDriver, SimulatedDriverConfig
from shared.clock import ManualClock
from shared.errors import ConfigError, DriverLost

TICK_SECONDS = 0.005


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(50.0)


@pytest.fixture
def arm(clock: ManualClock) -> SimulatedDriver:
    return SimulatedDriverConfig().build(clock)


def run(driver: Driver, clock: ManualClock, until: Callable[[DriverState], bool], seconds: float = 10.0):
    for _ in range(round(seconds / TICK_SECONDS)):
        clock.advance(TICK_SECONDS)
        state = driver.read()
        if until(state):
            return state
    raise AssertionError(f"not within {seconds} s: {driver.read()}")


class TestSimulated:
    def test_it_tracks_and_comes_to_rest(self, arm: SimulatedDriver, clock: ManualClock) -> None:
        arm.engage(Impedance())
        run(arm, clock, lambda s: clock.now() > 50.5)
        target = Pose.of((0.46, 0.01, 0.3), TOOL_DOWN)
        arm.track(target)
        state = run(arm, clock, lambda s: np.linalg.norm(s.tcp.position_m - target.position_m) < 1e-3)
        assert state.activity == "tracking"
        assert state.jacobian.shape == (6, len(state.joints_rad))
        arm.stop()
        run(arm, clock, lambda s: s.activity == "idle")
        arm.close()
        arm.close()

    def test_engaging_moves_nothing(self, arm: SimulatedDriver, clock: ManualClock) -> None:
        before = arm.read().tcp.position_m
        arm.engage(Impedance())
        state = run(arm, clock, lambda s: clock.now() > 51.0)
        assert np.linalg.norm(state.tcp.position_m - before) < 1e-3

    def test_it_travels_exactly(self, arm: SimulatedDriver, clock: ManualClock) -> None:
        target = Pose.of((0.5, -0.1, 0.2), TOOL_DOWN)
        arm.travel(target, 0.2)
        state = run(arm, clock, lambda s: s.activity == "idle")
        assert np.allclose(state.tcp.position_m, target.position_m, atol=2e-3)

    def test_joints_travel_exactly(self, arm: SimulatedDriver, clock: ManualClock) -> None:
        target = np.array([0.2, -0.2, 0.1, -2.0, 0.0, 1.8, 0.6])
        arm.travel_joints(target, 0.5)
        state = run(arm, clock, lambda s: s.activity == "idle")
        assert np.allclose(state.joints_rad, target, atol=2e-2)

    def test_a_stalled_computer_is_not_caught_up(self, arm: SimulatedDriver, clock: ManualClock) -> None:
        arm.read()
        clock.advance(1000.0)
        arm.read()


class TestFaulty:
    def build(self, clock: ManualClock, *script: str) -> FaultyDriver:
        faults = tuple(parse_fault(text) for text in script)
        inner = SimulatedDriverConfig().build(clock)
        return FaultyDriver(inner, faults, clock, np.random.default_rng(0))

    def test_a_reflex_comes_when_scripted_and_is_recovered_once(self, clock: ManualClock) -> None:
        arm = self.build(clock, "reflex:joint_reflex@0.1")
        assert arm.read().activity == "idle"
        state = run(arm, clock, lambda s: s.activity == "reflex")
        assert state.errors == ("joint_reflex",)
        arm.recover()
        clock.advance(1.0)
        assert arm.read().activity == "idle"

    def test_a_frozen_state_stands_still_and_goes_on(self, clock: ManualClock) -> None:
        arm = self.build(clock, "freeze@0.1+0.2")
        clock.advance(0.11)
        frozen = arm.read().time_seconds
        clock.advance(0.1)
        assert arm.read().time_seconds == frozen
        clock.advance(0.2)
        assert arm.read().time_seconds > frozen

    def test_lost_references_show_in_the_success_rate(self, clock: ManualClock) -> None:
        arm = self.build(clock, "drop:0.5@0+10")
        arm.engage(Impedance())
        for _ in range(200):
            arm.track(arm.read().tcp)
        assert 0.3 < arm.read().command_success_rate < 0.7

    def test_drift_hang_stop_and_loss(self, clock: ManualClock) -> None:
        arm = self.build(clock, "drift:10@1+1", "hang@3+2", "user_stop@6+1", "lost@8")
        before = arm.read().tcp.position_m[0]
        clock.advance(1.5)
        assert arm.read().tcp.position_m[0] - before == pytest.approx(0.005, abs=1e-4)
        clock.advance(1.6)
        now = clock.now()
        arm.read()
        assert clock.now() == now + 2.0
        clock.advance(1.2)
        assert arm.read().activity == "user_stop"
        clock.advance(1.0)
        assert arm.read().activity == "idle"
        clock.advance(1.0)
        with pytest.raises(DriverLost, match="script breaks"):
            arm.read()

    @pytest.mark.parametrize("text", ["", "reflex", "explode@1", "freeze@1.2.3", "freeze@1+"])
    def test_what_is_no_fault_is_refused(self, text: str) -> None:
        with pytest.raises(ConfigError, match="freeze"):
            parse_fault(text)

    def test_it_wraps_only_another_driver(self) -> None:
        for name in ("faulty", "nothing"):
            with pytest.raises(ConfigError, match="cannot be wrapped"):
                FaultyDriverConfig(wraps=name)
