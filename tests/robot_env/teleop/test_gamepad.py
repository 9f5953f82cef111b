"""A pad within SDL: sticks, buttons that press keys, and layouts that SDL does not know."""

import numpy as np
import pytest

from robot_env.teleop.base import PressesKeys
from robot_env.teleop.gamepad import Gamepad, GamepadConfig
from robot_env.teleop.steering import Steering
from shared.clock import ManualClock
from shared.errors import ConfigError
from tests.robot_env.teleop.hands import SHOULDER, a_gamepad, until, world
from tests.robot_env.teleop.virtual_pad import VirtualPad

STICKS = {0: (0, 1.0), 1: (1, -1.0), 3: (2, -1.0), 2: (5, -1.0)}
"""By number of the axis: what it moves, and which way when it is pushed right or down."""


@pytest.fixture
def gamepad():
    config = GamepadConfig()
    with world(config.steering) as (_, observation, clock, steering):
        device = Gamepad(config, steering, clock)
        pad = VirtualPad()
        until(lambda: not device.lost)
        yield device, pad, observation
        pad.unplug()
        device.close()


def test_sticks_move_right_away_up_and_about_the_vertical(gamepad) -> None:
    device, pad, _ = gamepad
    for number, (axis, way) in STICKS.items():
        pad.tilt(number, 1.0)
        expected = np.zeros(6)
        expected[axis] = way
        until(lambda expected=expected: np.allclose(device.raw_axes, expected))
        pad.tilt(number, 0.0)
        until(lambda: not device.raw_axes.any())


def test_the_cross_tilts(gamepad) -> None:
    device, pad, _ = gamepad
    for number, (axis, way) in {11: (3, -1.0), 12: (3, 1.0), 13: (4, -1.0), 14: (4, 1.0)}.items():
        pad.press(number)
        until(lambda axis=axis, way=way: device.raw_axes[axis] == way)
        pad.press(number, False)
        until(lambda: not device.raw_axes.any())


def test_buttons_press_the_operators_keys_once_each(gamepad) -> None:
    device, pad, _ = gamepad
    assert isinstance(device, PressesKeys)
    keys: list[str] = []
    device.listen(keys.append)
    for number, key in ((0, None), (3, "s"), (1, "f"), (2, "r"), (6, "p"), (4, "a")):
        pad.press(number)
        until(lambda: device.state.down)
        pad.press(number, False)
        until(lambda: not device.state.down)
        assert (keys[-1] if keys else None) == key
    assert len(keys) == 5


def test_a_quick_tap_of_the_trigger_moves_the_gripper() -> None:
    with a_gamepad() as held:
        held.push()
        held.close_gripper()
        action = held.read()
        assert action is not None
        assert action[-1] == -1.0


def test_a_pad_of_an_unknown_layout_is_told_apart_from_none() -> None:
    config = GamepadConfig()
    with world(config.steering) as (_, _, clock, steering):
        device = Gamepad(config, steering, clock)
        assert "none is plugged in" in device.lost
        unknown = 0
        pad = VirtualPad(unknown)
        until(lambda: "does not know the layout" in device.lost)
        assert "calibrate" in device.lost
        pad.unplug()
        device.close()


def test_of_two_pads_the_one_with_the_name_is_taken() -> None:
    config = GamepadConfig(name="Sony")
    with world(config.steering) as (_, _, clock, steering):
        device = Gamepad(config, steering, clock)
        pad = VirtualPad()
        until(lambda: "called 'Sony'; there is Virtual" in device.lost)
        pad.unplug()
        device.close()


@pytest.mark.parametrize(
    "settings",
    [{"hold_button": "rb"}, {"keys": {"z": "s"}}, {"dead_zone": 1.0}, {"silence_seconds": 5.0}],
)
def test_settings_out_of_range_are_refused(settings: dict) -> None:
    with pytest.raises(ConfigError, match="gamepad"):
        GamepadConfig(**settings)


def test_without_a_dead_man_button_a_stick_takes_over() -> None:
    config = GamepadConfig(hold_button="")
    with world(config.steering) as (env, observation, clock, _):
        steering = Steering(config.steering, env.interface, env, ManualClock())
        device = Gamepad(config, steering, clock)
        pad = VirtualPad()
        until(lambda: not device.lost)
        pad.press(SHOULDER)
        pad.tilt(3, -1.0)
        until(lambda: device.raw_axes[2] == 1.0)
        action = device.read(observation)
        assert action is not None
        assert action[2] == 1.0
        pad.unplug()
        device.close()
