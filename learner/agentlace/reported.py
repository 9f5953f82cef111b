"""The numbers in what an actor reports, whatever tree they come in."""

import math
from typing import Any

import numpy as np

MOST_NUMBERS = 100
LONGEST_NAME = 100


def flat_numbers(tree: Any, prefix: str = "") -> dict[str, float]:
    """{"timer": {"step": 0.1}} as {"timer/step": 0.1}; what is no finite number is left out."""
    found: dict[str, float] = {}
    if isinstance(tree, dict):
        for name, child in tree.items():
            found |= flat_numbers(child, (f"{prefix}/{name}" if prefix else str(name))[:LONGEST_NAME])
            if len(found) >= MOST_NUMBERS:
                break
    elif (value := _number(tree)) is not None and prefix:
        found[prefix] = value
    return dict(list(found.items())[:MOST_NUMBERS])


def _number(leaf: Any) -> float | None:
    array = np.asarray(leaf) if isinstance(leaf, bool | int | float | np.ndarray) else np.zeros(0)
    if array.size != 1 or array.dtype.kind not in "fiub":
        return None
    value = float(array.reshape(())[()])
    return value if math.isfinite(value) else None
