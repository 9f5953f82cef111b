"""The one reader of foreign pickles: arrays in dicts, rebuilt by our own code. Nothing in a file is executed.

A pickle is a program: it names functions and calls them. This reader first walks over the program without
running it (opcodes, lengths, memo slots), then runs it with a table that leads every name to a function of
this package or to nothing. What numpy and jax would rebuild, `_Array` rebuilds from plain bytes.
"""

import io
import math
import pickle
import pickletools
from collections.abc import Callable, Mapping
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from shared.errors import ConfigError

Rebuild = Callable[..., Any]
Allowed = Mapping[tuple[str, str], Rebuild | str]
Arrays = dict[str, NDArray[np.generic]]

CURE = "use the file as its authors publish it, and compare the sha256 with theirs"
# Constructors called in other ways than REDUCE, extension codes, buffers outside of the file.
REFUSED_OPCODES = frozenset({"INST", "OBJ", "EXT1", "EXT2", "EXT4", "NEXT_BUFFER", "READONLY_BUFFER"})
DTYPES = frozenset({"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"})
MAX_DEPTH = 16
_MALFORMED = (
    AttributeError,
    EOFError,
    IndexError,
    KeyError,
    MemoryError,
    OverflowError,
    TypeError,
    ValueError,
    pickle.UnpicklingError,
)


class _Refused(Exception):
    """The pickle names what is neither an array nor a container of arrays."""


def read_arrays(data: bytes, stage: str) -> Arrays:
    """The arrays of one pickled tree of dicts, by path: {"a": {"b": x}} gives {"a/b": x}.

    Understands what `pickle.dump` writes for dicts, flax FrozenDicts, numpy and jax arrays of plain numbers.

    Raises:
        ConfigError: the pickle names anything else (none of it was executed), or is damaged.
    """
    return flatten_arrays(read_pickle(io.BytesIO(data), stage, {}), stage)


def read_pickle(
    stream: io.BytesIO, stage: str, allowed: Allowed, storage: Callable[[Any], Any] | None = None
) -> Any:
    """The next pickle of a stream, which is left behind its end.

    Args:
        stream: bytes that someone else wrote.
        stage: names the file in errors.
        allowed: what (module, name) stands for, besides containers and arrays: a text, or a function that
            is safe for any arguments.
        storage: resolves persistent ids.

    Raises:
        ConfigError: the pickle names what is not allowed, or is damaged.
    """
    unpickler = _Unpickler(io.BytesIO(_next_pickle(stream, stage)), allowed, storage)
    try:
        return unpickler.load()
    except _Refused as error:
        raise ConfigError(
            stage, f"holds code, not only weights: it names {error}; nothing was executed", CURE
        ) from None
    except _MALFORMED as error:
        raise ConfigError(stage, f"is damaged or foreign: {type(error).__name__}: {error}", CURE) from None


def flatten_arrays(tree: Any, stage: str) -> Arrays:
    """The arrays of a tree that `read_pickle` gave, by path.

    Raises:
        ConfigError: a leaf is no array, a key no text, or the tree is deeper than any network's.
    """
    arrays: Arrays = {}
    try:
        _collect(tree, (), arrays, stage)
    except _MALFORMED as error:
        raise ConfigError(stage, f"is damaged or cut off: {error}", CURE) from None
    return arrays


def _collect(node: Any, path: tuple[str, ...], arrays: Arrays, stage: str) -> None:
    name = "/".join(path)
    if isinstance(node, Leaf):
        arrays[name] = node.array()
    elif isinstance(node, dict) and len(path) < MAX_DEPTH:
        for key, child in cast("dict[Any, Any]", node).items():
            if not isinstance(key, str):
                raise ConfigError(stage, f"has the key {key!r} below {name!r}, which is no text", CURE)
            _collect(child, (*path, key), arrays, stage)
    else:
        kind = type(cast(object, node)).__name__
        raise ConfigError(stage, f"holds a {kind} at {name!r} instead of arrays in dicts", CURE)


class Sealed:
    """What a pickle gets into its hands: it can set no attribute of it, nor reach what stands behind it."""

    def __setstate__(self, state: Any) -> None:
        raise pickle.UnpicklingError(f"a state for {type(self).__name__}")


class Leaf(Sealed):
    """An array that may still wait for its bytes."""

    def array(self) -> NDArray[np.generic]:
        raise pickle.UnpicklingError("an array without its bytes")


class _Call(Sealed):
    """A function that a pickle may call."""

    def __init__(self, function: Rebuild) -> None:
        self._function = function

    def __call__(self, *arguments: Any) -> Any:
        return self._function(*arguments)


class _Dict(dict[Any, Any]):
    """Stands for an OrderedDict, whose attributes (torch keeps version numbers there) are left out."""

    def __setstate__(self, state: Any) -> None:
        del state


