"""The log gives back what was appended, tells when it is durable, and survives what kills its writer."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from learner.log import EpisodeLog, LogConfig, log_interface, read_log, restore_ledger, segments
from shared.clock import ManualClock, SystemClock
from shared.delivery import ReceiveLedger, Stream
from shared.errors import ConfigError, EpisodeFileError, InterfaceMismatch
from shared.interface import ActionEntry, InterfaceSpec, ObservationEntry
from shared.records import LostRecord, Record, StepRecord, next_sequence, stream_of
from shared.step import EpisodeKind, Source, Step, StepId, Why

INTERFACE = InterfaceSpec(
    name="test",
    observations=(ObservationEntry(name="state", shape=(2,), dtype="float32"),),
    actions=(ActionEntry(name="step", low=(-1.0,), high=(1.0,), unit="m"),),
    control_hz=10.0,
)
NEVER = LogConfig(group_commit_seconds=60.0)
WaitUntil = Callable[..., None]


def step_record(sequence: int, *, actor_id: str = "actor", length: int = 100) -> StepRecord:
    last = sequence % length == length - 1
    state = {"state": np.array([sequence, 0.1], np.float32)}
    step = Step(
        observation=state,
        chosen_action=np.zeros(1, np.float32),
        executed_command=np.zeros(1, np.float32),
        source=Source.POLICY,
        reward=0.0,
        truncated=last,
        why=Why.TIME_LIMIT if last else None,
        final_observation=state if last else None,
    )
    return StepRecord(
        identity=StepId(actor_id, "life", sequence // length, sequence % length),
        sequence=sequence,
        kind=EpisodeKind.TRAINING,
        time_seconds=float(sequence),
        step=step,
    )


class Durable:
    """What the log said is durable."""

    def __init__(self) -> None:
        self.streams: dict[Stream, int] = {}
        self.threads: set[str] = set()

    def __call__(self, streams: Mapping[Stream, int]) -> None:
        self.streams.update(streams)
        self.threads.add(threading.current_thread().name)


@pytest.fixture
def durable() -> Durable:
    return Durable()


def names(records: Iterator[Record]) -> list[tuple[Stream, int]]:
    return [(stream_of(record), record.sequence) for record in records]


def test_records_come_back_in_order_over_segments_and_lives(tmp_path: Path, durable: Durable) -> None:
    config, written, position = LogConfig(segment_bytes=4000, group_commit_seconds=0.0), [], 0
    for life in range(3):
        log = EpisodeLog(
            tmp_path, INTERFACE, SystemClock(), config, on_durable=durable, next_position=position
        )
        for number in range(20):
            record = step_record(life * 20 + number, actor_id=f"actor-{number % 2}")
            assert log.append(record) == position
            position += 1
            written.append(record)
            if number % 5 == 0:
                assert log.wait_durable(position, 5.0)
        assert log.close(5.0)
        log.check()
        assert log.durable_position == position
    assert names(read_log(tmp_path)) == names(iter(written))
    assert len(segments(tmp_path)) > 3
    assert log_interface(tmp_path) == INTERFACE


def test_an_empty_log(tmp_path: Path, durable: Durable) -> None:
    log = EpisodeLog(tmp_path / "episodes", INTERFACE, SystemClock(), on_durable=durable)
    assert log.close(5.0)
    assert list(read_log(tmp_path / "episodes")) == []
    assert log_interface(tmp_path / "episodes") is None


def test_the_end_of_an_episode_is_durable_at_once(
    tmp_path: Path, durable: Durable, wait_until: WaitUntil
) -> None:
    log = EpisodeLog(tmp_path, INTERFACE, ManualClock(), NEVER, on_durable=durable)
    for sequence in range(4):
        log.append(step_record(sequence, length=4))
    log.append(step_record(0, actor_id="other"))
    wait_until(lambda: ("actor", "life") in durable.streams, 5.0)
    assert durable.streams[("actor", "life")] == 4
    assert durable.threads == {"episode log"}
    assert [r.sequence for r in read_log(tmp_path) if stream_of(r)[0] == "actor"] == [0, 1, 2, 3]
    assert log.close(5.0)


def test_the_middle_of_an_episode_is_durable_within_the_commit_time(tmp_path: Path, durable: Durable) -> None:
    clock = ManualClock()
    log = EpisodeLog(tmp_path, INTERFACE, clock, on_durable=durable)
    log.append(step_record(0))
    assert not log.wait_durable(1, 0.3)
    clock.advance(1.0)
    assert log.wait_durable(1, 5.0)
    assert durable.streams == {("actor", "life"): 1}
    assert log.close(5.0)


def test_closing_makes_everything_durable(tmp_path: Path, durable: Durable) -> None:
    log = EpisodeLog(tmp_path, INTERFACE, ManualClock(), NEVER, on_durable=durable)
    for sequence in range(3):
        log.append(step_record(sequence))
    assert log.close(5.0)
    assert durable.streams == {("actor", "life"): 3}
    assert log.durable_position == 3


def test_a_killed_learner_loses_only_what_was_not_durable(tmp_path: Path, durable: Durable) -> None:
    code = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
import test_log as t
log = t.EpisodeLog(Path(sys.argv[1]), t.INTERFACE, t.ManualClock(), t.NEVER, on_durable=lambda streams: None)
for sequence in range(6):
    log.append(t.step_record(sequence, length=4))
    if sequence == 3:
        assert log.wait_durable(4, 30.0)
os.kill(os.getpid(), 9)
"""
    command = [sys.executable, "-c", code, str(tmp_path), str(Path(__file__).parent)]
    assert subprocess.run(command, timeout=60, check=False).returncode == -9
    ledger = ReceiveLedger()
    count = restore_ledger(tmp_path, ledger)
    assert count == ledger.received(("actor", "life")) == ledger.durable(("actor", "life")) == 4
    log = EpisodeLog(tmp_path, INTERFACE, SystemClock(), on_durable=durable, next_position=count)
    assert log.append(step_record(4)) == 4
    assert log.close(5.0)
    assert [record.sequence for record in read_log(tmp_path)] == [0, 1, 2, 3, 4]


