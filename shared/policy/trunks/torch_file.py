"""State dicts that torch saved in its legacy format (before 1.6): pickles, then raw storages."""

import io
import math
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.errors import ConfigError
from shared.foreign_arrays import ALLOWED as ARRAYS
from shared.foreign_arrays import Leaf, sizes
from shared.foreign_objects import Allowed, Damaged, Sealed
from shared.foreign_pickle import CURE, read_pickle
from shared.policy.trunks.foreign_pickle import Arrays, flatten_arrays

MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
# The pickle of that number, with which every such file begins.
MAGIC = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e"
PROTOCOL = 1001
DTYPES = {
    "HalfStorage": np.dtype("<f2"),
    "FloatStorage": np.dtype("<f4"),
    "DoubleStorage": np.dtype("<f8"),
    "CharStorage": np.dtype("<i1"),
    "ByteStorage": np.dtype("<u1"),
    "IntStorage": np.dtype("<i4"),
    "LongStorage": np.dtype("<i8"),
    "BoolStorage": np.dtype("?"),
}
_COUNT = struct.Struct("<Q")


class _Storage(Sealed):
    """Numbers that tensors look into; they follow behind the pickles."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.numbers: NDArray[np.generic] = np.zeros(0, dtype)


class _Tensor(Leaf):
    """A view of a storage."""

    def __init__(self, storage: Any, offset: Any, size: Any, stride: Any, *_: Any) -> None:
        if not isinstance(storage, _Storage):
            raise Damaged("a tensor without storage")
        self._storage, self._offset = storage, int(offset)
        self._size, self._stride = sizes(size), sizes(stride)

    @property
    def weight(self) -> int:
        """Bytes of its numbers, which are copied: many tensors may look into the same storage."""
        return math.prod(self._size) * self._storage.numbers.itemsize

    def array(self) -> NDArray[np.generic]:
        numbers, size, stride = self._storage.numbers, self._size, self._stride
        last = self._offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
        inside = min((self._offset, *size, *stride)) >= 0 and last < len(numbers)
        if not inside or math.prod(size) > len(numbers):
            raise Damaged(f"a tensor {size} beyond its {len(numbers)} numbers")
        strides = [step * numbers.itemsize for step in stride]
        return np.lib.stride_tricks.as_strided(numbers[self._offset :], size, strides).copy()


def _parameter(tensor: Any, *_: Any) -> Any:
    return tensor


ALLOWED: Allowed = {
    **ARRAYS,
    ("torch._utils", "_rebuild_tensor"): _Tensor,
    ("torch._utils", "_rebuild_tensor_v2"): _Tensor,
    ("torch._utils", "_rebuild_parameter"): _parameter,
    **{("torch", name): name for name in DTYPES},
}


def read_state_dict(data: bytes, stage: str) -> Arrays:
    """The tensors of a state dict by name, as little-endian arrays of their own.

    Raises:
        ConfigError: the file is not of this format, damaged, or names anything but tensors.
    """
    stream = io.BytesIO(data)
    storages: dict[str, _Storage] = {}

    def storage(reference: Any) -> _Storage:
        _, kind, key, *_ = reference
        if not isinstance(kind, str) or kind not in DTYPES or not isinstance(key, str):
            raise Damaged("a storage of no known type")
        return storages.setdefault(key, _Storage(DTYPES[kind]))

    header = [read_pickle(stream, stage, ARRAYS) for _ in range(3)]
    if header[:2] != [MAGIC_NUMBER, PROTOCOL]:
        raise ConfigError(stage, "is not a legacy torch file", CURE)
    state = read_pickle(stream, stage, ALLOWED, storage)
    try:
        for key in read_pickle(stream, stage, ARRAYS):
            if not isinstance(key, str):
                raise Damaged(f"a key of {type(key).__name__}")
            storages[key].numbers = _numbers(stream, storages[key].numbers.dtype)
    except (KeyError, TypeError, ValueError, struct.error) as error:
        raise ConfigError(stage, f"is damaged or cut off: {error}", CURE) from None
    return flatten_arrays(state, stage)


def _numbers(stream: io.BytesIO, dtype: np.dtype[Any]) -> NDArray[np.generic]:
    (count,) = _COUNT.unpack(stream.read(_COUNT.size))
    if count * dtype.itemsize > stream.getbuffer().nbytes - stream.tell():
        raise Damaged(f"{count} numbers announced, fewer are there")
    return np.frombuffer(stream.read(count * dtype.itemsize), dtype)
