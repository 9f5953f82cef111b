"""How well a score tells successes from the rest: curves, areas, calibration. Closed forms over numpy."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.intervals import wilson_interval

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
BINS = 10


@dataclass(frozen=True, kw_only=True)
class CurvePoint:
    """What a threshold gives: a frame counts as a success from this score on.

    Attributes:
        true, false: positives and negatives at or above it.
        precision, precision_low: share of true ones, and the lower end of its 95% interval (Wilson).
        recall: share of all positives that are found.
    """

    threshold: float
    true: int
    false: int
    precision: float
    precision_low: float
    recall: float


def area_under_curve(scores: Floats, positive: Flags) -> float:
    """The chance that a positive scores above a negative, ties half (Mann-Whitney); nan without both."""
    positives, negatives = int(positive.sum()), int((~positive).sum())
    if not positives or not negatives:
        return float("nan")
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2.0)[inverse]
    return float((ranks[positive].sum() - positives * (positives + 1) / 2.0) / (positives * negatives))


def point_at(threshold: float, scores: Floats, positive: Flags) -> CurvePoint:
    """What one threshold gives."""
    hit = scores >= threshold
    true, false = int((hit & positive).sum()), int((hit & ~positive).sum())
    return CurvePoint(
        threshold=float(threshold),
        true=true,
        false=false,
        precision=true / (true + false) if true + false else float("nan"),
        precision_low=wilson_interval(true, true + false)[0],
        recall=true / max(int(positive.sum()), 1),
    )


def precision_curve(scores: Floats, positive: Flags, points: int = 200) -> list[CurvePoint]:
    """Every threshold that the scores of positives give, thinned to `points`, ascending."""
    values = np.unique(scores[positive])
    if len(values) > points:
        values = np.unique(np.quantile(values, np.linspace(0.0, 1.0, points), method="nearest"))
    return [point_at(value, scores, positive) for value in values]


def expected_calibration_error(scores: Floats, positive: Flags) -> float:
    """Mean gap of score and share of positives over ten equal bins, weighted (Guo et al. 2017, eq. 3)."""
    gaps = [abs(share - mean) * count for mean, share, count in reliability(scores, positive)]
    return float(sum(gaps) / max(len(scores), 1))


def reliability(scores: Floats, positive: Flags) -> list[tuple[float, float, int]]:
    """(mean score, share of positives, count) of each of ten equal bins that is not empty."""
    bins = np.minimum((scores * BINS).astype(int), BINS - 1)
    return [
        (float(scores[bins == b].mean()), float(positive[bins == b].mean()), int((bins == b).sum()))
        for b in range(BINS)
        if (bins == b).any()
    ]
