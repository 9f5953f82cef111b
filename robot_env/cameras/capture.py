"""The process that captures one camera; its command line is what `CaptureProcess` makes of a configuration.

It reads the source, judges each frame and writes the good ones into the shared ring, carries out what the
supervisor asks for, and ends when the supervisor's process ends. Should a library hang, a timer inside the
interpreter (faulthandler, a thread in C) ends the process without asking Python.
"""

import faulthandler
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from robot_env.cameras.base import Intrinsics
from robot_env.cameras.crop import crop_intrinsics
from robot_env.cameras.device_clock import DeviceClock
from robot_env.cameras.frame_judge import FrameJudge
from robot_env.cameras.frame_ring import FrameLayout, FrameRing
from robot_env.cameras.ladder import Rung
from robot_env.cameras.source_config import Life, SourceConfig, from_text
from robot_env.cameras.sources.base import RawFrame, Source, SourceFault
from shared.interface import CropProfile, ObservationEntry

log = logging.getLogger(__name__)

READ_SECONDS = 0.2
OPEN_AGAIN_SECONDS = 0.5
HANG_SECONDS = 20.0
"""Longer than any order may take; the supervisor ends a process that hangs long before."""
STOP = 0
"""The order to end; others are rungs of the ladder."""
RUNGS = 16
"""Orders are numbered: the rung plus this many times how many were given."""


class Capture:
    """The loop of a capture process."""

    def __init__(self, source: Source, ring: FrameRing) -> None:
        self._source, self._ring = source, ring
        self._judge: FrameJudge | None = None
        self._clock = DeviceClock()
        self._open = False
        self._said = ""

    def run(self, parent: int) -> None:
        """Capture until told to stop, or until `parent` is no longer this process's parent."""
        try:
            while os.getppid() == parent:
                faulthandler.dump_traceback_later(HANG_SECONDS, exit=True)
                if (asked := self._ring.word("asked")) != self._ring.word("done"):
                    if asked % RUNGS == STOP:
                        return
                    self._obey(Rung(asked % RUNGS))
                    self._ring.set_word("done", asked)
                self.turn()
        finally:
            self._close()
            faulthandler.cancel_dump_traceback_later()

    def turn(self) -> None:
        """Open the camera where it is not, else pass on one frame."""
        try:
            if not self._open:
                self._start(self._source.open)
            frame = self._source.read(READ_SECONDS)
        except SourceFault as fault:
            self._complain(str(fault))
            if not self._open:
                time.sleep(OPEN_AGAIN_SECONDS)
            return
        if frame is None:
            self._complain(f"no frame came within {READ_SECONDS:g} s")
        else:
            self._pass_on(frame, time.monotonic())

    def _pass_on(self, frame: RawFrame, arrival_seconds: float) -> None:
        if self._judge is None:
            self._judge = FrameJudge(*frame.image.shape[:2])
            self._describe(frame)
        if complaint := self._judge.complaint(frame):
            self._complain(complaint)
            return
        device = frame.device_time_seconds
        self._ring.write(
            resized(frame.image, self._ring.layout),
            taken_seconds=self._clock.taken_at(device, arrival_seconds),
            device_time_seconds=float("nan") if device is None else device,
            depth=frame.depth if frame.depth is None else resized_depth(frame.depth, self._ring.layout),
        )
        self._ring.set_word("dropped", self._judge.dropped)
        self._complain("")

    def _obey(self, rung: Rung) -> None:
        try:
            if rung is Rung.RESTART:
                self._start(self._source.restart)
            elif rung is Rung.HARDWARE_RESET:
                self._start(self._source.hardware_reset)
            elif rung is Rung.REOPEN:
                self._close()
                self._start(self._source.open)
        except SourceFault as fault:
            self._complain(str(fault))

    def _close(self) -> None:
        """Let go of the source; a broken one may not close well, which keeps nobody from opening it anew."""
        try:
            self._source.close()
        except SourceFault as fault:
            log.warning("the camera did not close: %s", fault)

    def _start(self, begin: Callable[[], None]) -> None:
        self._open = False
        self._ring.set_word("opened", 0)
        begin()
        self._open = True
        self._ring.set_word("opened", 1)
        self._clock = DeviceClock()
        if self._judge is not None:
            self._judge.forget()

    def _describe(self, frame: RawFrame) -> None:
        raw = self._source.intrinsics
        pinhole = None if raw is None else resized_intrinsics(raw, frame.image.shape, self._ring.layout)
        self._ring.describe(self._source.description, pinhole, self._source.depth_scale)

    def _complain(self, text: str) -> None:
        """Kept for the supervisor, which tells of it: a frame that repeats once is only not passed on."""
        if text != self._said:
            self._said = text
            self._ring.set_text("complaint", text)


def resized(image: NDArray[np.uint8], layout: FrameLayout) -> NDArray[np.uint8]:
    """The whole picture at the delivered size: means over what a pixel covers."""
    if image.shape[:2] == (layout.height, layout.width):
        return image
    size = (layout.width, layout.height)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def resized_depth(depth: NDArray[np.uint16], layout: FrameLayout) -> NDArray[np.uint16]:
    """Depth at the delivered size: the nearest measurement, for a mean of two surfaces lies on neither."""
    if depth.shape == (layout.height, layout.width):
        return depth
    size = (layout.width, layout.height)
    return np.asarray(cv2.resize(depth, size, interpolation=cv2.INTER_NEAREST), dtype=np.uint16)


def resized_intrinsics(raw: Intrinsics, shape: Sequence[int], layout: FrameLayout) -> Intrinsics:
    """The pinhole of the resized picture."""
    whole = CropProfile(entry="", version=1, top=0, left=0, height=shape[0], width=shape[1])
    entry = ObservationEntry(name="", shape=(layout.height, layout.width, 3), dtype="uint8")
    return crop_intrinsics(raw, whole, entry)


def main(arguments: Sequence[str]) -> None:
    """Run as a process of its own; Ctrl-C is the parent's business."""
    descriptor, parent, kind, settings, life, began = arguments
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.WARNING)
    config: SourceConfig = from_text(kind, settings)
    ring = FrameRing(config.layout, int(descriptor))
    source = config.source(Life(number=int(life), began_seconds=float(began)))
    Capture(source, ring).run(int(parent))


if __name__ == "__main__":
    main(sys.argv[1:])
