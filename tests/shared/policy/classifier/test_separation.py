"""Curves and areas against definitions written for reading."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.policy.classifier.separation import (
    area_under_curve,
    expected_calibration_error,
    point_at,
    precision_curve,
    reliability,
)

scored = st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0]), st.booleans()), min_size=1)


def split(pairs):
    return np.array([s for s, _ in pairs], float), np.array([p for _, p in pairs], bool)


@given(scored)
def test_the_area_is_the_chance_that_a_success_scores_higher(pairs) -> None:
    scores, positive = split(pairs)
    highs, lows = scores[positive], scores[~positive]
    area = area_under_curve(scores, positive)
    if not len(highs) or not len(lows):
        assert math.isnan(area)
        return
    wins = [(high > low) + 0.5 * (high == low) for high in highs for low in lows]
    assert area == pytest.approx(np.mean(wins))


@given(scored)
def test_every_point_of_the_curve_counts_what_is_at_or_above_its_threshold(pairs) -> None:
    scores, positive = split(pairs)
    for point in precision_curve(scores, positive):
        assert point.true == sum(p and s >= point.threshold for s, p in pairs)
        assert point.false == sum(not p and s >= point.threshold for s, p in pairs)
        assert point.precision_low <= point.precision <= 1.0
        assert point.recall == pytest.approx(point.true / positive.sum())


def test_thresholds_ascend_and_recall_falls() -> None:
    rng = np.random.default_rng(0)
    scores, positive = rng.uniform(size=3000), rng.uniform(size=3000) < 0.5
    curve = precision_curve(scores, positive)
    assert len(curve) <= 200
    assert [p.threshold for p in curve] == sorted(p.threshold for p in curve)
    assert [p.recall for p in curve] == sorted((p.recall for p in curve), reverse=True)


def test_a_threshold_above_all_finds_nothing_and_claims_nothing() -> None:
    point = point_at(2.0, np.array([0.1, 0.9]), np.array([False, True]))
    assert (point.true, point.false, point.recall, point.precision_low) == (0, 0, 0.0, 0.0)
    assert math.isnan(point.precision)


def test_honest_probabilities_have_no_calibration_error_and_boasts_have_theirs() -> None:
    positive = np.array([True] * 8 + [False] * 2)
    assert expected_calibration_error(np.full(10, 0.8), positive) == pytest.approx(0.0)
    assert expected_calibration_error(np.full(10, 0.95), positive) == pytest.approx(0.15)
    assert reliability(np.full(10, 1.0), positive) == [(1.0, 0.8, 10)]
