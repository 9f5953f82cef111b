"""The five families a lab plugs together, and how a name in a table becomes a class.

Tables hold strings, `{"mujoco": "robot_env.arms.mujoco:MujocoArmConfig"}`, resolved on use: no driver is
imported unless it was chosen, and no import is needed for its side effect.
"""

import difflib
import importlib
from collections.abc import Iterable, Mapping
from typing import Any

from shared.errors import ConfigError


def resolve(family: str, table: Mapping[str, str], name: str) -> Any:
    """The object behind `name`; raises ConfigError naming the nearest valid answer.

    Args:
        family: what the table holds, for the message ("arm", "task", ...).
        table: name -> "module:attribute".
        name: what was asked for.
    """
    if name not in table:
        raise ConfigError(f"choosing the {family}", f"there is no {family} {name!r}", nearest(name, table))
    module, attribute = table[name].split(":")
    return getattr(importlib.import_module(module), attribute)


def nearest(name: str, names: Iterable[str]) -> str:
    """A cure for a misspelt name: the closest valid one first, then all of them."""
    valid = sorted(names)
    close = difflib.get_close_matches(name, valid, n=1, cutoff=0.5)
    suggestion = f"did you mean {close[0]!r}? " if close else ""
    return f"{suggestion}choose one of {', '.join(valid)}"
