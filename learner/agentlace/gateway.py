"""The gateway: agentlace's server, of which every transition becomes a record like any actor's.

A thread of its own. Whatever a client sends, it is answered and the thread goes on: what cannot be understood
is refused, counted and logged, and nothing of it is run.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from learner.agentlace.broadcasts import Broadcasts
from learner.agentlace.clients import Clients
from learner.agentlace.config import PREFIX, AgentlaceConfig
from learner.agentlace.reported import flat_numbers
from learner.agentlace.store_records import StoreRecords
from learner.news import EncodedSnapshot, EncodedTrunk
from shared.agentlace import MAX_MESSAGE_BYTES, STAGE, STATS, decode, encode, handshake, require_lz4
from shared.clock import Clock
from shared.errors import ConfigError, HandsOnError
from shared.interface import InterfaceSpec
from shared.link.agentlace_sockets import AgentlaceServerSockets
from shared.protocol import Stats
from shared.records import Record
from shared.serl_transitions import interface_of, read_transition, require_fit

log = logging.getLogger(__name__)

TURN_SECONDS = 0.1
WHOSE = "an agentlace client"
NO_STORE = "Invalid datastore name"
NO_TYPE = "Invalid type or payload"
LONGEST_MESSAGE = 1000
LARGEST_ID = 10**9
"""More transitions than one client makes: ten of them a second take three years."""

Reply = dict[str, Any]


class Learner(Protocol):
    """What is asked of `learner.ingest.Ingest`."""

    @property
    def snapshot(self) -> EncodedSnapshot | None: ...

    @property
    def trunk(self) -> EncodedTrunk | None: ...

    def wait_for_interface(self, timeout_seconds: float) -> InterfaceSpec | None: ...

    def use_interface(self, interface: InterfaceSpec, whose: str) -> None: ...

    def admit(self, records: Iterable[Record]) -> None: ...

    def received(self, actor_id: str) -> dict[str, int]: ...

    def report(self, actor_id: str, stats: Stats) -> None: ...


class Gateway:
    """Listens from the moment it is made; answers once started.

    Args:
        config: with ports.
        learner: gets records, statistics and an interface, and has policies.
        clock: monotonic seconds.

    Attributes:
        ports: of requests and of broadcasts, the real ones.
        refused: messages that were not understood.

    Raises:
        LinkError: a port is in use, or others could reach it and that is not forced.
        ConfigError: python-lz4 is missing.
    """

    def __init__(self, config: AgentlaceConfig, learner: Learner, clock: Clock) -> None:
        require_lz4()
        self._config = config
        self._learner = learner
        self._sockets = AgentlaceServerSockets(
            config.agentlace_bind,
            config.ports or (0, 0),
            force=config.agentlace_force,
            max_message_bytes=MAX_MESSAGE_BYTES,
        )
        self.ports = self._sockets.ports
        self.refused = 0
        self._stores = frozenset(config.agentlace_stores + config.agentlace_demo_stores)
        self._clients = Clients(config.agentlace_demo_stores, learner.received, clock)
        self._broadcasts = Broadcasts(
            lambda: learner.snapshot,
            lambda: learner.trunk,
            self._sockets.broadcast,
            config.agentlace_publish_seconds,
            clock,
        )
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="agentlace", daemon=True)

    @property
    def broadcast(self) -> int:
        """How many policies were broadcast."""
        return self._broadcasts.sent

    def start(self) -> None:
        """Begin to answer."""
        log.info("SERL's actors may join on ports %d and %d of %s", *self.ports, self._config.agentlace_bind)
        self._thread.start()

    def close(self, deadline_seconds: float) -> None:
        """End the episodes that are open and release the ports. Twice is harmless."""
        self._closing.set()
        self._sockets.wake()
        if self._thread.is_alive():
            self._thread.join(deadline_seconds)
        if self._thread.is_alive():
            log.warning("the agentlace gateway did not end within %.1f s", deadline_seconds)
        else:
            self._sockets.close()

    def _run(self) -> None:
        while not self._closing.is_set():
            self._turn()
        for records in self._clients.all_records():
            self._guarded(lambda records=records: self._finish(records))

    def _turn(self) -> None:
        for request in self._sockets.poll(TURN_SECONDS):
            reply = self._guarded(lambda request=request: self._answer(request.peer, request.frame))
            self._sockets.reply(request.peer, encode(reply))
        for records in self._clients.silent():
            self._guarded(lambda records=records: self._finish(records))
        self._guarded(self._broadcasts.turn)

    def _guarded(self, call: Callable[[], Reply | None]) -> Reply:
        try:
            return call() or {}
        except HandsOnError as error:
            self._count(error.cause)
            return {"success": False, "message": f"{error.cause}: {error.cure}"[:LONGEST_MESSAGE]}
        except Exception:
            log.exception("the agentlace gateway failed at one message and goes on")
            return {"success": False, "message": "the learner failed at this message; its log says how"}

    def _count(self, cause: str) -> None:
        self.refused += 1
        if self.refused & (self.refused - 1) == 0:  # the 1st, 2nd, 4th, 8th...: a flood stays readable
            log.warning("refused an agentlace message, %d so far: %s", self.refused, cause[:LONGEST_MESSAGE])

    def _answer(self, peer: bytes, frame: memoryview) -> Reply:
        message = decode(frame, WHOSE)
        if not isinstance(message, dict):
            return _failure(NO_TYPE)
        payload = message.get("payload")
        kind = message.get("type")
        match kind if isinstance(kind, str) else None:
            case "datastore":
                return self._datastore(peer, message.get("store_name"), payload)
            case "get_last_update_id":
                return self._last_id(peer, payload)
            case "hash":
                for records in self._clients.of(peer):
                    self._finish(records)
                self._clients.greet(peer)
                return {"success": True, "payload": handshake(*self.ports)}
            case text if text == STATS:
                self._report(payload)
                return {}
            case _:
                return _failure(NO_TYPE)

    def _datastore(self, peer: bytes, store: Any, payload: Any) -> Reply:
        if not isinstance(store, str) or store not in self._stores:
            return _failure(NO_STORE)
        if not isinstance(payload, Mapping):
            return _failure(NO_TYPE)
        data, last_id = payload.get("data", []), payload.get("last_id", -1)
        if not isinstance(data, list) or not isinstance(last_id, int) or isinstance(last_id, bool):
            return _failure(NO_TYPE)
        if last_id > LARGEST_ID:
            raise ConfigError(STAGE, f"an id beyond {LARGEST_ID} is none", "count transitions from 0")
        transitions = [read_transition(item) for item in data]
        if transitions:
            interface = self._interface(interface_of(transitions[0], self._config.agentlace_hz))
            for transition in transitions:
                require_fit(transition, interface)
        records = self._clients.book(peer, store)
        with records.undone_by_errors():
            self._learner.admit(records.take(transitions, last_id, time.time()))
        return {"success": True}

    def _finish(self, records: StoreRecords) -> None:
        with records.undone_by_errors():
            self._learner.admit(records.finish(time.time()))

    def _interface(self, theirs: InterfaceSpec) -> InterfaceSpec:
        """The run's; the first transition's, where the run has none yet."""
        known = self._learner.wait_for_interface(0.0)
        if known is None:
            self._learner.use_interface(theirs, WHOSE)
        return known or theirs

    def _last_id(self, peer: bytes, payload: Any) -> Reply:
        store = payload.get("store_name") if isinstance(payload, Mapping) else None
        if not isinstance(store, str) or store not in self._stores:
            return _failure(NO_STORE)
        return {"success": True, "payload": self._clients.book(peer, store).last_id}

    def _report(self, payload: Any) -> None:
        values = flat_numbers(payload)
        if values:
            actor_id = PREFIX + next(
                iter(self._config.agentlace_stores or self._config.agentlace_demo_stores)
            )
            steps = sum(self._learner.received(actor_id).values())
            self._learner.report(actor_id, Stats(steps, values))


def _failure(message: str) -> Reply:
    return {"success": False, "message": message}