class _Array(Leaf):
    """Stands for a numpy array: `__setstate__` gets (version, shape, dtype, Fortran order, bytes)."""

    def __init__(self) -> None:
        self._value: NDArray[np.generic] | None = None

    def __setstate__(self, state: Any) -> None:
        _, shape, dtype, fortran, data = state
        self._value = _from_bytes(data, dtype, shape, "F" if fortran else "C")

    def array(self) -> NDArray[np.generic]:
        return super().array() if self._value is None else self._value


class _Dtype(Sealed):
    """Stands for a numpy dtype of plain numbers."""

    def __init__(self, code: Any, *_: Any) -> None:
        if code not in DTYPES:
            raise pickle.UnpicklingError(f"arrays of {code!r}")
        self.dtype = np.dtype(code)

    def __setstate__(self, state: Any) -> None:
        self.dtype = self.dtype.newbyteorder(state[1])


def _from_bytes(data: Any, dtype: Any, shape: Any, order: Any) -> NDArray[np.generic]:
    if not isinstance(dtype, _Dtype) or not isinstance(data, bytes | bytearray):
        raise pickle.UnpicklingError(f"an array of {type(dtype).__name__} from {type(data).__name__}")
    sizes = tuple(int(size) for size in shape)
    if min(sizes, default=0) < 0 or math.prod(sizes) * dtype.dtype.itemsize != len(data):
        raise pickle.UnpicklingError(f"an array {sizes} of {dtype.dtype} in {len(data)} bytes")
    array = np.frombuffer(bytes(data), dtype.dtype).reshape(sizes, order="F" if order == "F" else "C")
    return np.asarray(array, dtype.dtype.newbyteorder("="), order="C")


def _empty_array(*_: Any) -> _Array:
    return _Array()


def _array_of_bytes(data: Any, dtype: Any, shape: Any, order: Any) -> _Array:
    array = _Array()
    array.__setstate__((1, shape, dtype, order == "F", data))
    return array


def _array_of_jax(_function: Any, _arguments: Any, state: Any, *_: Any) -> _Array:
    array = _Array()
    array.__setstate__(state)
    return array


def _content(dictionary: Any) -> Any:
    return dictionary


def _latin_bytes(text: Any, encoding: Any) -> bytes:
    """How Python 3 writes bytes in protocols 0 to 2."""
    if not isinstance(text, str) or encoding != "latin1":
        raise pickle.UnpicklingError(f"bytes as {encoding!r}")
    return text.encode("latin1")


ALLOWED: Allowed = {
    ("collections", "OrderedDict"): _Dict,
    ("_codecs", "encode"): _latin_bytes,
    ("flax.core.frozen_dict", "FrozenDict"): _content,
    ("jax._src.array", "_reconstruct_array"): _array_of_jax,
    ("jax._src.device_array", "reconstruct_device_array"): _array_of_jax,
    ("numpy", "dtype"): _Dtype,
    ("numpy", "ndarray"): "numpy.ndarray",
    ("numpy.core.multiarray", "_reconstruct"): _empty_array,
    ("numpy._core.multiarray", "_reconstruct"): _empty_array,
    ("numpy.core.numeric", "_frombuffer"): _array_of_bytes,
    ("numpy._core.numeric", "_frombuffer"): _array_of_bytes,
}


class _Unpickler(pickle.Unpickler):
    def __init__(self, stream: io.BytesIO, allowed: Allowed, storage: Callable[[Any], Any] | None) -> None:
        super().__init__(stream)
        table = {**ALLOWED, **allowed}
        self._allowed = {name: _Call(to) if callable(to) else to for name, to in table.items()}
        self._storage = storage

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        try:
            return self._allowed[module_name, global_name]
        except KeyError:
            raise _Refused(f"{module_name}.{global_name}") from None

    def persistent_load(self, pid: Any, /) -> Any:
        if self._storage is None:
            raise pickle.UnpicklingError(f"a reference {pid!r} to outside of the file")
        return self._storage(pid)


def _next_pickle(stream: io.BytesIO, stage: str) -> bytes:
    """The bytes of the next pickle, after a walk over its opcodes that runs none of them.

    The walk finds lengths that go beyond the file and memo slots for which a reader would allocate gigabytes.
    """
    start, slots = stream.tell(), stream.getbuffer().nbytes
    try:
        for opcode, argument, _ in pickletools.genops(stream):
            if opcode.name in REFUSED_OPCODES:
                raise ConfigError(stage, f"holds code, not only weights (opcode {opcode.name})", CURE)
            if opcode.name in ("PUT", "LONG_BINPUT") and int(cast(int, argument)) > slots:
                raise ConfigError(stage, f"is damaged: memo slot {argument} in {slots} bytes", CURE)
    except _MALFORMED as error:
        raise ConfigError(stage, f"is damaged or no pickle: {error}", CURE) from None
    return stream.getvalue()[start : stream.tell()]
