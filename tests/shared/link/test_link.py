"""Listener and Dialer over real sockets: what is asked of a link whatever the two processes say."""

import statistics
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import msgspec
import numpy as np
import pytest
import zmq

from shared import codec
from shared.clock import ManualClock, SystemClock
from shared.errors import ConfigError, LinkError, ProtocolError, Refused
from shared.link import sockets
from shared.link.dialer import Dialer, DialerConfig
from shared.link.keys import KeyStore
from shared.link.listener import Listener, ListenerConfig
from shared.protocol import (
    PROTOCOL_VERSION,
    Ack,
    Goodbye,
    Heartbeat,
    Hello,
    Malformed,
    Message,
    Refuse,
    Snapshot,
    SnapshotRequest,
    Stats,
    Unknown,
)

MEGABYTE = 2**20


class TestConversation:
    def test_both_channels_say_hello_and_carry_messages_both_ways(self, ends: Any) -> None:
        listener = ends.listen()
        dialer = ends.dial(listener.endpoint)
        peers = ends.meet(listener, dialer)
        assert peers["control"] != peers["bulk"]
        assert dialer.send("control", Stats(1, {"x": 2.0}))
        assert listener.send(peers["control"], Ack("a", 1, 0))
        ends.pump(lambda: ends.arrived(Stats) and ends.answers(Ack))
        assert ends.arrived(Stats)[0].peer == peers["control"]
        assert ends.answers(Ack)[0].channel == "control"

    def test_large_buffers_arrive_whole(self, ends: Any) -> None:
        listener = ends.listen()
        dialer = ends.dial(listener.endpoint)
        peers = ends.meet(listener, dialer)
        sent = [np.arange(MEGABYTE, dtype=np.uint8), np.ones(3, np.uint8), np.empty(0, np.uint8)]
        assert listener.send(peers["bulk"], Snapshot(b"header"), [array.data for array in sent])
        ends.pump(lambda: ends.answers(Snapshot))
        for left, right in zip(sent, ends.answers(Snapshot)[0].buffers, strict=True):
            np.testing.assert_array_equal(left, np.frombuffer(right, np.uint8))

    def test_either_side_may_start_first(self, ends: Any, free_port: Callable[[], int]) -> None:
        address = f"tcp://127.0.0.1:{free_port()}"
        dialer = ends.dial(address)
        for _ in range(3):
            assert dialer.poll(0.01) == []
        ends.meet(ends.listen(address), dialer)

    def test_heartbeats_go_out_when_due_and_measure_the_round_trip(self, ends: Any) -> None:
        clock = ManualClock()
        listener = ends.listen()
        dialer = ends.dial(listener.endpoint, clock=clock)
        peers = ends.meet(listener, dialer)
        clock.advance(1.0)
        ends.pump(lambda: len(ends.arrived(Heartbeat)) == 2)
        assert {incoming.peer for incoming in ends.arrived(Heartbeat)} == set(peers.values())
        clock.advance(0.25)
        listener.send(peers["control"], Heartbeat(70.0, ends.arrived(Heartbeat)[0].message.time_seconds))
        ends.pump(lambda: dialer.round_trip_seconds is not None)
        assert dialer.round_trip_seconds == 0.25
        clock.advance(0.75)
        ends.pump(lambda: len(ends.arrived(Heartbeat)) == 4)
        assert ends.arrived(Heartbeat)[-1].message.echo_seconds in (70.0, None)
        assert {i.message.echo_seconds for i in ends.arrived(Heartbeat)[2:]} == {70.0, None}

    def test_two_actors_share_one_port(self, ends: Any) -> None:
        listener = ends.listen()
        first = ends.meet(listener, ends.dial(listener.endpoint))
        ends.incoming.clear()
        second = ends.meet(listener, ends.dial(listener.endpoint, ends.hello(actor_id="actor-1")))
        assert len({*first.values(), *second.values()}) == 4


