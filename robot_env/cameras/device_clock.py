"""The camera's clock told in this computer's: when was a frame taken, rather than when did it arrive.

The least delay among recent frames is taken for the way from sensor to here, so a frame that waited in a
queue is seen to be old. (Cristian's minimum filter, one way: a delay that all frames share cannot be seen.)
"""

from collections import deque

WINDOW_FRAMES = 300


class DeviceClock:
    """Maps one camera's times; the window lets it follow clocks that drift apart."""

    def __init__(self, window_frames: int = WINDOW_FRAMES) -> None:
        self._offsets: deque[float] = deque(maxlen=window_frames)

    def taken_at(self, device_time_seconds: float | None, arrival_seconds: float) -> float:
        """When a frame was taken, in seconds of `arrival_seconds`' clock, never after its arrival."""
        if device_time_seconds is None:
            return arrival_seconds
        self._offsets.append(arrival_seconds - device_time_seconds)
        return min(self._offsets) + device_time_seconds
