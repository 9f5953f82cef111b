"""Two learners and one actor that practises relocate both ways on one bench: what the trials came to.

python -m tests.system.reset_free DIRECTORY
"""

import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests import results

TASKS = ("relocate_forward", "relocate_back")
DEMOS, TRIALS, LEAST = 20, 300, 0.8
LEARNER = ("--utd", "4", "--warmup-steps", "200")
SECONDS = 2400.0


def handson(*words: object) -> list[str]:
    return [sys.executable, "-m", "deploy.cli", *map(str, words)]


def practise(directory: Path) -> dict[str, Any]:
    """Demonstrate both ways, practise both in turns; the summary of the trials, and of each task."""
    ports = [_free_port() for _ in TASKS]
    for task in TASKS:
        _run(handson("demo", "--task", task, "--episodes", DEMOS, "--out", directory / "demos" / task))
    learners = [
        _start(directory / f"learner-{task}.txt", _learner(directory, task, port))
        for task, port in zip(TASKS, ports, strict=True)
    ]
    try:
        _act(_actor(directory, ports), directory, learners)
        for learner in learners:
            learner.wait(120)
    finally:
        for learner in learners:
            learner.send_signal(signal.SIGINT)
            learner.wait(30)
    summary = json.loads((directory / "actor-0-both-ways.json").read_text())
    for name, task in zip(("actor-0", "actor-0-back"), TASKS, strict=True):
        actor = json.loads((directory / f"{name}.json").read_text())
        summary["tasks"][task] |= {"steps": actor["training_steps"], "uplink": actor["uplink"]}
        summary["wall_seconds"] = actor["wall_seconds"]
    return summary


def keep(summary: dict[str, Any]) -> None:
    """Write the result beside the documents."""
    settings = {"tasks": TASKS, "demos_each": DEMOS, "learner": LEARNER}
    results.record("reset_free", summary, settings)


def _learner(directory: Path, task: str, port: int) -> list[str]:
    demos = directory / "demos" / task / "demos.mcap"
    own = ("--run-dir", directory / task, "--demos", demos, "--bind", f"tcp://127.0.0.1:{port}")
    return handson("learner", *own, "--end-with-actors", *LEARNER)


def _actor(directory: Path, ports: list[int]) -> list[str]:
    forward, back = TASKS
    return handson(
        *("actor", "--task", forward, "--connect", f"tcp://127.0.0.1:{ports[0]}"),
        *("--back", back, "--back-connect", f"tcp://127.0.0.1:{ports[1]}"),
        *("--trials", TRIALS, "--run-dir", directory),
    )


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, timeout=SECONDS, stdout=subprocess.DEVNULL)


def _act(command: list[str], directory: Path, learners: "list[subprocess.Popen[bytes]]") -> None:
    """The actor from start to end; a learner that ends before it is a failure."""
    actor, deadline = _start(directory / "actor.txt", command), time.monotonic() + SECONDS
    try:
        while actor.poll() is None:
            ended = [learner.args for learner in learners if learner.poll()]
            assert not ended, f"ended early, see its text in {directory}: {ended}"
            assert time.monotonic() < deadline
            time.sleep(0.2)
    finally:
        actor.kill()
    assert actor.returncode == 0, (directory / "actor.txt").read_text()[-3000:]


def _start(log: Path, command: list[str]) -> "subprocess.Popen[bytes]":
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as stream:
        return subprocess.Popen(command, stdout=stream, stderr=subprocess.STDOUT)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    found = practise(Path(sys.argv[1]))
    print(json.dumps(found, indent=2))
    keep(found)
