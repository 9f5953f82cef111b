"""A small world to produce steps in, and a learner without a network."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from actor.uplink import Uplink
from actor.uplink_config import UplinkConfig
from shared.codec import records_of
from shared.delivery import ReceiveLedger, Verdict
from shared.interface import ActionEntry, InterfaceSpec, ObservationEntry
from shared.records import AmendRecord, LostRecord, Record, StepRecord
from shared.step import EpisodeKind, Source, Step

MIB = 2**20


def interface_of(name: str = "tiny", image: int = 0) -> InterfaceSpec:
    entries = [ObservationEntry(name="state", shape=(3,), dtype="float32")]
    if image:
        entries.append(ObservationEntry(name="camera", shape=(image, image, 3), dtype="uint8"))
    action = ActionEntry(name="move", low=(-1.0,), high=(1.0,), unit="m")
    return InterfaceSpec(name=name, observations=tuple(entries), actions=(action,), control_hz=10.0)


def step_of(number: int, image: int = 0, last: bool = False) -> Step:
    observation = {"state": np.full(3, number, np.float32)}
    if image:
        observation["camera"] = np.full((image, image, 3), number % 256, np.uint8)
    return Step(
        observation=observation,
        chosen_action=np.zeros(1, np.float32),
        executed_command=np.zeros(1, np.float32),
        source=Source.POLICY,
        reward=float(number),
        truncated=last,
    )


class Learner:
    """What a learner does with records: judge, store, acknowledge."""

    def __init__(self) -> None:
        self.ledger = ReceiveLedger()
        self.log: list[Record] = []

    def welcome(self, uplink: Uplink) -> None:
        uplink.deliveries.welcome(*self.ledger.watermarks_of(uplink.stream[0]))

    def pump(self, uplink: Uplink, *, durable: bool = True, most: int = 7) -> int:
        """Take what there is for the moment; returns how many messages that were."""
        taken = 0
        for outbox in uplink.deliveries.outboxes():
            while (batch := outbox.next_batch(most, MIB)) is not None:
                outbox.mark_sent(batch)
                for record in records_of(batch.message, batch.buffers, outbox.stream[0]):
                    if self.ledger.accept_record(record) is Verdict.NEW:
                        self.log.append(record)
                taken += 1
                received = self.ledger.received(outbox.stream)
                if durable:
                    self.ledger.mark_durable(outbox.stream, received)
                outbox.acknowledge(received, self.ledger.durable(outbox.stream))
        return taken

    def forget(self, keep: int) -> None:
        """A restart that finds only the first `keep` records in the log."""
        self.log = self.log[:keep]
        self.ledger = ReceiveLedger()
        for record in self.log:
            self.ledger.restore(record)

    def rewards(self, incarnation: str) -> list[float]:
        return [
            record.step.reward
            for record in self.log
            if isinstance(record, StepRecord) and record.identity.incarnation == incarnation
        ]

    def amends(self) -> list[AmendRecord]:
        return [record for record in self.log if isinstance(record, AmendRecord)]

    def losses(self) -> list[tuple[str, int, int]]:
        return [(r.incarnation, r.sequence, r.count) for r in self.log if isinstance(r, LostRecord)]


class World:
    """Makes lives of one actor in a directory of the test."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.open: list[Uplink] = []

    def interface(self, name: str = "tiny", image: int = 0) -> InterfaceSpec:
        """A state vector and, where asked for, a camera of `image` pixels a side."""
        return interface_of(name, image)

    def step(self, number: int, image: int = 0, last: bool = False) -> Step:
        """A step with this number as its reward and in every element of its observation."""
        return step_of(number, image, last)

    def live(self, incarnation: str, interface: InterfaceSpec | None = None, **config: Any) -> Uplink:
        settings = {"ring_bytes": MIB, "segment_bytes": MIB} | config
        uplink = Uplink(
            self.root, "actor", incarnation, interface or interface_of(), UplinkConfig(**settings)
        )
        self.open.append(uplink)
        return uplink

    def produce(self, uplink: Uplink, count: int, image: int = 0) -> None:
        """Put `count` more steps; their rewards count up from 0 in each life."""
        first = uplink._produced
        for number in range(first, first + count):
            uplink.put(step_of(number, image), 0, number, EpisodeKind.TRAINING)

    def directory(self, incarnation: str) -> Path:
        return self.root / "actor" / incarnation


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    for uplink in made.open:
        uplink.close(10.0)


@pytest.fixture
def learner() -> Learner:
    return Learner()


@pytest.fixture
def drained(wait_until: Callable[..., None]) -> Callable[[Uplink], None]:
    """`drained(uplink)`: the ring is empty, and what earlier lives left is adopted."""

    def wait(uplink: Uplink) -> None:
        def empty() -> bool:
            uplink.check()
            return uplink._ring.used_bytes == 0 and uplink.deliveries._adoption.tried

        wait_until(empty, 10.0, "the ring is drained")

    return wait


@pytest.fixture
def mounted() -> Iterator[Callable[[Path, int], Path]]:
    """`mounted(path, mebibytes)`: a file system of that size in memory."""
    paths: list[Path] = []

    def mount(path: Path, mebibytes: int) -> Path:
        path.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", str(path)]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("this machine lets nothing be mounted")
        paths.append(path)
        return path

    yield mount
    for path in paths:
        subprocess.run(["umount", "-l", str(path)], check=True)
