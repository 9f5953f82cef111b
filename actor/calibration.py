"""`handson demo calibrate`: learns by asking which way a SpaceMouse or a game pad goes."""

import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from rich.console import Console

from actor.lab_edit import set_in_lab
from robot_env.description import describe_world
from robot_env.geometry import Vector
from robot_env.lab import Lab, load_lab
from robot_env.tasks.reach import Reach
from robot_env.teleop.attachment import DeviceLost
from robot_env.teleop.base import ShowsAxes
from robot_env.teleop.pad_layout import Raw, RawPad
from robot_env.teleop.spacemouse import AXES
from shared.clock import Clock, SystemClock
from shared.config import parse_command_line
from shared.errors import ConfigError

POLL_SECONDS = 0.01
PUSHED, RESTS, REST_SECONDS = 0.4, 0.15, 0.3
WAYS: tuple[tuple[str, int, float], ...] = (
    ("push the cap to your right", 0, 1.0),
    ("push it away from you", 1, 1.0),
    ("lift it", 2, 1.0),
    ("tilt its top away from you", 3, -1.0),
    ("tilt its top to your right", 4, 1.0),
    ("turn it to the left, against the clock", 5, 1.0),
)
"""What is asked of a SpaceMouse, the axis that should move, and which way."""
CONTROLS: tuple[tuple[str, str, str], ...] = (
    ("push the left stick to the right", "leftx", "axis"),
    ("pull the left stick towards you", "lefty", "axis"),
    ("push the right stick to the right", "rightx", "axis"),
    ("pull the right stick towards you", "righty", "axis"),
    ("pull the left trigger, the lower one", "lefttrigger", "axis"),
    ("pull the right trigger, the lower one", "righttrigger", "axis"),
    ("press the left shoulder button, above it", "leftshoulder", "button"),
    ("press the right shoulder button: it will be the dead-man button", "rightshoulder", "button"),
    ("press the upper one of the four buttons: success", "y", "button"),
    ("press the right one: failure", "b", "button"),
    ("press the left one: scene ready", "x", "button"),
    ("press the lower one", "a", "button"),
    ("press start or options: pause", "start", "button"),
    ("press back or share: end the episode", "back", "button"),
    ("press up on the cross", "dpup", "button"),
    ("press down on the cross", "dpdown", "button"),
    ("press left on the cross", "dpleft", "button"),
    ("press right on the cross", "dpright", "button"),
)
"""What is asked of a game pad, and SDL's name of it (pulled towards you is positive there)."""
NEEDED = ("leftx", "lefty", "righty", "rightshoulder")

Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class CalibrateConfig:
    """Which device, and where what was learned is written."""

    device: Literal["spacemouse", "gamepad"] = "spacemouse"
    """What is calibrated; a pad whose layout SDL knows needs none."""
    lab: Path | None = None
    """Lab file that gets the settings; none prints them."""
    seconds: float = 15.0
    """How long each answer is waited for."""

    def __post_init__(self) -> None:
        if not 0.1 <= self.seconds <= 600.0:
            raise ConfigError("calibrate", f"seconds is {self.seconds}", "use 0.1 to 600")


def main(argv: Sequence[str] | None = None) -> int:
    """Ask, and write what was learned; raises ConfigError where no device answers."""
    config = parse_command_line(
        CalibrateConfig,
        sys.argv[1:] if argv is None else argv,
        prog="handson demo calibrate",
        description="Learn which way a SpaceMouse or a game pad goes, and write it into the lab file.",
    )
    say = Console().print
    key, value = _learn(config, SystemClock(), say)
    if config.lab is None:
        say(f"\\[teleop.{config.device}]\n{key} = {value!r}", soft_wrap=True)
    else:
        set_in_lab(config.lab, f"teleop.{config.device}", key, value)
        say(f"written to {config.lab}; try it: handson check --lab {config.lab} --interactive")
    return 0


