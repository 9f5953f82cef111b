"""Deliveries: the drain thread, and the streams that this process delivers: its own and inherited ones."""

import logging
import queue
import threading
from collections.abc import Callable

from actor.adoption import Adoption
from actor.life import Life
from actor.outbox import Outbox
from shared.delivery import DeliveryCounters
from shared.errors import EpisodeFileError

log = logging.getLogger(__name__)

_IDLE_SECONDS = 0.5
_FULL_SECONDS = 0.25


class Deliveries:
    """Owns every Life of this actor on this computer; a thread of its own keeps them moving.

    Args:
        own: the life of this process.
        adoption: finds those of earlier ones.
        spool_bytes: the spools together take no more; beyond it records wait in the ring.
    """

    def __init__(self, own: Life, adoption: Adoption, spool_bytes: int) -> None:
        self._own = own
        self._adoption = adoption
        self._spool_bytes = spool_bytes
        self._on_ready: Callable[[], None] = lambda: None
        self._inherited: list[Life] = []
        self._outboxes = [own.outbox]
        self._lock = threading.Lock()
        self._watermarks: dict[str, tuple[int, int]] | None = None
        self._wake: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._waiting_for_room = ""
        self._closing = self._ended = False
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._guarded, name="uplink drain", daemon=True)
        self._thread.start()

    def subscribe(self, on_ready: Callable[[], None]) -> None:
        """Call this, on the drain thread, whenever there is more to send."""
        self._on_ready = on_ready

    def wake(self) -> None:
        """There is something in the ring. Never waits."""
        self._wake.put(None)

    def outboxes(self) -> list[Outbox]:
        """What there is to send: earlier lives first."""
        with self._lock:
            return list(self._outboxes)

    def welcome(self, received: dict[str, int], durable: dict[str, int]) -> None:
        """A conversation with the learner begins at its watermarks, by incarnation."""
        names = received.keys() | durable.keys()
        with self._lock:
            self._watermarks = {name: (received.get(name, 0), durable.get(name, 0)) for name in names}
            for outbox in self._outboxes:
                self._greet(outbox)

    def acknowledge(self, incarnation: str, received: int, durable: int) -> bool:
        """Take an Ack, also of a life that is not taken over yet; True when a watermark rose."""
        with self._lock:
            if self._watermarks is not None:
                self._watermarks[incarnation] = (received, durable)
            outbox = next((box for box in self._outboxes if box.stream[1] == incarnation), None)
        return outbox is not None and outbox.acknowledge(received, durable)

    def resend(self) -> bool:
        """Nothing comes back: send again what is in flight; True when there was something."""
        again = [outbox.resend() for outbox in self.outboxes()]
        return any(again)

    @property
    def in_flight(self) -> bool:
        """Whether anything was sent that the learner has not acknowledged."""
        return any(outbox.in_flight for outbox in self.outboxes())

    def delivered(self, *, durable: bool) -> bool:
        """Whether the learner has all that was produced, `durable` on its disk."""
        if not self._adoption.tried or self._own.ring.used_bytes:
            return False
        return all(outbox.durable if durable else outbox.received for outbox in self.outboxes())

    def counters(self) -> dict[str, DeliveryCounters]:
        """Counts by incarnation."""
        return {outbox.stream[1]: outbox.counters() for outbox in self.outboxes()}

    def check(self) -> None:
        """Raise what the thread failed with."""
        if self._failure is not None:
            raise self._failure

    def close(self, deadline_seconds: float) -> None:
        """Spool what is in the ring and end; what is not durable by now is left to the next life.

        Until then the ring takes records, even after a failure of the thread. Twice is harmless.
        """
        self._closing = True
        self.wake()
        self._thread.join(deadline_seconds)
        if self._thread.is_alive():
            log.error("the disk is busy for %.1f s; the next start delivers the rest", deadline_seconds)
        elif not self._ended:
            self._end()

    def _guarded(self) -> None:
        try:
            self._run()
            self._end()
        except Exception as error:
            log.exception("the uplink failed; what was produced is kept, and the next start delivers it")
            self._failure = error

    def _run(self) -> None:
        while True:
            closing = self._closing
            self._adopt()
            moved = self._move()
            self._tidy()
            if closing and not moved:
                return
            if not moved:
                self._wait(_FULL_SECONDS if self._waiting_for_room else _IDLE_SECONDS)

    def _adopt(self) -> None:
        for life in self._adoption.adopt():
            with self._lock:
                self._inherited.append(life)
                self._outboxes.insert(len(self._outboxes) - 1, life.outbox)
                self._greet(life.outbox)
            self._on_ready()

    def _move(self) -> bool:
        """Move records to the disk; False when there is none, or no room."""
        try:
            if self._used_bytes() >= self._spool_bytes and self._own.ring.used_bytes:
                raise OSError(f"the spool holds its {self._spool_bytes} bytes already")
            moved = self._own.move()
        except (OSError, EpisodeFileError) as error:
            if not self._waiting_for_room:
                log.warning("steps wait in the ring: %s", error)
            self._waiting_for_room = str(error)
            return False
        if moved and self._waiting_for_room:
            log.warning("there is room again; recording goes on")
            self._waiting_for_room = ""
        if moved:
            self._on_ready()
        return moved

    def _tidy(self) -> None:
        self._own.tidy()
        for life in [life for life in self._inherited if life.tidy()]:
            self._inherited.remove(life)
            life.remove()

    def _wait(self, seconds: float) -> None:
        try:
            self._wake.get(timeout=seconds)
            while True:
                self._wake.get_nowait()
        except queue.Empty:
            return

    def _end(self) -> None:
        self._ended = True
        for life in self._inherited:
            life.leave()
        if self._own.ring.used_bytes == 0 and self._own.outbox.durable:
            self._own.remove()
        else:
            self._own.leave()

    def _greet(self, outbox: Outbox) -> None:
        if self._watermarks is not None:
            outbox.welcome(*self._watermarks.get(outbox.stream[1], (0, 0)))

    def _used_bytes(self) -> int:
        return sum(life.size_bytes for life in (self._own, *self._inherited))
