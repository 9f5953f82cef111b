import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.intervals import (
    Z_95,
    bootstrap_mean_interval,
    mcnemar_p,
    paired_difference_interval,
    wilson_interval,
)


def test_nothing_tried_says_nothing():
    assert wilson_interval(0, 0) == (0.0, 1.0)


def test_published_example():
    # Newcombe (1998), table I: 81 of 263 gives 0.2553 to 0.3662; 0 of 20 gives 0 to 0.1611.
    assert wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson_interval(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_its_ends_solve_the_score_equation(case: tuple[int, int]):
    successes, trials = case
    share = successes / trials
    for end in wilson_interval(successes, trials):
        assert abs(share - end) == pytest.approx(Z_95 * math.sqrt(end * (1 - end) / trials), abs=1e-7)


@pytest.mark.parametrize(("successes", "trials"), [(-1, 3), (4, 3)])
def test_impossible_counts_are_refused(successes: int, trials: int):
    with pytest.raises(ValueError, match="successes in"):
        wilson_interval(successes, trials)


counts = st.integers(0, 60)


def test_published_paired_example():
    # Newcombe (1998), table II, line 1: 36, 12, 2, 0 gives 0.0569 to 0.3404 by method 10.
    assert paired_difference_interval(36, 12, 2, 0) == pytest.approx((0.0569, 0.3404), abs=5e-5)


@given(counts, counts, counts, counts)
def test_a_paired_interval_holds_the_difference_and_turns_with_the_order(a: int, b: int, c: int, d: int):
    low, high = paired_difference_interval(a, b, c, d)
    difference = (b - c) / max(1, a + b + c + d)
    assert -1.0 <= low <= difference + 1e-12
    assert difference - 1e-12 <= high <= 1.0
    assert paired_difference_interval(a, c, b, d) == pytest.approx((-high, -low))


def test_paired_intervals_hold_the_truth_about_as_often_as_they_say():
    """All outcomes of 12 pairs, weighted by their probability: no chance is involved."""
    truth, trials = (0.5, 0.2, 0.1, 0.2), 12
    held = 0.0
    for a, b, c in itertools.product(range(trials + 1), repeat=3):
        if (d := trials - a - b - c) < 0:
            continue
        low, high = paired_difference_interval(a, b, c, d)
        ways = math.factorial(trials) / math.prod(map(math.factorial, (a, b, c, d)))
        weight = ways * math.prod(p**n for p, n in zip(truth, (a, b, c, d), strict=True))
        held += weight * (low <= truth[1] - truth[2] <= high)
    assert 0.93 <= held <= 1.0


@given(st.integers(0, 30), st.integers(0, 30))
def test_mcnemars_p_is_the_tail_of_a_fair_coin(first: int, second: int):
    trials, p = first + second, mcnemar_p(first, second)
    extreme = [k for k in range(trials + 1) if abs(2 * k - trials) >= abs(first - second)]
    assert p == pytest.approx(sum(math.comb(trials, k) for k in extreme) / 2**trials)


def test_a_bootstrap_interval_is_near_the_normal_one_where_that_holds():
    values = np.random.default_rng(1).normal(3.0, 2.0, 400)
    low, high = bootstrap_mean_interval(values, np.random.default_rng(2))
    half = 1.96 * values.std() / 20
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.03)
    assert bootstrap_mean_interval(np.ones(1), np.random.default_rng(0)) == (1.0, 1.0)
