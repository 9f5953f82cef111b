"""The newest frames of a camera in memory that two processes share; neither ever waits for the other.

The memory has no name (a memfd that the child inherits), so nothing is left behind however either side ends.
The writer fills slots in turn, the reader copies the newest. A slot's `mark` is odd while it is written and
twice the frame's number once it is whole; a copy whose slot did not keep its mark is thrown away. A slot is
written again two frames later at the earliest, far longer than a copy takes.
"""

import mmap
import os
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from robot_env.cameras.base import Intrinsics

SLOTS = 3
TRIES = 4
WORDS = 400
HEADER = np.dtype(
    [
        ("newest", "<i8"),  # number of the newest whole frame; 0 for none yet
        ("asked", "<i8"),  # the order that the reader gave last
        ("done", "<i8"),  # the order that the writer carried out last
        ("opened", "<i8"),  # 1 while the camera is open
        ("dropped", "<i8"),  # frames that the camera numbered and nobody received
        ("pinhole", "<f8", (4,)),  # fx, fy, cx, cy of the delivered picture; nan where not known
        ("depth_scale", "<f8"),  # m per unit of depth
        ("complaint", f"S{WORDS}"),  # what is wrong, utf-8; empty while frames are good
        ("description", f"S{WORDS}"),  # which camera this is
    ]
)


@dataclass(frozen=True, kw_only=True)
class FrameLayout:
    """What each frame of a ring holds."""

    height: int
    width: int
    depth: bool = False

    @property
    def slot(self) -> np.dtype:
        """One slot; padded so that every mark lies on its own eight bytes."""
        numbers = [("mark", "<i8"), ("device_time", "<f8"), ("taken", "<f8")]
        image = ("image", "u1", (self.height, self.width, 3))
        depth = [("depth", "<u2", (self.height, self.width))] if self.depth else []
        return np.dtype([*numbers, image, *depth], align=True)

    @property
    def size(self) -> int:
        """Bytes of a whole ring."""
        return _up(HEADER.itemsize) + SLOTS * _up(self.slot.itemsize)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A copy of one frame.

    Attributes:
        number: counts the frames of this ring from 1.
        taken_seconds: when it was taken, on this computer's monotonic clock.
        device_time_seconds: what the camera's clock said; nan where it has none.
        image: (H, W, 3) uint8 RGB.
        depth: (H, W) uint16 in units of `FrameRing.depth_scale`, or None.
    """

    number: int
    taken_seconds: float
    device_time_seconds: float
    image: NDArray[np.uint8]
    depth: NDArray[np.uint16] | None


class FrameRing:
    """One side of the shared memory."""

    def __init__(self, layout: FrameLayout, descriptor: int | None = None) -> None:
        """New memory, or what another process made with the same layout behind an inherited descriptor."""
        if descriptor is None:
            descriptor = os.memfd_create("camera", 0)
            os.ftruncate(descriptor, layout.size)
        self.layout, self.descriptor = layout, descriptor
        memory = mmap.mmap(descriptor, layout.size)
        self._header = np.ndarray((), HEADER, memory)
        start, step = _up(HEADER.itemsize), _up(layout.slot.itemsize)
        self._slots = [np.ndarray((), layout.slot, memory, start + step * i) for i in range(SLOTS)]

    def close(self) -> None:
        """Give back the descriptor; the memory goes with its last user."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def write(
        self,
        image: NDArray[np.uint8],
        *,
        taken_seconds: float,
        device_time_seconds: float = float("nan"),
        depth: NDArray[np.uint16] | None = None,
    ) -> int:
        """Publish a frame; returns its number."""
        number = int(self._header["newest"]) + 1
        slot = self._slots[number % SLOTS]
        slot["mark"] = 2 * number - 1
        slot["device_time"], slot["taken"] = device_time_seconds, taken_seconds
        slot["image"] = image
        if depth is not None:
            slot["depth"] = depth
        slot["mark"] = 2 * number
        self._header["newest"] = number
        return number

    def newest(self) -> Sample | None:
        """A copy of the newest frame; None before the first, or where every copy was overtaken."""
        for _ in range(TRIES):
            number = int(self._header["newest"])
            if number == 0:
                return None
            slot = self._slots[number % SLOTS]
            before = int(slot["mark"])
            sample = Sample(
                number=number,
                taken_seconds=float(slot["taken"]),
                device_time_seconds=float(slot["device_time"]),
                image=slot["image"].copy(),
                depth=slot["depth"].copy() if self.layout.depth else None,
            )
            if before == int(slot["mark"]) == 2 * number:
                return sample
        return None

    def newest_taken_seconds(self) -> float | None:
        """When the newest frame was taken, without copying it; None before the first."""
        number = int(self._header["newest"])
        return float(self._slots[number % SLOTS]["taken"]) if number else None

    def word(self, name: str) -> int:
        """One of the header's whole numbers."""
        return int(self._header[name])

    def set_word(self, name: str, value: int) -> None:
        """Change one of the header's whole numbers; each has one writer."""
        self._header[name] = value

    def text(self, name: str) -> str:
        """One of the header's texts."""
        return self._header[name].item().decode(errors="replace")

    def set_text(self, name: str, text: str) -> None:
        """Change one of the header's texts; what is too long is cut."""
        self._header[name] = text.encode()[:WORDS]

    @property
    def depth_scale(self) -> float:
        """Metres per unit of depth."""
        return float(self._header["depth_scale"])

    @property
    def intrinsics(self) -> Intrinsics | None:
        """Of the delivered picture, where the writer knows them."""
        fx, fy, cx, cy = map(float, self._header["pinhole"])
        return Intrinsics(fx=fx, fy=fy, cx=cx, cy=cy) if fx > 0.0 else None

    def describe(self, description: str, intrinsics: Intrinsics | None, depth_scale: float) -> None:
        """Say which camera this is and how it maps space to pixels."""
        pinhole = intrinsics and (intrinsics.fx, intrinsics.fy, intrinsics.cx, intrinsics.cy)
        self._header["pinhole"] = pinhole or (0.0, 0.0, 0.0, 0.0)
        self._header["depth_scale"] = depth_scale
        self.set_text("description", description)


def _up(size: int) -> int:
    """The next multiple of 64: no two slots on one line of the processor's cache."""
    return -(-size // 64) * 64
