"""FreshFrames: from a camera to the control loop, only what is new, young and of the declared kind passes."""

import numpy as np
from numpy.typing import NDArray

from robot_env.cameras.base import Camera, Frame
from shared.clock import Clock
from shared.errors import ConfigError, ObservationError

MAX_AGE_SECONDS = 0.2


def require_age_bound(max_age_seconds: float) -> None:
    """Refuse a bound on the age of frames that no frame could keep, or none at all."""
    if not 0.0 < max_age_seconds < float("inf"):
        raise ConfigError(
            "camera", f"max_frame_age_seconds is {max_age_seconds}", "give a positive number, such as 0.2"
        )


class FreshFrames:
    """The frames of one camera, each at most once."""

    def __init__(self, camera: Camera, clock: Clock, max_age_seconds: float) -> None:
        require_age_bound(max_age_seconds)
        self._camera, self._clock, self._max_age_seconds = camera, clock, max_age_seconds
        self._last: int | None = None

    def next(self) -> NDArray[np.uint8]:
        """The newest picture (H, W, 3) uint8 RGB.

        Raises:
            ObservationError: it is too old, was seen before, or has another size, type or channel order.
        """
        frame = self._camera.read()
        self._require_kind(frame)
        self._require_new(frame)
        self._last = frame.number
        return frame.image

    def _require_kind(self, frame: Frame) -> None:
        entry, image = self._camera.entry, frame.image
        if image.dtype != np.uint8:
            raise self._error(f"sent {image.dtype}, not uint8", "make its driver deliver uint8 RGB")
        if image.shape == entry.shape:
            return
        cause = f"sent a frame of {list(image.shape)}, not {list(entry.shape)}"
        if image.shape == (entry.shape[2], *entry.shape[:2]):
            raise self._error(f"{cause}: channels first", "make its driver deliver rows, columns, channels")
        raise self._error(cause, "make its driver deliver the size and the three channels of its settings")

    def _require_new(self, frame: Frame) -> None:
        if self._last is not None and frame.number <= self._last:
            raise self._error(
                f"sent frame {frame.number} after frame {self._last}",
                "check its cable and power; its rate must be above the control rate",
            )
        age = self._clock.now() - frame.time_seconds
        if age > self._max_age_seconds:
            raise self._error(
                f"sent a frame {age:.3g} s old, allowed are {self._max_age_seconds:g} s",
                "check its cable and rate, or raise max_frame_age_seconds",
            )

    def _error(self, cause: str, cure: str) -> ObservationError:
        return ObservationError("reading cameras", f"camera {self._camera.entry.name!r} {cause}", cure)
