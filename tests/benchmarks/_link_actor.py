"""The actor's process in the benchmark of the link: `python -m tests.benchmarks._link_actor MODE ADDRESS N`.

Prints one JSON value when done. Times are CLOCK_MONOTONIC, which both processes share.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from shared.clock import SystemClock
from shared.codec import records_message
from shared.delivery import SendWindow
from shared.interface import ActionEntry, InterfaceSpec, ObservationEntry
from shared.link.dialer import Dialer, DialerConfig
from shared.policy.snapshot import decode_snapshot
from shared.protocol import PROTOCOL_VERSION, Ack, Hello, Snapshot, SnapshotRequest, Welcome
from shared.records import StepRecord
from shared.step import EpisodeKind, Source, Step, StepId, Why

EPISODE_STEPS = 100
BATCH = 16
IN_FLIGHT = 256

INTERFACE = InterfaceSpec(
    name="two_cameras",
    observations=(
        ObservationEntry(name="state", shape=(20,), dtype="float32"),
        ObservationEntry(name="wrist", shape=(128, 128, 3), dtype="uint8"),
        ObservationEntry(name="side", shape=(128, 128, 3), dtype="uint8"),
    ),
    actions=(ActionEntry(name="move", low=(-1.0,) * 7, high=(1.0,) * 7, unit="1"),),
    control_hz=10.0,
)
FRAME_BYTES_A_STEP = 2 * 128 * 128 * 3


def dial(address: str) -> Dialer:
    """A dialer that the learner has welcomed."""
    hello = Hello(
        protocol_version=PROTOCOL_VERSION,
        channel="control",
        actor_id="actor-0",
        incarnation="a",
        interface=INTERFACE,
        clock="wall",
        code_version="benchmark",
        host="here",
    )
    dialer = Dialer(DialerConfig(connect=address), hello, SystemClock())
    while not any(isinstance(received.message, Welcome) for received in dialer.poll(1.0)):
        pass
    return dialer


def episodes(count: int, side: int = 128, incarnation: str = "a") -> Iterator[StepRecord]:
    """`count` steps in episodes of a hundred; each frame differs from the last, and none is made here."""
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (16, side, side, 3), dtype=np.uint8)
    state, action = rng.random(20, dtype=np.float32), rng.random(7, dtype=np.float32)

    def observe(n: int) -> dict[str, np.ndarray]:
        return {"state": state, "wrist": frames[n % 16], "side": frames[(n + 8) % 16]}

    step = Step(
        observation=observe(0),
        chosen_action=action,
        executed_command=action,
        source=Source.POLICY,
        reward=0.0,
    )
    for n in range(count):
        episode, number = divmod(n, EPISODE_STEPS)
        made = replace(step, observation=observe(n), policy_action=action)
        if number == EPISODE_STEPS - 1:
            made = replace(made, truncated=True, why=Why.TIME_LIMIT, final_observation=observe(n + 1))
        identity = StepId("actor-0", incarnation, episode, number)
        yield StepRecord(
            identity=identity, sequence=n, kind=EpisodeKind.TRAINING, time_seconds=time.time(), step=made
        )


def steps(dialer: Dialer, count: int) -> float:
    """Send as fast as acknowledgements allow; returns when the first message went out."""
    window, records = SendWindow(produced=count, limit=IN_FLIGHT), episodes(count)
    batch = None
    started = time.monotonic()
    while window.received < count:
        if batch is None and (span := window.next_span(BATCH)) is not None:
            assert isinstance(span, range)
            batch = records_message([next(records) for _ in span])
        sent = batch is not None and dialer.send("control", *batch)
        if sent and batch is not None:
            window.mark_sent(window.sent + len(batch[0].records))
            batch = None
        for received in dialer.poll(0.0 if sent else 0.01):
            if isinstance(received.message, Ack):
                window.acknowledge(received.message.received, received.message.durable)
    return started


def snapshots(dialer: Dialer, count: int) -> list[float]:
    """Seconds from publication until the arrays of each snapshot could be used."""
    latencies: list[float] = []
    dialer.send("bulk", SnapshotRequest())
    while len(latencies) < count:
        for received in dialer.poll(1.0):
            if isinstance(received.message, Snapshot):
                policy = decode_snapshot(received.message.header, received.buffers)
                latencies.append(time.monotonic() - policy.created_at_seconds)
                dialer.send("bulk", SnapshotRequest(policy.learner_incarnation, policy.version))
    return latencies


def heartbeats(dialer: Dialer, count: int) -> list[float]:
    """Round trips, in seconds, while snapshots keep coming on the other channel."""
    trips: list[float] = []
    dialer.send("bulk", SnapshotRequest())
    while len(trips) < count:
        for received in dialer.poll(1.0):
            if isinstance(received.message, Snapshot):
                policy = decode_snapshot(received.message.header, received.buffers)
                dialer.send("bulk", SnapshotRequest(policy.learner_incarnation, policy.version))
        if dialer.round_trip_seconds is not None:
            trips.append(dialer.round_trip_seconds)
            dialer.round_trip_seconds = None
    return trips


MODES: dict[str, Callable[[Dialer, int], object]] = {
    "steps": steps,
    "snapshots": snapshots,
    "heartbeats": heartbeats,
}


def main() -> None:
    """Dial, do as told, print the result."""
    mode, address, count = sys.argv[1:]
    dialer = dial(address)
    print(json.dumps(MODES[mode](dialer, int(count))))
    dialer.close(1.0)


if __name__ == "__main__":
    main()
