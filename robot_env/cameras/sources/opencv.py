"""OpenCV as a source: a camera of the kernel (V4L2), a video file, or a stream at a URL."""

import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from robot_env.cameras.base import Intrinsics
from robot_env.cameras.sources.base import RawFrame, SourceFault

DEVICES = ("/dev/video", "/dev/v4l/")
OPEN_MS, READ_MS = 3000, 1000


class OpenCvSource:
    """Reads `what`: "0" or "/dev/video0" is a camera, a path a file, the rest a URL.

    A file is played at `fps`, again and again where `loop`. Its end, without, is a fault, as a stream's is.
    """

    def __init__(self, what: str, *, height: int, width: int, fps: int, loop: bool) -> None:
        self.description = ""
        self.intrinsics: Intrinsics | None = None
        self.depth_scale = 1.0
        self.is_camera = what.isdecimal() or what.startswith(DEVICES)
        self.is_file = not self.is_camera and "://" not in what
        self._what, self._size, self._fps, self._loop = what, (height, width), fps, loop
        self._capture: Any = None
        self._number = 0
        self._due = 0.0

    def open(self) -> None:
        """Start it, at the size and rate asked for where it is a camera."""
        self.close()
        if self.is_file and not Path(self._what).is_file():
            raise SourceFault(f"there is no file {self._what!r} -> name a video, /dev/videoN, or a URL")
        self._capture = self._opened()
        if not self._capture.isOpened():
            raise SourceFault(f"OpenCV cannot open {self._what!r}{self._cure()}")
        if self.is_camera:
            self._configure()
        backend = self._capture.getBackendName()
        self.description = f"{self._what} through OpenCV's {backend}"
        self._due = time.monotonic()

    def read(self, seconds: float) -> RawFrame | None:
        """The next frame; a file's when it is due."""
        if self._capture is None:
            raise SourceFault("it is not opened")
        if self.is_file and not self._wait_until_due(seconds):
            return None
        there, image = self._capture.read()
        if not there and self.is_file and self._loop:
            self._capture.set(cv2.CAP_PROP_POS_FRAMES, 0)
            there, image = self._capture.read()
        if not there:
            raise SourceFault("it is over" if self.is_file else f"it gives no frame{self._cure()}")
        self._number += 1
        return RawFrame(
            image=np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8),
            number=self._number,
            device_time_seconds=self._device_time() if self.is_camera else None,
        )

    def restart(self) -> None:
        """Open it anew."""
        self.open()

    def hardware_reset(self) -> None:
        """OpenCV knows no more than to open it anew."""
        self.open()

    def close(self) -> None:
        """Release it."""
        capture, self._capture = self._capture, None
        if capture is not None:
            capture.release()

    def _opened(self) -> Any:
        if self.is_camera:
            what = int(self._what) if self._what.isdecimal() else self._what
            return cv2.VideoCapture(what, cv2.CAP_V4L2)
        limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, OPEN_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, READ_MS]
        return cv2.VideoCapture(self._what, cv2.CAP_FFMPEG, limits)

    def _configure(self) -> None:
        height, width = self._size
        for key, value in (
            (cv2.CAP_PROP_FRAME_WIDTH, width),
            (cv2.CAP_PROP_FRAME_HEIGHT, height),
            (cv2.CAP_PROP_FPS, self._fps),
            (cv2.CAP_PROP_BUFFERSIZE, 1),
        ):
            self._capture.set(key, value)

    def _wait_until_due(self, seconds: float) -> bool:
        """Sleep until the next frame of a file is due, or for as long as there is time."""
        wait = self._due - time.monotonic()
        time.sleep(min(max(0.0, wait), seconds))
        if wait > seconds:
            return False
        self._due = max(self._due + 1.0 / self._fps, time.monotonic() - 1.0 / self._fps)
        return True

    def _device_time(self) -> float | None:
        """When the kernel's driver filled the buffer, where it says so."""
        milliseconds = float(self._capture.get(cv2.CAP_PROP_POS_MSEC))
        return milliseconds / 1000.0 if milliseconds > 0.0 else None

    def _cure(self) -> str:
        if self.is_camera:
            return " -> see v4l2-ctl --list-devices, and that you are of the group video"
        return " -> see that the address answers, and that this build of OpenCV reads it"
