"""Parameters as flat dicts of numpy arrays, named by their path: what snapshots and checkpoints hold."""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from shared.errors import CheckpointError

FlatParameters = dict[str, NDArray[np.generic]]


def flatten(tree: Any) -> FlatParameters:
    """The leaves of a pytree by their path, {"a": {"b": x}} to {"a/b": x}, on the host, sorted by name."""
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    flat = {jax.tree_util.keystr(path, simple=True, separator="/"): leaf for path, leaf in leaves}
    return {name: np.asarray(leaf) for name, leaf in sorted(jax.device_get(flat).items())}


def unflatten(flat: Mapping[str, NDArray[np.generic]]) -> dict[str, object]:
    """{"a/b": x} to {"a": {"b": x}}, the inverse of `flatten` on nested dicts."""
    tree: dict[str, object] = {}
    for name, array in flat.items():
        *folders, leaf = name.split("/")
        node = tree
        for folder in folders:
            child = node.setdefault(folder, {})
            if not isinstance(child, dict):
                raise CheckpointError("parameters", f"{name!r} lies below another array", "use another file")
            node = child
        node[leaf] = array
    return tree


def all_finite(parameters: Mapping[str, NDArray[np.generic]]) -> bool:
    """Whether no array holds a nan or an infinity."""
    return all(bool(np.isfinite(array).all()) for array in parameters.values())
