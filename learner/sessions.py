"""Who is connected: one session an actor, under the newest life that said Hello.

A second actor with the same id supersedes the first. The first is told so and exits; should it say Hello
again it is refused again. What was received of it stays. What it had not delivered lies in its spool, and
the next life of that id on that computer sends it: a session delivers the records of any life of its actor.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from shared.clock import Clock
from shared.codec import malformed
from shared.delivery import Stream
from shared.protocol import Hello, Refuse, SnapshotRequest, TrunkRequest
from shared.step import is_name

log = logging.getLogger(__name__)


@dataclass(kw_only=True)
class Session:
    """One actor in one life, and what it has still to be told.

    Attributes:
        control, bulk: the connections, None while that channel has not said Hello.
        heard_at: when the last message came, by either.
        left: whether it has said Goodbye.
        acks_due: incarnations whose watermarks it should hear.
        consumed: the training steps that it was last told are used up.
        told_ready, told_stop: whether it knows.
        request: a SnapshotRequest that waits for another version.
        trunk_request: a TrunkRequest that is not answered yet.
    """

    actor_id: str
    incarnation: str
    heard_at: float
    control: bytes | None = None
    bulk: bytes | None = None
    left: bool = False
    acks_due: set[str] = field(default_factory=set[str])
    consumed: int = 0
    told_ready: bool = False
    told_stop: bool = False
    request: SnapshotRequest | None = None
    trunk_request: TrunkRequest | None = None

    @property
    def stream(self) -> Stream:
        """The stream of this life."""
        return self.actor_id, self.incarnation

    @property
    def present(self) -> bool:
        """Whether it takes part: greeted on control, and not gone."""
        return self.control is not None and not self.left


class Sessions:
    """All sessions, by actor and by connection. Owned by one thread; no sockets.

    Args:
        clock: for the leases.
        lease_seconds: a session that is silent for so long ends.
        pace: the learner's kind of clock, which actors must share.
    """

    def __init__(self, clock: Clock, lease_seconds: float, pace: Literal["wall", "simulated"]) -> None:
        self._clock = clock
        self._lease_seconds = lease_seconds
        self._pace = pace
        self._by_actor: dict[str, Session] = {}
        self._by_peer: dict[bytes, Session] = {}
        self._superseded: set[Stream] = set()

    def __iter__(self) -> Iterator[Session]:
        return iter(list(self._by_actor.values()))

    def refusal(self, hello: Hello) -> Refuse | None:
        """Why this actor cannot take part, other than its interface.

        Raises:
            ProtocolError: it has no proper name.
        """
        require_name(hello.actor_id)
        require_name(hello.incarnation)
        if hello.clock != self._pace:
            cause = f"the actor runs on a {hello.clock} clock, the learner on a {self._pace} clock"
            return Refuse(
                "clock", cause, f"start both with --clock {self._pace}, or both with --clock {hello.clock}"
            )
        if (hello.actor_id, hello.incarnation) in self._superseded:
            return superseded(hello.actor_id)
        return None

    def greet(self, peer: bytes, hello: Hello) -> tuple[Session, Session | None]:
        """The session of an actor that may take part, and the one that it supersedes, if any."""
        known = self._by_actor.get(hello.actor_id)
        if known is not None and known.incarnation == hello.incarnation:
            self._connect(known, peer, hello)
            return known, None
        session = Session(actor_id=hello.actor_id, incarnation=hello.incarnation, heard_at=self._clock.now())
        self._by_actor[hello.actor_id] = session
        self._connect(session, peer, hello)
        if known is not None:
            self._superseded.add(known.stream)
            self._forget(known)
        return session, known

    def of(self, peer: bytes) -> Session | None:
        """The session of a connection; hearing from it renews the lease."""
        session = self._by_peer.get(peer)
        if session is not None:
            session.heard_at = self._clock.now()
        return session

    def expire(self) -> list[Session]:
        """End the sessions that were silent for a lease; they say Hello again when they can."""
        oldest = self._clock.now() - self._lease_seconds
        silent = [session for session in self if session.heard_at < oldest]
        for session in silent:
            del self._by_actor[session.actor_id]
            self._forget(session)
        return silent

    def _connect(self, session: Session, peer: bytes, hello: Hello) -> None:
        before = session.control if hello.channel == "control" else session.bulk
        if before is not None:
            self._by_peer.pop(before, None)
        self._by_peer[peer] = session
        session.heard_at = self._clock.now()
        if hello.channel == "bulk":
            session.bulk, session.request, session.trunk_request = peer, None, None
        else:
            session.control, session.left = peer, False

    def _forget(self, session: Session) -> None:
        for peer in (session.control, session.bulk):
            if peer is not None:
                self._by_peer.pop(peer, None)


def require_name(name: str) -> None:
    """Raise ProtocolError for what is not fit to name an actor or a life: it also names files."""
    if not is_name(name):
        raise malformed(f"{name!r} is not a name of letters, digits, dots and dashes")


def superseded(actor_id: str) -> Refuse:
    """What the older of two actors with one id is told."""
    return Refuse(
        "superseded",
        f"another actor has taken the id {actor_id!r}",
        "if both should run, give this one another --actor-id; what it has not delivered is in its spool, "
        "which the next actor with this id on this computer sends",
    )
