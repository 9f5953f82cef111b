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
