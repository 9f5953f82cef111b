"""Success rates with their intervals, alone and with help, and how a policy is examined."""

from typing import Any

import numpy as np
import pytest

from actor.choosers import Choice
from actor.evaluating.exam import Exam, ExamEnded, examine
from actor.policy_runner import PolicyRunner
from actor.rewards.environment import EnvironmentReward
from actor.rollout import Rollout
from actor.scoring import EvaluatedEpisode, EvaluationResult
from shared.errors import CheckpointError
from shared.intervals import wilson_interval
from shared.step import Source, Why


@pytest.fixture
def runner(counting_env, make_snapshot, compile_once) -> PolicyRunner:
    runner = PolicyRunner(counting_env().interface, seed=0)
    runner.load(make_snapshot(4, incarnation="life"))
    return runner


def exam_in(env, **more) -> Exam:
    return Exam(rollout=Rollout(env, env.interface, EnvironmentReward()), **more)


def episode(seed: int = 0, *, success: bool = True, **more: Any) -> EvaluatedEpisode:
    told = {"episode_return": float(success), "length": 10, "seconds": 1.0}
    why = Why.SUCCESS if success else Why.TIME_LIMIT
    return EvaluatedEpisode(start_seed=seed, success=success, **({"why": why} | told | more))


def result(*episodes: EvaluatedEpisode, **more: Any) -> EvaluationResult:
    policy = {"policy_incarnation": "life", "policy_version": 1, "policy_update": 1}
    return EvaluationResult(episodes=episodes, greedy=True, **policy, **more)


class Zero:
    """Does nothing at all."""

    def begin(self, rng) -> None:
        pass

    def choose(self, observation) -> Choice:
        return Choice(action=np.zeros(2, np.float32), source=Source.POLICY)


def test_each_start_is_played_once_and_counted(counting_env, runner) -> None:
    env = counting_env([(3, Why.SUCCESS), (4, Why.FAILURE), (2, Why.SUCCESS), (5, Why.TIME_LIMIT)])
    found = examine(exam_in(env), runner, range(1_000_000, 1_000_004))
    assert found is not None
    assert env.seeds == [1_000_000, 1_000_001, 1_000_002, 1_000_003]
    assert [episode.start_seed for episode in found.episodes] == env.seeds
    assert found.success_rate == 0.5
    assert found.success_interval == wilson_interval(2, 4)
    assert found.mean_return == pytest.approx(14 / 4)
    assert found.mean_length == pytest.approx(14 / 4)
    assert [episode.why for episode in found.episodes] == ["success", "failure", "success", "time_limit"]
    assert found.failures == {"failure": 1, "time_limit": 1}
    assert found.cycle_seconds == pytest.approx((0.225, 0.25, 0.275))
    assert (found.policy_incarnation, found.policy_version, found.policy_update) == ("life", 4, 40)


def test_greedy_evaluations_of_one_policy_agree(counting_env, runner) -> None:
    def actions(greedy: bool) -> list[list[float]]:
        env = counting_env()
        examine(exam_in(env), runner, range(2), greedy=greedy)
        return [list(map(float, action)) for action in env.actions]

    assert actions(greedy=True) == actions(greedy=True)
    assert actions(greedy=False) != actions(greedy=False)


def test_an_interrupted_evaluation_has_no_result(counting_env, runner) -> None:
    env = counting_env()

    def interrupted() -> Why | None:
        return Why.OPERATOR_ABORT if env.steps == 7 else None

    assert examine(exam_in(env, interrupted=interrupted), runner, range(5)) is None
    assert env.steps == 7


def test_an_episode_that_a_person_ends_is_a_failure_where_the_evaluation_goes_on(
    counting_env, runner
) -> None:
    env = counting_env([(5, Why.SUCCESS)])

    def interrupted() -> Why | None:
        return Why.OPERATOR_ABORT if env.steps == 2 else None

    found = examine(exam_in(env, interrupted=interrupted, over=lambda: False), runner, range(3))
    assert found is not None
    assert found.failures == {"operator_abort": 1}
    assert (found.successes, len(found.episodes)) == (2, 3)


