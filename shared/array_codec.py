"""Named arrays to small headers and raw buffers, and back. Nothing large is copied on either side."""

from collections.abc import Iterable, Iterator, Mapping
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.errors import ProtocolError
from shared.protocol import ArrayHeader

Buffer = bytes | bytearray | memoryview
Array = NDArray[Any]

INLINE_BYTES = 1024
MAX_MESSAGE_BYTES = 256 * 2**20
MAX_DIMENSIONS = 8
DTYPES: Mapping[str, np.dtype[Any]] = {
    name: np.dtype(name).newbyteorder("<")
    for name in ("float32", "uint8", "int32", "int64", "float64", "bool")
}
# Arrays of the other byte order are converted, so both have a name here.
_NAMES = {known: name for name, dtype in DTYPES.items() for known in (dtype, dtype.newbyteorder(">"))}


def malformed(cause: str) -> ProtocolError:
    """The error for something that a peer sent, or that no peer would accept."""
    cure = "run the same version of HandsOn on both computers; if they are the same, report this as a fault"
    return ProtocolError("codec", cause, cure)


def pack_arrays(arrays: Mapping[str, Array]) -> tuple[tuple[ArrayHeader, ...], list[memoryview]]:
    """Headers of named arrays, and the buffers of the large ones: views, so do not change what was packed."""
    headers: list[ArrayHeader] = []
    buffers: list[memoryview] = []
    for name, array in arrays.items():
        dtype = _NAMES.get(array.dtype)
        if dtype is None:
            raise malformed(f"array {name!r} is {array.dtype}, not one of {', '.join(DTYPES)}")
        array = np.asarray(array, DTYPES[dtype], order="C")
        inline = array.tobytes() if array.nbytes <= INLINE_BYTES else None
        headers.append(ArrayHeader(name, dtype, array.shape, inline))
        if inline is None:
            buffers.append(array.data.cast("B"))
    return tuple(headers), buffers


def unpack_arrays(headers: Iterable[ArrayHeader], buffers: Iterable[Buffer]) -> dict[str, Array]:
    """Read-only arrays over the memory of `buffers`; a sequence must be used up, an iterator may go on."""
    source = iter(buffers)
    arrays: dict[str, Array] = {}
    for header in headers:
        if header.name in arrays:
            raise malformed(f"array {header.name!r} comes twice")
        arrays[header.name] = _array_of(header, header.inline if header.inline is not None else _next(source))
    if not isinstance(buffers, Iterator):
        require_used_up(source)
    return arrays


def _array_of(header: ArrayHeader, buffer: Buffer) -> Array:
    dtype, shape = DTYPES.get(header.dtype), header.shape
    if dtype is None:
        raise malformed(f"array {header.name!r} is {header.dtype!r}, not one of {', '.join(DTYPES)}")
    if len(shape) > MAX_DIMENSIONS or min(shape, default=0) < 0:
        raise malformed(f"array {header.name!r} has the shape {list(shape)}")
    expected, given = prod(shape) * dtype.itemsize, memoryview(buffer).nbytes
    if given != expected:
        raise malformed(f"array {header.name!r} of shape {list(shape)} needs {expected} bytes, not {given}")
    # numpy refuses an absurd shape even where another axis is empty.
    if not given and prod(max(size, 1) for size in shape) > MAX_MESSAGE_BYTES:
        raise malformed(f"array {header.name!r} has the shape {list(shape)}")
    array = np.ndarray(shape, dtype, buffer)
    array.flags.writeable = False
    return array


def _next(source: Iterator[Buffer]) -> Buffer:
    for buffer in source:
        return buffer
    raise malformed("there are fewer buffers than the header names")


def require_used_up(source: Iterator[Buffer]) -> None:
    """Refuse buffers that no header names."""
    if any(True for _ in source):
        raise malformed("there are more buffers than the header names")
