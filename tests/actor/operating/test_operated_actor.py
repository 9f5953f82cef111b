"""A whole `handson actor`, `demo` and their person at a terminal, as real processes."""

import importlib.util
import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from actor.main import main as actor_main
from shared.episodes import read_episodes
from shared.errors import ConfigError
from shared.records import StepRecord
from shared.step import Source, Why
from tests.actor.operating.terminal import Terminal

pytestmark = pytest.mark.timeout(100)

ACTOR = ["-m", "deploy.cli", "actor", "--task", "reach", "--arm", "point", "--no-sound"]
STEPS = re.compile(r"episode (\d+) \| (\d+) steps")


def counted(terminal: Terminal) -> tuple[int, int]:
    """Episodes and steps on the line that was shown last."""
    found = STEPS.findall(terminal.read())
    return (int(found[-1][0]), int(found[-1][1])) if found else (0, 0)


def test_an_actor_is_paused_aborted_and_ended_by_keys(
    terminal: Terminal, tmp_path: Path, free_port, wait_until
) -> None:
    """Practice without a learner: random steps in real time, shown to a Rerun file too."""
    run, film = tmp_path / "run", tmp_path / "look.rrd"
    nobody = f"tcp://127.0.0.1:{free_port()}"
    arguments = ["--clock", "wall", "--random-steps", "100000", "--connect", nobody]
    arguments += ["--run-dir", str(run), "--view-to", str(film), "--uplink.ring-bytes", str(2**20)]
    terminal.run([*ACTOR, *arguments])
    terminal.wait_for(lambda _: counted(terminal)[1] > 5, 60.0)
    terminal.type("p")
    terminal.wait_for("paused: the arm is held")
    terminal.wait_for("paused | episode")
    held = counted(terminal)
    wait_until(lambda: terminal.read().count("paused | episode") >= 4, 10.0)
    assert counted(terminal)[1] <= held[1] + 1
    terminal.type("p")
    terminal.wait_for(lambda _: counted(terminal)[1] > held[1] + 3)
    before = counted(terminal)[0]
    terminal.type("a")
    terminal.wait_for(lambda _: counted(terminal)[0] > before)
    terminal.type("q")
    assert terminal.end() == 0
    summary = json.loads((run / "actor-0.json").read_text())
    assert summary["cause"] == "the operator ended it"
    assert terminal.passes_lines
    assert looked_at(film) >= {"arm/tcp_position_base_m", "target_from_tcp_base_m", "action", "reward"}


def looked_at(film: Path) -> set[str]:
    """The entities in a Rerun file, read by a process of its own: the library keeps sockets open."""
    if importlib.util.find_spec("rerun") is None:
        pytest.skip("rerun-sdk is not installed: the extra rerun")
    code = "import sys, rerun.chunk as c; print(*(e.entity_path for e in c.RrdReader(sys.argv[1]).stream()))"
    command = [sys.executable, "-c", code, str(film)]
    found = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return {name.lstrip("/") for name in found.stdout.split()}


def test_a_person_judges_demos_by_keys(terminal: Terminal, tmp_path: Path) -> None:
    """`cable_route` is judged by the operator unless told otherwise."""
    arguments = ["--task", "cable_route", "--arm", "point", "--cameras", "pattern", "--no-sound"]
    arguments += ["--episodes", "2", "--out", str(tmp_path), "--clock", "wall"]
    terminal.run(["-m", "deploy.cli", "demo", *arguments, "--wait-for-scene", "--keep-failures"])
    for verdict in "sf":
        terminal.wait_for("waiting for the scene", 60.0)
        terminal.type("r")
        terminal.forget()
        terminal.wait_for("acting")
        terminal.type(verdict)
        terminal.forget()
    assert terminal.end() == 0, terminal.seen
    records = read_episodes(tmp_path / "demos.mcap").records()
    last = [record.step for record in records if isinstance(record, StepRecord) and record.step.last]
    assert [(step.why, step.reward, step.source) for step in last] == [
        (Why.SUCCESS, 1.0, Source.SCRIPT),
        (Why.FAILURE, 0.0, Source.SCRIPT),
    ]


def test_a_person_demonstrates_by_the_keys_of_the_terminal(terminal: Terminal, tmp_path: Path) -> None:
    demo = ["-m", "deploy.cli", "demo", "--task", "reach", "--arm", "point", "--no-sound", "--clock", "wall"]
    demo += ["--device", "keyboard", "--reward", "operator", "--episodes", "2", "--out", str(tmp_path)]
    terminal.run(demo)
    terminal.wait_for("arrows right, left", 60.0)
    for _ in range(2):
        terminal.wait_for("acting", 30.0)
        for _ in range(15):
            terminal.type("\x1b[5~")
            time.sleep(0.05)
        terminal.type("s")
        terminal.forget()
    terminal.wait_for("kept", 30.0)
    terminal.type("q")
    terminal.end()
    steps = [
        record.step
        for record in read_episodes(tmp_path / "demos.mcap").records()
        if isinstance(record, StepRecord)
    ]
    driven = [step for step in steps if step.human_action is not None and step.human_action[2] > 0.0]
    assert driven
    assert all(step.source is Source.HUMAN for step in driven)
    assert all((step.human_action == step.chosen_action).all() for step in driven)
    assert steps[-1].why is Why.SUCCESS


@pytest.mark.parametrize("wish", [["--reward", "operator"], ["--wait-for-scene"]])
def test_without_a_terminal_nobody_can_be_waited_for(tmp_path: Path, wish: list[str]) -> None:
    arguments = ["--task", "reach", "--arm", "point", "--run-dir", str(tmp_path), *wish]
    with pytest.raises(ConfigError, match="no terminal"):
        actor_main(arguments)
