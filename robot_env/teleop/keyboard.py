"""A device driven by the keys of the terminal: no display, no driver, over ssh as well.

A terminal tells when a key is pressed, never when it is let go. So each press is one bounded step, one period
long, and a held key is the terminal's repetition of it. Presses do not pile up: of each axis the newest one
waits for the next period, no longer than one, so the tool rests two periods after the last key, whatever else
happens: one that waited longer, as during a pause, is forgotten.
"""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from robot_env.teleop.base import Env
from robot_env.teleop.steering import BUTTON_PERIODS, Hand, Steering, SteeringConfig
from robot_env.teleop.tap import Tap
from shared.clock import Clock, SystemClock
from shared.errors import ConfigError
from shared.interface import InterfaceSpec
from shared.step import Action, Observation, Source

STEPS = {
    "right": (0, 1.0),
    "left": (0, -1.0),
    "up": (1, 1.0),
    "down": (1, -1.0),
    "page_up": (2, 1.0),
    "page_down": (2, -1.0),
    "shift_down": (3, 1.0),
    "shift_up": (3, -1.0),
    "shift_right": (4, 1.0),
    "shift_left": (4, -1.0),
    "[": (5, 1.0),
    "]": (5, -1.0),
}
"""The axis of each key, translation right, away, up, then the turn about these; and which way."""
GRIPPER, FASTER, SLOWER = "space", ("+", "="), ("-", "_")
KEYS = (
    "arrows right, left, away, near | page up, page down | shift and arrows tilt | [ ] turn | "
    "space gripper | + - step"
)
LEAST_STEP = 0.05


@dataclass(frozen=True, kw_only=True)
class KeyboardConfig:
    """How far a key moves."""

    real_time: ClassVar[bool] = True

    step: float = 0.5
    """Length of one press, as a share of the most that the task allows in a period."""
    steering: SteeringConfig = field(default_factory=lambda: SteeringConfig(hold_over_seconds=1.0))
    """Who is in charge and for how long; a terminal repeats a held key only after about 0.5 s."""

    def __post_init__(self) -> None:
        if not LEAST_STEP <= self.step <= 1.0:
            raise ConfigError("keyboard", f"step is {self.step}", f"use {LEAST_STEP} to 1")

    def build(self, interface: InterfaceSpec, env: Env | None = None) -> "KeyboardDevice":
        """The device; whoever has the terminal passes it keys."""
        clock = SystemClock()
        return KeyboardDevice(self, Steering(self.steering, interface, env, clock), clock)


class KeyboardDevice:
    """Moves one step for each press."""

    source = Source.HUMAN
    lost = ""
    keys = KEYS

    def __init__(self, config: KeyboardConfig, steering: Steering, clock: Clock) -> None:
        self._steering = steering
        self._step = config.step
        self._axes = [Tap(clock, steering.period_seconds) for _ in range(6)]
        self._gripper = Tap(clock, BUTTON_PERIODS * steering.period_seconds)

    def reset(self, rng: np.random.Generator) -> None:
        """What was pressed before the episode no longer counts."""
        for tap in (*self._axes, self._gripper):
            tap.forget()
        self._steering.release()

    def press(self, key: str) -> bool:
        """A key by its name; the newest of an axis counts."""
        if key in STEPS:
            axis, way = STEPS[key]
            self._axes[axis].press(way * self._step)
        elif key == GRIPPER:
            self._gripper.press(1.0)
        elif key in FASTER or key in SLOWER:
            self._step = min(1.0, max(LEAST_STEP, self._step * (2.0 if key in FASTER else 0.5)))
        else:
            return False
        return True

    def read(self, observation: Observation) -> Action | None:
        """The steps pressed since the last period, each axis once."""
        axes = np.array([tap.take() for tap in self._axes])
        gripper = -self._steering.gripper_of(observation) if self._gripper.take() else 0.0
        return self._steering.steer(Hand(translation=axes[:3], turn=axes[3:], gripper=gripper), observation)

    def close(self) -> None:
        """Nothing is held: the terminal is somebody else's."""
