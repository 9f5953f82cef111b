"""Parcel: one record as it travels from the ring to the wire, encoded once."""

from typing import NamedTuple

import msgspec
import numpy as np

from actor.ring import RingRecord
from shared.codec import DTYPES, Buffer, record_to_frames
from shared.errors import ProtocolError
from shared.protocol import ArrayHeader, RecordHeader
from shared.records import Record

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(RecordHeader).decode
_LENGTH_BYTES = 4


class Parcel(NamedTuple):
    """One record: its header and its large arrays."""

    sequence: int
    header: RecordHeader
    buffers: list[Buffer]
    size_bytes: int


def parcel_of(record: Record) -> Parcel:
    """A record that was read back."""
    header, views = record_to_frames(record)
    buffers: list[Buffer] = list(views)
    return Parcel(record.sequence, header, buffers, sum(view.nbytes for view in views))


def pack(record: Record) -> list[Buffer]:
    """A record as the ring keeps it: length of the header, header, large arrays."""
    header, views = record_to_frames(record)
    head = _encode(header)
    return [len(head).to_bytes(_LENGTH_BYTES, "little"), head, *views]


def unpack(kept: RingRecord) -> Parcel:
    """The record behind `pack`, under the sequence that the ring gave it; raises ProtocolError."""
    data = memoryview(kept.payload)
    end = _LENGTH_BYTES + int.from_bytes(data[:_LENGTH_BYTES], "little")
    buffers: list[Buffer] = []
    try:
        header = _decode(data[_LENGTH_BYTES:end])
        for array in header.arrays:
            if array.inline is None:
                size = _size_bytes(array)
                buffers.append(data[end : end + size])
                end += size
    except (msgspec.MsgspecError, KeyError) as error:
        raise ProtocolError("ring", f"record {kept.sequence} is not one: {error}", "report this") from error
    header = msgspec.structs.replace(header, sequence=kept.sequence)
    return Parcel(kept.sequence, header, buffers, len(data))


def _size_bytes(array: ArrayHeader) -> int:
    return int(np.prod(array.shape, dtype=np.int64)) * DTYPES[array.dtype].itemsize
