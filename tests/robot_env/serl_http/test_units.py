"""Units there and back."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robot_env.arms.base import Impedance
from robot_env.geometry import Pose, rotation_from_vector
from robot_env.serl_http.compliance import KEYS, changed, parameters
from robot_env.serl_http.gripper_units import UNITS, opens, position_from_width, width_from_position
from robot_env.serl_http.poses import euler_xyz, pose_of, seven

TURNS = st.tuples(*[st.floats(-math.pi, math.pi)] * 3)
PLACES = st.tuples(*[st.floats(-2, 2)] * 3)
CLIPS = st.tuples(*[st.floats(1e-4, 0.1)] * 3)


@given(PLACES, TURNS)
def test_a_pose_survives_its_seven_numbers(place, turn):
    pose = Pose.of(place, rotation_from_vector(turn))
    again = pose_of(seven(pose))
    np.testing.assert_array_equal(again.position_m, pose.position_m)
    np.testing.assert_allclose(again.rotation, pose.rotation, atol=1e-9)


@given(TURNS)
def test_euler_angles_rebuild_the_rotation(turn):
    rotation = rotation_from_vector(turn)
    roll, pitch, yaw = euler_xyz(rotation)
    about = [rotation_from_vector(v) for v in ((roll, 0, 0), (0, pitch, 0), (0, 0, yaw))]
    np.testing.assert_allclose(about[2] @ about[1] @ about[0], rotation, atol=1e-7)


@pytest.mark.parametrize("pitch", [math.pi / 2, -math.pi / 2])
def test_euler_angles_where_two_axes_meet(pitch):
    rotation = rotation_from_vector((0, pitch, 0)) @ rotation_from_vector((0.3, 0, 0))
    roll, found, yaw = euler_xyz(rotation)
    about = [rotation_from_vector(v) for v in ((roll, 0, 0), (0, found, 0), (0, 0, yaw))]
    np.testing.assert_allclose(about[2] @ about[1] @ about[0], rotation, atol=1e-7)


@given(st.sampled_from(UNITS), st.floats(0.0, 0.08))
def test_a_width_survives_every_unit(units, width_m):
    there = position_from_width(width_m, units)
    tolerance = 0.08 / 255 / 2 if units == "serl_robotiq" else 1e-12
    assert width_from_position(there, units) == pytest.approx(width_m, abs=tolerance + 1e-12)


@pytest.mark.parametrize(
    ("units", "open_at", "closed_at"), [("serl", 0.08, 0.0), ("serl_robotiq", 0.0, 255.0), ("hil", 1.0, 0.0)]
)
def test_the_ends_of_every_unit(units, open_at, closed_at):
    assert position_from_width(0.08, units) == open_at
    assert position_from_width(0.0, units) == closed_at
    assert opens(0, units) == (units == "serl_robotiq")
    assert opens(255, units) == (units != "serl_robotiq")


@given(st.floats(1, 5000), st.floats(1, 500), CLIPS, st.floats(1, 500), st.floats(0.1, 50), CLIPS)
def test_an_impedance_survives_its_eighteen_keys(stiffness, damping, clip, turning, turn_damping, turn_clip):
    impedance = Impedance(
        stiffness_n_m=stiffness,
        damping_ns_m=damping,
        clip_m=clip,
        rotational_stiffness_nm_rad=turning,
        rotational_damping_nms_rad=turn_damping,
        rotational_clip_rad=turn_clip,
    )
    values = parameters(impedance)
    assert set(values) == set(KEYS)
    assert len(values) == 18
    assert changed(Impedance(), values) == impedance
    assert changed(impedance, {}) == impedance