def test_the_ledger_is_rebuilt_from_the_log(tmp_path: Path, durable: Durable) -> None:
    ledger = ReceiveLedger()
    lost = LostRecord(
        actor_id="actor", incarnation="life", sequence=2, time_seconds=0.0, count=3, cause="disk full"
    )
    log = EpisodeLog(tmp_path, INTERFACE, SystemClock(), on_durable=durable)
    for record in (step_record(0), step_record(1), lost, step_record(5), step_record(0, actor_id="other")):
        ledger.accept_record(record)
        log.append(record)
        ledger.mark_durable(stream_of(record), next_sequence(record))
    assert log.close(5.0)
    rebuilt = ReceiveLedger()
    assert restore_ledger(tmp_path, rebuilt) == 5
    assert rebuilt.counters() == ledger.counters()
    assert rebuilt.streams() == ledger.streams()


def test_reading_is_of_the_segments_of_earlier_lives(tmp_path: Path, durable: Durable) -> None:
    first = EpisodeLog(tmp_path, INTERFACE, SystemClock(), on_durable=durable)
    first.append(step_record(0))
    assert first.close(5.0)
    earlier = read_log(tmp_path)
    second = EpisodeLog(tmp_path, INTERFACE, SystemClock(), on_durable=durable, next_position=1)
    second.append(step_record(1))
    assert second.close(5.0)
    assert [record.sequence for record in earlier] == [0]


def test_a_broken_disk_is_told_and_keeps_nothing_more(
    tmp_path: Path, durable: Durable, wait_until: WaitUntil
) -> None:
    directory = tmp_path / "episodes"
    directory.write_text("a file where the directory should be")
    log = EpisodeLog(directory, INTERFACE, SystemClock(), on_durable=durable)
    log.append(step_record(0))

    def failed() -> bool:
        try:
            log.check()
        except EpisodeFileError as error:
            return "cannot be written" in error.cause and "--resume" in error.cure
        return False

    wait_until(failed, 5.0)
    assert not log.wait_durable(1, 5.0)
    assert log.append(step_record(1)) == 1
    assert log.close(5.0)
    assert durable.streams == {}


def test_a_full_disk_keeps_what_was_durable(tmp_path: Path) -> None:
    code = """
import resource, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
import test_log as t
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
log = t.EpisodeLog(Path(sys.argv[1]), t.INTERFACE, t.SystemClock(), t.NEVER, on_durable=lambda streams: None)
sequence = 0
while log.wait_durable(log.append(t.step_record(sequence, length=1)) + 1, 30.0):
    sequence += 1
try:
    log.check()
except t.EpisodeFileError as error:
    print(log.durable_position, error.cause)
log.close(5.0)
"""
    command = [sys.executable, "-c", code, str(tmp_path), str(Path(__file__).parent)]
    done = subprocess.run(command, timeout=60, check=True, capture_output=True, text=True)
    count, cause = done.stdout.split(maxsplit=1)
    assert "File too large" in cause
    assert len(list(read_log(tmp_path))) == int(count) > 5


def test_segments_of_another_interface_are_refused(tmp_path: Path, durable: Durable) -> None:
    for number, interface in enumerate((INTERFACE, replace(INTERFACE, control_hz=20.0))):
        log = EpisodeLog(tmp_path, interface, SystemClock(), on_durable=durable, next_position=number)
        log.append(step_record(number))
        assert log.close(5.0)
    with pytest.raises(InterfaceMismatch, match=r"log-000001\.mcap"):
        read_log(tmp_path)


@pytest.mark.parametrize(
    "settings", [{"group_commit_seconds": -1.0}, {"group_commit_seconds": 61.0}, {"segment_bytes": 0}]
)
def test_settings_out_of_range(settings: dict) -> None:
    with pytest.raises(ConfigError, match=next(iter(settings))):
        LogConfig(**settings)
