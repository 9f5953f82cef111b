"""Contestants: the policies of an evaluation, each under the same conditions, from the same starts."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from rich.progress import Progress

from actor.choosers import Chooser
from actor.evaluating.config import EvalConfig
from actor.evaluating.exam import Exam, ExamEnded, result_of
from actor.evaluating.keeping import Keeping
from actor.evaluating.last_word import judged, last_word, second_thoughts
from actor.late_labels import LateLabels
from actor.live_view import Show
from actor.mending import Mending
from actor.operating.robot_operator import Operator
from actor.outcome import EpisodeOutcome
from actor.policy_runner import PolicyChooser, PolicyRunner
from actor.rewards.base import Verdict
from actor.scoring import EvaluatedEpisode, EvaluationResult
from actor.stop import StopSignal
from actor.takeover import TakeoverChooser
from actor.world import World
from robot_env.teleop.base import TeleopDevice
from shared.policy.snapshot import PolicySnapshot
from shared.step import Why


@dataclass(frozen=True, kw_only=True)
class Hall:
    """Where all of them act, and who watches.

    Attributes:
        device: by which somebody may help; None where nobody may.
    """

    config: EvalConfig
    world: World
    stop: StopSignal
    operator: Operator
    device: TeleopDevice | None
    show: Show
    late_labels: LateLabels = field(default_factory=LateLabels)

    def begun(self) -> Why | None:
        """After a reset: wait for the scene where that is asked for; why not to begin, or None."""
        asked = self.operator.begun(self.idle) or self._stopped()
        self.late_labels.look()
        self.late_labels.began()
        return asked

    def idle(self) -> None:
        """Nothing is stepped: hold the arm, and hear what is said of the episode before."""
        self.world.rollout.hold()
        self.late_labels.look()

    def interrupted(self) -> Why | None:
        """After a step: why to end the episode, or None."""
        return self.operator.after_step(self.world.rollout.hold) or self._stopped()

    def chooser(self, runner: PolicyRunner) -> Chooser:
        """The runner's policy, and whoever may take over from it."""
        policy = PolicyChooser(runner, greedy_share=float(self.config.greedy))
        return policy if self.device is None else TakeoverChooser(policy, self.device, self.operator.drive)

    def _stopped(self) -> Why | None:
        return Why.OPERATOR_ABORT if self.stop.cause is not None else None


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """One policy, and what is left of it.

    Attributes:
        last_word: what a person says of an episode that came to an end unjudged.
        played: its episodes so far, each beside its outcome.
    """

    runner: PolicyRunner
    chooser: Chooser
    exam: Exam
    keeping: Keeping
    last_word: Callable[[EpisodeOutcome], Verdict | None]
    late_labels: LateLabels
    played: list[tuple[EpisodeOutcome, EvaluatedEpisode]] = field(
        default_factory=list[tuple[EpisodeOutcome, EvaluatedEpisode]]
    )

    def play(self, start_seed: int) -> None:
        """One start, to the end."""
        outcome, row = self.exam.play(self.chooser, start_seed, self.keeping)
        if (verdict := self.last_word(outcome)) is not None:
            self.keeping.correct(outcome.length - 1, verdict)
            outcome, row = judged(outcome, row, verdict)
        last, number = self.keeping.ended(outcome), len(self.played)
        self.played.append((outcome, row))

        def overrule(verdict: Verdict) -> None:
            self.played[number] = judged(*self.played[number], verdict)
            if last is not None:
                self.keeping.amend(last, verdict)

        self.late_labels.ended(outcome, self.exam.rollout.judge, overrule)


def contest(
    hall: Hall,
    snapshots: Sequence[PolicySnapshot],
    places: Sequence[tuple[Path, Path | None]],
    start_seeds: Sequence[int],
) -> list[EvaluationResult] | None:
    """Every policy from every start, turn by turn so that what drifts meanwhile is the same for all.

    Args:
        hall: the conditions.
        snapshots: the policies.
        places: for each, the directory of its files and its film, if there is to be one.
        start_seeds: one episode each.

    Returns:
        The results in the order of the policies; None where somebody said stop.
    """
    with ExitStack() as held:
        contestants = [
            _enter(hall, snapshot, *place, held) for snapshot, place in zip(snapshots, places, strict=False)
        ]
        progress = held.enter_context(Progress(transient=True))
        task = progress.add_task("episodes", total=len(start_seeds) * len(contestants))
        try:
            for turn, seed in enumerate(start_seeds):
                for contestant in contestants[:: -1 if turn % 2 else 1]:
                    contestant.play(seed)
                    progress.advance(task)
            second_thoughts(hall.world, hall.operator, hall.stop, hall.idle)
        except ExamEnded:
            return None
    return [result_of(each.runner, each.played, greedy=hall.config.greedy) for each in contestants]


def _enter(
    hall: Hall, snapshot: PolicySnapshot, out: Path, video: Path | None, held: ExitStack
) -> Contestant:
    runner = PolicyRunner(hall.world.interface, seed=hall.config.seed, device=hall.config.device)
    runner.load(snapshot)
    keeping = held.enter_context(Keeping(hall.config, hall.world, out, video, hall.show))
    mending = Mending(hall.world.rollout, hall.operator, hall.stop)

    def mend(outcome: EpisodeOutcome) -> None:
        keeping.broken()
        mending.wait(outcome)

    exam = Exam(
        rollout=hall.world.rollout,
        begun=hall.begun,
        interrupted=hall.interrupted,
        over=lambda: hall.stop.cause is not None,
        mend=mend,
    )
    return Contestant(
        runner=runner,
        chooser=hall.chooser(runner),
        exam=exam,
        keeping=keeping,
        late_labels=hall.late_labels,
        last_word=lambda outcome: last_word(hall.world, hall.operator, hall.stop, outcome),
    )