class TestRecovery:
    def test_a_silent_learner_is_dialled_anew_on_both_channels(self, ends: Any) -> None:
        clock = ManualClock()
        listener = ends.listen()
        dialer = ends.dial(listener.endpoint, clock=clock)
        before = ends.meet(listener, dialer)
        ends.incoming.clear()
        clock.advance(5.0)
        ends.pump(lambda: not dialer.connected)
        after = ends.meet(listener, dialer)
        assert not set(before.values()) & set(after.values())

    def test_a_welcome_that_leaves_no_time_changes_no_lease(self, ends: Any) -> None:
        clock = ManualClock()
        listener = ends.listen()
        dialer = ends.dial(listener.endpoint, clock=clock)
        peers = ends.meet(listener, dialer)
        listener.send(peers["control"], ends.welcome(heartbeat_seconds=0.0, lease_seconds=float("nan")))
        listener.send(peers["control"], Ack("a", 0, 0))
        ends.pump(lambda: ends.answers(Ack))
        clock.advance(1.0)
        ends.pump(lambda: len(ends.arrived(Heartbeat)) == 2)
        assert dialer.connected

    def test_any_message_renews_the_lease(self, ends: Any) -> None:
        clock = ManualClock()
        listener = ends.listen()
        dialer = ends.dial(listener.endpoint, clock=clock)
        peers = ends.meet(listener, dialer)
        for received in range(4):
            clock.advance(3.0)
            listener.send(peers["control"], Ack("a", received, 0))
            ends.pump(lambda count=received: len(ends.answers(Ack)) == count + 1)
        assert dialer.connected

    def test_a_learner_that_was_restarted_is_greeted_again(self, ends: Any) -> None:
        listener = ends.listen()
        dialer = ends.dial(listener.endpoint, heartbeat_seconds=0.02)
        ends.meet(listener, dialer)
        listener.close(1.0)
        ends.listeners.clear()
        restarted = ends.listen(listener.endpoint)
        ends.incoming.clear()
        dialer.send("control", Stats(1, {}))
        ends.pump(lambda: ends.arrived(Stats))
        restarted.send(ends.arrived(Stats)[0].peer, Unknown())
        ends.pump(lambda: not dialer.connected)
        ends.pump(lambda: ends.arrived(Hello))

    def test_many_unknowns_bring_one_hello(self, ends: Any) -> None:
        clock = ManualClock()
        listener = ends.listen()
        dialer = ends.dial(listener.endpoint, clock=clock)
        peers = ends.meet(listener, dialer)
        clock.advance(1.0)
        for _ in range(20):
            listener.send(peers["control"], Unknown())
        listener.send(peers["control"], Ack("a", 0, 0))
        ends.pump(lambda: ends.answers(Ack))
        dialer.send("control", Stats(1, {}))
        ends.pump(lambda: ends.arrived(Stats))
        assert len(ends.arrived(Hello)) == 3

    def test_an_unanswered_request_is_asked_again_behind_each_hello(self, ends: Any) -> None:
        clock = ManualClock()
        listener = ends.listen()
        dialer = ends.dial(listener.endpoint, clock=clock)
        peers = ends.meet(listener, dialer)
        dialer.send("bulk", SnapshotRequest("l", 3))
        ends.pump(lambda: ends.arrived(SnapshotRequest))
        clock.advance(1.0)
        listener.send(peers["bulk"], Unknown())
        ends.pump(lambda: len(ends.arrived(SnapshotRequest)) == 2)
        listener.send(peers["bulk"], Snapshot(b""))
        ends.pump(lambda: ends.answers(Snapshot))
        clock.advance(1.0)
        listener.send(peers["bulk"], Unknown())
        ends.pump(lambda: len(ends.arrived(Hello)) == 4)
        assert len(ends.arrived(SnapshotRequest)) == 2


