"""Initialisation of the policy by cloning the demonstrations, before the first critic update."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import jax

from learner.agents.sac import SAC
from learner.agents.state import SACState
from learner.replay.buffers import empty_buffers
from learner.replay.layout import BatchLayout
from learner.replay.maps import MapsInterrupted, MapSource
from learner.replay.sampling import gather, generator, plan
from learner.replay.store import ReplayStore
from shared.errors import ConfigError
from shared.records import AmendRecord, Record, StepRecord, stream_of
from shared.step import EpisodeKind

log = logging.getLogger(__name__)

FIRST_CALL = 1 << 63
"""Random numbers of cloning calls are counted from here, those of update calls from 0."""


@dataclass(frozen=True, kw_only=True)
class ImitationConfig:
    """Cloning before training. It is counted apart from critic updates."""

    updates: int = 1000
    """Cloning updates, where there are demonstrations; 0 for none."""
    updates_per_call: int = 50
    """Of these in one call; an unfinished call is finished."""
    batch_size: int = 256
    """Demonstrated steps in one cloning update."""

    def __post_init__(self) -> None:
        if self.updates < 0 or self.updates_per_call < 1 or self.batch_size < 1:
            raise ConfigError(
                "imitation",
                f"updates is {self.updates}, updates_per_call {self.updates_per_call}, "
                f"batch_size {self.batch_size}",
                "keep updates at least 0 and the others at least 1",
            )


class CloningInterrupted(Exception):
    """Training is to end before it began. Nothing is kept of this, so that the next life clones anew."""


def imitate(
    agent: SAC,
    state: SACState,
    store: ReplayStore,
    config: ImitationConfig,
    seed: int,
    interrupted: Callable[[], bool] = lambda: False,
) -> tuple[SACState, int]:
    """Clone the demonstrations in `store` (see `demo_store`): the new state, and how many updates that took.

    Nothing happens where there are none. `state` is donated. The result depends on the arguments alone.

    Raises:
        CloningInterrupted: `interrupted` said so between two calls, or maps were wanted no longer.
    """
    calls = -(-config.updates // config.updates_per_call) if len(store.sampleable) else 0
    metrics = {}
    for call in range(calls):
        if interrupted():
            raise CloningInterrupted
        rows = plan(
            generator(seed, FIRST_CALL + call),
            store.sampleable,
            store.sampleable,
            batch_size=config.batch_size,
            updates=config.updates_per_call,
            demo_share=1.0,
            map_choices=store.map_choices,
        )
        try:
            batch = gather(rows, store, store, n_step=1, discount=agent.config.discount)
        except MapsInterrupted:
            raise CloningInterrupted from None
        state, metrics = jax.block_until_ready(agent.imitate(state, batch))
    if metrics:
        error = float(metrics["demo_action_error"])
        steps, updates = len(store.sampleable), calls * config.updates_per_call
        log.info("cloned %d demonstrated steps in %d updates; squared error %.3g", steps, updates, error)
    return state, calls * config.updates_per_call


def demo_rows(records: Sequence[Record]) -> int:
    """Rows that the demonstrations among `records` take."""
    steps = [r for r in records if isinstance(r, StepRecord) and r.kind is EpisodeKind.DEMO]
    return len(steps) + sum(record.step.last for record in steps)


def cloning_batch_bytes(layout: BatchLayout, config: ImitationConfig) -> int:
    """Bytes of the two calls' batches that are alive at once: one in use, one that is gathered or copied."""
    return 2 * config.updates_per_call * config.batch_size * empty_buffers(layout, 1, 1).nbytes


def demo_store(layout: BatchLayout, records: Sequence[Record], maps: MapSource | None = None) -> ReplayStore:
    """The demonstrations among `records`, corrections applied, in a store just large enough."""
    store = ReplayStore(layout, max(2, demo_rows(records)), maps)
    for record in records:
        if isinstance(record, AmendRecord):
            store.amend(record)
        elif isinstance(record, StepRecord):
            if record.kind is EpisodeKind.DEMO:
                store.append(record)
        else:
            store.cut(stream_of(record))
    return store
