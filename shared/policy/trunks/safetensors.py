"""Tensors of a safetensors file: a length, a JSON header, raw little-endian numbers.

https://huggingface.co/docs/safetensors: an entry is {"dtype", "shape", "data_offsets"}, counted behind the
header.
"""

import math
import struct

import msgspec
import numpy as np

from shared.errors import ConfigError
from shared.foreign_pickle import CURE
from shared.policy.trunks.foreign_pickle import Arrays

MAX_HEADER_BYTES = 1 << 20
DTYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "U8": "<u1", "BOOL": "?"}
METADATA = "__metadata__"
_LENGTH = struct.Struct("<Q")


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    dtype: str
    shape: tuple[int, ...]
    data_offsets: tuple[int, int]


def looks_like_safetensors(data: bytes) -> bool:
    """Whether a header's length and an opening brace come first."""
    return len(data) > _LENGTH.size and data[_LENGTH.size : _LENGTH.size + 1] == b"{"


def read_safetensors(data: bytes, stage: str) -> Arrays:
    """The tensors by name, as views of `data`.

    Raises:
        ConfigError: the header is damaged, or a tensor lies outside of the file.
    """
    (length,) = _LENGTH.unpack(data[: _LENGTH.size])
    start = _LENGTH.size + length
    if length > MAX_HEADER_BYTES or start > len(data):
        raise ConfigError(stage, f"is damaged or cut off: a header of {length} bytes", CURE)
    try:
        header = msgspec.json.decode(data[_LENGTH.size : start], type=dict[str, msgspec.Raw])
        entries = {n: msgspec.json.decode(e, type=_Entry) for n, e in header.items() if n != METADATA}
    except (msgspec.DecodeError, RecursionError) as error:
        raise ConfigError(stage, f"is damaged: {error}", CURE) from None
    body = memoryview(data)[start:]
    return {name: _tensor(name, entry, body, stage) for name, entry in entries.items()}


def _tensor(name: str, entry: _Entry, body: memoryview, stage: str) -> np.ndarray:
    if entry.dtype not in DTYPES:
        raise ConfigError(stage, f"tensor {name!r} is of {entry.dtype}", f"use {', '.join(DTYPES)}")
    dtype = np.dtype(DTYPES[entry.dtype])
    first, last = entry.data_offsets
    size = math.prod(entry.shape) * dtype.itemsize
    if min((first, *entry.shape)) < 0 or last - first != size or last > len(body):
        raise ConfigError(
            stage, f"is damaged or cut off: tensor {name!r} {list(entry.shape)} at bytes {first}-{last}", CURE
        )
    try:
        return np.frombuffer(body[first:last], dtype).reshape(entry.shape)
    except ValueError as error:  # an empty tensor may have a shape that numpy refuses
        raise ConfigError(stage, f"is damaged: tensor {name!r}: {error}", CURE) from None
