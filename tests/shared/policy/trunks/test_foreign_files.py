"""Files by strangers: nothing of them is executed, damage is named, and no length is believed."""

import builtins
import contextlib
import io
import json
import os
import pickle
import struct
from collections import OrderedDict
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import ConfigError
from shared.policy.trunks.foreign_pickle import read_arrays
from shared.policy.trunks.safetensors import MAX_HEADER_BYTES, read_safetensors
from shared.policy.trunks.torch_file import MAGIC, read_state_dict
from shared.policy.trunks.weights import WHEEL, WHEEL_FILE

ARRAYS = {"a": {"kernel": np.arange(6, dtype=np.float32).reshape(2, 3), "bias": np.ones(3, ">i2")}}


class Call:
    """Pickles as a call of a function."""

    def __init__(self, function, *arguments: object) -> None:
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (os.system, "posix.system"),
        (builtins.eval, "eval"),
        (builtins.getattr, "getattr"),
        (os.mkdir, "posix.mkdir"),
        (np.load, "numpy.load"),
        (np.frombuffer, "numpy.frombuffer"),
    ],
)
@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_code_is_refused_by_name_and_not_executed(tmp_path: Path, function, name: str, protocol: int) -> None:
    canary = tmp_path / "canary"
    call = Call(function, f"touch {canary}" if function is os.system else str(canary))
    with pytest.raises(ConfigError, match="holds code") as error:
        read_arrays(pickle.dumps({"weights": call, **ARRAYS}, protocol), "file x")
    assert f"{name}; nothing was executed" in error.value.cause
    assert error.value.stage == "file x"
    assert "sha256" in error.value.cure
    assert not canary.exists()


@pytest.mark.parametrize("program", [b"(c", b"\x82\x01.", b"(S'ls'\nios\nsystem\n.", b"\x97."])
def test_other_ways_to_name_code(program: bytes) -> None:
    with pytest.raises(ConfigError):
        read_arrays(b"\x80\x02" + program, "file")


@pytest.mark.parametrize(
    "program",
    [
        b"ccollections\nOrderedDict\nN}X\x05\x00\x00\x00itemsK\x01s\x86b.",  # an attribute of a type
        b"cnumpy\ndtype\n}X\x05\x00\x00\x00arrayK\x01sb.",
        b"cnumpy.core.multiarray\n_reconstruct\nN}X\x0c\x00\x00\x00__defaults__)s\x86b.",
        b"cnumpy\nndarray\n}X\x01\x00\x00\x00xK\x01sb.",
        b"cnumpy\ndtype\nU\x02f4\x85\x81.",  # an object made without its constructor
        b"}U\x01acnumpy.core.multiarray\n_reconstruct\n)Rs.",  # an array that never gets its bytes
    ],
)
def test_a_pickle_changes_nothing_that_it_names(program: bytes) -> None:
    with pytest.raises(ConfigError, match="is damaged"):
        read_arrays(b"\x80\x02" + program, "file")
    assert set(read_arrays(pickle.dumps(ARRAYS), "file")) == {"a/kernel", "a/bias"}


def test_an_array_of_objects_is_refused() -> None:
    with pytest.raises(ConfigError, match="arrays of 'O8'"):
        read_arrays(pickle.dumps({"a": np.array([None])}), "file")


@pytest.mark.parametrize("leaf", [3, "text", [np.zeros(2)], None])
def test_what_is_no_array_is_named(leaf: object) -> None:
    with pytest.raises(ConfigError, match=r"holds a \w+ at 'a/b' instead of arrays"):
        read_arrays(pickle.dumps({"a": {"b": leaf}}), "file")


def test_a_dict_that_holds_itself_ends() -> None:
    tree: dict = {}
    tree["x"] = tree
    with pytest.raises(ConfigError, match="holds itself"):
        read_arrays(pickle.dumps(tree), "file")


@pytest.mark.parametrize(
    "program",
    [
        b"\x80\x05\x96" + struct.pack("<Q", 1 << 60) + b"x.",  # a bytearray of an exabyte
        b"\x80\x04}r\xff\xff\xff\xff.",  # memo slot four billion
        b"\x80\x04\x95" + struct.pack("<Q", 1 << 60) + b"}.",  # a frame of an exabyte
        b"\x80\x04\x8e" + struct.pack("<Q", 1 << 62) + b"x.",
    ],
)
def test_lengths_are_not_believed(program: bytes) -> None:
    with pytest.raises(ConfigError, match="damaged"):
        read_arrays(program, "file")


def test_an_array_larger_than_its_bytes_is_refused() -> None:
    data = pickle.dumps({"a": np.zeros(3, np.uint8)}, 2)
    assert data.count(b"K\x03\x85") == 1  # the shape (3,)
    with pytest.raises(ConfigError, match=r"an array \(200,\) of uint8 in 3 bytes"):
        read_arrays(data.replace(b"K\x03\x85", b"K\xc8\x85"), "file")