class TestRefusal:
    def test_a_refusal_is_raised_with_its_cure(self, ends: Any) -> None:
        listener = ends.listen()
        ends.dial(listener.endpoint)
        ends.pump(lambda: ends.arrived(Hello))
        listener.send(ends.arrived(Hello)[0].peer, Refuse("clock", "this is why", "do this"))
        with pytest.raises(Refused, match=r"this is why\n  -> do this"):
            ends.pump(lambda: False)

    def test_another_protocol_version_is_refused_naming_both(self, ends: Any) -> None:
        listener = ends.listen()
        ends.dial(listener.endpoint, ends.hello(protocol_version=7))
        with pytest.raises(Refused, match=f"version 7, the learner version {PROTOCOL_VERSION}"):
            ends.pump(lambda: False)
        assert listener.refused
        assert not ends.incoming

    def test_a_hello_of_the_future_that_cannot_be_read_is_refused_too(self, ends: Any) -> None:
        listener = ends.listen()
        answers = tell(ends, listener, [msgspec.msgpack.encode({"type": "Hello", "protocol_version": 9})])
        assert isinstance(answers[0], Refuse)
        assert "version 9" in answers[0].cause


@pytest.fixture
def stranger() -> Iterator[zmq.Socket[bytes]]:
    """A plain DEALER that says what it likes."""
    context = sockets.new_context()
    dealer = context.socket(zmq.DEALER)
    dealer.linger = 0
    yield dealer
    dealer.close()
    context.term()


def tell(ends: Any, listener: Listener, frames: list[bytes]) -> list[Message]:
    """What the listener answers to these frames."""
    context = sockets.new_context()
    dealer = context.socket(zmq.DEALER)
    dealer.linger = 0
    dealer.connect(listener.endpoint)
    dealer.send_multipart(frames)
    answers: list[Message] = []

    def answered() -> bool:
        answers.extend(codec.decode(part) for part in sockets.receive(dealer) or [])
        return bool(answers)

    try:
        ends.pump(answered)
    finally:
        dealer.close()
        context.term()
    return answers


STATS = codec.encode(Stats(1, {"x": 1.0}))


class TestBadInput:
    @pytest.mark.parametrize(
        ("frames", "says"),
        [
            ([b"noise"], "is not a message"),
            ([b""], "is not a message"),
            ([b"", STATS], "is not a message"),
            ([STATS[:-1]], "is not a message"),
            ([STATS + b"\0"], "is not a message"),
            ([msgspec.msgpack.encode({"type": "Pickle"})], "Pickle"),
            ([STATS, *[b""] * codec.MAX_FRAMES], "frames is over the limit"),
            ([STATS, b"\0" * 60_000, b"\0" * 60_000], "bytes is over the limit of 100000"),
            ([STATS, b"\0" * 150_000], "bytes is over the limit of 100000"),
        ],
    )
    def test_the_peer_is_told_and_the_connection_kept(
        self, ends: Any, stranger: zmq.Socket[bytes], frames: list[bytes], says: str
    ) -> None:
        listener = ends.listen(max_message_bytes=100_000)
        stranger.connect(listener.endpoint)
        stranger.send_multipart(frames)
        stranger.send(STATS)
        ends.pump(lambda: ends.arrived(Stats))
        assert stranger.poll(5000)
        answer = codec.decode(stranger.recv())
        assert isinstance(answer, Malformed)
        assert says in answer.cause
        assert listener.malformed == 1

    def test_a_frame_that_would_take_too_much_memory_cuts_only_its_sender(
        self, ends: Any, stranger: zmq.Socket[bytes]
    ) -> None:
        listener = ends.listen(max_message_bytes=100_000)
        dialer = ends.dial(listener.endpoint)
        ends.meet(listener, dialer)
        stranger.connect(listener.endpoint)
        stranger.send_multipart([STATS, b"\0" * 300_000])

        def heard_again() -> bool:
            stranger.send(STATS)  # what was under way when the connection was cut is gone with it
            return bool(ends.arrived(Stats))

        ends.pump(heard_again)
        assert dialer.connected
        dialer.send("control", Stats(2, {}))
        ends.pump(lambda: any(stats.message == Stats(2, {}) for stats in ends.arrived(Stats)))

    def test_the_learner_too_is_told(self, ends: Any) -> None:
        context = sockets.new_context()
        router = context.socket(zmq.ROUTER)
        router.linger = 0
        router.bind("tcp://127.0.0.1:0")
        try:
            dialer = ends.dial(router.get_string(zmq.LAST_ENDPOINT))
            assert router.poll(5000)
            peer, _ = router.recv_multipart()
            router.send_multipart([peer, b"noise"])
            ends.pump(lambda: dialer.malformed == 1)
            told: list[Message] = []
            while not any(isinstance(message, Malformed) for message in told):
                assert router.poll(5000)
                told.append(codec.decode(router.recv_multipart()[1]))
        finally:
            router.close()
            context.term()

    def test_nobody_takes_over_another_connection(self, ends: Any, stranger: zmq.Socket[bytes]) -> None:
        listener = ends.listen()
        peers = ends.meet(listener, ends.dial(listener.endpoint))
        stranger.routing_id = b"x" + peers["control"][1:]  # a name that starts with zero cannot be claimed
        stranger.connect(listener.endpoint)
        stranger.send(STATS)
        ends.pump(lambda: ends.arrived(Stats))
        assert ends.arrived(Stats)[0].peer not in peers.values()


