"""Long runs over the simulated Franka: reflexes while an actor practises, and a task learned on it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("franky", reason="franky-control is not installed: make install ROLE=robot WITH=fr3")

from deploy.franka_sim.launch import launch
from deploy.services import free_port
from learner.log import read_log
from shared.records import LostRecord, StepRecord
from tests import results
from tests.system import small, witness
from tests.system.robot_bench import SECONDS, Bench

pytestmark = pytest.mark.acceptance

REFLEXES = 20
STALL_SECONDS = 0.06
STEPS_BETWEEN = 15


@pytest.mark.timeout(1200)
def test_twenty_reflexes_lose_no_step(tmp_path: Path, spawn: Any, wait_until: Any, program_cache: Path):
    simulator = launch(tmp_path / "sim.log", "--enforce-communication")
    bench = Bench(spawn, wait_until, simulator.host, control=False)
    try:
        wait_until(lambda: bench.is_in("ready"), SECONDS, "a ready arm")
        figures = _practise_through_reflexes(bench, tmp_path, spawn, wait_until, program_cache)
    finally:
        bench.client.close()
        simulator.close()
    print(f"\nfranka-sim: {figures}")
    results.record("franka-sim-reflexes", figures, {"stall_seconds": STALL_SECONDS, "task": "reach"})


def _practise_through_reflexes(
    bench: Bench, run: Path, spawn: Any, wait_until: Any, cache: Path
) -> dict[str, int]:
    address = f"tcp://127.0.0.1:{free_port()}"
    environment = {"env": {**os.environ, **small.environment(cache)}}
    learner = spawn(
        [
            "handson",
            "learner",
            "--run-dir",
            run,
            "--bind",
            address,
            "--end-with-actors",
            *_on_the_wall_clock(),
        ],
        **environment,
    )
    actor = spawn(
        [
            *(sys.executable, "-m", "tests.system.witness", run / "witness", "--run-dir", run),
            *("--task", "reach", "--arm", "franka", "--robot", bench.address, "--clock", "wall"),
            *("--connect", address, "--max-faults", "50", *small.PRACTICE),
        ],
        **environment,
    )
    seen: list[Any] = []
    for number in range(REFLEXES):
        before = witness.count(run / "witness")
        wait_until(
            lambda before=before: (
                witness.count(run / "witness") >= before + STEPS_BETWEEN or actor.poll() is not None
            ),
            180.0,
            f"steps before reflex {number}",
        )
        assert actor.poll() is None, actor.log.read_text()
        wait_until(lambda: bench.is_in("moving"), SECONDS, f"a moving arm before reflex {number}")
        reflexes = _count(bench, seen)
        bench.freeze_driver(signal.SIGSTOP)
        time.sleep(STALL_SECONDS)
        bench.freeze_driver(signal.SIGCONT)
        wait_until(lambda reflexes=reflexes: _count(bench, seen) > reflexes, SECONDS, f"reflex {number}")
    actor.send_signal(signal.SIGINT)
    wait_until(lambda: actor.poll() is not None, 60.0, "the actor's end")
    wait_until(lambda: learner.poll() is not None, 120.0, "the learner's end")
    assert actor.returncode == 0, actor.log.read_text()
    produced = witness.read(run / "witness")
    records = list(read_log(run / "episodes"))
    stored = [witness.line_of(each.identity, each.step) for each in records if isinstance(each, StepRecord)]
    assert stored == produced
    assert not [each for each in records if isinstance(each, LostRecord)]
    return {"reflexes": _count(bench, seen), "steps_produced": len(produced), "steps_lost": 0}


def _count(bench: Bench, seen: list[Any]) -> int:
    seen.extend(bench.client.events())
    return sum(event.kind == "reflex" for event in seen)


def _on_the_wall_clock() -> list[str]:
    """Where nobody leads."""
    flags = list(small.LEARNER)
    place = flags.index("--max-lead-steps")
    return [*flags[:place], *flags[place + 2 :], "--clock", "wall"]


@pytest.mark.timeout(1800)
def test_reach_is_learned_on_the_simulated_franka(repository: Path, tmp_path: Path):
    run = tmp_path / "run"
    command = [sys.executable, "-m", "deploy.cli", "sim", "--arm", "franka-sim", "--task", "reach"]
    done = subprocess.run(
        [*command, "--run-dir", run], cwd=repository, capture_output=True, text=True, timeout=1500
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((run / "result.json").read_text())
    names = ("success_rate", "eval_episodes", "env_steps", "updates", "steps_lost", "wall_seconds")
    results.record(
        "franka-sim-reach", {name: found[name] for name in names}, {"command": " ".join(command[3:])}
    )
    assert found["success_rate"] >= 0.9
    assert found["wall_seconds"] <= 1200
