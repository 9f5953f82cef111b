"""A policy that sees through a frozen trunk acts once the trunk is here: asked for once, verified, kept."""

import dataclasses
import logging
from pathlib import Path

import numpy as np
import pytest

from actor.policy_feed import PolicyFeed
from actor.session import Session
from actor.trunks import Trunks
from learner.ingest import EncodedSnapshot, EncodedTrunk, Ingest
from learner.log import EpisodeLog, LogConfig
from learner.ratio import RatioConfig
from shared.clock import SystemClock
from shared.errors import CheckpointError
from shared.interface import InterfaceSpec
from shared.link.dialer import DialerConfig
from shared.link.listener import ListenerConfig
from shared.policy.snapshot import PolicySnapshot, encode_snapshot
from shared.policy.spec import PolicySpec
from shared.policy.trunks.trunk_file import TrunkStore, encode_trunk
from shared.policy.trunks.weights import TrunkWeights
from shared.policy.vision import VisionConfig
from shared.protocol import PROTOCOL_VERSION, Hello

LEASE = {"lease_seconds": 1.0, "heartbeat_seconds": 0.2}
SIDE = 32


def weights(value: float) -> TrunkWeights:
    params = {"stem/kernel": np.full((3, 3, 3, 32), value, np.float32), "stem/bias": np.ones(32, np.float32)}
    return TrunkWeights.of("efficientnet_lite0_frozen", 3, params)


TRUNK, OTHER = weights(1.0), weights(2.0)


def snapshot_of(interface: InterfaceSpec, version: int, digest: str) -> PolicySnapshot:
    return PolicySnapshot(
        spec=PolicySpec(interface=interface, vision=VisionConfig(), trunk_digest=digest),
        params={"actor/kernel": np.full((3, 4), version, np.float32)},
        learner_incarnation="learner",
        version=version,
        update=version,
        created_at_seconds=0.0,
    )


@pytest.fixture
def interface(world) -> InterfaceSpec:
    return world.interface("seeing", image=SIDE)


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    return tmp_path / "trunks"


@pytest.fixture
def feed(interface, shelf) -> PolicyFeed:
    return PolicyFeed(interface, trunks=Trunks(shelf))


def offer(feed: PolicyFeed, interface: InterfaceSpec, version: int, trunk: TrunkWeights = TRUNK) -> bool:
    return feed.on_snapshot(*encode_snapshot(snapshot_of(interface, version, trunk.digest)))


class TestFeed:
    def test_a_policy_waits_for_its_trunk_and_the_newest_is_handed_over(self, feed, interface, shelf):
        for version in (1, 2):
            assert offer(feed, interface, version)
        assert (feed.newest(), feed.wanted_trunk) == (None, TRUNK.digest)
        assert feed.request().have_version == 2
        assert feed.on_trunk(TRUNK.digest, *encode_trunk(TRUNK))
        assert (feed.newest().version, feed.wanted_trunk) == (2, "")
        assert offer(feed, interface, 3)
        assert feed.newest().version == 3
        assert TrunkStore(shelf).find(TRUNK.digest) is not None

    def test_the_next_life_finds_it_on_the_disk(self, feed, interface, shelf):
        TrunkStore(shelf).keep(TRUNK)
        offer(feed, interface, 1)
        assert (feed.newest().version, feed.wanted_trunk) == (1, "")

    def test_the_policy_before_goes_on_meanwhile(self, feed, interface):
        feed.on_trunk(TRUNK.digest, *encode_trunk(TRUNK))
        offer(feed, interface, 1)
        offer(feed, interface, 2, OTHER)
        assert (feed.newest().version, feed.wanted_trunk) == (1, OTHER.digest)

    def test_a_trunk_of_other_weights_is_refused(self, feed, interface, caplog):
        offer(feed, interface, 1)
        assert not feed.on_trunk(TRUNK.digest, *encode_trunk(OTHER))
        assert (feed.newest(), feed.refused) == (None, 1)
        assert f"{OTHER.digest[:16]} arrived where {TRUNK.digest[:16]} was asked for" in caplog.text

    def test_a_damaged_trunk_is_refused(self, feed, interface):
        offer(feed, interface, 1)
        header, buffers = encode_trunk(TRUNK)
        damaged = bytearray(buffers[0])
        damaged[5] ^= 1
        for spoilt in ([memoryview(damaged), *buffers[1:]], buffers[:-1], []):
            assert not feed.on_trunk(TRUNK.digest, header, spoilt)
        assert not feed.on_trunk(TRUNK.digest, header[:-3], buffers)
        assert (feed.newest(), feed.refused, feed.wanted_trunk) == (None, 4, TRUNK.digest)

    def test_without_room_on_the_disk_it_is_kept_in_memory(self, interface, tmp_path, caplog):
        (tmp_path / "file").write_text("no directory")
        feed = PolicyFeed(interface, trunks=Trunks(tmp_path / "file" / "trunks"))
        offer(feed, interface, 1)
        assert feed.on_trunk(TRUNK.digest, *encode_trunk(TRUNK))
        assert feed.newest().version == 1
        assert "the trunk is not kept" in caplog.text

    def test_a_damaged_file_is_as_good_as_none(self, feed, interface, shelf):
        TrunkStore(shelf).keep(TRUNK)
        for path in shelf.iterdir():
            path.write_bytes(path.read_bytes()[:-7])
        offer(feed, interface, 1)
        assert (feed.newest(), feed.wanted_trunk) == (None, TRUNK.digest)
        assert feed.on_trunk(TRUNK.digest, *encode_trunk(TRUNK))
        assert Trunks(shelf).find(TRUNK.digest) is not None


