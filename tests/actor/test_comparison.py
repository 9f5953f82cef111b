"""Two policies from the same starts."""

import json

import numpy as np
import pytest

from actor import evaluation
from actor.evaluating.comparison import Comparison
from actor.evaluating.config import EvalConfig
from actor.scoring import EvaluatedEpisode, EvaluationResult
from shared.errors import ConfigError
from shared.intervals import paired_difference_interval
from shared.policy.snapshot import write_snapshot
from shared.step import Why


def result(outcomes: dict[int, bool], helped: frozenset[int] = frozenset()) -> EvaluationResult:
    episodes = tuple(
        EvaluatedEpisode(
            start_seed=seed,
            success=success,
            episode_return=2.0 * success,
            length=5,
            seconds=0.5,
            why=Why.SUCCESS if success else Why.TIME_LIMIT,
            driven_steps=int(seed in helped),
        )
        for seed, success in outcomes.items()
    )
    return EvaluationResult(
        episodes=episodes, greedy=True, policy_incarnation="a", policy_version=1, policy_update=1
    )


def compare(first: EvaluationResult, second: EvaluationResult) -> Comparison:
    return Comparison.of(first, second, np.random.default_rng(0))


def test_pairs_are_counted_by_their_starts() -> None:
    first = result({1: True, 2: True, 3: False, 4: False, 9: True})
    second = result({4: False, 3: True, 2: False, 1: True, 7: True})
    found = compare(first, second)
    assert found.counts == (1, 1, 1, 1)
    assert [a.start_seed for a, _ in found.pairs] == [1, 2, 3, 4]
    assert found.difference == 0.0
    assert found.interval == paired_difference_interval(1, 1, 1, 1)


def test_what_needed_help_is_no_success_of_either() -> None:
    found = compare(result({1: True, 2: True}, frozenset({2})), result({1: True, 2: True}))
    assert found.counts == (1, 0, 1, 0)


def test_a_clear_difference_is_called_one_and_chance_is_not() -> None:
    good, bad = result(dict.fromkeys(range(30), True)), result({n: n % 3 == 0 for n in range(30)})
    assert compare(good, bad).verdict == "the first is better"
    assert compare(bad, good).verdict == "the second is better"
    nearly = result({n: n != 4 for n in range(30)})
    assert "no difference" in compare(good, nearly).verdict
    assert compare(good, bad).p_value < 1e-4
    low, high = compare(good, bad).return_interval or (0.0, 0.0)
    assert low <= 2.0 * 20 / 30 <= high


def test_nothing_in_common_says_nothing() -> None:
    found = compare(result({1: True}), result({2: True}))
    assert (found.difference, found.interval, found.return_interval) == (0.0, (-1.0, 1.0), None)


def test_both_play_every_start_by_turns(
    tmp_path, make_snapshot, counting_env, compile_once, monkeypatch, capsys
):
    env = counting_env([(2, Why.SUCCESS), (3, Why.TIME_LIMIT), (3, Why.TIME_LIMIT), (2, Why.SUCCESS)] * 5)
    monkeypatch.setattr("actor.world.make", lambda name, clock, render: env)
    policies = []
    for version in (3, 4):
        policies.append(tmp_path / f"{version}.snapshot")
        write_snapshot(policies[-1], make_snapshot(version))
    first, second = map(str, policies)
    out = tmp_path / "out"
    argv = ["--policy", first, "--against", second, "--episodes", "4", "--out", str(out)]
    assert evaluation.main(argv) == 0
    assert env.seeds == [seed for seed in range(2_000_000, 2_000_004) for _ in range(2)]
    # Odd turns begin with the second policy, so by the plan the first one wins every start.
    found = json.loads((out / "comparison.json").read_text())
    assert (found["first"], found["second"]) == (first, second)
    assert (found["pairs"], found["only_first"], found["only_second"]) == (4, 4, 0)
    assert found["difference"] == 1.0
    assert json.loads((out / "evaluation.json").read_text())["policy_version"] == 3
    assert json.loads((out / "against" / "evaluation.json").read_text())["policy_version"] == 4
    assert (out / "against" / "evaluation.mcap").exists()
    assert "first against second" in capsys.readouterr().out


@pytest.mark.parametrize("settings", [{"grid_over": ("a", "b")}, {"grid": "5x5", "episodes": 24}])
def test_a_grid_that_cannot_be_filled_is_refused(tmp_path, settings) -> None:
    with pytest.raises(ConfigError, match="add --"):
        EvalConfig(policy=tmp_path, **settings)
