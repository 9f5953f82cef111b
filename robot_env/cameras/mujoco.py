"""A camera of the simulated scene: every time it is read it draws what it sees now."""

from dataclasses import dataclass

from robot_env.cameras.base import Frame, Intrinsics
from robot_env.rendering.view import ViewConfig, open_view
from robot_env.scene import World
from shared.clock import Clock
from shared.interface import CropProfile, ObservationEntry


@dataclass(frozen=True, kw_only=True)
class MujocoCameraConfig:
    """Which camera of the scene, and the size of its picture in pixels."""

    camera: str = "front"
    """Name of a camera in the scene; the entry is called after it."""
    height: int = 64
    """Rows, 1 to 960."""
    width: int = 64
    """Columns, 1 to 1280."""

    def __post_init__(self) -> None:
        self._view()

    def build(self, world: World, clock: Clock) -> "MujocoCamera":
        """The camera; raises ConfigError where the world has no scene or no camera of that name."""
        return MujocoCamera(self, world, clock)

    def _view(self) -> ViewConfig:
        return ViewConfig(camera=self.camera, height=self.height, width=self.width)


@dataclass(frozen=True, kw_only=True)
class WristCameraConfig(MujocoCameraConfig):
    """The camera on the hand: it sees the fingertips and what is below them."""

    camera: str = "wrist"


class MujocoCamera:
    """A view that is kept open. It must be read by the thread that built it."""

    crop: CropProfile | None = None

    def __init__(self, config: MujocoCameraConfig, world: World, clock: Clock) -> None:
        self._view = open_view(world, config._view())
        shape = (config.height, config.width, 3)
        self.entry = ObservationEntry(name=f"{config.camera}/image", shape=shape, dtype="uint8")
        self.intrinsics = Intrinsics.of_fovy(self._view.fovy_degrees, config.height, config.width)
        self._clock = clock
        self._number = 0

    def read(self) -> Frame:
        """A new frame every time."""
        self._number += 1
        return Frame(image=self._view.frame(), time_seconds=self._clock.now(), number=self._number)

    def close(self) -> None:
        """Close the view."""
        self._view.close()
