"""Life: what one life of an actor produced, on its way from the ring through the spool to the outbox."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from actor.image_wire import compressor
from actor.life_directory import Claim, lost_spans
from actor.outbox import Outbox
from actor.parcel import Parcel, unpack
from actor.ring import Ring, RingRecord
from actor.spool import Spool
from actor.uplink_config import UplinkConfig
from shared.codec import record_from_frames
from shared.delivery import SendWindow
from shared.errors import ProtocolError
from shared.interface import InterfaceSpec
from shared.records import Record

log = logging.getLogger(__name__)

_RING = "ring"
_BATCH_RECORDS = 64
_BATCH_BYTES = 4 * 2**20


class Life:
    """One stream and its directory. Owned by one thread, but for the outbox.

    Args:
        directory: named after the incarnation; `claim` is the claim on it.
        ring_bytes: room in the ring, where there is none yet.

    Attributes:
        ring: where records of this process begin.
        outbox: what there is to send.

    Raises:
        OSError: the disk has no room for the ring, or the directory cannot be read.
    """

    def __init__(
        self,
        directory: Path,
        claim: Claim,
        actor_id: str,
        interface: InterfaceSpec,
        config: UplinkConfig,
        ring_bytes: int,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.directory = directory
        self._claim = claim
        self.ring = Ring(directory / _RING, ring_bytes)
        self._spool = Spool(directory, interface, config.segment_bytes)
        self._position, self._sequence = self.ring.tail, self._spool.end
        window = SendWindow(
            kept_from=self._first_kept(),
            produced=max(self._spool.end, self._first_kept()),
            limit=config.in_flight_records,
        )
        for span in lost_spans(directory):
            window.lose(span.first, span.end, span.cause)
        self._compress = compressor(config)
        stream = (actor_id, directory.name)
        self.outbox = Outbox(stream, self._spool, window, config.memory_bytes, wall, self._compress)

    @property
    def size_bytes(self) -> int:
        """Bytes in the spool."""
        return self._spool.size_bytes

    def move(self) -> bool:
        """Move some records out of the ring of a process that lives; False when there is none.

        Raises:
            OSError, EpisodeFileError: the disk does not take them; they stay in the ring.
        """
        batch: list[RingRecord] = []
        position, sequence, size = self._position, self._sequence, 0
        while len(batch) < _BATCH_RECORDS and size < _BATCH_BYTES:
            if (kept := self.ring.read(position, sequence)) is None:
                break
            batch.append(kept)
            position, sequence, size = kept.end, kept.sequence + 1, size + len(kept.payload)
        if batch:
            self._store(batch)
            self._position, self._sequence = position, sequence
            self.ring.release(position)
        return bool(batch)

    def inherit(self) -> None:
        """Move all records out of the ring of a process that is no more; raises as `move` does."""
        survivors = self.ring.survivors(self._spool.end)
        while batch := list(islice(survivors, _BATCH_RECORDS)):
            self._store(batch)
        self.outbox.add((), max(self.ring.produced, self._spool.end))
        self.ring.retire()

    def tidy(self) -> bool:
        """Give back the disk space of what is durable; True when nothing is left to deliver."""
        self.outbox.release()
        return self.outbox.durable

    def remove(self) -> None:
        """Everything is durable: remove the directory."""
        self.ring.close()
        self.outbox.retire()
        self._spool.remove()
        self._claim.close()

    def leave(self) -> None:
        """Close everything; the directory stays for the next life."""
        self.ring.close()
        self.outbox.close()
        self._spool.finish()
        self._claim.close()

    def _first_kept(self) -> int:
        if (first := self._spool.first) is not None:
            return first
        oldest = next(self.ring.survivors(0), None)
        return self.ring.produced if oldest is None else oldest.sequence

    def _store(self, batch: Sequence[RingRecord]) -> None:
        """Spool a batch, then offer it for sending; what is not a record of this interface is lost."""
        sound = list(self._decoded(batch))
        try:
            if sound:
                self._spool.write([record for _, record in sound])
        except (KeyError, ValueError):
            sound = [both for both in sound if self._write_alone(both[1])]
        self.outbox.add((parcel for parcel, _ in sound), batch[-1].sequence + 1)

    def _decoded(self, batch: Iterable[RingRecord]) -> Iterator[tuple[Parcel, Record]]:
        for kept in batch:
            try:
                parcel = unpack(kept)
                record = record_from_frames(parcel.header, parcel.buffers, *self.outbox.stream)
                yield self._compress(parcel), record
            except ProtocolError as error:
                self._lose(kept.sequence, error)

    def _write_alone(self, record: Record) -> bool:
        try:
            self._spool.write([record])
        except (KeyError, ValueError) as error:
            self._lose(record.sequence, error)
            return False
        return True

    def _lose(self, sequence: int, error: Exception) -> None:
        log.error("record %d of %s cannot be kept and is lost: %s", sequence, self.outbox.stream, error)
        self.outbox.lose(sequence, sequence + 1, f"not what its interface says: {error}")
