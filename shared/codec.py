"""Messages, arrays and records to bytes and back. Nothing from a peer is executed, nothing large is copied.

A message is one msgpack frame and, behind it, raw array buffers. Arrays of up to `INLINE_BYTES` travel inside
the msgpack frame; larger ones are handed over as views of the memory they lie in, on both sides. Whatever is
wrong with what a peer sent (cut off, unknown, too large, an array that is not what its header says) raises
`ProtocolError`, and nothing else does.
"""

from collections.abc import Sequence
from typing import TypeVar

import msgspec

from shared.array_codec import (
    DTYPES,
    INLINE_BYTES,
    MAX_MESSAGE_BYTES,
    Array,
    Buffer,
    malformed,
    pack_arrays,
    unpack_arrays,
)
from shared.protocol import PROTOCOL_VERSION, Message
from shared.record_codec import (
    record_frame_count,
    record_from_frames,
    record_to_frames,
    records_message,
    records_of,
)
from shared.record_forms import headers_of, pack_headers

__all__ = [
    "DTYPES",
    "INLINE_BYTES",
    "MAX_FRAMES",
    "MAX_HEADER_BYTES",
    "MAX_MESSAGE_BYTES",
    "Array",
    "Buffer",
    "decode",
    "decode_with",
    "encode",
    "foreign_version",
    "headers_of",
    "malformed",
    "pack_arrays",
    "pack_headers",
    "record_frame_count",
    "record_from_frames",
    "record_to_frames",
    "records_message",
    "records_of",
    "require_size",
    "unpack_arrays",
]

MAX_HEADER_BYTES = 16 * 2**20
MAX_FRAMES = 4096

T = TypeVar("T")

_DECODE_ERRORS = (msgspec.MsgspecError, ValueError, RecursionError, MemoryError)


class _HelloOfAnyVersion(msgspec.Struct, tag="Hello"):
    """The one field of `Hello` that every protocol version shares."""

    protocol_version: int


_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Message] = msgspec.msgpack.Decoder(Message)
_hello_decoder = msgspec.msgpack.Decoder(_HelloOfAnyVersion)


def encode(message: msgspec.Struct) -> bytes:
    """The header frame of a message; raises ProtocolError when it would be larger than a peer accepts."""
    try:
        frame = _encoder.encode(message)
    except (TypeError, ValueError, OverflowError) as error:
        raise malformed(f"a {type(message).__name__} cannot be encoded: {error}") from error
    if len(frame) > MAX_HEADER_BYTES:
        raise malformed(
            f"a {type(message).__name__} of {len(frame)} bytes is over the limit of {MAX_HEADER_BYTES}"
        )
    return frame


def decode(frame: Buffer, max_header_bytes: int = MAX_HEADER_BYTES) -> Message:
    """The message in a header frame."""
    return decode_with(_decoder, frame, max_header_bytes)


def decode_with(
    decoder: "msgspec.msgpack.Decoder[T]", frame: Buffer, max_header_bytes: int = MAX_HEADER_BYTES
) -> T:
    """The message in a header frame, of whichever set of messages the decoder knows."""
    size = memoryview(frame).nbytes
    if size > max_header_bytes:
        raise malformed(f"a header of {size} bytes is over the limit of {max_header_bytes}")
    try:
        return decoder.decode(frame)
    except _DECODE_ERRORS as error:
        raise malformed(f"a header of {size} bytes is not a message: {error}") from error


def foreign_version(frame: Buffer, ours: int = PROTOCOL_VERSION) -> int | None:
    """The protocol version of a Hello that speaks another one than ours, even if the rest cannot be read."""
    try:
        version = _hello_decoder.decode(frame).protocol_version
    except _DECODE_ERRORS:
        return None
    return version if version != ours else None


def require_size(
    frames: Sequence[Buffer], max_bytes: int = MAX_MESSAGE_BYTES, max_frames: int = MAX_FRAMES
) -> int:
    """Bytes of a whole message; raises ProtocolError when these or the frames are too many."""
    if len(frames) > max_frames:
        raise malformed(f"a message of {len(frames)} frames is over the limit of {max_frames}")
    size = sum(memoryview(frame).nbytes for frame in frames)
    if size > max_bytes:
        raise malformed(f"a message of {size} bytes is over the limit of {max_bytes}")
    return size
