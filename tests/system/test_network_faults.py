"""Delay, stall, cut, half-open and darkness: the proxy itself, then what lies on both sides of it."""

import random
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from actor.session import Session
from actor.uplink import Uplink
from actor.uplink_config import UplinkConfig
from learner.ingest import Ingest
from learner.log import EpisodeLog, LogConfig, read_log
from learner.news import EncodedSnapshot, EncodedTrunk
from learner.ratio import RatioConfig
from shared.clock import SystemClock
from shared.interface import InterfaceSpec
from shared.link.address import host_and_port
from shared.link.dialer import Dialer, DialerConfig, Received
from shared.link.listener import ListenerConfig
from shared.protocol import PROTOCOL_VERSION, Hello, Snapshot, SnapshotRequest, Trunk, TrunkRequest
from shared.records import StepRecord
from shared.step import EpisodeKind
from tests.system.kills_without_jax import ACTOR, INTERFACE, alike, step_of
from tests.system.network_faults import Network

LEASE = {"lease_seconds": 0.6, "heartbeat_seconds": 0.15}
FAULTS = ("delay", "stall", "cut", "half_open", "dark")
SETTLE_SECONDS = 30.0


def inflict(network: Network, fault: str) -> None:
    """One fault by its name."""
    {
        "delay": lambda: network.delay(0.15),
        "stall": network.stall,
        "cut": network.cut,
        "half_open": network.half_open,
        "dark": network.go_dark,
    }[fault]()


class Echo(socketserver.BaseRequestHandler):
    """Sends back what comes."""

    def handle(self) -> None:
        while data := self.request.recv(2**16):
            self.request.sendall(data)


class Server(socketserver.ThreadingTCPServer):
    """Says nothing about connections that were reset."""

    daemon_threads = False
    block_on_close = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


