"""What every gripper in the table must do, at the end of the arm of the same name."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pytest

from robot_env.arms import ARMS
from robot_env.arms.base import Arm, Impedance
from robot_env.families import resolve
from robot_env.geometry import TOOL_DOWN, Pose
from robot_env.grippers import GRIPPERS
from robot_env.grippers.base import Gripper
from robot_env.scene import Box, SceneObject
from shared.errors import ConfigError

CUBE = SceneObject(name="cube", kind="free", boxes=(Box(half_size_m=(0.02, 0.02, 0.02)),))


ARMS_OF_ONE_HAND = {"mujoco", "mujoco_xarm7"}
SERVED = {"franka", "serl_http"}
"""Behind a server of their own."""
LOCAL_GRIPPERS = sorted(set(GRIPPERS) - SERVED)
LOCAL_ARMS = sorted(set(ARMS) - SERVED)


class Hand(NamedTuple):
    arm: Arm
    gripper: Gripper


@pytest.fixture(params=LOCAL_GRIPPERS)
def hand(request: pytest.FixtureRequest) -> Iterator[Hand]:
    arm = resolve("arm", ARMS, request.param)().build((CUBE,), Impedance(), None)
    gripper = resolve("gripper", GRIPPERS, request.param)().build(arm)
    hand = Hand(arm, gripper)
    begin(hand, Pose.of((0.45, 0.0, 0.2), TOOL_DOWN))
    yield hand
    gripper.close()
    arm.close()


def begin(hand: Hand, tcp: Pose, cube: tuple[float, float] = (0.6, 0.2)) -> None:
    hand.arm.world.clear()
    hand.arm.world.place("cube", Pose.of((*cube, 0.02)))
    hand.arm.reset(tcp)
    hand.gripper.reset(opening=True)
    hand.arm.world.settle()


def test_it_starts_open_and_stays_so_when_told_again(hand: Hand) -> None:
    for _ in range(3):
        hand.gripper.send(opening=True)
        hand.arm.world.advance(0.1)
    state = hand.gripper.read()
    assert state.opening
    assert state.width_m == pytest.approx(0.08, abs=1e-3)
    assert abs(state.speed_m_s) < 1e-3


def test_closing_takes_time_and_says_so(hand: Hand) -> None:
    hand.gripper.send(opening=False)
    hand.arm.world.advance(0.1)
    state = hand.gripper.read()
    assert not state.opening
    assert state.speed_m_s < -0.05
    assert 0.01 < state.width_m < 0.075
    hand.arm.world.advance(1.0)
    assert hand.gripper.read().width_m == pytest.approx(0.0, abs=1e-3)
    hand.gripper.send(opening=True)
    hand.arm.world.advance(1.0)
    assert hand.gripper.read().width_m == pytest.approx(0.08, abs=1e-3)


def test_what_it_holds_stops_the_fingers_and_follows_the_arm(hand: Hand) -> None:
    begin(hand, Pose.of((0.45, 0.0, 0.02), TOOL_DOWN), cube=(0.45, 0.0))
    hand.gripper.send(opening=False)
    hand.arm.world.advance(0.5)
    assert hand.gripper.read().width_m == pytest.approx(0.04, abs=2e-3)
    for _ in range(20):
        hand.arm.send(Pose.of(np.add(hand.arm.read().tcp.position_m, [0.0, 0.0, 0.02]), TOOL_DOWN))
        hand.arm.world.advance(0.1)
    held = hand.arm.world.poses()["cube"].position_m - hand.arm.read().tcp.position_m
    assert hand.arm.world.poses()["cube"].position_m[2] > 0.15
    assert abs(held).max() < 5e-3
    hand.gripper.send(opening=True)
    hand.arm.world.advance(1.5)
    assert hand.arm.world.poses()["cube"].position_m[2] < 0.05


def test_it_refuses_an_arm_that_it_does_not_fit() -> None:
    for name in LOCAL_GRIPPERS:
        config = resolve("gripper", GRIPPERS, name)()
        for other in LOCAL_ARMS:
            if other == name or {name, other} <= ARMS_OF_ONE_HAND:
                continue
            arm = resolve("arm", ARMS, other)().build((CUBE,), Impedance(), None)
            with pytest.raises(ConfigError, match="fits only"):
                config.build(arm)
            arm.close()


def test_closing_it_twice_is_harmless(hand: Hand) -> None:
    hand.gripper.close()
    hand.gripper.close()
