"""Whatever set-points and ticks do, the reference keeps its bounds, stays in their hull and arrives."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robot_env.geometry import Pose, rotation_from_vector, vector_from_rotation
from robot_env.server.reference_filter import LONGEST_TICK_SECONDS, MotionLimits, ReferenceFilter
from shared.errors import ConfigError

LIMITS = MotionLimits()
START = Pose.of((0.4, 0.0, 0.3))
PLACES = st.tuples(st.floats(0.2, 0.8), st.floats(-0.4, 0.4), st.floats(0.0, 0.6))
TURNS = st.tuples(*[st.floats(-0.7, 0.7)] * 3)
TICKS = st.lists(
    st.tuples(st.floats(0.001, LONGEST_TICK_SECONDS), st.one_of(st.none(), st.tuples(PLACES, TURNS))),
    min_size=4,
    max_size=60,
)


def follow(ticks: list) -> tuple[np.ndarray, list[Pose], list[Pose]]:
    """Times, references and targets of a run with jittered ticks and set-points that come or do not."""
    now, path = 10.0, ReferenceFilter(LIMITS, START, 10.0)
    times, poses, targets = [now], [START], [START]
    for seconds, target in ticks:
        if target is not None:
            path.target = Pose.of(target[0], START.rotation @ rotation_from_vector(target[1]))
            targets.append(path.target)
        now += seconds
        times.append(now)
        poses.append(path.step(now))
    return np.array(times), poses, targets


def derivative(times: np.ndarray, values: np.ndarray, order: int) -> np.ndarray:
    """Norms of means of a derivative: divided differences, exact averages over `order` + 1 samples."""
    differences = values
    for step in range(1, order + 1):
        differences = np.diff(differences, axis=0) / (times[step:] - times[:-step])[:, None]
    return np.linalg.norm(differences, axis=1) * math.factorial(order)


@given(TICKS)
def test_speed_acceleration_and_jerk_keep_their_bounds(ticks: list) -> None:
    times, poses, _ = follow(ticks)
    places = np.array([pose.position_m for pose in poses])
    turns = np.array([vector_from_rotation(START.rotation.T @ pose.rotation) for pose in poses])
    for order, limit in enumerate((LIMITS.speed_m_s, LIMITS.acceleration_m_s2, LIMITS.jerk_m_s3), start=1):
        assert derivative(times, places, order).max() <= limit * (1 + 1e-6) + 1e-4
    bounds = (LIMITS.turn_rad_s, LIMITS.turn_acceleration_rad_s2, LIMITS.turn_jerk_rad_s3)
    for order, limit in enumerate(bounds, start=1):
        assert derivative(times, turns, order).max() <= limit * (1 + 1e-6) + 1e-4


@given(TICKS)
def test_the_measured_angular_speed_keeps_its_bound(ticks: list) -> None:
    times, poses, _ = follow(ticks)
    for seconds, before, after in zip(np.diff(times), poses, poses[1:], strict=False):
        angle = np.linalg.norm(vector_from_rotation(before.rotation.T @ after.rotation))
        assert angle <= LIMITS.turn_rad_s * seconds * (1 + 1e-6) + 1e-9


@given(TICKS)
def test_it_never_leaves_the_box_of_its_set_points(ticks: list) -> None:
    _, poses, targets = follow(ticks)
    corners = np.array([target.position_m for target in targets])
    for pose in poses:
        assert np.all(pose.position_m >= corners.min(axis=0) - 1e-9)
        assert np.all(pose.position_m <= corners.max(axis=0) + 1e-9)


@settings(max_examples=20)
@given(PLACES, TURNS, st.floats(0.004, 0.04))
def test_it_arrives_exactly_and_stays(place: tuple, turn: tuple, tick: float) -> None:
    path = ReferenceFilter(LIMITS, START, 0.0)
    path.target = Pose.of(place, START.rotation @ rotation_from_vector(turn))
    now = 0.0
    while now < 2.0:
        now += tick
        path.step(now)
    for later in (now, now + 0.01):
        there = path.step(later)
        assert np.allclose(there.position_m, place, atol=1e-12)
        assert np.allclose(there.rotation, path.target.rotation, atol=1e-9)


def test_a_stall_is_not_caught_up() -> None:
    path = ReferenceFilter(LIMITS, START, 0.0)
    path.target = Pose.of((0.8, 0.0, 0.3))
    path.step(0.005)
    before = path.reference.position_m
    after = path.step(10.0).position_m
    assert np.linalg.norm(after - before) <= LIMITS.speed_m_s * LONGEST_TICK_SECONDS


def test_time_that_stands_still_moves_nothing() -> None:
    path = ReferenceFilter(LIMITS, START, 5.0)
    path.target = Pose.of((0.8, 0.0, 0.3))
    assert np.array_equal(path.step(5.0).position_m, START.position_m)
    assert np.array_equal(path.step(4.0).position_m, START.position_m)


def test_limits_that_are_none_are_refused() -> None:
    with pytest.raises(ConfigError, match="not positive"):
        MotionLimits(jerk_m_s3=0.0)
