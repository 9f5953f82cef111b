"""ClassifierSpec: all that rebuilds a reward classifier's network, and the cameras that it is bound to."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from shared.errors import ConfigError, InterfaceMismatch
from shared.interface import CropProfile, InterfaceSpec, ObservationEntry
from shared.policy.vision import VisionConfig, cameras

STAGE = "reward classifier"
MOST_CLASSES = 10
"""One key of the keyboard each."""


@dataclass(frozen=True, kw_only=True)
class Views:
    """The cameras that a classifier looks through: their pictures' shapes, and what crops cut out of them."""

    images: tuple[ObservationEntry, ...]
    crop_profiles: tuple[CropProfile, ...] = ()

    @classmethod
    def of(cls, interface: InterfaceSpec, names: Sequence[str] = ()) -> "Views":
        """Those of an interface, by the name of the entry or of its camera; all of them without names.

        Raises:
            ConfigError: there is no such camera, or none at all.
        """
        there = cameras(interface)
        chosen = tuple(name if name in there else f"{name}/image" for name in names) or there
        if missing := [name for name in chosen if name not in there]:
            cause = f"there is no camera {missing[0]!r}" if there else "nothing that is observed is a picture"
            raise ConfigError(STAGE, cause, f"choose of {', '.join(there) or 'a task with cameras'}")
        if not chosen:
            raise ConfigError(
                STAGE, "nothing that is observed is a picture", "choose cameras: --cameras front"
            )
        return cls(
            images=tuple(entry for entry in interface.observations if entry.name in chosen),
            crop_profiles=tuple(crop for crop in interface.crop_profiles if crop.entry in chosen),
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The image entries, in the interface's order."""
        return tuple(entry.name for entry in self.images)

    @property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits that change with any camera's name, size or crop."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()[:16]

    @property
    def interface(self) -> InterfaceSpec:
        """An interface of these cameras alone, as image encoders take it."""
        return InterfaceSpec(
            name="classifier",
            observations=self.images,
            actions=(),
            control_hz=1.0,
            crop_profiles=self.crop_profiles,
        )

    def describe(self) -> str:
        """One line: each camera with its size and crop."""
        crops = {crop.entry: crop for crop in self.crop_profiles}
        return ", ".join(_describe(entry, crops.get(entry.name)) for entry in self.images)


@dataclass(frozen=True, kw_only=True)
class ClassifierSpec:
    """The network of a classifier.

    Attributes:
        views: what it looks through.
        vision: its trunk, frozen, and the pooling of its heads.
        trunk_digest: names the trunk's weights.
        classes: names of what it tells apart; the first is that nothing has been reached.
        members: how many sets of heads there are, each trained without another part of the episodes.
        hidden: width of the layer that joins the cameras.
    """

    views: Views
    vision: VisionConfig
    trunk_digest: str
    classes: tuple[str, ...] = ("failure", "success")
    members: int = 5
    hidden: int = 64

    def __post_init__(self) -> None:
        if not 2 <= len(self.classes) <= MOST_CLASSES or len(set(self.classes)) < len(self.classes):
            raise ConfigError(
                STAGE, f"classes is {self.classes}", f"name 2 to {MOST_CLASSES}, each once, failure first"
            )
        if self.members < 1 or self.hidden < 1:
            raise ConfigError(
                STAGE, f"members is {self.members}, hidden {self.hidden}", "give at least 1 of each"
            )
        if not self.vision.frozen or self.vision.frame_stack != 1:
            raise ConfigError(
                STAGE,
                f"the trunk is {self.vision.trunk}, frame_stack {self.vision.frame_stack}",
                "choose a frozen trunk, and frame_stack 1: a success is seen in one moment",
            )

    def number(self, name: str) -> int:
        """Which output a class has; the last class where no name is given.

        Raises:
            ConfigError: there is no such class.
        """
        if not name:
            return len(self.classes) - 1
        if name not in self.classes:
            raise ConfigError(STAGE, f"there is no class {name!r}", f"choose of {', '.join(self.classes)}")
        return self.classes.index(name)


def require_views(theirs: Views, interface: InterfaceSpec, whose: str) -> None:
    """Refuse a world whose cameras are not those that the classifier was trained with, printing both.

    Raises:
        InterfaceMismatch: a camera is missing, or has another size or crop.
    """
    there = cameras(interface)
    known = [name for name in theirs.names if name in there]
    mine = Views.of(interface, known) if known else None
    if mine is not None and mine.fingerprint == theirs.fingerprint:
        return
    shown = Views.of(interface).describe() if there else "no cameras"
    raise InterfaceMismatch(
        STAGE,
        f"{whose} looks through other cameras than those of {interface.name}\n"
        f"  classifier: {theirs.describe()}\n  this world: {shown}",
        "use the cameras, sizes and crops that it was trained with, or record and train another",
    )


def _describe(entry: ObservationEntry, crop: CropProfile | None) -> str:
    size = f"{entry.name} {entry.shape[0]}x{entry.shape[1]}"
    if crop is None:
        return size
    box = f"{crop.height}x{crop.width} at row {crop.top}, column {crop.left}"
    return f"{size} (crop {crop.version}: {box})"
