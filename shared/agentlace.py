"""agentlace's wire, as SERL and HIL-SERL speak it (its Trainer mode, version 0.0.2).

One frame is one message: an LZ4 frame of a pickle. What comes is read by `foreign_pickle`, which runs no
code; what goes is written plainly. Source of the format: github.com/youliangtan/agentlace, 76984f9.
"""

import importlib
import io
import json
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from shared.errors import ConfigError
from shared.foreign_arrays import ALLOWED, Dtype, Leaf
from shared.foreign_pickle import Allowed, Damaged, Sealed, read_pickle
from shared.plain_pickle import write_pickle

STAGE = "agentlace"
VERSION = "0.0.2"
STATS = "send-stats"
MAX_MESSAGE_BYTES = 1 << 30
MAX_DEPTH = 32
MAX_NODES = 2_000_000
CURE = "let agentlace send dicts, lists, texts, numbers and numpy arrays of plain numbers"


class _Object(Sealed):
    """Stands for numpy's type of arrays that hold anything: SERL wraps a dict of metrics in one."""


class _Cell(Leaf):
    """Stands for a numpy array while its type is not known: of numbers, or one cell with any content."""

    def __init__(self) -> None:
        self.content: Any = None
        self._numbers: Leaf | None = None

    def __setstate__(self, state: Any) -> None:
        _, shape, dtype, _, data = state
        if not isinstance(dtype, _Object):
            numbers = cast(Leaf, _RECONSTRUCT())
            numbers.__setstate__(state)
            self._numbers = numbers
        elif shape == () and isinstance(data, list) and len(cast("list[Any]", data)) == 1:
            self.content = data[0]
        else:
            raise Damaged("an array of objects")

    @property
    def weight(self) -> int:
        """Bytes of its numbers."""
        return 0 if self._numbers is None else self._numbers.weight

    def array(self) -> NDArray[np.generic]:
        """The numbers."""
        return super().array() if self._numbers is None else self._numbers.array()

    @property
    def holds_numbers(self) -> bool:
        """Whether it is an array of numbers."""
        return self._numbers is not None


def _dtype(code: Any, *rest: Any) -> Sealed:
    return _ObjectDtype() if code in ("O8", "O") else Dtype(code, *rest)


class _ObjectDtype(_Object):
    def __setstate__(self, state: Any) -> None:
        del state


def _cell(*_: Any) -> _Cell:
    return _Cell()


_RECONSTRUCT = cast(Any, ALLOWED["numpy.core.multiarray", "_reconstruct"])
ON_THE_WIRE: Allowed = {
    **ALLOWED,
    ("numpy", "dtype"): _dtype,
    ("numpy.core.multiarray", "_reconstruct"): _cell,
    ("numpy._core.multiarray", "_reconstruct"): _cell,
}


def encode(value: object) -> bytes:
    """One message, of what `write_pickle` takes."""
    return cast(bytes, _lz4().compress(write_pickle(value)))


def decode(data: bytes | memoryview, whose: str, max_bytes: int = MAX_MESSAGE_BYTES) -> Any:
    """What one message says: plain values and numpy arrays; numpy scalars are arrays of shape ().

    Raises:
        ConfigError: it is no such message, larger than `max_bytes`, or names code (none of it was run).
    """
    tree = read_pickle(io.BytesIO(_unpacked(data, whose, max_bytes)), whose, ON_THE_WIRE, cure=CURE)
    try:
        return _Unwrapping().plain(tree, 0)
    except Damaged as error:
        raise ConfigError(whose, f"is damaged or foreign: {error}", CURE) from None


def handshake(request_port: int, broadcast_port: int, request_types: tuple[str, ...] = (STATS,)) -> str:
    """What both sides must say alike: the configuration as agentlace writes it, ports included."""
    config = {
        "port_number": request_port,
        "broadcast_port": broadcast_port,
        "request_types": list(request_types),
        "rate_limit": None,
        "version": VERSION,
        "experimental_pipeline_port": None,
    }
    return json.dumps(config, separators=(",", ":"))


def require_lz4() -> None:
    """Raise ConfigError where python-lz4 is missing."""
    _lz4()


def _unpacked(data: bytes | memoryview, whose: str, max_bytes: int) -> bytes:
    unpacker = _lz4().LZ4FrameDecompressor()
    try:
        unpacked = cast(bytes, unpacker.decompress(bytes(data), max_length=max_bytes + 1))
    except (RuntimeError, ValueError, MemoryError, EOFError) as error:
        raise ConfigError(whose, f"is no LZ4 frame: {error}", CURE) from None
    if len(unpacked) > max_bytes:
        raise ConfigError(whose, f"is larger than {max_bytes} bytes", "send fewer transitions at once")
    if not unpacker.eof:
        raise ConfigError(whose, "is cut off", CURE)
    return unpacked


class _Unwrapping:
    """Copies a tree without what stood for something; a part that is named twice counts twice."""

    def __init__(self) -> None:
        self._left = MAX_NODES

    def plain(self, node: Any, depth: int) -> Any:
        """The node as plain values and arrays."""
        self._left -= 1
        if depth > MAX_DEPTH or self._left < 0:
            raise Damaged(f"nested more than {MAX_DEPTH} deep, or more than {MAX_NODES} values")
        below = depth + 1
        if isinstance(node, _Cell) and not node.holds_numbers:
            return self.plain(node.content, below)
        if isinstance(node, Leaf):
            return node.array()
        if isinstance(node, Sealed):
            raise Damaged(f"a {type(node).__name__} where data should be")
        if isinstance(node, dict):
            return {key: self.plain(child, below) for key, child in cast("dict[Any, Any]", node).items()}
        if isinstance(node, list | tuple):
            children = [self.plain(child, below) for child in cast("list[Any] | tuple[Any, ...]", node)]
            return children if isinstance(node, list) else tuple(children)
        return node


def _lz4() -> Any:
    try:
        return importlib.import_module("lz4.frame")
    except ImportError:
        raise ConfigError(STAGE, "python-lz4 is not installed", "pip install 'lz4>=4.4,<5'") from None
