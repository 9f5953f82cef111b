"""The newest snapshot wins; what is damaged or of another world is refused, counted and never applied."""

import math

import numpy as np
import pytest

from actor.policy_feed import PolicyFeed
from shared.clock import ManualClock
from shared.interface import InterfaceSpec
from shared.policy.snapshot import PolicySnapshot, encode_snapshot
from shared.policy.spec import PolicySpec
from shared.protocol import SnapshotRequest


def encoded(interface: InterfaceSpec, version: int, created_at_seconds: float = 0.0):
    snapshot = PolicySnapshot(
        spec=PolicySpec(interface=interface),
        params={"actor/kernel": np.full((3, 4), version, np.float32)},
        learner_incarnation="learner",
        version=version,
        update=10 * version,
        created_at_seconds=created_at_seconds,
    )
    return encode_snapshot(snapshot)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(100.0)


@pytest.fixture
def feed(world, clock) -> PolicyFeed:
    return PolicyFeed(world.interface(), clock, wall=lambda: 1000.0 + clock.now())


def test_before_the_first_snapshot(feed):
    assert feed.newest() is None
    assert feed.age_seconds() == feed.policy_age_seconds() == math.inf
    assert feed.request() == SnapshotRequest()


def test_the_newest_wins_and_its_ages_are_known(feed, clock, world):
    for version in (1, 2, 3):
        assert feed.on_snapshot(*encoded(world.interface(), version, created_at_seconds=1090.0))
    clock.advance(5.0)
    newest = feed.newest()
    assert newest is not None
    assert (newest.version, newest.params["actor/kernel"][0, 0]) == (3, 3.0)
    assert feed.newest() is newest
    assert (feed.age_seconds(), feed.policy_age_seconds()) == (5.0, 15.0)
    assert (feed.received, feed.applied, feed.refused) == (3, 1, 0)
    assert feed.request() == SnapshotRequest("learner", 3)


def test_another_interface_is_refused_and_not_asked_for_again(feed, world, caplog):
    feed.on_snapshot(*encoded(world.interface(), 1))
    assert not feed.on_snapshot(*encoded(world.interface("another"), 2))
    assert (feed.newest().version, feed.received, feed.refused) == (1, 1, 1)
    assert feed.request() == SnapshotRequest("learner", 2)
    assert "another" in caplog.text


@pytest.mark.parametrize("damage", ["header", "cut header", "missing array", "short array", "empty"])
def test_damage_is_refused(feed, world, damage):
    feed.on_snapshot(*encoded(world.interface(), 1))
    header, buffers = encoded(world.interface(), 2)
    damaged = {
        "header": (header.replace(b"float32", b"float33"), buffers),
        "cut header": (header[:-5], buffers),
        "missing array": (header, []),
        "short array": (header, [buffers[0][:-4]]),
        "empty": (b"", []),
    }[damage]
    assert not feed.on_snapshot(*damaged)
    assert (feed.newest().version, feed.refused) == (1, 1)
    assert feed.request() == SnapshotRequest("learner", 1)
