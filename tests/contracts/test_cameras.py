"""What every camera in the table must do."""

from collections.abc import Iterator

import numpy as np
import pytest

from robot_env.arms.point import PointWorld
from robot_env.cameras import CAMERAS
from robot_env.cameras.base import Camera
from robot_env.families import resolve
from shared.clock import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(start=5.0)


@pytest.fixture(params=sorted(CAMERAS))
def camera(request: pytest.FixtureRequest, clock: ManualClock) -> Iterator[Camera]:
    built = resolve("camera", CAMERAS, request.param)().build(PointWorld(()), clock)
    yield built
    built.close()


def test_frames_are_what_the_entry_says(camera: Camera) -> None:
    frame = camera.read()
    assert camera.entry.is_image
    assert frame.image.shape == camera.entry.shape
    assert frame.image.dtype == np.uint8


def test_numbers_grow_and_times_are_the_clocks(camera: Camera, clock: ManualClock) -> None:
    first = camera.read()
    clock.advance(0.1)
    second = camera.read()
    assert second.number > first.number
    assert (first.time_seconds, second.time_seconds) == (5.0, 5.1)


def test_frames_are_copies(camera: Camera) -> None:
    first = camera.read().image
    kept = first.copy()
    camera.read()
    assert np.array_equal(first, kept)


def test_closing_twice_is_harmless(camera: Camera) -> None:
    camera.close()
    camera.close()
