"""Draws are exact in share, uniform, and a function of (seed, call) alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learner.replay.row_set import RowSet
from learner.replay.sampling import generator, plan


def row_set(rows: range, capacity: int = 100) -> RowSet:
    made = RowSet(capacity)
    for row in rows:
        made.put(row, True)
    return made


@given(share=st.floats(0, 1), batch_size=st.integers(1, 64), updates=st.integers(1, 4))
def test_every_minibatch_has_the_exact_share(share: float, batch_size: int, updates: int) -> None:
    online, pinned = row_set(range(10)), row_set(range(20, 25))
    drawn = plan(generator(0, 0), online, pinned, batch_size=batch_size, updates=updates, demo_share=share)
    demos = round(share * batch_size)
    assert drawn.pinned.shape == (updates, demos)
    assert drawn.online.shape == (updates, batch_size - demos)
    assert set(drawn.pinned.ravel().tolist()) <= set(range(20, 25))
    assert set(drawn.online.ravel().tolist()) <= set(range(10))


def test_an_empty_pinned_pool_gives_nothing() -> None:
    drawn = plan(generator(0, 0), row_set(range(3)), RowSet(5), batch_size=8, updates=2, demo_share=0.5)
    assert drawn.pinned.shape == (2, 0)
    assert drawn.online.shape == (2, 8)


def test_without_rows_there_is_no_plan() -> None:
    with pytest.raises(ValueError, match="high <= 0"):
        plan(generator(0, 0), RowSet(5), RowSet(5), batch_size=8, updates=2, demo_share=0.5)


def test_draws_are_uniform() -> None:
    online = row_set(range(50))
    drawn = plan(generator(0, 0), online, RowSet(1), batch_size=1000, updates=50, demo_share=0.0)
    counts = np.bincount(drawn.online.ravel(), minlength=50)
    chi_square = float(((counts - 1000.0) ** 2 / 1000.0).sum())
    assert chi_square < 85.4  # the 99.9 % quantile of 49 degrees of freedom


def test_calls_and_seeds_do_not_share_random_numbers() -> None:
    streams = [generator(seed, call).integers(0, 2**62, 64) for seed in (0, 1) for call in range(20)]
    assert len(np.unique(np.concatenate(streams))) == 40 * 64


def test_a_call_can_be_drawn_again() -> None:
    rows = row_set(range(50))
    one, two = (
        plan(generator(7, 3), rows, rows, batch_size=16, updates=2, demo_share=0.25) for _ in range(2)
    )
    assert np.array_equal(one.online, two.online)
    assert np.array_equal(one.pinned, two.pinned)
