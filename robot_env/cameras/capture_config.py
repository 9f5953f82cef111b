"""What every captured camera is told."""

from dataclasses import dataclass, field
from typing import Any

from robot_env.cameras.frame_ring import FrameLayout
from robot_env.cameras.ladder import LadderConfig
from robot_env.cameras.source_config import SourceConfig
from robot_env.scene import World
from shared.clock import Clock, ManualClock
from shared.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class CaptureConfig:
    """Settings of a camera that is captured in a process of its own."""

    name: str = "camera"
    """What the image entry is called: NAME/image."""
    height: int = 480
    """Rows of the delivered picture; the whole frame is resized to it."""
    width: int = 640
    """Columns."""
    fps: int = 30
    """Frames per second asked of the camera: above the control rate."""
    mending: LadderConfig = field(default_factory=LadderConfig)
    """How long a frame may keep us waiting, and each attempt to mend a camera that does not deliver."""

    def __post_init__(self) -> None:
        if not self.name or min(self.height, self.width, self.fps) < 1:
            cause = f"{self.width}x{self.height} at {self.fps} frames/s, named {self.name!r}"
            raise ConfigError("camera", cause, "give a name, a size and a rate of at least 1")

    @property
    def layout(self) -> FrameLayout:
        """What each of its frames holds in shared memory."""
        return FrameLayout(height=self.height, width=self.width, depth=getattr(self, "depth", False))

    def build(self, world: World, clock: Clock) -> Any:
        """The camera, delivering. Raises RobotFault where it does not, ConfigError on a simulated clock."""
        from robot_env.cameras.captured import CapturedCamera

        if isinstance(clock, ManualClock):
            cure = "step it on the wall clock: --clock wall"
            raise ConfigError(f"camera {self.name!r}", "it delivers in real time", cure)
        return CapturedCamera(as_told(self), clock)


def as_told(config: Any) -> SourceConfig:
    """The same, as what it must be."""
    return config
