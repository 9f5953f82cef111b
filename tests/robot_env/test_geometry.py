import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from robot_env.geometry import (
    limit_length,
    quaternion_wxyz,
    rotation_from_vector,
    six_d,
    vector_from_rotation,
)

VECTORS = arrays(np.float64, 3, elements=st.floats(-1.8, 1.8))


@given(VECTORS)
def test_rotations_are_orthonormal_and_right_handed(vector: np.ndarray) -> None:
    rotation = rotation_from_vector(vector)
    assert np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-9)
    assert np.linalg.det(rotation) > 0


@given(VECTORS)
def test_vector_and_rotation_are_inverse_up_to_half_a_turn(vector: np.ndarray) -> None:
    rotation = rotation_from_vector(vector)
    back = vector_from_rotation(rotation)
    assert np.linalg.norm(back) <= np.pi + 1e-9
    assert np.allclose(rotation_from_vector(back), rotation, atol=1e-7)


def test_a_quarter_turn_about_the_vertical() -> None:
    rotation = rotation_from_vector((0.0, 0.0, np.pi / 2))
    assert np.allclose(rotation @ [1, 0, 0], [0, 1, 0])
    assert np.allclose(quaternion_wxyz(rotation), [np.sqrt(0.5), 0, 0, np.sqrt(0.5)])
    assert np.allclose(six_d(rotation), [0, 1, 0, -1, 0, 0])


def test_half_turns_about_every_axis_survive() -> None:
    for axis in np.eye(3):
        rotation = rotation_from_vector(axis * np.pi)
        assert np.allclose(rotation_from_vector(vector_from_rotation(rotation)), rotation, atol=1e-7)


def test_only_long_vectors_are_shortened() -> None:
    assert np.array_equal(limit_length(np.array([0.3, 0.0, 0.4]), 0.5), [0.3, 0.0, 0.4])
    assert np.allclose(limit_length(np.array([3.0, 0.0, 4.0]), 0.5), [0.3, 0.0, 0.4])
