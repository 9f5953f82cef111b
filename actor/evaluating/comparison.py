"""Comparison: two policies from the same starts, pair by pair; how much one is better, how surely."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from actor.scoring import EvaluatedEpisode, EvaluationResult
from shared.intervals import bootstrap_mean_interval, mcnemar_p, paired_difference_interval

Pair = tuple[EvaluatedEpisode, EvaluatedEpisode]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Pairs of episodes from one start each, in order; the first of each pair is the first policy's.

    Attributes:
        pairs: of starts that count for both.
        return_interval: 95% interval of the mean difference of returns (paired bootstrap); None of no pairs.
    """

    pairs: tuple[Pair, ...]
    return_interval: tuple[float, float] | None

    @classmethod
    def of(cls, first: EvaluationResult, second: EvaluationResult, rng: np.random.Generator) -> "Comparison":
        """Of two evaluations on the same starts; `rng` draws the bootstrap's resamples."""
        theirs = {episode.start_seed: episode for episode in second.episodes}
        pairs = tuple((mine, theirs[s]) for mine in first.episodes if (s := mine.start_seed) in theirs)
        gains = np.array([a.episode_return - b.episode_return for a, b in pairs], np.float64)
        return cls(pairs=pairs, return_interval=bootstrap_mean_interval(gains, rng) if pairs else None)

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """Pairs in which both succeeded without help, only the first, only the second, neither."""
        outcomes = list(self._outcomes())
        kinds = ((True, True), (True, False), (False, True), (False, False))
        both, first, second, neither = (outcomes.count(kind) for kind in kinds)
        return both, first, second, neither

    @property
    def difference(self) -> float:
        """Success rate of the first less that of the second."""
        _, first, second, _ = self.counts
        return (first - second) / len(self.pairs) if self.pairs else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """95% interval of the difference (Newcombe 1998, method 10)."""
        return paired_difference_interval(*self.counts)

    @property
    def p_value(self) -> float:
        """Of McNemar's exact test."""
        return mcnemar_p(*self.counts[1:3])

    @property
    def verdict(self) -> str:
        """In words."""
        low, high = self.interval
        if low > 0:
            return "the first is better"
        return "the second is better" if high < 0 else "no difference that these starts could show"

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        both, first, second, neither = self.counts
        return {
            "pairs": len(self.pairs),
            "both": both,
            "only_first": first,
            "only_second": second,
            "neither": neither,
            "difference": self.difference,
            "interval": list(self.interval),
            "mcnemar_p": self.p_value,
            "return_difference_interval": self.return_interval,
            "verdict": self.verdict,
            "episodes": [
                {
                    "start_seed": a.start_seed,
                    "success": [a.success and not a.helped, b.success and not b.helped],
                    "helped": [a.helped, b.helped],
                    "why": [a.why, b.why],
                    "seconds": [a.seconds, b.seconds],
                    "episode_return": [a.episode_return, b.episode_return],
                }
                for a, b in self.pairs
            ],
        }

    def _outcomes(self) -> Iterator[tuple[bool, bool]]:
        for a, b in self.pairs:
            yield a.success and not a.helped, b.success and not b.helped
