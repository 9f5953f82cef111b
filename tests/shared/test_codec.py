"""Whatever goes in comes out equal; whatever was damaged raises ProtocolError and nothing else."""

from dataclasses import fields, is_dataclass, replace
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from shared import codec
from shared.errors import ProtocolError
from shared.interface import ActionEntry, InterfaceSpec, ObservationEntry
from shared.protocol import (
    PROTOCOL_VERSION,
    Ack,
    ArrayHeader,
    Heartbeat,
    Hello,
    RecordHeader,
    Records,
    Snapshot,
    SnapshotRequest,
    Stats,
    Unknown,
)
from shared.records import AmendRecord, LostRecord, Record, StepRecord
from shared.step import EpisodeKind, Source, Step, StepId, Why

DTYPES = st.sampled_from(sorted(codec.DTYPES))
counts = st.integers(0, 2**62)
names = st.text(min_size=1, max_size=12)
floats = st.floats(allow_nan=True, allow_infinity=True)
seconds = st.floats(allow_nan=False, allow_infinity=False)
actions = hnp.arrays(np.float32, st.integers(0, 9))


@st.composite
def arrays(draw: st.DrawFn) -> np.ndarray[Any, Any]:
    shape = draw(hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=12))
    dtype = np.dtype(draw(DTYPES)).newbyteorder(draw(st.sampled_from("<>")))
    array = draw(hnp.arrays(dtype, shape))
    if array.ndim and draw(st.booleans()):
        array = np.swapaxes(array, 0, -1)[..., ::-1]
    return array


observations = st.dictionaries(names, arrays(), min_size=1, max_size=3)


@st.composite
def steps(draw: st.DrawFn) -> Step:
    terminated = draw(st.booleans())
    truncated = not terminated and draw(st.booleans())
    last = terminated or truncated
    return Step(
        observation=draw(observations),
        chosen_action=draw(actions),
        executed_command=draw(actions),
        source=draw(st.sampled_from(Source)),
        reward=draw(floats),
        terminated=terminated,
        truncated=truncated,
        why=draw(st.sampled_from(Why)) if last else None,
        policy_action=draw(st.none() | actions),
        human_action=draw(st.none() | actions),
        reward_terms=draw(st.dictionaries(names, floats, max_size=2)),
        final_observation=draw(observations) if last and draw(st.booleans()) else None,
    )


@st.composite
def records(draw: st.DrawFn, actor_id: str = "0", incarnation: str = "a") -> Record:
    about = {"sequence": draw(counts), "time_seconds": draw(seconds)}
    stream = {"actor_id": actor_id, "incarnation": incarnation}
    match draw(st.sampled_from(["step", "amend", "lost"])):
        case "step":
            identity = StepId(actor_id, incarnation, draw(counts), draw(counts))
            kind = draw(st.sampled_from(EpisodeKind))
            return StepRecord(identity=identity, kind=kind, step=draw(steps()), **about)
        case "amend":
            target = StepId(draw(names), draw(names), draw(counts), draw(counts))
            return AmendRecord(
                target=target,
                reward=draw(st.none() | floats),
                terminated=draw(st.none() | st.booleans()),
                truncated=draw(st.none() | st.booleans()),
                why=draw(st.none() | st.sampled_from(Why)),
                **stream,
                **about,
            )
        case _:
            return LostRecord(count=draw(st.integers(1, 2**40)), cause=draw(st.text()), **stream, **about)


def assert_same(left: Any, right: Any) -> None:
    """Equal in type, value and dtype, where NaN equals NaN."""
    if isinstance(left, np.ndarray):
        assert left.dtype.name == right.dtype.name
        assert left.shape == right.shape
        np.testing.assert_array_equal(left, right)
    elif is_dataclass(left):
        assert type(left) is type(right)
        for field in fields(left):
            assert_same(getattr(left, field.name), getattr(right, field.name))
    elif isinstance(left, dict):
        assert list(left) == list(right)
        for key in left:
            assert_same(left[key], right[key])
    elif isinstance(left, float):
        np.testing.assert_equal(right, left)
    else:
        assert left == right


def over_the_wire(message: Records, buffers: list[memoryview]) -> tuple[Records, list[bytes]]:
    received = codec.decode(codec.encode(message))
    assert isinstance(received, Records)
    return received, [bytes(buffer) for buffer in buffers]


def reward_step(image_shape: tuple[int, ...] = (8, 8, 3)) -> StepRecord:
    step = Step(
        observation={"state": np.arange(10, dtype=np.float32), "image": np.ones(image_shape, np.uint8)},
        chosen_action=np.zeros(4, np.float32),
        executed_command=np.zeros(7, np.float32),
        source=Source.POLICY,
        reward=1.0,
    )
    return StepRecord(
        identity=StepId("0", "a", 2, 3), sequence=5, kind=EpisodeKind.TRAINING, time_seconds=1.5, step=step
    )


