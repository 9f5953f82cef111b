"""Success by what the cameras show: hits in a row, stages, gates, and second thoughts."""

import dataclasses
import logging
from pathlib import Path

import numpy as np
import pytest

from actor.rewards.base import DeniedReward, JudgesAlone, StepResult
from actor.rewards.classifier import SCORE, ClassifierReward
from actor.rewards.gate import gates_of
from actor.rewards.judging import JudgingConfig
from actor.world import build_judge, open_world
from deploy.cli import main as handson
from learner.classifier.dataset import load
from shared.episodes import read_episodes
from shared.errors import CheckpointError, ConfigError, InterfaceMismatch
from shared.labels import OPERATOR
from shared.policy.classifier.classifier_file import read_classifier
from shared.step import Why
from tests.learner.classifier.labelled import (
    GOOD,
    QUICK,
    interface,
    picture,
    steps_of,
    write_episodes,
    write_labels,
)

THREE = ("--classes", "no", "left", "right", "--precision", "0.7")


@pytest.fixture(scope="module")
def squares(tmp_path_factory) -> Path:
    """A classifier that tells nothing, a square at the left and one at the right apart, and its frames."""
    home = tmp_path_factory.mktemp("squares")
    write_labels(home / "labels" / "a.mcap", [(0, 0, 1, 1, 0, 2, 2)] * 14)
    out = home / "square.classifier"
    assert handson(["classifier", "train", str(home / "labels"), "--out", str(out), *QUICK, *THREE]) == 0
    return out


class Bench:
    """Shows pictures to a reward model."""

    def __init__(self, judge: ClassifierReward) -> None:
        self.judge = judge
        self.rng = np.random.default_rng(5)

    def begin(self) -> None:
        self.judge.begin(picture(0, self.rng))

    def show(self, label: int, height: float = 0.0, **ending: object):
        seen = picture(label, self.rng)
        seen["arm/height_m"][1] = height
        terminated = bool(ending.get("terminated"))
        result = StepResult(
            observation=seen,
            reward=7.0,
            terminated=terminated,
            truncated=bool(ending.get("truncated")),
            info=ending,
        )
        return self.judge.judge(result)


def bench(*files: object, **settings: object) -> Bench:
    config = JudgingConfig(classifier=tuple(map(str, files)), **{"hits": 2, "threshold": 0.5} | settings)
    made = Bench(ClassifierReward.for_world(interface(), config))
    made.begin()
    return made


def test_success_takes_several_hits_in_a_row(squares) -> None:
    seen = bench(squares, hits=3)
    verdicts = [seen.show(label) for label in (2, 2, 0, 2, 2, 2)]
    assert [v.terminated for v in verdicts] == [False] * 5 + [True]
    assert [v.reward for v in verdicts] == [0.0] * 5 + [1.0]
    assert (verdicts[-1].why, verdicts[-1].success) == (Why.SUCCESS, True)
    scores = [v.terms[SCORE] for v in verdicts]
    assert [score >= 0.5 for score in scores] == [True, True, False, True, True, True]


def test_hits_of_an_episode_do_not_count_in_the_next(squares) -> None:
    seen = bench(squares)
    seen.show(2)
    seen.begin()
    assert not seen.show(2).terminated
    assert seen.show(2).terminated


def test_the_environments_own_success_counts_for_nothing_but_its_endings_end(squares) -> None:
    seen = bench(squares)
    assert seen.show(0, success=True).reward == 0.0
    limit = seen.show(0, truncated=True, success=True)
    assert (limit.truncated, limit.why, limit.success) == (True, Why.TIME_LIMIT, False)
    end = seen.show(0, terminated=True, success=True)
    assert (end.terminated, end.why, end.reward, end.success) == (True, Why.FAILURE, 0.0, False)


def test_stages_are_reached_in_order_and_the_last_ends_it(squares) -> None:
    seen = bench(f"{squares}:left", squares, hits=1, stage_reward=0.25)
    verdicts = [seen.show(label) for label in (2, 0, 1, 1, 2)]
    assert [v.reward for v in verdicts] == [0.0, 0.0, 0.25, 0.0, 1.0]
    assert [v.terms["classifier_stage"] for v in verdicts] == [0.0, 0.0, 0.0, 1.0, 1.0]
    assert verdicts[-1].why is Why.SUCCESS


def test_a_gate_forbids_success_until_it_holds(squares) -> None:
    seen = bench(squares, hits=1, gate=("arm/height_m[1]<0.1", "arm/height_m[1] > -0.1"))
    assert [seen.show(2, height).terminated for height in (0.5, -0.5, 0.0)] == [False, False, True]


@pytest.mark.parametrize(
    ("condition", "named"),
    [
        ("height<0.1", "arm/height_m"),
        ("arm/height_m[2]<0", "below 2"),
        ("arm/height_m=0", "ENTRY"),
        (f"{GOOD}<3", "arm/height_m"),
    ],
)
def test_a_gate_that_is_none_is_refused(condition, named) -> None:
    with pytest.raises(ConfigError, match=named):
        gates_of((condition,), interface())


@pytest.mark.parametrize("world", [interface(size=32), interface(names=(GOOD,)), interface(names=())])
def test_another_worlds_cameras_are_refused(squares, world) -> None:
    with pytest.raises(InterfaceMismatch, match="hand/image 16x16, wall/image 16x16"):
        ClassifierReward.for_world(world, JudgingConfig(classifier=(str(squares),)))


