"""Whether a frame may be shown: of one size, and newer than the one before by number and by clock."""

import numpy as np

from robot_env.cameras.sources.base import RawFrame


class FrameJudge:
    """Compares each frame of a stream with the one before it.

    Attributes:
        dropped: frames that the camera numbered and that never came.
    """

    def __init__(self, height: int, width: int) -> None:
        self.dropped = 0
        self._shape = (height, width, 3)
        self._last: RawFrame | None = None

    def forget(self) -> None:
        """The stream was started anew: numbers and times may begin again."""
        self._last = None

    def complaint(self, frame: RawFrame) -> str:
        """Why this frame must not be shown; empty where it may be."""
        if frame.image.shape != self._shape or frame.image.dtype != np.uint8:
            return f"frames are {frame.image.dtype}{list(frame.image.shape)}, not uint8{list(self._shape)}"
        last = self._last
        if last is None:
            self._last = frame
            return ""
        if frame.number <= last.number:
            again = "repeats" if frame.number == last.number else "goes back"
            return f"its frame number {again}: {frame.number} after {last.number}"
        if _stands_still(last, frame):
            return f"its clock stands still at {frame.device_time_seconds} s"
        self.dropped += frame.number - last.number - 1
        self._last = frame
        return ""


def _stands_still(last: RawFrame, frame: RawFrame) -> bool:
    before, now = last.device_time_seconds, frame.device_time_seconds
    return before is not None and now is not None and now <= before
