"""GripperSpec: which elements of an action are grippers, and the network that decides for them."""

from dataclasses import dataclass
from typing import Literal, get_args

from shared.errors import ConfigError
from shared.interface import InterfaceSpec
from shared.policy.layers import Activation, check_layers

STAGE = "gripper"
GRIPPER = "gripper"
"""Ends the names of its action entries; and below it are what it adds to a policy's parameters:"""
CRITICS, EXPLORATION = "critics", "exploration"
"""its critics, and the level () float32 at which practice explores."""
LEVELS = 3
"""Choices of one gripper: close, stay, open."""

Reduce = Literal["mean", "min"]
Exploring = Literal["epsilon", "boltzmann"]


@dataclass(frozen=True, kw_only=True)
class GripperSpec:
    """What decides for the grippers, rebuilt from this alone; where it looks is the policy's matter."""

    elements: tuple[int, ...]
    """Places of the grippers in an action vector, in rising order."""
    members: int = 2
    """Independent critics."""
    reduce: Reduce = "mean"
    """What a choice is worth: the mean of its members' values, or their minimum."""
    hidden: tuple[int, ...] = (256, 256)
    """Width of each hidden layer."""
    activation: Activation = "relu"
    """Nonlinearity after each hidden layer."""
    layer_norm: bool = True
    """Whether a LayerNorm stands between each hidden layer and its nonlinearity."""
    exploring: Exploring = "epsilon"
    """How practice departs from the best choice."""

    def __post_init__(self) -> None:
        check_layers(STAGE, self.hidden, self.activation)
        if not self.elements or list(self.elements) != sorted(set(self.elements)) or self.elements[0] < 0:
            raise ConfigError(
                STAGE,
                f"elements is {self.elements}",
                "give each gripper's place once, in rising order",
            )
        if self.members < 1:
            raise ConfigError(STAGE, f"members is {self.members}", "give at least 1")
        for name, kind in (("reduce", Reduce), ("exploring", Exploring)):
            if (given := getattr(self, name)) not in get_args(kind):
                raise ConfigError(STAGE, f"{name} is {given!r}", f"choose one of {', '.join(get_args(kind))}")

    @property
    def choices(self) -> int:
        """C, what all grippers together can be told."""
        return LEVELS ** len(self.elements)

    def require_fit(self, interface: InterfaceSpec) -> None:
        """Raises ConfigError where an element is not in the action, or where nothing else is."""
        size = interface.action_size
        if self.elements[-1] >= size or len(self.elements) == size:
            raise ConfigError(
                STAGE,
                f"elements is {self.elements}, and an action of {interface.name} has {size} elements",
                "name the places of the grippers, and leave at least one element to motion",
            )


def gripper_entries(interface: InterfaceSpec) -> dict[str, int]:
    """Places of the grippers in the action, by the names of their entries: `gripper`, `left/gripper`."""
    places: dict[str, int] = {}
    place = 0
    for entry in interface.actions:
        if entry.name.split("/")[-1] == GRIPPER and entry.size == 1:
            places[entry.name] = place
        place += entry.size
    return places
