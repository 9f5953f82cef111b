"""Episode files: MCAP, which roboticists open in Foxglove and Rerun. Demos, the spool and the learner's log.

One file holds records of any number of streams in the order in which they were written. Chunks are not
compressed and carry a CRC; one is closed at every flush and at a mebibyte, so a killed process loses at most
the open one. A file appears under its name only once its head is on disk, so every `*.mcap` says which
interface it holds. What a message looks like inside is in `shared.episode_messages`.
"""

import os
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import msgspec
from mcap.well_known import MessageEncoding, SchemaEncoding
from mcap.writer import CompressionType, Writer

from shared import episode_messages as messages
from shared import episode_schemas as schemas
from shared.errors import ConfigError, EpisodeFileError
from shared.fresh_file import create_hidden, discard_hidden, reveal
from shared.interface import InterfaceSpec, decode_interface, encode_interface, require_sound
from shared.mcap_stream import STAGE, McapStream
from shared.records import AmendRecord, LostRecord, Record, StepRecord, amended
from shared.step import EpisodeKind, Observation
from shared.version import code_version

FORMAT_VERSION = 1
_METADATA = "handson"
_IMAGES, _FINAL_IMAGES = "/observation/", "/final_observation/"


class EpisodeWriter:
    """Writes records to a new file. Owned by one thread.

    Raises:
        EpisodeFileError: the file exists already or cannot be created.
        OSError: from any method, when the disk is full or broken; `abandon` then keeps what reached the file.
    """

    def __init__(self, path: str | os.PathLike[str], interface: InterfaceSpec, *, opened_by: str) -> None:
        self.path = Path(path)
        self.interface = interface
        self._file = self._create()
        self._writer = Writer(self._file, compression=CompressionType.NONE)
        try:
            self._write_head(opened_by)
        except OSError:
            self.abandon()
            discard_hidden(self.path)
            raise
        self._step = self._json_channel("/step", "handson.Step", schemas.step_schema(interface))
        self._amend = self._json_channel("/amend", "handson.Amend", schemas.amend_schema())
        self._lost = self._json_channel("/lost", "handson.Lost", schemas.lost_schema())
        self._images = self._image_channels(_IMAGES)
        self._final_images = self._image_channels(_FINAL_IMAGES)

    @property
    def size_bytes(self) -> int:
        """Bytes handed to the file so far; the open chunk is not among them."""
        return self._file.tell()

    def write(self, record: Record) -> None:
        """Append one record to the open chunk. Raises KeyError for a missing observation entry."""
        nanoseconds = messages.nanoseconds(record.time_seconds)
        match record:
            case StepRecord():
                data = messages.encode_step(record, self.interface)
                if self._images:
                    self._write_images(record, nanoseconds)
                self._add(self._step, record, nanoseconds, data)
            case AmendRecord():
                self._add(self._amend, record, nanoseconds, messages.encode_amend(record))
            case LostRecord():
                self._add(self._lost, record, nanoseconds, messages.encode_lost(record))

    def note(self, name: str, facts: dict[str, str]) -> None:
        """Keep facts beside the records, which who reads records passes over (MCAP metadata)."""
        self._writer.add_metadata(name, facts)

    def flush(self) -> None:
        """Close the open chunk and hand it to the operating system: it survives a kill of this process."""
        self._writer.flush()

    def sync(self) -> None:
        """Flush and wait for the disk: it survives a power cut."""
        self.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Write the index and the footer, sync and close. Closing twice is harmless."""
        if self._file.closed:
            return
        try:
            self._writer.finish()
            self._file.flush()
            os.fsync(self._file.fileno())
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Close without an index, keeping what reached the file."""
        try:
            self._file.close()
        except OSError:
            pass  # a buffered rest that the disk does not take; the descriptor is closed all the same

    def __enter__(self) -> "EpisodeWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        (self.close if error is None else self.abandon)()

    def _create(self) -> BinaryIO:
        try:
            return create_hidden(self.path)
        except OSError as error:
            raise EpisodeFileError(
                STAGE,
                f"{self.path} cannot be created ({error.strerror})",
                "choose another name, or check the directory and its permissions",
            ) from error

    def _write_head(self, opened_by: str) -> None:
        self._writer.start(library=f"handson {code_version()}")
        self._writer.add_metadata(
            _METADATA,
            {
                "format_version": str(FORMAT_VERSION),
                "interface": encode_interface(self.interface).decode(),
                "interface_fingerprint": self.interface.fingerprint,
                "code_version": code_version(),
                "opened_by": opened_by,
            },
        )
        reveal(self._file, self.path)

    def _write_images(self, record: StepRecord, nanoseconds: int) -> None:
        step = record.step
        for name, channel in self._images.items():
            self._add(
                channel, record, nanoseconds, messages.encode_image(step.observation[name], nanoseconds)
            )
        if step.final_observation is not None:
            for name, channel in self._final_images.items():
                image = messages.encode_image(step.final_observation[name], nanoseconds)
                self._add(channel, record, nanoseconds, image)

    def _add(self, channel: int, record: Record, nanoseconds: int, data: bytes) -> None:
        self._writer.add_message(channel, nanoseconds, data, nanoseconds, record.sequence & 0xFFFFFFFF)

    def _json_channel(self, topic: str, schema: str, data: bytes) -> int:
        schema_id = self._writer.register_schema(schema, SchemaEncoding.JSONSchema, data)
        return self._writer.register_channel(topic, MessageEncoding.JSON, schema_id)

    def _image_channels(self, prefix: str) -> dict[str, int]:
        names = [entry.name for entry in self.interface.observations if entry.is_image]
        if not names:
            return {}
        schema = self._writer.register_schema("sensor_msgs/msg/Image", SchemaEncoding.ROS2, schemas.IMAGE)
        register = self._writer.register_channel
        return {name: register(prefix + name, MessageEncoding.CDR, schema) for name in names}


