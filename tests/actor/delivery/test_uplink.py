"""What `put` returned from reaches the learner once, in order, through restarts, full disks and damage."""

import dataclasses
import errno
import os
from pathlib import Path

import numpy as np
import pytest

from actor.layout import Layout
from actor.life_directory import Claim
from actor.spool import Spool
from actor.uplink import Uplink
from actor.uplink_config import UplinkConfig
from shared.codec import records_of
from shared.episodes import read_episodes
from shared.errors import ConfigError, ObservationError, SpoolFull
from shared.image_codec import DEFLATE, decode_deflate, decode_images
from shared.step import EpisodeKind, StepId, Why


def steps(count: int) -> list[float]:
    return [float(number) for number in range(count)]


def test_steps_and_corrections_arrive_in_order_and_nothing_stays(world, learner, drained):
    uplink = world.live("0")
    world.produce(uplink, 20)
    target = StepId("actor", "0", 0, 19)
    uplink.amend(target, reward=1.0, terminated=True, why=Why.SUCCESS)
    drained(uplink)
    learner.welcome(uplink)
    learner.pump(uplink)
    assert learner.rewards("0") == steps(20)
    (amend,) = learner.amends()
    assert (amend.target, amend.reward, amend.terminated, amend.why) == (target, 1.0, True, Why.SUCCESS)
    assert [record.sequence for record in learner.log] == list(range(21))
    assert uplink.flush(5.0, durable=True)
    assert uplink.counters() == learner.ledger.counters("actor")
    assert uplink.counters().durable == 21
    uplink.close(10.0)
    assert not world.directory("0").exists()


def test_put_returns_the_identity_and_the_spool_is_an_episode_file(world, drained):
    uplink = world.live("0", interface=None)
    world.produce(uplink, 5)
    drained(uplink)
    (file,) = world.directory("0").glob("*.mcap")
    identities = [record.identity for record in read_episodes(file).records()]
    assert identities == [("actor", "0", 0, number) for number in range(5)]


def test_the_next_life_delivers_what_earlier_lives_left_under_their_names(world, learner, drained):
    for incarnation in ("0", "1"):
        uplink = world.live(incarnation)
        world.produce(uplink, 10)
        uplink.close(10.0)
    last = world.live("2")
    world.produce(last, 3)
    drained(last)
    assert [outbox.stream[1] for outbox in last.deliveries.outboxes()] == ["0", "1", "2"]
    learner.welcome(last)
    learner.pump(last)
    assert [learner.rewards(incarnation) for incarnation in "012"] == [steps(10), steps(10), steps(3)]
    assert last.flush(5.0, durable=True)
    assert last.counters() == learner.ledger.counters("actor")
    last.close(10.0)
    assert list((world.root / "actor").iterdir()) == []


def test_only_what_the_learner_lacks_is_sent_again(world, learner, drained):
    first = world.live("0")
    world.produce(first, 10)
    drained(first)
    learner.welcome(first)
    learner.pump(first, durable=False)
    first.close(10.0)
    learner.forget(4)
    second = world.live("1")
    drained(second)
    learner.welcome(second)
    learner.pump(second)
    assert learner.rewards("0") == steps(10)
    assert learner.ledger.counters().duplicate == 0


def test_a_learner_that_forgot_is_sent_everything_again_from_the_disk(world, learner, drained):
    uplink = world.live("0", memory_bytes=2**20, in_flight_records=16)
    world.produce(uplink, 300)
    drained(uplink)
    learner.welcome(uplink)
    learner.pump(uplink, durable=False)
    learner.forget(37)
    learner.welcome(uplink)
    learner.pump(uplink)
    assert learner.rewards("0") == steps(300)


def test_a_backlog_larger_than_memory_and_ring_arrives_from_many_segments(world, learner, drained):
    uplink = world.live("0", world.interface(image=64), memory_bytes=2**20)
    for _ in range(8):
        world.produce(uplink, 40, image=64)
        drained(uplink)
    assert len(list(world.directory("0").glob("*.mcap"))) >= 3
    learner.welcome(uplink)
    learner.pump(uplink)
    assert learner.rewards("0") == steps(320)
    assert all((r.step.observation["camera"] == r.sequence % 256).all() for r in learner.log)


