"""VideoWriter: frames to a VP9 WebM file, which every browser plays."""

from pathlib import Path
from types import TracebackType

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.errors import ConfigError

STAGE = "video"
INK = (255, 255, 255)


class VideoWriter:
    """Writes RGB frames of any one size, scaled so that the longer side is `size` pixels.

    Raises:
        ConfigError: the file is no .webm, or cannot be written here.
    """

    def __init__(self, path: Path, *, frames_per_second: float, size: int = 320) -> None:
        if path.suffix != ".webm":
            raise ConfigError(STAGE, f"{path} is not a WebM file", "choose a name that ends in .webm")
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._frames_per_second = frames_per_second
        self._size = size
        self._writer: cv2.VideoWriter | None = None
        self._shape = (0, 0)

    def write(self, frame: NDArray[np.uint8], caption: str = "") -> None:
        """One frame, (H, W, 3) uint8 RGB, with a caption in its lower left corner."""
        writer = self._writer = self._writer or self._open(frame)
        width, height = self._shape
        image = cv2.cvtColor(
            cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2BGR
        )
        cv2.putText(image, caption, (6, height - 8), cv2.FONT_HERSHEY_SIMPLEX, 0.4, INK, 1, cv2.LINE_AA)
        writer.write(image)

    def close(self) -> None:
        """Finish the file; harmless twice."""
        if self._writer is not None:
            self._writer.release()
            self._writer = None

    def __enter__(self) -> "VideoWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _open(self, frame: NDArray[np.uint8]) -> cv2.VideoWriter:
        scale = self._size / max(frame.shape[:2])
        width, height = (2 * max(1, round(side * scale / 2)) for side in (frame.shape[1], frame.shape[0]))
        self._shape = (width, height)
        codec = cv2.VideoWriter.fourcc(*"VP90")
        writer = cv2.VideoWriter(str(self.path), cv2.CAP_FFMPEG, codec, self._frames_per_second, self._shape)
        if not writer.isOpened():
            raise ConfigError(
                STAGE, f"{self.path} cannot be written as VP9", "check the directory, or leave the video out"
            )
        return writer
