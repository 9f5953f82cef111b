"""Inquiries: what the session asks the learner for on behalf of the PolicyFeed: policies, and their trunk."""

import logging

from actor.policy_feed import PolicyFeed
from shared.clock import Clock
from shared.link.dialer import Dialer
from shared.protocol import NoTrunk, Snapshot, Trunk, TrunkRequest

log = logging.getLogger(__name__)

_REFUSED_SECONDS = 5.0
_TRUNK_PATIENCE_SECONDS = 60.0


class Inquiries:
    """Owned by the session's thread. The dialer repeats what is unanswered after a reconnection.

    Args:
        feed: where the answers go; None asks for nothing.
        clock: for how long to wait after an answer that was of no use.
    """

    def __init__(self, dialer: Dialer, feed: PolicyFeed | None, clock: Clock) -> None:
        self._dialer = dialer
        self._feed = feed
        self._clock = clock
        self._asked = False
        self._ask_at = 0.0
        self._trunk_asked = ""
        self._trunk_ask_at = 0.0

    def ask(self) -> None:
        """Ask for what is due: the next policy always, a trunk where a policy waits for one."""
        if self._feed is None:
            return
        now = self._clock.now()
        if not self._asked and now >= self._ask_at:
            self._asked = self._dialer.send("bulk", self._feed.request())
        wanted = self._feed.wanted_trunk
        if wanted and (wanted != self._trunk_asked or now >= self._trunk_ask_at):
            self._ask_for_trunk(wanted, now)

    def take(self, message: Snapshot | Trunk | NoTrunk, buffers: list[memoryview]) -> None:
        """Hand an answer to the feed; what is refused is asked for again, later."""
        match message:
            case Snapshot():
                self._asked = False
                if self._feed is not None and not self._feed.on_snapshot(message.header, buffers):
                    self._ask_at = self._clock.now() + _REFUSED_SECONDS
            case Trunk():
                self._take_trunk(message, buffers)
            case NoTrunk():
                log.warning("the trunk %s is not to be had: %s", message.digest[:16], message.cause)
                self._trunk_ask_at = self._clock.now() + _REFUSED_SECONDS

    def _ask_for_trunk(self, digest: str, now: float) -> None:
        if self._dialer.send("bulk", TrunkRequest(digest)):
            log.info("asked the learner for the trunk %s, through which its policy sees", digest[:16])
            self._trunk_asked, self._trunk_ask_at = digest, now + _TRUNK_PATIENCE_SECONDS

    def _take_trunk(self, message: Trunk, buffers: list[memoryview]) -> None:
        if self._feed is not None and not self._feed.on_trunk(message.digest, message.header, buffers):
            self._trunk_ask_at = self._clock.now() + _REFUSED_SECONDS
