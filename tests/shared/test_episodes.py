"""Episode files give back what was written, up to where their writer was cut off, or say what is wrong."""

import gc
import os
import struct
import subprocess
import sys
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import mcap.reader
import mcap.writer
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from shared import episode_messages
from shared.episodes import EpisodeWriter, group_episodes, read_episodes
from shared.errors import EpisodeFileError
from shared.interface import ActionEntry, InterfaceSpec, ObservationEntry
from shared.records import AmendRecord, LostRecord, Record, StepRecord
from shared.step import EpisodeKind, Observation, Source, Step, StepId, Why

INTERFACE = InterfaceSpec(
    name="test",
    observations=(
        ObservationEntry(name="arm/joint_position_rad", shape=(3,), dtype="float32"),
        ObservationEntry(name="wrist/image", shape=(2, 4, 3), dtype="uint8"),
    ),
    actions=(ActionEntry(name="arm/tcp_step", low=(-1.0, -1.0), high=(1.0, 1.0), unit="m"),),
    control_hz=10.0,
)
GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "episodes_v1"

float32 = hnp.arrays(np.float32, 3, elements=st.floats(width=32, allow_nan=True, allow_infinity=True))
actions = hnp.arrays(np.float32, 2, elements=st.floats(width=32))
floats = st.floats(allow_nan=True, allow_infinity=True)
seconds = st.floats(0, 2e9)
texts = st.text(max_size=8)
counts = st.integers(0, 2**63 - 1)
observations = st.fixed_dictionaries(
    {"arm/joint_position_rad": float32, "wrist/image": hnp.arrays(np.uint8, (2, 4, 3))}
)
identities = st.builds(StepId, texts, texts, counts, counts)
optional_why = st.none() | st.sampled_from(Why)

steps = st.builds(
    Step,
    observation=observations,
    chosen_action=actions,
    executed_command=actions,
    source=st.sampled_from(Source),
    reward=floats,
    terminated=st.booleans(),
    truncated=st.booleans(),
    why=optional_why,
    policy_action=st.none() | actions,
    human_action=st.none() | actions,
    reward_terms=st.dictionaries(texts, floats, max_size=2),
    final_observation=st.none() | observations,
)
records = st.one_of(
    st.builds(
        StepRecord,
        identity=identities,
        sequence=counts,
        kind=st.sampled_from(EpisodeKind),
        time_seconds=seconds,
        step=steps,
    ),
    st.builds(
        AmendRecord,
        actor_id=texts,
        incarnation=texts,
        sequence=counts,
        time_seconds=seconds,
        target=identities,
        reward=st.none() | floats,
        terminated=st.none() | st.booleans(),
        truncated=st.none() | st.booleans(),
        why=optional_why,
    ),
    st.builds(
        LostRecord,
        actor_id=texts,
        incarnation=texts,
        sequence=counts,
        time_seconds=seconds,
        count=counts,
        cause=texts,
    ),
)


def plain(value: Any) -> Any:
    """Something that compares equal exactly when every bit is equal (all NaN are one)."""
    if isinstance(value, np.ndarray):
        return (
            value.dtype.str,
            value.shape,
            np.where(value == value, value, 0).tobytes(),
            (value != value).tolist(),
        )
    if isinstance(value, float):
        return "nan" if value != value else value.hex()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if is_dataclass(value):
        return type(value), *(plain(getattr(value, field.name)) for field in fields(value))
    return value


def observation(value: float) -> Observation:
    image = np.full((2, 4, 3), int(value) % 256, np.uint8)
    return {"arm/joint_position_rad": np.full(3, value, np.float32), "wrist/image": image}


