"""From `put` on the actor until the learner could sample the step.

The actor is a process of its own with ring, spool and session; the learner, here, ingests with a real log and
appends to a real store. Both read the same wall clock.
"""

import multiprocessing
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from actor.uplink import Uplink
from actor.uplink_config import UplinkConfig
from learner.ingest import Ingest
from learner.log import EpisodeLog
from learner.ratio import RatioConfig
from learner.replay.layout import BatchLayout
from learner.replay.store import ReplayStore
from shared.clock import SystemClock
from shared.errors import SpoolFull
from shared.link.listener import ListenerConfig
from shared.records import StepRecord
from shared.step import EpisodeKind
from tests.benchmarks import put

STEPS, PERIOD_SECONDS, LIMIT_P99_MS = 500, 0.02, 50.0
STORE_ROWS = 4_000


def main() -> Iterator[dict[str, object]]:
    """One row."""
    with arriving(PERIOD_SECONDS) as ages:
        until = time.monotonic() + 2 * STEPS * PERIOD_SECONDS
        while len(ages) < STEPS and time.monotonic() < until:
            time.sleep(PERIOD_SECONDS)
    low, high = np.percentile(np.array(ages) * 1e3, (50, 99))
    name = "put on the actor to sampleable, two cameras, spool and log"
    yield {"figure": name, "p50_ms": round(low, 2), "p99_ms": round(high, 2), "limit_p99_ms": LIMIT_P99_MS}


@contextmanager
def arriving(period_seconds: float) -> Iterator[list[float]]:
    """Seconds that each step took from its put to the store, growing while an actor sends."""
    ages: list[float] = []
    stop = threading.Event()
    with tempfile.TemporaryDirectory(prefix="handson-arrival-") as folder:
        ingest = Ingest(
            ListenerConfig(bind="tcp://127.0.0.1:0"),
            RatioConfig(),
            incarnation="bench",
            open_log=lambda interface, on_durable: EpisodeLog(
                Path(folder) / "log", interface, SystemClock(), on_durable=on_durable
            ),
        )
        ingest.start()
        keeper = threading.Thread(target=_keep, args=(ingest, ages, stop))
        keeper.start()
        ours, theirs = multiprocessing.get_context("spawn").Pipe()
        arguments = (theirs, ingest.endpoint, str(Path(folder) / "spool"), period_seconds)
        actor = multiprocessing.get_context("spawn").Process(target=_act, args=arguments)
        actor.start()
        try:
            ours.recv()
            yield ages
        finally:
            ours.send(None)
            actor.join(20.0)
            stop.set()
            keeper.join(5.0)
            ingest.close(5.0)


def _keep(ingest: Ingest, ages: list[float], stop: threading.Event) -> None:
    store = ReplayStore(BatchLayout(interface=put.INTERFACE), STORE_ROWS)
    while not stop.is_set():
        if ingest.arrivals.empty():
            time.sleep(0.0005)
            continue
        _, record = ingest.arrivals.get()
        if isinstance(record, StepRecord):
            store.append(record)
            ages.append(time.time() - record.time_seconds)


def _act(pipe: Connection, endpoint: str, folder: str, period_seconds: float) -> None:
    """Put steps at a steady pace until told to end."""
    steps = put.example_steps()
    uplink = Uplink(Path(folder), "actor", "0", put.INTERFACE, UplinkConfig())
    session = put.session(uplink, endpoint)
    session.start()
    session.welcomed(10.0)
    pipe.send(None)
    began, number = time.perf_counter(), 0
    while not pipe.poll():
        time.sleep(max(0.0, began + number * period_seconds - time.perf_counter()))
        try:
            uplink.put(steps[number % len(steps)], 0, number, EpisodeKind.TRAINING)
        except SpoolFull:
            time.sleep(0.01)
        else:
            number += 1
    session.close(10.0)
    uplink.close(10.0)
