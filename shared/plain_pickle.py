"""Writes pickles of plain values (protocol 4), for peers that understand nothing else.

Arrays are written under the names of numpy 1, which numpy 2 understands too; jax arrays become numpy's first.
Nothing is pickled by reference, so the bytes hold no code and need none of ours to be read.
"""

import struct
from collections.abc import Iterable, Mapping
from typing import Any, cast

import numpy as np

from shared.errors import ConfigError

MAX_DEPTH = 64
_MEMOIZE, _MARK = b"\x94", b"("
_RECONSTRUCT = (
    b"\x8c\x15numpy.core.multiarray\x94\x8c\x0c_reconstruct\x94\x93\x94"
    b"\x8c\x05numpy\x94\x8c\x07ndarray\x94\x93\x94K\x00\x85\x94C\x01b\x94\x87\x94R\x94"
)


def write_pickle(value: object) -> bytes:
    """The pickle of dicts, lists, tuples, texts, bytes, numbers, None and arrays of plain numbers.

    Raises:
        ConfigError: the value holds something else.
    """
    parts: list[bytes] = []
    _write(value, parts, 0)
    parts.append(b".")
    body = b"".join(parts)
    frame = b"\x95" + struct.pack("<Q", len(body)) if len(body) >= 4 else b""
    return b"\x80\x04" + frame + body


def _write(value: Any, parts: list[bytes], depth: int) -> None:
    if depth > MAX_DEPTH:
        raise ConfigError("pickling", f"a value is nested more than {MAX_DEPTH} deep", "send it flat")
    match value:
        case None:
            parts.append(b"N")
        case bool():
            parts.append(b"\x88" if value else b"\x89")
        case int():
            parts.append(_integer(value))
        case float():
            parts.append(b"G" + struct.pack(">d", value))
        case str():
            data = value.encode("utf-8", "surrogatepass")
            parts.append(_sized(data, b"\x8c", b"X", b"\x8d"))
        case bytes():
            parts.append(_sized(value, b"C", b"B", b"\x8e"))
        case np.ndarray():
            parts.append(_array(cast("np.ndarray[Any, Any]", value)))
        case np.generic():
            _write(cast("np.generic[Any]", value).item(), parts, depth + 1)
        case Mapping():
            _write_dict(cast("Mapping[object, object]", value), parts, depth)
        case list() | tuple():
            _write_sequence(cast("list[object] | tuple[object, ...]", value), parts, depth)
        case _:
            kind = type(value).__name__
            raise ConfigError("pickling", f"a {kind} is no plain value", "convert it to numpy or text first")


def _write_dict(value: Mapping[object, object], parts: list[bytes], depth: int) -> None:
    parts.append(b"}" + _MEMOIZE)
    items = list(value.items())
    _write_many([part for item in items for part in item], parts, depth, (b"s", b"u") if items else None, 2)


def _write_sequence(value: list[object] | tuple[object, ...], parts: list[bytes], depth: int) -> None:
    if isinstance(value, list):
        parts.append(b"]" + _MEMOIZE)
        _write_many(value, parts, depth, (b"a", b"e") if value else None, 1)
        return
    if value:
        parts.append(_MARK)
        _write_many(value, parts, depth, None, 1)
        parts.append(b"t" + _MEMOIZE)
    else:
        parts.append(b")")


def _write_many(
    values: Iterable[object], parts: list[bytes], depth: int, ends: tuple[bytes, bytes] | None, single: int
) -> None:
    """The values, put into the container before them by `ends`: one for a single element, one for many."""
    values = list(values)
    many = ends is not None and len(values) > single
    parts.append(_MARK if many else b"")
    for value in values:
        _write(value, parts, depth + 1)
    if ends is not None:
        parts.append(ends[1] if many else ends[0])


def _sized(data: bytes, short: bytes, middle: bytes, long: bytes) -> bytes:
    if len(data) < 256:
        return short + bytes([len(data)]) + data + _MEMOIZE
    if len(data) < 2**32:
        return middle + struct.pack("<I", len(data)) + data + _MEMOIZE
    return long + struct.pack("<Q", len(data)) + data + _MEMOIZE


def _integer(value: int) -> bytes:
    if 0 <= value < 256:
        return b"K" + bytes([value])
    if 0 <= value < 65536:
        return b"M" + struct.pack("<H", value)
    if -(2**31) <= value < 2**31:
        return b"J" + struct.pack("<i", value)
    size = value.bit_length() // 8 + 1
    if size > 255:
        raise ConfigError("pickling", f"a number of {size} bytes is no plain value", "send it as text")
    return b"\x8a" + bytes([size]) + value.to_bytes(size, "little", signed=True)


def _array(value: "np.ndarray[Any, Any]") -> bytes:
    if value.dtype.kind not in "fiub":
        raise ConfigError("pickling", f"an array of {value.dtype} is no plain value", "send plain numbers")
    portable = np.asarray(value, value.dtype.newbyteorder("<"), order="C")
    parts: list[bytes] = [_RECONSTRUCT, _MARK, b"K\x01"]
    _write(value.shape, parts, 0)
    parts.append(_dtype(portable.dtype))
    parts += [b"\x89", _sized(portable.tobytes(), b"C", b"B", b"\x8e"), b"t", _MEMOIZE, b"b"]
    return b"".join(parts)


def _dtype(dtype: "np.dtype[Any]") -> bytes:
    code = f"{dtype.kind}{dtype.itemsize}".encode()
    order = b"|" if dtype.itemsize == 1 else b"<"
    head = b"\x8c\x05numpy\x94\x8c\x05dtype\x94\x93\x94" + b"\x8c\x02" + code + b"\x94\x89\x88\x87\x94R\x94"
    state = b"(K\x03\x8c\x01" + order + b"\x94NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00t\x94b"
    return head + state