def step_record(number: int, *, episode: int = 0, length: int = 4, actor_id: str = "actor-0") -> StepRecord:
    last = number == length - 1
    step = Step(
        observation=observation(number + 0.1),
        chosen_action=np.array([0.5, -0.25], np.float32),
        executed_command=np.array([0.005, -0.0025], np.float32),
        source=Source.POLICY,
        reward=0.1 * number,
        reward_terms={"success": 0.0},
        truncated=last,
        why=Why.TIME_LIMIT if last else None,
        final_observation=observation(number + 1.1) if last else None,
    )
    return StepRecord(
        identity=StepId(actor_id, "life", episode, number),
        sequence=episode * length + number,
        kind=EpisodeKind.TRAINING,
        time_seconds=1.7e9 + 0.1 * number,
        step=step,
    )


def write(path: Path, written: list[Record], *, flush: bool = False) -> Path:
    with EpisodeWriter(path, INTERFACE, opened_by="test") as writer:
        for record in written:
            writer.write(record)
            if flush:
                writer.flush()
    return path


@given(written=st.lists(records, max_size=6), flush=st.booleans())
@settings(max_examples=50)
def test_every_record_comes_back_bit_for_bit(
    tmp_path_factory: pytest.TempPathFactory, written: list[Record], flush: bool
) -> None:
    path = write(tmp_path_factory.mktemp("episodes") / "e.mcap", written, flush=flush)
    file = read_episodes(path)
    assert [plain(record) for record in file.records()] == [plain(record) for record in written]
    assert not file.truncated
    assert file.interface == INTERFACE
    assert file.opened_by == "test"


@given(hnp.arrays(np.float32, 64, elements=st.floats(width=32, allow_nan=False)))
def test_float32_is_exact_to_the_sign_of_zero(values: np.ndarray) -> None:
    interface = replace(INTERFACE, observations=(ObservationEntry(name="x", shape=(64,), dtype="float32"),))
    record = step_record(0)
    record = replace(record, step=replace(record.step, observation={"x": values}))
    decoded = episode_messages.decode_step(episode_messages.encode_step(record, interface), {}, {})
    assert decoded.step.observation["x"].tobytes() == values.tobytes()


def test_a_time_that_is_not_finite_becomes_zero(tmp_path: Path) -> None:
    lost = LostRecord(actor_id="a", incarnation="b", sequence=0, time_seconds=np.nan, count=1, cause="c")
    written = [replace(step_record(0), time_seconds=np.inf), lost]
    read = list(read_episodes(write(tmp_path / "e.mcap", written)).records())
    assert [record.time_seconds for record in read] == [0.0, 0.0]


@pytest.mark.parametrize("flush", [True, False])
def test_the_mcap_library_reads_our_files(tmp_path: Path, flush: bool) -> None:
    path = write(tmp_path / "e.mcap", [step_record(n) for n in range(4)], flush=flush)
    with path.open("rb") as stream:
        seeking = mcap.reader.make_reader(stream, validate_crcs=True)
        topics = [channel.topic for _, channel, _ in seeking.iter_messages(log_time_order=False)]
    assert topics == ["/observation/wrist/image", "/step"] * 3 + [
        "/observation/wrist/image",
        "/final_observation/wrist/image",
        "/step",
    ]
    with path.open("rb") as stream:
        reader = mcap.reader.NonSeekingReader(stream, validate_crcs=True)
        found = {(s.name, s.encoding, c.message_encoding) for s, c, _ in reader.iter_messages() if s}
    assert found == {("handson.Step", "jsonschema", "json"), ("sensor_msgs/msg/Image", "ros2msg", "cdr")}


def test_a_file_cut_anywhere_gives_a_prefix(tmp_path: Path) -> None:
    written = [step_record(n, length=8) for n in range(8)]
    whole = write(tmp_path / "whole.mcap", written, flush=True).read_bytes()
    head = whole.index(b"interface_fingerprint") + 200
    last = 0
    for size in range(head, len(whole) - 8, 61):
        cut = tmp_path / "cut.mcap"
        cut.write_bytes(whole[:size])
        file = read_episodes(cut)
        read = list(file.records())
        assert file.truncated
        assert [plain(r) for r in read] == [plain(r) for r in written[: len(read)]]
        assert len(read) >= last
        last = len(read)
    assert last == len(written)