class TestArrays:
    @given(st.dictionaries(names, arrays(), max_size=4))
    def test_any_array_comes_out_equal(self, packed: dict[str, np.ndarray[Any, Any]]) -> None:
        headers, buffers = codec.pack_arrays(packed)
        assert_same(codec.unpack_arrays(headers, buffers), packed)

    def test_large_buffers_are_views_on_both_sides(self) -> None:
        array = np.zeros((64, 64), np.float32)
        headers, buffers = codec.pack_arrays({"x": array})
        unpacked = codec.unpack_arrays(headers, buffers)["x"]
        assert np.shares_memory(np.frombuffer(buffers[0], np.float32), array)
        assert np.shares_memory(unpacked, array)
        assert not unpacked.flags.writeable

    def test_small_arrays_travel_in_the_header(self) -> None:
        headers, buffers = codec.pack_arrays({"x": np.zeros(codec.INLINE_BYTES, np.uint8)})
        assert headers[0].inline is not None
        assert not buffers

    @pytest.mark.parametrize("dtype", ["float16", "complex64", "U3", "O", "datetime64[s]"])
    def test_other_dtypes_are_refused(self, dtype: str) -> None:
        with pytest.raises(ProtocolError, match="not one of"):
            codec.pack_arrays({"x": np.zeros(3, dtype)})

    @pytest.mark.parametrize(
        ("header", "buffers", "says"),
        [
            (ArrayHeader("x", "float16", (1,), b"12"), [], "not one of"),
            (ArrayHeader("x", "O", (1,), b"12345678"), [], "not one of"),
            (ArrayHeader("x", "uint8", (-1, -4), b"1234"), [], "shape"),
            (ArrayHeader("x", "uint8", (1,) * 9, b"1"), [], "shape"),
            (ArrayHeader("x", "uint8", (0, 2**62, 2**62), b""), [], "shape"),
            (ArrayHeader("x", "float32", (3,), b"1234"), [], "needs 12 bytes, not 4"),
            (ArrayHeader("x", "float32", (3,)), [b"1234"], "needs 12 bytes, not 4"),
            (ArrayHeader("x", "uint8", (3,)), [], "fewer buffers"),
            (ArrayHeader("x", "uint8", (3,)), [b"123", b"4"], "more buffers"),
        ],
    )
    def test_headers_that_lie_are_refused(self, header: ArrayHeader, buffers: list[bytes], says: str) -> None:
        with pytest.raises(ProtocolError, match=says):
            codec.unpack_arrays([header], buffers)

    def test_a_name_comes_once(self) -> None:
        header = ArrayHeader("x", "uint8", (1,), b"1")
        with pytest.raises(ProtocolError, match="twice"):
            codec.unpack_arrays([header, header], [])


class TestRecords:
    @settings(deadline=None, max_examples=60)
    @given(st.lists(records(), min_size=1, max_size=3))
    def test_any_records_come_out_equal(self, sent: list[Record]) -> None:
        message, buffers = over_the_wire(*codec.records_message(sent))
        received = codec.records_of(message, buffers, "0")
        assert len(received) == len(sent)
        for left, right in zip(sent, received, strict=True):
            assert_same(left, right)

    @given(records())
    def test_encoding_again_gives_the_same_bytes(self, record: Record) -> None:
        message, buffers = codec.records_message([record])
        received = codec.records_of(*over_the_wire(message, buffers), "0")
        again, buffers_again = codec.records_message(received)
        assert codec.encode(again) == codec.encode(message)
        assert buffers_again == buffers

    def test_frame_count_is_what_a_record_takes(self) -> None:
        header, buffers = codec.record_to_frames(reward_step((64, 64, 3)))
        assert codec.record_frame_count(header) == len(buffers) == 1

    def test_numpy_scalars_from_environments_are_accepted(self) -> None:
        record = reward_step()
        step = replace(record.step, reward=np.float32(0.1))
        header, _ = codec.record_to_frames(replace(record, step=step))
        assert header.fields["reward"] == float(np.float32(0.1))

    def test_too_many_and_too_few_buffers_are_refused(self) -> None:
        message, buffers = codec.records_message([reward_step((64, 64, 3))] * 2)
        with pytest.raises(ProtocolError, match="fewer"):
            codec.records_of(message, buffers[:1], "0")
        with pytest.raises(ProtocolError, match="more"):
            codec.records_of(message, [*buffers, b"x"], "0")

    @pytest.mark.parametrize(
        ("change", "says"),
        [
            ({"sequence": -1}, "sequence -1"),
            ({"sequence": 2**63}, "sequence"),
            ({"time_seconds": float("nan")}, "time nan"),
            ({"arrays": ()}, "without 'chosen_action'"),
            ({"fields": {}}, "missing required field"),
            ({"type": "amend"}, "amend record is not one"),
            ({"type": "lost", "fields": {"count": 0, "cause": ""}}, "0 records are lost"),
        ],
    )
    def test_headers_that_make_no_record_are_refused(self, change: dict[str, Any], says: str) -> None:
        header, buffers = codec.record_to_frames(reward_step())
        with pytest.raises(ProtocolError, match=says):
            codec.record_from_frames(msgspec.structs.replace(header, **change), buffers, "0", "a")

    @pytest.mark.parametrize("field", ["episode", "kind", "source", "reward", "why", "unheard_of"])
    def test_fields_of_a_wrong_type_are_refused(self, field: str) -> None:
        header, buffers = codec.record_to_frames(reward_step())
        header = msgspec.structs.replace(header, fields={**header.fields, field: {"x": 1.0}})
        with pytest.raises(ProtocolError):
            codec.record_from_frames(header, buffers, "0", "a")


