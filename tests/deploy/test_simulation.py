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
(run / "order").touch()
def note(what):
    with (run / "order").open("a") as stream:
        stream.write(what + "\\n")
def measure(**line):
    with (run / "metrics.jsonl").open("a") as stream:
        stream.write(json.dumps(line) + "\\n")
def act(then, evaluations=()):
    def end(*_):
        note("actor ended")
        then()
        sys.exit(0)
    signal.signal(signal.SIGINT, end)
    while "learner" not in (run / "order").read_text().split():
        time.sleep(0.01)
    note("actor")
    for success in evaluations:
        measure(kind="evaluation", env_steps=100, updates=400, **{"evaluation/success_rate": success})
    time.sleep(60)
    sys.exit("nobody ended the actor")
"""
# The fake learner ends by itself once the actor has gone, as the real one does.
LEARNER = """
signal.signal(signal.SIGINT, lambda *_: (note("learner interrupted"), sys.exit(0)))
note("learner")
while not (run / "gone").exists():
    time.sleep(0.01)
note("learner ended")
"""
LEAVE = "lambda: (run / 'gone').touch()"
SLOW = f"act({LEAVE})"
ACTOR = f"act({LEAVE}, (0.5, 0.97, 1.0))"


def command(run: Path, code: str) -> list[str]:
    return [sys.executable, "-c", PRELUDE + code, str(run)]


@pytest.fixture(autouse=True)
def look_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulation, "LOOK_SECONDS", 0.02)


@pytest.fixture
def simulate(tmp_path: Path):
    """`simulate(**plan)` runs a plan of fake processes and returns (why it stopped, order of events)."""

    def run(*, learner=LEARNER, actor=ACTOR, demos="note('demos')", evaluation="note('eval')", **plan):
        settings = {
            "budget_seconds": 60.0,
            "evaluation_seconds": 1.0,
            "finish_seconds": 10.0,
            "target": Target(stop_after=2),
        }
        full = Plan(
            run=tmp_path,
            demos=command(tmp_path, demos) if demos else None,
            learner=command(tmp_path, learner),
            actor=command(tmp_path, actor),
            evaluation=lambda: command(tmp_path, evaluation),
            actor_id="actor-0",
            **{**settings, **plan},
        )
        clock = SystemClock()
        screen = Screen(
            title="x", target=full.target, utd=4, budget_seconds=60, clock=clock, stream=io.StringIO()
        )
        with screen:
            return Simulation(full, screen, clock, clock.now()).run(), order(tmp_path)

    return run


def order(run: Path) -> list[str]:
    return (run / "order").read_text().split("\n")[:-1]


def test_phases_come_in_order_and_training_stops_at_the_target(simulate):
    cause, events = simulate()
    assert cause == "target"
    assert events[0] == "demos"
    assert events[1:] == ["learner", "actor", "actor ended", "learner ended", "eval"]


def test_training_stops_early_enough_for_the_evaluation(simulate):
    began = time.monotonic()
    cause, events = simulate(actor=SLOW, demos=None, budget_seconds=2.0, evaluation_seconds=1.0)
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
        simulate(learner="note('learner')", actor=SLOW)


def test_a_learner_that_does_not_finish_is_interrupted(simulate):
    cause, events = simulate(actor="act(lambda: None, (1.0, 1.0))", finish_seconds=0.5)
    assert cause == "target"
    assert events[-2:] == ["learner interrupted", "eval"]


@pytest.fixture
def press(tmp_path: Path, wait_until):
    """`press(signal, ...)`: sends these signals to this process once learner and actor run."""
    pressed: list[float] = []
    people: list[threading.Thread] = []

    def both_run() -> bool:
        return (tmp_path / "order").exists() and set(order(tmp_path)) == {"learner", "actor"}

    def person(signals: tuple[signal.Signals, ...]) -> None:
        wait_until(both_run, 20)
        pressed.append(time.monotonic())
        for number in signals:
            os.kill(os.getpid(), number)

    def start(*signals: signal.Signals) -> list[float]:
        people.append(threading.Thread(target=person, args=(signals,)))
        people[-1].start()
        return pressed

    yield start
    for thread in people:
        thread.join()


def test_ctrl_c_ends_the_actor_then_the_learner_within_five_seconds(simulate, tmp_path: Path, press):
    pressed = press(signal.SIGINT, signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        simulate(demos=None, actor="act(lambda: time.sleep(0.2))")
    assert time.monotonic() - pressed[0] < 5
    assert order(tmp_path)[2:] == ["actor ended", "learner interrupted"]


def test_what_does_not_end_on_ctrl_c_is_killed_in_time(simulate, press, monkeypatch: pytest.MonkeyPatch):
    assert simulation.ACTOR_END_SECONDS + simulation.LEARNER_END_SECONDS < 5
    monkeypatch.setattr(simulation, "ACTOR_END_SECONDS", 0.3)
    monkeypatch.setattr(simulation, "LEARNER_END_SECONDS", 0.3)
    deaf = "signal.signal(signal.SIGINT, signal.SIG_IGN); note('{0}'); time.sleep(60)"
    press(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt):
        simulate(demos=None, actor=deaf.format("actor"), learner=deaf.format("learner"))


def test_processes_get_their_environment(simulate, tmp_path: Path):
    simulate(evaluation="note(os.environ['FLAG'])", environment={"evaluation": {"FLAG": "set"}})
    assert order(tmp_path)[-1] == "set"
