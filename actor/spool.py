"""Spool: the records of one life that the learner has not confirmed as durable, in episode files.

Segments are named by their first sequence. A write ends with the bytes in the page cache: they survive the
killing of this process, not a power cut. A segment goes once all of its records are durable at the learner.
"""

import itertools
import logging
import shutil
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from shared.episodes import EpisodeWriter, read_episodes
from shared.errors import EpisodeFileError
from shared.interface import InterfaceSpec
from shared.records import Record, next_sequence

log = logging.getLogger(__name__)

_PREFIX, _SUFFIX = "spool-", ".mcap"


@dataclass(slots=True)
class _Segment:
    """A file of records from `first` up to, not including, `end`."""

    first: int
    end: int
    path: Path
    size_bytes: int = 0


class Spool:
    """The segments in one directory. One thread writes and releases; another may read.

    Attributes:
        directory: where they lie.
    """

    def __init__(self, directory: Path, interface: InterfaceSpec, segment_bytes: int) -> None:
        self.directory = directory
        self._interface = interface
        self._segment_bytes = segment_bytes
        self._lock = threading.Lock()
        self._writer: EpisodeWriter | None = None
        self._segments = _segments_in(directory)

    @property
    def first(self) -> int | None:
        """The oldest sequence that a segment holds, None without segments."""
        with self._lock:
            return self._segments[0].first if self._segments else None

    @property
    def end(self) -> int:
        """The sequence that follows the last one held, 0 without segments."""
        with self._lock:
            return self._segments[-1].end if self._segments else 0

    @property
    def size_bytes(self) -> int:
        """Bytes on disk."""
        with self._lock:
            return sum(segment.size_bytes for segment in self._segments)

    def write(self, records: Sequence[Record]) -> None:
        """Append records and hand them to the operating system.

        Raises:
            OSError, EpisodeFileError: the disk does not take them; write all of them again later.
            KeyError, ValueError: a record does not follow the interface; write all the others again.
        """
        writer = self._open(records[0].sequence)
        try:
            for record in records:
                writer.write(record)
            writer.flush()
        except (OSError, KeyError, ValueError):
            self._abandon()
            raise
        with self._lock:
            self._segments[-1].end = next_sequence(records[-1])
            self._segments[-1].size_bytes = writer.size_bytes
        if writer.size_bytes >= self._segment_bytes:
            self.finish()

    def read(self, sequence: int) -> Iterator[Record]:
        """Records from `sequence` on in order, up to what is flushed; what is damaged is passed over."""
        with self._lock:
            segments = [segment for segment in self._segments if segment.end > sequence]
        for segment in segments:
            try:
                for record in read_episodes(segment.path).records():
                    if record.sequence >= sequence:
                        yield record
                        sequence = next_sequence(record)
            except EpisodeFileError as error:
                log.warning("the spool cannot be read beyond record %d: %s", sequence, error)

    def kept_after(self, durable: int) -> int:
        """The oldest sequence that is kept once `release(durable)` has run."""
        with self._lock:
            return max((segment.end for segment in self._closed() if segment.end <= durable), default=0)

    def release(self, durable: int) -> None:
        """Remove the closed segments of which every record is durable."""
        with self._lock:
            gone = [segment for segment in self._closed() if segment.end <= durable]
            self._segments = [segment for segment in self._segments if segment not in gone]
        for segment in gone:
            segment.path.unlink(missing_ok=True)

    def finish(self) -> None:
        """Close the open segment; the next write begins another."""
        writer, self._writer = self._writer, None
        if writer is not None:
            try:
                writer.close()
            except OSError as error:
                log.warning("%s stays without its index: %s", writer.path, error)
                writer.abandon()

    def remove(self) -> None:
        """Everything is durable at the learner: remove the directory."""
        if self._writer is not None:
            self._writer.abandon()
            self._writer = None
        shutil.rmtree(self.directory, ignore_errors=True)

    def _closed(self) -> list[_Segment]:
        return self._segments[:-1] if self._writer is not None else self._segments

    def _open(self, sequence: int) -> EpisodeWriter:
        if self._writer is None:
            path = self.directory / f"{_PREFIX}{sequence:012d}{_SUFFIX}"
            path.unlink(missing_ok=True)  # begun on a full disk: it holds nothing that was kept
            self._writer = EpisodeWriter(path, self._interface, opened_by="actor")
            with self._lock:
                self._segments.append(_Segment(sequence, sequence, path))
        return self._writer

    def _abandon(self) -> None:
        """Leave a segment to which the disk takes no more; what was flushed before stays readable."""
        if self._writer is not None:
            self._writer.abandon()
            self._writer = None
        with self._lock:
            if self._segments[-1].first == self._segments[-1].end:
                self._segments.pop().path.unlink(missing_ok=True)


def _segments_in(directory: Path) -> list[_Segment]:
    """The segments in order; each ends where the next begins, the last one after its last readable record."""
    numbered = {path.stem.removeprefix(_PREFIX): path for path in directory.glob(f"{_PREFIX}*{_SUFFIX}")}
    segments = [
        _Segment(int(number), int(number), path, path.stat().st_size)
        for number, path in sorted(numbered.items())
        if number.isdecimal()
    ]
    for segment, following in itertools.pairwise(segments):
        segment.end = following.first
    if segments:
        segments[-1].end = _end_of(segments[-1])
        if segments[-1].end == segments[-1].first:
            segments.pop().path.unlink()
    return segments


def _end_of(segment: _Segment) -> int:
    end = segment.first
    try:
        for record in read_episodes(segment.path).records():
            end = max(end, next_sequence(record))
    except EpisodeFileError as error:
        log.warning("the spool cannot be read beyond record %d: %s", end, error)
    return end
