"""What every camera does: it shows its newest frame, and when it was taken."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from robot_env.scene import World
from shared.clock import Clock
from shared.interface import ObservationEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One picture: (H, W, 3) uint8 RGB, when it was taken on the loop's clock, and its number."""

    image: NDArray[np.uint8]
    time_seconds: float
    number: int


class Camera(Protocol):
    """One camera."""

    @property
    def entry(self) -> ObservationEntry:
        """The image entry that its frames become."""
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
