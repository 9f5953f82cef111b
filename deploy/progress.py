"""What is known of a running run: folded from the lines of metrics.jsonl, shown by `deploy.screen`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from learner.alarms.history import History

EVALUATION = "evaluation/"


@dataclass(kw_only=True)
class Progress:
    """The newest numbers of a run.

    Attributes:
        phase: what goes on, in words.
        env_steps: training steps that the learner has taken in.
        updates: critic updates.
        values: the newest value of every metric.
        history: what alarms ask.
        evaluations: success_rate, mean_return and so on of each evaluation on stopping starts.
    """

    phase: str = "starting"
    env_steps: int = 0
    updates: int = 0
    values: dict[str, float] = field(default_factory=dict[str, float])
    evaluations: list[dict[str, float]] = field(default_factory=list[dict[str, float]])
    history: History = field(default_factory=History)

    def fold(self, lines: Iterable[Mapping[str, Any]]) -> None:
        """Take in further lines of metrics.jsonl."""
        for line in lines:
            self.history.add(line)
            self.env_steps = int(line.get("env_steps", self.env_steps))
            self.updates = int(line.get("updates", self.updates))
            numbers = {k: float(v) for k, v in line.items() if isinstance(v, int | float)}
            self.values.update(numbers)
            if line.get("kind") == "evaluation":
                named = {
                    k.removeprefix(EVALUATION): v for k, v in numbers.items() if k.startswith(EVALUATION)
                }
                self.evaluations.append(named)
