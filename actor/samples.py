"""Samples: every measured duration of a run, for its percentiles (8 bytes each: a day at 10 Hz is 7 MB)."""

import math
from array import array

import numpy as np


class Samples:
    """Numbers in the order measured."""

    def __init__(self) -> None:
        self._values = array("d")

    def __len__(self) -> int:
        return len(self._values)

    def add(self, value: float) -> None:
        """One more measurement."""
        self._values.append(value)

    def total(self, since: int = 0) -> float:
        """The sum of the measurements from number `since` on."""
        return math.fsum(self._values[since:])

    def percentile(self, percent: float, since: int = 0) -> float | None:
        """The percentile of the measurements from number `since` on; None where there are none."""
        values = self._values[since:]
        return float(np.percentile(values, percent)) if values else None
