"""agentlace's bytes: golden frames are read, ours are read by Python, hostile ones are refused by name."""

import io
import os
import pickle

import lz4.frame
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from shared.agentlace import decode, encode, handshake
from shared.errors import ConfigError
from shared.plain_pickle import write_pickle

GOLDEN_PICKLE = bytes.fromhex("80049512000000000000007d948c0474797065948c046861736894732e")
GOLDEN_FRAME = bytes.fromhex(
    "04224d1868401d000000000000000e1c0000005280049512000100f0037d948c0474797065948c046861736894732e00000000"
)
NUMBERS = arrays.arrays(
    st.sampled_from([np.float32, np.float64, np.uint8, np.int64, np.bool_]), arrays.array_shapes(min_dims=0)
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def test_golden_bytes_both_ways():
    assert write_pickle({"type": "hash"}) == GOLDEN_PICKLE
    assert decode(GOLDEN_FRAME, "peer") == {"type": "hash"}
    assert lz4.frame.decompress(encode({"type": "hash"})) == GOLDEN_PICKLE
    assert encode({"type": "hash"}) == GOLDEN_FRAME


def test_the_handshake_is_the_text_that_serl_compares():
    assert handshake(5488, 5489) == (
        '{"port_number":5488,"broadcast_port":5489,"request_types":["send-stats"],"rate_limit":null,'
        '"version":"0.0.2","experimental_pipeline_port":null}'
    )


@given(VALUES)
def test_python_reads_what_we_write(value):
    assert pickle.loads(write_pickle(value)) == value
    assert decode(encode(value), "peer") == value


@given(NUMBERS)
def test_arrays_arrive_as_they_were(array):
    for found in (pickle.loads(write_pickle({"a": array}))["a"], decode(encode({"a": array}), "peer")["a"]):
        assert found.dtype == array.dtype
        np.testing.assert_array_equal(found, array)


def test_arrays_are_written_under_the_names_of_numpy_1():
    data = write_pickle(np.zeros(3, ">f4"))
    assert b"numpy.core.multiarray" in data
    assert b"numpy._core" not in data


def test_metrics_in_an_array_of_one_object_are_taken_out():
    message = {"train": np.asarray({"loss": np.float32(0.5), "n": 3})}
    assert decode(lz4.frame.compress(pickle.dumps(message)), "peer") == {
        "train": {"loss": np.float32(0.5), "n": 3}
    }


class Call:
    def __init__(self, canary):
        self.canary = canary

    def __reduce__(self):
        return os.system, (f"touch {self.canary}",)


def test_code_is_named_and_not_run(tmp_path):
    canary = tmp_path / "canary"
    frame = lz4.frame.compress(pickle.dumps({"type": "datastore", "payload": Call(canary)}))
    with pytest.raises(ConfigError, match=r"posix\.system; nothing was executed"):
        decode(frame, "an agentlace client")
    assert not canary.exists()


def laughs() -> bytes:
    body = b"]\x94"
    for level in range(30):
        body += b"]\x94(h" + bytes([level]) * 1 + b"h" + bytes([level]) + b"e"
    return b"\x80\x04" + body + b"."


@pytest.mark.parametrize(
    ("frame", "why"),
    [
        (b"Hello, World!", "no LZ4 frame"),
        (b"", "cut off"),
        (GOLDEN_FRAME[:-8], "cut off"),
        (lz4.frame.compress(b"\x80\x04"), "damaged"),
        (lz4.frame.compress(b"\0" * 3_000_000), "larger than 1000000 bytes"),
        (lz4.frame.compress(b"\x80\x04](" + b"N" * 900_000 + b"e."), "instructions"),
        (lz4.frame.compress(laughs()), "named again and again"),
        (lz4.frame.compress(pickle.dumps(np.array([None, 1]))), "an array of objects"),
        (lz4.frame.compress(pickle.dumps(np.dtype("f4"))), "a Dtype where data should be"),
        (lz4.frame.compress(pickle.dumps({1, 2})), "EMPTY_SET"),
    ],
)
def test_what_is_no_message_is_refused_by_name(frame, why):
    with pytest.raises(ConfigError, match=why) as error:
        decode(frame, "an agentlace client", 1_000_000)
    assert error.value.stage == "an agentlace client"


def test_a_frame_unpacks_to_no_more_than_its_length_allows(monkeypatch):
    monkeypatch.setattr("shared.agentlace.FREE_BYTES", 1000)
    assert decode(encode(b"x" * 900), "peer") == b"x" * 900
    assert len(decode(encode(np.random.default_rng(0).bytes(10_000)), "peer")) == 10_000
    with pytest.raises(ConfigError, match=r"larger than [0-9]{4,5} bytes"):
        decode(encode(b"x" * 100_000), "peer")


@given(st.integers(0, 200), st.integers(1, 255))
def test_a_damaged_frame_is_read_or_refused(position, change):
    data = bytearray(encode({"type": "hash", "payload": {"store_name": "actor_env", "x": np.arange(3)}}))
    data[position % len(data)] ^= change
    try:
        decode(bytes(data), "peer")
    except ConfigError:
        pass


@pytest.mark.parametrize("value", [{1, 2}, object(), np.array([None]), 1j, io.BytesIO()])
def test_what_is_not_plain_is_not_written(value):
    with pytest.raises(ConfigError, match="no plain value"):
        write_pickle({"a": [value]})


def test_a_value_that_holds_itself_is_not_written():
    value: list = []
    value.append(value)
    with pytest.raises(ConfigError, match="nested"):
        write_pickle(value)
