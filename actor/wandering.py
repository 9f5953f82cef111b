"""Wandering: a device that strays now and then, so that what it nearly did is seen from every side."""

import numpy as np

from actor.choosers import Choice, Chooser
from shared.step import Observation, Source

LONGEST_STEPS = 6


class WanderingChooser:
    """Another chooser, but for excursions: a constant motion of random direction and size, a few steps long.

    Args:
        chooser: drives otherwise; asked in every period, so that it stays in step.
        share: of the periods in which no excursion goes on, how many begin one.
    """

    def __init__(self, chooser: Chooser, action_size: int, share: float) -> None:
        self._chooser, self._size, self._share = chooser, action_size, share
        self._rng = np.random.default_rng(0)
        self._left = 0
        self._motion = np.zeros(action_size, np.float32)

    def begin(self, rng: np.random.Generator) -> None:
        """No excursion goes on."""
        self._chooser.begin(rng)
        self._rng, self._left = rng, 0

    def choose(self, observation: Observation) -> Choice:
        """The chooser's choice, or the next step of an excursion."""
        choice = self._chooser.choose(observation)
        if not self._left and self._rng.random() < self._share:
            self._left = int(self._rng.integers(1, LONGEST_STEPS + 1))
            direction = self._rng.normal(size=self._size)
            size = self._rng.uniform() / max(float(np.abs(direction).max()), 1e-6)
            self._motion = (size * direction).astype(np.float32)
        if not self._left:
            return choice
        self._left -= 1
        return Choice(action=self._motion, source=Source.RANDOM)
