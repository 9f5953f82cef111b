"""A server of agentlace, written to be read: what `agentlace.trainer.TrainerServer` does, in one page."""

import json
import pickle
import threading
import time
from collections.abc import Callable, Iterator

import lz4.frame
import pytest
import zmq


class ReferenceServer:
    """Inserts what comes, tells the last id of each store, and broadcasts.

    `swallow` replies are not sent: the client hears nothing, though its transitions were taken. `spoiled` go
    out as they are, instead of what there is to say.
    """

    def __init__(self, stores=("actor_env",), ports=(0, 0)):
        self.context = zmq.Context()
        self.replies, self.broadcasts = self.context.socket(zmq.REP), self.context.socket(zmq.PUB)
        for socket, port in zip((self.replies, self.broadcasts), ports, strict=True):
            socket.linger = 0
            socket.bind(f"tcp://127.0.0.1:{port or '*'}")
        self.ports = tuple(
            int(s.get_string(zmq.LAST_ENDPOINT).rpartition(":")[2]) for s in (self.replies, self.broadcasts)
        )
        self.stored = {store: [] for store in stores}
        self.last_ids = dict.fromkeys(stores, -1)
        self.reports, self.swallow, self.spoiled = [], 0, []
        self.version, self.greeted = "0.0.2", False
        self.closing = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.closing.is_set():
            if self.replies.poll(20):
                if self.spoiled and self.greeted:
                    self.replies.recv()
                    self.replies.send(self.spoiled.pop(0))
                    continue
                reply = self.answer(pickle.loads(lz4.frame.decompress(self.replies.recv())))
                if self.swallow and "data" in str(reply):
                    self.swallow -= 1
                    self.dial_anew()
                    continue
                reply.pop("data", None)
                self.replies.send(lz4.frame.compress(pickle.dumps(reply)))
        self.context.destroy(linger=0)

    def dial_anew(self):
        """A REP that owes a reply can do nothing else: the client's time-out is what ends it."""
        self.replies.close()
        self.replies = self.context.socket(zmq.REP)
        self.replies.linger = 0
        deadline = time.monotonic() + 30.0
        while True:  # the old socket leaves the port a moment after it was closed
            try:
                self.replies.bind(f"tcp://127.0.0.1:{self.ports[0]}")
            except zmq.ZMQError:
                assert time.monotonic() < deadline
                time.sleep(0.01)
            else:
                return

    def answer(self, message):
        match message["type"]:
            case "hash":
                config = {"port_number": self.ports[0], "version": self.version}
                return {"success": True, "payload": json.dumps(config)}
            case "datastore":
                store = message["store_name"]
                if store not in self.stored:
                    return {"success": False, "message": "Invalid datastore name"}
                self.stored[store] += message["payload"]["data"]
                self.last_ids[store] = message["payload"].get("last_id", -1)
                return {"success": True, "data": True}
            case "get_last_update_id":
                self.greeted = True
                store = message["payload"]["store_name"]
                if store not in self.stored:
                    return {"success": False, "message": "Invalid datastore name"}
                return {"success": True, "payload": self.last_ids[store]}
            case "send-stats":
                self.reports.append(message["payload"])
                return {}
        return {"success": False, "message": "Invalid type or payload"}

    def broadcast(self, tree):
        self.broadcast_bytes(lz4.frame.compress(pickle.dumps(tree)))

    def broadcast_bytes(self, frame):
        self.broadcasts.send(frame)

    def close(self):
        self.closing.set()
        self.thread.join(10.0)


@pytest.fixture
def serl_learner() -> Iterator[Callable[..., ReferenceServer]]:
    made: list[ReferenceServer] = []

    def make(*arguments, **settings) -> ReferenceServer:
        made.append(ReferenceServer(*arguments, **settings))
        return made[-1]

    yield make
    for server in made:
        server.close()
