"""What draws a scene: what a camera of it sees now, and how its look changes from episode to episode."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class FrameSource(Protocol):
    """One view of a scene, kept open."""

    @property
    def fovy_degrees(self) -> float:
        """Angle between the picture's upper and lower edge."""
        ...

    def frame(self) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 RGB; a fresh array every time."""
        ...

    def close(self) -> None:
        """Give back what it holds; harmless twice."""
        ...


class Look(Protocol):
    """What changes how the scene looks from episode to episode."""

    def draw(self, rng: np.random.Generator) -> None:
        """Another look, decided by `rng` alone."""
        ...
