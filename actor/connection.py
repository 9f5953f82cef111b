"""An actor's line to its learner: what it delivers, what it hears, and how it parts."""

import dataclasses
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from actor.agentlace.session import AgentlaceSession
from actor.config import ActorConfig
from actor.learner_line import LearnerLine
from actor.policy_feed import PolicyFeed
from actor.session import Session
from actor.trunks import Trunks
from actor.uplink import Uplink
from actor.uplink_config import UplinkConfig
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
    session: LearnerLine
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
    trunks = trunks or Trunks()
    uplink = Uplink(config.spool_directory, config.actor_id, incarnation, interface, _uplink_config(config))
    try:
        feed = PolicyFeed(interface, trunks=trunks)
        session = _session(config, interface, incarnation, uplink, feed, trunks)
        try:
            session.start()
            yield Connection(uplink=uplink, session=session, feed=feed)
        finally:
            session.close(CLOSE_SECONDS)
    finally:
        uplink.close(SPOOL_SECONDS)


def _uplink_config(config: ActorConfig) -> UplinkConfig:
    """SERL's learners take pictures as they are."""
    if config.join.agentlace is None:
        return config.uplink
    return dataclasses.replace(config.uplink, image_compression="none")


def _session(
    config: ActorConfig,
    interface: InterfaceSpec,
    incarnation: str,
    uplink: Uplink,
    feed: PolicyFeed,
    trunks: Trunks,
) -> LearnerLine:
    if config.join.agentlace is not None:
        return AgentlaceSession(config.join, interface, uplink, feed, trunks, SystemClock())
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
    return Session(config.link, hello, uplink, feed)
