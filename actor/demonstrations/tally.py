"""Tally: what became of the attempts at demonstrating, for the person and for programs."""

import statistics
from dataclasses import dataclass, field

from rich.table import Table

from actor.demonstrations.coverage import Coverage, Spread

BALANCE_WIDTH = 20


@dataclass
class Tally:
    """Counts of attempts, and the lengths of what was kept.

    Attributes:
        successes, failures: lengths in steps of the demonstrations that were kept.
        failed: attempts that did not succeed and were not kept.
        discarded: attempts that a person discarded or did again.
        broken: attempts that the robot broke off, which count for nothing.
        before: demonstrations that lay here already, counted among the kept ones.
        coverage: where the kept ones began, where the task draws its starts.
    """

    coverage: Coverage
    successes: list[int] = field(default_factory=list[int])
    failures: list[int] = field(default_factory=list[int])
    failed: int = 0
    discarded: int = 0
    broken: int = 0
    before: int = 0

    @property
    def kept(self) -> int:
        """Demonstrations that are kept."""
        return len(self.successes) + len(self.failures)

    def keep(self, length: int, success: bool) -> None:
        """One more demonstration is kept."""
        (self.successes if success else self.failures).append(length)

    def deny(self, length: int, *, keep: bool) -> None:
        """A demonstration of so many steps that was kept as a success is none; whether it is to `keep`."""
        self.successes.remove(length)
        if keep:
            self.failures.append(length)
        else:
            self.failed += 1

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {
            "kept": self.kept,
            "kept_before": self.before,
            "successes": len(self.successes),
            "failures": len(self.failures),
            "failed": self.failed,
            "discarded": self.discarded,
            "broken": self.broken,
            "steps": sum(self.successes) + sum(self.failures),
            "lengths": self.successes + self.failures,
            "coverage": self.coverage.as_dict(),
        }

    def rows(self) -> list[tuple[str, str]]:
        """What there is to say, line by line."""
        lost = (f"{self.failed} failed", f"{self.discarded} discarded", f"{self.broken} broken off")
        rows = [("kept", self._kept()), ("not kept", ", ".join(lost))]
        if self.kept:
            rows += [("balance", self._balance()), ("lengths", self._lengths())]
        return rows + [(spread.name, _range(spread)) for spread in self.coverage.spreads]

    def as_table(self, title: str) -> Table:
        """All of it, for a terminal."""
        table = Table(title=title, show_header=False)
        for name, text in self.rows():
            table.add_row(name, text)
        return table

    def _kept(self) -> str:
        before = f", {self.before} of them from before" if self.before else ""
        return f"{self.kept} episodes, {sum(self.successes) + sum(self.failures)} steps{before}"

    def _balance(self) -> str:
        good, bad = len(self.successes), len(self.failures)
        filled = round(BALANCE_WIDTH * good / (good + bad))
        return f"{'█' * filled}{'░' * (BALANCE_WIDTH - filled)} {good} successes, {bad} failures"

    def _lengths(self) -> str:
        lengths = sorted(self.successes + self.failures)
        middle = statistics.median(lengths)
        return f"{lengths[0]} to {lengths[-1]} steps, half of them at most {middle:g}"


def _range(spread: Spread) -> str:
    parts = f"{spread.seen} of {len(spread.reachable)} parts of its range"
    return f"{spread.low:+.2f} [{spread.bar}] {spread.high:+.2f}  {parts}"
