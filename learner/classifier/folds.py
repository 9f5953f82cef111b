"""Which episodes each member is trained without. Episodes, never frames: neighbours look alike."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from shared.errors import ConfigError

STAGE = "classifier training"
LEAST_FRAMES = 10
DEALS = 100

Integers = NDArray[np.int64]


def held_out_by(
    labels: Integers,
    episodes: Integers,
    classes: Sequence[str],
    folds: int,
    repeats: int,
    rng: np.random.Generator,
) -> NDArray[np.bool_]:
    """Which frames each member is trained without, (repeats x folds, N); fewer folds where episodes are few.

    In each repeat every episode is held out by one member. The episodes with the rarest class are dealt out
    first, so that every fold has its share of them. No class lies in one fold alone: the member that is
    trained without it would not know the class.

    Raises:
        ConfigError: a class is missing, unnamed, has too few frames, or is in too few episodes.
    """
    present = _counts(labels, episodes, classes) > 0
    count = min(folds, len(present))
    _, dense = np.unique(episodes, return_inverse=True)
    dealt = [_sound_deal(present, count, rng)[dense] for _ in range(repeats)]
    return np.concatenate([fold_of == np.arange(count)[:, None] for fold_of in dealt])


def _sound_deal(present: NDArray[np.bool_], count: int, rng: np.random.Generator) -> Integers:
    for _ in range(DEALS):
        fold_of = _deal(present, count, rng)
        if all(len(set(fold_of[inside])) > 1 for inside in present.T):
            return fold_of
    raise ConfigError(
        STAGE,
        f"{len(present)} episodes cannot be dealt to {count} members so that each knows every class",
        "record more episodes, in which the classes come together",
    )


def _deal(present: NDArray[np.bool_], count: int, rng: np.random.Generator) -> Integers:
    """The fold of each episode, from which classes it shows (episodes, classes)."""
    rarest = np.argsort(present.sum(axis=0), kind="stable")
    ranked = sorted(rng.permutation(len(present)), key=lambda e: [not present[e, c] for c in rarest])
    fold_of = np.zeros(len(present), np.int64)
    fold_of[ranked] = np.arange(len(present)) % count
    return fold_of


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
