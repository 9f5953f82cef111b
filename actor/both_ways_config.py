"""What an actor that practises two tasks in turns is told."""

from dataclasses import dataclass

from shared.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class BothWaysConfig:
    """A second task that puts back what the first has done."""

    back: str | None = None
    """Task that undoes the first, as relocate_back does relocate_forward; practised in turns with it."""
    back_connect: str | None = None
    """Learner of that task, as in tcp://127.0.0.1:5556."""
    back_classifier: tuple[str, ...] = ()
    """Files of classifiers that judge it, where the reward is classifier."""
    trials: int | None = None
    """Stop after so many trials of both together; none goes on."""
    stuck_trials: int = 20
    """After so many trials in a row without success the scene is set anew."""

    def __post_init__(self) -> None:
        if (self.back is None) != (self.back_connect is None):
            raise ConfigError(
                "both ways",
                "a task that leads back needs a learner of its own",
                "give both --back TASK and --back-connect tcp://HOST:PORT",
            )
        if min(self.stuck_trials, 1 if self.trials is None else self.trials) < 1:
            raise ConfigError(
                "both ways",
                f"trials is {self.trials}, stuck_trials {self.stuck_trials}",
                "give at least 1 each",
            )
        if self.trials is not None and self.back is None:
            raise ConfigError(
                "both ways", "trials are counted where two tasks alternate", "use --max-steps, or add --back"
            )
