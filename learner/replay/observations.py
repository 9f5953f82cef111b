"""ObservationBlocks: what was observed, each frame once. Stacks of frames and their maps are found by row."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from learner.replay.layout import BatchLayout
from learner.replay.maps import MapCache, MapSource, Rows
from shared.step import Observation

Block = NDArray[Any]
Pair = tuple[Rows, Rows]
"""Of observations, and of next observations."""
EntryBlock = tuple[str, Block, Pair]
"""An entry's name, the block that holds it, and which places of the block are wanted."""


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
    def has_images(self) -> bool:
        """Whether there is any camera."""
        return bool(self._images)

    @property
    def map_choices(self) -> tuple[int, int]:
        """(C, M): cameras of which batches show maps, and among how many shifts of each they choose."""
        return (len(self._images), self._maps.shifts) if self._maps else (0, 1)

    @property
    def states(self) -> dict[str, Block]:
        """The blocks (rows, ...) of all entries but images."""
        return self._vectors

    def write(self, row: int, observation: Observation) -> bool:
        """Keep an observation; whether all its numbers are finite."""
        for name, block in self._images.items():
            block[row] = observation[name]
        for name, block in self._vectors.items():
            block[row] = observation[name]
        if self._maps:
            self._maps.forget(row)
        return all(bool(np.isfinite(observation[name]).all()) for name in self._vectors)

    def frames(self, rows: Rows) -> dict[str, Block]:
        """Copies of the frames (N, H, W, 3) of each camera in these rows (N,)."""
        return {name: block[rows] for name, block in self._images.items()}

    def vectors(self, rows: Pair) -> list[EntryBlock]:
        """Where the states of these observations and next observations, (U, b) each, are."""
        return [(name, block, rows) for name, block in self._vectors.items()]

    def images(self, stacks: Pair, shifts: Rows, motions: Rows) -> list[EntryBlock]:
        """Where the frames of these observations and next observations are, or the maps of them.

        Args:
            stacks: (U, b, T) rows each, the newest last.
            shifts: (2, C, U, b) which shift of each camera; C is 0 where batches show frames.
            motions: (rows,) see `MapCache.fill`.
        """
        if self._maps is None:
            return [(name, frames, stacks) for name, frames in self._images.items()]
        sources: list[EntryBlock] = []
        for camera, (name, frames) in enumerate(self._images.items()):
            places = np.stack(stacks) * self._maps.shifts + shifts[:, camera, ..., None]
            maps = self._maps.fill(name, frames, motions, places)
            sources.append((name, maps, (places[0], places[1])))
        return sources


def _block(rows: int, shape: tuple[int, ...], dtype: str) -> Block:
    return np.zeros((rows, *shape), dtype)