def test_a_damaged_file_an_unknown_class_and_no_file_are_refused(squares, tmp_path) -> None:
    damaged = tmp_path / "d.classifier"
    damaged.write_bytes(squares.read_bytes()[:-40])
    with pytest.raises(CheckpointError, match="damaged"):
        bench(damaged)
    with pytest.raises(ConfigError, match="no, left, right"):
        bench(f"{squares}:up")
    with pytest.raises(ConfigError, match="--classifier FILE"):
        build_judge(ClassifierReward, interface(), JudgingConfig())
    with (
        pytest.raises(ConfigError, match="--reward classifier"),
        open_world("reach", "simulated", judging=JudgingConfig(classifier=("x",))),
    ):
        pass
    for wrong in ({"hits": 0}, {"threshold": 1.0}):
        with pytest.raises(ConfigError):
            JudgingConfig(**wrong)


def test_it_is_compiled_before_the_first_step_and_says_who_it_is(squares) -> None:
    judge = ClassifierReward.for_world(interface(), JudgingConfig(classifier=(str(squares),)))
    assert isinstance(judge, JudgesAlone)
    assert isinstance(judge, DeniedReward)
    assert judge.identity == f"square.classifier {read_classifier(squares).identity}"
    made = Bench(judge)
    made.begin()
    made.show(1)
    assert len(judge.judging_seconds) == 1


def test_each_success_can_be_denied_once_without_data_too(squares) -> None:
    seen = bench(squares, hits=1)
    assert "nothing was taken" in seen.judge.deny()
    assert seen.judge.denied() is None
    for number in (1, 2):
        seen.begin()
        seen.show(2)
        assert seen.judge.successes == number
        assert "--classifier-data" in seen.judge.deny()
        assert [seen.judge.denied(), seen.judge.denied()] == [number, None]


def test_separation_is_measured_anew_on_demonstrations(squares, tmp_path, caplog) -> None:
    rng = np.random.default_rng(3)

    def demo(labels) -> list:
        *steps, last = steps_of(labels, rng, interface(), term="success")
        return [*steps, dataclasses.replace(last, truncated=False, terminated=True, why=Why.SUCCESS)]

    good = write_episodes(tmp_path / "good.mcap", [demo([0, 0, 0, 2]) for _ in range(6)])
    moved = write_episodes(tmp_path / "moved.mcap", [demo([0, 0, 0, 0]) for _ in range(6)])
    config = JudgingConfig(classifier=(str(squares),), classifier_demos=(good,))
    with caplog.at_level(logging.WARNING):
        ClassifierReward.for_world(interface(), config)
        assert not [r for r in caplog.records if "right camera" in r.message]
        ClassifierReward.for_world(interface(), dataclasses.replace(config, classifier_demos=(moved,)))
    assert any("hand/image tells success" in record.getMessage() for record in caplog.records)
    failed = write_labels(tmp_path / "failed.mcap")
    with pytest.raises(ConfigError, match="ends in success"):
        ClassifierReward.for_world(interface(), dataclasses.replace(config, classifier_demos=(failed,)))


@pytest.mark.timeout(300)
def test_what_is_denied_becomes_negatives_and_a_better_version_judges_between_episodes(
    squares, tmp_path, wait_until
) -> None:
    """Through a real training in a process of its own."""
    data = tmp_path / "labels"
    write_labels(data / "a.mcap", [(0, 0, 1, 1, 0, 2, 2)] * 14)
    path = tmp_path / "square.classifier"
    path.write_bytes(squares.read_bytes())
    seen = bench(path, classifier_data=data)
    seen.show(2)
    assert seen.show(2).success
    assert "negatives" in seen.judge.deny()
    seen.begin()
    (kept,) = data.glob("corrections-*.mcap")
    found = load([kept], (), 0.5)
    assert found.labels.tolist() == [0, 0]
    assert found.frames[GOOD][0][-5, -5].max() > 200
    before = seen.judge.identity

    def begins_by_another() -> bool:
        seen.begin()
        return seen.judge.identity != before

    try:
        wait_until(begins_by_another, 240.0, "a version trained anew")
    finally:
        seen.judge.close()
    (newer,) = tmp_path.glob("square-2-*.classifier")
    classifier = read_classifier(newer)
    assert (classifier.version, classifier.metrics["frames"]["no"]) == (2, 44)
    assert f"version 2, {classifier.digest[:16]}" in seen.judge.identity


def test_what_is_denied_is_kept_though_another_success_comes_before_anybody_writes(squares, tmp_path) -> None:
    (tmp_path / "labels").mkdir()
    seen = bench(squares, hits=1, classifier_data=tmp_path / "labels")
    assert seen.show(2).success
    seen.judge.deny()
    assert seen.show(2).success
    assert [seen.judge.denied(), seen.judge.denied()] == [1, None]
    seen.judge.close()
    (kept,) = (tmp_path / "labels").glob("*.mcap")
    assert load([kept], (), 0.5).labels.tolist() == [0]


def test_what_is_denied_last_is_kept_when_acting_ends(squares, tmp_path) -> None:
    (tmp_path / "labels").mkdir()
    seen = bench(squares, hits=1, classifier_data=tmp_path / "labels")
    assert seen.show(2).success
    seen.judge.deny()
    seen.judge.close()
    (kept,) = (tmp_path / "labels").glob("*.mcap")
    records = load([kept], (), 0.5)
    assert records.labels.tolist() == [0]
    step = next(iter(read_episodes(kept).records())).step
    assert step.reward_terms[OPERATOR] == 0.0
    assert step.reward_terms[SCORE] > 0.5
