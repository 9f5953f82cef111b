"""n-step returns: which steps follow a transition's first, and sums of what each of them brought."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from learner.replay.row_set import RowSet

Rows = NDArray[np.int64]
Floats = NDArray[np.float32]
NONE = -1
"""In place of a row that is not there."""


class Path(NamedTuple):
    """The steps of returns (U, b): fewer than n where episode or data end, or where one cannot be sampled.

    Attributes:
        steps: n rows (U, b) each; a step that does not count repeats the one before.
        going: n masks (U, b) bool, which of them count; the first always do.
    """

    steps: tuple[Rows, ...]
    going: tuple[NDArray[np.bool_], ...]

    @property
    def last(self) -> Rows:
        """(U, b): the row of each return's last step."""
        return self.steps[-1]

    @property
    def lengths(self) -> Rows:
        """(U, b): how many steps count."""
        return np.sum(self.going, axis=0)

    def total(self, values_of: Callable[[Rows], Floats], discount: float) -> Floats:
        """(U, b) float32: sum over the steps i that count of discount^i times the value of their rows."""
        total = values_of(self.steps[0])
        powers = np.power(discount, np.arange(len(self.steps))).astype(np.float32)
        for power, step, going in zip(powers[1:], self.steps[1:], self.going[1:], strict=True):
            total = np.where(going, total + power * values_of(step), total)
        return total


def walk(table: NDArray[Any], sampleable: RowSet, rows: Rows, n_step: int) -> Path:
    """Along the links from `rows` (U, b), each in `sampleable`; `table` holds the store's rows."""
    steps, masks = [rows], [np.ones(rows.shape, np.bool_)]
    for _ in range(1, n_step):
        last = steps[-1]
        after = table["next_row"][last]
        going = masks[-1] & ~(table["terminated"][last] | table["truncated"][last]) & (after != NONE)
        going &= sampleable.contains(after)
        steps.append(np.where(going, after, last))
        masks.append(going)
    return Path(tuple(steps), tuple(masks))
