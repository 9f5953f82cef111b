"""agentlace under the benchmark of the link: `python -m tests.benchmarks._link_agentlace SIDE PORT N`.

Runs only with `PEER` naming a checkout of agentlace, in which its lz4 is installed beside it
(`pip install --target $PEER lz4`). As SERL uses it: batches of thirty transitions that hold both
observations, one request and its reply at a time, policies broadcast to all. Each side prints one JSON value.
"""

import json
import os
import sys
import threading
import time

import numpy as np
from agentlace.data.data_store import QueuedDataStore
from agentlace.trainer import TrainerClient, TrainerConfig, TrainerServer

from tests.benchmarks._link_actor import episodes

BATCH = 30
PUBLISH_SECONDS = 0.05
DEADLINE_SECONDS = 60.0


def server(config: TrainerConfig, count: int, snapshots: int) -> float:
    """Store transitions; when all are here, broadcast policies. Returns when the last transition came."""
    store = QueuedDataStore(count)
    trainer = TrainerServer(config)
    trainer.register_data_store("steps", store)
    trainer.start(threaded=True)
    deadline = time.monotonic() + DEADLINE_SECONDS
    while store.latest_data_id() < count - 1 and time.monotonic() < deadline:
        time.sleep(0.001)
    finished = time.monotonic()
    layers = {f"layer_{n}": np.full(125_000, n, np.float32) for n in range(20)}
    for _ in range(snapshots + 20):
        time.sleep(PUBLISH_SECONDS)
        trainer.publish_network({"at": time.monotonic(), "params": layers})
    return finished


def client(config: TrainerConfig, count: int, snapshots: int) -> dict[str, object]:
    """Send transitions in batches as fast as replies come, then receive policies."""
    records = list(episodes(64))
    transitions = [
        {
            "observations": dict(record.step.observation),
            "next_observations": dict(records[(n + 1) % 64].step.observation),
            "actions": record.step.chosen_action,
            "rewards": np.float32(0.0),
            "masks": 1.0,
            "dones": False,
        }
        for n, record in enumerate(records)
    ]
    store = QueuedDataStore(2 * BATCH)
    trainer = TrainerClient("steps", "127.0.0.1", config, store, wait_for_server=True, timeout_ms=5000)
    latencies: list[float] = []
    enough = threading.Event()

    def take(payload: dict[str, float]) -> None:
        latencies.append(time.monotonic() - payload["at"])
        if len(latencies) >= snapshots:
            enough.set()

    trainer.recv_network_callback(take)
    started = time.monotonic()
    for n in range(count):
        store.insert(transitions[n % 64])
        if (n + 1) % BATCH == 0:
            trainer.update()
    enough.wait(DEADLINE_SECONDS)
    trainer.stop()
    return {"started": started, "latencies": latencies[:snapshots]}


def main() -> None:
    """Run one side."""
    side, port, count, snapshots = sys.argv[1], *map(int, sys.argv[2:])
    config = TrainerConfig(port_number=port, broadcast_port=port + 1)
    print(json.dumps((server if side == "server" else client)(config, count, snapshots)), flush=True)
    os._exit(0)  # its server thread cannot be ended otherwise


if __name__ == "__main__":
    main()
