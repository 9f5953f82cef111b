"""From the policy on the device to an encoded snapshot that actors can have: off the training loop."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from learner.finite import require_finite
from learner.news import EncodedSnapshot
from learner.worker import Worker
from shared.errors import ConfigError
from shared.policy.parameters import flatten
from shared.policy.snapshot import PolicySnapshot, encode_snapshot
from shared.policy.spec import PolicySpec

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class PublishConfig:
    """How often actors can have a new policy."""

    every_calls: int = 1
    """Publish after this many update calls."""
    every_seconds: float = 0.1
    """And not more often than this."""

    def __post_init__(self) -> None:
        if self.every_calls < 1:
            raise ConfigError("publish", f"every_calls is {self.every_calls}", "give at least 1")
        if not self.every_seconds >= 0:
            raise ConfigError("publish", f"every_seconds is {self.every_seconds}", "give 0 or more")


class Publisher:
    """Publishes versions of the policy; the newest that was offered wins.

    A version is the number of critic updates that went into it: one name, one content, published or saved.

    Args:
        spec: of the policy's network.
        incarnation: of this learner.
        send: hands an encoded snapshot to the link; must not block.
    """

    def __init__(self, spec: PolicySpec, incarnation: str, send: Callable[[EncodedSnapshot], None]) -> None:
        self._spec = spec
        self._incarnation = incarnation
        self._send = send
        self._worker = Worker("publisher")
        self._newest: int | None = None
        self.published = 0

    def offer(self, params: Mapping[str, object], update: int) -> None:
        """Publish this tree, which nobody donates, unless a newer one comes first. Never blocks."""
        self._worker.replace(lambda: self._publish(params, update))

    def drain(self, deadline_seconds: float) -> bool:
        """Wait until what was offered is with the link; False when that took longer or failed."""
        return self._worker.drain(deadline_seconds)

    def check(self) -> None:
        """Raise what stopped publishing: NonFiniteError when a policy was not fit to act."""
        self._worker.check()

    def close(self, deadline_seconds: float) -> bool:
        """Publish what waits and end the thread; False when the deadline came first."""
        return self._worker.close(deadline_seconds)

    def _publish(self, params: Mapping[str, object], update: int) -> None:
        if update == self._newest:
            return
        arrays = flatten(params)
        require_finite(arrays, "publish", f"the policy after update {update}")
        snapshot = PolicySnapshot(
            spec=self._spec,
            params=arrays,
            learner_incarnation=self._incarnation,
            version=update,
            update=update,
            created_at_seconds=time.time(),
        )
        header, buffers = encode_snapshot(snapshot)
        self._send(
            EncodedSnapshot(header=header, buffers=buffers, incarnation=self._incarnation, version=update)
        )
        self._newest = update
        self.published += 1
        log.debug("published the policy after update %d", update)
