"""A SpaceMouse's reports: every model of the real table, firmwares that differ, and whose hand it is."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspacemouse import get_device_specs
from pyspacemouse.device import SpaceMouseDevice

from robot_env.teleop.attachment import DeviceLost
from robot_env.teleop.hid_bus import Found, SystemBus
from robot_env.teleop.recorded_hid import RecordedBus, Recording, load_recording, save_recording
from robot_env.teleop.spacemouse import AXES, SpaceMouse, SpaceMouseConfig
from robot_env.teleop.spacemouse_driver import Deflection, SpaceMouseDriver
from robot_env.teleop.steering import SteeringConfig
from shared.clock import ManualClock
from shared.errors import ConfigError
from tests.robot_env.teleop.hands import COMPACT, a_spacemouse, until, world

MODELS = sorted(get_device_specs())
words = st.integers(-350, 350)


def axes_report(number: int, *values: int) -> bytes:
    return bytes([number]) + b"".join(value.to_bytes(2, "little", signed=True) for value in values)


class Listener:
    """What a driver passes on, read in the test's own thread."""

    def __init__(self, *reports: bytes, device: Found, **wanted: str) -> None:
        self.clock = ManualClock()
        self.bus = RecordedBus(Recording(device=device), self.clock)
        self.moved: list[Deflection] = []
        self.pressed: list[frozenset[str]] = []
        self.driver = SpaceMouseDriver(self.bus, self.clock, self.moved.append, self.pressed.append, **wanted)
        for report in reports:
            self.bus.say(report)

    def hear(self, turns: int) -> None:
        self.driver.open()
        for _ in range(turns):
            self.driver.turn()


def of_model(name: str) -> Found:
    info = get_device_specs()[name]
    return Found(vendor_id=info.vendor_id, product_id=info.product_id, path="/dev/hidraw0")


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("long", [False, True], ids=["two reports", "one report"])
def test_every_model_tells_right_away_up_and_the_turns_about_them(model: str, long: bool) -> None:
    """A HID device tells right, near, down and the turns about these, right-handed (HID usage tables 4.2)."""
    six = (350, -70, 35, 140, -210, 280)
    reports = [axes_report(1, *six)] if long else [axes_report(1, *six[:3]), axes_report(2, *six[3:])]
    heard = Listener(*reports, device=of_model(model))
    heard.hear(2)
    flipped = np.array([1, -1, -1, 1, -1, -1]) * six / 350
    np.testing.assert_allclose(heard.moved[-1].axes, flipped)
    heard.driver.close()
    assert not heard.moved[-1].axes.any()


@pytest.mark.parametrize("model", MODELS)
def test_every_button_of_every_model_is_heard_by_its_name(model: str) -> None:
    info = get_device_specs()[model]
    for name, spec in zip(info.button_names, info.button_specs, strict=True):
        report = bytearray(spec.byte + 1)
        report[0], report[spec.byte] = spec.channel, 1 << spec.bit
        heard = Listener(bytes(report), device=of_model(model))
        heard.hear(1)
        assert name in heard.pressed[-1]


def test_all_models_but_one_have_buttons_for_the_gripper() -> None:
    config = SpaceMouseConfig()
    for name, info in get_device_specs().items():
        have = set(info.button_names)
        closes, opens = have & set(config.close_buttons), have & set(config.open_buttons)
        assert (closes and opens) or name == "SpaceMouseUSB"


def test_a_report_of_buttons_that_is_short_means_that_the_others_are_up() -> None:
    heard = Listener(bytes([3, 1]), device=of_model("SpaceMousePro"))
    heard.hear(1)
    assert heard.pressed[-1] == {"MENU"}


@given(st.binary(max_size=16))
def test_no_report_stops_it(report: bytes) -> None:
    for model in ("SpaceMouseCompact", "SpaceMouseWireless", "SpaceMouseEnterprise"):
        heard = Listener(report, device=of_model(model))
        heard.hear(1)
        assert all(np.isfinite(moved.axes).all() for moved in heard.moved)


@given(st.lists(words, min_size=6, max_size=6))
def test_serls_axes_are_those_of_a_person_who_faces_the_arm(six: list[int]) -> None:
    """SERL's action is [-y, x, z, -roll, -pitch, -yaw] of what pyspacemouse tells by its own convention."""
    info = get_device_specs()["SpaceMouseCompact"]
    theirs = SpaceMouseDevice(info, None)
    for report in (axes_report(1, *six[:3]), axes_report(2, *six[3:])):
        theirs._process(report)
    said = theirs._state
    serl = [-said.y, said.x, said.z, -said.roll, -said.pitch, -said.yaw]
    heard = Listener(axes_report(1, *six[:3]), axes_report(2, *six[3:]), device=COMPACT)
    heard.hear(2)
    facing = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    ours = np.concatenate([facing @ heard.moved[-1].axes[:3], facing @ heard.moved[-1].axes[3:]])
    np.testing.assert_allclose(ours, serl, atol=1e-12)


def test_a_tap_between_two_periods_moves_the_gripper() -> None:
    with a_spacemouse() as held:
        device = held.device
        assert isinstance(device, SpaceMouse)
        bus = device.bus
        assert isinstance(bus, RecordedBus)
        for report in ([3, 1], [3, 0], [1, 0, 0, 0, 0, 0xA2, 0xFE]):
            bus.say(bytes(report))
        until(lambda: device.raw_axes.any())
        action = held.read()
        assert action is not None
        assert action[-1] == -1.0


