"""A person at a terminal demonstrates by keys: a whole `handson demo` as a real process."""

import json
from pathlib import Path

import pytest

from shared.episode_starts import read_starts
from shared.episodes import group_episodes, read_episodes
from shared.step import Source, Why
from tests.actor.operating.terminal import Terminal

pytestmark = pytest.mark.timeout(100)

DEMO = ["-m", "deploy.cli", "demo", "--task", "reach", "--arm", "point", "--no-sound"]


def test_attempts_are_discarded_done_again_labelled_and_regretted(terminal: Terminal, tmp_path: Path) -> None:
    more = ("--device", "keyboard", "--reward", "operator", "--clock", "wall", "--episodes", "2")
    terminal.run([*DEMO, *more, "--out", str(tmp_path)])
    terminal.wait_for("acting |", 60.0)
    terminal.wait_for("tool x (m)")
    terminal.type("d")
    terminal.wait_for("1 discarded")
    terminal.type("z")
    terminal.wait_for("2 discarded")
    terminal.type("\x1b[C")
    terminal.type("s")
    terminal.wait_for("1 episodes,")
    terminal.type("s")
    terminal.wait_for("that was the last one")
    terminal.type("z")
    terminal.wait_for("3 discarded")
    terminal.forget()
    terminal.type("s")
    terminal.wait_for("that was the last one")
    terminal.type("q")
    assert terminal.end() == 130
    assert terminal.passes_lines
    told = json.loads((tmp_path / "demos.json").read_text())
    assert (told["kept"], told["successes"], told["discarded"]) == (2, 2, 3)
    episodes = list(group_episodes(read_episodes(tmp_path / "demos.mcap").records()))
    assert [episode.steps[-1].step.why for episode in episodes] == [Why.SUCCESS] * 2
    assert {record.step.source for episode in episodes for record in episode.steps} == {Source.HUMAN}
    assert len(set(read_starts(tmp_path / "demos.mcap").values())) == 2
