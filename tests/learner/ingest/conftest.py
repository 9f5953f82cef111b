"""A learner's ingest thread, and actors that are driven message by message over real sockets."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from learner.ingest import EncodedSnapshot, Ingest
from learner.ratio import RatioConfig
from shared.clock import SystemClock
from shared.codec import Buffer, records_message
from shared.delivery import Stream
from shared.interface import ActionEntry, InterfaceSpec, ObservationEntry
from shared.link.dialer import Dialer, DialerConfig, Received
from shared.link.listener import ListenerConfig
from shared.protocol import PROTOCOL_VERSION, Ack, Channel, Hello, Message, Welcome
from shared.records import AmendRecord, LostRecord, Record, StepRecord, next_sequence, stream_of
from shared.step import EpisodeKind, Source, Step, StepId

INTERFACE = InterfaceSpec(
    name="reach",
    observations=(
        ObservationEntry(name="state", shape=(3,), dtype="float32"),
        ObservationEntry(name="camera", shape=(32, 32, 3), dtype="uint8"),
    ),
    actions=(ActionEntry(name="move", low=(-1.0, -1.0), high=(1.0, 1.0), unit="m"),),
    control_hz=10.0,
)


class MemoryLog:
    """A log whose disk obeys the test: nothing is durable before `sync`."""

    def __init__(self, interface: InterfaceSpec, on_durable: Callable[[Mapping[Stream, int]], None]) -> None:
        self.interface = interface
        self.records: list[Record] = []
        self.failure: BaseException | None = None
        self.closed = False
        self._on_durable = on_durable
        self._lock = threading.Lock()

    def append(self, record: Record) -> int:
        with self._lock:
            self.records.append(record)
            return len(self.records) - 1

    def sync(self) -> None:
        with self._lock:
            covered = {stream_of(record): next_sequence(record) for record in self.records}
        if covered:
            self._on_durable(covered)

    def check(self) -> None:
        if self.failure is not None:
            raise self.failure

    def close(self, deadline_seconds: float) -> None:
        del deadline_seconds
        self.sync()
        self.closed = True


class FakeActor:
    """One life of an actor, as far as its link goes."""

    def __init__(self, address: str, hello: Hello, **settings: Any) -> None:
        self.hello = hello
        config = DialerConfig(connect=address, heartbeat_seconds=0.2, lease_seconds=2.0, **settings)
        self.dialer = Dialer(config, hello, SystemClock())
        self.received: list[Received] = []

    def poll(self, seconds: float = 0.005) -> None:
        self.received += self.dialer.poll(seconds)

    def until(self, condition: Callable[[], Any], seconds: float = 10.0) -> Any:
        """Poll until the condition holds, and return what it returned."""
        deadline = time.monotonic() + seconds
        while not (result := condition()):
            assert time.monotonic() < deadline, f"received so far: {self.received}"
            self.poll()
        return result

    def answers(self, kind: type) -> list[Any]:
        return [received.message for received in self.received if isinstance(received.message, kind)]

    def wait_for(self, kind: type, count: int = 1) -> Any:
        """The last of at least `count` messages of this kind."""
        self.until(lambda: len(self.answers(kind)) >= count)
        return self.answers(kind)[-1]

    def join(self) -> Welcome:
        return self.wait_for(Welcome)

    def send(self, message: Message, buffers: Sequence[Buffer] = (), channel: Channel = "control") -> None:
        assert self.dialer.send(channel, message, buffers)

    def deliver(self, records: Sequence[Record]) -> None:
        self.send(*records_message(records))

    def wait_for_ack(self, received: int, durable: int, incarnation: str | None = None) -> None:
        wanted = Ack(incarnation or self.hello.incarnation, received, durable)
        self.until(lambda: wanted in self.answers(Ack))

    def step(self, sequence: int, **changes: Any) -> StepRecord:
        """The step that this actor makes at this sequence."""
        fields: dict[str, Any] = {
            "observation": {
                "state": np.full(3, sequence, np.float32),
                "camera": np.full((32, 32, 3), sequence % 256, np.uint8),
            },
            "chosen_action": np.zeros(2, np.float32),
            "executed_command": np.zeros(3, np.float32),
            "source": Source.POLICY,
            "reward": float(sequence),
        }
        return StepRecord(
            identity=StepId(
                self.hello.actor_id, changes.pop("incarnation", self.hello.incarnation), 0, sequence
            ),
            sequence=sequence,
            kind=changes.pop("kind", EpisodeKind.TRAINING),
            time_seconds=1.0 + sequence,
            step=Step(**(fields | changes)),
        )

    def lost(self, sequence: int, count: int) -> LostRecord:
        stream = {"actor_id": self.hello.actor_id, "incarnation": self.hello.incarnation}
        return LostRecord(**stream, sequence=sequence, time_seconds=1.0, count=count, cause="test")

    def amend(self, sequence: int, step: int) -> AmendRecord:
        stream = {"actor_id": self.hello.actor_id, "incarnation": self.hello.incarnation}
        target = StepId(*stream.values(), 0, step)
        return AmendRecord(**stream, sequence=sequence, time_seconds=1.0, target=target, reward=5.0)


class Learner:
    """Ingest with logs in memory, and the actors of a test; all closed at the end."""

    interface = INTERFACE

    def __init__(self) -> None:
        self.logs: list[MemoryLog] = []
        self.ingests: list[Ingest] = []
        self.actors: list[FakeActor] = []

    def start(self, bind: str = "tcp://127.0.0.1:0", *, run: bool = True, **settings: Any) -> Ingest:
        ratio = settings.pop("ratio", RatioConfig(warmup_steps=5, max_lead_steps=4, clock="wall"))
        config = ListenerConfig(**({"bind": bind, "heartbeat_seconds": 0.2, "lease_seconds": 2.0} | settings))
        self.ingests.append(Ingest(config, ratio, incarnation="l", open_log=self._open_log))
        if run:
            self.ingests[-1].start()
        return self.ingests[-1]

    def _open_log(self, interface: InterfaceSpec, on_durable: Any) -> MemoryLog:
        self.logs.append(MemoryLog(interface, on_durable))
        return self.logs[-1]

    @property
    def log(self) -> MemoryLog:
        return self.logs[-1]

    @staticmethod
    def hello(**changes: Any) -> Hello:
        fields: dict[str, Any] = {
            "protocol_version": PROTOCOL_VERSION,
            "channel": "control",
            "actor_id": "actor-0",
            "incarnation": "a",
            "interface": INTERFACE,
            "clock": "wall",
            "code_version": "1",
            "host": "robot",
        }
        return Hello(**(fields | changes))

    def actor(self, ingest: Ingest, **changes: Any) -> FakeActor:
        self.actors.append(FakeActor(ingest.endpoint, self.hello(**changes)))
        return self.actors[-1]

    @staticmethod
    def snapshot(version: int, size_bytes: int = 10) -> EncodedSnapshot:
        buffers = [np.full(size_bytes, version % 256, np.uint8).data]
        return EncodedSnapshot(header=b"%d" % version, buffers=buffers, incarnation="l", version=version)

    def close(self) -> None:
        for actor in self.actors:
            actor.dialer.close(0.0)
        for ingest in self.ingests:
            ingest.close(5.0)


@pytest.fixture
def learner() -> Iterator[Learner]:
    """A new `Learner`, closed after the test."""
    one = Learner()
    yield one
    one.close()
