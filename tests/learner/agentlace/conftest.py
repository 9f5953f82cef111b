"""A client of agentlace, written to be read: what `agentlace.trainer.TrainerClient` does, in one page."""

import pickle
import threading
import time
from collections.abc import Iterator

import lz4.frame
import numpy as np
import pytest
import zmq

from learner.agentlace.config import AgentlaceConfig
from learner.agentlace.gateway import Gateway
from learner.ingest import Ingest
from learner.ratio import RatioConfig
from shared.clock import SystemClock
from shared.delivery import Stream
from shared.link.listener import ListenerConfig
from shared.records import next_sequence, stream_of


class ReferenceClient:
    """One store, ids from 0, and all that the server has not got is sent again: as SERL's actors do."""

    def __init__(self, ports, store="actor_env", *, handshake=True, timeout_ms=5000):
        self.context = zmq.Context()
        self.ports, self.store, self.timeout_ms = ports, store, timeout_ms
        self.transitions: list[dict] = []
        self.socket = self.connect()
        self.config = self.send({"type": "hash"})["payload"] if handshake else None

    def connect(self):
        socket = self.context.socket(zmq.REQ)
        socket.rcvtimeo, socket.linger = self.timeout_ms, 0
        socket.connect(f"tcp://127.0.0.1:{self.ports[0]}")
        return socket

    def dial_anew(self):
        """What a time-out makes the real client do."""
        self.socket.close()
        self.socket = self.connect()

    def send(self, message):
        return self.send_bytes(lz4.frame.compress(pickle.dumps(message)))

    def send_bytes(self, data):
        self.socket.send(data)
        return pickle.loads(lz4.frame.decompress(self.socket.recv()))

    def last_id(self):
        return self.send({"type": "get_last_update_id", "payload": {"store_name": self.store}})["payload"]

    def update(self):
        """Send all that the server lacks; its reply."""
        missing = self.transitions[self.last_id() + 1 :]
        payload = {"data": missing, "last_id": len(self.transitions) - 1}
        return self.send({"type": "datastore", "store_name": self.store, "payload": payload})

    def stats(self, payload):
        return self.send({"type": "send-stats", "payload": payload})

    def subscribe(self):
        socket = self.context.socket(zmq.SUB)
        socket.rcvtimeo = max(20_000, self.timeout_ms)
        socket.connect(f"tcp://127.0.0.1:{self.ports[1]}")
        socket.subscribe(b"")
        return socket

    def close(self):
        self.context.destroy(linger=0)


def transition(number, *, episode_length=10, pixels=0, terminated=False, done=False):
    """Step `number` of one endless walk that is begun anew every `episode_length` steps."""

    def observe(at):
        rng = np.random.default_rng(at)
        seen = {"state": rng.standard_normal((1, 4))}
        if pixels:
            seen["wrist_1"] = rng.integers(0, 256, (1, pixels, pixels, 3), np.uint8)
        return seen

    last = number % episode_length == episode_length - 1
    return {
        "observations": observe(number * 2),
        "next_observations": observe(number * 2 + (1 if last else 2)),
        "actions": np.random.default_rng(number).uniform(-1, 1, 3),
        "rewards": np.float32(last and terminated),
        "masks": 1.0 - (last and terminated),
        "dones": bool(last and (terminated or done)),
    }


class MemoryLog:
    """Keeps what is appended, durable at once."""

    def __init__(self, on_durable):
        self.records = []
        self.on_durable = on_durable
        self.lock = threading.Lock()

    def append(self, record):
        with self.lock:
            self.records.append(record)
            return len(self.records) - 1

    def sync(self):
        covered: dict[Stream, int] = {stream_of(r): next_sequence(r) for r in self.records}
        self.on_durable(covered)

    def check(self):
        pass

    def close(self, deadline_seconds):
        del deadline_seconds


class Served:
    """An ingest with a gateway, a log in memory, and clients that are closed at the end."""

    def __init__(self):
        self.logs: list[MemoryLog] = []
        self.clients: list[ReferenceClient] = []
        self.ingest = Ingest(
            ListenerConfig(bind="tcp://127.0.0.1:0"),
            RatioConfig(clock="wall"),
            incarnation="learner",
            open_log=self.open_log,
        )
        self.ingest.start()
        self.gateway: Gateway | None = None

    def open_log(self, interface, on_durable):
        del interface
        self.logs.append(MemoryLog(on_durable))
        return self.logs[-1]

    def open_gateway(self, **settings):
        config = AgentlaceConfig(**{"agentlace": "0,0", "agentlace_publish_seconds": 0.01} | settings)
        self.gateway = Gateway(config, self.ingest, SystemClock())
        self.gateway.start()

    def join(self, store="actor_env", **settings):
        self.clients.append(ReferenceClient(self.gateway.ports, store, **settings))
        return self.clients[-1]

    @property
    def records(self):
        return self.logs[0].records if self.logs else []

    def close(self):
        for client in self.clients:
            client.close()
        if self.gateway is not None:
            self.gateway.close(5.0)
        self.ingest.close(5.0)


@pytest.fixture
def serve() -> Iterator:
    made: list[Served] = []

    def make(**settings):
        made.append(Served())
        made[-1].open_gateway(**settings)
        return made[-1]

    yield make
    for served in made:
        served.close()


@pytest.fixture
def wait_until():
    def wait(condition, seconds=20.0):
        deadline = time.monotonic() + seconds
        while not (result := condition()):
            assert time.monotonic() < deadline, "it did not happen"
            time.sleep(0.01)
        return result

    return wait


@pytest.fixture
def make_transition():
    return transition


@pytest.fixture
def reference_client() -> Iterator:
    made: list[ReferenceClient] = []

    def make(*arguments, **settings):
        made.append(ReferenceClient(*arguments, **settings))
        return made[-1]

    yield make
    for client in made:
        client.close()
