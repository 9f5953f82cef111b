"""Scripted demonstrations: recorded whole, kept when they succeed, readable by everybody."""

import dataclasses
import signal
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from actor import demo
from robot_env.teleop.script import ScriptConfig
from shared.episodes import EpisodeWriter, group_episodes, read_episodes
from shared.errors import ConfigError, EpisodeFileError
from shared.step import EpisodeKind, Source, Why


def episodes_in(directory):
    file = read_episodes(directory / "demos.mcap")
    return file, list(group_episodes(file.records()))


def test_successes_are_recorded_from_start_to_end(tmp_path, capsys) -> None:
    assert demo.main(["--task", "reach", "--episodes", "3", "--out", str(tmp_path)]) == 0
    file, episodes = episodes_in(tmp_path)
    assert file.interface.name == "reach"
    assert len(episodes) == 3
    for number, episode in enumerate(episodes):
        assert episode.complete
        assert episode.kind is EpisodeKind.DEMO
        assert (episode.actor_id, episode.number) == ("demo", number)
        assert episode.steps[-1].step.why is Why.SUCCESS
        assert all(record.step.source is Source.SCRIPT for record in episode.steps)
    sequences = [record.sequence for episode in episodes for record in episode.steps]
    assert sequences == list(range(len(sequences)))
    assert "3 episodes" in capsys.readouterr().out


def test_the_seed_decides_the_demos_and_the_incarnation_is_new(tmp_path) -> None:
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        demo.main(["--task", "reach", "--episodes", "1", "--seed", str(seed), "--out", str(tmp_path / name)])
    a, b, c = (episodes_in(tmp_path / name)[1][0] for name in "abc")
    first = [record.step.chosen_action for record in a.steps]
    np.testing.assert_array_equal(first, [record.step.chosen_action for record in b.steps])
    assert not np.array_equal(first[0], c.steps[0].step.chosen_action)
    assert a.incarnation != b.incarnation


@pytest.fixture
def hasty_script(monkeypatch) -> None:
    """A script that mostly noises about, so that some episodes fail."""
    clumsy = dataclasses.make_dataclass(
        "Clumsy", [("noise", float, 1.0)], bases=(ScriptConfig,), frozen=True, kw_only=True
    )
    monkeypatch.setattr("robot_env.teleop.script.ScriptConfig", clumsy)


def test_failures_are_discarded_and_counted(tmp_path, hasty_script, capsys, monkeypatch) -> None:
    monkeypatch.setattr(demo, "ATTEMPTS_PER_EPISODE", 2)
    code = demo.main(["--task", "pick_cube", "--episodes", "2", "--out", str(tmp_path)])
    _, episodes = episodes_in(tmp_path)
    assert code == (0 if len(episodes) == 2 else 1)
    assert all(episode.steps[-1].step.why is Why.SUCCESS for episode in episodes)
    printed = capsys.readouterr().out
    assert f"{len(episodes)} episodes" in printed
    assert "discarded" in printed


def test_failures_are_kept_when_asked_for(tmp_path, hasty_script) -> None:
    argv = ["--task", "pick_cube", "--episodes", "2", "--keep-failures", "--out", str(tmp_path)]
    assert demo.main(argv) == 0
    assert len(episodes_in(tmp_path)[1]) == 2


def test_a_recording_is_never_overwritten(tmp_path) -> None:
    argv = ["--task", "reach", "--episodes", "1", "--out", str(tmp_path)]
    demo.main(argv)
    before = (tmp_path / "demos.mcap").read_bytes()
    with pytest.raises(EpisodeFileError, match="exists already"):
        demo.main(argv)
    assert (tmp_path / "demos.mcap").read_bytes() == before


@pytest.mark.parametrize(
    ("argv", "named"),
    [
        (["--device", "scrpt"], "script"),
        (["--task", "pick_cub"], "pick_cube"),
        (["--env", "gymnasium:Pendulum-v1"], "reach"),
    ],
)
def test_what_cannot_be_is_refused_with_what_can(tmp_path, argv, named) -> None:
    with pytest.raises(ConfigError, match=named):
        demo.main([*argv, "--out", str(tmp_path)])
    assert not (tmp_path / "demos.mcap").exists()


def test_an_interrupt_keeps_the_episodes_that_are_whole(tmp_path, monkeypatch) -> None:
    add = demo.Recording.add

    def add_then_interrupt(self, steps, start_seed) -> None:
        add(self, steps, start_seed)
        if self.episodes == 2:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(demo.Recording, "add", add_then_interrupt)
    assert demo.main(["--task", "reach", "--episodes", "50", "--out", str(tmp_path)]) == 130
    file, episodes = episodes_in(tmp_path)
    assert len(episodes) == 2
    assert all(episode.complete for episode in episodes)
    assert not file.truncated


def test_a_full_disk_is_named_and_what_was_recorded_stays(tmp_path, monkeypatch) -> None:
    flush = EpisodeWriter.flush

    def flush_once(self) -> None:
        if self.size_bytes > 10_000:
            raise OSError(28, "No space left on device")
        flush(self)

    monkeypatch.setattr(EpisodeWriter, "flush", flush_once)
    with pytest.raises(EpisodeFileError, match=r"(?s)No space left.*episodes before are kept"):
        demo.main(["--task", "reach", "--episodes", "50", "--out", str(tmp_path)])
    file, episodes = episodes_in(tmp_path)
    assert file.truncated
    assert episodes
    assert all(episode.complete for episode in episodes)


def test_a_command_gets_what_follows_it(monkeypatch) -> None:
    called = []
    monkeypatch.setitem(demo.COMMANDS, "look", "tests_look:main")
    monkeypatch.setitem(
        sys.modules, "tests_look", SimpleNamespace(main=lambda argv: called.append(argv) or 3)
    )
    assert demo.main(["look", "a.mcap", "--json"]) == 3
    assert called == [["a.mcap", "--json"]]


def test_a_misspelt_command_names_the_nearest(monkeypatch) -> None:
    monkeypatch.setitem(demo.COMMANDS, "look", "tests_look:main")
    with pytest.raises(ConfigError, match="did you mean 'look'"):
        demo.main(["lok"])
