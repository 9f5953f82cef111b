"""What `handson classifier train` can be told."""

from dataclasses import dataclass, field
from pathlib import Path

import tyro

from learner.devices import DeviceConfig
from shared.errors import ConfigError
from shared.policy.vision import VisionConfig

STAGE = "classifier training"


@dataclass(frozen=True, kw_only=True)
class LooksConfig:
    """How often, and how differently, each frame is looked at. Each look passes the trunk once."""

    variants: int = 4
    """Looks at each frame; the first shows it as it is."""
    pad: int = 1
    """Largest shift in pixels, each way: well below what tells a near miss; 0 where no camera ever moves."""
    brightness: float = 0.1
    """Standard deviation of the logarithm of what all pixels are multiplied by."""
    colour: float = 0.05
    """The same for each colour channel by itself."""

    def __post_init__(self) -> None:
        if self.variants < 1 or min(self.pad, self.brightness, self.colour) < 0:
            raise ConfigError(
                STAGE,
                f"variants {self.variants}, pad {self.pad}, brightness {self.brightness:g}, "
                f"colour {self.colour:g}",
                "keep variants at least 1, and the others at least 0",
            )


@dataclass(frozen=True, kw_only=True)
class FitConfig:
    """How the heads are trained."""

    updates: int = 1600
    """Gradient steps of each member."""
    batch: int = 64
    """Frames in each, as many of every class."""
    learning_rate: float = 1e-3
    """Step size at the start; it falls to 0 along a cosine."""
    weight_decay: float = 1e-3
    """Decoupled weight decay, as in AdamW."""
    folds: int = 4
    """Shares of the episodes; each member is trained without one of them, which judges it."""
    repeats: int = 3
    """How often the episodes are dealt anew; there are folds x repeats members."""
    hidden: int = 64
    """Width of the layer that joins the cameras."""

    def __post_init__(self) -> None:
        if min(self.updates, self.batch, self.hidden, self.repeats) < 1 or self.folds < 2:
            raise ConfigError(
                STAGE,
                f"updates {self.updates}, batch {self.batch}, hidden {self.hidden}, folds {self.folds}, "
                f"repeats {self.repeats}",
                "give at least 2 folds, and at least 1 of the others",
            )
        if self.learning_rate <= 0 or self.weight_decay < 0:
            raise ConfigError(
                STAGE,
                f"learning_rate {self.learning_rate:g}, weight_decay {self.weight_decay:g}",
                "keep learning_rate above 0, and weight_decay at least 0",
            )


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Which frames, what to tell apart, and how sure to be."""

    data: tyro.conf.Positional[tuple[Path, ...]]
    """Directories or episode files with labelled frames."""
    out: Path
    """File for the classifier, such as door.classifier; a report is written beside it."""
    classes: tuple[str, ...] = ("failure", "success")
    """Names of the classes by their keys 0, 1, ...; the last is success."""
    cameras: tuple[str, ...] = ()
    """Cameras to look through; none means all."""
    most: tuple[int, ...] = ()
    """Most frames used of each class, in the order of the classes; none means all."""
    precision: float = 0.95
    """The lower 95% bound of precision on held-out episodes that each threshold has to reach."""
    unsure_seconds: float = 0.5
    """Frames so long before a person's label changes are left out: keys are pressed late."""
    resume_from: Path | None = None
    """Classifier that this one replaces: with its cameras, classes and settings, and the next version."""
    trunk_weights: str | None = None
    """File or URL of the trunk's weights; none means those that come with HandsOn."""
    seed: int = 0
    """Seed of initial weights, looks and batches."""
    device: tyro.conf.OmitArgPrefixes[DeviceConfig] = field(default_factory=DeviceConfig)
    """Where it is computed."""
    vision: VisionConfig = field(default_factory=lambda: VisionConfig(trunk_stages=2))
    looks: LooksConfig = field(default_factory=LooksConfig)
    fit: FitConfig = field(default_factory=FitConfig)

    def __post_init__(self) -> None:
        if not 0.0 < self.precision < 1.0:
            raise ConfigError(STAGE, f"precision is {self.precision:g}", "choose a share in (0, 1)")
        if self.unsure_seconds < 0 or self.seed < 0:
            raise ConfigError(
                STAGE,
                f"unsure_seconds is {self.unsure_seconds:g}, seed {self.seed}",
                "give at least 0 for both",
            )
        if self.most and (len(self.most) != len(self.classes) or min(self.most) < 1):
            raise ConfigError(
                STAGE,
                f"most is {self.most} and the classes are {', '.join(self.classes)}",
                "give one number for each class, at least 1",
            )
