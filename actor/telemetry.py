"""Telemetry: numbers for the learner's charts, at most one message every few seconds.

`Session.stats` only queues, so the control thread never waits for the link.
"""

from typing import Protocol

from actor.assistance import Assistance
from actor.outcome import EpisodeOutcome
from actor.policy_runner import PolicyRunner
from actor.rewards.base import DeniedReward, RewardModel
from actor.samples import Samples
from shared.clock import Clock

PERIOD_SECONDS = 5.0


class StatsSink(Protocol):
    """Where numbers go."""

    def stats(self, step: int, values: dict[str, float]) -> None:
        """Queue the numbers that belong to this count of training steps."""
        ...


class Telemetry:
    """Collects while acting, reports at episode ends.

    Attributes:
        policy_age_seconds: at each step that the policy chose, how long ago its snapshot was made.
        lead_wait_seconds: time spent waiting for the learner on a simulated clock.
        hold_seconds: time spent holding, for want of a policy or of room on the disk.
    """

    def __init__(
        self,
        sink: StatsSink,
        runner: PolicyRunner,
        clock: Clock,
        assistance: Assistance | None = None,
        judge: RewardModel | None = None,
    ) -> None:
        self.policy_age_seconds = Samples()
        self.lead_wait_seconds = 0.0
        self.hold_seconds = 0.0
        self._sink = sink
        self._runner = runner
        self._clock = clock
        self._assistance = assistance
        self._judge = judge if isinstance(judge, DeniedReward) else None
        self._outcomes: list[EpisodeOutcome] = []
        self._mark = (clock.now(), 0, 0)

    def episode(self, outcome: EpisodeOutcome, training_steps: int) -> None:
        """An episode ended; reports those before it when the last report is a few seconds old.

        So a person could say what became of an episode until it is reported.
        """
        if self._clock.now() - self._mark[0] >= PERIOD_SECONDS:
            self.report(training_steps)
        self._outcomes.append(outcome)

    def overrule(self, before: EpisodeOutcome, now: EpisodeOutcome) -> None:
        """A person said what became of an episode; one that was reported stays as it was."""
        if before in self._outcomes:
            self._outcomes[self._outcomes.index(before)] = now

    def report(self, training_steps: int) -> None:
        """Send what happened since the last report."""
        values = self._episodes() | self._judged() | self._rates(training_steps)
        self._sink.stats(training_steps, {name: value for name, value in values.items() if value is not None})
        self._outcomes = []
        selections = len(self._runner.selection_seconds)
        self._mark = (self._clock.now(), training_steps, selections)

    def _episodes(self) -> dict[str, float | None]:
        count = len(self._outcomes)
        if not count:
            return {}
        return {
            **(self._assistance.lately.as_metrics() if self._assistance else {}),
            "training/episode_return": sum(o.episode_return for o in self._outcomes) / count,
            "training/episode_length": sum(o.length for o in self._outcomes) / count,
            "training/success": sum(o.success for o in self._outcomes) / count,
            "training/done_at_start": sum(o.done_at_start for o in self._outcomes) / count,
        }

    def _judged(self) -> dict[str, float | None]:
        judge = self._judge
        if judge is None:
            return {}
        return {"classifier/successes": float(judge.successes), "classifier/denied": float(judge.denials)}

    def _rates(self, training_steps: int) -> dict[str, float | None]:
        time, steps, selections = self._mark
        elapsed = self._clock.now() - time
        selection = self._runner.selection_seconds.percentile(99, since=selections)
        ages = self.policy_age_seconds
        snapshot = self._runner.snapshot
        return {
            "actor/steps_per_second": (training_steps - steps) / elapsed if elapsed > 0 else None,
            "actor/policy_version": None if snapshot is None else float(snapshot.version),
            "actor/policy_age_seconds": ages.percentile(50, since=max(0, len(ages) - 100)),
            "actor/selection_p99_ms": None if selection is None else 1e3 * selection,
            "actor/lead_wait_seconds": self.lead_wait_seconds,
            "actor/hold_seconds": self.hold_seconds,
        }
