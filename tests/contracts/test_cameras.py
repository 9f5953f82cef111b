"""What every camera in the table must do; those that are captured in real time, the others on a clock."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from robot_env.arms.base import Impedance
from robot_env.arms.mujoco import MujocoArmConfig
from robot_env.cameras import CAMERAS
from robot_env.cameras.base import Camera, Frame
from robot_env.cameras.sources.software import moving_pattern, record
from robot_env.families import resolve
from shared.clock import ManualClock, SystemClock
from shared.errors import ConfigError, RobotFault

SIMULATED = ("front", "pattern", "wrist")
CAPTURED = sorted(set(CAMERAS) - set(SIMULATED))
PATIENCE_SECONDS = 20.0


@pytest.fixture(scope="session")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recording") / "moving.db3"
    record(str(path), [moving_pattern(number, 480, 640) for number in range(1, 31)], fps=30)
    return path


@pytest.fixture(scope="session")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("video") / "moving.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 30, (64, 48))
    for number in range(1, 31):
        writer.write(moving_pattern(number, 48, 64))
    writer.release()
    return path


@pytest.fixture(params=sorted(CAMERAS))
def settings(request: pytest.FixtureRequest) -> dict[str, Any]:
    """A camera's name, and what it needs where there is no hardware."""
    needs: dict[str, Callable[[], dict[str, Any]]] = {
        "realsense": lambda: {"recording": request.getfixturevalue("recording")},
        "opencv": lambda: {"device": str(request.getfixturevalue("video"))},
    }
    return {"kind": request.param, **needs.get(request.param, dict)()}


@pytest.fixture
def clock(settings: dict[str, Any]) -> ManualClock | SystemClock:
    return ManualClock(start=5.0) if settings["kind"] in SIMULATED else SystemClock()


@pytest.fixture
def camera(settings: dict[str, Any], clock: ManualClock | SystemClock) -> Iterator[Camera]:
    world = MujocoArmConfig().build((), Impedance(), 0.02).world
    world.settle()
    kind, told = settings["kind"], {key: value for key, value in settings.items() if key != "kind"}
    built = resolve("camera", CAMERAS, kind)(height=24, width=32, **told).build(world, clock)
    yield built
    built.close()


def after(camera: Camera, before: Frame, clock: ManualClock | SystemClock) -> Frame:
    """The next frame, when 0.1 s have passed or when it is there."""
    if isinstance(clock, ManualClock):
        clock.advance(0.1)
        return camera.read()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (frame := shown(camera)).number == before.number:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    return frame


def shown(camera: Camera) -> Frame:
    """A frame; on a computer with much else to do even a good camera falls behind."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return camera.read()
        except RobotFault:
            assert time.monotonic() < deadline
            time.sleep(0.005)


def test_the_contract_in_one_life(camera: Camera, clock: ManualClock | SystemClock) -> None:
    """One test, for a captured camera starts a process: entry, intrinsics, frames, copies, closing."""
    assert camera.entry.shape == (24, 32, 3)
    assert camera.entry.name.endswith("/image")
    assert camera.entry.is_image
    assert camera.crop is None
    if camera.intrinsics is not None:
        assert camera.intrinsics.cx == pytest.approx(15.5)
        assert camera.intrinsics.cy == pytest.approx(11.5)
        assert min(camera.intrinsics.fx, camera.intrinsics.fy) > 5.0
    began = clock.now()
    first = shown(camera)
    kept = first.image.copy()
    second = after(camera, first, clock)
    for frame in (first, second):
        assert frame.image.shape == camera.entry.shape
        assert frame.image.dtype == np.uint8
    assert np.array_equal(first.image, kept)
    assert second.number > first.number
    assert second.time_seconds > first.time_seconds
    assert second.time_seconds <= clock.now()
    if isinstance(clock, ManualClock):
        assert (first.time_seconds, second.time_seconds) == (began, clock.now())
    camera.close()
    camera.close()


@pytest.mark.parametrize("kind", CAPTURED)
def test_what_delivers_in_real_time_refuses_a_simulated_clock(kind: str) -> None:
    world = MujocoArmConfig().build((), Impedance(), 0.02).world
    with pytest.raises(ConfigError, match="--clock wall"):
        resolve("camera", CAMERAS, kind)().build(world, ManualClock())
