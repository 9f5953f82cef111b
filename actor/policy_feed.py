"""PolicyFeed: the newest policy that the learner published, and its age. Nothing queues: newest wins.

A policy that sees through a frozen trunk waits here until the trunk is on this computer too.
"""

import logging
import math
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from actor.trunks import Trunks
from shared.clock import Clock, SystemClock
from shared.codec import Buffer
from shared.errors import CheckpointError, ConfigError, InterfaceMismatch
from shared.interface import InterfaceSpec, require_equal
from shared.protocol import SnapshotRequest

if TYPE_CHECKING:
    from shared.policy.snapshot import PolicySnapshot

log = logging.getLogger(__name__)


class _Arrival(NamedTuple):
    snapshot: "PolicySnapshot"
    received_at: float


class PolicyFeed:
    """Filled by the link thread, read by the control thread.

    Args:
        trunks: where frozen trunks are found and kept.

    Attributes:
        received: snapshots that arrived sound and for this interface.
        applied: different ones that `newest` handed out.
        refused: damaged ones, those of another interface, and damaged trunks.
    """

    def __init__(
        self,
        interface: InterfaceSpec,
        clock: Clock | None = None,
        wall: Callable[[], float] = time.time,
        trunks: Trunks | None = None,
    ) -> None:
        self.received = 0
        self.applied = 0
        self.refused = 0
        self._interface = interface
        self._clock = clock or SystemClock()
        self._wall = wall
        self._trunks = trunks or Trunks()
        self._have = SnapshotRequest()
        self._newest: _Arrival | None = None
        self._waiting: _Arrival | None = None
        self._handed_out: PolicySnapshot | None = None

    def newest(self) -> "PolicySnapshot | None":
        """The snapshot that arrived last, None before the first."""
        arrival = self._newest
        if arrival is None:
            return None
        if arrival.snapshot is not self._handed_out:
            self._handed_out = arrival.snapshot
            self.applied += 1
        return arrival.snapshot

    def age_seconds(self) -> float:
        """Time since the newest snapshot arrived; infinite before the first."""
        return math.inf if self._newest is None else self._clock.now() - self._newest.received_at

    def policy_age_seconds(self) -> float:
        """Time since the learner made the newest snapshot, by both computers' wall clocks; never negative."""
        if self._newest is None:
            return math.inf
        return max(0.0, self._wall() - self._newest.snapshot.created_at_seconds)

    def request(self) -> SnapshotRequest:
        """What to ask the learner for: any snapshot but the last one seen."""
        return self._have

    def on_snapshot(self, header: Buffer, buffers: Sequence[Buffer]) -> bool:
        """Take a snapshot off the wire; False when it was refused, and the one before stays.

        Where its trunk is not here yet the one before stays too, until the trunk comes.
        """
        from shared.policy.snapshot import decode_snapshot

        try:
            snapshot = decode_snapshot(header, buffers)
            self._have = SnapshotRequest(snapshot.learner_incarnation, snapshot.version)
            require_equal(self._interface, snapshot.spec.interface, "policy feed", "the learner's policy")
        except (CheckpointError, ConfigError, InterfaceMismatch) as error:
            self.refused += 1
            log.warning("a policy was refused: %s", error)
            return False
        self.take(snapshot)
        return True

    def take(self, snapshot: "PolicySnapshot") -> None:
        """Take a sound snapshot for this interface."""
        self.received += 1
        self._waiting = _Arrival(snapshot, self._clock.now())
        self._hand_over()

    @property
    def wanted_trunk(self) -> str:
        """Digest of the trunk that the newest snapshot waits for; empty when it waits for none."""
        return self._waiting.snapshot.spec.trunk_digest if self._waiting else ""

    def on_trunk(self, digest: str, header: Buffer, buffers: Sequence[Buffer]) -> bool:
        """Take a trunk off the wire; False when it was refused."""
        try:
            self._trunks.take(digest, header, buffers)
        except CheckpointError as error:
            self.refused += 1
            log.warning("a trunk was refused: %s", error)
            return False
        self._hand_over()
        return True

    def _hand_over(self) -> None:
        """Let the control thread have the snapshot that waits, if what it sees through is here."""
        digest = self.wanted_trunk
        if self._waiting is not None and (not digest or self._trunks.find(digest) is not None):
            self._newest, self._waiting = self._waiting, None
