"""StartScores: what a reward classifier says of states in which nothing is done yet."""

from collections import deque
from statistics import fmean

from shared.step import Step

SCORE = "classifier_score"
"""The reward term in which `actor.rewards.classifier` tells its probability."""
RECENT = BASELINE = 20


class StartScores:
    """Of the frame that the first action led to: success there would be luck, or the classifier's mistake."""

    def __init__(self) -> None:
        self._first: list[float] = []
        self._recent: deque[float] = deque(maxlen=RECENT)

    def begin(self, step: Step, *, demo: bool) -> None:
        """The first step of an episode."""
        score = step.reward_terms.get(SCORE)
        if score is None or demo:
            return
        self._recent.append(score)
        if len(self._first) < BASELINE:
            self._first.append(score)

    def figures(self) -> dict[str, float]:
        """Means over the last episodes and over the first ones."""
        if not self._recent:
            return {}
        return {
            "classifier/start_score": fmean(self._recent),
            "classifier/start_score_before": fmean(self._first),
        }
