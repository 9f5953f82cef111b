"""An actor's line to its learner: what it delivers, what it hears, and how it parts."""

import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from actor.config import ActorConfig
from actor.policy_feed import PolicyFeed
from actor.session import Session
from actor.trunks import Trunks
from actor.uplink import Uplink
from shared.clock import Clock, SystemClock
from shared.errors import HandsOnError
from shared.interface import InterfaceSpec
from shared.protocol import PROTOCOL_VERSION, Hello
from shared.version import code_version

log = logging.getLogger(__name__)

CLOSE_SECONDS = 1.5
LOOK_SECONDS = 0.05
SPOOL_SECONDS = 2.0


@dataclass(frozen=True, kw_only=True)
class Connection:
    """The uplink, the session that serves it, and the feed that the session fills."""

    uplink: Uplink
    session: Session
    feed: PolicyFeed
    clock: Clock = field(default_factory=SystemClock)

    def part(self, deadline_seconds: float) -> dict[str, int]:
        """Deliver what is left and say Goodbye; the learner's counters, empty if it does not answer in time.

        What was not delivered stays in the spool, and the next life of this actor delivers it.
        """
        deadline = self.clock.now() + deadline_seconds
        try:
            if not self._answers(deadline):
                return {}
            theirs = self.session.goodbye(deadline - self.clock.now())
        except HandsOnError as error:
            log.warning("no farewell: %s", error)
            return {}
        return {} if theirs is None else theirs.as_dict()

    def _answers(self, deadline: float) -> bool:
        """Wait for a learner that was there and is dialled again at this moment; one never met is not."""
        if not self.session.welcomed(timeout_seconds=0.0):
            return False
        while not self.session.connected and self.clock.now() < deadline:
            self.clock.sleep_until(min(deadline, self.clock.now() + LOOK_SECONDS))
            self.session.check()
        return self.session.connected


@contextmanager
def connect(
    config: ActorConfig, interface: InterfaceSpec, incarnation: str, trunks: Trunks | None = None
) -> Iterator[Connection]:
    """Dial the learner and keep at it; inside the block and after it, the learner need not be there.

    Raises:
        HandsOnError: the address, a key or the spool's directory is wrong.
    """
    hello = Hello(
        protocol_version=PROTOCOL_VERSION,
        channel="control",
        actor_id=config.actor_id,
        incarnation=incarnation,
        interface=interface,
        clock=config.clock,
        code_version=code_version(),
        host=socket.gethostname(),
    )
    uplink = Uplink(config.spool_directory, config.actor_id, incarnation, interface, config.uplink)
    try:
        feed = PolicyFeed(interface, trunks=trunks)
        session = Session(config.link, hello, uplink, feed)
        try:
            session.start()
            yield Connection(uplink=uplink, session=session, feed=feed)
        finally:
            session.close(CLOSE_SECONDS)
    finally:
        uplink.close(SPOOL_SECONDS)
