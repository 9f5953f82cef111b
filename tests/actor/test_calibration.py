"""Calibration: a person who does what is asked, with devices whose axes are not where they should be."""

import tomllib
from pathlib import Path

import numpy as np
import pytest

from actor.calibration import CONTROLS, CalibrateConfig, learn_layout, learn_signs, main
from actor.lab_edit import set_in_lab
from robot_env.lab import load_lab
from robot_env.teleop.gamepad import Gamepad, GamepadConfig
from robot_env.teleop.pad_driver import pygame_without_window
from robot_env.teleop.pad_layout import Raw, RawPad
from robot_env.teleop.recorded_hid import RecordedBus
from robot_env.teleop.spacemouse import SpaceMouse
from shared.clock import ManualClock
from shared.errors import ConfigError
from tests.robot_env.teleop.hands import a_spacemouse, until, world
from tests.robot_env.teleop.virtual_pad import VirtualPad

UNKNOWN = 0
AXIS_OF = {"leftx": 5, "lefty": 4, "rightx": 3, "righty": 2, "lefttrigger": 0, "righttrigger": 1}
TURNED = ("lefty", "rightx")
BUTTON_OF = {"leftshoulder": 0, "rightshoulder": 7, "y": 14, "b": 13, "x": 2, "a": 3, "start": 4, "back": 5}


RIGHT_WAY = [(0, 1), (1, -1), (2, -1), (3, -1), (4, -1), (5, -1)]
"""What a SpaceMouse reports for what is asked: it tells right, near, down (see test_spacemouse)."""
CONFIG = CalibrateConfig(seconds=2.0)


class Hand(ManualClock):
    """Pushes a SpaceMouse when asked to, and lets go three looks later: looking moves this clock."""

    def __init__(self, device: SpaceMouse, bus: RecordedBus, pushes: list[tuple[int, int]]) -> None:
        super().__init__()
        self._device, self._bus, self._pushes = device, bus, list(pushes)
        self._looks, self._pushed = 0, 0

    def hear(self, line: str) -> None:
        if not self._pushes:
            return
        axis, way = self._pushes.pop(0)
        self._pushed, place = divmod(axis, 3)
        report = bytearray(7)
        report[0] = self._pushed + 1
        report[1 + 2 * place : 3 + 2 * place] = (way * 350).to_bytes(2, "little", signed=True)
        self._bus.say(bytes(report))
        until(lambda: self._device.raw_axes.any())
        self._looks = 0

    def sleep_until(self, deadline: float) -> None:
        super().sleep_until(deadline)
        self._looks += 1
        if self._looks == 3:
            self._bus.say(bytes([self._pushed + 1]) + bytes(6))
            until(lambda: not self._device.raw_axes.any())


def signs_of(pushes: list[tuple[int, int]]) -> list[str]:
    with a_spacemouse() as held:
        device = held.device
        assert isinstance(device, SpaceMouse)
        assert isinstance(device.bus, RecordedBus)
        hand = Hand(device, device.bus, pushes)
        return learn_signs(device, CONFIG, hand, hand.hear)


def test_a_device_that_is_right_needs_nothing() -> None:
    assert signs_of(RIGHT_WAY) == []


def test_signs_that_are_wrong_are_learned() -> None:
    assert signs_of([(axis, -way if axis in (1, 5) else way) for axis, way in RIGHT_WAY]) == ["y", "yaw"]


def test_another_axis_than_asked_for_is_no_matter_of_signs() -> None:
    with pytest.raises(ConfigError, match="z moved, not y"):
        signs_of([(0, 1), (2, 1)])


def test_nothing_pushed_is_said() -> None:
    with pytest.raises(ConfigError, match="nothing was pushed within 2 s"):
        signs_of([])


@pytest.mark.parametrize(("device", "cause"), [("spacemouse", "none is"), ("gamepad", "no game pad is")])
def test_without_a_device_nothing_is_asked(device: str, cause: str) -> None:
    with pytest.raises(ConfigError, match=f"{cause} plugged in"):
        main(["--device", device])


