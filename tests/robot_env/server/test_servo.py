"""The servo over a kinematic arm, on a clock moved by hand."""

from collections.abc import Callable

import numpy as np
import pytest

from robot_env.arms.base import Impedance
from robot_env.geometry import TOOL_DOWN, Pose
from robot_env.server.guards import Limits
from robot_env.server.procedures import ProcedureConfig, waypoints
from robot_env.server.recovery import RecoveryConfig
from shared.errors import ConfigError, RobotFault

COMMUNICATION = "communication_constraints_violation"


class TestFollowing:
    def test_nothing_moves_before_it_is_enabled(self, bench: Callable) -> None:
        at_rest = bench()
        at_rest.move((0.02, 0.0, 0.0), periods=3)
        assert at_rest.mode == "ready"
        assert at_rest.arm.calls == []

    def test_set_points_are_followed_within_the_filters_bounds(self, bench: Callable) -> None:
        moving = bench().enable()
        target = Pose.of((0.5, 0.05, 0.28), TOOL_DOWN)
        for _ in range(10):
            moving.servo.set_point(target, 0.0, 0.1)
            moving.run(0.1)
        assert moving.mode == "moving"
        assert np.allclose(moving.arm.tcp.position_m, target.position_m, atol=1e-4)
        steps = np.diff([r.position_m for r in moving.arm.references], axis=0)
        assert np.linalg.norm(steps, axis=1).max() <= 0.6 * 0.005 * 1.001

    def test_three_silent_periods_hold_where_the_tool_was_measured(self, bench: Callable) -> None:
        moving = bench().enable()
        moving.move((0.03, 0.0, 0.0), periods=5)
        moving.run(0.195)
        assert moving.mode == "moving"
        moving.run(0.01)
        held = moving.servo.state.tcp.position_m
        assert moving.mode == "holding"
        moving.run(1.0)
        assert np.allclose(moving.arm.tcp.position_m, held, atol=1e-3)
        assert moving.kinds() == ["watchdog_hold"]

    def test_the_hold_is_a_fixed_place_not_wherever_the_arm_is_pushed(self, bench: Callable) -> None:
        held = bench().enable()
        before = held.arm.tcp.position_m.copy()
        for _ in range(20):
            held.servo.hold()
            held.arm.tcp = Pose(held.arm.tcp.position_m - np.array([0.0, 0.0, 0.0005]), held.arm.tcp.rotation)
            held.run(0.05)
        assert np.allclose(held.arm.tcp.position_m, before, atol=2e-3)

    def test_two_silent_seconds_end_the_motion_and_enable_resumes_it(self, bench: Callable) -> None:
        moving = bench().enable()
        moving.move((0.02, 0.0, 0.0))
        moving.run(2.0)
        assert moving.mode == "ready"
        assert moving.arm.calls[-1] == "stop"
        assert moving.kinds() == ["watchdog_hold", "watchdog_stop"]
        moving.servo.enable(2)
        assert moving.run_until(2) is None
        assert moving.mode == "holding"

    def test_holding_said_again_keeps_the_motion(self, bench: Callable) -> None:
        moving = bench().enable()
        for _ in range(10):
            moving.servo.hold()
            moving.run(1.0)
        assert moving.mode == "holding"

    def test_a_hold_stops_a_motion_at_once(self, bench: Callable) -> None:
        moving = bench().enable()
        moving.move((0.05, 0.0, 0.0), periods=4)
        moving.servo.hold()
        at = moving.servo.state.tcp.position_m
        moving.run(1.0)
        assert moving.mode == "holding"
        assert np.allclose(moving.arm.tcp.position_m, at, atol=1e-3)

    @pytest.mark.parametrize(
        ("place", "age", "why"),
        [
            ((0.9, 0.4, 0.3), 0.0, "away from the tool"),
            ((np.nan, 0.0, 0.3), 0.0, "not a pose"),
            ((0.46, 0.0, 0.3), 0.31, "under way"),
        ],
    )
    def test_absurd_and_stale_set_points_are_refused_and_told_once(
        self, bench: Callable, place: tuple, age: float, why: str
    ) -> None:
        enabled = bench().enable()
        before = enabled.arm.tcp.position_m
        for _ in range(5):
            enabled.servo.set_point(Pose.of(place, TOOL_DOWN), age, 0.1)
            enabled.run(0.1)
        assert np.allclose(enabled.arm.tcp.position_m, before, atol=1e-6)
        told = [event for event in enabled.events if event.kind == "guard"]
        assert len(told) == 1
        assert why in told[0].detail

    def test_a_limit_is_told_when_it_begins(self, bench: Callable) -> None:
        low = bench()
        low.arm.tcp = Pose.of((0.45, 0.0, 0.02), TOOL_DOWN)
        low.enable()
        low.move((0.0, 0.0, -0.05), periods=5)
        assert [event.detail for event in low.events if event.kind == "limited"] == ["workspace"]
        assert low.arm.tcp.position_m[2] >= -1e-9

    def test_pressing_too_hard_stops_the_advance_between_set_points_too(self, bench: Callable) -> None:
        pressing = bench().enable()
        pressing.servo.set_point(Pose.of((0.45, 0.0, 0.2), TOOL_DOWN), 0.0, 0.1)
        pressing.run(0.05)
        pressing.arm.force_n = np.array([0.0, 0.0, 90.0])
        height = pressing.arm.tcp.position_m[2]
        pressing.run(0.5)
        assert pressing.arm.tcp.position_m[2] > height - 0.03
        assert "guard" in pressing.kinds()

    def test_a_tool_that_is_too_fast_is_stopped(self, bench: Callable) -> None:
        moving = bench().enable()
        moving.arm.velocity_m_s = np.array([2.0, 0.0, 0.0])
        moving.run(0.1)
        assert moving.mode == "ready"
        assert moving.kinds() == ["guard"]
        assert moving.arm.calls[-1] == "stop"

    def test_a_motion_that_the_arm_ended_itself_is_noticed(self, bench: Callable) -> None:
        moving = bench().enable()
        moving.arm.activity = "idle"
        moving.run(0.01)
        assert moving.mode == "ready"
        assert "ended its motion" in moving.servo.modes.reason


