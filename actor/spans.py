"""Spans: the stretches of an episode that somebody else than its policy drove."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby

from shared.step import Source

HELPERS = (Source.HUMAN, Source.SCRIPT)
"""Who may take over: a person, or a device that is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Steps `first` to `first + length - 1` of an episode, all driven by `who`."""

    first: int
    length: int
    who: Source

    @property
    def end(self) -> int:
        """The step after its last one."""
        return self.first + self.length


def spans_of(sources: Iterable[Source]) -> tuple[Span, ...]:
    """The spans of an episode whose steps were chosen by `sources`, in order, each as long as can be."""
    spans: list[Span] = []
    first = 0
    for who, steps in groupby(sources):
        length = sum(1 for _ in steps)
        if who in HELPERS:
            spans.append(Span(first=first, length=length, who=who))
        first += length
    return tuple(spans)
