"""LateLabels: what a person says of an episode that has ended overrules what was thought of it.

Mostly that is the episode that the time limit or the operator ended a moment ago. A success that a person
denies may be longer ago: it is the one that its judge called so last when the key was pressed.
"""

from collections.abc import Callable

from actor.outcome import EpisodeOutcome
from actor.rewards.base import DeniedReward, LabelledReward, RewardModel, Verdict
from shared.step import Why

LATE_SECONDS = 5.0
"""How long after the last frame of an episode a label still means it."""


TAKEN_BACK = Verdict(reward=0.0, truncated=True, why=Why.OPERATOR_ABORT)
"""What a success becomes that a person denies: the episode was cut short there."""

Overrule = Callable[[Verdict], None]
"""Takes a later verdict on the last step of an episode."""


class LateLabels:
    """Owned by the control thread: one for all that is played on a bench, whoever judges it."""

    def __init__(self) -> None:
        self._last: tuple[LabelledReward, Overrule] | None = None
        self._successes: dict[DeniedReward, tuple[int, Overrule]] = {}

    @property
    def open(self) -> bool:
        """Whether a label could still mean the episode that ended last."""
        return self._last is not None

    def ended(self, outcome: EpisodeOutcome, judge: RewardModel, overrule: Overrule) -> None:
        """From now on a label means this episode, unless nobody saw what its last step led to."""
        self.look()  # at what was denied while this one was played
        if outcome.length == 0:
            return
        self._last = None
        if outcome.why is Why.FAULT:
            return
        if isinstance(judge, LabelledReward):
            self._last = judge, overrule
        if outcome.success and isinstance(judge, DeniedReward):
            self._successes[judge] = judge.successes, overrule

    def began(self) -> None:
        """From now on labels are for an episode that is played, and judged as it goes."""
        self._last = None

    def look(self) -> None:
        """Pass on what was said since; of denials only those of episodes that were shown to `ended`."""
        if self._last is not None:
            judge, overrule = self._last
            if (verdict := judge.late(LATE_SECONDS)) is not None:
                overrule(verdict)
        for fallible, (number, overrule) in self._successes.items():
            while (denied := fallible.denied()) is not None:
                if denied == number:
                    overrule(TAKEN_BACK)
