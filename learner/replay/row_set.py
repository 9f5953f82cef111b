"""A set of row numbers that can be drawn from uniformly; add, remove and pick take constant time."""

import numpy as np
from numpy.typing import NDArray

ABSENT = -1


class RowSet:
    """Some of the rows 0 to capacity - 1, kept dense: a removed row's place is taken by the last one.

    The order, and so what a random number picks, depends only on the sequence of additions and removals.
    """

    def __init__(self, capacity: int) -> None:
        self._rows = np.zeros(capacity, np.int64)
        self._place = np.full(capacity, ABSENT, np.int64)
        self._count = 0

    @property
    def nbytes(self) -> int:
        """Bytes of its arrays."""
        return self._rows.nbytes + self._place.nbytes

    @property
    def rows(self) -> NDArray[np.int64]:
        """(N,) the rows in it; a view, valid until the next change."""
        return self._rows[: self._count]

    def __len__(self) -> int:
        return self._count

    def contains(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """For each row (any shape) whether it is in the set."""
        return self._place[rows] != ABSENT

    def put(self, row: int, present: bool) -> None:
        """Add or remove a row; neither needs to change anything."""
        if present == (self._place[row] != ABSENT):
            return
        if present:
            self._place[row] = self._count
            self._rows[self._count] = row
            self._count += 1
        else:
            self._count -= 1
            place, last = self._place[row], self._rows[self._count]
            self._rows[place] = last
            self._place[last] = place
            self._place[row] = ABSENT
