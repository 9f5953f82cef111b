"""The real librealsense pipeline, on its software device and on a recording."""

import time
from contextlib import closing

import numpy as np
import pytest

from robot_env.cameras.realsense import RealSenseCameraConfig
from robot_env.cameras.sources.base import RawFrame, SourceFault
from robot_env.cameras.sources.realsense import BySerial, RealSenseSource, Recording, Streams
from robot_env.cameras.sources.software import (
    BySoftware,
    SoftwareDevice,
    moving_pattern,
    number_shown,
    record,
)
from shared.errors import ConfigError

SIZE = {"height": 48, "width": 64, "fps": 30}
PICTURES = [moving_pattern(number, 48, 64) for number in range(1, 13)]


def made() -> SoftwareDevice:
    """Not a fixture: librealsense holds a socket as long as there is a device."""
    return SoftwareDevice(**SIZE, serial="TEST1", depth=False)


def opened(device: SoftwareDevice, **streams: object) -> RealSenseSource:
    source = RealSenseSource(Streams(**(SIZE | streams)), BySoftware(device))
    source.open()
    return source


def pushed(source: RealSenseSource, device: SoftwareDevice, number: int, **extra: object) -> RawFrame | None:
    device.push(moving_pattern(number, 48, 64), number=number, seconds=number / 30.0, **extra)
    return source.read(2.0)


def test_frames_are_bit_exact_with_the_devices_number_and_time() -> None:
    device = made()
    source = opened(device)
    for number in range(1, 11):
        frame = pushed(source, device, number)
        assert frame is not None
        assert np.array_equal(frame.image, PICTURES[number - 1])
        assert frame.number == number
        assert frame.device_time_seconds == pytest.approx(number / 30.0)
        assert frame.depth is None
    assert source.description == "HandsOn software RealSense, serial TEST1, firmware 5.16.0.1, USB 3.2"
    assert source.intrinsics is not None
    assert (source.intrinsics.cx, source.intrinsics.cy) == (31.5, 23.5)
    source.close()
    source.close()


def test_only_the_newest_of_waiting_frames_is_read_and_it_is_a_copy() -> None:
    device = made()
    source = opened(device)
    for number in range(1, 8):
        device.push(PICTURES[number], number=number, seconds=number / 30.0)
    frame = source.read(2.0)
    assert frame is not None
    assert frame.number == 7
    assert source.read(0.02) is None
    kept = frame.image.copy()
    for number in range(8, 60):  # the library's buffers are used again and again
        pushed(source, device, number)
    assert np.array_equal(frame.image, kept)
    source.close()


def test_warm_up_frames_are_thrown_away_at_every_start() -> None:
    device = made()
    source = opened(device, warm_up_frames=3)
    assert [pushed(source, device, number) is not None for number in range(1, 6)] == [
        *[False] * 3,
        True,
        True,
    ]
    source.restart()
    assert [pushed(source, device, number) is not None for number in range(6, 11)] == [
        *[False] * 3,
        True,
        True,
    ]
    source.close()


def test_a_stall_ends_a_read_at_its_deadline_and_frames_come_again_after_a_restart() -> None:
    device = made()
    source = opened(device)
    assert pushed(source, device, 1) is not None
    began = time.monotonic()
    assert source.read(0.1) is None
    assert 0.09 < time.monotonic() - began < 5.0
    source.restart()
    frame = pushed(source, device, 2)
    assert frame is not None
    assert np.array_equal(frame.image, PICTURES[1])
    source.close()


def test_depth_is_aligned_to_colour() -> None:
    """A plane at 1 m, colour 0.05 m beside depth: what depth sees moves by f * 0.05 / 1 columns."""
    height, width = 120, 160
    device = SoftwareDevice(height=height, width=width, fps=30, serial="D", depth=True, baseline_m=0.05)
    source = opened(device, height=height, width=width, depth=True)
    plane = np.full((height, width), 1000, np.uint16)
    plane[40:80, 60:100] = 990
    frame, number = None, 0
    while frame is None:  # the first frameset may hold one stream only
        number += 1
        assert number < 20
        device.push(moving_pattern(number, height, width), number=number, seconds=number / 30, depth=plane)
        frame = source.read(0.5)
    assert frame.depth is not None
    assert source.depth_scale == pytest.approx(0.001)
    shift = round(0.94 * width * 0.05 / 1.0)
    where = np.argwhere(frame.depth == 990)
    assert where[:, 0].min() in (39, 40, 41)
    assert abs(where[:, 1].min() - (60 + shift)) <= 1
    assert abs(where[:, 1].max() - (99 + shift)) <= 1
    assert (frame.depth[:, : shift - 1] == 0).all()  # depth does not see these: unknown
    source.close()


def test_a_recording_plays_bit_exact_and_again(tmp_path) -> None:
    path = tmp_path / "moving.db3"
    record(str(path), PICTURES, 30)
    shown: set[int] = set()
    numbers: list[int] = []
    with closing(RealSenseSource(Streams(**SIZE), Recording(str(path), loop=True))) as source:
        source.open()
        deadline = time.monotonic() + 60.0
        while len(shown) < 6 or len(numbers) < 15:  # a busy machine skips many: only the newest is kept
            assert time.monotonic() < deadline
            if (frame := source.read(0.5)) is not None:
                shown.add(number_shown(frame.image))
                numbers.append(frame.number)
                assert np.array_equal(frame.image, moving_pattern(number_shown(frame.image), 48, 64))
    assert shown <= set(range(1, 13))
    assert sorted(numbers) == numbers, "numbers never go back at the seam"


def test_a_recording_that_is_not_there_is_told(tmp_path) -> None:
    source = RealSenseSource(Streams(**SIZE), Recording(str(tmp_path / "none.db3"), loop=True))
    with pytest.raises(SourceFault, match=r"none\.db3"):
        source.open()


@pytest.mark.parametrize(("serial", "cause"), [("0815", "'0815' is connected"), ("", "is not clear")])
def test_a_camera_that_is_not_there_is_told_at_once(serial: str, cause: str) -> None:
    """`pipeline.start` alone would wait for 15 s."""
    source = RealSenseSource(Streams(**SIZE), BySerial(serial))
    began = time.monotonic()
    with pytest.raises(SourceFault, match=f"{cause}.*->.*plug"):
        source.open()
    assert time.monotonic() - began < 5.0


def test_an_exposure_that_cannot_be_set_is_told() -> None:
    with pytest.raises(SourceFault, match="leave exposure_us out"):
        opened(made(), exposure_us=5000)


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"exposure_us": 0}, "exposure_us is 0"),
        ({"warm_up_frames": -1}, "streams nothing"),
        ({"fps": 0}, "at 0"),
    ],
)
def test_settings_out_of_range_are_refused(change: dict[str, int], cause: str) -> None:
    with pytest.raises(ConfigError, match=cause):
        RealSenseCameraConfig(**change)
