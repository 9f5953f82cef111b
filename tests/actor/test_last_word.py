"""An evaluation that a person judges waits a moment for their word when an episode ends without it."""

import json
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from actor import evaluation
from actor.evaluating import last_word
from actor.operating.robot_operator import Operator
from shared.episodes import group_episodes, read_episodes
from shared.policy.snapshot import write_snapshot
from shared.step import Why


@pytest.mark.parametrize(
    ("word", "success", "why"),
    [("s", True, Why.SUCCESS), ("f", False, Why.FAILURE), ("", False, Why.TIME_LIMIT)],
)
def test_what_is_said_when_time_is_up_counts(
    tmp_path: Path, counting_env, make_snapshot, compile_once, monkeypatch, word, success, why
) -> None:
    @contextmanager
    def attended(config: Any, stop: Any, judge: Any, *more: Any) -> Any:
        operator = Operator(stop, label=judge.label)
        operator.present = True
        operator.call = lambda cause: operator.press(word)
        yield operator

    monkeypatch.setattr(last_word, "LATE_SECONDS", 0.2)
    monkeypatch.setattr(evaluation, "attended", attended)
    monkeypatch.setattr("actor.world.make", lambda name, clock, render: counting_env([(4, Why.TIME_LIMIT)]))
    write_snapshot(tmp_path / "policy.snapshot", make_snapshot(3))
    argv = ["--policy", str(tmp_path / "policy.snapshot"), "--reward", "operator", "--episodes", "2"]
    assert evaluation.main([*argv, "--out", str(tmp_path / "out")]) == 0
    found = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert [episode["success"] for episode in found["episodes"]] == [success] * 2
    assert [episode["episode_return"] for episode in found["episodes"]] == [float(success)] * 2
    episodes = list(group_episodes(read_episodes(tmp_path / "out" / "evaluation.mcap").records()))
    assert [episode.steps[-1].step.why for episode in episodes] == [why] * 2
    assert [episode.steps[-1].step.terminated for episode in episodes] == [word != ""] * 2


@pytest.mark.parametrize("when", ["in the next episode", "after the last"])
def test_a_denied_success_is_none_in_the_result_and_in_the_file(
    tmp_path: Path, counting_env, make_snapshot, compile_once, monkeypatch, fallible, when
) -> None:
    env, operators, steps = counting_env([(4, Why.SUCCESS)]), [], []
    step = env.step

    def step_and_press(action: Any) -> Any:
        steps.append(1)
        if len(steps) == 6 and when == "in the next episode":
            operators[0].press("n")
        return step(action)

    @contextmanager
    def attended(config: Any, stop: Any, judge: Any, *more: Any) -> Any:
        operators.append(Operator(stop))
        operators[0].present = True
        if when == "after the last":
            operators[0].call = lambda cause: operators[0].press("n")
        yield operators[0]

    env.step = step_and_press
    monkeypatch.setattr(last_word, "LATE_SECONDS", 0.2)
    monkeypatch.setattr(evaluation, "attended", attended)
    monkeypatch.setattr("actor.world.make", lambda name, clock, render: env)
    write_snapshot(tmp_path / "policy.snapshot", make_snapshot(3))
    argv = ["--policy", str(tmp_path / "policy.snapshot"), "--episodes", "2"]
    assert evaluation.main([*argv, "--out", str(tmp_path / "out")]) == 0
    found = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    denied = 0 if when == "in the next episode" else 1
    assert [row["success"] for row in found["episodes"]] == [number != denied for number in range(2)]
    assert found["episodes"][denied]["episode_return"] == found["episodes"][1 - denied]["episode_return"] - 1
    episodes = list(group_episodes(read_episodes(tmp_path / "out" / "evaluation.mcap").records()))
    assert [episode.steps[-1].step.reward for episode in episodes] == [float(n != denied) for n in range(2)]
    assert episodes[denied].steps[-1].step.why is Why.OPERATOR_ABORT
