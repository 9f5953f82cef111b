"""RowSet is a set, whatever was added and removed."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from learner.replay.row_set import RowSet


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans())))
def test_it_is_a_set(changes: list[tuple[int, bool]]) -> None:
    rows, model = RowSet(10), set()
    for row, present in changes:
        rows.put(row, present)
        (model.add if present else model.discard)(row)
        assert len(rows) == len(model)
        assert set(rows.rows.tolist()) == model
        assert rows.contains(np.arange(10)).tolist() == [number in model for number in range(10)]
