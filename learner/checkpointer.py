"""Decides when to checkpoint, and writes in a thread of its own from a copy of the state."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from learner.agents.state import SACState, state_to_flat
from learner.checkpoints import Checkpoint, list_checkpoints, prune, write_checkpoint
from learner.finite import require_finite
from learner.probes import Prober
from learner.worker import Worker
from shared.clock import Clock
from shared.errors import CheckpointError, ConfigError
from shared.policy.parameters import FlatParameters, flatten
from shared.policy.snapshot import PolicySnapshot
from shared.policy.spec import PolicySpec

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class CheckpointConfig:
    """When to write a checkpoint, and how many to keep."""

    every_seconds: float = 60.0
    """Write one after this long."""
    every_updates: int | None = None
    """Also after this many critic updates; none: by time alone."""
    keep: int = 3
    """Keep this many, the newest."""

    def __post_init__(self) -> None:
        if not self.every_seconds > 0:
            raise ConfigError("checkpoints", f"every_seconds is {self.every_seconds}", "give more than 0")
        if self.every_updates is not None and self.every_updates < 1:
            raise ConfigError("checkpoints", f"every_updates is {self.every_updates}", "give at least 1")
        if self.keep < 1:
            raise ConfigError("checkpoints", f"keep is {self.keep}", "keep at least 1")


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far training has come after a call.

    Attributes:
        update, call: critic updates and update calls done.
        position: how many records of the log the replay had taken in.
        ratio: the ratio's own state.
        pretrain_updates: cloning updates before the first critic update.
    """

    update: int = 0
    call: int = 0
    position: int = 0
    ratio: dict[str, int | float]
    pretrain_updates: int = 0


@dataclass(frozen=True, kw_only=True)
class RunIdentity:
    """What every checkpoint of one life of the learner says alike."""

    spec: PolicySpec
    incarnation: str
    config_toml: str
    device: str


class Checkpointer:
    """Writes checkpoints of one run.

    Args:
        root: the directory that holds one directory a checkpoint.
        resumed_update: the update of the checkpoint that training goes on from, which needs no second one.
        wait_until_durable: waits until the log's first n records are synced, for a checkpoint must never be
            ahead of its log; False when that took too long, and then no checkpoint is written.
    """

    def __init__(
        self,
        root: Path,
        config: CheckpointConfig,
        identity: RunIdentity,
        prober: Prober,
        wait_until_durable: Callable[[int], bool],
        clock: Clock,
        resumed_update: int | None = None,
    ) -> None:
        self._root = root
        self._config = config
        self._identity = identity
        self._prober = prober
        self._wait_until_durable = wait_until_durable
        self._clock = clock
        self._worker = Worker("checkpoints")
        self._asked_at = clock.now()
        self._asked_update = resumed_update
        self.newest: Path | None = next(iter(list_checkpoints(root)), None)

    def due(self, update: int) -> bool:
        """Whether it is time for the next one, and the one before is written."""
        every, made = self._config.every_updates, update - (self._asked_update or 0)
        by_count = every is not None and made >= every
        by_time = self._clock.now() - self._asked_at >= self._config.every_seconds
        return (by_count or by_time) and made > 0 and self._worker.idle

    def offer(self, state: SACState, progress: Progress) -> None:
        """Write a checkpoint of `state`, which nobody donates, unless that is the last one. Never blocks."""
        if progress.update == self._asked_update:
            return
        self._asked_at = self._clock.now()
        self._asked_update = progress.update
        self._worker.submit(lambda: self._write(state, progress))

    def drain(self, deadline_seconds: float) -> bool:
        """Wait until what was offered is on disk; False when that took longer or failed."""
        return self._worker.drain(deadline_seconds)

    def check(self) -> None:
        """Raise what stopped the writing: CheckpointError or NonFiniteError."""
        self._worker.check()

    def close(self, deadline_seconds: float) -> bool:
        """Write what waits and end the thread; False when the deadline came first."""
        return self._worker.close(deadline_seconds)

    def _write(self, state: SACState, progress: Progress) -> None:
        arrays = state_to_flat(state)
        require_finite(arrays, "checkpoint", f"the agent's state after update {progress.update}")
        if not self._wait_until_durable(progress.position):
            log.warning("no checkpoint of update %d: the log is behind its disk", progress.update)
            return
        params = flatten(state.acting)
        checkpoint = Checkpoint(
            update=progress.update,
            call=progress.call,
            position=progress.position,
            ratio=progress.ratio,
            pretrain_updates=progress.pretrain_updates,
            state=arrays,
            probes=self._prober.probe(params),
            policy=self._snapshot(params, progress.update),
            config_toml=self._identity.config_toml,
            device=self._identity.device,
        )
        try:
            self.newest = write_checkpoint(self._root, checkpoint)
        except OSError as error:
            cause = f"{error.filename or self._root} cannot be written ({error.strerror})"
            cure = "free space on that disk, then go on with --resume"
            raise CheckpointError("checkpoint", cause, cure) from None
        prune(self._root, self._config.keep)
        log.info("checkpoint %s", self.newest)

    def _snapshot(self, params: FlatParameters, update: int) -> PolicySnapshot:
        return PolicySnapshot(
            spec=self._identity.spec,
            params=params,
            learner_incarnation=self._identity.incarnation,
            version=update,
            update=update,
            created_at_seconds=time.time(),
        )
