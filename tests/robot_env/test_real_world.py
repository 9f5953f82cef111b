"""Marks are kept, real objects are refused, time passes by itself."""

import numpy as np
import pytest

from robot_env.arms.real_world import RealWorld
from robot_env.geometry import Pose
from robot_env.scene import Box, SceneObject
from robot_env.tasks.pick_cube import PickCube
from robot_env.tasks.reach import Reach
from shared.errors import ConfigError


def test_a_marker_is_where_it_was_placed_whatever_else_happens():
    world = RealWorld(Reach().scene)
    target = Pose.of((0.4, 0.1, 0.2))
    world.clear()
    world.place("target", target)
    world.settle()
    world.advance(0.1)
    assert np.array_equal(world.poses()["target"].position_m, target.position_m)
    world.close()
    world.close()


@pytest.mark.parametrize("kind", ["free", "fixed", "held"])
def test_real_objects_are_refused_with_a_way_out(kind):
    thing = SceneObject(name="cube", kind=kind, boxes=(Box(half_size_m=(0.02, 0.02, 0.02)),))
    with pytest.raises(ConfigError, match=r"'cube'.*\n.*camera or by the operator"):
        RealWorld((thing,))


def test_the_tasks_with_objects_are_among_them():
    with pytest.raises(ConfigError, match="real here"):
        RealWorld(PickCube().scene)


def test_an_unknown_name_is_answered_with_those_that_there_are():
    with pytest.raises(ConfigError, match="target"):
        RealWorld(Reach().scene).place("cube", Pose.of((0.0, 0.0, 0.0)))
