"""Labelled frames out of episode files: which class each belongs to, and which episode it is from."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shared.episodes import Episode, EpisodeFile, group_episodes, read_episodes
from shared.errors import ConfigError, InterfaceMismatch
from shared.labels import OPERATOR, label_of
from shared.policy.classifier.spec import Views
from shared.step import Observation

STAGE = "labelled frames"
UNKNOWN = -1

Integers = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class LabelledFrames:
    """N frames of each camera.

    Attributes:
        views: the cameras.
        frames: (N, H, W, 3) uint8 by image entry.
        labels: (N,) class numbers.
        episodes: (N,) numbers of the episodes that they are from.
    """

    views: Views
    frames: dict[str, NDArray[np.uint8]]
    labels: Integers
    episodes: Integers

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def digest(self) -> str:
        """Names these very frames with their labels: SHA-256 in hexadecimal."""
        digest = hashlib.sha256(self.views.fingerprint.encode())
        for array in (self.labels, self.episodes, *self.frames.values()):
            digest.update(np.ascontiguousarray(array).view(np.uint8).reshape(-1).data)
        return digest.hexdigest()

    def take(self, rows: Integers) -> "LabelledFrames":
        """Some of them."""
        frames = {name: array[rows] for name, array in self.frames.items()}
        return replace(self, frames=frames, labels=self.labels[rows], episodes=self.episodes[rows])

    def at_most(self, most: Sequence[int], rng: np.random.Generator) -> "LabelledFrames":
        """So many of each class at most, drawn evenly; all of them where `most` is empty."""
        if not most:
            return self
        kept = [self._some(number, limit, rng) for number, limit in enumerate(most)]
        return self.take(np.sort(np.concatenate(kept)))

    def _some(self, number: int, limit: int, rng: np.random.Generator) -> Integers:
        rows = np.flatnonzero(self.labels == number)
        return rows if len(rows) <= limit else rng.choice(rows, limit, replace=False)


def load(places: Sequence[Path], cameras: Sequence[str], unsure_seconds: float) -> LabelledFrames:
    """All labelled frames of files, and of the files of directories.

    Args:
        cameras: which to look through; none for all.
        unsure_seconds: frames so long before a person's label changes are left out.

    Raises:
        ConfigError: there is no such place, no camera, or nothing labelled.
        InterfaceMismatch: two files show different cameras, sizes or crops.
        EpisodeFileError: a file is damaged or foreign.
    """
    files = [read_episodes(path) for path in _files(places)]
    views = _views(files, cameras)
    rows: list[tuple[Observation, int, int]] = []
    number = 0
    for file in files:
        unsure = round(unsure_seconds * file.interface.control_hz)
        for episode in group_episodes(file.records()):
            rows += [(seen, label, number) for seen, label in _labelled(episode, unsure)]
            number += 1
    if not rows:
        raise ConfigError(
            STAGE, f"nothing in {_named(places)} is labelled", "record with handson classifier record"
        )
    return LabelledFrames(
        views=views,
        frames={n: np.stack([np.asarray(seen[n], np.uint8) for seen, _, _ in rows]) for n in views.names},
        labels=np.array([label for _, label, _ in rows], np.int64),
        episodes=np.array([episode for _, _, episode in rows], np.int64),
    )


def _files(places: Sequence[Path]) -> list[Path]:
    found: list[Path] = []
    for place in places:
        inside = sorted(place.glob("*.mcap")) if place.is_dir() else [place]
        if not inside or not inside[0].exists():
            raise ConfigError(STAGE, f"{place} holds no episode file", "name what classifier record wrote")
        found += inside
    return found


def _views(files: Sequence[EpisodeFile], cameras: Sequence[str]) -> Views:
    first = Views.of(files[0].interface, cameras)
    for file in files[1:]:
        other = Views.of(file.interface, cameras)
        if other.fingerprint != first.fingerprint:
            raise InterfaceMismatch(
                STAGE,
                f"two files show different things\n  {files[0].path}: {first.describe()}\n"
                f"  {file.path}: {other.describe()}",
                "train from files of the same cameras, sizes and crops",
            )
    return first


def _labelled(episode: Episode, unsure: int) -> Iterator[tuple[Observation, int]]:
    """(observation, class) of each frame that is labelled for sure: what each step led to."""
    steps = [record.step for record in episode.steps]
    labels = _sure_labels([label_of(step) for step in steps], unsure)
    for i, (step, label) in enumerate(zip(steps, labels, strict=True)):
        follows = (
            i + 1 < len(steps) and episode.steps[i + 1].identity.step == episode.steps[i].identity.step + 1
        )
        seen = steps[i + 1].observation if follows else step.final_observation
        if label != UNKNOWN and seen is not None:
            yield seen, label


def _sure_labels(said: Sequence[tuple[int, str] | None], unsure: int) -> list[int]:
    """The classes; unknown where nothing was said, and just before a person changed their mind."""
    labels = [UNKNOWN if each is None else each[0] for each in said]
    for i in range(1, len(said)):
        now, before = said[i], said[i - 1]
        if now is not None and before is not None and now[1] == OPERATOR and now[0] != before[0]:
            labels[max(0, i - unsure) : i] = [UNKNOWN] * min(unsure, i)
    return labels


def _named(places: Sequence[Path]) -> str:
    return ", ".join(map(str, places))
