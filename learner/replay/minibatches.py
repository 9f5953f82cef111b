"""Draws the minibatches of a run: those of a call depend on the seed, its number and the pools alone."""

from dataclasses import dataclass

import numpy as np

from learner.replay.batch import TransitionBatch
from learner.replay.pools import Pools
from learner.replay.sampling import gather, generator, plan
from learner.replay.store import ReplayStore

IMITATION = 2**63


@dataclass(frozen=True, kw_only=True)
class Minibatches:
    """Owned by the thread that owns the pools; settings as in SamplerConfig and the agent's."""

    pools: Pools
    seed: int
    batch_size: int
    demo_share: float
    n_step: int
    discount: float

    def of_call(self, call: int, updates: int) -> TransitionBatch:
        """The minibatches of one update call."""
        return self._draw(generator(self.seed, call), self.pools.online, updates, self.demo_share)

    def of_demos(self, index: int, updates: int) -> TransitionBatch:
        """The index-th batch of pinned rows only. Raises ValueError when there are none."""
        return self._draw(generator(self.seed, IMITATION + index), self.pools.pinned, updates, 0.0)

    def _draw(
        self, rng: np.random.Generator, main: ReplayStore, updates: int, demo_share: float
    ) -> TransitionBatch:
        pinned = self.pools.pinned
        rows = plan(
            rng,
            main.sampleable,
            pinned.sampleable,
            batch_size=self.batch_size,
            updates=updates,
            demo_share=demo_share,
        )
        return gather(rows, main, pinned, n_step=self.n_step, discount=self.discount)
