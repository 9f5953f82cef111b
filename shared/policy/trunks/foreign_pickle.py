"""Weights that someone pickled: arrays in dicts, by path."""

import io
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from shared.errors import ConfigError
from shared.foreign_arrays import ALLOWED, Leaf
from shared.foreign_objects import Damaged
from shared.foreign_pickle import CURE, read_pickle

Arrays = dict[str, NDArray[np.generic]]

MAX_DEPTH = 16


def read_arrays(data: bytes, stage: str) -> Arrays:
    """The arrays of one pickled tree of dicts, by path: {"a": {"b": x}} gives {"a/b": x}.

    Understands what `pickle.dump` writes for dicts, flax FrozenDicts, numpy and jax arrays of plain numbers.

    Raises:
        ConfigError: the pickle names anything else (none of it was executed), or is damaged.
    """
    return flatten_arrays(read_pickle(io.BytesIO(data), stage, ALLOWED), stage)


def flatten_arrays(tree: Any, stage: str) -> Arrays:
    """The arrays of a tree that `read_pickle` gave, by path.

    Raises:
        ConfigError: a leaf is no array, a key no text, or the tree is deeper than any network's.
    """
    arrays: Arrays = {}
    try:
        _collect(tree, (), arrays, stage)
    except (Damaged, TypeError, ValueError, OverflowError, MemoryError) as error:
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
