"""When a run may stop, and whether it met its target."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from shared.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Target:
    """What greedy episodes have to reach."""

    metric: Literal["success_rate", "mean_return"] = "success_rate"
    """Share of episodes that succeed, or mean undiscounted return."""
    stop_at: float = 0.95
    """Training stops once evaluations on the stopping starts reach this."""
    stop_after: int = 3
    """So many evaluations one after another; the first of a run is of what cloning alone has given."""
    pass_at: float = 0.9
    """The final evaluation has to reach this."""

    def __post_init__(self) -> None:
        if self.stop_after < 1:
            raise ConfigError("target", f"stop_after is {self.stop_after}", "give at least 1")
        if self.metric == "success_rate" and not (0 <= self.pass_at <= 1 and self.stop_at >= 0):
            raise ConfigError(
                "target",
                f"pass_at is {self.pass_at:g} and stop_at {self.stop_at:g}",
                "give success rates between 0 and 1; a stop_at above 1 never stops early",
            )

    def reached(self, evaluations: Sequence[Mapping[str, float]]) -> bool:
        """Whether the newest `stop_after` evaluations are all good enough to stop."""
        newest = evaluations[-self.stop_after :]
        return len(newest) == self.stop_after and all(e[self.metric] >= self.stop_at for e in newest)

    def passed(self, result: Mapping[str, Any]) -> bool:
        """Whether a final evaluation is good enough."""
        value = result.get(self.metric)
        return isinstance(value, int | float) and value >= self.pass_at
