"""Closed-form statistics that reports and evaluations share."""

import math

import numpy as np
from numpy.typing import NDArray

Z_95 = 1.959963984540054
RESAMPLES = 10_000


def wilson_interval(successes: int, trials: int, z: float = Z_95) -> tuple[float, float]:
    """Wilson's score interval for a success probability; (0, 1) when nothing was tried.

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference" (1927):
    centre (p + z^2/2n) / (1 + z^2/n), half width z sqrt(p(1-p)/n + z^2/4n^2) / (1 + z^2/n).

    Args:
        successes: how many of `trials` succeeded.
        trials: how many were tried.
        z: normal quantile; the default gives 95 %.
    """
    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} successes in {trials} trials")
    if trials == 0:
        return 0.0, 1.0
    share = successes / trials
    shrink = 1.0 + z * z / trials
    centre = (share + z * z / (2 * trials)) / shrink
    half = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials)) / shrink
    low = 0.0 if successes == 0 else max(0.0, centre - half)  # exact where rounding would leave 1e-17
    return low, 1.0 if successes == trials else min(1.0, centre + half)


def paired_difference_interval(
    both: int, only_first: int, only_second: int, neither: int, z: float = Z_95
) -> tuple[float, float]:
    """An interval for the difference of two success probabilities that were tried on the same starts.

    R. G. Newcombe, "Improved confidence intervals for the difference between binomial proportions based on
    paired data" (1998), method 10: Wilson's intervals of both, put together with the correlation phi of the
    pairs, corrected for continuity where that is positive. (-1, 1) when nothing was tried.

    Args:
        both, neither: pairs in which both succeeded, and none.
        only_first, only_second: pairs in which one did and the other did not.
        z: normal quantile; the default gives 95 %.
    """
    trials = both + only_first + only_second + neither
    if trials == 0:
        return -1.0, 1.0
    first, second = both + only_first, both + only_second
    low_1, high_1 = wilson_interval(first, trials, z)
    low_2, high_2 = wilson_interval(second, trials, z)
    p_1, p_2 = first / trials, second / trials
    phi = _phi(both, only_first, only_second, neither)
    below = _joined(p_1 - low_1, high_2 - p_2, phi)
    above = _joined(high_1 - p_1, p_2 - low_2, phi)
    difference = p_1 - p_2
    return max(-1.0, difference - below), min(1.0, difference + above)


def _joined(a: float, b: float, phi: float) -> float:
    return math.sqrt(max(0.0, a * a - 2 * phi * a * b + b * b))


def _phi(both: int, only_first: int, only_second: int, neither: int) -> float:
    """Newcombe's phi: 0 where a margin is empty."""
    margins = (both + only_first) * (only_second + neither) * (both + only_second) * (only_first + neither)
    if margins == 0:
        return 0.0
    product = both * neither - only_first * only_second
    if product > 0:
        product = max(0.0, product - (both + only_first + only_second + neither) / 2)
    return product / math.sqrt(margins)


def mcnemar_p(only_first: int, only_second: int) -> float:
    """The exact two-sided p-value of McNemar's test (1947): that one wins as often as the other.

    Of pairs that differ, each goes either way with probability 1/2 if both are equally good.
    """
    trials, fewer = only_first + only_second, min(only_first, only_second)
    tail = math.fsum(math.comb(trials, k) for k in range(fewer + 1)) / 2**trials
    return min(1.0, 2 * tail)


def bootstrap_mean_interval(values: NDArray[np.float64], rng: np.random.Generator) -> tuple[float, float]:
    """A 95 % percentile interval of the mean of (N,) values, N at least 1 (Efron 1979)."""
    means = [float(rng.choice(values, len(values)).mean()) for _ in range(RESAMPLES)]
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)