@given(place=st.floats(0, 1, exclude_max=True), mask=st.integers(1, 255))
@settings(max_examples=150)
def test_a_flipped_byte_of_content_is_found_or_harmless(
    tmp_path_factory: pytest.TempPathFactory, place: float, mask: int
) -> None:
    written = [step_record(n) for n in range(3)]
    path = tmp_path_factory.mktemp("episodes") / "e.mcap"
    data = bytearray(write(path, written, flush=True).read_bytes())
    contents = [b for start, end in _record_contents(bytes(data)) for b in range(start, end)]
    data[contents[int(place * len(contents))]] ^= mask
    path.write_bytes(data)
    read: list[Record] = []
    try:
        read.extend(read_episodes(path).records())
    except EpisodeFileError:
        pass
    assert [plain(r) for r in read] == [plain(r) for r in written[: len(read)]]


def test_zeros_after_a_power_cut_are_a_cut_tail(tmp_path: Path) -> None:
    path = write(tmp_path / "e.mcap", [step_record(n) for n in range(3)], flush=True)
    whole = path.read_bytes()
    chunks = _chunk_offsets(whole)
    path.write_bytes(whole[: chunks[2] + 40] + bytes(5000))
    file = read_episodes(path)
    assert [record.identity.step for record in file.records()] == [0, 1]
    assert file.truncated


def test_damage_before_sound_records_is_an_error(tmp_path: Path) -> None:
    path = write(tmp_path / "e.mcap", [step_record(n) for n in range(3)], flush=True)
    damaged = bytearray(path.read_bytes())
    damaged[_chunk_offsets(bytes(damaged))[1] + 200] ^= 1
    path.write_bytes(damaged)
    read: list[Record] = []
    with pytest.raises(EpisodeFileError, match="damaged at byte"):
        read.extend(read_episodes(path).records())


def test_a_killed_writer_loses_at_most_the_open_chunk(tmp_path: Path) -> None:
    write(tmp_path / "source.mcap", [step_record(n) for n in range(4)])
    path = tmp_path / "e.mcap"
    assert copy_in_a_process(tmp_path / "source.mcap", path, kill_at=3).returncode == -9
    file = read_episodes(path)
    assert [record.identity.step for record in file.records()] == [0, 1, 2]
    assert file.truncated


COPY = """
import os, resource, signal, sys
from shared.episodes import EpisodeWriter, read_episodes
source, path, kill_at, most_bytes = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
file = read_episodes(source)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))
writer = EpisodeWriter(path, file.interface, opened_by="test")
try:
    for number, record in enumerate(file.records()):
        writer.write(record)
        if number == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        writer.flush()
except OSError:
    writer.abandon()
    print(number)
"""


def copy_in_a_process(
    source: Path, path: Path, *, kill_at: int = -1, most_bytes: int = 10**9
) -> "subprocess.CompletedProcess[str]":
    """Copy record by record, killed with the record of this number in the open chunk, or out of disk."""
    command = [sys.executable, "-c", COPY, source, path, str(kill_at), str(most_bytes)]
    return subprocess.run(command, timeout=60, check=False, capture_output=True, text=True)


def _chunk_offsets(data: bytes) -> list[int]:
    return [start - 9 for start, _ in _record_contents(data) if data[start - 9] == 6]


def _record_contents(data: bytes) -> Iterator[tuple[int, int]]:
    offset = 8
    while offset < len(data) - 8:
        end = offset + 9 + int.from_bytes(data[offset + 1 : offset + 9], "little")
        yield offset + 9, end
        offset = end


