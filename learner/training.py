"""Trainer: the loop of the learner. It starts update calls and hands everything else to other threads.

Two calls are in flight at most: while one computes, the sampler readies the next batch on the device. A call
counts as finished, and is reported as consumed, only once its result is really there.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

import jax
import jax.numpy as jnp

from learner.agents.sac import SAC
from learner.agents.state import SACState
from learner.checkpointer import Checkpointer, Progress
from learner.publisher import PublishConfig, Publisher
from learner.sampler import PreparedCall
from learner.telemetry import Telemetry
from shared.clock import Clock
from shared.delivery import Stream

log = logging.getLogger(__name__)

WAIT_SECONDS = 0.1

Tree = TypeVar("Tree")
Started = tuple[PreparedCall, Mapping[str, jax.Array]]


class Calls(Protocol):
    """Where prepared update calls come from: the sampler."""

    def next(self, timeout_seconds: float) -> PreparedCall | None:
        """The next call, or None when there is none in time."""
        ...

    def stranded(self) -> Mapping[Stream, int] | None:
        """Training steps of each stream that came in, where losses left no call to wait for; else None."""
        ...


@dataclass(frozen=True, kw_only=True)
class Outlets:
    """Where results go, and who is asked at every turn whether its thread still lives.

    Attributes:
        consumed: told how many training steps of each stream are used up, after every call and after losses.
        checks: each raises what ended its thread, if anything did.
    """

    publisher: Publisher
    checkpointer: Checkpointer
    telemetry: Telemetry
    consumed: Callable[[Mapping[Stream, int]], None]
    checks: tuple[Callable[[], None], ...] = ()


class Trainer:
    """Owns the agent's state. All methods belong to one thread.

    Attributes:
        state: of the agent, after all calls started so far.
        progress: how far that is.
    """

    def __init__(
        self,
        agent: SAC,
        state: SACState,
        progress: Progress,
        calls: Calls,
        outlets: Outlets,
        publish: PublishConfig,
        clock: Clock,
    ) -> None:
        self.state = state
        self.progress = progress
        self._agent = agent
        self._calls = calls
        self._outlets = outlets
        self._publish = publish
        self._clock = clock
        self._pending: Started | None = None
        self._stranded: Mapping[Stream, int] | None = None
        self._published_call = progress.call
        self._published_at = clock.now()

    def run(self, stop: Callable[[], str | None]) -> str:
        """Train until `stop` names a cause, which is returned.

        Raises:
            HandsOnError: what ended another thread: a policy that is not finite, a full disk.
        """
        while (cause := stop()) is None:
            self.turn(WAIT_SECONDS)
        return cause

    def turn(self, wait_seconds: float) -> bool:
        """Start the next call if there is one, and finish the one before; False when there was none."""
        for check in self._checks():
            check()
        asked_at = self._clock.now()
        prepared = self._calls.next(0.0 if self._pending else wait_seconds)
        idle = prepared is None and self._pending is None
        waited_seconds = self._clock.now() - asked_at if idle else 0.0
        previous, self._pending = self._pending, None
        if prepared is not None:
            self._start(prepared)
        self._finish(previous)
        if idle:
            self._report_losses()
        self._offer_what_is_due()
        self._outlets.telemetry.turn(self.progress, waited_seconds)
        return prepared is not None

    def publish(self) -> None:
        """Offer the policy as it is now."""
        self._published_call = self.progress.call
        self._published_at = self._clock.now()
        self._outlets.publisher.offer(copy_on_device(self.state.acting), self.progress.update)

    def settle(self) -> None:
        """Finish the call in flight, publish the policy and ask for a checkpoint of where training ended."""
        previous, self._pending = self._pending, None
        self._finish(previous)
        self.publish()
        self._offer_checkpoint()

    def _checks(self) -> tuple[Callable[[], None], ...]:
        outlets = self._outlets
        own = (outlets.publisher.check, outlets.checkpointer.check, outlets.telemetry.check)
        return (*outlets.checks, *own)

    def _start(self, prepared: PreparedCall) -> None:
        """Dispatch one call; returns while the device computes."""
        self.state, metrics = self._agent.update(self.state, prepared.batch)
        self._pending = prepared, metrics
        self.progress = Progress(
            update=prepared.first_update + prepared.batch.reward.shape[0],
            call=prepared.call + 1,
            position=prepared.position,
            ratio=prepared.ratio,
            pretrain_updates=self.progress.pretrain_updates,
        )
        self._outlets.telemetry.call(metrics)

    def _finish(self, started: Started | None) -> None:
        if started is not None:
            prepared, metrics = started
            jax.block_until_ready(metrics)
            self._outlets.consumed(prepared.consumed)
            self._outlets.telemetry.finished()

    def _report_losses(self) -> None:
        stranded = self._calls.stranded()
        if stranded is not None and stranded != self._stranded:
            self._stranded = stranded
            self._outlets.consumed(stranded)

    def _offer_what_is_due(self) -> None:
        if self._publish_due():
            self.publish()
        if self._outlets.checkpointer.due(self.progress.update):
            self._offer_checkpoint()

    def _publish_due(self) -> bool:
        enough = self.progress.call - self._published_call >= self._publish.every_calls
        return enough and self._clock.now() - self._published_at >= self._publish.every_seconds

    def _offer_checkpoint(self) -> None:
        self._outlets.checkpointer.offer(copy_on_device(self.state), self.progress)


@jax.jit
def copy_on_device(tree: Tree) -> Tree:
    """New buffers with the same values, for the next update donates the old ones. Does not wait."""
    return jax.tree.map(jnp.copy, tree)
