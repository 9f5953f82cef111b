"""ObservationBlocks: what was observed, each frame once. Stacks of frames and their maps are found by row."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from learner.replay.layout import BatchLayout
from learner.replay.maps import MapCache, MapSource, Rows
from shared.step import Observation

Block = NDArray[Any]
Entries = dict[str, NDArray[np.generic]]


class ObservationBlocks:
    """One preallocated array an entry, (rows, ...), and the maps of its images where batches show those."""

    def __init__(self, layout: BatchLayout, capacity_rows: int, maps: MapSource | None) -> None:
        if bool(layout.map_shapes) != (maps is not None):
            raise ValueError("batches show maps of frames if, and only if, there is a source of maps")
        entries = layout.interface.observations
        self._vectors = {e.name: _block(capacity_rows, e.shape, e.dtype) for e in entries if not e.is_image}
        self._images = {e.name: _block(capacity_rows, e.shape, e.dtype) for e in entries if e.is_image}
        self._maps = MapCache(layout, capacity_rows, maps) if maps is not None else None

    @property
    def nbytes(self) -> int:
        """Bytes of its arrays."""
        frames = sum(block.nbytes for block in [*self._vectors.values(), *self._images.values()])
        return frames + (self._maps.nbytes if self._maps else 0)

    @property
    def map_choices(self) -> tuple[int, int]:
        """(C, M): cameras of which batches show maps, and among how many shifts of each they choose."""
        return (len(self._images), self._maps.shifts) if self._maps else (0, 1)

    def write(self, row: int, observation: Observation) -> bool:
        """Keep an observation; whether all its numbers are finite."""
        for name, block in self._images.items():
            block[row] = observation[name]
        for name, block in self._vectors.items():
            block[row] = observation[name]
        if self._maps:
            self._maps.forget(row)
        return all(bool(np.isfinite(observation[name]).all()) for name in self._vectors)

    def fill(
        self, outs: tuple[Entries, Entries], columns: slice, stacks: Rows, shifts: Rows, motions: Rows
    ) -> None:
        """Copy observations and next observations into these columns (second axis) of `outs`.

        Args:
            outs: entries (U, B, ...) as the layout says.
            columns: which of B.
            stacks: (2, U, b, T) rows of observations and next observations, the newest last.
            shifts: (2, C, U, b) which shift of each camera; C is 0 where batches show frames.
            motions: (rows,) see `MapCache.fill`.
        """
        for name, block in self._vectors.items():
            _take(block, stacks[..., -1], outs, name, columns)
        for camera, (name, frames) in enumerate(self._images.items()):
            if self._maps is None:
                _take(frames, stacks, outs, name, columns)
            else:
                places = stacks * self._maps.shifts + shifts[:, camera, ..., None]
                _take(self._maps.fill(name, frames, motions, places), places, outs, name, columns)


def _block(rows: int, shape: tuple[int, ...], dtype: str) -> Block:
    return np.zeros((rows, *shape), dtype)


def _take(block: Block, places: Rows, outs: tuple[Entries, Entries], name: str, columns: slice) -> None:
    for out, chosen in zip(outs, places, strict=True):
        for update, here in enumerate(chosen):
            block.take(here, 0, out[name][update, columns], "clip")
