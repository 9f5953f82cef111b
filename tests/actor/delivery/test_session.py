"""The session over a real link: with the learner's Ingest, and with a scripted learner that misbehaves."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from actor.policy_feed import PolicyFeed
from actor.session import Session
from actor.uplink import Uplink
from learner.ingest import EncodedSnapshot, Ingest
from learner.log import EpisodeLog, LogConfig, read_log
from learner.ratio import RatioConfig
from shared.clock import SystemClock
from shared.delivery import DeliveryCounters, ReceiveLedger
from shared.errors import Refused
from shared.interface import InterfaceSpec
from shared.link.dialer import DialerConfig
from shared.link.listener import Listener, ListenerConfig
from shared.protocol import (
    PROTOCOL_VERSION,
    Ack,
    Hello,
    Message,
    Records,
    Snapshot,
    SnapshotRequest,
    Welcome,
)
from shared.records import StepRecord

LEASE = {"lease_seconds": 1.0, "heartbeat_seconds": 0.2}


def hello_of(uplink: Uplink, interface: InterfaceSpec) -> Hello:
    return Hello(
        protocol_version=PROTOCOL_VERSION,
        channel="control",
        actor_id=uplink.stream[0],
        incarnation=uplink.stream[1],
        interface=interface,
        clock="simulated",
        code_version="test",
        host="here",
    )


class Learners:
    """Real learners' ends on one port, one after the other, over one log."""

    def __init__(self, directory: Path, port: int) -> None:
        self.directory = directory
        self.endpoint = f"tcp://127.0.0.1:{port}"
        self.current: Ingest | None = None
        self.count = 0

    def start(self, **ratio: object) -> Ingest:
        clock = SystemClock()
        commit = LogConfig(group_commit_seconds=0.05)
        restored = [0]

        def open_log(interface, on_durable):
            return EpisodeLog(
                self.directory, interface, clock, commit, on_durable=on_durable, next_position=restored[0]
            )

        self.count += 1
        config = RatioConfig(**({"clock": "simulated", "warmup_steps": 0} | ratio))
        listener = ListenerConfig(bind=self.endpoint, **LEASE)
        ingest = Ingest(listener, config, incarnation=f"learner-{self.count}", open_log=open_log)
        restored[0] = ingest.restore(self.directory)
        ingest.start()
        self.current = ingest
        return ingest

    def stop(self) -> None:
        if self.current is not None:
            self.current.close(10.0)
            self.current = None

    def rewards(self, incarnation: str) -> list[float]:
        """The rewards of the steps in the log, each sequence once and in order."""
        steps = [
            r for r in read_log(self.directory) if isinstance(r, StepRecord) and r.identity[1] == incarnation
        ]
        assert [step.sequence for step in steps] == list(range(len(steps)))
        return [step.step.reward for step in steps]


@pytest.fixture
def learners(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Learners]:
    made = Learners(tmp_path / "log", free_port())
    yield made
    made.stop()


@pytest.fixture
def connect(world) -> Iterator[Callable[..., Session]]:
    opened: list[Session] = []

    def make(uplink: Uplink, endpoint: str, *, feed: PolicyFeed | None = None, name: str = "tiny") -> Session:
        config = DialerConfig(connect=endpoint, **LEASE)
        session = Session(config, hello_of(uplink, world.interface(name)), uplink, feed)
        opened.append(session)
        session.start()
        return session

    yield make
    for session in opened:
        session.close(10.0)


def steps(count: int) -> list[float]:
    return [float(number) for number in range(count)]


def test_steps_arrive_once_and_both_sides_part_with_equal_counts(world, learners, connect):
    ingest = learners.start()
    uplink = world.live("0")
    session = connect(uplink, learners.endpoint)
    assert session.welcomed(10.0)
    assert session.connected
    world.produce(uplink, 500)
    session.stats(7, {"training/success": 0.5})
    theirs = session.goodbye(10.0)
    assert theirs == uplink.counters() == DeliveryCounters(produced=500, received=500, durable=500)
    assert [(actor, stats.step) for actor, stats in ingest.stats()] == [("actor", 7)]
    learners.stop()
    assert learners.rewards("0") == steps(500)


def test_either_may_come_first_and_the_learner_may_come_back(world, learners, connect, wait_until):
    uplink = world.live("0")
    session = connect(uplink, learners.endpoint)
    world.produce(uplink, 100)
    assert not session.welcomed(0.1)
    for round_ in range(1, 4):
        learners.start()
        wait_until(lambda: session.connected, 10.0, "connected")
        world.produce(uplink, 100)
        expected = 100 * (round_ + 1)
        wait_until(lambda n=expected: uplink.counters().durable == n, 10.0, f"{expected} durable")
        learners.stop()
        wait_until(lambda: not session.connected, 10.0, "the silence is noticed")
    session.check()
    assert learners.rewards("0") == steps(400)


