"""A success that a person denies is amended, however late; but not one of an evaluation."""

import pytest

from actor.late_labels import LateLabels
from actor.rewards.base import StepResult, Verdict
from actor.rollout import EpisodeOutcome
from actor.samples import Samples
from shared.errors import SpoolFull
from shared.step import StepId, Why


class Judge:
    """A reward model that erred."""

    identity = "square.classifier"

    def __init__(self) -> None:
        self.judging_seconds, self.successes, self.denials, self.number = Samples(), 0, 0, 0

    def begin(self, observation) -> None: ...

    def judge(self, result: StepResult) -> Verdict:
        return Verdict(reward=0.0)

    def deny(self) -> str:
        self.number = self.successes
        return ""

    def denied(self) -> int | None:
        number, self.number = self.number, 0
        return number or None


class Uplink:
    stream = ("actor", "life")

    def __init__(self) -> None:
        self.amended: list[tuple[StepId, dict]] = []
        self.full = False

    def amend(self, target: StepId, **fields: object) -> None:
        if self.full:
            raise SpoolFull("uplink", "full", "wait")
        self.amended.append((target, fields))


@pytest.fixture
def practice():
    judge, uplink = Judge(), Uplink()
    return judge, uplink, LateLabels(judge, uplink)


def play(judge: Judge, labels: LateLabels, episode: int, *, success: bool, length: int = 4) -> None:
    labels.began()
    judge.successes += success
    why = Why.SUCCESS if success else Why.TIME_LIMIT
    labels.ended(
        EpisodeOutcome(start_seed=0, length=length, episode_return=0.0, success=success, why=why), episode
    )


def test_the_last_success_is_cut_short_there_and_loses_its_reward(practice) -> None:
    judge, uplink, labels = practice
    play(judge, labels, 0, success=True, length=7)
    play(judge, labels, 1, success=False)
    judge.deny()
    labels.look()
    labels.look()
    fields = {"reward": 0.0, "terminated": False, "truncated": True, "why": Why.OPERATOR_ABORT}
    assert uplink.amended == [(StepId("actor", "life", 0, 6), fields)]


def test_a_success_in_an_evaluation_is_not_amended(practice) -> None:
    judge, uplink, labels = practice
    play(judge, labels, 0, success=True)
    judge.successes += 1  # in an evaluation, which produces nothing
    judge.deny()
    labels.look()
    assert not uplink.amended


def test_nothing_is_forgotten_while_the_spool_is_full(practice) -> None:
    judge, uplink, labels = practice
    play(judge, labels, 3, success=True)
    uplink.full = True
    judge.deny()
    labels.look()
    uplink.full = False
    labels.look()
    assert [target for target, _ in uplink.amended] == [StepId("actor", "life", 3, 3)]
