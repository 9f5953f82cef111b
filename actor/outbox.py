"""Outbox: what one stream has to send: a window of sequences over records in memory and in the spool.

The drain thread adds what it has spooled, the link thread takes batches and brings acknowledgements. The
newest records wait in memory; older ones, and all that a learner forgot, are read back from the spool.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from actor.life_directory import note_lost
from actor.parcel import Parcel, parcel_of
from actor.spool import Spool
from shared.codec import Buffer, pack_headers, record_to_frames
from shared.delivery import DeliveryCounters, LostSpan, SendWindow
from shared.protocol import Records
from shared.records import LostRecord, Record


class Batch(NamedTuple):
    """A message to send, with the sequences from `first` up to, not including, `end`."""

    first: int
    end: int
    message: Records
    buffers: list[Buffer]


class Outbox:
    """One stream; every method may be called from any thread.

    Args:
        compress: applied to what was read back from the spool; what is added was compressed already.

    Attributes:
        stream: (actor id, incarnation).
    """

    def __init__(
        self,
        stream: tuple[str, str],
        spool: Spool,
        window: SendWindow,
        memory_bytes: int,
        wall: Callable[[], float] = time.time,
        compress: Callable[[Parcel], Parcel] = lambda parcel: parcel,
    ) -> None:
        self.stream = stream
        self._compress = compress
        self._spool = spool
        self._window = window
        self._memory_bytes = memory_bytes
        self._wall = wall
        self._lock = threading.Lock()
        self._recent: dict[int, Parcel] = {}
        self._recent_bytes = 0
        self._reader: Iterator[Record] = iter(())
        self._reader_at = -1
        self._prepared: Batch | None = None

    @property
    def received(self) -> bool:
        """Whether the learner has all that is here."""
        with self._lock:
            return self._window.received >= self._window.produced

    @property
    def in_flight(self) -> bool:
        """Whether something was sent that the learner has not acknowledged."""
        with self._lock:
            return self._window.in_flight > 0

    @property
    def durable(self) -> bool:
        """Whether the learner has all that is here on its disk."""
        with self._lock:
            return self._window.durable >= self._window.produced

    def add(self, parcels: Iterable[Parcel], produced: int) -> None:
        """These are in the spool, and with them everything below `produced` that can be read."""
        with self._lock:
            for parcel in parcels:
                self._recent[parcel.sequence] = parcel
                self._recent_bytes += parcel.size_bytes
            self._window.produce(produced - self._window.produced)
            while self._recent_bytes > self._memory_bytes:
                self._drop(next(iter(self._recent)))

    def lose(self, first: int, end: int, cause: str) -> None:
        """These will never be in the spool."""
        with self._lock:
            self._lose(first, end, cause)

    def next_batch(self, most: int, most_bytes: int) -> Batch | None:
        """What to send now, or None; it counts as sent once `mark_sent` says so."""
        with self._lock:
            if self._prepared is None or self._prepared.first != self._window.sent:
                self._prepared = self._prepare(most, most_bytes)
            return self._prepared

    def mark_sent(self, batch: Batch) -> None:
        """The link has taken this batch."""
        with self._lock:
            self._window.mark_sent(batch.end)
            self._prepared = None

    def welcome(self, received: int, durable: int) -> None:
        """A conversation begins at the learner's watermarks."""
        with self._lock:
            known = set(self._window.lost_spans)
            self._window.welcome(received, durable)
            for span in set(self._window.lost_spans) - known:
                note_lost(self._spool.directory, span)

    def acknowledge(self, received: int, durable: int) -> bool:
        """Take an Ack; True when a watermark rose."""
        with self._lock:
            rose = self._window.acknowledge(received, durable)
            while self._recent and (oldest := next(iter(self._recent))) < self._window.received:
                self._drop(oldest)
            return rose

    def resend(self) -> bool:
        """Send again what is in flight; True when there was something."""
        with self._lock:
            again = self._window.in_flight > 0
            self._window.resend()
            return again

    def release(self) -> None:
        """Give back the disk space of what is durable. Called by the thread that writes the spool."""
        with self._lock:
            durable = self._window.durable
            self._window.release(max(self._window.kept_from, self._spool.kept_after(durable)))
        self._spool.release(durable)

    def counters(self) -> DeliveryCounters:
        """Counts of this stream."""
        with self._lock:
            return self._window.counters()

    def retire(self) -> None:
        """Everything is durable and its files go."""
        with self._lock:
            self._window.release(self._window.produced)
        self.close()

    def close(self) -> None:
        """Close the files that are open for reading."""
        with self._lock:
            self._rewind_reader(-1)

    def _prepare(self, most: int, most_bytes: int) -> Batch | None:
        while (span := self._window.next_span(most)) is not None:
            if isinstance(span, LostSpan):
                return self._loss_report(span)
            if parcels := self._fetch(span, most_bytes):
                buffers = [buffer for parcel in parcels for buffer in parcel.buffers]
                message = pack_headers(self.stream[1], [parcel.header for parcel in parcels])
                return Batch(span.start, parcels[-1].sequence + 1, message, buffers)
            if (readable := self._next_readable(span.start)) <= span.start:
                return None
            self._lose(span.start, readable, "damaged in the actor's spool")
        return None

    def _fetch(self, span: range, most_bytes: int) -> list[Parcel]:
        """The first records of the span, of `most_bytes` and one record at most."""
        parcels: list[Parcel] = []
        size = 0
        for sequence in span:
            parcel = self._recent.get(sequence) or self._read_back(sequence)
            if parcel is None:
                break
            parcels.append(parcel)
            size += parcel.size_bytes
            if size >= most_bytes:
                break
        return parcels

    def _read_back(self, sequence: int) -> Parcel | None:
        for fresh in (False, True):
            if fresh or self._reader_at != sequence:
                self._rewind_reader(sequence)
            if (record := next(self._reader, None)) is not None and record.sequence == sequence:
                self._reader_at = sequence + 1
                return self._compress(parcel_of(record))
            self._reader_at = -1
        return None

    def _next_readable(self, sequence: int) -> int:
        """Where the damage at `sequence` ends."""
        self._rewind_reader(sequence)
        on_disk = next(self._reader, None)
        self._rewind_reader(-1)
        in_memory = [recent for recent in self._recent if recent >= sequence]
        ends = [self._window.produced, *in_memory[:1]]
        return min(ends if on_disk is None else [on_disk.sequence, *ends])

    def _rewind_reader(self, sequence: int) -> None:
        close = getattr(self._reader, "close", None)
        if close is not None:
            close()
        self._reader = self._spool.read(sequence) if sequence >= 0 else iter(())
        self._reader_at = sequence

    def _lose(self, first: int, end: int, cause: str) -> None:
        self._window.lose(first, end, cause)
        note_lost(self._spool.directory, LostSpan(first, end, cause))

    def _drop(self, sequence: int) -> None:
        self._recent_bytes -= self._recent.pop(sequence).size_bytes

    def _loss_report(self, span: LostSpan) -> Batch:
        report = LostRecord(
            actor_id=self.stream[0],
            incarnation=self.stream[1],
            sequence=span.first,
            time_seconds=self._wall(),
            count=span.end - span.first,
            cause=span.cause,
        )
        header, _ = record_to_frames(report)
        return Batch(span.first, span.end, pack_headers(self.stream[1], [header]), [])
