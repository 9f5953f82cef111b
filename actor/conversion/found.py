"""What a reader of a foreign format finds: an interface, and episodes of our steps, one after another."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from shared.errors import ConfigError
from shared.interface import InterfaceSpec
from shared.step import EpisodeKind, Source, Step

Unrewarded = Literal["time_limit", "failure"]


@dataclass(frozen=True, kw_only=True)
class ReadingConfig:
    """How a file is to be understood where it does not say so itself."""

    control_hz: float | None = None
    """Steps a second; for files that do not say. Where a file says something else it is refused."""
    name: str = "imported"
    """What the world is called that the data are of."""
    driver: Source = Source.HUMAN
    """Who chose the actions where the file does not say; interventions that it marks are a person's."""
    unrewarded_end: Unrewarded = "time_limit"
    """What an end without a reward was: SERL's mask says 0 at a time limit too."""
    subset: str | None = None
    """Only the episodes of this list in a robomimic file's mask/, as in train."""
    success_at_end: bool = False
    """Each episode ended in success; for files without rewards."""
    cut_at_jumps: bool = False
    """Cut episodes where an observation is not the one that followed, as in HIL-SERL's demo_buffer."""

    def __post_init__(self) -> None:
        if self.control_hz is not None and not 0.0 < self.control_hz <= 10_000.0:
            raise ConfigError(
                "reading", f"control_hz is {self.control_hz}", "give steps a second, such as 10"
            )

    def rate(self, said: float | None, whose: str) -> float:
        """The rate that the file says, or that was given for it; raises ConfigError without, and for two."""
        if said is None and self.control_hz is None:
            raise ConfigError(whose, "does not say how many steps a second it has", "give --control-hz")
        if said is not None and self.control_hz not in (None, said):
            raise ConfigError(
                whose,
                f"has {said:g} steps a second, not {self.control_hz:g}",
                "leave --control-hz out; steps of another length are other actions",
            )
        return float(said if said is not None else self.control_hz or 0.0)


@dataclass(frozen=True, kw_only=True)
class FoundEpisode:
    """One episode.

    Attributes:
        name: for messages: its file and place.
        steps: as `Found.interface` declares, actions as the file has them.
        kind: what it was for.
        times_seconds: when each step was put, Unix epoch; None where the file does not say.
    """

    name: str
    steps: tuple[Step, ...]
    kind: EpisodeKind = EpisodeKind.DEMO
    times_seconds: tuple[float, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class Found:
    """What is in a file or directory.

    Attributes:
        interface: entries under the names of the file, actions between -1 and 1.
        episodes: read as they are asked for.
    """

    interface: InterfaceSpec
    episodes: Iterable[FoundEpisode]
