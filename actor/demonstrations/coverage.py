"""Coverage: which part of a task's starts the demonstrations have seen, quantity by quantity."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from robot_env.geometry import Pose
from robot_env.tasks.base import Start

BINS = 10
SAMPLES = 1000
"""Starts that are drawn to learn what a task's range is."""
LEAST_SPREAD = 1e-6
"""A quantity that varies less than this does not vary."""
BARS = " ▁▂▃▄▅▆▇█"


@dataclass
class Spread:
    """One quantity of a start: its range in `BINS` equal parts, and how many starts fell into each.

    `reachable` are the parts that the task's own starts fall into at all.
    """

    name: str
    low: float
    high: float
    reachable: frozenset[int] = frozenset()
    counts: list[int] = field(default_factory=lambda: [0] * BINS)

    def bin_of(self, value: float) -> int:
        """The part that a value lies in; what lies outside the range counts for the nearest one."""
        place = math.floor((value - self.low) / (self.high - self.low) * BINS)
        return min(BINS - 1, max(0, place))

    @property
    def seen(self) -> int:
        """How many of the reachable parts some start fell into."""
        return sum(bool(self.counts[part]) for part in self.reachable)

    @property
    def bar(self) -> str:
        """One character a part: fuller for more starts, a dot where none fell, a blank where none can."""
        most = max(self.counts)
        return "".join(self._character(part, most) for part in range(BINS))

    def _character(self, part: int, most: int) -> str:
        count = self.counts[part]
        if not count:
            return "·" if part in self.reachable else " "
        return BARS[max(1, round((len(BARS) - 1) * count / most))]


class Coverage:
    """The starts of the demonstrations that are kept, against those that the task draws.

    Args:
        drawn: starts that the task drew, enough to know its range.
    """

    def __init__(self, drawn: Sequence[Start]) -> None:
        table = [quantities(start) for start in drawn]
        self.spreads = [
            spread for name in (table[0] if table else ()) if (spread := _spread(name, table)) is not None
        ]

    def add(self, start: Start) -> None:
        """One more demonstration began here."""
        values = quantities(start)
        for spread in self.spreads:
            spread.counts[spread.bin_of(values[spread.name])] += 1

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {
            spread.name: {
                "low": spread.low,
                "high": spread.high,
                "counts": spread.counts,
                "seen": spread.seen,
                "of": len(spread.reachable),
            }
            for spread in self.spreads
        }


def quantities(start: Start) -> dict[str, float]:
    """What a start consists of, by name: positions in the base frame (m), turns about the vertical (rad)."""
    poses = {"tool": start.tcp, **start.objects}
    return {f"{of} {name}": value for of, pose in poses.items() for name, value in _numbers(pose).items()}


def _numbers(pose: Pose) -> Mapping[str, float]:
    x, y, z = map(float, pose.position_m)
    turn = math.atan2(float(pose.rotation[1, 0]), float(pose.rotation[0, 0]))
    return {"x (m)": x, "y (m)": y, "z (m)": z, "turn (rad)": turn}


def _spread(name: str, table: Sequence[Mapping[str, float]]) -> Spread | None:
    values = [row[name] for row in table]
    spread = Spread(name, min(values), max(values))
    if spread.high - spread.low < LEAST_SPREAD:
        return None
    spread.reachable = frozenset(map(spread.bin_of, values))
    return spread
