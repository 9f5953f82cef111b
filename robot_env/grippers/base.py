"""What every gripper does: it is told a state, open or closed, and says how wide it is."""

from dataclasses import dataclass
from typing import Protocol

from robot_env.arms.base import Arm


@dataclass(frozen=True, slots=True, kw_only=True)
class GripperState:
    """What a gripper measures: the opening between its fingers, how fast it changes, and what it was told."""

    width_m: float
    speed_m_s: float
    opening: bool


class Gripper(Protocol):
    """One gripper, commanded by state: told the same again, it goes on as it was."""

    def reset(self, opening: bool) -> None:
        """Be open (or closed) and at rest at the start of an episode."""
        ...

    def read(self) -> GripperState:
        """The newest measurement."""
        ...

    def send(self, opening: bool) -> None:
        """Open or close; never waits for it."""
        ...

    def close(self) -> None:
        """Give back what it holds; harmless twice."""
        ...


class GripperConfig(Protocol):
    """Settings of a gripper, and how to build it."""

    def build(self, arm: Arm) -> Gripper:
        """The gripper at the end of an arm; raises ConfigError for an arm that it does not fit."""
        ...
