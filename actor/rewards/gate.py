"""Gate: a condition on what the arm knows of itself, beside what a classifier sees."""

import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shared.errors import ConfigError
from shared.interface import InterfaceSpec
from shared.step import Observation

CONDITION = re.compile(r"\s*([\w/.-]+)\s*(?:\[(\d+)\])?\s*([<>])\s*([-+]?[\d.]+(?:[eE][-+]?\d+)?)\s*")
COMPARE: dict[str, Callable[[float, float], bool]] = {"<": operator.lt, ">": operator.gt}
CURE = 'write ENTRY[INDEX]<NUMBER or ENTRY[INDEX]>NUMBER, as in "arm/tcp_position_base_m[2]<0.12"'


@dataclass(frozen=True)
class Gate:
    """One element of an entry below or above a number, in the entry's unit."""

    entry: str
    index: int
    sign: str
    bound: float

    def open(self, observation: Observation) -> bool:
        """Whether it holds."""
        return COMPARE[self.sign](float(observation[self.entry].flat[self.index]), self.bound)


def gates_of(conditions: Sequence[str], interface: InterfaceSpec) -> tuple[Gate, ...]:
    """The gates that were written down; raises ConfigError for one that is no condition on this interface."""
    return tuple(_gate(condition, interface) for condition in conditions)


def _gate(condition: str, interface: InterfaceSpec) -> Gate:
    found = CONDITION.fullmatch(condition)
    if found is None:
        raise ConfigError("gate", f"{condition!r} is no condition", CURE)
    name, index, sign, bound = found.groups()
    sizes = {e.name: e.shape[0] for e in interface.observations if not e.is_image}
    if name not in sizes:
        raise ConfigError("gate", f"{condition!r} names no state entry", f"choose of {', '.join(sizes)}")
    if not int(index or 0) < sizes[name]:
        raise ConfigError("gate", f"{name} has {sizes[name]} elements", f"give an index below {sizes[name]}")
    return Gate(name, int(index or 0), sign, float(bound))