def hello(version: int = PROTOCOL_VERSION) -> Hello:
    interface = InterfaceSpec(
        name="reach",
        observations=(ObservationEntry(name="state", shape=(10,), dtype="float32"),),
        actions=(ActionEntry(name="move", low=(-1.0,), high=(1.0,), unit="m"),),
        control_hz=10.0,
    )
    return Hello(
        protocol_version=version,
        channel="control",
        actor_id="0",
        incarnation="a",
        interface=interface,
        clock="wall",
        code_version="1",
        host="lab",
    )


def damaged(frame: bytes, position: int, replacement: bytes, cut: int) -> bytes:
    return (frame[:position] + replacement + frame[position + len(replacement) :])[: len(frame) - cut]


class TestMessages:
    @settings(deadline=None, max_examples=400)
    @given(
        st.sampled_from(
            [
                codec.encode(hello()),
                codec.encode(codec.records_message([reward_step((2, 2, 3))])[0]),
                codec.encode(Stats(3, {"x": 1.0})),
                codec.encode(SnapshotRequest("a", 3)),
            ]
        ),
        st.integers(0, 700),
        st.binary(max_size=6),
        st.integers(0, 20),
    )
    @example(codec.encode(Unknown()), 1, b"\xa4type\xdd\xff\xff\xff\xff", 0)
    @example(codec.encode(Unknown()), 6, b"\xa1\xff", 0)
    def test_damage_is_read_or_refused(self, frame: bytes, position: int, other: bytes, cut: int) -> None:
        try:
            message = codec.decode(damaged(frame, position % len(frame), other, cut))
            if isinstance(message, Records):
                codec.records_of(message, [], "0")
        except ProtocolError:
            pass

    @given(st.binary(max_size=200))
    @example(b"\x82\xa4type\xa7Unknown\xa1x" + b"\x91" * 100_000)
    def test_noise_is_refused(self, noise: bytes) -> None:
        with pytest.raises(ProtocolError):
            codec.decode(noise)
        assert codec.foreign_version(noise) is None

    def test_unknown_types_and_oversized_headers_are_refused(self) -> None:
        with pytest.raises(ProtocolError, match="Pickle"):
            codec.decode(msgspec.msgpack.encode({"type": "Pickle"}))
        with pytest.raises(ProtocolError, match="over the limit of 20"):
            codec.decode(codec.encode(hello()), max_header_bytes=20)
        with pytest.raises(ProtocolError, match="over the limit"):
            codec.encode(Snapshot(bytes(codec.MAX_HEADER_BYTES)))

    def test_what_cannot_be_encoded_is_a_protocol_error(self) -> None:
        with pytest.raises(ProtocolError, match="cannot be encoded"):
            codec.encode(Ack("a", 2**70, 0))

    def test_whole_messages_have_limits(self) -> None:
        assert codec.require_size([b"12", memoryview(b"345")]) == 5
        with pytest.raises(ProtocolError, match="5 bytes"):
            codec.require_size([b"12", b"345"], max_bytes=4)
        with pytest.raises(ProtocolError, match="3 frames"):
            codec.require_size([b""] * 3, max_frames=2)

    def test_a_hello_of_another_version_is_recognised_even_if_unreadable(self) -> None:
        assert codec.foreign_version(codec.encode(hello())) is None
        assert codec.foreign_version(codec.encode(hello(7))) == 7
        later = msgspec.msgpack.encode({"type": "Hello", "protocol_version": 99, "other": [1, 2]})
        assert codec.foreign_version(later) == 99
        assert codec.foreign_version(codec.encode(Heartbeat(1.0))) is None

    def test_record_header_survives_alone(self) -> None:
        header, _ = codec.record_to_frames(reward_step())
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(header), type=RecordHeader) == header
