"""`handson eval`: a saved policy over fixed starts, with no learner anywhere."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import cv2
import gymnasium
import pytest

from actor import evaluation, film
from actor.recording import Recording
from robot_env.registry import make
from shared.episodes import group_episodes, read_episodes
from shared.errors import CheckpointError, EpisodeFileError, InterfaceMismatch, RobotFault
from shared.policy.snapshot import write_snapshot
from shared.step import EpisodeKind, Source, Why

FILES = ("interrupted-1.mcap", "evaluation.mcap")


@pytest.fixture
def policy(tmp_path, make_snapshot, counting_env, compile_once, monkeypatch) -> Path:
    """A saved policy of the counting world, which is what every name opens here."""
    monkeypatch.setattr(
        "actor.world.make", lambda name, clock, render: counting_env([(4, Why.SUCCESS), (6, Why.TIME_LIMIT)])
    )
    path = tmp_path / "policy.snapshot"
    write_snapshot(path, make_snapshot(3))
    return path


def arguments(policy: Path, out: Path, *more: str) -> list[str]:
    return ["--policy", str(policy), "--episodes", "2", "--out", str(out), *more]


def test_it_leaves_the_numbers_and_the_episodes(tmp_path, policy, capsys) -> None:
    assert evaluation.main(arguments(policy, tmp_path / "out")) == 0
    found = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert found["eval_episodes"] == len(found["episodes"]) == 2
    assert [episode["start_seed"] for episode in found["episodes"]] == [2_000_000, 2_000_001]
    assert 0 <= found["success_interval"][0] <= found["success_rate"] <= found["success_interval"][1] <= 1
    assert (found["policy_version"], found["environment"], found["greedy"]) == (3, "pick_cube", True)
    file = read_episodes(tmp_path / "out" / "evaluation.mcap")
    episodes = list(group_episodes(file.records()))
    for episode, row in zip(episodes, found["episodes"], strict=True):
        assert episode.complete
        assert episode.kind is EpisodeKind.EVALUATION
        assert len(episode.steps) == row["length"]
        assert episode.steps[-1].step.why == row["why"]
        assert sum(record.step.reward for record in episode.steps) == pytest.approx(row["episode_return"])
        assert {record.step.source for record in episode.steps} == {Source.POLICY}
    assert "success" in capsys.readouterr().out


def test_the_same_policy_from_the_same_starts_gives_the_same_result(tmp_path, policy) -> None:
    results = []
    for name in ("a", "b"):
        evaluation.main(arguments(policy, tmp_path / name, "--start-seed", "5", "--episodes", "1"))
        results.append(json.loads((tmp_path / name / "evaluation.json").read_text())["episodes"])
    assert results[0] == results[1]


def test_a_checkpoint_is_named_by_its_directory(tmp_path, policy) -> None:
    assert policy.name == "policy.snapshot"
    assert evaluation.main(arguments(policy.parent, tmp_path / "out")) == 0
    assert json.loads((tmp_path / "out" / "evaluation.json").read_text())["policy"] == str(policy)


def test_a_run_is_named_by_its_directory_its_best_policy_first(tmp_path, policy, make_snapshot) -> None:
    run = tmp_path / "run"
    for number, version in enumerate((7, 8)):
        kept = run / "learner" / "checkpoints" / f"{version}"
        kept.mkdir(parents=True)
        write_snapshot(kept / "policy.snapshot", make_snapshot(version))
        os.utime(kept / "policy.snapshot", (number, number))

    def version_played(out: str) -> int:
        assert evaluation.main(arguments(run, tmp_path / out)) == 0
        return json.loads((tmp_path / out / "evaluation.json").read_text())["policy_version"]

    assert version_played("newest") == 8
    write_snapshot(run / "best.snapshot", make_snapshot(5))
    assert version_played("best") == 5


def test_the_first_episodes_are_filmed_to_their_ends(tmp_path, policy) -> None:
    video = tmp_path / "policy.webm"
    more = ("--video", str(video), "--video-episodes", "1", "--video-size", "64")
    assert evaluation.main(arguments(policy, tmp_path / "out", *more)) == 0
    capture = cv2.VideoCapture(str(video))
    frames = 0
    while capture.read()[0]:
        frames += 1
    capture.release()
    assert frames == 4 - 1 + film.LINGER_FRAMES


def test_a_world_that_cannot_be_drawn_is_evaluated_without_a_video(
    tmp_path, policy, counting_env, monkeypatch, caplog
) -> None:
    def render(self) -> None:
        raise gymnasium.error.DependencyNotInstalled("pygame is not installed")

    monkeypatch.setattr(counting_env, "render", render)
    video = tmp_path / "policy.webm"
    assert evaluation.main(arguments(policy, tmp_path / "out", "--video", str(video))) == 0
    assert (tmp_path / "out" / "evaluation.json").exists()
    assert "pygame" in caplog.text


def test_a_policy_of_another_world_is_refused_with_both_printed(tmp_path, policy, monkeypatch) -> None:
    monkeypatch.setattr("actor.world.make", make)
    with pytest.raises(InterfaceMismatch, match=r"(?s)reach at 10 Hz.*counting at 10 Hz"):
        evaluation.main(arguments(policy, tmp_path / "out", "--task", "reach"))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("content", [None, b"", b"not a policy at all, but long enough to look at"])
def test_a_file_that_is_no_policy_is_refused(tmp_path, content) -> None:
    path = tmp_path / "policy.snapshot"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CheckpointError):
        evaluation.main(arguments(path, tmp_path / "out"))


def test_an_evaluation_is_never_overwritten(tmp_path, policy) -> None:
    earlier = tmp_path / "out" / "evaluation.mcap"
    earlier.parent.mkdir()
    earlier.write_bytes(b"precious")
    earlier.with_name("evaluation.json").write_text("{}")
    with pytest.raises(EpisodeFileError, match="exists already"):
        evaluation.main(arguments(policy, tmp_path / "out"))
    assert earlier.read_bytes() == b"precious"


def test_an_interrupt_leaves_no_result(tmp_path, policy, monkeypatch, capsys) -> None:
    add = Recording.add

    def add_then_interrupt(self, steps, start_seed) -> None:
        add(self, steps, start_seed)
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(Recording, "add", add_then_interrupt)
    assert evaluation.main(arguments(policy, tmp_path / "out")) == 130
    assert not (tmp_path / "out" / "evaluation.json").exists()
    assert "SIGTERM" in capsys.readouterr().err
    monkeypatch.setattr(Recording, "add", add)
    assert evaluation.main(arguments(policy, tmp_path / "out")) == 0, "the same command goes on"
    kept = [len(list(group_episodes(read_episodes(tmp_path / "out" / name).records()))) for name in FILES]
    assert kept == [1, 2]


def test_a_robot_that_failed_is_waited_for_and_the_start_is_evaluated_anew(
    tmp_path, policy, counting_env, monkeypatch
) -> None:
    monkeypatch.setattr("actor.mending.FIRST_TURN_SECONDS", 0.0)
    env = counting_env([(4, Why.SUCCESS)])
    step, calls = env.step, []

    def step_with_a_reflex(action: Any) -> Any:
        calls.append(1)
        if len(calls) in (3, 4):
            raise RobotFault("stepping", "reflex", "look at the arm")
        return step(action)

    env.step = step_with_a_reflex
    monkeypatch.setattr("actor.world.make", lambda name, clock, render: env)
    assert evaluation.main(arguments(policy, tmp_path / "out")) == 0
    found = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert found["successes"] == found["eval_episodes"] == 2
    assert env.seeds == [2_000_000, 2_000_000, 2_000_000, 2_000_001]
    episodes = list(group_episodes(read_episodes(tmp_path / "out" / "evaluation.mcap").records()))
    assert [len(episode.steps) for episode in episodes] == [4, 4]
