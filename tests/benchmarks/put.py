"""`Uplink.put` with two cameras: what the control thread pays to know that a step survives its killing.

The step is copied into the ring while the drain thread spools and the link thread sends without a pause: the
learner, a process of its own that stores nothing, forgets everything whenever it has caught up.
"""

import multiprocessing
import shutil
import tempfile
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from actor.session import Session
from actor.uplink import Uplink
from actor.uplink_config import UplinkConfig
from shared.errors import SpoolFull
from shared.interface import ActionEntry, InterfaceSpec, ObservationEntry
from shared.link.dialer import DialerConfig
from shared.link.listener import Listener, ListenerConfig
from shared.protocol import PROTOCOL_VERSION, Ack, Hello, Records, Welcome
from shared.step import EpisodeKind, Source, Step

PUTS, QUICK_PUTS = 1_000, 400
PERIOD_SECONDS = 0.005
BACKLOG = 500
SIDE = 128
LIMIT_P50_MS, LIMIT_P99_MS = 0.2, 2.0
INTERFACE = InterfaceSpec(
    name="bench",
    observations=(
        ObservationEntry(name="arm/tcp_position_base_m", shape=(3,), dtype="float32"),
        ObservationEntry(name="front", shape=(SIDE, SIDE, 3), dtype="uint8"),
        ObservationEntry(name="wrist", shape=(SIDE, SIDE, 3), dtype="uint8"),
    ),
    actions=(ActionEntry(name="move", low=(-1.0,) * 4, high=(1.0,) * 4, unit="m"),),
    control_hz=10.0,
)


def main(*, quick: bool = False) -> Iterator[dict[str, object]]:
    """p50 and p99 in milliseconds, with the sender saturated and idle, beside a plain copy of the frames."""
    steps = example_steps()
    for saturated in (True, False):
        seconds, sent_per_second = _measure(steps, saturated, QUICK_PUTS if quick else PUTS)
        copies = [_copy_seconds(step) for step in steps for _ in range(20)]
        yield {
            "figure": "put, two 128x128x3 cameras, sender " + ("saturated" if saturated else "idle"),
            "p50_ms": _milliseconds(seconds, 50),
            "p99_ms": _milliseconds(seconds, 99),
            "max_ms": _milliseconds(seconds, 100),
            "limit_p50_ms": LIMIT_P50_MS,
            "limit_p99_ms": LIMIT_P99_MS,
            "sent_steps_per_second": round(sent_per_second),
            "copy_p50_ms": _milliseconds(copies, 50),
            "copy_p99_ms": _milliseconds(copies, 99),
        }


def _measure(steps: list[Step], saturated: bool, puts: int) -> tuple[list[float], float]:
    """Seconds of each put, and how many steps the sender handed over a second meanwhile."""
    directory = Path(tempfile.mkdtemp(prefix="handson-put-"))
    uplink = Uplink(directory, "actor", "0", INTERFACE, UplinkConfig())
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    learner = multiprocessing.get_context("spawn").Process(target=_forgetful_learner, args=(theirs,))
    learner.start()
    try:
        link = session(uplink, ours.recv())
        try:
            for number in range(BACKLOG):
                _put(uplink, steps[number % len(steps)], number)
            if saturated:
                link.start()
                link.welcomed(10.0)
            return _timed_puts(uplink, steps, puts)
        finally:
            link.close(10.0)
    finally:
        ours.send(None)
        learner.join(10.0)
        uplink.close(10.0)
        shutil.rmtree(directory, ignore_errors=True)


def _timed_puts(uplink: Uplink, steps: list[Step], puts: int) -> tuple[list[float], float]:
    seconds: list[float] = []
    began, before = time.perf_counter(), uplink.counters()
    for number in range(puts):
        time.sleep(max(0.0, began + number * PERIOD_SECONDS - time.perf_counter()))
        seconds.append(_put(uplink, steps[number % len(steps)], number))
    after = uplink.counters()
    sent = after.duplicate + after.received - before.duplicate - before.received
    return seconds, max(0, sent) / (time.perf_counter() - began)


def _put(uplink: Uplink, step: Step, number: int) -> float:
    while True:
        began = time.perf_counter()
        try:
            uplink.put(step, 0, number, EpisodeKind.TRAINING)
        except SpoolFull:
            time.sleep(0.01)
        else:
            return time.perf_counter() - began


def session(uplink: Uplink, endpoint: str) -> Session:
    hello = Hello(
        protocol_version=PROTOCOL_VERSION,
        channel="control",
        actor_id="actor",
        incarnation="0",
        interface=INTERFACE,
        clock="wall",
        code_version="bench",
        host="here",
    )
    return Session(DialerConfig(connect=endpoint), hello, uplink)


def _forgetful_learner(pipe: Connection) -> None:
    """Acknowledges at once, keeps nothing, and says so whenever the actor has nothing left to send."""
    listener = Listener(ListenerConfig(bind="tcp://127.0.0.1:0"))
    pipe.send(listener.endpoint)
    while not pipe.poll():
        for peer, message, _ in listener.poll(0.1):
            if isinstance(message, Hello) and message.channel == "control":
                listener.send(peer, _welcome())
            elif isinstance(message, Records):
                last = message.records[-1].sequence + 1
                listener.send(peer, Ack(message.incarnation, last, 0))
                if last % BACKLOG < len(message.records):
                    listener.send(peer, _welcome())
    listener.close(0.0)


def _welcome() -> Welcome:
    return Welcome(
        learner_incarnation="learner",
        state="ready",
        received={},
        durable={},
        heartbeat_seconds=1.0,
        lease_seconds=5.0,
        code_version="bench",
        free_steps=0,
        consumed_steps=0,
        max_lead_steps=1,
    )


def example_steps() -> list[Step]:
    rng = np.random.default_rng(0)
    return [
        Step(
            observation={
                entry.name: rng.integers(0, 255, entry.shape).astype(entry.dtype)
                for entry in INTERFACE.observations
            },
            chosen_action=np.zeros(4, np.float32),
            executed_command=np.zeros(7, np.float32),
            source=Source.POLICY,
            reward=0.0,
        )
        for _ in range(20)
    ]


def _copy_seconds(step: Step) -> float:
    began = time.perf_counter()
    for array in step.observation.values():
        array.copy()
    return time.perf_counter() - began


def _milliseconds(seconds: list[float], percentile: float) -> float:
    return round(1e3 * float(np.percentile(seconds, percentile)), 3)


if __name__ == "__main__":
    for row in main():
        print(row)
