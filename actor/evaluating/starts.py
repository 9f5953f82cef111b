"""Starts: which start states an evaluation plays: seeds in a row, or a grid over what the task varies.

A cell of a grid is filled by seeds whose start the task draws there by itself, found by trying one seed after
another without moving anything. So every start is one that the task can have, named by its seed as any other.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from actor.demonstrations.coverage import LEAST_SPREAD, SAMPLES, quantities
from robot_env.env import RobotEnv
from robot_env.families import nearest
from shared.errors import ConfigError

STAGE = "grid of starts"
MOST_TRIES = 200_000
CHOSEN_PAIRS = (("x (m)", "y (m)"), ("y (m)", "z (m)"), ("x (m)", "z (m)"))

Cell = tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Axis:
    """One quantity of a start, its range in equal parts."""

    name: str
    low: float
    high: float
    parts: int

    def part(self, value: float) -> int:
        """Which part a value lies in; what lies outside counts for the nearest one."""
        place = int((value - self.low) / (self.high - self.low) * self.parts)
        return min(self.parts - 1, max(0, place))

    def is_edge(self, part: int) -> bool:
        """Whether it is the first or the last of several."""
        return self.parts > 2 and part in (0, self.parts - 1)


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Start seeds by cell (row, column); cells in which the task draws no start have none.

    Rows are along the first axis, columns along the second.
    """

    rows: Axis
    columns: Axis
    seeds: dict[Cell, list[int]]

    def is_edge(self, cell: Cell) -> bool:
        """Whether the cell lies at a border of the grid."""
        return self.rows.is_edge(cell[0]) or self.columns.is_edge(cell[1])

    @property
    def start_seeds(self) -> list[int]:
        """All of them, cell by cell and then over again, so that an early end has seen every cell."""
        rounds = max(len(seeds) for seeds in self.seeds.values())
        return [seeds[turn] for turn in range(rounds) for seeds in self.seeds.values() if turn < len(seeds)]


def parse_size(text: str) -> tuple[int, int]:
    """(rows, columns) of "5x5"; ConfigError on anything else."""
    found = re.fullmatch(r"(\d{1,2})x(\d{1,2})", text)
    if found is None or "0" in found.groups() or max(map(int, found.groups())) > 50:
        raise ConfigError(STAGE, f"{text!r} is not a size", "give rows x columns, as in 5x5")
    return int(found[1]), int(found[2])


def lay_grid(env: RobotEnv | None, size: str, over: Sequence[str], *, episodes: int, first_seed: int) -> Grid:
    """A grid with as many starts in each cell as `episodes` allow, the same number in each.

    Args:
        env: whose starts; None where the environment is none of HandsOn's own.
        size: as in 5x5.
        over: the two quantities, by name; empty chooses the object's or else the tool's x and y.
        episodes: in all.
        first_seed: from where on seeds are tried.

    Raises:
        ConfigError: the starts cannot be told beforehand, or a quantity does not vary.
    """
    if env is None:
        cause = "only tasks of HandsOn tell where an episode will begin"
        raise ConfigError(STAGE, cause, "leave out --grid: seeds in a row are always there")
    rows, columns = _axes(env, parse_size(size), over)
    drawn: dict[Cell, list[int]] = {}
    per_cell = max(1, episodes // (rows.parts * columns.parts))
    full, wanted = 0, rows.parts * columns.parts
    for tried, seed in enumerate(range(first_seed, first_seed + MOST_TRIES)):
        values = quantities(env.start_of(seed))
        seeds = drawn.setdefault((rows.part(values[rows.name]), columns.part(values[columns.name])), [])
        if len(seeds) < per_cell:
            seeds.append(seed)
            full += len(seeds) == per_cell
        if full == (wanted if tried < SAMPLES * wanted else len(drawn)):
            break
    return Grid(rows=rows, columns=columns, seeds=dict(sorted(drawn.items())))


def _axes(env: RobotEnv, size: tuple[int, int], over: Sequence[str]) -> tuple[Axis, Axis]:
    table = [quantities(env.start_of(seed)) for seed in range(SAMPLES)]
    ranges = {name: (min(r[name] for r in table), max(r[name] for r in table)) for name in table[0]}
    varied = {name: ends for name, ends in ranges.items() if ends[1] - ends[0] > LEAST_SPREAD}
    names = tuple(over) or _choose(varied)
    if len(names) != 2:
        raise ConfigError(STAGE, f"{len(names)} quantities were named", f"name two of {', '.join(varied)}")
    for name in names:
        if name not in varied:
            raise ConfigError(STAGE, f"the starts do not vary in {name!r}", nearest(name, varied))
    first, second = (
        Axis(name=name, low=varied[name][0], high=varied[name][1], parts=parts)
        for name, parts in zip(names, size, strict=True)
    )
    return first, second


def _choose(varied: dict[str, tuple[float, float]]) -> tuple[str, ...]:
    """Two quantities of the first object that varies in two directions, else of the tool."""
    bodies = dict.fromkeys(name.split(" ", 1)[0] for name in varied)
    for body in sorted(bodies, key=lambda name: name == "tool"):
        for pair in CHOSEN_PAIRS:
            if all(f"{body} {name}" in varied for name in pair):
                return tuple(f"{body} {name}" for name in pair)
    return tuple(varied)[:2]
