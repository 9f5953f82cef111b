"""What a learner of SERL broadcasts, as policies of ours."""

import logging
import time
from collections.abc import Callable
from typing import Any

from actor.policy_feed import PolicyFeed
from actor.trunks import Trunks
from shared.errors import ConfigError
from shared.interface import InterfaceSpec
from shared.policy.serl_tree import policy_of
from shared.policy.snapshot import PolicySnapshot

log = logging.getLogger(__name__)


class Policies:
    """Owned by one thread.

    Args:
        interface: of the world that they shall act in.
        feed: gets them.
        trunks: get what they see through.
        learner: names where they come from.

    Attributes:
        refused: broadcasts that are no policy for this world.
    """

    def __init__(self, interface: InterfaceSpec, feed: PolicyFeed, trunks: Trunks, learner: str) -> None:
        self.refused = 0
        self._interface, self._feed, self._trunks, self._learner = interface, feed, trunks, learner
        self._version = 0

    def hear(self, newest: Callable[[float], Any], timeout_seconds: float) -> None:
        """Take the newest broadcast, where one comes in time."""
        try:
            tree = newest(timeout_seconds)
            if tree is not None:
                self._feed.take(self._snapshot(tree))
        except ConfigError as error:
            self.refused += 1
            if self.refused & (self.refused - 1) == 0:
                log.warning("a broadcast is no policy for this actor, %d so far: %s", self.refused, error)

    def _snapshot(self, tree: Any) -> PolicySnapshot:
        spec, params, trunk = policy_of(tree, self._interface)
        if trunk is not None:
            self._trunks.add(trunk)
        self._version += 1
        return PolicySnapshot(
            spec=spec,
            params=params,
            learner_incarnation=self._learner,
            version=self._version,
            update=0,
            created_at_seconds=time.time(),
        )
