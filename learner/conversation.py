"""What the learner answers, message by message, and what it tells each actor as soon as there is news."""

import logging
import time
from collections.abc import Callable, Mapping

from learner.image_wire import DECODERS
from learner.intake import Intake
from learner.news import EncodedSnapshot, News, Terms
from learner.sessions import Session, Sessions, require_name, superseded
from shared.clock import Clock
from shared.codec import malformed, records_of
from shared.delivery import Stream
from shared.errors import ConfigError, InterfaceMismatch, ProtocolError
from shared.image_codec import decode_images
from shared.link.listener import Incoming, Listener
from shared.protocol import (
    Ack,
    Farewell,
    Goodbye,
    Heartbeat,
    Hello,
    Malformed,
    Message,
    NoTrunk,
    Progress,
    Ready,
    Records,
    Refuse,
    Snapshot,
    SnapshotRequest,
    Stats,
    Stop,
    Trunk,
    TrunkRequest,
    Unknown,
    Welcome,
)

log = logging.getLogger(__name__)

LONGEST_CAUSE = 10_000
LONGEST_DIGEST = 64


class Conversation:
    """Owned by the link thread. `take` answers a message, `tell` brings every actor up to date.

    What is to be told is kept as the difference between what is and what an actor has heard, so a full queue
    or a new connection delays it and loses nothing.

    Args:
        listener: the link.
        intake: where records go.
        terms: what Welcome says.
        stats: called with the actor id and what it reports.
        clock: monotonic seconds, for leases and heartbeats.

    Attributes:
        sessions: who is connected.
    """

    def __init__(
        self,
        listener: Listener,
        intake: Intake,
        terms: Terms,
        stats: Callable[[str, Stats], None],
        clock: Clock,
    ) -> None:
        self._listener = listener
        self._intake = intake
        self._terms = terms
        self._stats = stats
        self._clock = clock
        self.sessions = Sessions(clock, terms.lease_seconds, terms.clock)

    def take(self, incoming: Incoming, news: News) -> None:
        """Answer one message; one that makes no sense is rejected, its sender told, and all goes on."""
        peer, message, buffers = incoming
        try:
            if isinstance(message, Hello):
                self._hello(peer, message, news)
            elif isinstance(message, Malformed):
                log.warning("an actor could not understand a message: %s", message.cause)
            elif (session := self.sessions.of(peer)) is None:
                self._listener.send(peer, Unknown(time.time()))
            else:
                self._answer(session, peer, message, buffers)
        except ProtocolError as error:
            self._listener.reject(peer, error.cause)

    def tell(self, news: News) -> None:
        """Say what has changed to whom it concerns."""
        for session in self.sessions.expire():
            if session.present:
                log.warning("%s was silent for %.1f s: gone", session.actor_id, self._terms.lease_seconds)
        for session in self.sessions:
            if session.present:
                self._tell_control(session, news)
            self._tell_snapshot(session, news.snapshot)
            self._tell_trunk(session, news)

    def durable(self, covered: Mapping[Stream, int]) -> None:
        """The log was synced up to these sequences: acknowledge them at the next `tell`."""
        for session in self.sessions:
            session.acks_due |= {
                incarnation for actor_id, incarnation in covered if actor_id == session.actor_id
            }

    def _hello(self, peer: bytes, hello: Hello, news: News) -> None:
        refusal = self.sessions.refusal(hello) or self._other_interface(hello)
        if refusal is not None:
            if hello.channel == "control":
                log.warning("refused %s on %s: %s", hello.actor_id, hello.host, refusal.cause)
            self._listener.send(peer, refusal)
            return
        session, older = self.sessions.greet(peer, hello)
        if older is not None:
            log.warning("%s on %s supersedes its earlier life", hello.actor_id, hello.host)
            if older.control is not None:
                self._listener.send(older.control, superseded(older.actor_id))
        if hello.channel == "control":
            log.info("%s on %s is here (code %s)", hello.actor_id, hello.host, hello.code_version)
            self._welcome(session, peer, news)

    def _other_interface(self, hello: Hello) -> Refuse | None:
        try:
            self._intake.fix(hello.interface, f"actor {hello.actor_id} on {hello.host}")
        except (ConfigError, InterfaceMismatch) as error:
            return Refuse("interface", error.cause[:LONGEST_CAUSE], error.cure)
        return None

    def _welcome(self, session: Session, peer: bytes, news: News) -> None:
        received, durable = self._intake.ledger.watermarks_of(session.actor_id)
        session.consumed = news.consumed.get(session.stream, 0)
        session.told_ready, session.told_stop = news.ready, False
        session.acks_due.clear()
        welcome = Welcome(
            learner_incarnation=self._terms.incarnation,
            state="ready" if news.ready else "preparing",
            received=received,
            durable=durable,
            heartbeat_seconds=self._terms.heartbeat_seconds,
            lease_seconds=self._terms.lease_seconds,
            code_version=self._terms.code_version,
            free_steps=self._intake.free_steps(session.stream),
            consumed_steps=session.consumed,
            max_lead_steps=self._terms.max_lead_steps,
        )
        self._listener.send(peer, welcome)

    def _answer(self, session: Session, peer: bytes, message: Message, buffers: list[memoryview]) -> None:
        match message:
            case Heartbeat():
                self._listener.send(peer, Heartbeat(self._clock.now(), message.time_seconds))
            case SnapshotRequest() if peer == session.bulk:
                session.request = message
            case TrunkRequest() if peer == session.bulk:
                session.trunk_request = message
            case Records() if peer == session.control:
                self._records(session, message, buffers)
            case Stats() if peer == session.control:
                self._stats(session.actor_id, message)
            case Goodbye() if peer == session.control:
                session.left = True
                counters = self._intake.ledger.farewell(session.actor_id, message.counters)
                log.info("%s has left", session.actor_id)
                self._listener.send(peer, Farewell(counters))
            case _:
                channel = "control" if peer == session.control else "bulk"
                raise malformed(f"an actor does not say {type(message).__name__} on {channel}")

    def _records(self, session: Session, message: Records, buffers: list[memoryview]) -> None:
        require_name(message.incarnation)
        records = records_of(*decode_images(message, buffers, DECODERS), session.actor_id)
        for record in records:
            self._intake.require_layout(record)
        self._intake.admit(records)
        session.acks_due.add(message.incarnation)

    def _tell_control(self, session: Session, news: News) -> None:
        consumed = news.consumed.get(session.stream, 0)
        for incarnation in sorted(session.acks_due):
            if self._say(session, self._ack(session, incarnation)):
                session.acks_due.discard(incarnation)
        if news.ready and not session.told_ready:
            session.told_ready = self._say(session, Ready(self._terms.incarnation))
        if consumed != session.consumed and self._say(session, Progress(session.incarnation, consumed)):
            session.consumed = consumed
        if news.stop is not None and not session.told_stop:
            session.told_stop = self._say(session, Stop(news.stop))

    def _tell_snapshot(self, session: Session, newest: EncodedSnapshot | None) -> None:
        request = session.request
        if request is None or newest is None or session.bulk is None:
            return
        other = (request.have_incarnation, request.have_version) != (newest.incarnation, newest.version)
        if other and self._listener.send(session.bulk, Snapshot(newest.header), newest.buffers):
            session.request = None

    def _tell_trunk(self, session: Session, news: News) -> None:
        """Before the first policy the learner may yet come to have it, so the request waits."""
        request, trunk = session.trunk_request, news.trunk
        if request is None or session.bulk is None or (trunk is None and news.snapshot is None):
            return
        if trunk is not None and trunk.digest == request.digest:
            sent = self._listener.send(session.bulk, Trunk(trunk.digest, trunk.header), trunk.buffers)
        else:
            own = f"the trunk {trunk.digest[:16]}" if trunk else "no frozen trunk"
            cause = f"this learner's policies see through {own}"
            sent = self._listener.send(session.bulk, NoTrunk(request.digest[:LONGEST_DIGEST], cause))
        if sent:
            session.trunk_request = None

    def _ack(self, session: Session, incarnation: str) -> Ack:
        ledger, stream = self._intake.ledger, (session.actor_id, incarnation)
        durable = ledger.durable(stream)  # read first, so that it is never ahead of what was received
        return Ack(incarnation, ledger.received(stream), durable)

    def _say(self, session: Session, message: Message) -> bool:
        return session.control is not None and self._listener.send(session.control, message)
