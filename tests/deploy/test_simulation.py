"""The launcher with small fake processes: order, stopping rules, failures, Ctrl-C."""

import io
import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from deploy import simulation
from deploy.children import ProcessFailed
from deploy.screen import Screen
from deploy.simulation import Plan, Simulation
from deploy.target import Target
from shared.clock import SystemClock

PRELUDE = """
import json, os, pathlib, signal, sys, time
run = pathlib.Path(sys.argv[1])
def note(what):
    with (run / "order").open("a") as stream:
        stream.write(what + "\\n")
def measure(**line):
    with (run / "metrics.jsonl").open("a") as stream:
        stream.write(json.dumps(line) + "\\n")
def serve(name, then=lambda: None):
    def end(*_):
        note(name + " ended")
        then()
        sys.exit(0)
    signal.signal(signal.SIGINT, end)
    note(name)
    time.sleep(60)
    sys.exit("nobody ended " + name)
"""
# The fake learner ends by itself once the actor has gone, as the real one does.
LEARNER = """
signal.signal(signal.SIGINT, lambda *_: (note("learner interrupted"), sys.exit(0)))
note("learner")
while not (run / "gone").exists():
    time.sleep(0.01)
note("learner ended")
"""
ACTOR = "serve('actor', lambda: (run / 'gone').touch())"
GOOD = """
for success in (0.5, 0.97, 1.0):
    measure(kind="evaluation", env_steps=100, updates=400, **{"evaluation/success_rate": success})
"""


def command(run: Path, code: str) -> list[str]:
    return [sys.executable, "-c", PRELUDE + code, str(run)]


@pytest.fixture(autouse=True)
def look_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulation, "LOOK_SECONDS", 0.02)


@pytest.fixture
def simulate(tmp_path: Path):
    """`simulate(**plan)` runs a plan of fake processes and returns (why it stopped, order of events)."""

    def run(*, learner=LEARNER, actor=GOOD + ACTOR, demos="note('demos')", evaluation="note('eval')", **plan):
        settings = {
            "budget_seconds": 60.0,
            "evaluation_seconds": 1.0,
            "finish_seconds": 10.0,
            "target": Target(),
        }
        full = Plan(
            run=tmp_path,
            demos=command(tmp_path, demos) if demos else None,
            learner=command(tmp_path, learner),
            actor=command(tmp_path, actor),
            evaluation=command(tmp_path, evaluation),
            actor_id="actor-0",
            **{**settings, **plan},
        )
        clock = SystemClock()
        screen = Screen(
            title="x", target=full.target, utd=4, budget_seconds=60, clock=clock, stream=io.StringIO()
        )
        with screen:
            return Simulation(full, screen, clock).run(), order(tmp_path)

    return run


def order(run: Path) -> list[str]:
    return (run / "order").read_text().split("\n")[:-1]


def test_phases_come_in_order_and_training_stops_at_the_target(simulate):
    cause, events = simulate()
    assert cause == "target"
    assert events[0] == "demos"
    assert set(events[1:3]) == {"learner", "actor"}
    assert events[3:] == ["actor ended", "learner ended", "eval"]


def test_training_stops_early_enough_for_the_evaluation(simulate):
    began = time.monotonic()
    cause, events = simulate(actor=ACTOR, demos=None, budget_seconds=2.0, evaluation_seconds=1.0)
    assert cause == "time"
    assert events[-1] == "eval"
    assert time.monotonic() - began < 10


def test_an_actor_that_is_done_ends_training(simulate):
    cause, events = simulate(actor="(run / 'gone').touch()")
    assert cause == "steps"
    assert events[-1] == "eval"


@pytest.mark.parametrize("broken", ["learner", "actor"])
def test_a_failure_names_the_process_and_its_last_words_and_ends_the_other(
    simulate, tmp_path: Path, broken: str
):
    with pytest.raises(ProcessFailed) as failed:
        simulate(**{broken: "sys.exit('the disk is full')"})
    assert failed.value.stage == {"learner": "learner", "actor": "actor-0"}[broken]
    assert "the disk is full" in failed.value.cause
    assert "eval" not in order(tmp_path)


def test_demos_that_fail_end_the_run(simulate, tmp_path: Path):
    with pytest.raises(ProcessFailed, match="no arm"):
        simulate(demos="note('demos'); sys.exit('no arm')")
    assert order(tmp_path) == ["demos"]


def test_a_learner_that_leaves_first_is_a_failure(simulate):
    with pytest.raises(ProcessFailed, match="before the actor did"):
        simulate(learner="pass", actor=ACTOR)


def test_a_learner_that_does_not_finish_is_interrupted(simulate):
    cause, events = simulate(actor=GOOD + "serve('actor')", finish_seconds=0.5)
    assert cause == "target"
    assert events[-2:] == ["learner interrupted", "eval"]


def test_ctrl_c_ends_the_actor_then_the_learner_within_five_seconds(simulate, tmp_path: Path):
    pressed: list[float] = []

    def press() -> None:
        while not (tmp_path / "order").exists() or set(order(tmp_path)) != {"learner", "actor"}:
            time.sleep(0.01)
        pressed.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    person = threading.Thread(target=press)
    person.start()
    with pytest.raises(KeyboardInterrupt):
        simulate(demos=None, actor="serve('actor', lambda: time.sleep(0.2))", learner=LEARNER)
    person.join()
    assert time.monotonic() - pressed[0] < 5
    assert order(tmp_path)[2:] == ["actor ended", "learner interrupted"]


def test_what_does_not_end_on_ctrl_c_is_killed_in_time(simulate, tmp_path: Path, monkeypatch):
    assert simulation.ACTOR_END_SECONDS + simulation.LEARNER_END_SECONDS < 5
    monkeypatch.setattr(simulation, "ACTOR_END_SECONDS", 0.3)
    monkeypatch.setattr(simulation, "LEARNER_END_SECONDS", 0.3)
    deaf = "signal.signal(signal.SIGINT, signal.SIG_IGN); note('{0}'); time.sleep(60)"

    def press() -> None:
        while not (tmp_path / "order").exists() or set(order(tmp_path)) != {"learner", "actor"}:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    person = threading.Thread(target=press)
    person.start()
    with pytest.raises(KeyboardInterrupt):
        simulate(demos=None, actor=deaf.format("actor"), learner=deaf.format("learner"))
    person.join()


def test_processes_get_their_environment(simulate, tmp_path: Path):
    simulate(evaluation="note(os.environ['FLAG'])", environment={"evaluation": {"FLAG": "set"}})
    assert order(tmp_path)[-1] == "set"
