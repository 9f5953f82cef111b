"""Uplink: every step that `put` returned from reaches the learner's log exactly once.

    put -> ring (survives a kill) -> drain thread -> spool (disk) -> outbox -> Session -> learner

The drain thread first adopts what earlier lives of this actor left, then moves records; a record leaves the
ring only when the spool holds it, and the spool only when the learner's log does. When the disk is full,
records wait in the ring; when that is full too, `put` refuses; once there is room, all goes on by itself.
"""

import dataclasses
import threading
import time
from collections.abc import Callable
from pathlib import Path

from actor.adoption import Adoption
from actor.deliveries import Deliveries
from actor.layout import Layout
from actor.life import Life
from actor.life_directory import settle
from actor.parcel import pack
from actor.uplink_config import UplinkConfig
from shared.clock import Clock, SystemClock
from shared.delivery import DeliveryCounters, name_counters
from shared.errors import SpoolFull
from shared.interface import InterfaceSpec
from shared.records import AmendRecord, Record, StepRecord
from shared.step import EpisodeKind, Step, StepId, Why

_STAGE = "uplink"
_SLICE_SECONDS = 0.02


class Uplink:
    """The actor's end of the stream of steps. Every method may be called from any thread.

    Args:
        root: directory of all spools; this life takes `<root>/<actor id>/<incarnation>/`.
        actor_id, incarnation: the stream.
        interface: what the steps follow.
        wall: Unix seconds, for the records.

    Attributes:
        stream: (actor id, incarnation).
        deliveries: what a Session sends.

    Raises:
        ConfigError: the ring is too small for the interface.
        SpoolFull: the directory cannot be used, or the disk has no room for the ring.
    """

    def __init__(
        self,
        root: Path,
        actor_id: str,
        incarnation: str,
        interface: InterfaceSpec,
        config: UplinkConfig | None = None,
        *,
        clock: Clock | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        config = config or UplinkConfig()
        config.require_room(interface)
        self.stream = (actor_id, incarnation)
        self._layout = Layout(interface)
        self._wall = wall
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        own = _begin(root / actor_id, incarnation, interface, config, wall)
        self._ring = own.ring
        self._produced = 0
        adoption = Adoption(own.directory, interface, config, self._clock, wall)
        self.deliveries = Deliveries(own, adoption, config.spool_bytes)

    def put(self, step: Step, episode: int, step_number: int, kind: EpisodeKind) -> StepId:
        """Produce a step: when this returns, a kill of this process no longer loses it. Never waits.

        Raises:
            SpoolFull: there is no room; the step was not produced.
            ObservationError: it is not of this interface; it was not produced.
        """
        self._layout.require(step)
        identity = StepId(*self.stream, episode, step_number)
        now = self._wall()
        self._produce(StepRecord(identity=identity, sequence=0, kind=kind, time_seconds=now, step=step))
        return identity

    def amend(
        self,
        target: StepId,
        *,
        reward: float | None = None,
        terminated: bool | None = None,
        truncated: bool | None = None,
        why: Why | None = None,
    ) -> None:
        """Produce a later correction of a step; None leaves a field as it was. Raises SpoolFull."""
        record = AmendRecord(
            actor_id=self.stream[0],
            incarnation=self.stream[1],
            sequence=0,
            time_seconds=self._wall(),
            target=target,
            reward=reward,
            terminated=terminated,
            truncated=truncated,
            why=why,
        )
        self._produce(record)

    def flush(self, deadline_seconds: float, *, durable: bool = False) -> bool:
        """Wait until the learner has everything, `durable` on its disk; False at the deadline."""
        deadline = self._clock.now() + deadline_seconds
        while not self.deliveries.delivered(durable=durable):
            self.check()
            now = self._clock.now()
            if now >= deadline:
                return False
            self._clock.sleep_until(min(deadline, now + _SLICE_SECONDS))
        return True

    def counters(self) -> DeliveryCounters:
        """Totals over the streams that this process delivers."""
        return sum(self._counters().values(), DeliveryCounters())

    def counters_by_stream(self) -> dict[str, int]:
        """The counts of each stream, as Goodbye carries them."""
        return name_counters(self._counters())

    def check(self) -> None:
        """Raise what the drain thread failed with."""
        self.deliveries.check()

    def close(self, deadline_seconds: float) -> None:
        """Spool what is in the ring and end; what is not durable by now is left to the next life."""
        self.deliveries.close(deadline_seconds)

    def _produce(self, record: Record) -> None:
        parts = pack(record)
        with self._lock:
            self._produced = self._ring.append(parts) + 1
        self.deliveries.wake()

    def _counters(self) -> dict[str, DeliveryCounters]:
        counters = self.deliveries.counters()
        own = self.stream[1]
        return counters | {own: dataclasses.replace(counters[own], produced=self._produced)}


def _begin(
    root: Path, incarnation: str, interface: InterfaceSpec, config: UplinkConfig, wall: Callable[[], float]
) -> Life:
    try:
        directory, claim = settle(root, incarnation, interface)
        try:
            return Life(directory, claim, root.name, interface, config, config.ring_bytes, wall)
        except BaseException:
            claim.close()
            raise
    except OSError as error:
        raise SpoolFull(
            _STAGE,
            f"{root} cannot keep steps ({error.strerror or error}); the ring takes {config.ring_bytes} bytes",
            "make room on that disk, or name another directory with --spool",
        ) from error