def test_files_go_as_the_learner_confirms_them(world, learner, drained, wait_until):
    uplink = world.live("0", world.interface(image=64))
    learner.welcome(uplink)
    for _ in range(8):
        world.produce(uplink, 40, image=64)
        drained(uplink)
        learner.pump(uplink)
    wait_until(lambda: len(list(world.directory("0").glob("*.mcap"))) <= 1, 5.0, "segments are removed")


def test_a_full_disk_loses_nothing_and_goes_on_by_itself(world, learner, drained, monkeypatch, caplog):
    full, write = [False], Spool.write

    def refusing(spool, records):
        if full[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(spool, records)

    monkeypatch.setattr(Spool, "write", refusing)
    uplink = world.live("0")
    world.produce(uplink, 10)
    drained(uplink)
    full[0] = True
    with pytest.raises(SpoolFull, match="wait for the disk"):
        world.produce(uplink, 100_000)
    produced = uplink.counters().produced
    assert produced > 1000
    full[0] = False
    drained(uplink)
    world.produce(uplink, 10)
    drained(uplink)
    learner.welcome(uplink)
    learner.pump(uplink)
    assert learner.rewards("0") == steps(produced + 10)
    assert ["steps wait in the ring" in m for m in caplog.messages].count(True) == 1


def test_what_a_full_disk_left_in_the_ring_is_delivered_by_the_next_life(
    world, learner, drained, monkeypatch
):
    with monkeypatch.context() as patch:
        patch.setattr(Spool, "write", _refuse)
        uplink = world.live("0")
        world.produce(uplink, 50)
        uplink.close(10.0)
    second = world.live("1")
    drained(second)
    learner.welcome(second)
    learner.pump(second)
    assert learner.rewards("0") == steps(50)


def _refuse(spool, records):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_the_spool_takes_no_more_than_its_limit(world, learner, drained, wait_until):
    uplink = world.live("0", world.interface(image=64), spool_bytes=2**20)
    learner.welcome(uplink)
    with pytest.raises(SpoolFull):
        world.produce(uplink, 1000, image=64)
    spooled = sum(file.stat().st_size for file in world.directory("0").glob("*.mcap"))
    assert spooled < 6 * 2**20
    produced = uplink.counters().produced

    def delivered() -> bool:
        learner.pump(uplink)
        return uplink.counters().received == produced

    wait_until(delivered, 10.0)
    assert learner.rewards("0") == steps(produced)


def test_damage_in_the_spool_costs_what_cannot_be_read_and_is_reported_as_lost(world, learner, drained):
    uplink = world.live("0", world.interface(image=64))
    for _ in range(8):
        world.produce(uplink, 40, image=64)
        drained(uplink)
    uplink.close(10.0)
    damaged = sorted(world.directory("0").glob("*.mcap"))[1]
    data = bytearray(damaged.read_bytes())
    for at in range(len(data) // 3, len(data) // 3 + 1000):
        data[at] ^= 0x5A
    damaged.write_bytes(data)
    second = world.live("1", world.interface(image=64))
    drained(second)
    learner.welcome(second)
    learner.pump(second, durable=False)
    (loss,) = learner.losses()
    assert loss[0] == "0"
    expected = [float(n) for n in range(320) if not loss[1] <= n < loss[1] + loss[2]]
    assert learner.rewards("0") == expected
    assert second.counters().lost == learner.ledger.counters("actor").lost == loss[2]
    second.close(10.0)
    third = world.live("2", world.interface(image=64))
    drained(third)
    learner.welcome(third)
    assert third.counters() == learner.ledger.counters("actor")


def test_a_lost_file_is_reported_as_lost(world, learner, drained):
    uplink = world.live("0", world.interface(image=64))
    for _ in range(8):
        world.produce(uplink, 40, image=64)
        drained(uplink)
    uplink.close(10.0)
    first, *_, last = sorted(world.directory("0").glob("*.mcap"))
    first.unlink()
    last.unlink()
    second = world.live("1", world.interface(image=64))
    drained(second)
    learner.welcome(second)
    learner.pump(second)
    counters = learner.ledger.counters("actor")
    assert counters.produced == 320
    assert len(learner.losses()) == 2
    assert counters.received > 0
    assert second.counters() == counters


@pytest.mark.parametrize(
    "changes",
    [
        {"observation": {}},
        {"observation": {"state": np.zeros(3)}},
        {"final_observation": {"state": np.zeros(4, np.float32)}},
        {"human_action": np.zeros(2, np.float32)},
        {"executed_command": np.zeros((1, 1), np.float32)},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_step_that_is_not_of_the_interface_is_refused_and_not_produced(world, changes):
    uplink = world.live("0")
    with pytest.raises(ObservationError, match="not of this interface"):
        uplink.put(dataclasses.replace(world.step(0), **changes), 0, 0, EpisodeKind.TRAINING)
    assert uplink.counters().produced == 0


def test_a_record_that_cannot_be_written_is_lost_alone(world, learner, drained, monkeypatch, caplog):
    uplink = world.live("0")
    world.produce(uplink, 3)
    bad = world.step(3)
    bad.observation.pop("state")
    monkeypatch.setattr(Layout, "require", lambda layout, step: None)
    uplink.put(bad, 0, 3, EpisodeKind.TRAINING)
    world.produce(uplink, 3)
    drained(uplink)
    learner.welcome(uplink)
    learner.pump(uplink)
    assert learner.rewards("0") == [0.0, 1.0, 2.0, 4.0, 5.0, 6.0]
    assert learner.losses() == [("0", 3, 1)]
    assert uplink.flush(5.0, durable=True)
    assert uplink.counters() == learner.ledger.counters()


def test_steps_of_another_task_are_left_alone_and_delivered_by_an_actor_of_it(
    world, learner, drained, caplog
):
    uplink = world.live("0", world.interface("reach"))
    world.produce(uplink, 5)
    uplink.close(10.0)
    other = world.live("1", world.interface("peg_insert"))
    drained(other)
    assert [outbox.stream[1] for outbox in other.deliveries.outboxes()] == ["1"]
    assert "undelivered steps of reach" in caplog.text
    same = world.live("2", world.interface("reach"))
    drained(same)
    learner.welcome(same)
    learner.pump(same)
    assert learner.rewards("0") == steps(5)


def test_the_directory_of_a_living_process_is_waited_for_and_then_taken_over(
    world, learner, drained, wait_until
):
    uplink = world.live("0")
    world.produce(uplink, 5)
    uplink.close(10.0)
    held = Claim.take(world.directory("0"))
    assert held is not None
    second = world.live("1")
    drained(second)
    assert len(second.deliveries.outboxes()) == 1
    learner.welcome(second)
    held.close()
    wait_until(lambda: len(second.deliveries.outboxes()) == 2, 5.0, "the directory is taken over")
    learner.pump(second)
    assert learner.rewards("0") == steps(5)


def test_what_is_acknowledged_before_its_life_is_taken_over_counts(world, learner, drained, wait_until):
    """The learner had received all of it, and synced it between the Welcome and the take-over."""
    first = world.live("0")
    world.produce(first, 5)
    drained(first)
    learner.welcome(first)
    learner.pump(first, durable=False)
    first.close(10.0)
    held = Claim.take(world.directory("0"))
    assert held is not None
    second = world.live("1")
    drained(second)
    learner.welcome(second)
    second.deliveries.acknowledge("0", 5, 5)
    held.close()
    wait_until(lambda: not world.directory("0").exists(), 5.0, "the earlier life is delivered and removed")


def test_a_process_that_never_ends_keeps_its_directory(world, drained, wait_until, caplog):
    uplink = world.live("0")
    world.produce(uplink, 5)
    uplink.close(10.0)
    held = Claim.take(world.directory("0"))
    assert held is not None
    second = world.live("1", patience_seconds=0)
    drained(second)
    wait_until(lambda: "still held by another process" in caplog.text, 5.0)
    held.close()


def test_flush_says_whether_all_was_received_in_time(world, learner, drained):
    uplink = world.live("0")
    world.produce(uplink, 5)
    assert not uplink.flush(0.1)
    drained(uplink)
    learner.welcome(uplink)
    learner.pump(uplink, durable=False)
    assert uplink.flush(1.0)
    assert not uplink.flush(0.1, durable=True)


def test_a_failure_of_the_thread_reaches_the_control_thread_and_loses_nothing(
    world, learner, drained, monkeypatch, wait_until, caplog
):
    def broken(spool, records):
        raise RuntimeError("a fault in the program")

    with monkeypatch.context() as patch:
        patch.setattr(Spool, "write", broken)
        uplink = world.live("0")
        world.produce(uplink, 1)
        wait_until(lambda: _fails(uplink), 5.0)
        world.produce(uplink, 9)
        uplink.close(10.0)
    second = world.live("1")
    drained(second)
    learner.welcome(second)
    learner.pump(second)
    assert learner.rewards("0") == steps(10)


def _fails(uplink) -> bool:
    try:
        uplink.check()
    except RuntimeError:
        return True
    return False


def test_a_ring_too_small_for_the_interface_is_refused(tmp_path, world):
    with pytest.raises(ConfigError, match="ring_bytes"):
        Uplink(tmp_path, "actor", "0", world.interface(image=512), UplinkConfig(ring_bytes=2**20))


def test_a_directory_that_cannot_be_used_is_named(tmp_path, world):
    (tmp_path / "file").write_text("")
    with pytest.raises(SpoolFull, match="file") as caught:
        Uplink(tmp_path / "file", "actor", "0", world.interface())
    assert "--spool" in caught.value.cure


@pytest.mark.parametrize(
    "setting", [{"ring_bytes": 0}, {"in_flight_records": 0}, {"patience_seconds": -1.0}], ids=str
)
def test_settings_out_of_range_are_refused(setting):
    with pytest.raises(ConfigError, match=next(iter(setting))):
        UplinkConfig(**setting)


@pytest.mark.root
def test_a_disk_that_is_really_full(tmp_path: Path, world, learner, drained, mounted):
    """On a file system of six mebibytes of which a ring takes one."""
    small = mounted(tmp_path / "small", 6)
    world.root = small
    uplink = world.live("0", world.interface(image=64))
    filler = small / "filler"
    filler.write_bytes(bytes(4 * 2**20))
    with pytest.raises(SpoolFull):
        world.produce(uplink, 1000, image=64)
    produced = uplink.counters().produced
    filler.unlink()
    drained(uplink)
    learner.welcome(uplink)
    learner.pump(uplink)
    assert learner.rewards("0") == steps(produced)
    assert learner.losses() == []


def test_what_a_process_left_that_was_killed_before_it_lived_is_swept(world, drained, wait_until):
    old, young = world.directory(".old"), world.directory(".young")
    for directory in (old, young):
        directory.mkdir(parents=True)
    os.utime(old, (0, 0))
    uplink = world.live("0")
    drained(uplink)
    assert not old.exists()
    assert young.exists()
    assert len(uplink.deliveries.outboxes()) == 1


def test_a_life_without_a_step_leaves_nothing(world):
    world.live("0").close(10.0)
    assert list((world.root / "actor").iterdir()) == []


def test_an_interface_that_cannot_be_understood_is_named_and_left(world, drained, caplog):
    uplink = world.live("0")
    world.produce(uplink, 3)
    uplink.close(10.0)
    (world.directory("0") / "interface.json").write_text("{")
    second = world.live("1")
    drained(second)
    assert "interface.json cannot be understood" in caplog.text
    assert world.directory("0").exists()


def test_compressed_images_are_the_same_from_memory_and_from_the_spool(world, drained):
    """The spool holds raw ones: what is read back, here or by the next life, is compressed again."""
    interface = world.interface("seeing", image=128)
    uplink = world.live("0", interface, ring_bytes=8 * 2**20, image_compression="lossless")
    world.produce(uplink, 40, image=128)
    drained(uplink)

    def sent(outbox) -> list[np.ndarray]:
        frames = []
        while (batch := outbox.next_batch(7, 2**20)) is not None:
            outbox.mark_sent(batch)
            assert sum(map(len, batch.buffers)) < 7 * 128 * 128 * 3 / 10
            message, buffers = decode_images(batch.message, batch.buffers, {DEFLATE: decode_deflate})
            frames += [r.step.observation["camera"] for r in records_of(message, buffers, "actor")]
        return frames

    (outbox,) = uplink.deliveries.outboxes()
    first = sent(outbox)
    uplink.deliveries.acknowledge("0", 40, 0)
    uplink.deliveries.welcome({}, {})  # a learner that has lost everything
    for frames in (first, sent(outbox)):
        assert len(frames) == 40
        for number, frame in enumerate(frames):
            np.testing.assert_array_equal(frame, np.full((128, 128, 3), number, np.uint8))
