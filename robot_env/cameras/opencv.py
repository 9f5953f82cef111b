"""A camera that OpenCV reads: a webcam, a video file, or a stream."""

from dataclasses import dataclass

from robot_env.cameras.capture_config import CaptureConfig
from robot_env.cameras.source_config import Life
from robot_env.cameras.sources.base import Source
from robot_env.cameras.sources.opencv import OpenCvSource
from shared.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class OpenCvCameraConfig(CaptureConfig):
    """What to read."""

    name: str = "opencv"
    """What the image entry is called: NAME/image."""
    device: str = "/dev/video0"
    """/dev/videoN (better: /dev/v4l/by-id/...) or N, a video file, or a URL (rtsp, http)."""
    stream_height: int = 480
    """Rows asked of a camera; files and streams have their own."""
    stream_width: int = 640
    """Columns."""
    loop: bool = True
    """Play a file again and again."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.device or min(self.stream_height, self.stream_width) < 1:
            raise ConfigError(f"camera {self.name!r}", f"{self} reads nothing", "name a device and its size")

    def source(self, life: Life) -> Source:
        """Where frames come from."""
        return OpenCvSource(
            self.device, height=self.stream_height, width=self.stream_width, fps=self.fps, loop=self.loop
        )
