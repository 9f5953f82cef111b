"""MapCache: the feature maps that a frozen trunk makes of randomly shifted frames, computed once each.

A map depends only on the frame and its shift. Each row has M shifts per camera that follow from a hash, so
that augmentation (DrQ: Kostrikov et al. 2020, pad 4) becomes a choice among M maps, and what a choice shows
does not depend on when it was computed.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from learner.replay.layout import BatchLayout
from shared.errors import NonFiniteError

PAD = 4
"""Rows and columns by which augmentation pads a frame at each side, repeating its edge, before it crops."""
STAGE = "frozen trunk"

Frames = NDArray[np.uint8]
Maps = NDArray[np.float16]
Rows = NDArray[np.int64]
Offsets = NDArray[np.int32]
Encode = Callable[[Frames, Offsets], Maps]
"""encode(frames (N, H, W, 3), offsets (N, 2) from 0 to 2 PAD) -> maps (N, c, h, w): pads each frame by PAD
with its edge, crops (H, W) at offset (down, right), and runs the trunk. A pure function of each frame."""


class MapsInterrupted(Exception):
    """Maps are no longer wanted, and were not computed."""


@dataclass(frozen=True, kw_only=True)
class MapSource:
    """Where the maps of frames come from.

    Attributes:
        encode: the frozen trunk.
        shifts: M, shifts of each frame whose maps are kept.
        seed: which shifts these are.
        chunk: frames in one call of `encode`, always as many, so that it is compiled once a frame shape.
    """

    encode: Encode
    shifts: int
    seed: int
    chunk: int = 8

    def until(self, ended: Callable[[], bool]) -> "MapSource":
        """The same, but `encode` raises MapsInterrupted once `ended`: to fill a cold cache takes minutes."""

        def encode(frames: Frames, offsets: Offsets) -> Maps:
            if ended():
                raise MapsInterrupted
            return self.encode(frames, offsets)

        return replace(self, encode=encode)

    def compile(self, layout: BatchLayout) -> None:
        """Have the trunk compiled for every camera's frames, before the first map is wanted."""
        for entry in layout.interface.observations:
            if entry.is_image:
                frames = np.zeros((self.chunk, *entry.shape), np.uint8)
                self.encode(frames, np.zeros((self.chunk, 2), np.int32))


class MapCache:
    """For each row and camera the maps of its M shifts, each computed when it is first wanted."""

    def __init__(self, layout: BatchLayout, capacity_rows: int, source: MapSource) -> None:
        self.shifts = source.shifts
        self._source = source
        self._cameras = {name: number for number, name in enumerate(layout.map_shapes)}
        places = capacity_rows * source.shifts
        self._maps = {n: np.zeros((places, *shape), np.float16) for n, shape in layout.map_shapes.items()}
        self._filled = {name: np.zeros(places, np.bool_) for name in layout.map_shapes}

    @property
    def nbytes(self) -> int:
        """Bytes of its arrays."""
        return sum(array.nbytes for array in [*self._maps.values(), *self._filled.values()])

    def forget(self, row: int) -> None:
        """The row holds another frame from now on."""
        for filled in self._filled.values():
            filled[row * self.shifts : (row + 1) * self.shifts] = False

    def fill(self, name: str, frames: Frames, motions: Rows, places: Rows) -> Maps:
        """All maps of a camera, (rows x M, c, h, w), with these places of it computed if they were missing.

        Args:
            name: the image entry.
            frames: (rows, H, W, 3), all that the store has.
            motions: (rows,) what names the shifts of each row; rows of one motion move alike.
            places: row x M + shift, any shape; duplicates are computed once.

        Raises:
            NonFiniteError: a map has numbers that float16 does not hold.
        """
        filled, size = self._filled[name], self._source.chunk
        missing = np.unique(places[~filled[places]])
        staging = np.zeros((size, *frames.shape[1:]), np.uint8) if len(missing) else frames[:0]
        for first in range(0, len(missing), size):
            chunk = missing[first : first + size]
            self._maps[name][chunk] = self._encode(name, frames, motions, chunk, staging)
            filled[chunk] = True
        return self._maps[name]

    def _encode(self, name: str, frames: Frames, motions: Rows, chunk: Rows, staging: Frames) -> Maps:
        rows, shifts = np.divmod(chunk, self.shifts)
        frames.take(rows, 0, staging[: len(chunk)], "clip")
        offsets = np.zeros((len(staging), 2), np.int32)
        camera = self._cameras[name]
        offsets[: len(chunk)] = shift_offsets(self._source.seed, motions[rows], camera, shifts)
        maps = np.asarray(self._source.encode(staging, offsets))[: len(chunk)]
        if not np.isfinite(maps).all():
            raise NonFiniteError(
                STAGE,
                f"its map of a frame of {name} is not finite in float16",
                "check the file of its weights, or set cached_shifts to 0, which keeps no maps",
            )
        return maps


def map_bytes(layout: BatchLayout, shifts: int) -> int:
    """Bytes that a MapCache of `shifts` shifts takes a row."""
    float16 = np.dtype(np.float16).itemsize
    return shifts * sum(math.prod(shape) * float16 + 1 for shape in layout.map_shapes.values())


def shift_offsets(seed: int, motions: Rows, camera: int, shifts: Rows) -> Offsets:
    """(N, 2) offsets (down, right) in [0, 2 PAD]: a hash of all arguments; `motions`, `shifts` are (N,)."""
    mixed = _mix(np.asarray(seed % 2**64, np.uint64)[None])
    for words in (motions, np.asarray(camera)[None], shifts):
        mixed = _mix(mixed ^ _mix(words.astype(np.uint64)))
    halves = np.stack((mixed >> np.uint64(32), mixed & np.uint64(0xFFFFFFFF)), -1)
    return (halves % np.uint64(2 * PAD + 1)).astype(np.int32)


def _mix(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64's finaliser (Steele, Lea and Flood 2014) after one step of its counter."""
    words = words + np.uint64(0x9E3779B97F4A7C15)
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))
