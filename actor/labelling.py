"""Labels: who says which class each frame belongs to while a classifier's frames are recorded.

Episodes go on past success, so that frames from inside it are seen too. The label is a reward term of the
step that led to the frame (`shared.labels`); the reward itself is nobody's business here.
"""

from collections import Counter
from collections.abc import Callable, Sequence

from actor.rewards.base import StepResult, Verdict
from actor.rewards.environment import EnvironmentReward
from shared.labels import ENVIRONMENT, OPERATOR
from shared.step import Observation

NEAR_STEPS = 5
"""A frame that is no success and comes so few steps before or after one is a near miss."""


class Labels:
    """A reward model that labels each frame, and counts.

    Args:
        classes: their names; the last is success.
        by_keys: a person's keys say; else the environment does.

    Attributes:
        counts: frames of each class so far.
        near_misses: frames of the first class close to a success.
    """

    judges_alone = True

    def __init__(self, classes: Sequence[str], *, by_keys: bool) -> None:
        self.classes = tuple(classes)
        self.counts: Counter[int] = Counter()
        self.near_misses = 0
        self._by_keys = by_keys
        self._environment = EnvironmentReward()
        self._current = 0
        self._since_success = NEAR_STEPS + 1
        self._plain_run = 0

    def keys(self) -> dict[str, Callable[[], None]]:
        """Digits choose a class until another is chosen; l goes to success and back."""
        keys = {str(number): self._choose(number) for number in range(len(self.classes))}
        return keys | {"l": self._toggle}

    @property
    def current(self) -> str:
        """The class that frames get now."""
        return self.classes[self._current]

    def begin(self, observation: Observation) -> None:
        """An episode begins, and nothing has been reached."""
        self._current = self._plain_run = 0
        self._since_success = NEAR_STEPS + 1

    def judge(self, result: StepResult) -> Verdict:
        """The label of what the step led to."""
        verdict = self._environment.judge(result)
        if not self._by_keys:
            self._current = (len(self.classes) - 1) * int(verdict.success)
        label = self._current
        self._count(label)
        return Verdict(
            reward=float(label == len(self.classes) - 1),
            terms={OPERATOR if self._by_keys else ENVIRONMENT: float(label)},
            terminated=verdict.terminated,
            truncated=verdict.truncated,
            why=verdict.why,
            success=label == len(self.classes) - 1,
        )

    def _count(self, label: int) -> None:
        self.counts[label] += 1
        if label:
            self.near_misses += min(self._plain_run, NEAR_STEPS)
            self._plain_run, self._since_success = 0, 0
            return
        self._since_success += 1
        if self._since_success <= NEAR_STEPS:
            self.near_misses += 1
        else:
            self._plain_run += 1

    def _choose(self, number: int) -> Callable[[], None]:
        def choose() -> None:
            self._current = number

        return choose

    def _toggle(self) -> None:
        last = len(self.classes) - 1
        self._current = 0 if self._current == last else last
