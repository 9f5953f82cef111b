"""What a policy achieved over fixed start states, and how sure that is."""

import math
import statistics
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from shared.intervals import wilson_interval
from shared.step import Why


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluatedEpisode:
    """One row of an evaluation.

    Attributes:
        start_seed: of the start state.
        success: whether the task was done in the end, with or without help.
        episode_return: undiscounted sum of rewards.
        length: steps made.
        seconds: what they took at the control rate, lateness included.
        why: how it ended.
        driven_steps: how many of them somebody else than the policy drove.
        furthest, stood: how far the task came, and how far it was in the end, in its own words; empty where
            it cannot tell. Where the two differ, something was lost again, as a cube that fell.
    """

    start_seed: int
    success: bool
    episode_return: float
    length: int
    seconds: float
    why: Why
    driven_steps: int = 0
    furthest: str = ""
    stood: str = ""

    @property
    def helped(self) -> bool:
        """Whether anybody drove any of it."""
        return self.driven_steps > 0


@dataclass(frozen=True, slots=True)
class Rate:
    """How many of some episodes succeeded."""

    successes: int
    episodes: int

    @classmethod
    def of(cls, episodes: Iterable[EvaluatedEpisode]) -> "Rate":
        """Of these."""
        outcomes = [episode.success for episode in episodes]
        return cls(sum(outcomes), len(outcomes))

    @property
    def share(self) -> float | None:
        """None of no episodes."""
        return self.successes / self.episodes if self.episodes else None

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95% interval of the share."""
        return wilson_interval(self.successes, self.episodes)

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {**asdict(self), "rate": self.share, "interval": list(self.interval)}

    def __str__(self) -> str:
        if self.share is None:
            return "none"
        low, high = self.interval
        return f"{self.successes} of {self.episodes} = {self.share:.2f} ({low:.2f} to {high:.2f})"


@dataclass(frozen=True, kw_only=True)
class EvaluationResult:
    """What one policy did from each start state.

    Attributes:
        episodes: those that count, in order of their starts.
        done_at_start: seeds of starts at which the task was done before anybody acted; they do not count.
        greedy: whether the policy's mode acted instead of a sample.
        policy_incarnation, policy_version, policy_update: which policy it was.
    """

    episodes: tuple[EvaluatedEpisode, ...]
    done_at_start: tuple[int, ...] = ()
    greedy: bool
    policy_incarnation: str
    policy_version: int
    policy_update: int

    @property
    def alone(self) -> tuple[EvaluatedEpisode, ...]:
        """Episodes in which nobody helped."""
        return tuple(episode for episode in self.episodes if not episode.helped)

    @property
    def autonomous(self) -> Rate:
        """Of the episodes in which nobody helped."""
        return Rate.of(self.alone)

    @property
    def assisted(self) -> Rate:
        """Of the episodes in which somebody did."""
        return Rate.of(episode for episode in self.episodes if episode.helped)

    @property
    def overall(self) -> Rate:
        """What the policy did by itself, of all episodes: one that needed help is none of its successes."""
        return Rate(self.autonomous.successes, len(self.episodes))

    @property
    def successes(self) -> int:
        """Episodes that ended with the task done, without help."""
        return self.overall.successes

    @property
    def success_rate(self) -> float:
        """Their share of all; 0 where no episode counts."""
        return self.overall.share or 0.0

    @property
    def success_interval(self) -> tuple[float, float]:
        """Wilson's 95% interval of the rate."""
        return self.overall.interval

    @property
    def mean_return(self) -> float | None:
        """Mean undiscounted return of the episodes without help; None where there are none."""
        return _mean(episode.episode_return for episode in self.alone)

    @property
    def mean_length(self) -> float | None:
        """Mean number of steps of the same."""
        return _mean(episode.length for episode in self.alone)

    @property
    def cycle_seconds(self) -> tuple[float, float, float] | None:
        """Quartiles of the seconds to success without help; the middle one is the median."""
        seconds = [episode.seconds for episode in self.alone if episode.success]
        if len(seconds) < 2:
            return (seconds[0], seconds[0], seconds[0]) if seconds else None
        first, median, third = statistics.quantiles(seconds, n=4, method="inclusive")
        return first, median, third

    @property
    def failures(self) -> dict[str, int]:
        """How many failures, helped or not, ended in which way."""
        return dict(Counter(str(episode.why) for episode in self.episodes if not episode.success))

    @property
    def stood(self) -> dict[str, int]:
        """How far failures without help came, in the task's words, and where they stood in the end."""
        return dict(
            Counter(_stood(episode) for episode in self.alone if not episode.success and episode.stood)
        )

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return {
            "success_rate": self.success_rate,
            "success_interval": list(self.success_interval),
            "successes": self.successes,
            "eval_episodes": len(self.episodes),
            "autonomous": self.autonomous.as_dict(),
            "assisted": self.assisted.as_dict(),
            "mean_return": self.mean_return,
            "mean_length": self.mean_length,
            "cycle_seconds": self.cycle_seconds,
            "failures": self.failures,
            "stood": self.stood,
            "done_at_start": list(self.done_at_start),
            "greedy": self.greedy,
            "policy_incarnation": self.policy_incarnation,
            "policy_version": self.policy_version,
            "policy_update": self.policy_update,
            "episodes": [asdict(episode) for episode in self.episodes],
        }


def _mean(values: Iterable[float]) -> float | None:
    found = list(values)
    return math.fsum(found) / len(found) if found else None


def _stood(episode: EvaluatedEpisode) -> str:
    if episode.furthest == episode.stood:
        return episode.stood
    return f"{episode.stood}, after {episode.furthest}"
