"""StartStates: how far from the starts of the demonstrations practice begins."""

from collections import deque

import numpy as np
from numpy.typing import NDArray

from shared.interface import InterfaceSpec, ObservationEntry
from shared.step import Step

RECENT = 20
LEAST_WIDTH = 0.05
"""Of an entry's scale: demonstrations that all begin at one place still allow for so much."""


class Box:
    """What one observation entry was at the starts of the demonstrations, element by element."""

    def __init__(self, entry: ObservationEntry) -> None:
        self.name = entry.name
        self._least = LEAST_WIDTH * np.array(entry.scale or 1.0, np.float64)
        self._low = np.full(entry.shape, np.inf)
        self._high = np.full(entry.shape, -np.inf)
        self.recent: deque[float] = deque(maxlen=RECENT)

    def widen(self, value: NDArray[np.generic]) -> None:
        """A demonstration began here."""
        self._low, self._high = np.minimum(self._low, value), np.maximum(self._high, value)

    def measure(self, value: NDArray[np.generic]) -> None:
        """Practice began here: how far outside, in widths of the box, by the element that is farthest."""
        outside = np.maximum(np.maximum(self._low - value, value - self._high), 0.0)
        width = np.maximum(self._high - self._low, self._least)
        self.recent.append(float((outside / width).max()))


class StartStates:
    """Entries that are pictures are for others."""

    def __init__(self, interface: InterfaceSpec) -> None:
        self._boxes = [Box(entry) for entry in interface.observations if not entry.is_image]
        self._demos = 0

    def begin(self, step: Step, *, demo: bool) -> None:
        """The first step of an episode."""
        self._demos += demo
        for box in self._boxes:
            value = np.asarray(step.observation[box.name])
            if demo:
                box.widen(value)
            elif self._demos:
                box.measure(value)

    def figures(self) -> dict[str, float]:
        """The median distance of the last starts of practice, for each entry."""
        found = {"starts/demos": float(self._demos)}
        for box in self._boxes:
            if box.recent:
                found[f"starts/distance/{box.name}"] = float(np.median(box.recent))
        return found
