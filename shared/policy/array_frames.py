"""Arrays as headers (name, dtype, shape) and raw buffers: frames on the wire, one sealed file on disk.

A file is magic, header length, header, buffers, and a SHA-256 of all before it. No pickle.
"""

import hashlib
import os
import struct
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from shared.errors import CheckpointError
from shared.fresh_file import sync_directory
from shared.policy.parameters import FlatParameters

DTYPES = ("float32", "float16", "int32", "uint8", "uint32", "bool")
CURE = "use another checkpoint"

Buffer = bytes | bytearray | memoryview

_LENGTH = struct.Struct("<Q")
_DIGEST_BYTES = 32


class ArrayHeader(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What a buffer does not say itself."""

    name: str
    dtype: str
    shape: tuple[int, ...]


def encode_arrays(
    params: Mapping[str, NDArray[np.generic]], stage: str
) -> tuple[tuple[ArrayHeader, ...], list[memoryview]]:
    """A header and a buffer an array, in order; C-contiguous arrays are not copied.

    Raises:
        CheckpointError: an array is of a dtype that files and frames do not hold.
    """
    arrays = {name: np.asarray(array, order="C") for name, array in params.items()}
    if odd := [f"{name} ({array.dtype})" for name, array in arrays.items() if array.dtype.name not in DTYPES]:
        raise CheckpointError(stage, f"cannot hold {', '.join(odd)}", f"give arrays of {', '.join(DTYPES)}")
    headers = tuple(ArrayHeader(name, array.dtype.name, array.shape) for name, array in arrays.items())
    return headers, [array.reshape(-1).view(np.uint8).data for array in arrays.values()]


def decode_arrays(
    headers: Sequence[ArrayHeader], buffers: Sequence[Buffer], stage: str, cure: str = CURE
) -> FlatParameters:
    """The arrays behind `encode_arrays`, read-only views of `buffers`.

    Raises:
        CheckpointError: headers and buffers do not fit each other.
    """
    if len(headers) != len(buffers):
        raise CheckpointError(stage, f"declares {len(headers)} arrays and holds {len(buffers)}", cure)
    return {
        header.name: _decode_array(header, memoryview(buffer).cast("B"), stage, cure)
        for header, buffer in zip(headers, buffers, strict=True)
    }


def write_sealed(path: Path, magic: bytes, header: bytes, buffers: Sequence[Buffer]) -> None:
    """Write one file, atomically: after a crash `path` holds the old bytes or all of the new, synced ones."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            digest = hashlib.sha256()
            for piece in (magic, _LENGTH.pack(len(header)), header, *buffers):
                digest.update(piece)
                file.write(piece)
            file.write(digest.digest())
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    sync_directory(path.parent)


def split_sealed(data: memoryview, magic: bytes) -> tuple[memoryview, memoryview] | None:
    """(header, buffers) of a sealed file that begins with `magic`; None where the seal is broken."""
    body, digest = data[:-_DIGEST_BYTES], data[-_DIGEST_BYTES:]
    start = len(magic) + _LENGTH.size
    if len(body) < start or hashlib.sha256(body).digest() != bytes(digest):
        return None
    end = start + _LENGTH.unpack(body[len(magic) : start])[0]
    return body[start:end], body[end:]


def split_buffers(data: memoryview, headers: Iterable[ArrayHeader]) -> list[memoryview]:
    """The part of each array in what follows a file's header."""
    buffers: list[memoryview] = []
    start = 0
    for header in headers:
        size = _size(header) if header.dtype in DTYPES else 0
        buffers.append(data[start : start + size])
        start += size
    return buffers


def _decode_array(header: ArrayHeader, buffer: memoryview, stage: str, cure: str) -> NDArray[np.generic]:
    if header.dtype not in DTYPES or min(header.shape, default=0) < 0 or len(buffer) != _size(header):
        raise CheckpointError(
            stage, f"array {header.name!r}: {header.dtype}{list(header.shape)} in {len(buffer)} bytes", cure
        )
    try:
        array = np.frombuffer(buffer, dtype=np.dtype(header.dtype)).reshape(header.shape)
    except ValueError as error:  # an empty array may have a shape that numpy refuses
        raise CheckpointError(stage, f"array {header.name!r}: {error}", cure) from None
    array.flags.writeable = False
    return array


def _size(header: ArrayHeader) -> int:
    size = np.dtype(header.dtype).itemsize
    for length in header.shape:
        size *= length
    return size
