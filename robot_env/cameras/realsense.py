"""A RealSense by its serial number, or a recording of one."""

from dataclasses import dataclass, field
from pathlib import Path

from robot_env.cameras.capture_config import CaptureConfig
from robot_env.cameras.ladder import LadderConfig
from robot_env.cameras.source_config import Life
from robot_env.cameras.sources.base import Source
from robot_env.cameras.sources.realsense import BySerial, RealSenseSource, Recording, Streams
from shared.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class RealSenseCameraConfig(CaptureConfig):
    """Which camera, and what it streams."""

    name: str = "realsense"
    """What the image entry is called: NAME/image."""
    serial: str = ""
    """Its serial number, as `handson check` and rs-enumerate-devices print it; empty for the only one."""
    stream_height: int = 480
    """Rows of the frames that it sends; of the modes that it has."""
    stream_width: int = 640
    """Columns."""
    depth: bool = False
    """Measure depth too, aligned to colour; only rewards see it."""
    exposure_us: int | None = None
    """Exposure time in microseconds; none lets the camera choose."""
    warm_up_frames: int = 10
    """Frames thrown away at each start, while the exposure settles."""
    recording: Path | None = None
    """A .db3 file of librealsense's recorder to play, again and again, instead of a camera."""
    mending: LadderConfig = field(default_factory=lambda: LadderConfig(settle_seconds=1.2))
    """How long a frame may keep us waiting, and each attempt to mend a camera that does not deliver."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.stream_height, self.stream_width) < 1 or self.warm_up_frames < 0:
            raise ConfigError(
                f"camera {self.name!r}", f"{self} streams nothing", "use 640x480, or another mode it has"
            )
        if self.exposure_us is not None and self.exposure_us < 1:
            raise ConfigError(
                f"camera {self.name!r}", f"exposure_us is {self.exposure_us}", "give microseconds, or none"
            )

    def source(self, life: Life) -> Source:
        """Where frames come from."""
        streams = Streams(
            height=self.stream_height,
            width=self.stream_width,
            fps=self.fps,
            depth=self.depth,
            exposure_us=self.exposure_us,
            warm_up_frames=self.warm_up_frames,
        )
        if self.recording is not None:
            return RealSenseSource(streams, Recording(str(self.recording), loop=True))
        return RealSenseSource(streams, BySerial(self.serial))