def test_what_no_axis_said_does_not_keep_it_moving() -> None:
    """Buttons and batteries report too."""
    with a_spacemouse() as held:
        device = held.device
        assert isinstance(device, SpaceMouse)
        assert isinstance(device.bus, RecordedBus)
        held.push()
        held.clock.advance(0.15)
        device.bus.say(bytes([23, 90]))
        device.bus.say(bytes([3, 1]))
        until(lambda: device.down)
        action = held.read()
        assert action is not None
        assert not action[:3].any()


def test_signs_can_be_turned_and_speed_reduced() -> None:
    slow = SteeringConfig(translation_gain=0.5)
    with a_spacemouse(invert=("z",), steering=slow) as held:
        held.push()
        action = held.read()
        assert action is not None
        assert action[2] == pytest.approx(-0.5)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "lift.txt"
    reports = tuple((0.1 * step, axes_report(1, 0, 0, -35 * step)) for step in range(10))
    save_recording(Recording(device=COMPACT, reports=reports), path)
    return path


def test_a_recording_plays_on_the_clock(recording: Path) -> None:
    again = load_recording(recording)
    assert again.device.product == "Compact"
    config = SpaceMouseConfig(replay=recording)
    with world(config.steering) as (_, observation, clock, steering):
        device = SpaceMouse(config, steering, clock)
        for step in range(1, 10):
            clock.advance(0.1001)
            until(lambda step=step: device.raw_axes[2] == pytest.approx(0.1 * step))
        action = device.read(observation)
        assert action is not None
        assert action[2] == pytest.approx(0.8 / 0.9)
        device.close()


def test_what_a_device_says_can_be_recorded_and_played_again(recording: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.txt"
    config = SpaceMouseConfig(replay=recording, record=copy)
    with world(config.steering) as (_, _, clock, steering):
        device = SpaceMouse(config, steering, clock)
        clock.advance(1.0)
        until(lambda: device.raw_axes[2] == pytest.approx(0.9))
        device.close()
    again = load_recording(copy)
    assert again.device == load_recording(recording).device
    assert [report for _, report in again.reports] == [
        report for _, report in load_recording(recording).reports
    ]


@pytest.mark.parametrize(
    ("text", "cause"),
    [("", "begins with"), ("256f SpaceMouse\n", "begins with"), ("256f:c635\n0.1 0x\n", "has the line")],
)
def test_a_recording_that_is_none_is_refused(tmp_path: Path, text: str, cause: str) -> None:
    path = tmp_path / "bad.txt"
    path.write_text(text)
    with pytest.raises(ConfigError, match=cause):
        load_recording(path)


@pytest.mark.parametrize(
    ("present", "wanted", "cause"),
    [
        ([], {}, "none is plugged in"),
        ([Found(vendor_id=0x46D, product_id=0xC31C, path="/dev/hidraw0")], {}, "none is plugged in"),
        ([COMPACT], {"serial": "8"}, "there is /dev/hidraw9 \\(serial 7\\)"),
        (
            [Found(vendor_id=0x256F, product_id=1, path="x", product="New")],
            {},
            "New \\(256f:0001\\).*model =",
        ),
        ([COMPACT], {"model": "Compct"}, "SpaceMouseCompact"),
        ([COMPACT], {"hold_button": "SHIFT"}, "no button 'SHIFT'.*LEFT, RIGHT"),
    ],
)
def test_what_is_missing_is_said(present: list[Found], wanted: dict[str, str], cause: str) -> None:
    heard = Listener(device=COMPACT, **wanted)
    heard.bus.found = lambda: present
    with pytest.raises(DeviceLost, match=cause):
        heard.driver.open()


def test_of_two_the_one_that_is_meant_is_opened() -> None:
    other = Found(vendor_id=0x256F, product_id=0xC635, path="/dev/hidraw1", serial="8")
    heard = Listener(device=COMPACT, serial="7")
    heard.bus.found = lambda: [other, COMPACT]
    assert "/dev/hidraw9" in heard.driver.open()
    heard.driver.close()


def test_the_keyboard_of_a_receiver_is_not_the_spacemouse() -> None:
    keys = Found(vendor_id=0x256F, product_id=0xC652, path="/dev/hidraw0", multi_axis=False)
    cap = Found(vendor_id=0x256F, product_id=0xC652, path="/dev/hidraw1")
    heard = Listener(device=cap)
    heard.bus.found = lambda: [keys, cap]
    assert "/dev/hidraw1" in heard.driver.open()
    heard.driver.close()


def test_an_unknown_model_can_be_taken_for_another() -> None:
    new = Found(vendor_id=0x256F, product_id=1, path="x")
    heard = Listener(axes_report(1, 0, 0, -350), device=new, model="SpaceMouseCompact")
    heard.hear(1)
    assert heard.moved[-1].axes[2] == 1.0


def test_a_device_that_left_without_an_error_is_missed_while_it_is_silent() -> None:
    heard = Listener(device=COMPACT)
    heard.hear(1)
    heard.bus.found = list
    heard.driver.turn()
    heard.clock.advance(1.1)
    with pytest.raises(DeviceLost, match="unplugged"):
        heard.driver.turn()


def test_this_computers_devices_can_be_listed() -> None:
    assert isinstance(SystemBus().found(), list)
    with pytest.raises(DeviceLost, match=r"udev/install\.sh"):
        SystemBus().open("/dev/nothing")


@pytest.mark.parametrize(
    "settings",
    [{"dead_zone": 1.0}, {"silence_seconds": 1.0}, {"invert": ("w",)}, {"dead_zone": -0.1}],
)
def test_settings_out_of_range_are_refused(settings: dict) -> None:
    with pytest.raises(ConfigError, match="spacemouse"):
        SpaceMouseConfig(**settings)


def test_its_axes_have_the_names_of_the_driver() -> None:
    assert set(AXES) == set(get_device_specs()["SpaceMouseCompact"].mappings)
