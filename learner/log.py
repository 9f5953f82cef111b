"""EpisodeLog: everything that the learner was told, in order of arrival, on disk. It is the truth of a run.

Replay and the receive ledger are rebuilt from it, and a checkpoint holds a position in it: how many of its
records had been applied. It is a row of episode files, `log-000000.mcap`, `log-000001.mcap`, ... A restart
opens a new one, so what a killed process left half-written stays the cut tail of an old file.
"""

import itertools
import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from shared.clock import Clock
from shared.delivery import ReceiveLedger, Stream
from shared.episodes import EpisodeWriter, read_episodes
from shared.errors import ConfigError, EpisodeFileError
from shared.interface import InterfaceSpec, require_equal
from shared.records import Record, StepRecord, next_sequence, stream_of

log = logging.getLogger(__name__)

STAGE = "episode log"
SEGMENT = "log-{:06d}.mcap"
SEGMENTS = "log-[0-9][0-9][0-9][0-9][0-9][0-9].mcap"
TURN_SECONDS = 0.05


@dataclass(frozen=True, kw_only=True)
class LogConfig:
    """When the log is synced to disk, and how large its files grow."""

    group_commit_seconds: float = 1.0
    """Records become durable at the end of an episode, and after this time at the latest."""
    segment_bytes: int = 256 * 2**20
    """A new file is begun once one is this large."""

    def __post_init__(self) -> None:
        if not 0 <= self.group_commit_seconds <= 60:
            raise ConfigError(
                "log configuration",
                f"group_commit_seconds is {self.group_commit_seconds}",
                "set it between 0 (each record) and 60; 1 is usual",
            )
        if self.segment_bytes < 1:
            raise ConfigError(
                "log configuration", f"segment_bytes is {self.segment_bytes}", "set it to 1 or more"
            )


class EpisodeLog:
    """Appends records from any thread; a thread of its own writes and syncs them.

    Args:
        directory: holds the segments, of earlier lives too.
        on_durable: told in the log's thread, after each sync, the next sequence of each stream in it.
        next_position: how many records the segments of earlier lives hold; see `restore_ledger`.
    """

    def __init__(
        self,
        directory: Path,
        interface: InterfaceSpec,
        clock: Clock,
        config: LogConfig | None = None,
        *,
        on_durable: Callable[[Mapping[Stream, int]], None],
        next_position: int = 0,
    ) -> None:
        self._directory = directory
        self._interface = interface
        self._clock = clock
        self._config = config or LogConfig()
        self._on_durable = on_durable
        self._changed = threading.Condition()
        self._queue: list[Record] = []
        self._next_position = self._durable_position = next_position
        self._closing = False
        self._failure: BaseException | None = None
        self._writer: EpisodeWriter | None = None
        self._written_position = next_position
        self._uncommitted: dict[Stream, int] = {}
        self._oldest_at = 0.0
        self._episode_ended = False
        self._thread = threading.Thread(target=self._run, name="episode log", daemon=True)
        self._thread.start()

    @property
    def durable_position(self) -> int:
        """How many records, from the first on, survive a power cut."""
        return self._durable_position

    def append(self, record: Record) -> int:
        """Queue a record from any thread and return its position. A failed log keeps none: see `check`."""
        with self._changed:
            position = self._next_position
            self._next_position += 1
            if self._failure is None:
                self._queue.append(record)
            return position

    def wait_durable(self, position: int, deadline_seconds: float) -> bool:
        """Wait until the first `position` records are durable; False after the deadline or a failure."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._durable_position >= position or self._failure is not None, deadline_seconds
            )
            return self._durable_position >= position

    def check(self) -> None:
        """Raise what ended the log's thread, if anything did."""
        if self._failure is not None:
            raise self._failure

    def close(self, deadline_seconds: float) -> bool:
        """Write and sync what is queued and close the file; False when the deadline came first."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(deadline_seconds)
        if self._thread.is_alive():
            log.warning("the episode log was not synced within %.1f s", deadline_seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            while self._turn():
                pass
            if self._writer is not None:
                self._writer.close()
        except OSError as error:
            self._fail(
                EpisodeFileError(
                    STAGE,
                    f"{error.filename or self._directory} cannot be written ({error.strerror})",
                    "free space on that disk, then go on with --resume; actors keep what is not durable",
                )
            )
        except BaseException as error:  # noqa: BLE001 - raised by check() in the thread that asks
            self._fail(error)

    def _turn(self) -> bool:
        """Write what has arrived, commit when it is time; False once all is done."""
        with self._changed:
            self._changed.wait_for(lambda: self._closing, TURN_SECONDS)
            closing = self._closing
            records, self._queue = self._queue, []
        self._write(records)
        if self._due(closing):
            self._commit()
        return not closing

    def _write(self, records: list[Record]) -> None:
        if records and not self._uncommitted:
            self._oldest_at = self._clock.now()
        for record in records:
            self._open_writer().write(record)
            self._uncommitted[stream_of(record)] = next_sequence(record)
            self._episode_ended |= isinstance(record, StepRecord) and record.step.last
        self._written_position += len(records)

    def _due(self, closing: bool) -> bool:
        age = self._clock.now() - self._oldest_at
        return bool(self._uncommitted) and (
            closing or self._episode_ended or age >= self._config.group_commit_seconds
        )

    def _commit(self) -> None:
        writer = self._open_writer()
        writer.sync()
        covered, self._uncommitted, self._episode_ended = self._uncommitted, {}, False
        with self._changed:
            self._durable_position = self._written_position
            self._changed.notify_all()
        self._on_durable(covered)
        if writer.size_bytes >= self._config.segment_bytes:
            writer.close()
            self._writer = None

    def _open_writer(self) -> EpisodeWriter:
        if self._writer is None:
            self._directory.mkdir(parents=True, exist_ok=True)
            numbers = [segment_number(path) for path in segments(self._directory)]
            path = self._directory / SEGMENT.format(max(numbers, default=-1) + 1)
            self._writer = EpisodeWriter(path, self._interface, opened_by="learner log")
        return self._writer

    def _fail(self, error: BaseException) -> None:
        with self._changed:
            self._failure = error
            self._queue.clear()
            self._changed.notify_all()
        if self._writer is not None:
            self._writer.abandon()


def segments(directory: Path) -> list[Path]:
    """The log's files, oldest first."""
    return sorted(directory.glob(SEGMENTS))


def segment_number(path: Path) -> int:
    """7 for `log-000007.mcap`."""
    return int(path.stem.rpartition("-")[2])


def log_interface(directory: Path) -> InterfaceSpec | None:
    """The interface that the log's records follow; None while there is no log."""
    paths = segments(directory)
    return read_episodes(paths[0]).interface if paths else None


def read_log(directory: Path) -> Iterator[Record]:
    """The records of the segments that are there now, in log order: a record's position is its index.

    Raises:
        EpisodeFileError: a segment is damaged before its tail, or is not an episode file.
        InterfaceMismatch: a segment is of another interface than the first.
    """
    files = [read_episodes(path) for path in segments(directory)]
    for file in files:
        require_equal(files[0].interface, file.interface, STAGE, str(file.path))
    return itertools.chain.from_iterable(file.records() for file in files)


def restore_ledger(directory: Path, ledger: ReceiveLedger) -> int:
    """Tell the ledger everything that the log holds, made durable first; returns how many records that is."""
    for path in segments(directory):
        with path.open("rb") as file:
            os.fsync(file.fileno())
    count = 0
    for record in read_log(directory):
        ledger.restore(record)
        count += 1
    return count