@pytest.fixture
def echo() -> Iterator[Network]:
    """A bad network to a server that sends back what comes."""
    with Server(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        with Network(("127.0.0.1", server.server_address[1])) as network:
            yield network
        server.shutdown()
        thread.join()


def dial(network: Network, timeout: float = 5.0) -> socket.socket:
    connection = socket.create_connection(host_and_port(network.address), timeout)
    connection.settimeout(timeout)
    return connection


def received(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count and (part := connection.recv(2**16)):
        data += part
    return data


def answers(network: Network) -> bool:
    try:
        with dial(network) as connection:
            connection.sendall(b"b")
            return received(connection, 1) == b"b"
    except OSError:
        return False


def test_all_bytes_pass_in_order_however_many(echo: Network):
    sent = random.Random(1).randbytes(5 * 2**20)
    with dial(echo) as connection:
        sender = threading.Thread(target=connection.sendall, args=(sent,))
        sender.start()
        assert received(connection, len(sent)) == sent
        sender.join()


def test_a_delay_is_added_each_way(echo: Network):
    with dial(echo) as connection:
        connection.sendall(b"a")
        received(connection, 1)
        echo.delay(0.1)
        began = time.monotonic()
        connection.sendall(b"b")
        assert received(connection, 1) == b"b"
        assert time.monotonic() - began >= 0.2


def test_what_was_sent_during_a_stall_arrives_after_it(echo: Network):
    with dial(echo) as connection:
        echo.stall()
        connection.sendall(b"patience")
        connection.settimeout(0.1)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        connection.settimeout(5.0)
        echo.mend()
        assert received(connection, 8) == b"patience"


def test_what_a_half_open_connection_is_sent_is_lost(echo: Network):
    with dial(echo) as connection:
        connection.sendall(b"a")
        assert received(connection, 1) == b"a"
        echo.half_open()
        connection.sendall(b"lost")
        connection.settimeout(0.1)
        with pytest.raises(TimeoutError):
            connection.recv(1)
    echo.mend()
    assert answers(echo)


def test_a_cut_resets_connections_and_darkness_new_ones_too(echo: Network):
    with dial(echo) as connection:
        connection.sendall(b"a")
        received(connection, 1)
        echo.cut()
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
    echo.go_dark()
    assert not answers(echo)
    echo.mend()
    assert answers(echo)


class Link:
    """What lies between an actor's uplink and a learner's log, with a bad network in the middle."""

    def __init__(self, root: Path) -> None:
        self.log = root / "log"
        bind = ListenerConfig(bind="tcp://127.0.0.1:0", **LEASE)
        self.ingest = Ingest(bind, RatioConfig(), incarnation="learner", open_log=self._open_log)
        self.ingest.start()
        self.network = Network(host_and_port(self.ingest.endpoint))
        config = UplinkConfig(ring_bytes=2**20, segment_bytes=2**20)
        self.uplink = Uplink(root / "spool", ACTOR, "life", INTERFACE, config)
        self.hello = Hello(
            protocol_version=PROTOCOL_VERSION,
            channel="control",
            actor_id=ACTOR,
            incarnation="life",
            interface=INTERFACE,
            clock="wall",
            code_version="test",
            host="here",
        )
        self.session = Session(DialerConfig(connect=self.network.address, **LEASE), self.hello, self.uplink)
        self.session.start()
        self.produced = 0

    def produce(self, count: int) -> None:
        """Put so many more steps; never waits for the network."""
        for number in range(self.produced, self.produced + count):
            self.uplink.put(step_of(number), number // 100, number % 100, EpisodeKind.TRAINING)
        self.produced += count

    def delivered(self) -> bool:
        """Whether the learner has all of it."""
        self.session.check()
        return self.ingest.counters().received >= self.produced

    def part(self) -> None:
        """Say Goodbye, and agree on the counts."""
        theirs = self.session.goodbye(SETTLE_SECONDS)
        assert theirs is not None
        assert (theirs.received, theirs.durable, theirs.lost) == (self.produced, self.produced, 0)

    def verify(self) -> None:
        """The log holds every step once, in order, with its contents."""
        stored = [record for record in read_log(self.log) if isinstance(record, StepRecord)]
        assert [record.step.reward for record in stored] == list(range(self.produced))
        for number, record in enumerate(stored):
            assert alike(record.step.observation, step_of(number).observation)

    def close(self) -> None:
        self.session.close(2.0)
        self.uplink.close(2.0)
        self.network.close()
        self.ingest.close(5.0)

    def _open_log(self, interface: InterfaceSpec, on_durable: Callable[..., None]) -> EpisodeLog:
        commit = LogConfig(group_commit_seconds=0.05, segment_bytes=2**20)
        return EpisodeLog(self.log, interface, SystemClock(), commit, on_durable=on_durable)


@pytest.fixture
def link(tmp_path: Path) -> Iterator[Link]:
    one = Link(tmp_path)
    yield one
    one.close()


@pytest.mark.parametrize("fault", FAULTS)
def test_no_step_is_lost_or_doubled_between_actor_and_learner(link: Link, fault: str, wait_until: Any):
    assert link.session.welcomed(10.0)
    link.produce(20)
    wait_until(link.delivered, SETTLE_SECONDS)
    inflict(link.network, fault)
    link.produce(60)
    if fault in ("stall", "half_open", "dark"):
        # A lease without a word: the actor gives the connection up, though it may look alive.
        wait_until(lambda: not link.session.connected, SETTLE_SECONDS)
        link.produce(20)
        link.network.mend()
    wait_until(link.delivered, SETTLE_SECONDS)
    link.part()
    link.ingest.close(5.0)
    link.verify()


def test_a_network_that_is_bad_all_the_time_loses_nothing_either(link: Link, wait_until: Any):
    chance = random.Random(4)
    for _ in range(8):
        link.produce(chance.randrange(5, 40))
        inflict(link.network, chance.choice(FAULTS))
        end = time.monotonic() + chance.uniform(0.0, 0.3)
        wait_until(lambda end=end: time.monotonic() > end, 5.0)
        link.network.mend()
    wait_until(link.delivered, SETTLE_SECONDS)
    link.part()
    link.ingest.close(5.0)
    link.verify()


def test_one_port_carries_all_that_an_actor_and_a_learner_say(link: Link, wait_until: Any):
    """As through an ssh tunnel: steps and acknowledgements, a policy and a trunk, by one forwarded port."""
    policy = EncodedSnapshot(incarnation="learner", version=1, header=b"policy", buffers=(bytes(2**20),))
    link.ingest.offer_trunk(EncodedTrunk(digest="d", header=b"trunk", buffers=(bytes(2**20),)))
    link.ingest.publish(policy)
    link.produce(5)
    wait_until(link.delivered, SETTLE_SECONDS)
    hello = msgspec.structs.replace(link.hello, actor_id="other", incarnation="b")
    dialer = Dialer(DialerConfig(connect=link.network.address, **LEASE), hello, SystemClock())
    came: list[Received] = []
    try:
        dialer.send("bulk", SnapshotRequest())
        dialer.send("bulk", TrunkRequest("d"))

        def served() -> bool:
            came.extend(dialer.poll(0.01))
            return {Snapshot, Trunk} <= {type(received.message) for received in came}

        wait_until(served, SETTLE_SECONDS)
    finally:
        dialer.close(0.0)
    large = [received for received in came if isinstance(received.message, Snapshot | Trunk)]
    assert {(received.message.header, len(received.buffers[0])) for received in large} == {
        (b"policy", 2**20),
        (b"trunk", 2**20),
    }
    assert link.network.connections >= 4  # control and bulk of both actors, all to the one address