class TestEngaging:
    def test_a_tool_that_jumps_while_the_gains_rise_is_stopped(self, bench: Callable) -> None:
        heavy = bench()
        heavy.arm.jump = np.array([0.0, 0.0, -0.02])
        heavy.servo.enable(1)
        error = heavy.run_until(1)
        assert isinstance(error, RobotFault)
        assert "while its gains rose" in error.cause
        assert heavy.mode == "ready"
        assert heavy.arm.calls == ["engage", "stop", "stop"]

    def test_another_impedance_is_engaged_anew_and_the_same_is_not(self, bench: Callable) -> None:
        enabled, soft = bench().enable(), Impedance(stiffness_n_m=500.0)
        for request in (2, 3):
            enabled.servo.comply(soft, request)
            assert enabled.run_until(request) is None
        assert enabled.arm.calls.count("engage") == 2
        assert enabled.arm.impedance == soft


class TestResets:
    def test_up_over_and_down_then_held(self, bench: Callable) -> None:
        resetting = bench()
        resetting.servo.reset(Pose.of((0.5, 0.1, 0.2), TOOL_DOWN), 20.0, 7)
        assert resetting.mode == "resetting"
        assert resetting.run_until(7) is None
        travels = [call for call in resetting.arm.calls if call.startswith("travel")]
        assert travels == ["travel [0.45 0.   0.35]", "travel [0.5  0.1  0.35]", "travel [0.5 0.1 0.2]"]
        assert resetting.mode == "holding"
        assert resetting.kinds() == ["reset_done"]
        assert np.allclose(resetting.arm.tcp.position_m, (0.5, 0.1, 0.2), atol=1e-6)

    def test_no_detour_where_it_is_there_or_right_below(self) -> None:
        start, config = Pose.of((0.5, 0.0, 0.3), TOOL_DOWN), ProcedureConfig()
        assert waypoints(start, start, config, 0.6) == []
        up = Pose.of((0.5, 0.0, 0.4), TOOL_DOWN)
        corners = [corner.position_m.tolist() for corner in waypoints(start, up, config, 0.4)]
        assert corners == [[0.5, 0.0, 0.4]]

    def test_a_blocked_arm_fails_at_its_deadline_and_is_stopped(self, bench: Callable) -> None:
        blocked = bench()
        blocked.arm.blocked = True
        blocked.servo.reset(Pose.of((0.5, 0.1, 0.2), TOOL_DOWN), 5.0, 7)
        error = blocked.run_until(7, seconds=6.0)
        assert isinstance(error, RobotFault)
        assert "did not arrive" in error.cause
        assert blocked.mode == "ready"
        assert blocked.kinds() == ["reset_failed"]

    def test_a_place_outside_of_the_workspace_is_refused_before_anything_moves(self, bench: Callable) -> None:
        asked = bench()
        asked.servo.reset(Pose.of((0.1, 0.0, 0.3), TOOL_DOWN), 5.0, 7)
        assert isinstance(asked.reports[7], ConfigError)
        assert asked.arm.calls == []

    def test_joints_go_up_first(self, bench: Callable) -> None:
        asked = bench()
        asked.arm.joints_rad = asked.arm.joints_rad + 0.3
        asked.servo.reset_joints(20.0, 7)
        assert asked.run_until(7) is None
        assert asked.arm.calls[:3] == ["stop", "travel [0.45 0.   0.35]", "travel_joints"]

    def test_joints_go_up_no_farther_than_the_workspace(self, bench: Callable) -> None:
        asked = bench(limits=Limits(high_m=(0.8, 0.4, 0.32)))
        asked.arm.joints_rad = asked.arm.joints_rad + 0.3
        asked.servo.reset_joints(20.0, 7)
        assert asked.run_until(7) is None
        assert asked.arm.calls[:3] == ["stop", "travel [0.45 0.   0.32]", "travel_joints"]

    def test_joints_go_at_once_where_the_tool_is_above_the_workspace(self, bench: Callable) -> None:
        asked = bench(limits=Limits(high_m=(0.8, 0.4, 0.25)))
        asked.arm.joints_rad = asked.arm.joints_rad + 0.3
        asked.servo.reset_joints(20.0, 7)
        assert asked.run_until(7) is None
        assert asked.arm.calls[:2] == ["stop", "travel_joints"]

    def test_a_hold_ends_a_reset_and_whoever_waits_is_told(self, bench: Callable) -> None:
        resetting = bench()
        resetting.servo.reset(Pose.of((0.5, 0.1, 0.2), TOOL_DOWN), 20.0, 7)
        resetting.run(0.1)
        resetting.servo.hold()
        error, at = resetting.reports[7], resetting.arm.tcp.position_m
        assert isinstance(error, RobotFault)
        assert "told to hold" in error.cause
        assert resetting.modes_at_report[7] == "ready"  # by which a client sees that a person has to look
        resetting.run(1.0)
        assert np.allclose(resetting.arm.tcp.position_m, at)
        assert resetting.mode == "ready"
        assert resetting.kinds() == ["reset_failed"]

    @pytest.mark.parametrize("seconds", [np.inf, np.nan, 0.0, -1.0, 1e9])
    def test_a_reset_without_a_bound_is_refused_before_anything_moves(
        self, bench: Callable, seconds: float
    ) -> None:
        asked = bench()
        asked.arm.joints_rad = asked.arm.joints_rad + 0.3
        asked.servo.reset(Pose.of((0.5, 0.1, 0.2), TOOL_DOWN), seconds, 7)
        asked.servo.reset_joints(seconds, 8)
        for request in (7, 8):
            error = asked.reports[request]
            assert isinstance(error, ConfigError)
            assert "more than 0 and up to 120 s" in error.cure
        assert asked.arm.calls == []

    def test_set_points_meanwhile_do_nothing(self, bench: Callable) -> None:
        resetting = bench()
        resetting.servo.reset(Pose.of((0.5, 0.1, 0.2), TOOL_DOWN), 20.0, 7)
        resetting.move((0.02, 0.0, 0.0), periods=2)
        assert resetting.mode == "resetting"
        assert resetting.arm.references == []

    def test_another_request_ends_the_one_before(self, bench: Callable) -> None:
        asked = bench()
        asked.servo.reset(Pose.of((0.5, 0.1, 0.2), TOOL_DOWN), 20.0, 7)
        asked.run(0.1)
        asked.servo.enable(8)
        assert isinstance(asked.run_until(7), RobotFault)
        assert asked.run_until(8) is None
        assert asked.mode == "holding"

    def test_guiding_ends_a_reset_too(self, bench: Callable) -> None:
        asked = bench()
        asked.servo.reset(Pose.of((0.5, 0.1, 0.2), TOOL_DOWN), 20.0, 7)
        asked.run(0.1)
        asked.servo.guide(True, 8)
        assert asked.run_until(8) is None
        assert asked.mode == "guiding"
        asked.servo.reset(Pose.of((0.5, 0.1, 0.2), TOOL_DOWN), 20.0, 9)
        assert asked.run_until(9) is None
        assert asked.mode == "holding"


