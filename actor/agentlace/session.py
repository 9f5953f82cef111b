"""AgentlaceSession: the conversation with a learner of SERL or HIL-SERL, in place of `actor.session.Session`.

What the uplink holds is sent as transitions and forgotten once that learner said that it has them: its
memory is all it keeps, so there is no more to wait for. Nothing paces an actor there, whatever its clock.
"""

import logging
import threading
from collections import deque
from typing import Any, NamedTuple

from actor.agentlace.client import AgentlaceClient
from actor.agentlace.config import JoinConfig
from actor.agentlace.policies import Policies
from actor.agentlace.transitions import Pairing
from actor.policy_feed import PolicyFeed
from actor.trunks import Trunks
from actor.uplink import Uplink
from shared.clock import Clock
from shared.delivery import DeliveryCounters
from shared.errors import ConfigError, HandsOnError, LinkError
from shared.interface import InterfaceSpec
from shared.record_codec import records_of

log = logging.getLogger(__name__)

RETRY_SECONDS = 2.0
HEAR_SECONDS = 0.05
SLICE_SECONDS = 0.2
BATCH_RECORDS, BATCH_BYTES = 64, 2**24
MOST_STATS = 16


class Sending(NamedTuple):
    """Transitions on their way to one store, under consecutive ids from `first_id`; -1 for not yet named."""

    store: str
    transitions: list[dict[str, Any]]
    first_id: int = -1


class AgentlaceSession:
    """A thread of its own, from `start` on; `actor.learner_line.LearnerLine` says what others ask of it."""

    def __init__(
        self,
        config: JoinConfig,
        interface: InterfaceSpec,
        uplink: Uplink,
        feed: PolicyFeed,
        trunks: Trunks,
        clock: Clock,
    ) -> None:
        self._config, self._uplink, self._clock = config, uplink, clock
        self._client = AgentlaceClient(config)
        self._pairing = Pairing(interface)
        self._policies = Policies(interface, feed, trunks, "serl")
        self._sending: deque[Sending] = deque()
        self._told: dict[str, int] = {}
        self._ids: dict[str, int] = {}
        self._stats: deque[dict[str, Any]] = deque(maxlen=MOST_STATS)
        self._welcomed, self._work, self._closing = threading.Event(), threading.Event(), threading.Event()
        self._connected = False
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._guarded, name="agentlace session", daemon=True)

    @property
    def connected(self) -> bool:
        """Whether the learner answered the last request."""
        return self._connected

    @property
    def stop_requested(self) -> str | None:
        """Why this actor should end: only a failure; that learner never says so."""
        return None if self._failure is None else str(self._failure)

    def start(self) -> None:
        """Begin to dial."""
        self._uplink.deliveries.subscribe(self._work.set)
        self._thread.start()

    def welcomed(self, timeout_seconds: float) -> bool:
        """Wait for the first answer; False at the deadline. Raises as `check`."""
        self._welcomed.wait(timeout_seconds)
        self.check()
        return self._welcomed.is_set()

    def wait_for_lead(self, produced_training_steps: int, timeout_seconds: float) -> bool:
        """Never waits."""
        del produced_training_steps, timeout_seconds
        return True

    def stats(self, step: int, values: dict[str, float]) -> None:
        """Numbers for its charts; of many that wait the newest."""
        self._stats.append({"actor": values, "env_steps": step})

    def goodbye(self, deadline_seconds: float) -> DeliveryCounters | None:
        """Wait until all is delivered; what that learner has, None at the deadline."""
        deadline = self._clock.now() + deadline_seconds
        while not self._uplink.flush(SLICE_SECONDS):
            self.check()
            if self._clock.now() >= deadline:
                return None
        return self._uplink.counters()

    def check(self) -> None:
        """Raise what the thread failed with."""
        if self._failure is not None:
            raise self._failure

    def close(self, deadline_seconds: float) -> None:
        """Hang up; what that learner has not got stays in the spool."""
        self._uplink.deliveries.subscribe(lambda: None)
        self._closing.set()
        self._work.set()
        if self._thread.ident is None:
            self._client.close()
            return
        self._thread.join(deadline_seconds)
        if self._thread.is_alive():
            log.error("the link did not end within %.1f s", deadline_seconds)

    def _guarded(self) -> None:
        try:
            while not self._closing.is_set():
                self._turn()
        except HandsOnError as error:
            self._failure = error
        except Exception as error:
            log.exception("the session failed")
            self._failure = error
        finally:
            self._connected = False
            self._welcomed.set()
            self._client.close()

    def _turn(self) -> None:
        try:
            if not self._connected:
                self._greet()
            busy = self._deliver()
            while self._stats:
                self._client.report(self._stats[0])
                self._stats.popleft()
        except (LinkError, ConfigError) as error:
            if isinstance(error, ConfigError) and not self._welcomed.is_set():
                raise  # it never was a learner for this actor; one that was may be so again
            log.log(logging.WARNING if self._connected else logging.DEBUG, "%s; trying again", error)
            self._connected = False
            self._closing.wait(RETRY_SECONDS)
            return
        self._policies.hear(self._client.newest_parameters, 0.0 if busy else HEAR_SECONDS)

    def _greet(self) -> None:
        """Say who is here, and take up where its stores are: it may be another learner than before."""
        self._client.greet()
        stores = [self._config.agentlace_store, self._config.agentlace_intervention_store]
        self._ids = {store: self._client.last_id(store) for store in stores if store is not None}
        if self._sending and self._arrived(self._sending[0]):
            self._sending.popleft()
        self._connected = True
        self._welcomed.set()
        log.info("joined the SERL learner at %s", self._config.agentlace)

    def _arrived(self, sending: Sending) -> bool:
        """Whether it has what was sent when no answer came."""
        return sending.first_id >= 0 and self._ids[sending.store] == _last_id(sending)

    def _deliver(self) -> bool:
        """Send what there is to send; whether there was anything."""
        busy = bool(self._sending) or self._fetch()
        while self._sending:
            sending = self._sending[0]._replace(first_id=self._ids[self._sending[0].store] + 1)
            self._sending[0] = sending
            self._client.send(sending.store, sending.transitions, _last_id(sending))
            self._ids[sending.store] = _last_id(sending)
            self._sending.popleft()
        for incarnation, told in self._told.items():
            self._uplink.deliveries.acknowledge(incarnation, told, told)
        self._told.clear()
        return busy

    def _fetch(self) -> bool:
        for outbox in self._uplink.deliveries.outboxes():
            batch = outbox.next_batch(BATCH_RECORDS, BATCH_BYTES)
            if batch is None:
                continue
            sent, told = self._pairing.take(records_of(batch.message, batch.buffers, outbox.stream[0]))
            outbox.mark_sent(batch)
            self._told.update({stream[1]: sequence for stream, sequence in told.items()})
            self._queue(self._config.agentlace_store, [each.transition for each in sent])
            human = [each.transition for each in sent if each.human]
            self._queue(self._config.agentlace_intervention_store, human)
            return True
        return False

    def _queue(self, store: str | None, transitions: list[dict[str, Any]]) -> None:
        if store is not None and transitions:
            self._sending.append(Sending(store, transitions))


def _last_id(sending: Sending) -> int:
    return sending.first_id + len(sending.transitions) - 1
