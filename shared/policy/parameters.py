"""Parameters as flat dicts of numpy arrays, named by their path: what snapshots and checkpoints hold."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Mapping
from typing import Any, cast

import jax
import numpy as np
from numpy.typing import NDArray

from shared.errors import CheckpointError

FlatParameters = dict[str, NDArray[np.generic]]


def flatten(tree: Any) -> FlatParameters:
    """The leaves of a pytree by path, {"a": {"b": x}} to {"a/b": x}, copied to the host, sorted by name."""
    leaves = jax.tree_util.tree_leaves_with_path(jax.device_get(tree))
    flat = {jax.tree_util.keystr(path, simple=True, separator="/"): leaf for path, leaf in leaves}
    return {name: np.array(leaf) for name, leaf in sorted(flat.items())}


def unflatten(flat: Mapping[str, Any]) -> dict[str, Any]:
    """{"a/b": x} to {"a": {"b": x}}, the inverse of `flatten` on nested dicts."""
    tree: dict[str, Any] = {}
    for name, array in flat.items():
        *folders, leaf = name.split("/")
        node = tree
        for folder in folders:
            child = node.setdefault(folder, {})
            if not isinstance(child, dict):
                raise CheckpointError("parameters", f"{name!r} lies below another array", "use another file")
            node = cast("dict[str, Any]", child)
        node[leaf] = array
    return tree
