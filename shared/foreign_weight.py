"""What a pickle's values weigh when each is counted wherever it is named.

A pickle may name one value many times, and what is named so may hold others so: a few hundred bytes say more
than any memory holds ("a billion laughs"). Whoever walks through them afterwards would never come back.
"""

from collections.abc import Collection
from typing import Any, cast

from shared.foreign_objects import Damaged, Sealed

VALUE_WEIGHT = 8
"""Of each value, in bytes; texts, bytes and arrays weigh their length beside. Keys weigh nothing."""
MOST_PER_BYTE, FREE = 8, 1 << 17
"""What a pickle may weigh for each of its bytes: the shortest value takes one. Less than FREE is nothing."""


def require_proportionate(tree: Any, size: int) -> None:
    """Raise Damaged where a tree weighs far more than a pickle of `size` bytes that names nothing twice.

    Every value is looked at once, and no call waits for another: neither sharing nor depth cost anything.
    """
    most = MOST_PER_BYTE * size + FREE
    weights: dict[int, int] = {}
    opened: set[int] = set()
    waiting = [tree]
    while waiting:
        node = waiting[-1]
        if id(node) in weights:
            waiting.pop()
        elif id(node) in opened:
            weights[id(node)] = _weight(node, weights)
            if weights[id(node)] > most:
                raise Damaged(f"values named again and again: far more than came in {size} bytes")
        else:
            opened.add(id(node))
            inner = [part for part in _parts(node) if _parts(part) and id(part) not in weights]
            if any(id(part) in opened for part in inner):
                raise Damaged("a value that holds itself")
            waiting += inner


def _parts(node: Any) -> Collection[Any]:
    if isinstance(node, dict):
        return cast("dict[Any, Any]", node).values()
    if isinstance(node, list | tuple):
        return cast("list[Any] | tuple[Any, ...]", node)
    return node.parts if isinstance(node, Sealed) else ()


def _weight(node: Any, weights: dict[int, int]) -> int:
    parts = _parts(node)
    return _alone(node) + sum(weights.get(id(part)) or _alone(part) for part in parts)


def _alone(node: Any) -> int:
    if isinstance(node, str | bytes | bytearray):
        return VALUE_WEIGHT + len(node)
    return VALUE_WEIGHT + (node.weight if isinstance(node, Sealed) else 0)
