"""SuccessMap: success cell by cell over a grid of starts, the centre apart from the edges."""

from collections.abc import Iterable
from dataclasses import dataclass

from actor.evaluating.starts import Axis, Cell, Grid
from actor.scoring import EvaluatedEpisode, Rate


@dataclass(frozen=True, kw_only=True)
class SuccessMap:
    """What the policy did by itself, of all episodes that began in a cell; help counts as failure."""

    grid: Grid
    cells: dict[Cell, Rate]

    @classmethod
    def of(cls, grid: Grid, episodes: Iterable[EvaluatedEpisode]) -> "SuccessMap":
        """Of these episodes, each of which began somewhere in the grid."""
        rows = {episode.start_seed: episode for episode in episodes}
        found = {cell: [rows[seed] for seed in seeds if seed in rows] for cell, seeds in grid.seeds.items()}
        return cls(grid=grid, cells={cell: _alone(played) for cell, played in found.items()})

    @property
    def centre(self) -> Rate:
        """Of the inner cells."""
        return _sum(rate for cell, rate in self.cells.items() if not self.grid.is_edge(cell))

    @property
    def edges(self) -> Rate:
        """Of the cells at the border."""
        return _sum(rate for cell, rate in self.cells.items() if self.grid.is_edge(cell))

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {
            "rows": _axis(self.grid.rows),
            "columns": _axis(self.grid.columns),
            "cells": [
                {"row": row, "column": column, "edge": self.grid.is_edge((row, column)), **rate.as_dict()}
                for (row, column), rate in self.cells.items()
            ],
            "centre": self.centre.as_dict(),
            "edges": self.edges.as_dict(),
        }


def _alone(episodes: list[EvaluatedEpisode]) -> Rate:
    return Rate(sum(e.success and not e.helped for e in episodes), len(episodes))


def _sum(rates: Iterable[Rate]) -> Rate:
    found = list(rates)
    return Rate(sum(rate.successes for rate in found), sum(rate.episodes for rate in found))


def _axis(axis: Axis) -> dict[str, object]:
    return {"name": axis.name, "low": axis.low, "high": axis.high, "parts": axis.parts}