class TestWithoutALearner:
    def test_the_weights_of_the_wheel_will_do(self, interface, shelf, monkeypatch):
        monkeypatch.setattr("shared.policy.trunks.weights.load_trunk", lambda vision, source: TRUNK)
        spec = snapshot_of(interface, 1, TRUNK.digest).spec
        trunks = Trunks(shelf)
        assert trunks.require(spec) is TRUNK
        assert trunks.find(TRUNK.digest) is TRUNK
        with pytest.raises(CheckpointError, match=r"nor in an installed package(.|\n)*HANDSON_CACHE"):
            trunks.require(dataclasses.replace(spec, trunk_digest=OTHER.digest))


class Learner:
    """A real learner's end, without a network."""

    def __init__(self, directory: Path, endpoint: str) -> None:
        clock = SystemClock()

        def open_log(interface, on_durable):
            return EpisodeLog(directory, interface, clock, LogConfig(), on_durable=on_durable)

        listener = ListenerConfig(bind=endpoint, **LEASE)
        self.ingest = Ingest(listener, RatioConfig(clock="simulated"), incarnation="l", open_log=open_log)
        self.ingest.start()

    def publish(self, snapshot: PolicySnapshot, trunk: TrunkWeights | None = TRUNK) -> None:
        if trunk is not None:
            header, buffers = encode_trunk(trunk)
            self.ingest.offer_trunk(EncodedTrunk(digest=trunk.digest, header=header, buffers=buffers))
        header, buffers = encode_snapshot(snapshot)
        name = {"incarnation": snapshot.learner_incarnation, "version": snapshot.version}
        self.ingest.publish(EncodedSnapshot(header=header, buffers=buffers, **name))


class TestOverTheLink:
    @pytest.fixture
    def learner(self, tmp_path, free_port):
        made = Learner(tmp_path / "log", f"tcp://127.0.0.1:{free_port()}")
        yield made
        made.ingest.close(10.0)

    @pytest.fixture
    def session(self, world, interface, learner, feed):
        uplink = world.live("0", interface)
        hello = Hello(
            protocol_version=PROTOCOL_VERSION,
            channel="control",
            actor_id="actor",
            incarnation="0",
            interface=interface,
            clock="simulated",
            code_version="test",
            host="here",
        )
        config = DialerConfig(connect=learner.ingest.endpoint, **LEASE)
        session = Session(config, hello, uplink, feed)
        yield session
        session.close(10.0)

    def test_it_comes_once_and_later_policies_need_it_no_more(
        self, learner, session, feed, interface, wait_until, caplog
    ):
        caplog.set_level(logging.INFO)
        session.start()
        for version in range(3):
            learner.publish(snapshot_of(interface, version, TRUNK.digest))
            wait_until(lambda n=version: (new := feed.newest()) and new.version == n, 10.0)
        session.check()
        assert caplog.text.count("asked the learner for the trunk") == 1

    def test_a_trunk_that_the_learner_lacks_is_told_and_asked_for_again_later(
        self, learner, session, feed, interface, wait_until, caplog, monkeypatch
    ):
        monkeypatch.setattr("actor.inquiries._REFUSED_SECONDS", 0.1)
        learner.publish(snapshot_of(interface, 1, TRUNK.digest), trunk=OTHER)
        session.start()
        wait_until(lambda: "see through the trunk" in caplog.text, 10.0)
        assert feed.newest() is None
        learner.publish(snapshot_of(interface, 1, TRUNK.digest), trunk=TRUNK)
        wait_until(lambda: feed.newest() is not None, 10.0)
        session.check()
