"""Programs by strangers: nothing runs, nothing hangs, nothing takes memory that it did not bring."""

import io
import pickle
import struct
import time
from collections import OrderedDict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import ConfigError
from shared.foreign_arrays import ALLOWED, Leaf
from shared.foreign_pickle import read_pickle
from shared.foreign_values import read_values

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner),
    max_leaves=30,
)


def read(data: bytes):
    return read_pickle(io.BytesIO(data), "a message", ALLOWED)


@given(PLAIN, st.integers(0, 5))
def test_plain_values_are_read_as_python_reads_them(value, protocol):
    assert read(pickle.dumps(value, protocol)) == value


@pytest.mark.parametrize("core", ["core", "_core"])
@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_arrays_and_scalars_of_both_numpys(core, protocol):
    tree = {
        "array": np.arange(6, dtype=np.float32).reshape(1, 6),
        "scalar": np.float32(0.5),
        "flag": np.True_,
    }
    data = pickle.dumps(tree, protocol)
    own, other = b"numpy._core.", f"numpy.{core}.".encode()
    for name in (b"multiarray", b"numeric"):
        data = data.replace(short(own + name), short(other + name)).replace(
            b"c" + own + name, b"c" + other + name
        )
    data = data if protocol < 4 else unframed(data)
    found = read(data)
    assert np.array_equal(found["array"].array(), tree["array"])
    assert found["scalar"].array() == np.float32(0.5)
    assert found["flag"].array().dtype == np.bool_


def short(text: bytes) -> bytes:
    return b"\x8c" + bytes([len(text)]) + text


def unframed(data: bytes) -> bytes:
    return data[:2] + data[11:] if data[2:3] == b"\x95" else data


def test_the_stream_is_left_behind_the_pickle():
    stream = io.BytesIO(pickle.dumps(1) + pickle.dumps("two"))
    assert read_pickle(stream, "a message", {}) == 1
    assert read_pickle(stream, "a message", {}) == "two"


def colliding() -> bytes:
    """Tuples of -1 and -2, whose hashes are all alike, as keys of one dict."""
    keys = b"".join(
        b"(" + b"".join(b"J" + struct.pack("<i", -1 - (n >> bit & 1)) for bit in range(20)) + b"tN"
        for n in range(1000)
    )
    return b"\x80\x04}(" + keys + b"u."


@pytest.mark.parametrize(
    ("program", "why"),
    [
        (colliding(), "a key of tuple"),
        (b"\x80\x04}\x8a\x09" + (2**64).to_bytes(9, "little") + b"Ns.", "a key of int"),
        (b"\x80\x04(0" * 3 + b".", "IndexError"),
        (b"\x80\x04(.", "a mark"),
        (b"\x80\x04N.N", None),
        (b"\x80\x04NNa.", "elements for NoneType"),
        (b"\x80\x04NNb.", "a state for NoneType"),
        (b"\x80\x04N)R.", "a call of NoneType"),
        (b"\x80\x04\x8f.", "the instruction EMPTY_SET"),
        (b"\x80\x04N)\x81.", "the instruction NEWOBJ"),
        (b"\x80\x04NN\x93.", "a name that is no text"),
        (b"\x80\x04h\x05.", "KeyError"),
        (b"", "no|exhausted"),
    ],
)
def test_what_no_pickler_writes(program, why):
    if why is None:
        assert read(program) is None
        return
    with pytest.raises(ConfigError, match=why):
        read(program)


def laughs(first: bytes, begin: bytes, end: bytes, keys: tuple[bytes, bytes] = (b"", b"")) -> bytes:
    """Each container holds the one before twice: 2**25 of them in less than 400 bytes."""
    body = first + b"\x94"
    for level in range(25):
        before = b"h" + bytes([level])
        body += begin + keys[0] + before + keys[1] + before + end
    return b"\x80\x04" + body + b"."


def object_arrays() -> bytes:
    """The same in numpy's arrays of one object, made before they hold anything."""
    head = b"cnumpy._core.multiarray\n_reconstruct\n\x940cnumpy\ndtype\nX\x02\0\0\0O8\x85R\x940]\x94"
    level = b"h\x00)R\x94(K\x01)h\x01\x89](h%ch%cetb"  # its state: (1, (), dtype, False, [[before, before]])
    steps = b"".join(level.replace(b"%c", bytes([n])) for n in range(2, 27)).replace(b"](h", b"](](h")
    return b"\x80\x04" + head + steps.replace(b"etb", b"eetb") + b"."


def long_text(times: int) -> bytes:
    return b"\x80\x04X" + struct.pack("<I", 1 << 16) + b"x" * (1 << 16) + b"\x94](" + b"h\x00" * times + b"e."