class TestBadFiles:
    def test_empty(self, tmp_path: Path) -> None:
        path = tmp_path / "empty.mcap"
        path.touch()
        with pytest.raises(EpisodeFileError, match="not an MCAP file"):
            read_episodes(path)

    def test_missing(self, tmp_path: Path) -> None:
        with pytest.raises(EpisodeFileError, match="No such file"):
            read_episodes(tmp_path / "none.mcap")

    def test_a_directory(self, tmp_path: Path) -> None:
        with pytest.raises(EpisodeFileError, match="Is a directory"):
            read_episodes(tmp_path)

    def test_not_mcap(self, tmp_path: Path) -> None:
        path = tmp_path / "text.mcap"
        path.write_text("hello, this is not an episode")
        with pytest.raises(EpisodeFileError, match="not an MCAP file"):
            read_episodes(path)

    def test_foreign_mcap(self, tmp_path: Path) -> None:
        path = tmp_path / "foreign.mcap"
        with path.open("wb") as stream:
            writer = mcap.writer.Writer(stream)
            writer.start()
            channel = writer.register_channel("/chatter", "json", 0)
            writer.add_message(channel, 0, b"{}", 0)
            writer.finish()
        with pytest.raises(EpisodeFileError, match="HandsOn did not write") as caught:
            read_episodes(path)
        assert caught.value.cure

    @pytest.mark.parametrize("change", [{"format_version": "2"}, {"interface": "{}"}, {"interface": "no"}])
    def test_another_format_or_interface(self, tmp_path: Path, change: dict[str, str]) -> None:
        path = tmp_path / "other.mcap"
        with path.open("wb") as stream:
            writer = mcap.writer.Writer(stream)
            writer.start()
            writer.add_metadata("handson", {"format_version": "1", "code_version": "9.9"} | change)
            writer.finish()
        match = "format version 2; this HandsOn reads 1" if "format_version" in change else "no interface"
        with pytest.raises(EpisodeFileError, match=match):
            read_episodes(path)

    def test_a_message_that_breaks_the_interface(self, tmp_path: Path) -> None:
        wide = replace(
            INTERFACE,
            observations=(replace(INTERFACE.observations[0], shape=(4,)), INTERFACE.observations[1]),
        )
        path = tmp_path / "e.mcap"
        with EpisodeWriter(path, wide, opened_by="test") as writer:
            writer.write(step_record(0))
        with pytest.raises(EpisodeFileError, match="has shape"):
            list(read_episodes(path).records())

    @pytest.mark.parametrize(
        "content",
        [b"\x05", b"\x05" + b"\xff" * 8, b"\x05" + bytes(8), b"\x04" + (2).to_bytes(8, "little") + b"ab"],
    )
    def test_a_chunk_with_a_sound_checksum_and_no_sense(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "e.mcap"
        EpisodeWriter(path, INTERFACE, opened_by="test").abandon()
        crc, size = zlib.crc32(content), len(content)
        body = struct.pack("<QQQII", 0, 0, size, crc, 0) + struct.pack("<Q", size) + content
        with path.open("ab") as file:
            file.write(struct.pack("<BQ", 6, len(body)) + body)
        with pytest.raises(EpisodeFileError, match="chunk that cannot be understood"):
            list(read_episodes(path).records())

    def test_a_name_that_is_taken(self, tmp_path: Path) -> None:
        path = write(tmp_path / "e.mcap", [step_record(0)])
        before = path.read_bytes()
        with pytest.raises(EpisodeFileError, match="exists already"):
            EpisodeWriter(path, INTERFACE, opened_by="test")
        assert path.read_bytes() == before

    def test_a_directory_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(EpisodeFileError, match="cannot be created"):
            EpisodeWriter(tmp_path / "none" / "e.mcap", INTERFACE, opened_by="test")

    def test_a_full_disk_keeps_what_was_flushed(self, tmp_path: Path) -> None:
        write(tmp_path / "source.mcap", [step_record(n, length=99) for n in range(60)])
        path = tmp_path / "e.mcap"
        done = copy_in_a_process(tmp_path / "source.mcap", path, most_bytes=20_000)
        file = read_episodes(path)
        assert len(list(file.records())) == int(done.stdout) > 5
        assert file.truncated


class TestGrouping:
    def test_interleaved_actors(self) -> None:
        two = [step_record(n, actor_id=f"actor-{a}") for n in range(4) for a in range(2)]
        episodes = list(group_episodes(two))
        assert [(e.actor_id, e.number, len(e.steps)) for e in episodes] == [
            ("actor-0", 0, 4),
            ("actor-1", 0, 4),
        ]
        assert all(e.complete and not e.cut for e in episodes)

    def test_cut_and_incomplete(self) -> None:
        cut = [step_record(n) for n in range(2)]
        gap = [step_record(n, episode=1) for n in (0, 1, 3)]
        first, second = group_episodes([*cut, *gap])
        assert first.cut
        assert not first.complete
        assert not second.cut
        assert not second.complete

    def test_a_correction_that_comes_last(self) -> None:
        steps = [step_record(n, episode=e) for e in range(2) for n in range(4)]
        amend = AmendRecord(
            actor_id="actor-0",
            incarnation="life",
            sequence=8,
            time_seconds=0.0,
            target=StepId("actor-0", "life", 0, 3),
            reward=1.0,
            terminated=True,
            truncated=False,
            why=Why.SUCCESS,
        )
        unknown = replace(amend, target=StepId("actor-9", "life", 0, 3))
        first, second = group_episodes([*steps, amend, unknown])
        last = first.steps[-1].step
        assert (last.reward, last.terminated, last.truncated, last.why) == (1.0, True, False, Why.SUCCESS)
        assert second.steps[-1].step.why is Why.TIME_LIMIT


def golden_records() -> Iterator[Record]:
    for number in range(3):
        yield step_record(number, length=3)
    yield AmendRecord(
        actor_id="actor-0",
        incarnation="life",
        sequence=3,
        time_seconds=1.7e9 + 1.0,
        target=StepId("actor-0", "life", 0, 2),
        reward=1.0,
        terminated=True,
        truncated=False,
        why=Why.SUCCESS,
    )
    yield LostRecord(
        actor_id="actor-0",
        incarnation="life",
        sequence=4,
        time_seconds=1.7e9 + 2.0,
        count=2,
        cause="disk full",
    )
    strange = step_record(3, length=5)
    step = replace(
        strange.step, reward=float("nan"), source=Source.HUMAN, human_action=strange.step.chosen_action
    )
    vector = np.array([np.inf, -np.inf, 1e-45], np.float32)
    step = replace(step, observation=step.observation | {"arm/joint_position_rad": vector})
    yield replace(strange, sequence=6, kind=EpisodeKind.EVALUATION, step=step)


class TestGolden:
    """Files of format version 1 stay readable, and what is written stays what version 1 says."""

    def test_reading(self) -> None:
        read = read_episodes(GOLDEN / "episodes.mcap").records()
        assert [plain(record) for record in read] == [plain(record) for record in golden_records()]

    def test_writing(self, tmp_path: Path) -> None:
        path = write(tmp_path / "e.mcap", list(golden_records()))
        assert _messages(path) == _messages(GOLDEN / "episodes.mcap")


def _messages(path: Path) -> list[tuple[str, bytes | None, bytes]]:
    with path.open("rb") as stream:
        reader = mcap.reader.NonSeekingReader(stream)
        found = reader.iter_messages(log_time_order=False)
        return [(channel.topic, schema and schema.data, message.data) for schema, channel, message in found]


if __name__ == "__main__":
    os.makedirs(GOLDEN, exist_ok=True)
    write(GOLDEN / "episodes.mcap", list(golden_records()))


def test_a_file_whose_head_the_disk_does_not_take_leaves_nothing_behind(tmp_path, monkeypatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(OSError, match="No space left"):
            EpisodeWriter(tmp_path / "full.mcap", INTERFACE, opened_by="test")
        gc.collect()  # an open file would be told as a ResourceWarning here
    assert not list(tmp_path.iterdir())
