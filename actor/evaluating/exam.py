"""Exam: how one start is played by whoever is evaluated, and what counts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from actor.choosers import Chooser
from actor.outcome import EpisodeOutcome
from actor.policy_runner import PolicyChooser, PolicyRunner
from actor.rewards.base import Verdict
from actor.rollout import EpisodeHooks, Rollout
from actor.scoring import EvaluatedEpisode, EvaluationResult
from shared.errors import CheckpointError, RobotFault
from shared.step import Step, Why


class Witness(Protocol):
    """Who sees each step of an attempt."""

    def step(self, step: Step, number: int) -> None:
        """One more."""
        ...

    def correct(self, number: int, verdict: Verdict) -> None:
        """A later verdict on the newest one; the episode ended with it."""
        ...


class Nobody:
    """Looks away."""

    def step(self, step: Step, number: int) -> None:
        """Nothing is kept."""

    def correct(self, number: int, verdict: Verdict) -> None:
        """Nor corrected."""


class ExamEnded(Exception):
    """Somebody said stop: there is no result."""


@dataclass(frozen=True, kw_only=True)
class Exam:
    """The same conditions for every policy.

    Attributes:
        rollout: the environment to act in.
        begun: asked after each reset; an answer ends the episode before its first step.
        interrupted: asked after each step; an answer ends the episode.
        over: whether an episode that was broken off ends the exam; where not, it is a failure.
        mend: waits until an arm or a camera that failed may be tried again: the episode is then played anew,
            for it says nothing about the policy. Without it such an episode counts as one that failed.
    """

    rollout: Rollout
    begun: Callable[[], Why | None] = lambda: None
    interrupted: Callable[[], Why | None] = lambda: None
    over: Callable[[], bool] = lambda: True
    mend: Callable[[EpisodeOutcome], None] | None = None

    def play(
        self, chooser: Chooser, start_seed: int, witness: Witness | None = None
    ) -> tuple[EpisodeOutcome, EvaluatedEpisode]:
        """From one start to the end, however often the robot fails before, or a person says not yet.

        Raises:
            ExamEnded: somebody said stop.
        """
        while True:
            outcome, row = self._attempt(chooser, start_seed, witness or Nobody())
            if outcome.why is Why.OPERATOR_ABORT and self.over():
                raise ExamEnded
            if self.mend is not None and isinstance(outcome.fault, RobotFault):
                self.mend(outcome)
                if self.interrupted() is not None and self.over():
                    raise ExamEnded
            elif outcome.length or outcome.why is not Why.OPERATOR_ABORT:
                return outcome, row

    def _attempt(
        self, chooser: Chooser, start_seed: int, witness: Witness
    ) -> tuple[EpisodeOutcome, EvaluatedEpisode]:
        robot, stages = self.rollout.robot, list[int]()

        def kept(step: Step, number: int) -> None:
            if robot is not None and (stage := robot.stage) is not None:
                stages.append(stage)
            witness.step(step, number)

        overruns = self.rollout.overrun_seconds
        before = len(overruns)
        hooks = EpisodeHooks(
            begun=self.begun,
            done=lambda: Why.SUCCESS,
            interrupted=self.interrupted,
            keep=kept,
            correct=witness.correct,
        )
        outcome = self.rollout.play(chooser, start_seed, hooks)
        seconds = outcome.length / self.rollout.interface.control_hz + overruns.total(since=before)
        return outcome, self._row(outcome, seconds, stages)

    def _row(self, outcome: EpisodeOutcome, seconds: float, stages: Sequence[int]) -> EvaluatedEpisode:
        robot = self.rollout.robot
        names = () if robot is None else robot.stages
        return EvaluatedEpisode(
            start_seed=outcome.start_seed,
            success=outcome.success,
            episode_return=outcome.episode_return,
            length=outcome.length,
            seconds=seconds,
            why=outcome.why,
            driven_steps=sum(span.length for span in outcome.interventions),
            furthest=names[max(stages)] if stages else "",
            stood=names[stages[-1]] if stages else "",
        )


def result_of(
    runner: PolicyRunner,
    played: Sequence[tuple[EpisodeOutcome, EvaluatedEpisode]],
    *,
    greedy: bool,
) -> EvaluationResult:
    """What the runner's policy did; starts that were done already are named and left out."""
    if runner.snapshot is None:
        raise CheckpointError("evaluation", "no policy was loaded", "load a snapshot first")
    return EvaluationResult(
        episodes=tuple(row for outcome, row in played if not outcome.done_at_start),
        done_at_start=tuple(row.start_seed for outcome, row in played if outcome.done_at_start),
        greedy=greedy,
        policy_incarnation=runner.snapshot.learner_incarnation,
        policy_version=runner.snapshot.version,
        policy_update=runner.snapshot.update,
    )


def examine(
    exam: Exam,
    runner: PolicyRunner,
    start_seeds: Sequence[int],
    *,
    greedy: bool = True,
) -> EvaluationResult | None:
    """The policy that the runner holds, from each start in turn; None where somebody said stop."""
    if runner.snapshot is None:
        raise CheckpointError("evaluation", "no policy was loaded", "load a snapshot first")
    chooser = PolicyChooser(runner, greedy_share=float(greedy))
    try:
        return result_of(runner, [exam.play(chooser, seed) for seed in start_seeds], greedy=greedy)
    except ExamEnded:
        return None
