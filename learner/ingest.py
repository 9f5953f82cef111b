"""Ingest: the learner's end of the conversation with all actors, in a thread of its own.

Actors -> Listener -> Intake (ledger, log, arrivals) -> sampler thread. Whatever other threads have to say
to actors (a policy, how many steps are used up, that training is over) the link thread tells them.
"""

import logging
import queue
import threading
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from learner.attendance import Attendance
from learner.conversation import Conversation
from learner.intake import Arrivals, Intake, OpenLog
from learner.news import EncodedSnapshot, EncodedTrunk, News, Terms
from learner.ratio import RatioConfig
from shared.clock import Clock, SystemClock
from shared.delivery import DeliveryCounters, Stream
from shared.errors import HandsOnError
from shared.interface import InterfaceSpec
from shared.link.listener import Listener, ListenerConfig
from shared.protocol import Stats
from shared.records import Record
from shared.version import code_version

__all__ = ["EncodedSnapshot", "EncodedTrunk", "Ingest"]

log = logging.getLogger(__name__)

TURN_SECONDS = 0.1
KEPT_STATS = 4096


class Ingest:
    """Listens from the moment it is made; answers once started. Every method may be called from any thread.

    Args:
        config: where to listen.
        ratio: warm-up, lead and kind of clock, which set the pace of actors.
        incarnation: of this learner.
        open_log: opens the run's log once the interface is known.
        clock: monotonic seconds, for leases.

    Raises:
        LinkError: the port is in use, or others could reach it and there are no keys.

    Attributes:
        endpoint: the address it listens on.
        arrivals: (position in the log, record), in log order.
    """

    def __init__(
        self,
        config: ListenerConfig,
        ratio: RatioConfig,
        *,
        incarnation: str,
        open_log: OpenLog,
        clock: Clock | None = None,
    ) -> None:
        self._listener = Listener(config)
        self.endpoint = self._listener.endpoint
        self._synced: queue.SimpleQueue[Mapping[Stream, int]] = queue.SimpleQueue()
        self._intake = Intake(open_log, ratio.warmup_steps, self._on_durable)
        self.arrivals: Arrivals = self._intake.arrivals
        terms = Terms(
            incarnation=incarnation,
            code_version=code_version(),
            heartbeat_seconds=config.heartbeat_seconds,
            lease_seconds=config.lease_seconds,
            max_lead_steps=ratio.max_lead_steps,
            clock=ratio.clock,
        )
        self._stats: deque[tuple[str, Stats]] = deque(maxlen=KEPT_STATS)
        self._clock = clock or SystemClock()
        self._conversation = Conversation(self._listener, self._intake, terms, self.report, self._clock)
        self._news = News(consumed={})
        self._news_lock = threading.Lock()
        self._attendance = Attendance(config.lease_seconds)
        self._interface_known = threading.Event()
        self._closing = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="ingest", daemon=True)

    def restore(self, directory: Path) -> int:
        """Before `start`: take up the log of earlier lives; returns how many records it holds."""
        return self._intake.restore(directory)

    def use_interface(self, interface: InterfaceSpec, whose: str) -> None:
        """Fix the interface by a demo file or a checkpoint; raises InterfaceMismatch if it is another."""
        self._intake.fix(interface, whose)
        self._interface_known.set()

    def admit(self, records: Iterable[Record]) -> None:
        """Store the records of a demo file as if they had arrived; what the file lacks counts as lost.

        Records that the log holds already are left out.
        """
        self._intake.admit_file(records)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def wait_for_interface(self, timeout_seconds: float) -> InterfaceSpec | None:
        """The interface once it is known, None if that takes longer."""
        self._interface_known.wait(timeout_seconds)
        self.check()
        return self._intake.interface

    def mark_ready(self) -> None:
        """Tell actors that training begins as soon as there is data."""
        self._announce(ready=True)

    def publish(self, snapshot: EncodedSnapshot) -> None:
        """This is the newest policy: whoever waits for one gets it at once, whoever asks later too."""
        self._announce(snapshot=snapshot)

    def offer_trunk(self, trunk: EncodedTrunk) -> None:
        """What this learner's policies see through, for actors that lack it; before the first `publish`."""
        self._announce(trunk=trunk)

    def progress(self, consumed: Mapping[Stream, int]) -> None:
        """So many training steps of each stream are used up."""
        self._announce(consumed=dict(consumed))

    def stop_actors(self, cause: str) -> None:
        """Tell all actors, and those that come later, that training has ended."""
        self._announce(stop=cause)

    @property
    def snapshot(self) -> EncodedSnapshot | None:
        """The newest policy that was published."""
        return self._news.snapshot

    @property
    def trunk(self) -> EncodedTrunk | None:
        """The frozen trunk that policies see through, where they do."""
        return self._news.trunk

    def received(self, actor_id: str) -> dict[str, int]:
        """How many records came of each life of an actor, this learner's earlier lives included."""
        return self._intake.ledger.watermarks_of(actor_id)[0]

    def report(self, actor_id: str, stats: Stats) -> None:
        """What an actor that came by another way reports."""
        self._stats.append((actor_id, stats))

    def stats(self) -> list[tuple[str, Stats]]:
        """What actors reported since the last call, oldest first; of very many, the newest."""
        reported: list[tuple[str, Stats]] = []
        while self._stats:
            reported.append(self._stats.popleft())
        return reported

    def counters(self, actor_id: str | None = None) -> DeliveryCounters:
        """Counts of records, over all streams or those of one actor."""
        return self._intake.ledger.counters(actor_id)

    def actors(self) -> tuple[str, ...]:
        """Ids of the actors that are connected at this moment."""
        return self._attendance.present

    @property
    def deserted(self) -> bool:
        """Whether there were actors and all have left; one that fell silent may come back for a while."""
        return self._attendance.deserted

    @property
    def malformed(self) -> int:
        """Messages that made no sense."""
        return self._listener.malformed

    @property
    def refused(self) -> int:
        """Connections with an unknown key, and actors of another protocol version."""
        return self._listener.refused

    def check(self) -> None:
        """Raise what ended the thread or the log, if anything did."""
        if self._failure is not None:
            raise self._failure
        self._intake.check()

    def close(self, deadline_seconds: float) -> None:
        """Make durable and acknowledge what was received, and release the port. Twice is harmless."""
        self._intake.close(deadline_seconds)
        self._closing.set()
        self._listener.wake()
        if self._thread.is_alive():
            self._thread.join(deadline_seconds)
        if self._thread.is_alive():
            log.warning("the link did not end within %.1f s", deadline_seconds)
        else:
            self._listener.close(deadline_seconds)

    def _announce(self, **changes: object) -> None:
        with self._news_lock:
            self._news = replace(self._news, **changes)
        self._listener.wake()

    def _on_durable(self, covered: Mapping[Stream, int]) -> None:
        self._synced.put(covered)
        self._listener.wake()

    def _run(self) -> None:
        try:
            while not self._closing.is_set():
                self._turn(TURN_SECONDS)
            self._turn(0.0)
        except BaseException as failure:  # raised by check() in the thread that asks
            if not isinstance(failure, HandsOnError):
                log.exception("the link failed")
            self._failure = failure
            self._interface_known.set()

    def _turn(self, wait_seconds: float) -> None:
        for incoming in self._listener.poll(wait_seconds):
            self._conversation.take(incoming, self._news)
        if self._intake.interface is not None:
            self._interface_known.set()
        while not self._synced.empty():
            self._conversation.durable(self._synced.get())
        self._conversation.tell(self._news)
        self._attendance.look(self._conversation.sessions, self._clock.now())
