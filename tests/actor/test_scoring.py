"""Success rates with their intervals, and evaluation over fixed starts."""

import pytest

from actor.policy_runner import PolicyRunner
from actor.rewards.environment import EnvironmentReward
from actor.rollout import Rollout
from actor.scoring import evaluate
from shared.errors import CheckpointError
from shared.intervals import wilson_interval
from shared.step import Why


@pytest.fixture
def runner(counting_env, make_snapshot, compile_once) -> PolicyRunner:
    runner = PolicyRunner(counting_env().interface, seed=0)
    runner.load(make_snapshot(4, incarnation="life"))
    return runner


def rollout_in(env) -> Rollout:
    return Rollout(env, env.interface, EnvironmentReward())


def test_each_start_is_played_once_and_counted(counting_env, runner) -> None:
    env = counting_env([(3, Why.SUCCESS), (4, Why.FAILURE), (2, Why.SUCCESS), (5, Why.TIME_LIMIT)])
    kept: list[tuple[int, int]] = []
    result = evaluate(
        rollout_in(env),
        runner,
        start_seeds=range(1_000_000, 1_000_004),
        keep=lambda episode, step, number: kept.append((episode, number)),
    )
    assert result is not None
    assert env.seeds == [1_000_000, 1_000_001, 1_000_002, 1_000_003]
    assert [episode.start_seed for episode in result.episodes] == env.seeds
    assert result.success_rate == 0.5
    assert result.success_interval == wilson_interval(2, 4)
    assert result.mean_return == pytest.approx(14 / 4)
    assert result.mean_length == pytest.approx(14 / 4)
    assert [episode.why for episode in result.episodes] == ["success", "failure", "success", "time_limit"]
    assert (result.policy_incarnation, result.policy_version, result.policy_update) == ("life", 4, 40)
    assert kept == [
        (0, 0),
        (0, 1),
        (0, 2),
        *((1, n) for n in range(4)),
        *((2, n) for n in range(2)),
        *((3, n) for n in range(5)),
    ]


def test_greedy_evaluations_of_one_policy_agree(counting_env, runner) -> None:
    def actions(greedy: bool) -> list[list[float]]:
        env = counting_env()
        evaluate(rollout_in(env), runner, start_seeds=range(2), greedy=greedy)
        return [list(map(float, action)) for action in env.actions]

    assert actions(greedy=True) == actions(greedy=True)
    assert actions(greedy=False) != actions(greedy=False)


def test_an_interrupted_evaluation_has_no_result(counting_env, runner) -> None:
    env = counting_env()

    def interrupted() -> Why | None:
        return Why.OPERATOR_ABORT if env.steps == 7 else None

    assert evaluate(rollout_in(env), runner, start_seeds=range(5), interrupted=interrupted) is None
    assert env.steps == 7


def test_a_faulty_episode_is_no_success(counting_env, runner) -> None:
    env = counting_env([(3, Why.SUCCESS)], spoil={1: "observation"})
    result = evaluate(rollout_in(env), runner, start_seeds=range(2))
    assert result is not None
    assert [episode.success for episode in result.episodes] == [False, True]
    assert result.episodes[0].why is Why.FAULT


def test_without_a_policy_there_is_nothing_to_evaluate(counting_env) -> None:
    env = counting_env()
    with pytest.raises(CheckpointError):
        evaluate(rollout_in(env), PolicyRunner(env.interface, seed=0), start_seeds=range(2))