def test_what_was_not_delivered_is_delivered_by_the_next_life(world, learners, connect):
    first = world.live("0")
    session = connect(first, learners.endpoint)
    world.produce(first, 50)
    assert session.goodbye(0.1) is None
    session.close(10.0)
    first.close(10.0)
    learners.start()
    second = world.live("1")
    session = connect(second, learners.endpoint)
    world.produce(second, 20)
    assert session.goodbye(10.0) == second.counters()
    learners.stop()
    assert (learners.rewards("0"), learners.rewards("1")) == (steps(50), steps(20))


def test_the_newer_of_two_with_one_name_stays_and_takes_over(world, learners, connect, wait_until):
    learners.start()
    first, second = world.live("0"), world.live("1")
    older = connect(first, learners.endpoint)
    assert older.welcomed(10.0)
    world.produce(first, 50)
    newer = connect(second, learners.endpoint)
    assert newer.welcomed(10.0)
    wait_until(lambda: older.stop_requested is not None, 10.0, "the older one is told")
    with pytest.raises(Refused, match="another actor has taken"):
        older.check()
    assert not older.wait_for_lead(0, 0.0)
    world.produce(first, 10)
    began = time.monotonic()
    with pytest.raises(Refused):
        older.goodbye(30.0)
    assert time.monotonic() - began < 10.0
    older.close(10.0)
    first.close(10.0)
    wait_until(lambda: len(second.deliveries.outboxes()) == 2, 10.0, "the directory is taken over")
    assert newer.goodbye(10.0) is not None
    learners.stop()
    assert learners.rewards("0") == steps(60)


def test_another_interface_is_refused_with_both_printed(world, learners, connect, wait_until):
    learners.start().use_interface(world.interface("pick_cube"), "a demo")
    uplink = world.live("0", world.interface("reach"))
    session = connect(uplink, learners.endpoint, name="reach")
    wait_until(lambda: session.stop_requested is not None, 10.0)
    with pytest.raises(Refused, match=r"(?s)reach.*pick_cube|pick_cube.*reach"):
        session.welcomed(1.0)


def test_stop_and_ready_are_heard_also_by_who_comes_late(world, learners, connect, wait_until):
    ingest = learners.start()
    uplink = world.live("0")
    session = connect(uplink, learners.endpoint)
    assert session.welcomed(10.0)
    assert not session.ready
    ingest.mark_ready()
    wait_until(lambda: session.ready, 10.0)
    ingest.stop_actors("the target is met")
    wait_until(lambda: session.stop_requested == "the target is met", 10.0)
    assert not session.wait_for_lead(0, 0.0)
    late = connect(world.live("1"), learners.endpoint)
    assert late.welcomed(10.0)
    wait_until(lambda: late.ready and late.stop_requested is not None, 10.0)
    session.close(1.0)


def test_the_newest_policy_arrives_also_after_a_restart(world, learners, connect, wait_until):
    pytest.importorskip("shared.policy.snapshot")
    from shared.policy.snapshot import PolicySnapshot, encode_snapshot
    from shared.policy.spec import PolicySpec

    def publish(ingest: Ingest, incarnation: str, version: int) -> None:
        spec = PolicySpec(interface=world.interface())
        snapshot = PolicySnapshot(
            spec=spec,
            params={},
            learner_incarnation=incarnation,
            version=version,
            update=0,
            created_at_seconds=0.0,
        )
        header, buffers = encode_snapshot(snapshot)
        ingest.publish(
            EncodedSnapshot(header=header, buffers=buffers, incarnation=incarnation, version=version)
        )

    def name() -> tuple[str, int] | None:
        newest = feed.newest()
        return newest and (newest.learner_incarnation, newest.version)

    uplink, feed = world.live("0"), PolicyFeed(world.interface())
    session = connect(uplink, learners.endpoint, feed=feed)
    for incarnation in ("a", "b"):
        ingest = learners.start()
        for version in (1, 2):
            publish(ingest, incarnation, version)
            wait_until(lambda n=(incarnation, version): name() == n, 10.0)
        learners.stop()
        wait_until(lambda: not session.connected, 10.0)
    assert feed.refused == 0


