"""JudgingConfig: by which reward classifiers success is judged, and what else has to hold."""

from dataclasses import dataclass
from pathlib import Path

from shared.errors import ConfigError

STAGE = "judging"


@dataclass(frozen=True, kw_only=True)
class JudgingConfig:
    """How the reward `classifier` judges; unused with any other."""

    classifier: tuple[str, ...] = ()
    """Files of classifiers, one for each stage in order; FILE:CLASS for another class than the last."""
    hits: int = 2
    """Frames in a row that have to look like success."""
    threshold: float | None = None
    """Probability from which on a frame counts; none means what each file says."""
    gate: tuple[str, ...] = ()
    """What has to hold too, as in "arm/tcp_position_base_m[2]<0.12"; a success that it forbids counts not."""
    stage_reward: float = 0.0
    """Reward for each stage before the last, whose reward is 1."""
    classifier_demos: tuple[Path, ...] = ()
    """Demonstrations on which the separation of each camera is measured anew at the start."""
    classifier_data: Path | None = None
    """Directory of the labelled frames; what the key n denies is added to it, and training starts anew."""

    def __post_init__(self) -> None:
        if self.hits < 1:
            raise ConfigError(STAGE, f"hits is {self.hits}", "give at least 1")
        if self.threshold is not None and not 0.0 < self.threshold < 1.0:
            raise ConfigError(STAGE, f"threshold is {self.threshold:g}", "choose a probability in (0, 1)")

    def require_used(self) -> None:
        """Raises ConfigError where no classifier is named."""
        if not self.classifier:
            raise ConfigError(
                STAGE,
                "the reward is classifier, and no file of one is named",
                "add --classifier FILE, which `handson classifier train` writes",
            )

    def require_unused(self) -> None:
        """Raises ConfigError where a classifier is named that nobody would ask."""
        if self.classifier:
            raise ConfigError(
                STAGE,
                f"the classifier {self.classifier[0]} is named, and something else judges",
                "add --reward classifier, or leave --classifier out",
            )

    def arguments(self) -> tuple[str, ...]:
        """What was chosen, as options of `handson actor`, `demo` and `eval`."""
        words: list[str] = []
        for name, value in vars(self).items():
            if value != getattr(JudgingConfig, name):
                values = value if isinstance(value, tuple) else (value,)
                words += [f"--{name.replace('_', '-')}", *map(str, values)]
        return tuple(words)
