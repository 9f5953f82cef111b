"""A camera without hardware: librealsense's software device behind the pipeline of real cameras."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from robot_env.cameras.base import Intrinsics
from robot_env.cameras.capture_config import CaptureConfig
from robot_env.cameras.source_config import Life
from robot_env.cameras.sources.base import RawFrame, Source, SourceFault
from robot_env.cameras.sources.faulty import FaultConfig, FaultySource
from robot_env.cameras.sources.realsense import RealSenseSource, Streams
from robot_env.cameras.sources.software import BySoftware, Feeder, Showing, SoftwareDevice


@dataclass(frozen=True, kw_only=True)
class SoftwareCameraConfig(CaptureConfig):
    """What it shows, and which fault it rehearses."""

    name: str = "software"
    """What the image entry is called: NAME/image."""
    height: int = 240
    """Rows of the delivered picture; the whole frame is resized to it."""
    width: int = 320
    """Columns."""
    stream_height: int = 240
    """Rows of the frames that the device sends."""
    stream_width: int = 320
    """Columns."""
    picture: Path | None = None
    """A picture file to show; none is a pattern that moves on with every frame."""
    depth: bool = False
    """Measure depth too, aligned to colour: a slope."""
    serial: str = "SOFTWARE"
    """What it says its serial number is."""
    fault: FaultConfig = field(default_factory=FaultConfig)
    """A fault to rehearse."""

    def source(self, life: Life) -> Source:
        """Where frames come from."""
        return FaultySource(SoftwareSource(self), self.fault, life)


class SoftwareSource:
    """A software device, its feeder and the pipeline that listens to it."""

    def __init__(self, config: SoftwareCameraConfig) -> None:
        self._config = config
        self._feeder: Feeder | None = None
        self._pipeline: RealSenseSource | None = None

    @property
    def description(self) -> str:
        """What the device says it is."""
        return "" if self._pipeline is None else self._pipeline.description

    @property
    def intrinsics(self) -> Intrinsics | None:
        """Of the frames that the device sends."""
        return None if self._pipeline is None else self._pipeline.intrinsics

    @property
    def depth_scale(self) -> float:
        """Metres per unit of depth."""
        return 1.0 if self._pipeline is None else self._pipeline.depth_scale

    def open(self) -> None:
        """Make the device, start the pipeline, feed it."""
        config = self._config
        size = {"height": config.stream_height, "width": config.stream_width}
        device = SoftwareDevice(**size, fps=config.fps, serial=config.serial, depth=config.depth)
        streams = Streams(**size, fps=config.fps, depth=config.depth)
        show = Showing(**size, picture=self._picture())
        self._pipeline = RealSenseSource(streams, BySoftware(device))
        self._pipeline.open()
        self._feeder = Feeder(device, show, config.fps)

    def read(self, seconds: float) -> RawFrame | None:
        """The next frame."""
        if self._pipeline is None:
            raise SourceFault("it is not opened")
        return self._pipeline.read(seconds)

    def restart(self) -> None:
        """Restart the pipeline; the device goes on."""
        if self._pipeline is None:
            raise SourceFault("it is not opened")
        self._pipeline.restart()

    def hardware_reset(self) -> None:
        """A new device."""
        self.close()
        self.open()

    def close(self) -> None:
        """Stop feeding, then stop the pipeline."""
        if self._feeder is not None:
            self._feeder.close()
        if self._pipeline is not None:
            self._pipeline.close()

    def _picture(self) -> NDArray[np.uint8] | None:
        if self._config.picture is None:
            return None
        import cv2

        read = cv2.imread(str(self._config.picture), cv2.IMREAD_COLOR)
        if read is None:
            raise SourceFault(f"{self._config.picture} is not a picture -> name a PNG or JPEG file")
        size = (self._config.stream_width, self._config.stream_height)
        return np.ascontiguousarray(cv2.cvtColor(cv2.resize(read, size), cv2.COLOR_BGR2RGB), np.uint8)
