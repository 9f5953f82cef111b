from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robot_env.geometry import TOOL_DOWN, Pose, rotation_from_vector
from robot_env.server.drivers.base import DriverState
from robot_env.server.guards import Guards, Limits
from shared.errors import ConfigError

LIMITS = Limits()
GUARDS = Guards(LIMITS)
STATE = DriverState(
    tcp=Pose.of((0.5, 0.0, 0.3), TOOL_DOWN),
    velocity_m_s=np.zeros(3),
    angular_velocity_rad_s=np.zeros(3),
    force_n=np.zeros(3),
    joints_rad=np.array([0.0, -0.3, 0.0, -2.2, 0.0, 1.9, 0.8]),
    jacobian=np.eye(6, 7),
    activity="tracking",
    time_seconds=0.0,
)
NUMBERS = st.floats(allow_nan=True, allow_infinity=True)


@given(st.tuples(NUMBERS, NUMBERS, NUMBERS), st.tuples(*[NUMBERS] * 9))
def test_whatever_is_asked_for_what_passes_is_within_the_limits(place: tuple, turn: tuple) -> None:
    rotation = np.array(turn).reshape(3, 3)
    for wanted in (Pose.of(place, TOOL_DOWN), Pose.of(place, rotation)):
        target = GUARDS.admit(wanted, STATE).target
        if target is not None:
            assert np.all(target.position_m >= LIMITS.low_m)
            assert np.all(target.position_m <= LIMITS.high_m)
            assert np.linalg.norm(target.position_m - STATE.tcp.position_m) <= LIMITS.jump_m + 1e-9
            assert np.allclose(target.rotation @ target.rotation.T, np.eye(3), atol=1e-2)


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        (Pose.of((np.nan, 0.0, 0.3), TOOL_DOWN), "not a pose"),
        (Pose.of((0.5, 0.0, 0.3), 2 * TOOL_DOWN), "not a pose"),
        (Pose.of((0.5, 0.0, 0.3), -np.eye(3)), "not a pose"),
        (Pose.of((0.5, 0.3, 0.3), TOOL_DOWN), "0.300 m away from the tool, the limit is 0.25 m"),
        (Pose.of((0.5, 0.0, 0.3), rotation_from_vector((0, 0, 1.1)) @ TOOL_DOWN), "turned 1.10 rad"),
    ],
)
def test_an_absurd_set_point_is_refused_with_its_reason(wanted: Pose, why: str) -> None:
    admitted = GUARDS.admit(wanted, STATE)
    assert admitted.target is None
    assert why in admitted.reasons[0]


def test_a_set_point_outside_of_the_workspace_comes_back_to_its_face() -> None:
    low = replace(STATE, tcp=Pose.of((0.5, 0.0, 0.1), TOOL_DOWN))
    admitted = GUARDS.admit(Pose.of((0.5, 0.0, -0.1), TOOL_DOWN), low)
    assert admitted.target is not None
    assert admitted.target.position_m[2] == 0.0
    assert admitted.reasons == ("workspace",)


def test_pressing_too_hard_only_retreat_passes() -> None:
    pressing = replace(STATE, force_n=np.array([0.0, 0.0, 80.0]))
    down, up = Pose.of((0.5, 0.0, 0.28), TOOL_DOWN), Pose.of((0.5, 0.0, 0.32), TOOL_DOWN)
    held, passed = GUARDS.admit(down, pressing).target, GUARDS.admit(up, pressing).target
    assert held is not None
    assert np.array_equal(held.position_m, STATE.tcp.position_m)
    assert passed is not None
    assert passed.position_m[2] == pytest.approx(0.32)
    assert GUARDS.presses(down, pressing)
    assert not GUARDS.presses(up, pressing)
    assert not GUARDS.presses(down, STATE)


@pytest.mark.parametrize(("joint", "sign"), [(0, 1.0), (1, -1.0)])
def test_a_joint_at_its_limit_turns_only_away_from_it(joint: int, sign: float) -> None:
    joints = STATE.joints_rad.copy()
    joints[joint] = LIMITS.joint_high_rad[joint] - 0.01 if sign > 0 else LIMITS.joint_low_rad[joint] + 0.01
    at_limit = replace(STATE, joints_rad=joints)
    step = np.zeros(3)
    step[joint] = 0.02 * sign  # this jacobian turns joint i for motion along axis i
    out = GUARDS.admit(Pose.of(STATE.tcp.position_m + step, TOOL_DOWN), at_limit)
    back = GUARDS.admit(Pose.of(STATE.tcp.position_m - step, TOOL_DOWN), at_limit)
    assert out.target is None
    assert out.reasons == (f"joint {joint + 1} is at its limit",)
    assert back.target is not None


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"velocity_m_s": np.array([1.0, 1.0, 0.0])}, "1.41 m/s"),
        ({"velocity_m_s": np.full(3, np.nan)}, "nan m/s"),
        ({"tcp": Pose.of((np.inf, 0, 0))}, "not finite"),
        ({}, None),
    ],
)
def test_a_measurement_that_must_not_go_on(change: dict, why: str | None) -> None:
    danger = GUARDS.danger(replace(STATE, **change))
    assert (danger is None) if why is None else (danger is not None and why in danger)


def test_starts_outside_of_the_workspace_are_refused_by_name() -> None:
    GUARDS.require_start(STATE.tcp)
    for place in ((0.1, 0.0, 0.3), (0.5, 0.0, np.nan)):
        with pytest.raises(ConfigError, match=r"outside of the robot server's workspace"):
            GUARDS.require_start(Pose.of(place, TOOL_DOWN))
    with pytest.raises(ConfigError, match="away from pointing down"):
        GUARDS.require_start(Pose.of((0.5, 0.0, 0.3), np.eye(3)))


def test_limits_that_are_none_are_refused() -> None:
    for wrong in ({"jump_m": 0.0}, {"low_m": (0.9, 0.0, 0.0)}, {"joint_low_rad": (0.0,)}):
        with pytest.raises(ConfigError):
            Limits(**wrong)