def test_a_start_that_a_person_refuses_is_set_up_anew(counting_env) -> None:
    env = counting_env([(2, Why.SUCCESS)])
    answers = [Why.OPERATOR_ABORT, None]
    exam = exam_in(env, begun=lambda: answers.pop(0), over=lambda: False)
    outcome, _ = exam.play(Zero(), 3)
    assert (outcome.success, env.seeds) == (True, [3, 3])
    with pytest.raises(ExamEnded):
        exam_in(env, begun=lambda: Why.OPERATOR_ABORT).play(Zero(), 3)


def test_a_faulty_episode_is_no_success(counting_env, runner) -> None:
    env = counting_env([(3, Why.SUCCESS)], spoil={1: "observation"})
    found = examine(exam_in(env), runner, range(2))
    assert found is not None
    assert [episode.success for episode in found.episodes] == [False, True]
    assert found.failures == {"fault": 1}


def test_without_a_policy_there_is_nothing_to_evaluate(counting_env) -> None:
    env = counting_env()
    with pytest.raises(CheckpointError):
        examine(exam_in(env), PolicyRunner(env.interface, seed=0), range(2))


def test_what_is_done_before_anybody_acts_is_nobodys_success(counting_env, runner, monkeypatch) -> None:
    env = counting_env([(1, Why.SUCCESS)])
    reset = env.reset

    def done_at_odd_starts(*, seed: int, options: Any = None) -> Any:
        observation, info = reset(seed=seed)
        return observation, info | {"success": bool(seed % 2)}

    monkeypatch.setattr(env, "reset", done_at_odd_starts)
    found = examine(exam_in(env), runner, range(4))
    assert found is not None
    assert found.done_at_start == (1, 3)
    assert [episode.start_seed for episode in found.episodes] == [0, 2]
    assert env.steps == 2, "nobody acted where it was done already"
    monkeypatch.setattr(env, "reset", lambda *, seed, options=None: (reset(seed=seed)[0], {"success": True}))
    outcome, row = exam_in(env).play(Zero(), 5)
    assert outcome.done_at_start
    assert not row.success
    nothing = examine(exam_in(env), runner, range(4))
    assert nothing is not None
    assert (nothing.success_rate, nothing.success_interval) == (0.0, (0.0, 1.0))


def test_help_is_never_mixed_with_what_the_policy_did_alone() -> None:
    found = result(
        *(episode(n, success=n < 3) for n in range(10)),
        *(episode(10 + n, success=n < 9, driven_steps=4, episode_return=100.0) for n in range(10)),
    )
    assert (found.autonomous.successes, found.autonomous.episodes) == (3, 10)
    assert (found.assisted.successes, found.assisted.episodes) == (9, 10)
    assert found.autonomous.interval == wilson_interval(3, 10)
    assert found.assisted.interval == wilson_interval(9, 10)
    assert found.success_rate == 3 / 20
    assert found.success_interval == wilson_interval(3, 20)
    assert found.mean_return == pytest.approx(0.3)
    written = found.as_dict()
    assert written["autonomous"] == {
        "successes": 3,
        "episodes": 10,
        "rate": 0.3,
        "interval": list(wilson_interval(3, 10)),
    }


def test_seconds_to_success_are_of_the_policys_own_successes() -> None:
    own = [episode(n, seconds=seconds) for n, seconds in enumerate((1.0, 2.0, 3.0, 4.0, 5.0))]
    others = [episode(8, seconds=90.0, driven_steps=1), episode(9, seconds=99.0, success=False)]
    assert result(*own, *others).cycle_seconds == (2.0, 3.0, 4.0)
    assert result(*own[:1]).cycle_seconds == (1.0, 1.0, 1.0)
    assert result(*others).cycle_seconds is None


def test_failures_tell_how_far_they_came_and_what_was_lost_again() -> None:
    found = result(
        episode(0, success=False, furthest="lifted", stood="away"),
        episode(1, success=False, furthest="lifted", stood="lifted"),
        episode(2, furthest="lifted", stood="lifted"),
    )
    assert found.stood == {"away, after lifted": 1, "lifted": 1}
