"""SaturatedActions: how often the policy asks for all there is."""

from collections import deque

import numpy as np

from shared.interface import InterfaceSpec
from shared.step import Source, Step

WINDOW_STEPS = 1000
NEAR = 0.98
"""An element of at least this size is at its limit."""
GRIPPER = "gripper"
"""An action entry that opens or closes: its limits are what it is for."""


class SaturatedActions:
    """Over the last steps that the policy chose."""

    def __init__(self, interface: InterfaceSpec) -> None:
        moves = [not entry.name.startswith(GRIPPER) for entry in interface.actions for _ in range(entry.size)]
        self._moves = np.array(moves, bool)
        self._shares: deque[float] = deque(maxlen=WINDOW_STEPS)

    def take(self, step: Step) -> None:
        """One step of practice."""
        if step.source is Source.POLICY and self._moves.any():
            self._shares.append(float((np.abs(step.chosen_action[self._moves]) >= NEAR).mean()))

    def figures(self) -> dict[str, float]:
        """The share of elements at their limits, and of how many steps that is."""
        if not self._shares:
            return {}
        share = sum(self._shares) / len(self._shares)
        return {"actions/saturated_share": share, "actions/steps": float(len(self._shares))}