@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_arrays_of_any_layout(protocol: int) -> None:
    tree = OrderedDict(ARRAYS, fortran=np.asfortranarray(np.arange(6.0).reshape(2, 3)), scalar=np.array(2.5))
    read = read_arrays(pickle.dumps(tree, protocol), "file")
    assert set(read) == {"a/kernel", "a/bias", "fortran", "scalar"}
    np.testing.assert_array_equal(read["a/kernel"], ARRAYS["a"]["kernel"])
    np.testing.assert_array_equal(read["a/bias"], ARRAYS["a"]["bias"])
    np.testing.assert_array_equal(read["fortran"], tree["fortran"])
    assert float(read["scalar"]) == 2.5


@given(st.integers(0, 400), st.integers(1, 255))
def test_a_damaged_pickle_is_read_or_refused(position: int, change: int) -> None:
    data = bytearray(pickle.dumps(ARRAYS, 4))
    data[position % len(data)] ^= change
    with contextlib.suppress(ConfigError):
        read_arrays(bytes(data), "file")


@pytest.mark.parametrize("length", [1, 20, 100, -1])
def test_a_truncated_pickle_is_refused(length: int) -> None:
    with pytest.raises(ConfigError, match="is damaged"):
        read_arrays(pickle.dumps(ARRAYS)[:length], "file")


@pytest.fixture(scope="session")
def torch_file() -> bytes:
    return Path(str(distribution(WHEEL).locate_file(WHEEL_FILE))).read_bytes()


def test_a_real_torch_file(torch_file: bytes) -> None:
    tensors = read_state_dict(torch_file, "file")
    assert torch_file.startswith(MAGIC)
    assert len(tensors) == 296
    assert tensors["_conv_stem.weight"].shape == (32, 3, 3, 3)
    assert tensors["_bn0.num_batches_tracked"].dtype == np.int64
    assert tensors["_bn0.num_batches_tracked"] == 0


@pytest.mark.parametrize("length", [len(MAGIC), 100, 20_000, 1 << 20, -1])
def test_a_truncated_torch_file_is_refused(torch_file: bytes, length: int) -> None:
    with pytest.raises(ConfigError, match="is damaged"):
        read_state_dict(torch_file[:length], "file")


def test_code_in_a_torch_file_is_refused(torch_file: bytes, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    stream = io.BytesIO(torch_file)
    for _ in range(3):
        pickle.load(stream)
    start = stream.tell()
    state = OrderedDict(weight=Call(os.system, f"touch {canary}"))
    with pytest.raises(ConfigError, match=r"holds code.*posix\.system"):
        read_state_dict(torch_file[:start] + pickle.dumps(state, 2), "file")
    assert not canary.exists()


def safetensors(entry: object = None, body: bytes = b"\0" * 8) -> bytes:
    entry = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]} if entry is None else entry
    text = json.dumps({"__metadata__": {"format": "pt"}, "w": entry}).encode()
    return struct.pack("<Q", len(text)) + text + body


def test_safetensors() -> None:
    read = read_safetensors(safetensors(body=np.array([1.5, -2], "<f4").tobytes()), "file")
    assert set(read) == {"w"}
    np.testing.assert_array_equal(read["w"], np.array([1.5, -2], np.float32))


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"dtype": "F32", "shape": [2], "data_offsets": [0, 16]}, r"tensor 'w' \[2\] at bytes 0-16"),
        ({"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}, "cut off: tensor 'w'"),
        ({"dtype": "F32", "shape": [-2], "data_offsets": [8, 0]}, "cut off: tensor 'w'"),
        ({"dtype": "F32", "shape": [2], "data_offsets": [-8, 0]}, "cut off: tensor 'w'"),
        ({"dtype": "F4", "shape": [2], "data_offsets": [0, 8]}, "tensor 'w' is of F4"),
        ({"dtype": "F32", "shape": "2", "data_offsets": [0, 8]}, "is damaged"),
        ({"dtype": "F32", "shape": [2], "data_offsets": [0, 8], "code": "x"}, "is damaged"),
        ({"dtype": "F32", "shape": [0, 2**62, 2**62], "data_offsets": [0, 0]}, "is damaged: tensor 'w'"),
        ([], "is damaged"),
    ],
)
def test_wrong_safetensors(entry: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as error:
        read_safetensors(safetensors(entry), "file")
    assert error.value.stage == "file"


@pytest.mark.parametrize("length", [9, 30, MAX_HEADER_BYTES + 1])
def test_a_safetensors_header_that_ends_too_soon(length: int) -> None:
    whole = safetensors()
    with pytest.raises(ConfigError, match="is damaged"):
        read_safetensors(struct.pack("<Q", length) + whole[8:40], "file")


def test_a_safetensors_header_deeper_than_any_reader_goes() -> None:
    text = b'{"w": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    with pytest.raises(ConfigError, match="is damaged"):
        read_safetensors(struct.pack("<Q", len(text)) + text, "file")
