"""What every teleop device does: asked once a period, it proposes an action or leaves the policy alone."""

from typing import Any, Protocol, TypeAlias

import gymnasium
import numpy as np

from shared.interface import InterfaceSpec
from shared.step import Action, Observation, Source

Env: TypeAlias = gymnasium.Env[Any, Any]


class TeleopDevice(Protocol):
    """Somebody, or a script, who can take over. Silence counts as release."""

    @property
    def source(self) -> Source:
        """What the steps it chooses are recorded as: HUMAN or SCRIPT."""
        ...

    def reset(self, rng: np.random.Generator) -> None:
        """An episode begins; `rng` is where all its randomness comes from."""
        ...

    def read(self, observation: Observation) -> Action | None:
        """The action (A,) float32 in policy units for this period, or None to leave it to the policy."""
        ...

    def close(self) -> None:
        """Give back what it holds; harmless twice."""
        ...


class TeleopConfig(Protocol):
    """Settings of a device, and how to build it."""

    def build(self, interface: InterfaceSpec, env: Env | None = None) -> TeleopDevice:
        """The device for a world, which it may look at too; raises ConfigError where it cannot act in it."""
        ...
