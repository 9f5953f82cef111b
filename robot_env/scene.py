"""What a task puts on the table, in words that every world understands, and the world itself.

A world is where time passes for simulated devices: `advance` moves it on by one control period. On a real
arm it does nothing, for there the clock is enough.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from robot_env.geometry import Pose

Vector3 = tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class Box:
    """One box of an object, aligned with it: half sizes and centre in m, colour as RGB in [0, 1]."""

    half_size_m: Vector3
    centre_m: Vector3 = (0.0, 0.0, 0.0)
    colour: Vector3 = (0.8, 0.2, 0.2)


@dataclass(frozen=True, kw_only=True)
class SceneObject:
    """One thing in the scene.

    Attributes:
        name: how the task calls it.
        kind: "free" falls and is pushed; "fixed" stands where it was placed; "held" is firmly in the
            gripper, at `held_at_m` in the tool's frame; "marker" is only seen.
        boxes: its shape.
        mass_kg: of the whole object, for "free" and "held".
        friction: sliding friction coefficient.
    """

    name: str
    kind: Literal["free", "fixed", "held", "marker"]
    boxes: tuple[Box, ...]
    mass_kg: float = 0.1
    friction: float = 1.0
    held_at_m: Vector3 = (0.0, 0.0, 0.0)


Scene = tuple[SceneObject, ...]


class World(Protocol):
    """Where the scene's objects are, and where simulated time passes."""

    def clear(self) -> None:
        """Forget every motion, contacts and warm starts too, so that a start depends on nothing before."""
        ...

    def place(self, name: str, pose: Pose) -> None:
        """Put an object somewhere, at rest."""
        ...

    def settle(self) -> None:
        """Make everything that was placed consistent, without letting time pass."""
        ...

    def poses(self) -> Mapping[str, Pose]:
        """Where each object is now, in the base frame."""
        ...

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        ...

    def close(self) -> None:
        """Give back what it holds; harmless twice."""
        ...