def test_what_was_learned_goes_into_the_lab_file(tmp_path: Path, monkeypatch) -> None:
    lab = tmp_path / "lab.toml"
    lab.write_text("# mine\n[teleop.spacemouse]\ndead_zone = 0.2   # not mine\n")
    monkeypatch.setattr("actor.calibration._learn", lambda *asked: ("invert", ["z"]))
    assert main(["--lab", str(lab)]) == 0
    config = load_lab(lab).device("spacemouse")
    assert (config.invert, config.dead_zone) == (("z",), 0.2)
    assert lab.read_text().startswith("# mine\n[teleop.spacemouse]\n")
    assert "# not mine" in lab.read_text()
    assert main([]) == 0


class Person(RawPad):
    """Does what is asked with a pad whose controls lie elsewhere; it has no cross.

    Each look at the pad is a hundredth of a second of this person's time: at rest, pushed, let go.
    """

    def __init__(self, pad: VirtualPad) -> None:
        super().__init__()
        self._pad = pad
        self._names = {f"{asked}, and let go": name for asked, name, _ in CONTROLS}
        self._name, self._looks = "", 0

    def hear(self, line: str) -> None:
        self._name, self._looks = self._names.get(line, ""), 0

    def read(self) -> Raw:
        self._looks += 1
        if self._name in AXIS_OF and self._looks == 50:
            self._pad.tilt(AXIS_OF[self._name], -1.0 if self._name in TURNED else 1.0)
        if self._name in AXIS_OF and self._looks == 60:
            self._pad.tilt(AXIS_OF[self._name], -1.0 if "trigger" in self._name else 0.0)
        if self._name in BUTTON_OF and self._looks in (50, 60):
            self._pad.press(BUTTON_OF[self._name], self._looks == 50)
        return super().read()


@pytest.fixture
def layout() -> str:
    pygame = pygame_without_window()
    pygame.display.init()
    pygame.joystick.init()
    person = Person(VirtualPad(UNKNOWN))
    mapping = learn_layout(person, CONFIG, ManualClock(), person.hear)
    person.close()
    return mapping


def test_a_pad_that_sdl_does_not_know_works_once_it_was_calibrated(layout: str) -> None:
    controls = dict(part.split(":") for part in layout.split(",")[2:-1])
    assert controls["leftx"] == "a5"
    assert controls["lefty"] == "a4~"
    assert "dpup" not in controls
    config = GamepadConfig(mapping=layout)
    with world(config.steering) as (_, observation, clock, steering):
        device = Gamepad(config, steering, clock)
        pad = VirtualPad(UNKNOWN)
        until(lambda: not device.lost)
        for name, axis, expected in (("leftx", 0, 1.0), ("lefty", 1, -1.0), ("righty", 2, -1.0)):
            pad.tilt(AXIS_OF[name], -1.0 if name in TURNED else 1.0)
            until(lambda axis=axis, expected=expected: np.isclose(device.raw_axes[axis], expected, atol=0.01))
            pad.tilt(AXIS_OF[name], 0.0)
        pad.press(BUTTON_OF["rightshoulder"])
        until(lambda: device.read(observation) is not None)
        pad.unplug()
        device.close()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", '[teleop.gamepad]\nmapping = "m"\n'),
        ("[limits]\n", '[limits]\n\n[teleop.gamepad]\nmapping = "m"\n'),
        ("[teleop.gamepad] # pad", '[teleop.gamepad] # pad\nmapping = "m"\n'),
        (
            '[teleop.gamepad]\nname = "n"\nmapping = "old" # o\n[limits]\n',
            '[teleop.gamepad]\nname = "n"\nmapping = "m"\n[limits]\n',
        ),
    ],
)
def test_one_setting_is_written_and_nothing_else_is_touched(tmp_path: Path, before: str, after: str) -> None:
    path = tmp_path / "lab.toml"
    path.write_text(before)
    set_in_lab(path, "teleop.gamepad", "mapping", "m")
    assert path.read_text() == after
    assert tomllib.loads(after)["teleop"]["gamepad"]["mapping"] == "m"
    assert load_lab(path).device("gamepad").mapping == "m"


@pytest.mark.parametrize("before", ["teleop.gamepad = { name = 'n' }\n", "[teleop.gamepad\n", "teleop = 3\n"])
def test_what_cannot_be_edited_is_left_alone(tmp_path: Path, before: str) -> None:
    path = tmp_path / "lab.toml"
    path.write_text(before)
    with pytest.raises(ConfigError, match="write it yourself"):
        set_in_lab(path, "teleop.gamepad", "mapping", "m")
    assert path.read_text() == before
