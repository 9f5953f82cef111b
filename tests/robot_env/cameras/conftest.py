"""Cameras that are opened for one test, and small videos."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import cv2
import pytest

from robot_env.arms.real_world import RealWorld
from robot_env.cameras.captured import CapturedCamera
from robot_env.cameras.sources.software import moving_pattern
from shared.clock import SystemClock

Opened = Callable[[Any], CapturedCamera]


@pytest.fixture
def opened() -> Iterator[Opened]:
    """`opened(config)`: the camera, closed when the test ends."""
    with ExitStack() as cameras:

        def build(config: Any) -> CapturedCamera:
            camera = config.build(RealWorld(()), SystemClock())
            cameras.callback(camera.close)
            return camera

        yield build


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Ten frames of the moving pattern, without loss."""
    path = tmp_path / "moving.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"FFV1"), 30, (64, 48))
    for number in range(1, 11):
        writer.write(cv2.cvtColor(moving_pattern(number, 48, 64), cv2.COLOR_RGB2BGR))
    writer.release()
    return path
