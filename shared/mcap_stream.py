"""Reads an MCAP file from its beginning, however its writer ended: no seeking, no trust in the tail.

Layout: https://mcap.dev/spec. Reads what lies in uncompressed chunks, as `shared.episodes` writes.
"""

import os
import struct
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from mcap.data_stream import ReadDataStream
from mcap.exceptions import McapError
from mcap.opcode import Opcode
from mcap.records import Channel, Chunk, Metadata
from mcap.writer import MCAP0_MAGIC

from shared.errors import EpisodeFileError

STAGE = "episode file"
_RECORD = struct.Struct("<BQ")
_MESSAGE = struct.Struct("<HIQQ")


class McapStream:
    """One file. Every method raises EpisodeFileError for a file that cannot be read or is not MCAP.

    Attributes:
        truncated: whether the file was cut off before its footer; known once an iterator below is exhausted.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.truncated = False

    def metadata(self, name: str) -> dict[str, str] | None:
        """The first metadata record of this name."""
        return next(self.notes(name), None)

    def notes(self, name: str) -> Iterator[dict[str, str]]:
        """Every metadata record of this name, in file order."""
        for _, opcode, body in self._records():
            if opcode == Opcode.METADATA:
                metadata = self._metadata_in(body)
                if metadata.name == name:
                    yield metadata.metadata

    def messages(self) -> Iterator[tuple[str, memoryview]]:
        """(topic, data) of every message in file order; damage is an error where sound messages follow."""
        topics: dict[int, str] = {}
        for data in self._sound_chunks():
            try:
                messages = list(_messages_in(data, topics))
            except (McapError, struct.error, ValueError) as error:
                raise self._error(
                    f"has a chunk that cannot be understood ({error})",
                    "name an episode file that HandsOn recorded, or restore it from a copy",
                ) from error
            yield from messages

    def _sound_chunks(self) -> Iterator[memoryview]:
        damaged_at = None
        for offset, opcode, body in self._records():
            if opcode != Opcode.CHUNK:
                continue
            data = _sound_data(body)
            if data is None:
                damaged_at = offset
            elif damaged_at is None:
                yield data
            else:
                raise self._error(
                    f"is damaged at byte {damaged_at}, and sound messages follow",
                    "restore the file from a copy, or move it away to go on without it",
                )
        self.truncated = self.truncated or damaged_at is not None

    def _records(self) -> Iterator[tuple[int, int, bytes]]:
        """(offset, opcode, body) of every complete record outside chunks."""
        self.truncated = True
        try:
            with self.path.open("rb") as file:
                if file.read(len(MCAP0_MAGIC)) != MCAP0_MAGIC:
                    raise self._error("is not an MCAP file", "name an episode file that HandsOn recorded")
                for offset, opcode, body in _complete_records(file):
                    self.truncated = opcode != Opcode.FOOTER
                    yield offset, opcode, body
        except OSError as error:
            raise self._error(
                f"cannot be read ({error.strerror})", "check the path and its permissions"
            ) from error

    def _metadata_in(self, body: bytes) -> Metadata:
        try:
            return Metadata.read(_stream(body))
        except (McapError, struct.error, UnicodeDecodeError) as error:
            raise self._error(
                "has a damaged head", "restore the file from a copy, or do without it"
            ) from error

    def _error(self, cause: str, cure: str) -> EpisodeFileError:
        return EpisodeFileError(STAGE, f"{self.path} {cause}", cure)


def _complete_records(file: BinaryIO) -> Iterator[tuple[int, int, bytes]]:
    size = os.fstat(file.fileno()).st_size
    offset = file.tell()
    while offset + _RECORD.size <= size:
        opcode, length = _RECORD.unpack(file.read(_RECORD.size))
        end = offset + _RECORD.size + length
        if end > size or opcode == 0:
            return
        yield offset, opcode, file.read(length)
        if opcode == Opcode.FOOTER:
            return
        offset = end


def _sound_data(body: bytes) -> memoryview | None:
    """The contents of a chunk, or None where they are not what its CRC says."""
    try:
        chunk = Chunk.read(_stream(body))
    except (McapError, struct.error, UnicodeDecodeError):
        return None
    if chunk.compression or len(chunk.data) != chunk.uncompressed_size:
        return None
    return memoryview(chunk.data) if zlib.crc32(chunk.data) == chunk.uncompressed_crc else None


def _messages_in(data: memoryview, topics: dict[int, str]) -> Iterator[tuple[str, memoryview]]:
    """(topic, data) of the messages in a chunk; the channels that it declares enter `topics`."""
    for opcode, body in _split(data):
        if opcode == Opcode.CHANNEL:
            channel = Channel.read(_stream(body))
            topics[channel.id] = channel.topic
        elif opcode == Opcode.MESSAGE:
            yield topics.get(_MESSAGE.unpack_from(body)[0], "no channel"), body[_MESSAGE.size :]


def _split(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    offset = 0
    while offset < len(data):
        opcode, length = _RECORD.unpack_from(data, offset)
        offset += _RECORD.size
        if length > len(data) - offset:
            raise ValueError(f"a record of {length} bytes, where {len(data) - offset} are left")
        yield opcode, data[offset : offset + length]
        offset += length


def _stream(body: bytes | memoryview) -> ReadDataStream:
    return ReadDataStream(BytesIO(body))