class TestBounds:
    def test_sending_to_nobody_is_false(self, ends: Any) -> None:
        assert not ends.listen().send(b"nobody", Unknown())

    @pytest.mark.parametrize("listening", [True, False])
    def test_sending_never_waits(self, ends: Any, free_port: Callable[[], int], listening: bool) -> None:
        """Neither to an actor that does not read, nor to a learner that is not there."""
        big = np.zeros(MEGABYTE, np.uint8).data
        if listening:
            listener = ends.listen()
            peer = ends.meet(listener, ends.dial(listener.endpoint))["bulk"]
            send = partial(listener.send, peer, Snapshot(b""), [big])
        else:
            dialer = ends.dial(f"tcp://127.0.0.1:{free_port()}")
            send = partial(dialer.send, "bulk", Snapshot(b""), [big])
        started = time.monotonic()
        assert not all(send() for _ in range(1000))
        assert time.monotonic() - started < 5.0

    def test_what_a_peer_would_refuse_is_not_sent(self, ends: Any) -> None:
        listener = ends.listen(max_message_bytes=2000)
        dialer = ends.dial(listener.endpoint, max_message_bytes=2000)
        with pytest.raises(ProtocolError, match="over the limit of 2000"):
            dialer.send("control", Unknown(), [b"\0" * 2000])
        with pytest.raises(ProtocolError, match="over the limit of 2000"):
            listener.send(b"peer", Unknown(), [b"\0" * 2000])

    @pytest.mark.parametrize("side", ["listener", "dialer"])
    def test_another_thread_ends_the_wait(self, ends: Any, side: str) -> None:
        listener = ends.listen()
        end = (
            listener
            if side == "listener"
            else ends.dial(listener.endpoint, heartbeat_seconds=20, lease_seconds=60)
        )
        end.poll(0.0)
        threading.Timer(0.02, end.wake).start()
        started = time.monotonic()
        end.poll(10.0)
        assert time.monotonic() - started < 5.0
        end.wake()
        end.poll(10.0)
        assert time.monotonic() - started < 5.0
        end.close(0.0)
        end.wake()

    def test_closing_is_bounded_whoever_does_not_read(self, ends: Any) -> None:
        listener = ends.listen()
        dialer = ends.dial(listener.endpoint)
        peers = ends.meet(listener, dialer)
        big = np.zeros(4 * MEGABYTE, np.uint8).data
        for _ in range(10):
            listener.send(peers["bulk"], Snapshot(b""), [big])
            dialer.send("control", Snapshot(b""), [big])
        started = time.monotonic()
        for end in (listener, dialer):
            end.close(0.1)
            end.close(0.1)
        assert time.monotonic() - started < 3.0

    def test_closing_delivers_what_was_said_last(self, ends: Any) -> None:
        listener = ends.listen()
        dialer = ends.dial(listener.endpoint)
        ends.meet(listener, dialer)
        dialer.send("control", Goodbye({}))
        dialer.close(5.0)
        ends.dialers.clear()
        ends.pump(lambda: ends.arrived(Goodbye))

    def test_a_large_snapshot_does_not_hold_up_a_heartbeat(self, ends: Any) -> None:
        listener = ends.listen()
        dialer = ends.dial(listener.endpoint, heartbeat_seconds=0.01)
        peers = ends.meet(listener, dialer)
        listener.send(peers["control"], ends.welcome(heartbeat_seconds=0.01))
        trips: list[float] = []
        stop = threading.Event()

        def learner() -> None:
            big = [np.zeros(5 * MEGABYTE, np.uint8).data] * 2
            while not stop.is_set():
                listener.send(peers["bulk"], Snapshot(b""), big)
                for incoming in listener.poll(0.01):
                    if isinstance(incoming.message, Heartbeat):
                        listener.send(incoming.peer, Heartbeat(0.0, incoming.message.time_seconds))

        thread = threading.Thread(target=learner)
        thread.start()
        deadline = time.monotonic() + 20
        while len(trips) < 20 and time.monotonic() < deadline:
            ends.received += dialer.poll(0.01)
            if dialer.round_trip_seconds is not None:
                trips.append(dialer.round_trip_seconds)
                dialer.round_trip_seconds = None
        stop.set()
        thread.join()
        assert len(trips) == 20
        assert ends.answers(Snapshot)
        assert statistics.median(trips) < 0.5  # gross floor; the figure is a matter of the benchmark


