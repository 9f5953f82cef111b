"""Pictures as video, the frames of one camera one after another: small, and not what they were."""

import os
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from actor.conversion.lerobot.pictures import Image
from shared.errors import ConfigError

CODEC = "libsvtav1"
KEY_FRAME_EVERY = 2
PIXELS = "yuv420p"


class VideoWriter:
    """A new mp4 file, AV1 as LeRobot's own; frames are `1 / fps` apart.

    Attributes:
        frames: written so far.
        size_bytes: of those that the encoder has let go.
    """

    def __init__(self, path: Path, fps: int, height: int, width: int, crf: int) -> None:
        av = _library()
        path.parent.mkdir(parents=True, exist_ok=True)
        self.frames = 0
        self.size_bytes = 0
        self._frame = av.VideoFrame
        self._container = av.open(str(path), "w")
        options = {"g": str(KEY_FRAME_EVERY), "crf": str(crf), "preset": "12"}
        self._stream: Any = self._container.add_stream(CODEC, fps, options=options)
        self._stream.pix_fmt, self._stream.height, self._stream.width = PIXELS, height, width
        self._stream.time_base = self._period = Fraction(1, fps)

    def write(self, images: Sequence[Image]) -> None:
        """Append RGB pictures."""
        for image in images:
            frame = self._frame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
            frame.pts, frame.time_base = self.frames, self._period
            self._mux(self._stream.encode(frame))
            self.frames += 1

    def close(self) -> None:
        """Write what the encoder holds back, and the index."""
        self._mux(self._stream.encode(None))
        self._container.close()

    def _mux(self, packets: list[Any]) -> None:
        self.size_bytes += sum(packet.size for packet in packets)
        self._container.mux(packets)


def video_info(fps: int, height: int, width: int) -> dict[str, object]:
    """What a feature says of its videos."""
    return {
        "video.height": height,
        "video.width": width,
        "video.codec": "av1",
        "video.pix_fmt": PIXELS,
        "video.is_depth_map": False,
        "video.fps": fps,
        "video.channels": 3,
        "has_audio": False,
    }


def frames_of(path: Path, begin_seconds: float, count: int, fps: float) -> list[Image]:
    """`count` RGB frames, the first at `begin_seconds`.

    Raises:
        ConfigError: the file cannot be decoded, or has no frame at one of these times.
    """
    try:
        found = list(_decoded(path, begin_seconds, begin_seconds + (count - 0.5) / fps, 0.5 / fps))
    except (OSError, ValueError) as error:  # what PyAV's errors are
        raise ConfigError(str(path), f"cannot be decoded: {error}", "fetch the data set again") from None
    times = [time for time, _ in found]
    wanted = [begin_seconds + number / fps for number in range(count)]
    if len(found) != count or any(abs(a - b) > 0.1 / fps for a, b in zip(times, wanted, strict=True)):
        cause = f"has {len(found)} frames where {count} belong, from {begin_seconds:.3f} s on"
        raise ConfigError(str(path), cause, "its pictures are out of step with the data: record it again")
    return [image for _, image in found]


def _decoded(path: Path, begin: float, end: float, tolerance: float) -> Iterator[tuple[float, Image]]:
    with _library().open(str(path)) as container:
        stream = container.streams.video[0]
        container.seek(int(max(begin - tolerance, 0.0) / stream.time_base), stream=stream, backward=True)
        for frame in container.decode(stream):
            if frame.time is None or frame.time < begin - tolerance:
                continue
            if frame.time >= end:
                return
            yield frame.time, frame.to_ndarray(format="rgb24")


def _library() -> Any:
    os.environ.setdefault("SVT_LOG", "1")  # the encoder tells its life's story otherwise
    import av

    return av
