"""A game pad: two sticks, a dead-man button, and buttons that press the operator's keys.

The left stick moves right and away, the right one up and about the vertical, the cross tilts; the right
trigger closes the gripper, the left one opens it. Only while the right shoulder button is held: a pad that
lies on a table, or falls off it, moves nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from robot_env.geometry import Vector
from robot_env.teleop.attachment import Attachment
from robot_env.teleop.base import Env
from robot_env.teleop.pad_driver import BUTTONS, PadDriver, PadState
from robot_env.teleop.steering import BUTTON_PERIODS, Hand, Steering, SteeringConfig, deflection
from robot_env.teleop.tap import Tap
from shared.clock import Clock, SystemClock
from shared.errors import ConfigError
from shared.interface import InterfaceSpec
from shared.step import Action, Observation, Source

KEYS = {"y": "s", "b": "f", "x": "r", "start": "p", "back": "a"}
TRIGGERED = 0.5


@dataclass(frozen=True, kw_only=True)
class GamepadConfig:
    """Which pad, and what its buttons do, by SDL's names for an Xbox pad: a, b, x, y, back, start, ..."""

    real_time: ClassVar[bool] = True

    name: str = ""
    """Part of its name; empty takes the first pad whose layout SDL knows."""
    mapping: str = ""
    """SDL mapping of a pad that SDL does not know: handson demo calibrate writes it."""
    hold_button: str = "rightshoulder"
    """The dead-man button: only while it is held does the pad count. Empty: any deflection takes over."""
    keys: Mapping[str, str] = field(default_factory=KEYS.copy)
    """The operator's key that each button presses."""
    dead_zone: float = 0.15
    """Share of a stick's way that counts as rest."""
    silence_seconds: float = 0.08
    """Motion ends where the pad could not be read for so long."""
    steering: SteeringConfig = field(default_factory=SteeringConfig)
    """Where the person looks, how fast, and how long the hand stays in charge."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.dead_zone < 0.9:
            raise ConfigError("gamepad", f"dead_zone is {self.dead_zone}", "use 0 to 0.9")
        if not 0.03 <= self.silence_seconds <= 0.2:
            raise ConfigError("gamepad", f"silence_seconds is {self.silence_seconds}", "use 0.03 to 0.2 s")
        for button in (*self.keys, *filter(None, [self.hold_button])):
            if button not in BUTTONS:
                raise ConfigError("gamepad", f"there is no button {button!r}", f"use {', '.join(BUTTONS)}")

    def build(self, interface: InterfaceSpec, env: Env | None = None) -> "Gamepad":
        """The device, which may be plugged in later."""
        clock = SystemClock()
        return Gamepad(self, Steering(self.steering, interface, env, clock), clock)


class Gamepad:
    """The sticks as an action, the buttons as keys.

    Attributes:
        state: what was held when the pad was read last.
    """

    source = Source.HUMAN

    def __init__(self, config: GamepadConfig, steering: Steering, clock: Clock) -> None:
        self._config, self._steering, self._clock = config, steering, clock
        self.state = PadState(seconds=clock.now())
        self._gripper = Tap(clock, BUTTON_PERIODS * steering.period_seconds)
        self._press: Callable[[str], None] | None = None
        self._attachment = Attachment(
            PadDriver(clock, self._move, self._push, name=config.name, mapping=config.mapping), "gamepad"
        )

    @property
    def lost(self) -> str:
        """Why there is none."""
        return self._attachment.lost

    @property
    def raw_axes(self) -> Vector:
        """(6,) right, away, up and the turn about these, without dead zone; for checks."""
        return _axes(self.state)

    def listen(self, press: Callable[[str], None]) -> None:
        """Buttons press keys from now on."""
        self._press = press

    def reset(self, rng: np.random.Generator) -> None:
        """What was pressed before the episode no longer counts."""
        self._gripper.forget()
        self._steering.release()

    def read(self, observation: Observation) -> Action | None:
        """What the sticks do now."""
        if self.lost:
            self._steering.release()
            return None
        return self._steering.steer(self._hand(), observation)

    def close(self) -> None:
        """Give the pad back."""
        self._attachment.close()

    def _hand(self) -> Hand:
        state, hold = self.state, self._config.hold_button
        fresh = self._clock.now() - state.seconds <= self._config.silence_seconds
        axes = np.array([deflection(value, self._config.dead_zone) for value in _axes(state)]) * fresh
        return Hand(
            translation=axes[:3],
            turn=axes[3:],
            gripper=self._gripper.take(),
            dead_man=(fresh and hold in state.down) if hold else None,
        )

    def _move(self, state: PadState) -> None:
        asked = float(state.sticks["lefttrigger"] > TRIGGERED) - float(
            state.sticks["righttrigger"] > TRIGGERED
        )
        if asked:
            self._gripper.press(asked)
        self.state = state

    def _push(self, button: str) -> None:
        key = self._config.keys.get(button)
        if key is not None and self._press is not None:
            self._press(key)


def _axes(state: PadState) -> Vector:
    sticks, down = state.sticks, state.down
    cross = {name: float(name in down) for name in ("dpup", "dpdown", "dpleft", "dpright")}
    return np.array(
        [
            sticks["leftx"],
            -sticks["lefty"],
            -sticks["righty"],
            cross["dpdown"] - cross["dpup"],
            cross["dpright"] - cross["dpleft"],
            -sticks["rightx"],
        ]
    )
