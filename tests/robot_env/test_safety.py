import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from robot_env.arms.base import ArmState
from robot_env.geometry import TOOL_DOWN, Pose, rotation_from_vector, vector_from_rotation
from robot_env.safety import SafetyEnvelope
from shared.errors import ConfigError

ENVELOPE = SafetyEnvelope(
    low_m=(0.3, -0.2, 0.05),
    high_m=(0.6, 0.2, 0.4),
    step_m=0.05,
    speed_m_s=1.0,
    rotation_range_rad=0.5,
    rotation_step_rad=0.15,
    force_n=20.0,
)
PERIOD_SECONDS = 0.1
TURNS = arrays(np.float64, 3, elements=st.floats(-0.25, 0.25))
INSIDE = st.tuples(st.floats(0.3, 0.6), st.floats(-0.2, 0.2), st.floats(0.05, 0.4))
ANYWHERE = arrays(np.float64, 3, elements=st.floats(-2.0, 2.0))
FORCES = arrays(np.float64, 3, elements=st.floats(-40.0, 40.0))


def down(turn: np.ndarray) -> np.ndarray:
    return TOOL_DOWN @ rotation_from_vector(turn)


def state(position: tuple[float, float, float] | np.ndarray, turn: np.ndarray, force: np.ndarray) -> ArmState:
    zero = np.zeros(3)
    return ArmState(
        tcp=Pose.of(position, down(turn)), velocity_m_s=zero, angular_velocity_rad_s=zero, force_n=force
    )


def angle(rotation: np.ndarray) -> float:
    return float(np.linalg.norm(vector_from_rotation(rotation)))


@given(INSIDE, TURNS, FORCES, ANYWHERE, arrays(np.float64, 3, elements=st.floats(-1.5, 1.5)))
def test_what_comes_out_keeps_every_limit(position, turn, force, wanted, wanted_turn) -> None:
    arm = state(position, turn, force)
    target = ENVELOPE.bound(Pose.of(wanted, down(wanted_turn)), arm, PERIOD_SECONDS).target
    step = target.position_m - arm.tcp.position_m
    assert (target.position_m >= np.array(ENVELOPE.low_m) - 1e-9).all()
    assert (target.position_m <= np.array(ENVELOPE.high_m) + 1e-9).all()
    assert np.linalg.norm(step) <= ENVELOPE.step_m + 1e-9
    assert angle(TOOL_DOWN.T @ target.rotation) <= ENVELOPE.rotation_range_rad + 1e-6
    assert angle(arm.tcp.rotation.T @ target.rotation) <= ENVELOPE.rotation_step_rad + 1e-6
    if np.linalg.norm(force) > ENVELOPE.force_n:
        assert step @ force >= 0


@given(ANYWHERE, TURNS, FORCES, ANYWHERE, arrays(np.float64, 3, elements=st.floats(-1.5, 1.5)))
def test_bounding_twice_is_bounding_once(position, turn, force, wanted, wanted_turn) -> None:
    arm = state(position, turn, force)
    once = ENVELOPE.bound(Pose.of(wanted, down(wanted_turn)), arm, PERIOD_SECONDS)
    twice = ENVELOPE.bound(once.target, arm, PERIOD_SECONDS)
    assert np.allclose(once.target.position_m, twice.target.position_m, atol=1e-8)
    assert np.allclose(once.target.rotation, twice.target.rotation, atol=1e-6)
    assert "force" not in twice.limited_by
    assert "workspace" not in twice.limited_by


@given(INSIDE, TURNS, st.floats(0.0, 0.9), INSIDE, TURNS)
def test_what_is_inside_passes_unchanged(position, turn, share, towards, wanted_turn) -> None:
    arm = state(position, turn, np.zeros(3))
    step = np.subtract(towards, position)
    length = max(float(np.linalg.norm(step)), 1e-9)
    wanted = Pose.of(
        np.add(position, step * min(1.0, share * ENVELOPE.step_m / length)),
        arm.tcp.rotation @ rotation_from_vector(wanted_turn * 0.1),
    )
    bounded = ENVELOPE.bound(wanted, arm, PERIOD_SECONDS)
    assert bounded.limited_by == ()
    assert np.array_equal(bounded.target.position_m, wanted.position_m)
    assert np.array_equal(bounded.target.rotation, wanted.rotation)


@given(ANYWHERE, ANYWHERE)
def test_a_tool_outside_is_never_sent_further_out(position, wanted) -> None:
    arm = state(position, np.zeros(3), np.zeros(3))
    target = ENVELOPE.bound(Pose.of(wanted, TOOL_DOWN), arm, PERIOD_SECONDS).target.position_m
    low, high = np.array(ENVELOPE.low_m), np.array(ENVELOPE.high_m)
    outside = np.maximum(low - position, 0) + np.maximum(position - high, 0)
    outside_then = np.maximum(low - target, 0) + np.maximum(target - high, 0)
    assert (outside_then <= outside + 1e-9).all()
    assert np.linalg.norm(target - position) <= ENVELOPE.step_m + 1e-9


@pytest.mark.parametrize(
    ("wanted", "turn", "force", "reason"),
    [
        ((0.45, 0.0, 0.0), 0.0, 0.0, "workspace"),
        ((0.55, 0.0, 0.1), 0.0, 0.0, "step"),
        ((0.45, 0.0, 0.1), 0.3, 0.0, "rotation_step"),
        ((0.45, 0.0, 0.1), 1.0, 0.0, "rotation"),
        ((0.45, 0.0, 0.08), 0.0, 25.0, "force"),
    ],
)
def test_each_limit_gives_its_reason(
    wanted: tuple[float, float, float], turn: float, force: float, reason: str
) -> None:
    arm = state((0.45, 0.0, 0.1), np.zeros(3), np.array([0.0, 0.0, force]))
    target = Pose.of(wanted, down(np.array([0.0, 0.0, turn])))
    assert reason in ENVELOPE.bound(target, arm, PERIOD_SECONDS).limited_by


def test_speed_limits_a_step_that_is_short_enough() -> None:
    slow = SafetyEnvelope(low_m=ENVELOPE.low_m, high_m=ENVELOPE.high_m, step_m=0.05, speed_m_s=0.1)
    arm = state((0.45, 0.0, 0.1), np.zeros(3), np.zeros(3))
    bounded = slow.bound(Pose.of((0.48, 0.0, 0.1), TOOL_DOWN), arm, PERIOD_SECONDS)
    assert bounded.limited_by == ("speed",)
    assert bounded.target.position_m[0] == pytest.approx(0.46)


def test_retreating_from_a_contact_is_allowed() -> None:
    arm = state((0.45, 0.0, 0.1), np.zeros(3), np.array([0.0, 0.0, 25.0]))
    bounded = ENVELOPE.bound(Pose.of((0.45, 0.0, 0.12), TOOL_DOWN), arm, PERIOD_SECONDS)
    assert bounded.limited_by == ()
    assert bounded.target.position_m[2] == pytest.approx(0.12)


@pytest.mark.parametrize(
    "wrong",
    [
        {"low_m": (0.7, -0.2, 0.0)},
        {"step_m": 0.0},
        {"speed_m_s": float("nan")},
        {"rotation_range_rad": 2.0},
        {"force_n": -1.0},
    ],
)
def test_limits_out_of_range_are_refused(wrong: dict) -> None:
    with pytest.raises(ConfigError, match="safety envelope"):
        SafetyEnvelope(**({"low_m": (0.3, -0.2, 0.0), "high_m": (0.6, 0.2, 0.4), "step_m": 0.05} | wrong))
