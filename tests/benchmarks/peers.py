"""Updates a second of other agents beside ours, at the shapes and settings of the benchmark of updates.

`SBX_PYTHON` names a Python in whose environment sbx-rl is installed; its SAC runs there in a process of its
own: two critics with LayerNorm and tanh, the policy updated once a call, like ours. Its policy has no
LayerNorm, which spares it a little. The two take turns, so that a busy machine slows both.
"""

import json
import os
import statistics
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import jax

from learner.agents.config import CloningConfig, SACConfig
from learner.agents.sac import SAC
from tests.benchmarks import updates

SCRIPT = Path(__file__).with_name("_sbx_updates.py")
CONFIG = SACConfig(cloning=CloningConfig(weight_start=0.0, weight_end=0.0))
UTDS = (8, 20)
TURNS = 30
TIMEOUT_SECONDS = 300.0


def main() -> Iterator[dict[str, object]]:
    """One row for each UTD of each peer that there is."""
    python = os.environ.get("SBX_PYTHON", "")
    if not python:
        print("peers: set SBX_PYTHON to a Python that has sbx-rl installed")
        return
    for utd in UTDS:
        yield sbx(python, utd)


def sbx(python: str, utd: int) -> dict[str, object]:
    """Rates of ours and of SBX's, fastest turns and medians, and how they compare."""
    agent = SAC(CONFIG, updates.INTERFACE)
    ours = updates.stepper(agent.update, agent.init(jax.random.key(0)), updates.random_batch(utd))
    with started(python, utd) as (about, theirs):
        times = updates.take_turns({"ours": ours, "peer": theirs}, TURNS)
    best = {name: utd / min(seconds) for name, seconds in times.items()}
    median = {name: utd / statistics.median(seconds) for name, seconds in times.items()}
    return {
        "name": "sbx",
        "utd": utd,
        "critics": CONFIG.critic.members,
        "device": jax.devices()[0].device_kind,
        **about,
        "updates_per_second": round(best["ours"], 1),
        "updates_per_second_median": round(median["ours"], 1),
        "peer_updates_per_second": round(best["peer"], 1),
        "peer_updates_per_second_median": round(median["peer"], 1),
        "ratio": round(best["ours"] / best["peer"], 2),
        "ratio_median": round(median["ours"] / median["peer"], 2),
    }


@contextmanager
def started(python: str, utd: int) -> Iterator[tuple[dict[str, object], Callable[[], None]]]:
    """SBX's process: what it is, and how it takes a turn. Killed if it is not through in time."""
    shapes = {
        "observation": updates.OBSERVATION,
        "action": updates.ACTION,
        "hidden": updates.HIDDEN,
        "batch": updates.BATCH,
        "critics": CONFIG.critic.members,
        "utd": utd,
    }
    command = [python, str(SCRIPT), json.dumps(shapes)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    asks, answers = process.stdin, process.stdout

    def turn() -> None:
        print(file=asks, flush=True)
        if not answers.readline():
            raise RuntimeError("SBX's process ended")

    killer = threading.Timer(TIMEOUT_SECONDS, process.kill)
    killer.start()
    try:
        with process:
            yield json.loads(answers.readline()), turn
    finally:
        killer.cancel()
