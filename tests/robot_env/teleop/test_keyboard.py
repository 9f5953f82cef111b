"""Keys as steps: each bounded, none piling up."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robot_env.teleop.base import TakesKeys
from robot_env.teleop.keyboard import STEPS, KeyboardConfig, KeyboardDevice
from shared.errors import ConfigError
from tests.robot_env.teleop.hands import HeldDevice, a_keyboard, world


@pytest.fixture
def held():
    with a_keyboard() as device:
        yield device


def press(held: HeldDevice, *keys: str) -> list[bool]:
    assert isinstance(held.device, KeyboardDevice)
    return [held.device.press(key) for key in keys]


def moved(held: HeldDevice) -> list[float]:
    action = held.read()
    assert action is not None
    return action[:3].tolist()


def test_each_press_is_one_step_of_one_period(held: HeldDevice) -> None:
    press(held, "up")
    assert moved(held) == [-0.5, 0, 0]
    assert moved(held) == [0, 0, 0]


def test_a_held_key_does_not_pile_up(held: HeldDevice) -> None:
    press(held, *["page_up"] * 100)
    assert moved(held) == [0, 0, 0.5]
    assert moved(held) == [0, 0, 0]


def test_axes_move_together_and_the_newest_way_counts(held: HeldDevice) -> None:
    press(held, "left", "page_down", "right")
    assert moved(held) == [0, 0.5, -0.5]


@given(waits=st.floats(0.0, 1.0), hertz=st.sampled_from([5.0, 10.0, 20.0]))
def test_whenever_in_a_period_a_key_is_pressed_it_moves_in_the_next_and_never_later(
    waits: float, hertz: float
) -> None:
    """It waits one period at most and moves for one: at 10 Hz nothing moves 200 ms after it."""
    with world(KeyboardConfig().steering, hertz) as (_, observation, clock, steering):
        device = KeyboardDevice(KeyboardConfig(), steering, clock)
        device.press("page_up")
        clock.advance(waits / hertz)
        action = device.read(observation)
        assert action is not None
        assert action[2] == 0.5
        device.press("page_up")
        clock.advance(1.1 / hertz)
        action = device.read(observation)
        assert action is None or not action[:3].any()


def test_a_press_that_waited_too_long_is_forgotten(held: HeldDevice) -> None:
    """As during a pause, or while the arm was being reset."""
    press(held, "up")
    held.clock.advance(0.2)
    assert held.read() is None
    press(held, "up", "space")
    held.device.reset(np.random.default_rng(0))
    assert held.read() is None


def test_steps_can_be_made_smaller_and_larger_within_bounds(held: HeldDevice) -> None:
    press(held, "-", "page_up")
    assert moved(held)[2] == 0.25
    press(held, *["+"] * 9, "page_up")
    assert moved(held)[2] == 1.0
    press(held, *["-"] * 9, "page_up")
    assert moved(held)[2] == pytest.approx(0.05)


def test_the_gripper_goes_the_other_way_each_time(held: HeldDevice) -> None:
    said = []
    for _ in range(3):
        press(held, "space")
        action = held.read()
        assert action is not None
        said.append(float(action[-1]))
    assert said == [-1.0, 1.0, -1.0]


def test_what_means_nothing_here_is_said(held: HeldDevice) -> None:
    assert press(held, "w", "f1", "", "up") == [False, False, False, True]
    assert isinstance(held.device, TakesKeys)


def test_no_key_of_the_operator_is_taken() -> None:
    assert not {*STEPS, "space", "+", "-"} & {*"parsfcqnh?"}


@pytest.mark.parametrize("settings", [{"step": 0.0}, {"step": 2.0}])
def test_settings_out_of_range_are_refused(settings: dict) -> None:
    with pytest.raises(ConfigError, match="keyboard"):
        KeyboardConfig(**settings)
