"""Choice: which episodes of those that a path names are meant."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from actor.demonstrations.loading import Episodes, Numbered
from shared.errors import ConfigError
from shared.step import Why

STAGE = "choosing episodes"
Outcome = Literal["success", "failure"]


@dataclass(frozen=True, kw_only=True)
class Choice:
    """All conditions have to hold; without any, every episode is meant.

    Attributes:
        numbers: only these; None means all.
        without: none of these.
        outcome: only successes, or only what is no success.
        shortest, longest: bounds on the number of steps, both included; None means none.
    """

    numbers: frozenset[int] | None = None
    without: frozenset[int] = frozenset()
    outcome: Outcome | None = None
    shortest: int | None = None
    longest: int | None = None

    def of(self, loaded: Episodes) -> list[Numbered]:
        """The episodes that are meant, in order.

        Raises:
            ConfigError: nothing is left.
        """
        chosen = [one for one in loaded.episodes if self._means(one)]
        if not chosen:
            cause = f"none of the {loaded.count} episodes is left"
            raise ConfigError(STAGE, cause, "ask for less; handson demo inspect shows them")
        return chosen

    def _means(self, one: Numbered) -> bool:
        steps = one.episode.steps
        success = steps[-1].step.why is Why.SUCCESS
        return (
            (self.numbers is None or one.number in self.numbers)
            and one.number not in self.without
            and (self.outcome is None or success is (self.outcome == "success"))
            and (self.shortest is None or len(steps) >= self.shortest)
            and (self.longest is None or len(steps) <= self.longest)
        )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The conditions as options."""
    parser.add_argument("--episodes", type=numbers, metavar="N,N-N", help="only these, counted from 0")
    parser.add_argument("--without", type=numbers, default=frozenset(), metavar="N,N-N", help="none of these")
    parser.add_argument("--only", choices=("success", "failure"), help="only those that ended so")
    parser.add_argument("--min-steps", type=int, metavar="N", help="only those of at least so many steps")
    parser.add_argument("--max-steps", type=int, metavar="N", help="only those of at most so many steps")


def choice_of(arguments: argparse.Namespace) -> Choice:
    """What the options say."""
    return Choice(
        numbers=arguments.episodes,
        without=arguments.without,
        outcome=arguments.only,
        shortest=arguments.min_steps,
        longest=arguments.max_steps,
    )


def numbers(text: str) -> frozenset[int]:
    """ "0,3,5-7" as {0, 3, 5, 6, 7}."""
    try:
        return frozenset(number for part in text.split(",") for number in _range(part.split("-")))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no list such as 0,3,5-7") from None


def _range(ends: Sequence[str]) -> range:
    if len(ends) > 2:
        raise ValueError(ends)
    return range(int(ends[0]), int(ends[-1]) + 1)
