"""VideoWriter: frames to a VP9 WebM file, which every browser plays."""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np
from numpy.typing import NDArray

from shared.errors import ConfigError

STAGE = "video"
INK = (255, 255, 255)
Picture = NDArray[np.uint8]


class VideoWriter:
    """Writes RGB frames of any one size, scaled so that the longer side is `size` pixels.

    Pictures that a policy sees stand beside the frame, one above the other; as many in every frame.

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

    def write(self, frame: Picture, caption: str = "", beside: Sequence[Picture] = ()) -> None:
        """One frame, (H, W, 3) uint8 RGB, with a caption in its lower left corner.

        Args:
            frame: the view.
            caption: a few words.
            beside: (h, w, 3) uint8 RGB pictures, as high together as the frame, the first one on top.
        """
        width, height = self._scaled(frame)
        scene = cv2.cvtColor(
            cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2BGR
        )
        cv2.putText(scene, caption, (6, height - 8), cv2.FONT_HERSHEY_SIMPLEX, 0.4, INK, 1, cv2.LINE_AA)
        image = np.hstack((scene, _column(beside, height))) if beside else scene
        self._writer = self._writer or self._open((image.shape[1], image.shape[0]))
        self._writer.write(image)

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

    def _scaled(self, frame: Picture) -> tuple[int, int]:
        """(width, height) of the frame in the video."""
        scale = self._size / max(frame.shape[:2])
        return _even(frame.shape[1] * scale), _even(frame.shape[0] * scale)

    def _open(self, size: tuple[int, int]) -> cv2.VideoWriter:
        codec = cv2.VideoWriter.fourcc(*"VP90")
        writer = cv2.VideoWriter(str(self.path), cv2.CAP_FFMPEG, codec, self._frames_per_second, size)
        if not writer.isOpened():
            raise ConfigError(
                STAGE, f"{self.path} cannot be written as VP9", "check the directory, or leave the video out"
            )
        return writer


def _column(pictures: Sequence[Picture], height: int) -> Picture:
    """One above the other, BGR, `height` pixels together; black beside those that are narrower."""
    tile = height // len(pictures)
    wide = _even(max(p.shape[1] / p.shape[0] for p in pictures) * tile)
    column = np.zeros((height, wide, 3), np.uint8)
    for number, picture in enumerate(pictures):
        width = min(wide, max(1, round(picture.shape[1] / picture.shape[0] * tile)))
        scaled = cv2.resize(picture, (width, tile), interpolation=cv2.INTER_AREA)
        column[number * tile : (number + 1) * tile, :width] = cv2.cvtColor(scaled, cv2.COLOR_RGB2BGR)
    return column


def _even(pixels: float) -> int:
    """Near that many, and even, as VP9 wants both sides."""
    return 2 * max(1, round(pixels / 2))
