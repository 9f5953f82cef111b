"""A camera that needs no hardware: every frame is a gradient that moves on by one pixel, so each differs."""

from dataclasses import dataclass

import numpy as np

from robot_env.cameras.base import Frame, Intrinsics
from robot_env.scene import World
from shared.clock import Clock
from shared.errors import ConfigError
from shared.interface import CropProfile, ObservationEntry


@dataclass(frozen=True, kw_only=True)
class PatternCameraConfig:
    """Name and size of the picture."""

    name: str = "pattern"
    height: int = 64
    width: int = 64

    def __post_init__(self) -> None:
        if self.height < 1 or self.width < 1:
            raise ConfigError(
                "pattern camera", f"{self.height} x {self.width} is no picture", "use at least 1 x 1"
            )

    def build(self, world: World, clock: Clock) -> "PatternCamera":
        """The camera; it looks at nothing."""
        return PatternCamera(self, clock)


class PatternCamera:
    """Takes a frame whenever it is read."""

    crop: CropProfile | None = None
    intrinsics: Intrinsics | None = None

    def __init__(self, config: PatternCameraConfig, clock: Clock) -> None:
        self.entry = ObservationEntry(
            name=f"{config.name}/image", shape=(config.height, config.width, 3), dtype="uint8"
        )
        self._clock = clock
        self._number = 0
        columns = np.arange(config.width, dtype=np.uint8)
        self._image = np.broadcast_to(columns[None, :, None], self.entry.shape)

    def read(self) -> Frame:
        """A new frame every time."""
        image = self._image + np.uint8(self._number % 256)
        self._number += 1
        return Frame(image=image, time_seconds=self._clock.now(), number=self._number)

    def close(self) -> None:
        """Nothing is held."""
