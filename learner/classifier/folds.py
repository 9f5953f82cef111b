"""Folds: which episodes each member is trained without. Episodes, never frames: neighbours look alike."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from shared.errors import ConfigError

STAGE = "classifier training"
LEAST_FRAMES = 10

Integers = NDArray[np.int64]


def split(
    labels: Integers, episodes: Integers, classes: Sequence[str], members: int, rng: np.random.Generator
) -> Integers:
    """The fold (N,) of each frame; there are `folds.max() + 1`, fewer than asked for where episodes are few.

    Every fold has episodes of every class, as evenly as whole episodes allow.

    Raises:
        ConfigError: a class is missing, unnamed, has too few frames, or is in one episode only.
    """
    counts = _counts(labels, episodes, classes)
    count = min(members, int((counts > 0).sum(axis=0).min()))
    order = rng.permutation(len(counts))
    rarest = np.argsort((counts > 0).sum(axis=0), kind="stable")
    # Episodes with the rarest class are dealt out first, then those with the next.
    ranked = sorted(order, key=lambda episode: [-int(counts[episode, c] > 0) for c in rarest])
    fold_of = np.zeros(len(counts), np.int64)
    for place, episode in enumerate(ranked):
        fold_of[episode] = place % count
    _spread(fold_of, counts, count)
    _, dense = np.unique(episodes, return_inverse=True)
    return fold_of[dense]


def _spread(fold_of: Integers, counts: Integers, folds: int) -> None:
    """No class lies in one fold alone: its member would have nothing to learn it from."""
    for present in (counts > 0).T:
        inside = np.flatnonzero(present)
        if len(set(fold_of[inside])) == 1:
            fold_of[inside[0]] = (fold_of[inside[0]] + 1) % folds


def _counts(labels: Integers, episodes: Integers, classes: Sequence[str]) -> Integers:
    """Frames of each class in each episode, (episodes, classes), checked."""
    if int(labels.max()) >= len(classes) or int(labels.min()) < 0:
        raise ConfigError(
            STAGE,
            f"frames are labelled {int(labels.max())}, and there are {len(classes)} classes",
            f"name a class for each: --classes {' '.join(classes)} ...",
        )
    ids, dense = np.unique(episodes, return_inverse=True)
    counts = np.zeros((len(ids), len(classes)), np.int64)
    np.add.at(counts, (dense, labels), 1)
    for number, name in enumerate(classes):
        _require_enough(name, int(counts[:, number].sum()), int((counts[:, number] > 0).sum()))
    return counts


def _require_enough(name: str, frames: int, episodes: int) -> None:
    if frames < LEAST_FRAMES:
        raise ConfigError(
            STAGE,
            f"there are {frames} frames of the class {name!r}",
            f"record at least {LEAST_FRAMES}; 200 successes and 1,000 others are a good beginning",
        )
    if episodes < 2:
        raise ConfigError(
            STAGE,
            f"all {frames} frames of the class {name!r} are of one episode, so none can be held out",
            "record at least two episodes with it, better ten",
        )
