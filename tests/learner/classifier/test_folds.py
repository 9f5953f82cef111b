"""Episodes are held out whole, and each member can learn every class."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from learner.classifier.folds import held_out_by
from shared.errors import ConfigError

CLASSES = ("no", "half", "done")


def recording(seed: int, episodes: int):
    """Labels and episodes in which every class has ten frames at least, in two episodes at least."""
    rng = np.random.default_rng(seed)
    rows = []
    for label in range(3):
        ids = rng.permutation(episodes)[: rng.integers(2, episodes + 1)]
        rows += [(episode, label) for episode in ids for _ in range(rng.integers(5, 9))]
    rows = rng.permutation(rows)
    return rows[:, 1], rows[:, 0]


@given(st.integers(0, 10_000), st.integers(3, 12), st.integers(3, 6), st.integers(1, 3))
def test_no_episode_is_split_and_no_member_lacks_a_class(seed, count, folds, repeats) -> None:
    labels, episodes = recording(seed, count)
    held_out = held_out_by(labels, episodes, CLASSES, folds, repeats, np.random.default_rng(seed))
    for held in held_out:
        assert held.any()
        assert not set(episodes[held]) & set(episodes[~held])
        assert set(labels[~held]) == {0, 1, 2}
    assert len(held_out) == repeats * min(folds, len(set(episodes)))
    assert (held_out.sum(axis=0) == repeats).all()


def test_episodes_with_the_rarest_class_are_dealt_out_evenly() -> None:
    episodes = np.repeat(np.arange(20), 10)
    labels = np.where((episodes % 2 == 0) & (np.arange(200) % 10 > 6), 1, 0)
    held_out = held_out_by(labels, episodes, ("no", "yes"), 5, 2, np.random.default_rng(0))
    assert [len(set(episodes[held & (labels == 1)])) for held in held_out] == [2] * 10


@pytest.mark.parametrize(
    ("labels", "episodes", "named"),
    [
        ([0] * 30, range(30), "0 frames of the class 'yes'"),
        ([1] * 30, range(30), "0 frames of the class 'no'"),
        ([0] * 20 + [1] * 9, range(29), "9 frames of the class 'yes'"),
        ([0] * 20 + [1] * 10, [0] * 30, "of one episode"),
        ([0] * 20 + [1] * 10, [*range(20), *[20] * 10], "'yes' are of one episode"),
        ([0] * 20 + [1] * 10 + [2], range(31), "--classes no yes"),
    ],
)
def test_what_cannot_be_held_out_is_refused_with_what_to_record(labels, episodes, named) -> None:
    with pytest.raises(ConfigError, match=named):
        held_out_by(np.array(labels), np.array(list(episodes)), ("no", "yes"), 5, 1, np.random.default_rng(0))


def test_what_two_members_cannot_share_is_refused() -> None:
    """Three classes, each pair of them in one episode: of two halves one always holds all of a class."""
    labels = np.repeat([0, 1, 1, 2, 2, 0], 5)
    with pytest.raises(ConfigError, match="cannot be dealt"):
        held_out_by(labels, np.repeat([0, 0, 1, 1, 2, 2], 5), CLASSES, 2, 1, np.random.default_rng(0))
