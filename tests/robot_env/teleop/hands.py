"""Devices with a hand on them: what it takes to push each, let it rest, unplug it."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from threading import Event
from typing import Any

from robot_env.env import RobotEnv
from robot_env.registry import make
from robot_env.teleop.base import TeleopDevice
from robot_env.teleop.gamepad import Gamepad, GamepadConfig
from robot_env.teleop.hid_bus import Found
from robot_env.teleop.keyboard import KeyboardConfig, KeyboardDevice
from robot_env.teleop.recorded_hid import RecordedBus, Recording
from robot_env.teleop.spacemouse import SpaceMouse, SpaceMouseConfig
from robot_env.teleop.steering import Steering, SteeringConfig
from shared.clock import ManualClock
from shared.step import Action, Observation
from tests.robot_env.teleop.virtual_pad import VirtualPad

COMPACT = Found(vendor_id=0x256F, product_id=0xC635, path="/dev/hidraw9", serial="7", product="Compact")
PUSHED = bytes([1, 0, 0, 0, 0, 0xA2, 0xFE])
"""A SpaceMouse lifted as far as it goes: z is -350, down positive."""
AT_REST = bytes(7)
LEFT_DOWN, UP = bytes([3, 1]), bytes([3, 0])
AWAY, LEFT_STICK, RIGHT_TRIGGER, SHOULDER, BUTTON_Y = 1, 1, 5, 10, 3


@dataclass(kw_only=True)
class HeldDevice:
    """A device in a world on a clock of its own, and what a hand does to it."""

    env: RobotEnv
    observation: Observation
    clock: ManualClock
    device: TeleopDevice
    push: Callable[[], None]
    rest: Callable[[], None]
    fall_silent: Callable[[], None]
    close_gripper: Callable[[], None]
    leave_gripper: Callable[[], None] = lambda: None
    unplug: Callable[[], None] | None = None
    plug_in: Callable[[], None] | None = None
    let_go: Callable[[], None] | None = None

    def read(self) -> Action | None:
        return self.device.read(self.observation)


def until(condition: Callable[[], Any], seconds: float = 10.0) -> None:
    """The device runs a thread of its own: what was done to it arrives soon."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.002)


@contextmanager
def world(
    steering: SteeringConfig, control_hz: float = 10.0
) -> Iterator[tuple[RobotEnv, Observation, ManualClock, Steering]]:
    env = make("pick_cube", clock=ManualClock(), arm="point")
    assert isinstance(env, RobotEnv)
    observation, _ = env.reset(seed=0)
    clock = ManualClock(100.0)
    with closing(env):
        interface = replace(env.interface, control_hz=control_hz)
        yield env, observation, clock, Steering(steering, interface, env, clock)


@contextmanager
def a_keyboard() -> Iterator[HeldDevice]:
    config = KeyboardConfig()
    with world(config.steering) as (env, observation, clock, steering):
        device = KeyboardDevice(config, steering, clock)
        yield HeldDevice(
            env=env,
            observation=observation,
            clock=clock,
            device=device,
            push=lambda: _said(device.press("page_up")),
            rest=lambda: None,
            fall_silent=lambda: None,
            close_gripper=lambda: _said(device.press("space")),
        )


def _said(understood: bool) -> None:
    assert understood


@contextmanager
def a_spacemouse(**settings: Any) -> Iterator[HeldDevice]:
    config = SpaceMouseConfig(**settings)
    with world(config.steering) as (env, observation, clock, steering):
        bus = RecordedBus(Recording(device=COMPACT), clock)
        device = SpaceMouse(config, steering, clock, bus)

        def say(report: bytes, seen: Callable[[], Any]) -> None:
            bus.say(report)
            until(seen)

        def unplug() -> None:
            bus.plugged = False

        def plug_in() -> None:
            bus.plugged = True

        def push() -> None:
            before = device.moved
            say(PUSHED, lambda: device.moved is not before and device.raw_axes.any())

        with closing(device):
            yield HeldDevice(
                env=env,
                observation=observation,
                clock=clock,
                device=device,
                push=push,
                rest=lambda: say(bytes([1]) + AT_REST[1:], lambda: not device.raw_axes.any()),
                fall_silent=lambda: None,
                close_gripper=lambda: say(LEFT_DOWN, lambda: "LEFT" in device.down),
                leave_gripper=lambda: say(UP, lambda: "LEFT" not in device.down),
                unplug=unplug,
                plug_in=plug_in,
            )


@contextmanager
def a_spacemouse_with_a_dead_man_button() -> Iterator[HeldDevice]:
    with a_spacemouse(hold_button="RIGHT", open_buttons=()) as held:
        device, push, close_gripper = held.device, held.push, held.close_gripper
        assert isinstance(device, SpaceMouse)
        bus: Any = device.bus

        def press(buttons: int, seen: Callable[[], Any]) -> None:
            bus.say(bytes([3, buttons]))
            until(seen)

        def held_push() -> None:
            if "RIGHT" not in device.down:
                press(2, lambda: "RIGHT" in device.down)
            push()

        def tap_gripper() -> None:
            press(3, lambda: "LEFT" in device.down)
            press(2, lambda: "LEFT" not in device.down)

        held.push, held.close_gripper, held.leave_gripper = held_push, tap_gripper, lambda: None
        held.let_go = lambda: press(0, lambda: not device.down)
        assert close_gripper is not None
        yield held


@contextmanager
def a_gamepad() -> Iterator[HeldDevice]:
    config = GamepadConfig()
    with world(config.steering) as (env, observation, clock, steering):
        device = Gamepad(config, steering, clock)
        pads = [VirtualPad()]
        until(lambda: not device.lost)
        stalled = Event()

        def hold(axis: int, share: float, seen: Callable[[], Any]) -> None:
            if "rightshoulder" not in device.state.down:
                pads[-1].press(SHOULDER)
                until(lambda: "rightshoulder" in device.state.down)
            pads[-1].tilt(axis, share)
            until(seen)

        def let_go() -> None:
            pads[-1].press(SHOULDER, False)
            until(lambda: "rightshoulder" not in device.state.down)

        def stall() -> None:
            """A reader that does not get on: here in what it calls."""
            reached = Event()

            def wait(key: str) -> None:
                reached.set()
                stalled.wait(20.0)

            device.listen(wait)
            pads[-1].press(BUTTON_Y)
            assert reached.wait(10.0)

        with closing(device), ExitStack() as ending:
            ending.callback(lambda: pads[-1].unplug())
            ending.callback(stalled.set)
            yield HeldDevice(
                env=env,
                observation=observation,
                clock=clock,
                device=device,
                push=lambda: hold(3, -1.0, lambda: device.raw_axes[2] > 0.9),
                rest=lambda: hold(3, 0.0, lambda: not device.raw_axes.any()),
                fall_silent=stall,
                close_gripper=lambda: hold(
                    RIGHT_TRIGGER, 1.0, lambda: device.state.sticks["righttrigger"] > 0.9
                ),
                leave_gripper=lambda: hold(
                    RIGHT_TRIGGER, -1.0, lambda: device.state.sticks["righttrigger"] < 0.1
                ),
                unplug=lambda: pads[-1].unplug(),
                plug_in=lambda: pads.append(VirtualPad()),
                let_go=let_go,
            )


HANDS: dict[str, Callable[[], Any]] = {
    "keyboard": a_keyboard,
    "spacemouse": a_spacemouse,
    "spacemouse with a dead-man button": a_spacemouse_with_a_dead_man_button,
    "gamepad": a_gamepad,
}
