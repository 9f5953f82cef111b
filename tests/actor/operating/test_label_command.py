"""`handson classifier record` as a person, a script and a kill see it."""

import re
import signal
from pathlib import Path

import pytest

from actor.label_session import Wanted, hint
from actor.labelling import Labels
from deploy.cli import main as handson
from learner.classifier.dataset import load
from shared.episodes import group_episodes, read_episodes
from shared.labels import OPERATOR, label_of
from shared.step import EpisodeKind, Source
from tests.actor.operating.terminal import Terminal

RECORD = ["classifier", "record", "--task", "reach_vision", "--image-size", "16"]
BY_TASK = [*RECORD, "--label", "environment"]


def test_a_script_records_both_classes_past_success_and_another_recording_adds_a_file(
    tmp_path, capsys
) -> None:
    words = [*BY_TASK, "--frames", "40", "6", "--episode-steps", "20", "--out", str(tmp_path)]
    assert handson(words) == 0
    assert re.search(r"success +│ \d+ of 6 frames", capsys.readouterr().out)
    (path,) = tmp_path.glob("labels-*.mcap")
    data = load([path], (), 0.5)
    assert (data.labels == 1).sum() >= 6
    assert (data.labels == 0).sum() >= 40
    episodes = list(group_episodes(read_episodes(path).records()))
    assert all(episode.complete and episode.kind is EpisodeKind.EVALUATION for episode in episodes)
    assert max(len(episode.steps) for episode in episodes) <= 20
    sources = {record.step.source for episode in episodes for record in episode.steps}
    assert sources == {Source.SCRIPT, Source.RANDOM}
    labels = [[label_of(r.step) for r in e.steps] for e in episodes]
    assert any(said and said[0] == 1 for each in labels for said in each[:-1])
    assert handson([*words, "--seed", "9"]) == 0
    assert len(list(tmp_path.glob("labels-*.mcap"))) == 2
    assert len(load([tmp_path], (), 0.5)) > len(data)


def test_a_kill_loses_no_step_that_was_shown(tmp_path, spawn, wait_until) -> None:
    process = spawn(["handson", *BY_TASK, "--frames", "100000", "100000", "--out", str(tmp_path)])

    def recorded() -> list[Path]:
        return [path for path in tmp_path.glob("*.mcap") if path.stat().st_size > 100_000]

    wait_until(recorded, 60.0, "a hundred kilobytes of frames")
    process.send_signal(signal.SIGKILL)
    process.wait(10.0)
    assert len(load([tmp_path], (), 0.5)) > 30


def test_what_is_missing_in_the_end_is_said_by_the_status(tmp_path) -> None:
    words = ["--frames", "1", "5000", "--episodes", "1", "--episode-steps", "3", "--out", str(tmp_path)]
    assert handson([*BY_TASK, *words]) == 1
    assert len(load([tmp_path], (), 0.5)) == 3


def test_a_person_labels_by_keys_at_a_terminal(tmp_path, terminal: Terminal) -> None:
    words = ["--clock", "wall", "--frames", "100000", "100000", "--no-sound", "--out", str(tmp_path)]
    terminal.run(["-m", "deploy.cli", *RECORD, *words])
    terminal.wait_for("success and back", 60.0)
    terminal.wait_for(lambda seen: re.search(r"failure +│ \d\d+ of", seen), 60.0)
    terminal.type("l")
    terminal.wait_for(lambda seen: re.search(r"success +│ ([2-9]|\d\d+) of", seen), 60.0)
    terminal.type("q")
    assert terminal.end() == 130
    (path,) = tmp_path.glob("*.mcap")
    steps = [record.step for record in read_episodes(path).records()]
    assert {label_of(step) for step in steps} == {(0, OPERATOR), (1, OPERATOR)}


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ([*RECORD, "--label", "keys"], "no terminal"),
        ([*BY_TASK, "--classes", "a", "b", "c", "--frames", "1", "1", "1"], "only success"),
        ([*BY_TASK, "--frames", "5"], "one number for each"),
        ([*BY_TASK, "--wander", "2"], "share"),
        ([*BY_TASK, "--episode-steps", "0"], "at least 1 step"),
        (["classifier", "record", "--label", "environment", "--task", "reach"], "--cameras"),
    ],
)
def test_what_cannot_be_recorded_is_refused_and_leaves_nothing(tmp_path, capsys, words, named) -> None:
    try:
        status = handson([*words, "--out", str(tmp_path)])
    except SystemExit as ended:
        status = int(ended.code or 0)
    assert status == 2
    assert named in capsys.readouterr().err
    assert not list(tmp_path.glob("*"))


def test_the_person_is_told_to_come_close() -> None:
    wanted = Wanted(title="labels", frames=(100, 50), episodes=1, episode_steps=1, seed=0)
    labels = Labels(("failure", "success"), by_keys=True)
    labels.counts.update({0: 90, 1: 30})
    labels.near_misses = 5
    assert "come close" in hint(wanted, labels)
    labels.near_misses = 60
    assert hint(wanted, labels) == "wanted: failure, success"
    labels.counts.update({0: 10, 1: 20})
    assert hint(wanted, labels) == "enough of everything"