class TestAddresses:
    def test_a_port_in_use_is_named_with_the_cure(self, ends: Any) -> None:
        endpoint = ends.listen().endpoint
        port = endpoint.rpartition(":")[2]
        with pytest.raises(LinkError, match=f"port {port} of 127.0.0.1 is in use(.|\n)*--bind tcp"):
            Listener(ListenerConfig(bind=endpoint))

    @pytest.mark.parametrize(
        "bind", ["tcp://0.0.0.0:5555", "tcp://*:5555", "tcp://10.0.0.1:5555", "tcp://[::]:5555"]
    )
    def test_other_computers_need_keys(self, bind: str) -> None:
        with pytest.raises(LinkError, match=r"handson keys make(.|\n)*--keys"):
            Listener(ListenerConfig(bind=bind))

    def test_localhost_is_this_computer(self, ends: Any) -> None:
        assert ends.listen("tcp://localhost:0").endpoint.startswith("tcp://127.0.0.1:")

    def test_an_address_of_another_computer_cannot_be_bound(self, tmp_path: Any) -> None:
        KeyStore(tmp_path).make("lab")
        with pytest.raises(LinkError, match="cannot listen on"):
            Listener(ListenerConfig(bind="tcp://192.0.2.1:5555", keys=tmp_path))

    @pytest.mark.parametrize(
        "address", ["5555", "udp://127.0.0.1:1", "tcp://127.0.0.1", "tcp://h:70000", "tcp://h:0"]
    )
    def test_what_is_no_address_is_refused(self, address: str) -> None:
        with pytest.raises(ConfigError, match="is not an address"):
            DialerConfig(connect=address)
        if address != "tcp://h:0":
            with pytest.raises(ConfigError, match="is not an address"):
                ListenerConfig(bind=address)

    def test_other_settings_are_checked(self, ends: Any, tmp_path: Any) -> None:
        for config in (ListenerConfig, DialerConfig):
            with pytest.raises(ConfigError, match="lease"):
                config(heartbeat_seconds=1.0, lease_seconds=1.5)
        with pytest.raises(ConfigError, match="max_message_bytes"):
            ListenerConfig(max_message_bytes=10)
        with pytest.raises(ConfigError, match="learner_key"):
            DialerConfig(learner_key=tmp_path)
        with pytest.raises(ConfigError, match="handson keys make"):
            Dialer(DialerConfig(keys=tmp_path), ends.hello(), SystemClock())