class TestErrors:
    def test_a_reflex_ends_everything_and_is_recovered_by_the_rules(self, bench: Callable) -> None:
        moving = bench().enable()
        moving.move((0.02, 0.0, 0.0))
        moving.arm.fail(COMMUNICATION)
        moving.run(0.02)
        assert (moving.mode, moving.servo.modes.reason) == ("reflex", COMMUNICATION)
        assert moving.kinds() == ["reflex"]
        moving.servo.enable(2)
        assert "recover first" in str(moving.reports[2])
        moving.servo.recover(False, 3)
        assert moving.run_until(3) is None
        assert moving.mode == "ready"
        assert moving.kinds() == ["reflex", "recovered"]
        moving.servo.enable(4)
        assert moving.run_until(4) is None

    def test_a_collision_is_not_cleared_without_the_operator(self, bench: Callable) -> None:
        moving = bench().enable()
        moving.arm.fail("cartesian_reflex")
        moving.run(0.02)
        moving.servo.recover(False, 2)
        assert "needs the operator" in str(moving.reports[2])
        assert moving.kinds() == ["reflex", "recovery_refused"]
        assert "recover" not in moving.arm.calls
        moving.servo.recover(True, 3)
        assert moving.run_until(3) is None
        assert moving.mode == "ready"

    def test_automatic_recoveries_are_counted(self, bench: Callable) -> None:
        moving = bench(recovery=RecoveryConfig(automatic_per_hour=2))
        for request in (1, 2, 3):
            moving.arm.fail(COMMUNICATION)
            moving.run(0.02)
            moving.servo.recover(False, request)
            moving.run(0.05)
        assert moving.reports[2] is None
        assert "2 recoveries within the hour" in str(moving.reports[3])

    def test_a_reflex_during_a_reset_fails_it(self, bench: Callable) -> None:
        resetting = bench()
        resetting.servo.reset(Pose.of((0.5, 0.1, 0.2), TOOL_DOWN), 20.0, 7)
        resetting.run(0.1)
        resetting.arm.fail("joint_reflex")
        resetting.run(0.01)
        assert isinstance(resetting.reports[7], RobotFault)
        assert resetting.mode == "reflex"

    def test_a_released_enabling_device_stops_until_enabled_anew(self, bench: Callable) -> None:
        moving = bench().enable()
        moving.arm.activity = "user_stop"
        moving.run(0.02)
        assert moving.mode == "user_stop"
        moving.arm.activity = "idle"
        moving.run(0.02)
        assert moving.mode == "ready"

    def test_an_error_that_does_not_clear_is_reported(self, bench: Callable) -> None:
        stuck = bench()
        stuck.arm.fail(COMMUNICATION)
        stuck.arm.recover = lambda: None
        stuck.run(0.02)
        stuck.servo.recover(False, 2)
        error = stuck.run_until(2)
        assert "did not clear" in str(error)
        assert stuck.mode == "reflex"


def test_guiding_begins_at_rest_and_ends_in_ready(bench: Callable) -> None:
    led = bench().enable()
    led.servo.guide(True, 2)
    assert led.run_until(2) is None
    assert led.mode == "guiding"
    assert led.arm.calls[-2:] == ["stop", "guide"]
    led.servo.guide(False, 3)
    assert led.run_until(3) is None
    assert led.mode == "ready"


def test_leaving_stops_the_motion(bench: Callable) -> None:
    moving = bench().enable()
    moving.servo.release()
    assert moving.arm.activity == "idle"
