"""A network between the two ends that cuts, and one that goes silent without a word."""

import select
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from shared.protocol import Heartbeat, Hello, Snapshot, SnapshotRequest, Stats, Unknown

MEGABYTE = 2**20


class Network:
    """Carries TCP connections to an address; `cut` ends those that are open, `silence` stops their bytes."""

    def __init__(self) -> None:
        self.target = ("", 0)
        self._server = socket.create_server(("127.0.0.1", 0))
        self.address = f"tcp://127.0.0.1:{self._server.getsockname()[1]}"
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._silent: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def cut(self) -> None:
        with self._lock:
            for pair in self._pairs:
                self._end(pair)
            self._pairs.clear()

    def silence(self) -> None:
        with self._lock:
            self._silent |= {end for pair in self._pairs for end in pair}

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self.cut()
        self._server.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            with self._lock:
                other = {a: b for pair in self._pairs for a, b in (pair, pair[::-1])}
                readable = select.select([self._server, *(other.keys() - self._silent)], [], [], 0)[0]
                for end in readable:
                    if end is self._server:
                        self._pairs.append((self._server.accept()[0], socket.create_connection(self.target)))
                    elif end in other:
                        self._carry(end, other)
            self._stop.wait(0.0005)

    def _carry(self, end: socket.socket, other: dict[socket.socket, socket.socket]) -> None:
        try:
            data = end.recv(2**18)
            if data:
                other[end].sendall(data)
                return
        except OSError:
            pass
        pair = next(pair for pair in self._pairs if end in pair)
        self._pairs.remove(pair)
        self._end(pair)
        for gone in pair:
            other.pop(gone, None)

    @staticmethod
    def _end(pair: tuple[socket.socket, socket.socket]) -> None:
        for end in pair:
            end.close()


@pytest.fixture
def network() -> Iterator[Network]:
    one = Network()
    yield one
    one.close()


class FakeLearner:
    """Unknown to strangers, Welcome to Hello, an echo to heartbeats, and the requests that came."""

    def __init__(self, ends: Any, network: Network) -> None:
        self.requests: list[bytes] = []
        self.listener = ends.listen()
        network.target = ("127.0.0.1", int(self.listener.endpoint.rpartition(":")[2]))
        self._ends = ends
        self._known: set[bytes] = set()

    def answer(self) -> None:
        incoming, self._ends.incoming = self._ends.incoming, []
        for peer, message, _ in incoming:
            match message:
                case Hello():
                    self._known.add(peer)
                    if message.channel == "control":
                        welcome = self._ends.welcome(heartbeat_seconds=0.1, lease_seconds=0.5)
                        self.listener.send(peer, welcome)
                case _ if peer not in self._known:
                    self.listener.send(peer, Unknown())
                case Heartbeat():
                    self.listener.send(peer, Heartbeat(0.0, message.time_seconds))
                case SnapshotRequest():
                    self.requests.append(peer)


@pytest.mark.parametrize("fault", ["cut", "silence"])
def test_a_broken_connection_is_replaced(ends: Any, network: Network, fault: str) -> None:
    learner = FakeLearner(ends, network)
    dialer = ends.dial(network.address, heartbeat_seconds=0.1, lease_seconds=0.5)

    def connected() -> bool:
        learner.answer()
        return dialer.connected

    for _ in range(3):
        ends.pump(connected)
        getattr(network, fault)()
        ends.pump(lambda: not connected())
    ends.pump(connected)


def test_a_snapshot_that_was_cut_off_is_asked_for_again(ends: Any, network: Network) -> None:
    learner = FakeLearner(ends, network)
    dialer = ends.dial(network.address, heartbeat_seconds=0.1, lease_seconds=0.5)

    def served() -> bool:
        learner.answer()
        return bool(ends.answers(Snapshot))

    ends.pump(lambda: served() or dialer.connected)
    dialer.send("bulk", SnapshotRequest())
    ends.pump(lambda: served() or bool(learner.requests))
    learner.listener.send(learner.requests[0], Snapshot(b"first"), [b"\0" * 8 * MEGABYTE])
    network.cut()
    ends.pump(lambda: served() or len(learner.requests) > 1)
    if not ends.answers(Snapshot):
        learner.listener.send(learner.requests[-1], Snapshot(b"second"), [b"\0" * 8 * MEGABYTE])
    ends.pump(served)
    assert len(ends.answers(Snapshot)[0].buffers[0]) == 8 * MEGABYTE


def test_what_was_sent_before_a_cut_arrives_whole_or_not_at_all(ends: Any, network: Network) -> None:
    listener = FakeLearner(ends, network).listener
    dialer = ends.dial(network.address)
    ends.meet(listener, dialer)
    for number in range(5):
        dialer.send("control", Stats(number, {}), [bytes([number]) * MEGABYTE])
        dialer.poll(0.0)
        network.cut()
    dialer.send("control", Stats(99, {}))
    ends.pump(lambda: any(i.message.step == 99 for i in ends.arrived(Stats)))
    for incoming in ends.arrived(Stats)[:-1]:
        assert incoming.buffers == [bytes([incoming.message.step]) * MEGABYTE]