class EpisodeFile:
    """A file to read records from, however its writer ended.

    Attributes:
        interface: the interface that every record follows.
        opened_by, code_version: who wrote it, with which version of HandsOn.

    Raises:
        EpisodeFileError: the file cannot be read, is not MCAP, is foreign, or has another format version.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._stream = McapStream(self.path)
        metadata = self._metadata()
        self.interface = self._interface_in(metadata)
        self.opened_by = metadata.get("opened_by", "")
        self.code_version = metadata.get("code_version", "")

    @property
    def truncated(self) -> bool:
        """Whether the writer was cut off before it closed the file; known once `records` is exhausted."""
        return self._stream.truncated

    def records(self) -> Iterator[Record]:
        """All records in the order written, up to where the writer was cut off; images are read-only views.

        Raises:
            EpisodeFileError: the file is damaged before its end, or a message does not follow the interface.
        """
        images: Observation = {}
        final_images: Observation = {}
        for topic, data in self._stream.messages():
            try:
                if topic.startswith(_IMAGES):
                    images[topic.removeprefix(_IMAGES)] = messages.decode_image(data)
                    continue
                if topic.startswith(_FINAL_IMAGES):
                    final_images[topic.removeprefix(_FINAL_IMAGES)] = messages.decode_image(data)
                    continue
                record = self._record(topic, data, images, final_images)
            except (msgspec.MsgspecError, ValueError, KeyError, struct.error) as error:
                raise self._foreign(
                    f"holds a message on {topic} that cannot be understood ({error})"
                ) from error
            yield record
            images, final_images = {}, {}

    def _record(self, topic: str, data: memoryview, images: Observation, final_images: Observation) -> Record:
        if topic == "/step":
            record = messages.decode_step(data, images, final_images)
            self._check(record.step.observation)
            if record.step.final_observation is not None:
                self._check(record.step.final_observation)
            return record
        return messages.decode_amend(data) if topic == "/amend" else messages.decode_lost(data)

    def _check(self, observation: Observation) -> None:
        for entry in self.interface.observations:
            if observation[entry.name].shape != entry.shape:
                raise ValueError(f"{entry.name} has shape {observation[entry.name].shape}, not {entry.shape}")

    def _metadata(self) -> dict[str, str]:
        metadata = self._stream.metadata(_METADATA)
        if metadata is None:
            raise self._foreign("is an MCAP file that HandsOn did not write")
        found = metadata.get("format_version")
        if found != str(FORMAT_VERSION):
            raise EpisodeFileError(
                STAGE,
                f"{self.path} has format version {found}; this HandsOn reads {FORMAT_VERSION}",
                f"read it with HandsOn {metadata.get('code_version')}, which wrote it, or record it again",
            )
        return metadata

    def _interface_in(self, metadata: dict[str, str]) -> InterfaceSpec:
        try:
            interface = decode_interface(metadata["interface"].encode())
            require_sound(interface, str(self.path))
        except (KeyError, msgspec.MsgspecError, ConfigError) as error:
            raise self._foreign(f"holds no interface that can be understood ({error})") from error
        if interface.fingerprint != metadata.get("interface_fingerprint"):
            raise self._foreign("holds an interface that is not what its fingerprint says")
        return interface

    def _foreign(self, cause: str) -> EpisodeFileError:
        return EpisodeFileError(STAGE, f"{self.path} {cause}", "name an episode file that HandsOn recorded")


def read_episodes(path: str | os.PathLike[str]) -> EpisodeFile:
    """Open an episode file; see EpisodeFile."""
    return EpisodeFile(path)


@dataclass(frozen=True, kw_only=True)
class Episode:
    """The steps of one episode in order, corrections applied."""

    actor_id: str
    incarnation: str
    number: int
    kind: EpisodeKind
    steps: tuple[StepRecord, ...]

    @property
    def cut(self) -> bool:
        """Whether it has no end: its actor was killed, or its last records are not there."""
        return not self.steps[-1].step.last

    @property
    def complete(self) -> bool:
        """Whether every step from the first to an end is there."""
        return not self.cut and self.steps[-1].identity.step == len(self.steps) - 1


def group_episodes(records: Iterable[Record]) -> Iterator[Episode]:
    """Episodes in the order of their first steps. Holds all: a correction may come last."""
    episodes: dict[tuple[str, str, int], dict[int, StepRecord]] = {}
    for record in records:
        if isinstance(record, StepRecord):
            episodes.setdefault(record.identity[:3], {})[record.identity.step] = record
        elif isinstance(record, AmendRecord):
            steps = episodes.get(record.target[:3], {})
            if record.target.step in steps:
                steps[record.target.step] = amended(steps[record.target.step], record)
    for (actor_id, incarnation, number), steps in episodes.items():
        ordered = tuple(steps[step] for step in sorted(steps))
        kind = ordered[0].kind
        yield Episode(actor_id=actor_id, incarnation=incarnation, number=number, kind=kind, steps=ordered)