def test_the_lead_is_bounded_and_survives_a_restarted_learner(world, learners, connect, wait_until):
    ingest = learners.start(max_lead_steps=5, warmup_steps=10)
    uplink = world.live("0")
    session = connect(uplink, learners.endpoint)
    assert session.welcomed(10.0)
    assert session.allowed_training_steps() == 15
    world.produce(uplink, 15)
    assert session.wait_for_lead(14, 0.0)
    assert not session.wait_for_lead(15, 0.05)
    ingest.progress({("actor", "0"): 12})
    assert session.wait_for_lead(16, 10.0)
    assert not session.wait_for_lead(17, 0.05)
    assert uplink.flush(10.0, durable=True)
    learners.stop()
    assert not session.wait_for_lead(17, 0.05)
    ingest = learners.start(max_lead_steps=5, warmup_steps=10)
    ingest.progress({("actor", "0"): 15})
    assert session.wait_for_lead(19, 10.0)


def test_waiting_for_the_lead_ends_at_once_when_the_session_does(world, connect, free_port):
    session = connect(world.live("0"), f"tcp://127.0.0.1:{free_port()}")
    threading.Timer(0.2, session.close, [10.0]).start()
    began = time.monotonic()
    assert not session.wait_for_lead(0, 30.0)
    assert time.monotonic() - began < 10.0


def test_a_session_that_never_started_closes(world, free_port):
    uplink = world.live("0")
    config = DialerConfig(connect=f"tcp://127.0.0.1:{free_port()}")
    Session(config, hello_of(uplink, world.interface()), uplink).close(1.0)


class ScriptedLearner:
    """Answers Hello and judges records; `lossy` says which Records messages never arrive."""

    def __init__(self, lossy: Callable[[int], bool]) -> None:
        self.listener = Listener(ListenerConfig(bind="tcp://127.0.0.1:0", **LEASE))
        self.ledger = ReceiveLedger()
        self.lossy = lossy
        self.messages = 0
        self.requests: list[SnapshotRequest] = []
        self.snapshots: list[bytes] = []

    def turn(self) -> None:
        for peer, message, buffers in self.listener.poll(0.01):
            for answer in self._answers(message, buffers):
                self.listener.send(peer, answer)

    def _answers(self, message: Message, buffers: list[memoryview]) -> Iterator[Message]:
        match message:
            case Hello(channel="control"):
                received, durable = self.ledger.watermarks_of(message.actor_id)
                yield Welcome(
                    learner_incarnation="scripted",
                    state="ready",
                    received=received,
                    durable=durable,
                    code_version="test",
                    free_steps=0,
                    consumed_steps=0,
                    max_lead_steps=1,
                    **LEASE,
                )
            case Records():
                self.messages += 1
                if not self.lossy(self.messages):
                    yield self._judge(message)
            case SnapshotRequest():
                self.requests.append(message)
                if self.snapshots:
                    yield Snapshot(self.snapshots.pop(0))
            case _:
                return

    def _judge(self, message: Records) -> Ack:
        stream = ("actor", message.incarnation)
        for record in message.records:
            self.ledger.accept(stream, record.sequence)
        return Ack(message.incarnation, self.ledger.received(stream), 0)


@pytest.fixture
def scripted() -> Iterator[Callable[..., ScriptedLearner]]:
    made: list[ScriptedLearner] = []

    def make(lossy: Callable[[int], bool] = lambda number: False) -> ScriptedLearner:
        made.append(ScriptedLearner(lossy))
        return made[-1]

    yield make
    for learner in made:
        learner.listener.close(0.0)


def test_a_message_lost_on_the_way_is_sent_again(world, connect, scripted):
    learner = scripted(lossy=lambda number: number in (2, 3))
    uplink = world.live("0")
    session = connect(uplink, learner.listener.endpoint)
    world.produce(uplink, 400)
    deadline = time.monotonic() + 20.0
    while uplink.counters().received < 400 and time.monotonic() < deadline:
        learner.turn()
    session.check()
    counters = learner.ledger.counters("actor")
    assert (counters.received, counters.lost) == (400, 0)
    assert uplink.counters().duplicate > 0


def test_a_damaged_policy_is_counted_and_not_asked_for_in_a_hurry(world, connect, scripted, caplog):
    learner = scripted()
    learner.snapshots = [b"damaged"] * 100
    feed = PolicyFeed(world.interface())
    session = connect(world.live("0"), learner.listener.endpoint, feed=feed)
    deadline = time.monotonic() + 10.0
    while feed.refused == 0 and time.monotonic() < deadline:
        learner.turn()
    for _ in range(20):
        learner.turn()
    session.check()
    assert (feed.refused, feed.newest(), len(learner.requests)) == (1, None, 1)
