"""A success that a person denies is amended, however late; but not one of an evaluation."""

import math
from collections.abc import Callable

import pytest

from actor.corrections import Corrections
from actor.late_labels import LateLabels
from actor.operating.denying import deny_by_key
from actor.operating.robot_operator import Operator
from actor.outcome import EpisodeOutcome
from actor.rewards.base import StepResult, Verdict
from actor.samples import Samples
from actor.stop import StopSignal
from shared.errors import SpoolFull
from shared.step import StepId, Why


class Judge:
    """A reward model that erred."""

    identity = "square.classifier"

    def __init__(self) -> None:
        self.judging_seconds, self.successes, self.denials = Samples(), 0, 0
        self.success_seconds, self.numbers = -math.inf, list[int]()

    def begin(self, observation) -> None: ...

    def judge(self, result: StepResult) -> Verdict:
        return Verdict(reward=0.0)

    def deny(self) -> str:
        self.numbers.append(self.successes)
        return f"success {self.successes} is none"

    def denied(self) -> int | None:
        return self.numbers.pop(0) if self.numbers else None


class Uplink:
    def __init__(self, actor: str = "actor") -> None:
        self.stream = (actor, "life")
        self.amended: list[tuple[StepId, dict]] = []
        self.full = False

    def amend(self, target: StepId, **fields: object) -> None:
        if self.full:
            raise SpoolFull("uplink", "full", "wait")
        self.amended.append((target, fields))


@pytest.fixture
def practice():
    judge, uplink = Judge(), Uplink()
    return judge, Corrections(uplink), uplink, LateLabels()


def play(
    judge: Judge,
    corrections: Corrections,
    labels: LateLabels,
    episode: int,
    *,
    success: bool,
    length: int = 4,
    at_seconds: float = 0.0,
    during: Callable[[], object] = lambda: None,
) -> None:
    labels.began()
    during()
    judge.successes += success
    judge.success_seconds = at_seconds if success else judge.success_seconds
    why = Why.SUCCESS if success else Why.TIME_LIMIT
    labels.ended(
        EpisodeOutcome(start_seed=0, length=length, episode_return=0.0, success=success, why=why),
        judge,
        lambda verdict: corrections.add(episode, length - 1, verdict),
    )


def test_the_last_success_is_cut_short_there_and_loses_its_reward(practice) -> None:
    judge, corrections, uplink, labels = practice
    play(judge, corrections, labels, 0, success=True, length=7)
    play(judge, corrections, labels, 1, success=False)
    judge.deny()
    labels.look()
    labels.look()
    fields = {"reward": 0.0, "terminated": False, "truncated": True, "why": Why.OPERATOR_ABORT}
    assert uplink.amended == [(StepId("actor", "life", 0, 6), fields)]


def test_a_success_in_an_evaluation_is_not_amended(practice) -> None:
    judge, corrections, uplink, labels = practice
    play(judge, corrections, labels, 0, success=True)
    judge.successes += 1  # in an evaluation, which produces nothing
    judge.deny()
    labels.look()
    assert not uplink.amended


def test_nothing_is_forgotten_while_the_spool_is_full(practice) -> None:
    judge, corrections, uplink, labels = practice
    play(judge, corrections, labels, 3, success=True)
    uplink.full = True
    judge.deny()
    labels.look()
    uplink.full = False
    corrections.send()
    assert [target for target, _ in uplink.amended] == [StepId("actor", "life", 3, 3)]


def test_a_denial_while_the_next_is_played_means_the_one_before_though_that_succeeds_too(practice) -> None:
    judge, corrections, uplink, labels = practice
    play(judge, corrections, labels, 0, success=True)
    play(judge, corrections, labels, 1, success=True, during=judge.deny)
    labels.look()
    assert [target.episode for target, _ in uplink.amended] == [0]
    judge.deny()
    labels.look()
    assert [target.episode for target, _ in uplink.amended] == [0, 1]


@pytest.mark.parametrize(("forward_seconds", "meant"), [(1.0, "back"), (3.0, "forward")])
def test_of_two_judges_the_one_that_called_a_success_last_is_meant(forward_seconds, meant) -> None:
    told: list[str] = []
    operator, labels = Operator(StopSignal(), tell=told.append), LateLabels()
    ways = {name: (Judge(), Uplink(name)) for name in ("forward", "back")}
    deny_by_key(operator, [judge for judge, _ in ways.values()])
    for seconds, name in sorted([(forward_seconds, "forward"), (2.0, "back")]):
        judge, uplink = ways[name]
        play(judge, Corrections(uplink), labels, 0, success=True, at_seconds=seconds)
    operator.press("n")
    labels.look()
    assert told == ["success 1 is none"]
    amended = {name: [target for target, _ in uplink.amended] for name, (_, uplink) in ways.items()}
    assert amended == {"forward": [], "back": []} | {meant: [StepId(meant, "life", 0, 3)]}
