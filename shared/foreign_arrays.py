"""What numpy and jax would rebuild from a pickle, rebuilt from plain bytes: arrays of plain numbers."""

import math
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from shared.foreign_objects import Allowed, Damaged, Dict, Sealed

DTYPES = frozenset({"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"})
BYTE_ORDERS = ("<", ">", "=", "|")
MOST_AXES = 32
LONGEST_AXIS = 2**40


class Leaf(Sealed):
    """An array that may still wait for its bytes."""

    def array(self) -> NDArray[np.generic]:
        raise Damaged("an array without its bytes")


class Array(Leaf):
    """Stands for a numpy array: `__setstate__` gets (version, shape, dtype, Fortran order, bytes)."""

    def __init__(self) -> None:
        self._value: NDArray[np.generic] | None = None

    def __setstate__(self, state: Any) -> None:
        _, shape, dtype, fortran, data = state
        self._value = _from_bytes(data, dtype, shape, "F" if fortran else "C")

    @property
    def weight(self) -> int:
        """Bytes of its numbers."""
        return 0 if self._value is None else self._value.nbytes

    def array(self) -> NDArray[np.generic]:
        """The array, in this computer's byte order and row by row."""
        return super().array() if self._value is None else self._value


class Dtype(Sealed):
    """Stands for a numpy dtype of plain numbers."""

    def __init__(self, code: Any, *_: Any) -> None:
        if not isinstance(code, str) or code not in DTYPES:
            raise Damaged(f"arrays of {code[:20]!r}" if isinstance(code, str) else "arrays of no known type")
        self.dtype = np.dtype(code)

    def __setstate__(self, state: Any) -> None:
        order = state[1]
        if not isinstance(order, str) or order not in BYTE_ORDERS:
            raise Damaged("a byte order that there is not")
        self.dtype = self.dtype.newbyteorder(order)


def _from_bytes(data: Any, dtype: Any, shape: Any, order: Any) -> NDArray[np.generic]:
    if not isinstance(dtype, Dtype) or not isinstance(data, bytes | bytearray):
        raise Damaged(f"an array of {type(dtype).__name__} from {type(data).__name__}")
    axes = sizes(shape)
    if math.prod(axes) * dtype.dtype.itemsize != len(data):
        raise Damaged(f"an array {axes} of {dtype.dtype} in {len(data)} bytes")
    array = np.frombuffer(bytes(data), dtype.dtype).reshape(axes, order="F" if order == "F" else "C")
    return np.asarray(array, dtype.dtype.newbyteorder("="), order="C")


def sizes(shape: Any) -> tuple[int, ...]:
    """Of each axis, where an array may have them; Damaged elsewhere."""
    axes = cast("list[Any] | tuple[Any, ...]", shape if isinstance(shape, list | tuple) else (shape,))
    if len(axes) > MOST_AXES or not all(isinstance(n, int) and 0 <= n <= LONGEST_AXIS for n in axes):
        raise Damaged(f"a shape of {len(axes)} axes that no array has")
    return tuple(int(size) for size in axes)


def _empty_array(*_: Any) -> Array:
    return Array()


def _array_of_bytes(data: Any, dtype: Any, shape: Any, order: Any) -> Array:
    array = Array()
    array.__setstate__((1, shape, dtype, order == "F", data))
    return array


def _array_of_jax(_function: Any, _arguments: Any, state: Any, *_: Any) -> Array:
    array = Array()
    array.__setstate__(state)
    return array


def _scalar(dtype: Any, data: Any) -> Array:
    return _array_of_bytes(data, dtype, (), "C")


def _content(dictionary: Any) -> Any:
    return dictionary


def _latin_bytes(text: Any, encoding: Any) -> bytes:
    """How Python 3 writes bytes in protocols 0 to 2."""
    if not isinstance(text, str) or encoding != "latin1":
        raise Damaged("bytes in another encoding than latin1")
    return text.encode("latin1")


def _no_bytes() -> bytes:
    return b""


ALLOWED: Allowed = {
    ("__builtin__", "bytes"): _no_bytes,
    ("collections", "OrderedDict"): Dict,
    ("_codecs", "encode"): _latin_bytes,
    ("flax.core.frozen_dict", "FrozenDict"): _content,
    ("jax._src.array", "_reconstruct_array"): _array_of_jax,
    ("jax._src.device_array", "reconstruct_device_array"): _array_of_jax,
    ("numpy", "dtype"): Dtype,
    ("numpy", "ndarray"): "numpy.ndarray",
    **{
        (f"numpy.{core}.{module}", name): rebuild
        for core in ("core", "_core")
        for module, name, rebuild in (
            ("multiarray", "_reconstruct", _empty_array),
            ("multiarray", "scalar", _scalar),
            ("numeric", "_frombuffer", _array_of_bytes),
        )
    },
}
"""Under the names of numpy 1 (`numpy.core`) and numpy 2 (`numpy._core`)."""
