"""What a saturated uplink costs the updates: two critics, UTD 8, while two cameras' steps arrive or do not.

The uplink is saturated twice: by an actor on this computer that puts without a pause, and by as many steps as
a 1 Gbit/s network carries. The cores are shared by all, as on a laptop, or divided as where the actor has a
computer of its own: one core for the thread that updates, the others for actor, link, log and store. Each way
of sharing is measured in a process of its own, since XLA sizes its threads once. Idle and busy take turns.
"""

import multiprocessing
import os
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from multiprocessing.connection import Connection

import jax

from learner.agents.config import CloningConfig, SACConfig
from learner.agents.sac import SAC
from tests.benchmarks import put, updates
from tests.benchmarks.arrival import arriving

UTD, AIM = 8, 0.9
TURNS, TURN_SECONDS = 5, 4.0
GIGABIT_BYTES_PER_SECOND = 125e6
TIMEOUT_SECONDS = 300.0


def main() -> Iterator[dict[str, object]]:
    """One row for each way of saturating and of sharing the cores."""
    for divided in (False, True):
        ours, theirs = multiprocessing.get_context("spawn").Pipe()
        process = multiprocessing.get_context("spawn").Process(target=_measure, args=(theirs, divided))
        process.start()
        if not ours.poll(TIMEOUT_SECONDS):
            process.kill()
            raise TimeoutError(f"no figures within {TIMEOUT_SECONDS:g} s")
        yield from ours.recv()
        process.join()


def _measure(pipe: Connection, divided: bool) -> None:
    cores = os.sched_getaffinity(0)
    mine = {min(cores)} if divided else cores
    os.sched_setaffinity(0, mine)  # before XLA counts them
    agent = SAC(SACConfig(cloning=CloningConfig(weight_start=0.0, weight_end=0.0)), updates.INTERFACE)
    step = updates.stepper(agent.update, agent.init(jax.random.key(0)), updates.random_batch(UTD))
    step()
    step_bytes = sum(array.nbytes for array in put.example_steps()[0].observation.values())
    named = "one for the updates, the others for the rest" if divided else "shared"
    rows = []
    with ThreadPoolExecutor(1, initializer=_run_on, initargs=(cores - mine or cores,)) as elsewhere:
        for uplink, period in (("no limit", 0.0), ("1 Gbit/s", step_bytes / GIGABIT_BYTES_PER_SECOND)):
            rows.append({"uplink": uplink, "sharing": named, **_compare(step, period, elsewhere), "aim": AIM})
    pipe.send(rows)


def _run_on(cores: set[int]) -> None:
    """This thread, and every thread and process that it starts."""
    os.sched_setaffinity(0, cores)


def _compare(step: Callable[[], None], period_seconds: float, elsewhere: Executor) -> dict[str, object]:
    """Updates a second without and with steps arriving, turn by turn."""
    idle, busy, arrived = [], [], 0
    for _ in range(TURNS):
        idle.append(_rate(step))
        arrivals = arriving(period_seconds)
        ages = elsewhere.submit(arrivals.__enter__).result()
        before = len(ages)
        busy.append(_rate(step))
        arrived += len(ages) - before
        elsewhere.submit(arrivals.__exit__, None, None, None).result()
    return {
        "updates_per_second": round(statistics.median(busy), 1),
        "idle_updates_per_second": round(statistics.median(idle), 1),
        "share": round(statistics.median(b / i for b, i in zip(busy, idle, strict=True)), 3),
        "arrived_steps_per_second": round(arrived / TURNS / TURN_SECONDS),
    }


def _rate(step: Callable[[], None]) -> float:
    calls, began = 0, time.perf_counter()
    while time.perf_counter() < began + TURN_SECONDS:
        step()
        calls += 1
    return calls * UTD / (time.perf_counter() - began)
