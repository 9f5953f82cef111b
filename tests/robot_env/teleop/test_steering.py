"""From a hand to an action: directions, bounds, who is in charge, and the gripper."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robot_env.registry import make
from robot_env.teleop.steering import Hand, Steering, SteeringConfig, deflection
from shared.clock import ManualClock
from shared.errors import ConfigError
from tests.robot_env.teleop.hands import world

RIGHT, AWAY, UP = np.eye(3)
NONE = np.zeros(3)
units = st.floats(-1.0, 1.0)


def pushing(direction: np.ndarray, gripper: float = 0.0, dead_man: bool | None = None) -> Hand:
    return Hand(translation=direction, turn=NONE, gripper=gripper, dead_man=dead_man)


@pytest.mark.parametrize(
    ("heading", "away", "right"),
    [
        (0.0, (1, 0, 0), (0, -1, 0)),
        (90.0, (0, 1, 0), (1, 0, 0)),
        (180.0, (-1, 0, 0), (0, 1, 0)),
        (-90.0, (0, -1, 0), (-1, 0, 0)),
    ],
)
def test_away_is_where_the_person_looks(heading: float, away: tuple, right: tuple) -> None:
    with world(SteeringConfig(heading_deg=heading)) as (_, observation, _, steering):
        for push, expected in ((AWAY, away), (RIGHT, right), (UP, (0, 0, 1))):
            action = steering.steer(pushing(push), observation)
            assert action is not None
            np.testing.assert_array_equal(action[:3], expected)


@given(translation=st.tuples(units, units, units), turn=st.tuples(units, units, units))
def test_in_the_frame_of_the_tool_the_tool_moves_the_same_way(translation: tuple, turn: tuple) -> None:
    """`peg_insert_real` moves along the axes of its tool; the world may be asked which they are."""
    env = make("peg_insert_real", clock=ManualClock(), arm="point", cameras=("pattern",))
    observation, _ = env.reset(seed=0)
    clock = ManualClock()
    unwrapped = env.unwrapped
    steering = Steering(SteeringConfig(heading_deg=0.0), unwrapped.interface, env, clock)
    hand = Hand(translation=np.array(translation), turn=np.array(turn))
    action = steering.steer(hand, observation)
    if not hand.drives:
        assert action is None
        return
    assert action is not None
    assert env.action_space.contains(action)
    rotation = unwrapped.see()["arm/tcp_rotation_base_6d"]
    tool = np.column_stack([rotation[:3], rotation[3:], np.cross(rotation[:3], rotation[3:])])
    for part, said in ((action[:3], hand.translation), (action[3:6], hand.turn)):
        wanted = np.array([said[1], -said[0], said[2]])
        went = tool @ part
        assert np.linalg.norm(np.cross(went, wanted)) < 1e-5 * max(1.0, np.linalg.norm(wanted))
        assert went @ wanted >= -1e-6
    env.close()


@given(value=st.floats(-3.0, 3.0), zone=st.floats(0.0, 0.8))
def test_a_dead_zone_leaves_neither_a_jump_nor_more_than_all(value: float, zone: float) -> None:
    moved = deflection(value, zone)
    assert abs(moved) <= 1.0
    assert moved * value >= 0.0
    assert (moved == 0.0) == (abs(value) <= zone) or abs(value) < 1e-9
    nudged = deflection(value + 1e-6, zone)
    assert abs(nudged - moved) < 1e-5
    assert deflection(math.copysign(1.0, value), zone) == math.copysign(1.0, value)


def test_a_hand_that_pauses_stays_in_charge_for_a_while_without_motion() -> None:
    with world(SteeringConfig(hold_over_seconds=0.5)) as (_, observation, clock, steering):
        assert steering.steer(pushing(UP), observation) is not None
        for _ in range(5):
            clock.advance(0.1)
            action = steering.steer(pushing(NONE), observation)
            assert action is not None
            assert not action[:3].any()
        clock.advance(0.1)
        assert steering.steer(pushing(NONE), observation) is None


def test_without_hold_over_a_pause_gives_the_arm_back() -> None:
    with world(SteeringConfig(hold_over_seconds=0.0)) as (_, observation, clock, steering):
        assert steering.steer(pushing(UP), observation) is not None
        clock.advance(0.1)
        assert steering.steer(pushing(NONE), observation) is None


def test_a_dead_man_button_takes_over_by_itself_and_gives_back_at_once() -> None:
    with world(SteeringConfig()) as (_, observation, clock, steering):
        assert steering.steer(pushing(UP, dead_man=False), observation) is None
        held = steering.steer(pushing(NONE, dead_man=True), observation)
        assert held is not None
        assert not held[:3].any()
        clock.advance(10.0)
        assert steering.steer(pushing(UP, dead_man=True), observation) is not None
        assert steering.steer(pushing(UP, dead_man=False), observation) is None


def test_the_gripper_keeps_what_it_was_told_and_forgets_it_with_the_take_over() -> None:
    with world(SteeringConfig()) as (_, observation, clock, steering):
        said = [steering.steer(pushing(UP, gripper), observation) for gripper in (0.0, -1.0, 0.0, 1.0, 0.0)]
        assert [float(action[-1]) for action in said if action is not None] == [1, -1, -1, 1, 1]
        steering.steer(pushing(UP, -1.0), observation)
        clock.advance(1.0)
        assert steering.steer(pushing(NONE), observation) is None
        again = steering.steer(pushing(UP), observation)
        assert again is not None
        assert again[-1] == 1.0  # what the gripper was told by others meanwhile


def test_where_the_tool_cannot_be_seen_it_is_refused() -> None:
    env = make("peg_insert_real", clock=ManualClock(), arm="point", cameras=("pattern",))
    with pytest.raises(ConfigError, match="axes of a tool"):
        Steering(SteeringConfig(), env.unwrapped.interface, None, ManualClock())
    env.close()


@pytest.mark.parametrize(
    "settings", [{"translation_gain": 0.0}, {"rotation_gain": 1.5}, {"hold_over_seconds": -1.0}]
)
def test_settings_out_of_range_are_refused(settings: dict) -> None:
    with pytest.raises(ConfigError, match="steering"):
        SteeringConfig(**settings)
