"""What every camera in the table must do."""

from collections.abc import Iterator

import numpy as np
import pytest

from robot_env.arms.base import Impedance
from robot_env.arms.mujoco import MujocoArmConfig
from robot_env.cameras import CAMERAS
from robot_env.cameras.base import Camera
from robot_env.families import resolve
from shared.clock import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(start=5.0)


@pytest.fixture(params=sorted(CAMERAS))
def camera(request: pytest.FixtureRequest, clock: ManualClock) -> Iterator[Camera]:
    world = MujocoArmConfig().build((), Impedance(), 0.02).world
    world.settle()
    built = resolve("camera", CAMERAS, request.param)(height=24, width=32).build(world, clock)
    yield built
    built.close()


def test_the_size_is_what_was_asked_for(camera: Camera) -> None:
    assert camera.entry.shape == (24, 32, 3)
    assert camera.entry.name.endswith("/image")


def test_intrinsics_are_of_the_delivered_picture_where_they_are_known(camera: Camera) -> None:
    assert camera.crop is None
    if camera.intrinsics is not None:
        assert (camera.intrinsics.cx, camera.intrinsics.cy) == (15.5, 11.5)
        assert min(camera.intrinsics.fx, camera.intrinsics.fy) > 5.0


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
