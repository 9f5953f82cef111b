"""What records of one message have in common crosses once; a message that contradicts itself is refused."""

from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import codec, record_forms
from shared.errors import ProtocolError
from shared.protocol import ArrayHeader, RecordHeader, Records
from shared.records import StepRecord
from shared.step import EpisodeKind, Source, Step, StepId, Why, new_incarnation

FRAME_BYTES_A_STEP = 2 * 64 * 64 * 3
ZMTP_FRAME_BYTES = 9
MOST = 1.02

names = st.text(max_size=8)
headers = st.builds(
    RecordHeader,
    st.sampled_from(["step", "amend", "lost"]),
    st.integers(0, 2**63 - 1),
    st.floats(allow_nan=False),
    st.dictionaries(
        st.from_regex(r"[a-z_]+", fullmatch=True),
        st.none()
        | st.booleans()
        | st.text()
        | st.integers(-(2**63), 2**64 - 1)
        | st.floats(allow_nan=False)
        | st.dictionaries(names, st.floats(allow_nan=False), min_size=1),
    ),
    st.lists(
        st.builds(
            ArrayHeader,
            st.lists(names | st.text(min_size=250, max_size=260), max_size=3).map("/".join),
            st.sampled_from([*codec.DTYPES, "uint8+jpeg", "other"]),
            st.lists(st.integers(0, 9), max_size=3).map(tuple),
            st.none() | st.binary(max_size=20),
        ),
        max_size=4,
    ).map(tuple),
)


def episode(length: int) -> list[StepRecord]:
    """An episode of two cameras, a state vector of 20 and three actions of 7."""
    life, rng = new_incarnation(), np.random.default_rng(0)
    action = rng.random(7, dtype=np.float32)
    observation: dict[str, Any] = {"state": rng.random(20, dtype=np.float32)}
    observation |= {name: rng.integers(0, 256, (64, 64, 3), np.uint8) for name in ("wrist", "side")}
    step = Step(
        observation=observation,
        chosen_action=action,
        executed_command=action,
        policy_action=action,
        source=Source.POLICY,
        reward=0.5,
    )
    last = replace(step, truncated=True, why=Why.TIME_LIMIT, final_observation=observation)
    return [
        StepRecord(
            identity=StepId("robot", life, 300, number),
            sequence=70_000 + number,
            kind=EpisodeKind.TRAINING,
            time_seconds=1763800000.123,
            step=last if number == length - 1 else step,
        )
        for number in range(length)
    ]


def wire_bytes(records: list[StepRecord]) -> int:
    message, buffers = codec.records_message(records)
    return sum(len(frame) + ZMTP_FRAME_BYTES for frame in (codec.encode(message), *buffers))


def message_of(count: int = 1) -> Records:
    return codec.records_message(list(episode(count + 1))[:count])[0]


class TestWhatCrosses:
    @given(st.lists(headers, max_size=4))
    def test_any_headers_come_out_equal(self, packed: list[RecordHeader]) -> None:
        message = codec.decode(codec.encode(codec.pack_headers("a", packed)))
        assert isinstance(message, Records)
        assert codec.headers_of(message) == tuple(packed)

    def test_a_step_alone_in_its_message_takes_few_bytes_beside_its_frames(self) -> None:
        steps = episode(3)
        assert wire_bytes(steps[:1]) <= MOST * FRAME_BYTES_A_STEP
        assert wire_bytes(steps[2:]) <= MOST * 2 * FRAME_BYTES_A_STEP  # the last one observes twice

    def test_an_episode_takes_few_bytes_even_with_its_last_observation_among_them(self) -> None:
        steps = episode(100)
        sent = sum(wire_bytes(steps[first : first + 16]) for first in range(0, 100, 16))
        assert sent <= MOST * 100 * FRAME_BYTES_A_STEP
        assert (sent - 101 * FRAME_BYTES_A_STEP) / 100 < 240

    def test_names_cross_once_a_message(self) -> None:
        frame = codec.encode(message_of(16))
        assert [frame.count(name) for name in (b"wrist", b"chosen_action", b"episode", b"policy")] == [
            *(1, 1, 1),
            2,  # as a source, and in policy_action
        ]

    def test_another_form_is_said_beside_the_first(self) -> None:
        steps = episode(20)
        human = replace(steps[3], step=replace(steps[3].step, source=Source.HUMAN))
        message, _ = codec.records_message([*steps[:3], human, *steps[4:]])
        assert [record.form for record in message.records] == [0] * 3 + [1] + [0] * 15 + [2]
        assert len(message.forms) == 3


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        ("change", "says"),
        [
            ({"form": 1}, "form 1 of 1"),
            ({"form": -1}, "form -1 of 1"),
            ({"numbers": (1, 2)}, "2 numbers for 3 names"),
            ({"small": b""}, "not within the 0 bytes"),
            ({"small": bytes(500)}, "500 bytes of small arrays, and its form names 164"),
        ],
    )
    def test_a_record_that_is_not_of_its_form(self, change: dict[str, Any], says: str) -> None:
        message = message_of()
        record = msgspec.structs.replace(message.records[0], **change)
        with pytest.raises(ProtocolError, match=says):
            codec.headers_of(msgspec.structs.replace(message, records=(record,)))

    def test_small_arrays_of_negative_size(self) -> None:
        message = message_of()
        group = message.forms[0].groups[0]
        arrays = (msgspec.structs.replace(group.arrays[0], inline_bytes=-4), *group.arrays[1:])
        form = msgspec.structs.replace(
            message.forms[0], groups=(msgspec.structs.replace(group, arrays=arrays),)
        )
        with pytest.raises(ProtocolError, match="not within the 164 bytes"):
            codec.headers_of(msgspec.structs.replace(message, forms=(form,)))

    def test_a_few_bytes_that_would_become_many_arrays(self) -> None:
        message = message_of()
        empty = message.forms[0].groups[0].arrays[0]
        group = msgspec.structs.replace(message.forms[0].groups[0], prefix="", arrays=(empty,) * 2**10)
        form = msgspec.structs.replace(message.forms[0], groups=(group,))
        bomb = Records("a", (form,), message.records * 2**10)
        with pytest.raises(ProtocolError, match=f"over the limit of {record_forms.MOST_PARTS}"):
            codec.headers_of(bomb)

    def test_a_long_name_that_many_arrays_would_repeat(self) -> None:
        message = message_of()
        group = msgspec.structs.replace(message.forms[0].groups[0], prefix="x" * 256)
        form = msgspec.structs.replace(message.forms[0], groups=(group,))
        with pytest.raises(ProtocolError, match="share 256 characters, not 255"):
            codec.headers_of(msgspec.structs.replace(message, forms=(form,)))
