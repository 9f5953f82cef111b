"""What every source of frames does. A source may hang: it lives in a process that can be killed."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from robot_env.cameras.base import Intrinsics


class SourceFault(Exception):
    """A source cannot open or deliver; the text says why, and after "->" what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RawFrame:
    """One frame as the camera gave it, copied out of the driver's memory.

    Attributes:
        image: (H, W, 3) uint8 RGB.
        number: the camera's own, growing; gaps are frames that were lost.
        device_time_seconds: on the camera's clock, None where it has none.
        depth: (H, W) uint16 aligned to the image, in units of `Source.depth_scale`, or None.
    """

    image: NDArray[np.uint8]
    number: int
    device_time_seconds: float | None = None
    depth: NDArray[np.uint16] | None = None


class Source(Protocol):
    """One camera, file or stream. Methods raise SourceFault for what fails."""

    @property
    def description(self) -> str:
        """Model, serial number, firmware and connection, as far as it was opened."""
        ...

    @property
    def intrinsics(self) -> Intrinsics | None:
        """Of the raw frame, where they are known."""
        ...

    @property
    def depth_scale(self) -> float:
        """Metres per unit of depth."""
        ...

    def open(self) -> None:
        """Find the camera and start it."""
        ...

    def read(self, seconds: float) -> RawFrame | None:
        """The next frame, newest first; None where none came within `seconds`."""
        ...

    def restart(self) -> None:
        """Stop and start the stream."""
        ...

    def hardware_reset(self) -> None:
        """Reset the device as if it was plugged in again, and open it; where it can not, as `restart`."""
        ...

    def close(self) -> None:
        """Stop; harmless twice and where it never opened."""
        ...
