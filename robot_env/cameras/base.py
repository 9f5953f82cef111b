"""What every camera does: it shows its newest frame, when it was taken, and how it maps space to pixels."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from robot_env.scene import World
from shared.clock import Clock
from shared.interface import CropProfile, ObservationEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One picture: (H, W, 3) uint8 RGB, when it was taken on the loop's clock, and its growing number.

    Where the camera measures depth, `depth_m` is (H, W) float32, m along the optical axis of the same pixels,
    0 where it is not known: for rewards; it is no part of an observation. `device_time_seconds` is what the
    camera's own clock said, where it has one.
    """

    image: NDArray[np.uint8]
    time_seconds: float
    number: int
    depth_m: NDArray[np.float32] | None = None
    device_time_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Intrinsics:
    """Pinhole of the delivered picture, in its pixels, OpenCV's convention: (0, 0) is a pixel's centre.

    A point (x, y, z) m, x right, y down, z ahead, is seen at column fx x / z + cx and row fy y / z + cy.
    """

    fx: float
    fy: float
    cx: float
    cy: float

    @classmethod
    def of_fovy(cls, fovy_degrees: float, height: int, width: int) -> "Intrinsics":
        """Square pixels that span `fovy_degrees` from the first row's upper edge to the last one's lower."""
        focal = height / 2.0 / float(np.tan(np.deg2rad(fovy_degrees) / 2.0))
        return cls(fx=focal, fy=focal, cx=(width - 1) / 2.0, cy=(height - 1) / 2.0)


class Camera(Protocol):
    """One camera."""

    @property
    def entry(self) -> ObservationEntry:
        """The image entry that its frames become."""
        ...

    @property
    def crop(self) -> CropProfile | None:
        """What of the raw frame is delivered; None for all of it."""
        ...

    @property
    def intrinsics(self) -> Intrinsics | None:
        """Of the delivered picture; None where they are not known."""
        ...

    def read(self) -> Frame:
        """The newest frame; never waits for another."""
        ...

    def close(self) -> None:
        """Give back what it holds; harmless twice."""
        ...


class CameraConfig(Protocol):
    """Settings of a camera, and how to build it."""

    def build(self, world: World, clock: Clock) -> Camera:
        """A camera that looks at a world."""
        ...
