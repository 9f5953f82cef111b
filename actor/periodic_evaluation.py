"""PeriodicEvaluation: how good the policy is, every so many training steps, from the same start states.

The first one is of the first policy there is, so that practice shows what it adds to cloning alone.
"""

import logging

from actor.best_policy import BestPolicy
from actor.config import EvaluationSchedule
from actor.evaluating.exam import Exam, examine
from actor.policy_runner import PolicyRunner
from actor.scoring import EvaluationResult
from actor.stop import StopSignal
from actor.telemetry import StatsSink
from shared.policy.snapshot import PolicySnapshot

log = logging.getLogger(__name__)


class PeriodicEvaluation:
    """Runs between training episodes, in the same environment; its steps neither train nor earn updates.

    Attributes:
        results: what was found, in order.
    """

    def __init__(
        self,
        schedule: EvaluationSchedule,
        exam: Exam,
        runner: PolicyRunner,
        sink: StatsSink,
        stop: StopSignal,
    ) -> None:
        self.results: list[EvaluationResult] = []
        self._schedule = schedule
        self._exam = exam
        self._runner = runner
        self._sink = sink
        self._stop = stop
        self._best = BestPolicy(keep) if (keep := schedule.keep_best) else None
        self._due_at = 0

    def run_if_due(self, training_steps: int) -> None:
        """Evaluate the runner's policy if it is time and this policy was not evaluated yet."""
        snapshot = self._runner.snapshot
        if not self._schedule.every_steps or training_steps < self._due_at:
            return
        if snapshot is None or self._is_known(snapshot):
            return
        result = self._evaluate()
        if self._stop.cause is None:  # one that the operator broke off comes again when the next is due
            every = self._schedule.every_steps
            self._due_at = (training_steps // every + 1) * every
        if result is None:
            return
        self._report(result, training_steps)
        if self._best is not None:
            self._best.offer(snapshot, result)

    def _evaluate(self) -> EvaluationResult | None:
        first = self._schedule.start_seed
        seeds = range(first, first + self._schedule.episodes)
        return examine(self._exam, self._runner, seeds, greedy=self._schedule.greedy)

    def _is_known(self, snapshot: PolicySnapshot) -> bool:
        if not self.results:
            return False
        last = self.results[-1]
        return (last.policy_incarnation, last.policy_version) == (
            snapshot.learner_incarnation,
            snapshot.version,
        )

    def _report(self, result: EvaluationResult, training_steps: int) -> None:
        self.results.append(result)
        low, high = result.success_interval
        values = {
            "evaluation/success_rate": result.success_rate,
            "evaluation/success_low": low,
            "evaluation/success_high": high,
            "evaluation/episodes": float(len(result.episodes)),
            "evaluation/done_at_start": float(len(result.done_at_start)),
            "evaluation/mean_return": result.mean_return or 0.0,
            "evaluation/mean_length": result.mean_length or 0.0,
            "evaluation/policy_version": float(result.policy_version),
            "evaluation/policy_update": float(result.policy_update),
        }
        self._sink.stats(training_steps, values)
        log.info("evaluated after %d training steps: %s", training_steps, values)
