"""An episode as columns of numbers, for entries that follow from several others or from several steps."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.step import Observation, Step


@dataclass(frozen=True, kw_only=True)
class Trail:
    """What was seen and done in one episode.

    Attributes:
        observations: of each of T steps, and the final one where there is one.
        actions: (T, A) float32.
        control_hz: steps a second.
    """

    observations: tuple[Observation, ...]
    actions: NDArray[np.float32]
    control_hz: float

    @classmethod
    def of(cls, steps: tuple[Step, ...], control_hz: float) -> "Trail":
        """The trail of these steps, the last of which may hold a final observation."""
        seen = [step.observation for step in steps]
        if (final := steps[-1].final_observation) is not None:
            seen.append(final)
        actions = np.stack([step.chosen_action for step in steps])
        return cls(observations=tuple(seen), actions=actions, control_hz=control_hz)

    def column(self, name: str) -> NDArray[Any]:
        """One entry of every observation, (T or T + 1, ...)."""
        return np.stack([observation[name] for observation in self.observations])
