"""Named arrays in one file that describes itself: restored bit for bit, nothing in it to execute.

    magic (8 bytes) | header length (8, little-endian) | header (msgpack) | arrays, each on a 64-byte boundary

Chosen over Orbax for checkpoints: one file of a few megabytes needs no layout of its own, one fsync makes it
durable, optimiser states come back with their own types, and it is read without a single import beyond numpy.
"""

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from shared.errors import CheckpointError

MAGIC = b"HANDSON1"
ALIGNMENT = 64
MAX_HEADER_BYTES = 64 << 20
KINDS = "biufc"


class ArrayEntry(msgspec.Struct, frozen=True, array_like=True):
    """Where one array lies: `offset` counts from the end of the header."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    offset: int


def write_arrays(path: Path, arrays: Mapping[str, NDArray[np.generic]]) -> None:
    """Write named arrays to a new file and sync it to the disk. Raises OSError."""
    entries: list[ArrayEntry] = []
    blocks: list[memoryview] = []
    offset = 0
    for name, array in arrays.items():
        block = _bytes_of(array)
        entries.append(ArrayEntry(name, array.dtype.name, array.shape, offset))
        blocks.append(block)
        offset += _aligned(len(block))
    header = msgspec.msgpack.encode(entries)
    with path.open("xb") as file:
        file.write(MAGIC + len(header).to_bytes(8, "little") + header)
        for block in blocks:
            file.write(block)
            file.write(bytes(_aligned(len(block)) - len(block)))
        file.flush()
        os.fsync(file.fileno())


def read_arrays(path: Path) -> dict[str, NDArray[np.generic]]:
    """The arrays of a file, in the order written.

    Raises:
        CheckpointError: it cannot be read, is of another kind, or was cut off.
    """
    try:
        data = memoryview(path.read_bytes())
    except OSError as error:
        raise _damaged(path, f"cannot be read: {error.strerror}") from None
    if bytes(data[:8]) != MAGIC:
        raise _damaged(path, "is not an array file")
    start = 16 + int.from_bytes(data[8:16], "little")
    if not 16 <= start <= min(len(data), MAX_HEADER_BYTES):
        raise _damaged(path, "was cut off in its header")
    try:
        entries = msgspec.msgpack.decode(data[16:start], type=list[ArrayEntry])
    except (msgspec.DecodeError, ValueError) as error:
        raise _damaged(path, f"has an unreadable header: {error}") from None
    return {entry.name: _array(path, entry, data[start:]) for entry in entries}


def _array(path: Path, entry: ArrayEntry, blocks: memoryview) -> NDArray[np.generic]:
    dtype = _dtype(path, entry.dtype)
    count = int(np.prod(entry.shape, dtype=np.int64))
    block = blocks[entry.offset : entry.offset + count * dtype.itemsize]
    if min(entry.shape, default=0) < 0 or entry.offset < 0 or len(block) != count * dtype.itemsize:
        raise _damaged(path, f"was cut off in {entry.name!r}")
    return np.frombuffer(block, dtype).reshape(entry.shape)


def _dtype(path: Path, name: str) -> np.dtype[np.generic]:
    try:
        dtype = np.dtype(name)
    except TypeError:
        raise _damaged(path, f"holds an array of unknown type {name!r}") from None
    if dtype.kind not in KINDS:
        raise _damaged(path, f"holds an array of type {name!r}")
    return dtype


def _bytes_of(array: NDArray[np.generic]) -> memoryview:
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


def _damaged(path: Path, cause: str) -> CheckpointError:
    return CheckpointError("checkpoint", f"{path} {cause}", "use the checkpoint before it")
