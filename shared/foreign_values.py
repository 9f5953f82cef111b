"""What SERL pickles, as plain values: dicts, lists, texts, numbers and numpy arrays; nothing is executed."""

import io
from typing import Any, cast

from numpy import generic
from numpy.typing import NDArray

from shared.errors import ConfigError
from shared.foreign_arrays import ALLOWED, Dtype, Leaf
from shared.foreign_objects import Allowed, Damaged, Sealed
from shared.foreign_pickle import MAX_OPCODES, read_pickle

MAX_DEPTH = 32


def read_values(data: bytes, whose: str, *, cure: str, most: int = MAX_OPCODES) -> Any:
    """What a pickle says: plain values and numpy arrays; numpy scalars are arrays of shape ().

    Args:
        data: one pickle.
        whose: names the sender or the file in errors.
        cure: what errors advise.
        most: instructions; the default is what fits a message.

    Raises:
        ConfigError: it is damaged, too large, or names code (none of it was run).
    """
    tree = read_pickle(io.BytesIO(data), whose, ALLOWED_VALUES, cure=cure, most_opcodes=most)
    try:
        return _plain(tree, 0)
    except Damaged as error:
        raise ConfigError(whose, f"is damaged or foreign: {error}", cure) from None


def _plain(node: Any, depth: int) -> Any:
    """The node without what stands for something; a part that is named twice is copied twice."""
    if depth > MAX_DEPTH:
        raise Damaged(f"nested more than {MAX_DEPTH} deep")
    below = depth + 1
    if isinstance(node, _Cell) and not node.holds_numbers:
        return _plain(node.content, below)
    if isinstance(node, Leaf):
        return node.array()
    if isinstance(node, Sealed):
        raise Damaged(f"a {type(node).__name__} where data should be")
    if isinstance(node, dict):
        return {key: _plain(child, below) for key, child in cast("dict[Any, Any]", node).items()}
    if isinstance(node, list | tuple):
        children = [_plain(child, below) for child in cast("list[Any] | tuple[Any, ...]", node)]
        return children if isinstance(node, list) else tuple(children)
    return node


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

    @property
    def parts(self) -> tuple[Any, ...]:
        """Its one cell."""
        return (self.content,)

    def array(self) -> NDArray[generic]:
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
ALLOWED_VALUES: Allowed = {
    **ALLOWED,
    ("numpy", "dtype"): _dtype,
    ("numpy.core.multiarray", "_reconstruct"): _cell,
    ("numpy._core.multiarray", "_reconstruct"): _cell,
}
