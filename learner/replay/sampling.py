"""Which transitions go into an update call, and in what share: first a plan of rows, then their contents.

RLPD's symmetric sampling (Ball et al. 2023, section 4.1): an exact share of every minibatch comes from the
pinned pool. The draw depends only on (seed, call) and the two row sets, so a resumed run draws the same.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from learner.replay.batch import TransitionBatch
from learner.replay.buffers import empty_buffers
from learner.replay.row_set import RowSet
from learner.replay.store import ReplayStore

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Plan:
    """Rows of U minibatches: in each, P of the pinned pool first, then B - P of the online one.

    And, where batches show maps of C cameras, which of the M shifts each observation and next observation is
    seen at.
    """

    pinned: Rows
    """(U, P)"""
    online: Rows
    """(U, B - P)"""
    shifts: Rows
    """(2, C, U, B); C is 0 where batches show frames."""


def generator(seed: int, call: int) -> np.random.Generator:
    """The random numbers of one call. The call is part of the key: counters of one key would overlap."""
    return np.random.Generator(np.random.Philox(key=np.array([seed, call], np.uint64)))


def plan(
    rng: np.random.Generator,
    online: RowSet,
    pinned: RowSet,
    *,
    batch_size: int,
    updates: int,
    demo_share: float,
    map_choices: tuple[int, int] = (0, 1),
) -> Plan:
    """Draw rows uniformly, with replacement; round(demo_share x batch_size) of each minibatch from `pinned`.

    None come from `pinned` while it is empty. `map_choices` is (C, M), see `ReplayStore`: the shifts are
    independent of each other, and drawn after the rows. Raises ValueError when `online` is empty and needed.
    """
    demos = round(demo_share * batch_size) if len(pinned) else 0
    cameras, shifts = map_choices
    return Plan(
        pinned=_draw(rng, pinned, (updates, demos)),
        online=_draw(rng, online, (updates, batch_size - demos)),
        shifts=rng.integers(0, shifts, (2, cameras, updates, batch_size)),
    )


def gather(
    rows: Plan, online: ReplayStore, pinned: ReplayStore, *, n_step: int, discount: float
) -> TransitionBatch:
    """The planned transitions, those of the pinned pool first in each minibatch."""
    updates, demos = rows.pinned.shape
    out = empty_buffers(online.layout, updates, demos + rows.online.shape[1])
    pinned.fill(out, slice(0, demos), rows.pinned, rows.shifts[..., :demos], n_step, discount)
    online.fill(out, slice(demos, None), rows.online, rows.shifts[..., demos:], n_step, discount)
    return out.batch()


def _draw(rng: np.random.Generator, rows: RowSet, shape: tuple[int, int]) -> Rows:
    if 0 in shape:
        return np.zeros(shape, np.int64)
    return rows.rows[rng.integers(0, len(rows), shape)]
