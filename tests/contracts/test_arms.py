"""What every arm in the table must do."""

from collections.abc import Iterator

import numpy as np
import pytest

from robot_env.arms import ARMS
from robot_env.arms.base import Arm, Impedance
from robot_env.families import resolve
from robot_env.geometry import TOOL_DOWN, Pose, rotation_from_vector, vector_from_rotation
from robot_env.scene import Box, SceneObject
from shared.errors import ConfigError

PERIOD_SECONDS = 0.1
CENTRE = Pose.of((0.45, 0.0, 0.25), TOOL_DOWN)
SCENE = (SceneObject(name="marker", kind="marker", boxes=(Box(half_size_m=(0.01, 0.01, 0.01)),)),)
SERVED = {"franka", "serl_http"}
"""Behind a server of their own."""


@pytest.fixture(params=sorted(set(ARMS) - SERVED))
def arm(request: pytest.FixtureRequest) -> Iterator[Arm]:
    built = resolve("arm", ARMS, request.param)().build(SCENE, Impedance(), 0.02)
    start(built, CENTRE)
    yield built
    built.close()


def start(arm: Arm, tcp: Pose) -> None:
    arm.world.clear()
    arm.reset(tcp)
    arm.world.settle()


def angle_between(first: Pose, second: Pose) -> float:
    return float(np.linalg.norm(vector_from_rotation(first.rotation.T @ second.rotation)))


@pytest.mark.parametrize("x", [0.3, 0.6])
@pytest.mark.parametrize("y", [-0.25, 0.25])
@pytest.mark.parametrize("z", [0.02, 0.45])
@pytest.mark.parametrize("turn_rad", [-0.35, 0.35])
def test_reset_arrives_at_rest_in_every_corner(
    arm: Arm, x: float, y: float, z: float, turn_rad: float
) -> None:
    wanted = Pose.of((x, y, z), rotation_from_vector((0.0, 0.0, turn_rad)) @ TOOL_DOWN)
    start(arm, wanted)
    state = arm.read()
    assert np.allclose(state.tcp.position_m, wanted.position_m, atol=1e-4)
    assert angle_between(state.tcp, wanted) < 1e-3
    assert np.allclose(state.velocity_m_s, 0.0)


def test_a_pose_out_of_reach_is_refused_by_name(arm: Arm) -> None:
    with pytest.raises(ConfigError, match="cannot reach"):
        start(arm, Pose.of((3.0, 0.0, 0.2), TOOL_DOWN))


def test_a_set_point_where_it_is_keeps_it_still(arm: Arm) -> None:
    for _ in range(20):
        arm.send(arm.read().tcp)
        arm.world.advance(PERIOD_SECONDS)
    state = arm.read()
    assert np.linalg.norm(state.tcp.position_m - CENTRE.position_m) < 1e-3
    assert angle_between(state.tcp, CENTRE) < 5e-3
    assert np.linalg.norm(state.velocity_m_s) < 1e-3


def test_a_held_set_point_is_reached_and_kept(arm: Arm) -> None:
    turned = rotation_from_vector((0.0, 0.0, 0.2)) @ TOOL_DOWN
    wanted = Pose.of(np.add(CENTRE.position_m, [0.02, -0.02, 0.01]), turned)
    arm.send(wanted)
    arm.world.advance(20 * PERIOD_SECONDS)
    assert np.allclose(arm.read().tcp.position_m, wanted.position_m, atol=1e-3)
    assert angle_between(arm.read().tcp, wanted) < 1e-2


def test_it_moves_the_way_it_is_sent(arm: Arm) -> None:
    for axis in range(3):
        start(arm, CENTRE)
        step = np.eye(3)[axis] * 0.02
        arm.send(Pose.of(CENTRE.position_m + step, TOOL_DOWN))
        arm.world.advance(PERIOD_SECONDS)
        moved = arm.read().tcp.position_m - CENTRE.position_m
        assert moved[axis] > 0.008
        assert np.linalg.norm(np.delete(moved, axis)) < 0.2 * moved[axis]


def test_nothing_pushes_in_free_space(arm: Arm) -> None:
    arm.world.advance(PERIOD_SECONDS)
    assert np.linalg.norm(arm.read().force_n) < 1e-6


def test_readings_are_copies(arm: Arm) -> None:
    before = arm.read()
    kept = before.tcp.position_m.copy()
    arm.send(Pose.of(np.add(CENTRE.position_m, [0.02, 0.0, 0.0]), TOOL_DOWN))
    arm.world.advance(PERIOD_SECONDS)
    assert np.array_equal(before.tcp.position_m, kept)


def test_the_same_start_and_set_points_give_the_same_motion_whatever_came_before(arm: Arm) -> None:
    def run() -> list[np.ndarray]:
        start(arm, CENTRE)
        path = []
        for number in range(5):
            arm.send(Pose.of(np.add(CENTRE.position_m, [0.01 * number, 0.02, -0.01 * number]), TOOL_DOWN))
            arm.world.advance(PERIOD_SECONDS)
            path.append(arm.read().tcp.position_m)
        return path

    first = run()
    arm.send(Pose.of((0.3, 0.2, 0.4), TOOL_DOWN))
    arm.world.advance(1.0)
    assert np.array_equal(first, run())


def test_objects_are_where_they_were_placed(arm: Arm) -> None:
    arm.world.place("marker", Pose.of((0.5, 0.1, 0.2)))
    arm.world.settle()
    assert np.allclose(arm.world.poses()["marker"].position_m, (0.5, 0.1, 0.2))
    with pytest.raises(ConfigError):
        arm.world.place("no such thing", CENTRE)


def test_closing_twice_is_harmless(arm: Arm) -> None:
    arm.close()
    arm.close()