def many_arguments() -> bytes:
    calls = b"h\x00h\x01R0" * 100_000
    return b"\x80\x04cnumpy.core.multiarray\n_reconstruct\n\x94(" + b"N" * 100_000 + b"t\x94" + calls + b"N."


def long_keys() -> bytes:
    text = b"X" + struct.pack("<I", 1 << 20) + b"x" * (1 << 20) + b"\x94"
    return b"\x80\x04" + text * 2 + b"}(" + b"h\x00Nh\x01N" * 100_000 + b"u."


@pytest.mark.parametrize(
    ("program", "why"),
    [
        (laughs(b"}", b"}\x94(", b"u", (b"K\x00", b"K\x01")), "named again and again"),
        (laughs(b"]", b"]\x94(", b"e"), "named again and again"),
        (laughs(b"]", b"", b"\x86\x94"), "named again and again"),
        (laughs(b"ccollections\nOrderedDict\n)R", b"}\x94(", b"u", (b"K\x00", b"K\x01")), "again and again"),
        (object_arrays(), "named again and again"),
        (b"\x80\x04]\x940]\x94(" + b"h\x00" * 2000 + b"eh\x00(" + b"N" * 2000 + b"e0.", "again and again"),
        (long_text(1000), "named again and again"),
        (b"\x80\x04]\x94(h\x00h\x00e.", "holds itself"),
        (b"\x80\x04]\x94](h\x00h\x00eah\x00.", "holds itself"),
        (many_arguments(), "a call with 100000 arguments"),
        (long_keys(), "or a long one"),
        (b"\x80\x04ccollections\nOrderedDict\n](](N)ee\x85R.", "TypeError"),
    ],
)
def test_what_is_small_and_says_much_is_refused_at_once(program, why):
    """Expanded they take seconds to years, and more memory than there is; a loaded computer is given 5 s."""
    began = time.process_time()
    with pytest.raises(ConfigError, match=why):
        read_values(program, "a message", cure="speak agentlace")
    assert time.process_time() - began < 5.0


@given(PLAIN)
def test_what_is_named_a_few_times_is_read(value):
    tree = {"a": [value, value], "b": (value, {"c": value})}
    assert read_values(pickle.dumps(tree), "a message", cure="") == tree


def test_many_values_that_are_named_once_are_read():
    tree = [{"a": [None] * 100, "b": (0.5, ())} for _ in range(1000)]
    assert read_values(pickle.dumps(tree), "a message", cure="") == tree


def test_nesting_without_end_is_built_and_let_go():
    found = read(b"\x80\x04)" + b"\x85" * 200_000 + b".")
    assert isinstance(found, tuple)
    del found


def test_a_call_cannot_copy_the_same_bytes_a_thousand_times():
    text = b"\x80\x04c_codecs\nencode\n\x94X" + struct.pack("<I", 1 << 20) + b"x" * (1 << 20)
    text += b"\x94X\x06\x00\x00\x00latin1\x86\x94"
    with pytest.raises(ConfigError, match="far more bytes"):
        read(text + b"h\x00h\x02R0" * 1000 + b"N.")


def test_deep_arguments_do_not_overflow_the_stack():
    deep = b"\x80\x04cnumpy\ndtype\n)" + b"\x85" * 300_000 + b"\x85R."
    with pytest.raises(ConfigError, match="arrays of no known type"):
        read(deep)


def test_shapes_of_absurd_numbers_are_refused():
    shape = (10**4000,) * 30
    array = (1, shape, np.dtype("f4"), False, b"")
    data = pickle.dumps(array, 2)
    state = data[2:-1]
    program = b"\x80\x02cnumpy.core.multiarray\n_reconstruct\n)R" + state + b"b."
    with pytest.raises(ConfigError, match="a shape of 30 axes"):
        read(program)


def test_too_many_instructions_are_refused_in_bounded_time():
    began = time.monotonic()
    with pytest.raises(ConfigError, match="instructions"):
        read(b"\x80\x04" + b"N0" * 1_100_000 + b"N.")
    print(f"2,000,000 instructions: {time.monotonic() - began:.1f} s")


def test_an_ordered_dict_loses_its_attributes():
    tree = OrderedDict(a=1)
    tree.version = 3  # type: ignore[attr-defined]
    assert read(pickle.dumps(tree)) == {"a": 1}


def test_the_errors_say_what_to_do():
    with pytest.raises(ConfigError) as error:
        read_pickle(io.BytesIO(b"cos\nsystem\n."), "a message", {}, cure="speak agentlace")
    assert str(error.value) == (
        "a message: holds code, not only data: it names os.system; nothing was executed\n  -> speak agentlace"
    )
    assert not isinstance(error.value.__cause__, Leaf)
