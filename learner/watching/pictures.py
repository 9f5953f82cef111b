"""Pictures: whether what the cameras show at the start of an episode is as bright and as rich as it was."""

from collections import deque

import numpy as np
from numpy.typing import NDArray

from shared.interface import InterfaceSpec
from shared.step import Step

RECENT = 10
BASELINE = 10
"""So many first episodes of practice are compared with where there are no demonstrations."""
FEWEST_DEMOS = 3


class Look:
    """One camera: (brightness, contrast) of first frames: mean and spread of grey levels."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._demos: list[tuple[float, float]] = []
        self._first: list[tuple[float, float]] = []
        self._recent: deque[tuple[float, float]] = deque(maxlen=RECENT)

    def add(self, frame: NDArray[np.generic], *, demo: bool) -> None:
        """A first frame, (H, W, 3) uint8."""
        found = float(frame.mean()), float(frame.std())
        if demo:
            self._demos.append(found)
            return
        self._recent.append(found)
        if len(self._first) < BASELINE:
            self._first.append(found)

    def figures(self) -> dict[str, float]:
        """Now, and before: means over episodes, and how much episodes differed before."""
        before = self._demos if len(self._demos) >= FEWEST_DEMOS else self._first
        if not self._recent or not before:
            return {}
        now, then = np.mean(self._recent, axis=0), np.mean(before, axis=0)
        return {
            f"pictures/{self.name}/brightness": float(now[0]),
            f"pictures/{self.name}/contrast": float(now[1]),
            f"pictures/{self.name}/brightness_before": float(then[0]),
            f"pictures/{self.name}/contrast_before": float(then[1]),
            f"pictures/{self.name}/spread_before": float(np.std(before, axis=0)[0]),
        }


class Pictures:
    """Every camera of the interface."""

    def __init__(self, interface: InterfaceSpec) -> None:
        self._looks = [Look(entry.name) for entry in interface.observations if entry.is_image]

    def begin(self, step: Step, *, demo: bool) -> None:
        """The first step of an episode."""
        for look in self._looks:
            look.add(np.asarray(step.observation[look.name]), demo=demo)

    def figures(self) -> dict[str, float]:
        """Of every camera."""
        return {name: value for look in self._looks for name, value in look.figures().items()}
