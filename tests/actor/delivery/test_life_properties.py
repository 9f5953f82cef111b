"""Any order of puts, full disks, sending, losses on the way, kills and restarts: each step once, in order."""

import errno
import os
import shutil
from pathlib import Path
from tempfile import mkdtemp

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from actor.life import Life
from actor.life_directory import Claim, settle
from actor.parcel import pack
from actor.ring import Ring
from actor.uplink_config import UplinkConfig
from shared.codec import records_of
from shared.delivery import ReceiveLedger, Verdict
from shared.episodes import EpisodeWriter
from shared.errors import EpisodeFileError
from shared.interface import ActionEntry, InterfaceSpec, ObservationEntry
from shared.records import LostRecord, Record, StepRecord, next_sequence
from shared.step import EpisodeKind, StepId

INTERFACE = InterfaceSpec(
    name="tiny",
    observations=(ObservationEntry(name="state", shape=(3,), dtype="float32"),),
    actions=(ActionEntry(name="move", low=(-1.0,), high=(1.0,), unit="m"),),
    control_hz=10.0,
)
CONFIG = UplinkConfig(ring_bytes=2**20, memory_bytes=2**20, in_flight_records=8)
SEGMENT_BYTES = 4096


@pytest.fixture(autouse=True)
def quick_disk(monkeypatch):
    """Whether a power cut is survived is not the question here."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


class Machine(RuleBasedStateMachine):
    """One actor through its lives, and one learner through its own; kills happen between operations.

    A kill is a copy of the directory as the kernel has it at that moment, opened by the next life.
    """

    make_step = None

    def __init__(self):
        super().__init__()
        self.root = Path(mkdtemp(prefix="handson-life-"))
        self.lives: list[Life] = []
        self.dead: list[Life] = []
        self.produced: dict[str, int] = {}
        self.log: list[Record] = []
        self.ledger = ReceiveLedger()
        self.may_lose = False
        self.copies = 0

    @initialize()
    def begin(self):
        self._live()

    @rule(count=st.integers(1, 30))
    def put(self, count):
        life = self.lives[-1]
        name = life.directory.name
        for _ in range(count):
            number = self.produced[name]
            identity = StepId("actor", name, 0, number)
            step = type(self).make_step(number)
            record = StepRecord(
                identity=identity, sequence=0, kind=EpisodeKind.TRAINING, time_seconds=0.0, step=step
            )
            assert life.ring.append(pack(record)) == number
            self.produced[name] += 1

    @rule()
    def drain(self):
        self.lives[-1].move()

    @rule(method=st.sampled_from(["_write_head", "write", "flush"]), landed=st.booleans())
    def drain_onto_a_full_disk(self, method, landed):
        """The disk refuses at some point; the bytes may have landed all the same."""
        real = getattr(EpisodeWriter, method)

        def refusing(writer, *arguments):
            if landed:
                real(writer, *arguments)
            if method == "_write_head":
                writer._file.close()
            raise OSError(errno.ENOSPC, "full")

        setattr(EpisodeWriter, method, refusing)
        try:
            self.lives[-1].move()
        except (OSError, EpisodeFileError):
            pass
        finally:
            setattr(EpisodeWriter, method, real)

    @rule(most=st.integers(1, 5), arrives=st.booleans(), acknowledged=st.booleans())
    def send(self, most, arrives, acknowledged):
        for life in self.lives:
            if (batch := life.outbox.next_batch(most, 2**20)) is None:
                continue
            life.outbox.mark_sent(batch)
            if arrives:
                self._take(life, batch)
            if acknowledged:
                self._acknowledge(life)

    @rule()
    def sync_and_tidy(self):
        for life in list(self.lives):
            self.ledger.mark_durable(life.outbox.stream, self.ledger.received(life.outbox.stream))
            self._acknowledge(life)
            if life.tidy() and life is not self.lives[-1]:
                self.lives.remove(life)
                life.remove()

    @rule()
    def resend(self):
        for life in self.lives:
            life.outbox.resend()

    @rule(durable_only=st.booleans(), data=st.data())
    def learner_restarts(self, durable_only, data):
        keep = len(self.log)
        if durable_only:
            durable = {life.outbox.stream[1]: self.ledger.durable(life.outbox.stream) for life in self.lives}
            kept = [r for r in self.log if self._is_durable(r, durable)]
            self.log = kept
        else:
            keep = data.draw(st.integers(0, keep))
            self.may_lose |= keep < len(self.log)
            self.log = self.log[:keep]
        self.ledger = ReceiveLedger()
        for record in self.log:
            assert self.ledger.restore(record) is Verdict.NEW
        self._welcome()

    @precondition(lambda self: len(self.produced) < 5)
    @rule(moved=st.booleans())
    def kill(self, moved):
        self.copies += 1
        copy = self.root / f"copy-{self.copies}"
        shutil.copytree(self.lives[0].directory.parent, copy / "actor")
        self.dead += self.lives
        self.lives = []
        for directory in sorted((copy / "actor").iterdir()):
            claim = Claim.take(directory)
            assert claim is not None
            life = Life(directory, claim, "actor", INTERFACE, CONFIG, 0)
            life._spool._segment_bytes = SEGMENT_BYTES
            life.inherit()
            self.lives.append(life)
        self._live(copy / "actor")
        self._welcome()

    def teardown(self):
        try:
            if self.lives:
                self._deliver_all()
                self._check()
        finally:
            for life in self.lives + self.dead:
                life.leave()
            shutil.rmtree(self.root)

    def _live(self, root: Path | None = None):
        name = f"{len(self.produced):03d}"
        directory, claim = settle(root or self.root / "actor", name, INTERFACE)
        life = Life(directory, claim, "actor", INTERFACE, CONFIG, CONFIG.ring_bytes)
        life._spool._segment_bytes = SEGMENT_BYTES
        self.lives.append(life)
        self.produced[name] = 0

    def _take(self, life, batch):
        for record in records_of(batch.message, batch.buffers, "actor"):
            if self.ledger.accept_record(record) is Verdict.NEW:
                self.log.append(record)

    def _acknowledge(self, life):
        stream = life.outbox.stream
        life.outbox.acknowledge(self.ledger.received(stream), self.ledger.durable(stream))

    def _welcome(self):
        for life in self.lives:
            stream = life.outbox.stream
            life.outbox.welcome(self.ledger.received(stream), self.ledger.durable(stream))

    @staticmethod
    def _is_durable(record, durable):
        name = record.identity.incarnation if isinstance(record, StepRecord) else record.incarnation
        return next_sequence(record) <= durable.get(name, 2**63)

    def _deliver_all(self):
        while self.lives[-1].move():
            pass
        self._welcome()
        for life in self.lives:
            while (batch := life.outbox.next_batch(5, 2**20)) is not None:
                life.outbox.mark_sent(batch)
                self._take(life, batch)
                self._acknowledge(life)
            assert life.outbox.received

    def _check(self):
        for name, produced in self.produced.items():
            expected = 0
            for record in self.log:
                stream = record.identity if isinstance(record, StepRecord) else record
                if stream.incarnation != name:
                    continue
                assert record.sequence == expected
                expected = next_sequence(record)
                if isinstance(record, StepRecord):
                    assert record.step.reward == record.sequence == record.identity.step
                else:
                    assert isinstance(record, LostRecord)
                    assert self.may_lose
            assert expected == produced or (self.may_lose and self._gone(name))

    def _gone(self, name: str) -> bool:
        """Whether all of a life was durable and its directory removed: nobody tells of it any more."""
        return all(life.directory.name != name for life in self.lives)


def test_any_schedule(world):
    class Bound(Machine):
        make_step = staticmethod(world.step)

    run_state_machine_as_test(
        Bound, settings=settings(max_examples=60, stateful_step_count=30, deadline=None)
    )


def test_the_ring_survives_a_copy_in_use(tmp_path):
    """What the machine above calls a kill: the file shows what was appended, mapped or not."""
    ring = Ring(tmp_path / "ring", 4096)
    ring.append([b"some", b"thing"])
    shutil.copy(tmp_path / "ring", tmp_path / "copy")
    ring.close()
    copy = Ring(tmp_path / "copy", 0)
    assert [record.payload for record in copy.survivors(0)] == [b"something"]
    copy.close()
