"""FreshFrames: from a camera to the control loop, only what is new, young and of the declared kind passes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from robot_env.cameras.base import Camera, Frame
from shared.clock import Clock
from shared.errors import ConfigError, ObservationError, RobotFault
from shared.interface import ObservationEntry

STAGE = "reading cameras"
MAX_AGE_SECONDS = 0.2
MEND_SECONDS = 20.0
"""How long an episode's start waits for a camera that is being mended; the arm holds meanwhile."""
AFTER_RESET_SECONDS = 1.0
"""How long it waits for a frame that is newer than the reset, where the camera says nothing of a fault."""
POLL_SECONDS = 0.005


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
        return self._admit(self._camera.read())

    def first(self, patience_seconds: float = MEND_SECONDS) -> NDArray[np.uint8]:
        """The first picture of an episode: taken after this call, so that it shows how the reset ended.

        A RobotFault of the camera is waited out for `patience_seconds`: it is being mended.

        Raises:
            ObservationError: as `next`, and the camera's RobotFault where it lasts.
        """
        called = self._clock.now()
        while True:
            try:
                frame = self._camera.read()
            except RobotFault:
                if self._clock.now() - called > patience_seconds:
                    raise
            else:
                waited = self._clock.now() - called
                if not frame.time_seconds < called or waited > AFTER_RESET_SECONDS:
                    return self._admit(frame)
            self._clock.sleep_until(self._clock.now() + POLL_SECONDS)

    def _admit(self, frame: Frame) -> NDArray[np.uint8]:
        require_kind(frame.image, self._camera.entry)
        self._require_new(frame)
        self._last = frame.number
        return frame.image

    def _require_new(self, frame: Frame) -> None:
        name = self._camera.entry.name
        if self._last is not None and frame.number <= self._last:
            raise ObservationError(
                STAGE,
                f"{name!r} repeats: frame {frame.number} came after frame {self._last}",
                "check the camera's cable and power; its rate must be above the control rate",
            )
        age = self._clock.now() - frame.time_seconds
        if not abs(age) <= self._max_age_seconds:
            raise ObservationError(
                STAGE,
                f"the newest frame of {name!r} is {age:.3g} s old, allowed are {self._max_age_seconds:g} s",
                "check the camera's cable, rate and clock, or raise max_frame_age_seconds",
            )


def require_kind(image: NDArray[Any], entry: ObservationEntry) -> None:
    """Refuse a picture that is not what its entry says, a frame with its channels first by that name."""
    if image.dtype == np.uint8 and image.shape == entry.shape:
        return
    first = image.shape == (entry.shape[2], *entry.shape[:2])
    raise ObservationError(
        STAGE,
        f"{entry.name!r} is {image.dtype}{list(image.shape)}{' (channels first)' if first else ''}, "
        f"not uint8{list(entry.shape)}",
        "make the camera's driver deliver rows, columns, RGB as uint8, at the size of its settings",
    )
