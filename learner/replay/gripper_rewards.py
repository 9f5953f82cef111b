"""What moving a gripper costs: a reward term that the gripper's critics see and no other.

It is worked out here, from rows, so that it holds for demonstrations, corrections and practice alike,
recorded whenever, and nothing more crosses the wire: a step pays for every gripper whose state was another
one after it than before it. What it commanded does not matter: opening an open gripper is free. Where a step
brings a term of this name itself, as HIL-SERL's do, that is taken instead, and out of its reward.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from learner.replay.returns import NONE, Floats, Rows
from shared.serl_transitions import PENALTY as TERM
from shared.step import Step


@dataclass(frozen=True, kw_only=True)
class GripperRewards:
    """How it is worked out.

    Attributes:
        states: observation entries (1,), each of one gripper, positive while it is told to open.
        penalty: taken for each that changes in a step.
    """

    states: tuple[str, ...]
    penalty: float


class GripperLedger:
    """The terms of a store's rows. Owned by its thread.

    Args:
        rewards: how they are worked out.
        states: the store's blocks (rows, ...) of observed entries; they are looked at when asked.
        next_row: (rows,) which row follows each, or NONE; likewise.
    """

    def __init__(
        self, rewards: GripperRewards, states: Mapping[str, NDArray[np.float32]], next_row: Rows
    ) -> None:
        self._penalty = np.float32(rewards.penalty)
        self._states = [states[name] for name in rewards.states]
        self._next_row = next_row
        self._named = np.full(len(next_row), np.nan, np.float32)

    @property
    def nbytes(self) -> int:
        """Bytes of its own."""
        return self._named.nbytes

    def enter(self, row: int, step: Step) -> float:
        """Take a step into account; its reward without a term of this name."""
        named = step.reward_terms.get(TERM)
        self._named[row] = np.nan if named is None else named
        return step.reward if named is None else step.reward - named

    def of(self, rows: Rows) -> Floats:
        """(U, b) float32: what the steps in `rows` brought."""
        after, named = self._next_row[rows], self._named[rows]
        changed = np.zeros(rows.shape, np.float32)
        for states in self._states:
            changed += ((states[rows] > 0) != (states[after] > 0)).reshape(rows.shape)
        paid = np.where(after == NONE, np.float32(0.0), -self._penalty * changed)
        return np.where(np.isnan(named), paid, named)
