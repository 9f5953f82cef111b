"""Which policy to broadcast, and when: the newest, not too often, and again for those that came late."""

import logging
from collections.abc import Callable

from learner.news import EncodedSnapshot, EncodedTrunk
from shared.agentlace import encode
from shared.clock import Clock
from shared.policy.serl_tree import SETTINGS, differences, serl_tree
from shared.policy.snapshot import decode_snapshot
from shared.policy.trunks.trunk_file import decode_trunk
from shared.policy.trunks.weights import TrunkWeights

log = logging.getLogger(__name__)

REPEAT_SECONDS = 5.0


class Broadcasts:
    """Owned by one thread.

    Args:
        newest: the newest policy that was published.
        trunk: what it sees through, where it sees pictures.
        send: broadcasts one frame.
        every_seconds: a new policy goes out at most once in so long.
        clock: monotonic seconds.

    Attributes:
        sent: how many frames were broadcast.
    """

    def __init__(
        self,
        newest: Callable[[], EncodedSnapshot | None],
        trunk: Callable[[], EncodedTrunk | None],
        send: Callable[[bytes], None],
        every_seconds: float,
        clock: Clock,
    ) -> None:
        self.sent = 0
        self._newest = newest
        self._trunk = trunk
        self._eyes: TrunkWeights | None = None
        self._send = send
        self._every_seconds = every_seconds
        self._clock = clock
        self._version: int | None = None
        self._frame = b""
        self._sent_at = float("-inf")
        self._matches: bool | None = None

    def turn(self) -> None:
        """Broadcast what is due."""
        snapshot = self._newest()
        if snapshot is None or self._matches is False:
            return
        waited = self._clock.now() - self._sent_at
        if snapshot.version != self._version and waited >= self._every_seconds:
            self._frame, self._version = self._encoded(snapshot), snapshot.version
        elif waited < REPEAT_SECONDS:
            return
        if self._frame:
            self._send(self._frame)
            self._sent_at = self._clock.now()
            self.sent += 1

    def _encoded(self, snapshot: EncodedSnapshot) -> bytes:
        policy = decode_snapshot(snapshot.header, snapshot.buffers)
        if self._matches is None:
            found = differences(policy.spec)
            self._matches = not found
            if found:
                log.warning(
                    "agentlace actors get no policy from this run: %s; start the learner with --preset serl "
                    "%s for those that see no pictures, or use `handson actor`",
                    "; ".join(found),
                    SETTINGS,
                )
        if not self._matches:
            return b""
        return encode(serl_tree(policy.params, policy.spec, self._seen_through()))

    def _seen_through(self) -> TrunkWeights | None:
        """The trunk, which never changes."""
        if self._eyes is None and (trunk := self._trunk()) is not None:
            self._eyes = decode_trunk(trunk.header, trunk.buffers)
        return self._eyes
