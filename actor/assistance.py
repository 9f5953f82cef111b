"""Assistance: how much somebody helped the policy of late, and what it achieved with and without help.

What matters for learning, by HIL-SERL's advice (Luo et al. 2024) and the experience of those who ran it:
corrections are short, they become rarer, and the policy finishes by itself. A person who always drives to the
success makes the critic believe in states that the policy cannot reach alone.
"""

import logging
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from actor.outcome import EpisodeOutcome

log = logging.getLogger(__name__)

WINDOW = 20
"""Episodes that "of late" means."""
FEW = 8
"""Helped episodes below which there is nothing to say about habits."""
DRIVEN_TO_SUCCESS = (
    "every episode with help of late ended in success while somebody drove: let go once the situation is "
    "good again, so that the policy finishes by itself (docs/interventions.md)"
)
NO_SHORTER = (
    "corrections have become neither shorter nor rarer: correct early and briefly, let the policy fail now "
    "and then, and look at `handson runs doctor` (docs/interventions.md)"
)


@dataclass(frozen=True, kw_only=True)
class Helped:
    """Counts over some episodes of the policy.

    Attributes:
        episodes, steps: all of them.
        helped_episodes: those in which somebody took over.
        spans, driven_steps: how often, and how many steps that was.
        autonomous_successes: without any help.
        assisted_successes: with some.
        driven_to_success: of these, in which somebody drove in the end.
    """

    episodes: int = 0
    steps: int = 0
    helped_episodes: int = 0
    spans: int = 0
    driven_steps: int = 0
    autonomous_successes: int = 0
    assisted_successes: int = 0
    driven_to_success: int = 0

    @property
    def share(self) -> float:
        """Driven steps of all steps."""
        return self.driven_steps / self.steps if self.steps else 0.0

    @property
    def mean_span(self) -> float:
        """Mean length of a span in steps; 0 where there was none."""
        return self.driven_steps / self.spans if self.spans else 0.0

    def as_line(self) -> str:
        """For a person."""
        return (
            f"help in {self.helped_episodes} of {self.episodes} episodes, {self.share:.0%} of the steps, "
            f"{self.mean_span:.1f} at a time | success {self.autonomous_successes} alone, "
            f"{self.assisted_successes} helped"
        )

    def as_metrics(self) -> dict[str, float]:
        """For charts; rates of all episodes."""
        episodes = max(1, self.episodes)
        return {
            "interventions/step_share": self.share,
            "interventions/mean_span_steps": self.mean_span,
            "interventions/spans_per_episode": self.spans / episodes,
            "interventions/autonomous_success": self.autonomous_successes / episodes,
            "interventions/assisted_success": self.assisted_successes / episodes,
            "interventions/helped_episodes": float(self.helped_episodes),
            "interventions/driven_to_success": self.driven_to_success / max(1, self.helped_episodes),
        }


def count(outcomes: Iterable[EpisodeOutcome]) -> Helped:
    """What these episodes add up to."""
    outcomes = tuple(outcomes)
    helped = [outcome for outcome in outcomes if outcome.interventions]
    spans = [span for outcome in helped for span in outcome.interventions]
    assisted = sum(outcome.success for outcome in helped)
    return Helped(
        episodes=len(outcomes),
        steps=sum(outcome.length for outcome in outcomes),
        helped_episodes=len(helped),
        spans=len(spans),
        driven_steps=sum(span.length for span in spans),
        autonomous_successes=sum(outcome.success for outcome in outcomes) - assisted,
        assisted_successes=assisted,
        driven_to_success=sum(map(_driven_to_success, helped)),
    )


class Assistance:
    """Takes every episode in which the policy could be helped."""

    def __init__(self) -> None:
        self._outcomes: list[EpisodeOutcome] = []
        self._warned: deque[str] = deque(maxlen=WINDOW - 1)

    @property
    def total(self) -> Helped:
        """All episodes."""
        return count(self._outcomes)

    @property
    def lately(self) -> Helped:
        """The last `WINDOW`."""
        return count(self._outcomes[-WINDOW:])

    def add(self, outcome: EpisodeOutcome, episode: int) -> None:
        """One more episode: log its spans with what came of it, and warn of a habit that hinders learning.

        Each warning comes at most once in `WINDOW` episodes.
        """
        self._outcomes.append(outcome)
        for span in outcome.interventions:
            steps = f"steps {span.first} to {span.end - 1} of {outcome.length}"
            log.info("episode %d: %s drove %s; it ended in %s", episode, span.who, steps, outcome.why)
        warning = _warning(self._outcomes)
        if warning in self._warned:
            warning = ""
        if warning:
            log.warning(warning)
        self._warned.append(warning)

    def overrule(self, before: EpisodeOutcome, now: EpisodeOutcome) -> None:
        """A person said later what became of an episode; it counts so, where it counts at all."""
        if before in self._outcomes:
            self._outcomes[self._outcomes.index(before)] = now


def _warning(outcomes: Sequence[EpisodeOutcome]) -> str:
    helped = [outcome for outcome in outcomes[-WINDOW:] if outcome.interventions]
    if len(helped) < FEW:
        return ""
    if all(_driven_to_success(outcome) for outcome in helped):
        return DRIVEN_TO_SUCCESS
    if len(outcomes) < 2 * WINDOW:
        return ""
    before, now = count(outcomes[-2 * WINDOW : -WINDOW]), count(outcomes[-WINDOW:])
    stays = 0.0 < before.share <= now.share and before.mean_span <= now.mean_span
    return NO_SHORTER if stays else ""


def _driven_to_success(outcome: EpisodeOutcome) -> bool:
    return outcome.success and outcome.interventions[-1].end == outcome.length
