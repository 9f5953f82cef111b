"""The link on loopback, learner and actor in two processes: snapshots down, steps up, heartbeats beside them.

Snapshots are 10 MB in twenty arrays, published every 50 ms by an idle learner; "ready" is when the actor
could act with the arrays. Steps carry two 128 x 128 RGB cameras, a state vector and actions, and count once
they are in the replay store; no disk takes part. Beside the uplink stands ZeroMQ alone with the same frames.
With `PEER` naming a checkout of agentlace (and its lz4 in there), the same of agentlace, as SERL uses it.
"""

import json
import os
import queue
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from learner.ingest import EncodedSnapshot, Ingest
from learner.ratio import RatioConfig
from learner.replay.layout import BatchLayout
from learner.replay.store import ReplayStore
from shared.codec import encode, records_message
from shared.link import sockets
from shared.link.listener import ListenerConfig
from shared.policy.snapshot import PolicySnapshot, encode_snapshot
from shared.policy.spec import PolicySpec
from shared.records import Record, StepRecord
from tests.benchmarks._link_actor import BATCH, FRAME_BYTES_A_STEP, INTERFACE, episodes

STEPS = 6000
STORE_ROWS = 2000
PEER_STEPS = 1200
PEER_SNAPSHOTS = 100
STATES = replace(INTERFACE, observations=INTERFACE.observations[:1])
SNAPSHOTS = 200
HEARTBEATS = 200
PUBLISH_SECONDS = 0.05
HEARTBEAT_SECONDS = 0.02


def main() -> Iterator[dict[str, object]]:
    """One row for each figure."""
    yield uplink()
    yield latency("snapshots", "snapshot published to ready, 10 MB", SNAPSHOTS, goal_p99_ms=20.0)
    yield latency("heartbeats", "heartbeat round trip beside snapshots", HEARTBEATS)
    peer = os.environ.get("PEER", "")
    if (Path(peer) / "agentlace").is_dir():
        yield agentlace(peer)


def uplink() -> dict[str, object]:
    """Steps a second from the actor's socket into the replay store."""
    store = ReplayStore(BatchLayout(interface=INTERFACE), STORE_ROWS)
    with learner() as ingest:
        finished: queue.SimpleQueue[float] = queue.SimpleQueue()

        def keep() -> None:
            for _ in range(STEPS):
                _, record = ingest.arrivals.get()
                assert isinstance(record, StepRecord)
                store.append(record)
            finished.put(time.monotonic())

        thread = threading.Thread(target=keep)
        thread.start()
        started = actor("steps", ingest.endpoint, STEPS)
        assert isinstance(started, float)
        seconds = finished.get(timeout=60) - started
        thread.join()
    alone = zeromq_alone()
    return {
        "name": "uplink, two 128x128 cameras, socket to store",
        "steps_per_second": round(STEPS / seconds),
        "megabytes_per_second": round(STEPS / seconds * FRAME_BYTES_A_STEP / 1e6),
        "zeromq_alone_steps_per_second": round(alone),
        "goal": 3800,
    }


def zeromq_alone() -> float:
    """Steps a second of the same frames from a DEALER to a ROUTER between two threads, nothing else done."""
    message, buffers = records_message(list(episodes(BATCH)))
    frames = [encode(message), *buffers]
    context = sockets.new_context(io_threads=2)
    router, dealer = context.socket(sockets.zmq.ROUTER), context.socket(sockets.zmq.DEALER)
    dealer.linger = 0
    port = router.bind_to_random_port("tcp://127.0.0.1")
    dealer.connect(f"tcp://127.0.0.1:{port}")

    def send() -> None:
        for _ in range(STEPS // BATCH):
            dealer.send_multipart(frames, copy=False)

    thread = threading.Thread(target=send)
    started = time.monotonic()
    thread.start()
    for _ in range(STEPS // BATCH):
        router.recv_multipart(copy=False)
    seconds = time.monotonic() - started
    thread.join()
    router.close(0)
    dealer.close(0)
    context.term()
    return STEPS / seconds


def latency(mode: str, name: str, count: int, goal_p99_ms: float | None = None) -> dict[str, object]:
    """Milliseconds as the actor measures them, while snapshots are published."""
    with learner() as ingest, published(ingest):
        seconds = actor(mode, ingest.endpoint, count)
    low, high = np.percentile(np.array(seconds) * 1e3, (50, 99))
    row: dict[str, object] = {"name": name, "p50_ms": round(low, 2), "p99_ms": round(high, 2), "count": count}
    return row if goal_p99_ms is None else row | {"goal_p99_ms": goal_p99_ms}


class NoLog:
    """Positions, and nothing else."""

    def __init__(self) -> None:
        self._next = 0

    def append(self, record: Record) -> int:
        """Forget a record."""
        del record
        self._next += 1
        return self._next - 1

    def check(self) -> None:
        """Nothing can fail."""

    def close(self, deadline_seconds: float) -> None:
        """Nothing to close."""
        del deadline_seconds


@contextmanager
def learner() -> Iterator[Ingest]:
    """An ingest on a free port."""
    config = ListenerConfig(bind="tcp://127.0.0.1:0", heartbeat_seconds=HEARTBEAT_SECONDS)
    ingest = Ingest(config, RatioConfig(), incarnation="benchmark", open_log=lambda *_: NoLog())
    ingest.start()
    try:
        yield ingest
        ingest.check()
    finally:
        ingest.close(1.0)


@contextmanager
def published(ingest: Ingest) -> Iterator[None]:
    """New snapshots at a steady pace."""
    stop = threading.Event()
    arrays = {f"layer_{n}": np.full(125_000, n, np.float32) for n in range(20)}

    def publish() -> None:
        version = 0
        while not stop.wait(PUBLISH_SECONDS):
            version += 1
            snapshot = PolicySnapshot(
                spec=PolicySpec(interface=STATES),
                params=arrays,
                learner_incarnation="benchmark",
                version=version,
                update=version,
                created_at_seconds=time.monotonic(),
            )
            header, buffers = encode_snapshot(snapshot)
            ingest.publish(
                EncodedSnapshot(header=header, buffers=buffers, incarnation="benchmark", version=version)
            )

    thread = threading.Thread(target=publish)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def actor(mode: str, address: str, count: int) -> object:
    """What the actor's process printed."""
    command = [sys.executable, "-m", "tests.benchmarks._link_actor", mode, address, str(count)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout)


def agentlace(peer: str) -> dict[str, object]:
    """The same two figures of agentlace."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((os.getcwd(), peer))}
    command = [sys.executable, "-m", "tests.benchmarks._link_agentlace"]
    counts = [str(port), str(PEER_STEPS), str(PEER_SNAPSHOTS)]
    sides = [
        subprocess.Popen([*command, side, *counts], env=environment, stdout=subprocess.PIPE, text=True)
        for side in ("server", "client")
    ]
    finished, told = (json.loads(side.communicate(timeout=120)[0]) for side in sides)
    low, high = np.percentile(np.array(told["latencies"]) * 1e3, (50, 99))
    return {
        "name": "agentlace",
        "steps_per_second": round(PEER_STEPS / (finished - told["started"])),
        "snapshot_p50_ms": round(low, 2),
        "snapshot_p99_ms": round(high, 2),
    }