def _learn(config: CalibrateConfig, clock: Clock, say: Say) -> tuple[str, str | list[str]]:
    """The setting that was learned, and its value."""
    if config.device == "gamepad":
        with closing(_pad()) as pad:
            return "mapping", learn_layout(pad, config, clock, say)
    lab = load_lab(config.lab) if config.lab and config.lab.exists() else Lab()
    with closing(lab.device("spacemouse").build(describe_world(Reach(), ()))) as device:
        if not isinstance(device, ShowsAxes) or device.lost:
            raise ConfigError("calibrate", device.lost or "it has no axes", "handson check says more")
        return "invert", learn_signs(device, config, clock, say)


def learn_signs(device: ShowsAxes, config: CalibrateConfig, clock: Clock, say: Say) -> list[str]:
    """The axes of a SpaceMouse whose sign is wrong: `invert` of its settings."""
    inverted: list[str] = []
    for asked, axis, way in WAYS:
        say(f"{asked}, and let go")
        moved = _push(config, clock, lambda: device.raw_axes)
        _require_axis(asked, axis, int(np.abs(moved).argmax()))
        if moved[axis] * way < 0.0:
            inverted.append(AXES[axis])
    return inverted


def learn_layout(pad: RawPad, config: CalibrateConfig, clock: Clock, say: Say) -> str:
    """The layout of a game pad: `mapping` of its settings."""
    say(f"{pad.name}: let go of everything; what it does not have, leave out and wait")
    controls: dict[str, str] = {}
    for asked, name, wants in CONTROLS:
        say(f"{asked}, and let go")
        control = _moved(config, clock, pad, wants)
        if control and control not in controls.values():
            controls[name] = control
    if missing := [name for name in NEEDED if name not in controls]:
        cause = f"no answer for {', '.join(missing)}"
        raise ConfigError("calibrate", cause, "start again, one control at a time")
    return pad.mapping(controls)


def _pad() -> RawPad:
    try:
        return RawPad()
    except DeviceLost as error:
        cause, _, cure = str(error).partition(" -> ")
        raise ConfigError("calibrate", cause, cure) from None


def _push(config: CalibrateConfig, clock: Clock, axes: Callable[[], Vector]) -> Vector:
    """The axes (6,) at their farthest, once the cap was pushed and rests again."""
    farthest, end = np.zeros(6), clock.now() + config.seconds
    while clock.now() < end:
        now = axes()
        farthest = now.copy() if np.abs(now).max() > np.abs(farthest).max() else farthest
        if np.abs(farthest).max() > PUSHED and np.abs(now).max() < RESTS:
            return farthest
        clock.sleep_until(clock.now() + POLL_SECONDS)
    raise ConfigError("calibrate", f"nothing was pushed within {config.seconds:g} s", "start again")


def _require_axis(asked: str, expected: int, moved: int) -> None:
    if moved != expected:
        raise ConfigError(
            "calibrate",
            f"asked to {asked}, and {AXES[moved]} moved, not {AXES[expected]}",
            "push more clearly; where it stays so, set another model in the lab file: docs/teleoperation.md",
        )


def _rest(config: CalibrateConfig, clock: Clock, pad: RawPad) -> Raw:
    """What the pad tells while it is left alone for a moment."""
    rest, since, end = pad.read(), clock.now(), clock.now() + config.seconds
    while clock.now() < min(since + REST_SECONDS, end):
        if (now := pad.read()).moved(rest, wants="axis"):
            rest, since = now, clock.now()
        clock.sleep_until(clock.now() + POLL_SECONDS)
    return rest


def _moved(config: CalibrateConfig, clock: Clock, pad: RawPad, wants: str) -> str:
    """The control that was moved, once it is let go; "" where none was.

    Many triggers tell 0 until they are pulled once, and -1 from then on: that is letting go too.
    """
    rest, control, end = _rest(config, clock, pad), "", clock.now() + config.seconds
    while clock.now() < end:
        now = pad.read().moved(rest, wants=wants)
        if control and (not now or (now != control and now.strip("~") == control.strip("~"))):
            return control
        control = control or now
        clock.sleep_until(clock.now() + POLL_SECONDS)
    return ""
