"""Frozen trunks on the wire: once, to who asks, and never in the way of what is urgent."""

from typing import Any

import numpy as np
import pytest

from learner.ingest import EncodedTrunk
from shared.protocol import Malformed, NoTrunk, Snapshot, SnapshotRequest, Stats, Trunk, TrunkRequest


def trunk(digest: str = "d" * 64, size_bytes: int = 3000) -> EncodedTrunk:
    return EncodedTrunk(digest=digest, header=b"header", buffers=[np.full(size_bytes, 7, np.uint8).data])


def test_a_trunk_comes_with_its_arrays_to_everyone_who_asks(learner: Any) -> None:
    ingest = learner.start()
    ingest.offer_trunk(trunk())
    ingest.publish(learner.snapshot(1))
    for name in ("actor-0", "actor-1"):
        actor = learner.actor(ingest, actor_id=name)
        actor.join()
        actor.send(TrunkRequest("d" * 64), channel="bulk")
        assert actor.wait_for(Trunk) == Trunk("d" * 64, b"header")
        (came,) = (received for received in actor.received if isinstance(received.message, Trunk))
        assert came.channel == "bulk"
        assert bytes(came.buffers[0]) == b"\7" * 3000


def test_a_request_waits_until_the_learner_knows_its_trunk(learner: Any) -> None:
    ingest = learner.start()
    actor = learner.actor(ingest)
    actor.join()
    actor.send(TrunkRequest("d" * 64), channel="bulk")
    actor.send(Stats(1, {}), channel="bulk")
    actor.wait_for(Malformed)  # so the request was looked at too
    assert not actor.answers(Trunk)
    assert not actor.answers(NoTrunk)
    ingest.offer_trunk(trunk())
    actor.wait_for(Trunk)


@pytest.mark.parametrize(("own", "cause"), [(True, "see through the trunk eeee"), (False, "no frozen trunk")])
def test_an_unknown_trunk_is_answered_with_what_there_is_instead(learner: Any, own: bool, cause: str) -> None:
    ingest = learner.start()
    if own:
        ingest.offer_trunk(trunk("e" * 64))
    ingest.publish(learner.snapshot(1))
    actor = learner.actor(ingest)
    actor.join()
    actor.send(TrunkRequest("d" * 1000), channel="bulk")
    answer = actor.wait_for(NoTrunk)
    assert answer.digest == "d" * 64
    assert cause in answer.cause


def test_a_restarted_learner_is_asked_again(learner: Any) -> None:
    ingest = learner.start()
    actor = learner.actor(ingest)
    actor.join()
    actor.send(TrunkRequest("d" * 64), channel="bulk")
    ingest.close(5.0)
    restarted = learner.start(ingest.endpoint)
    restarted.offer_trunk(trunk())
    actor.wait_for(Trunk)


def test_a_large_trunk_holds_up_neither_acknowledgements_nor_policies(learner: Any) -> None:
    ingest = learner.start()
    ingest.offer_trunk(trunk(size_bytes=30_000_000))
    ingest.publish(learner.snapshot(1))
    actor = learner.actor(ingest)
    actor.join()
    actor.send(TrunkRequest("d" * 64), channel="bulk")
    actor.send(SnapshotRequest(), channel="bulk")
    for number in range(20):
        actor.deliver([actor.step(number)])
        actor.wait_for_ack(number + 1, 0)
    actor.wait_for(Snapshot)
    actor.wait_for(Trunk)
