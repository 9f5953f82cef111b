"""Random shifts: what they do to a frame, how they are distributed, and what they do not depend on."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learner.agents.augmentation import AugmentationConfig, shift, shift_all
from shared.errors import ConfigError

SAMPLES, PAD = 4000, 2
SIDE = 2 * PAD + 1


def marked(samples: int, size: int = 9) -> np.ndarray:
    """(B, 1, H, W, 3): each pixel says its row and column."""
    rows, columns = np.meshgrid(np.arange(size), np.arange(size), indexing="ij")
    frame = np.stack([rows, columns, np.zeros_like(rows)], axis=-1).astype(np.uint8)
    return np.broadcast_to(frame, (samples, 1, *frame.shape))


def offsets_of(shifted: jax.Array) -> np.ndarray:
    """(B, 2): where the crop's corner was, seen at the middle of a marked frame."""
    return np.asarray(shifted)[:, 0, 4, 4, :2].astype(int) - 4 + PAD


@pytest.fixture(scope="module")
def drawn() -> tuple[np.ndarray, np.ndarray]:
    frames = {"front/image": marked(SAMPLES), "wrist/image": marked(SAMPLES)}
    shifted = jax.jit(lambda key: shift_all(key, frames, PAD))(jax.random.key(0))
    return offsets_of(shifted["front/image"]), offsets_of(shifted["wrist/image"])


def chi_squared(a: np.ndarray, b: np.ndarray, cells: int) -> float:
    """Against uniformity and independence at once; about n = cells^2 - 1, give or take sqrt(2 n)."""
    counts = np.bincount(a * cells + b, minlength=cells * cells)
    expected = len(a) / cells**2
    return float(np.sum(np.square(counts - expected)) / expected)


def test_offsets_are_uniform_over_the_whole_square(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    for offsets in drawn:
        assert (offsets.min(), offsets.max()) == (0, 2 * PAD)
        assert chi_squared(offsets[:, 0], offsets[:, 1], SIDE) < 24 + 5 * np.sqrt(48)


def test_samples_and_cameras_are_shifted_independently(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    front, wrist = (offsets @ [SIDE, 1] for offsets in drawn)
    cells = SIDE**2
    limit = cells**2 - 1 + 5 * np.sqrt(2 * (cells**2 - 1))
    assert chi_squared(front, wrist, cells) < limit
    assert chi_squared(front[:-1], front[1:], cells) < limit


def test_another_key_draws_others_and_the_same_the_same() -> None:
    frames = {"front/image": marked(50)}
    one, same, other = (shift_all(jax.random.key(k), frames, PAD)["front/image"] for k in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_frames_of_one_stack_move_alike() -> None:
    frames = np.broadcast_to(marked(20), (20, 3, 9, 9, 3))
    shifted = np.asarray(shift_all(jax.random.key(3), {"front/image": frames}, PAD)["front/image"])
    assert len(np.unique(shifted[:, 0], axis=0)) > 5
    np.testing.assert_array_equal(shifted[:, 0], shifted[:, 1])
    np.testing.assert_array_equal(shifted[:, 0], shifted[:, 2])


@settings(max_examples=15, deadline=None)
@given(
    height=st.integers(1, 7), width=st.integers(1, 7), pad=st.integers(0, 5), seed=st.integers(0, 2**31 - 1)
)
def test_shifting_is_padding_with_the_edge_and_cropping(height: int, width: int, pad: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    frames = rng.integers(0, 256, (3, 2, height, width, 3), np.uint8)
    offsets = rng.integers(0, 2 * pad + 1, (3, 2))
    padded = np.pad(frames, ((0, 0), (0, 0), (pad, pad), (pad, pad), (0, 0)), mode="edge")
    expected = [
        padded[i, :, down : down + height, right : right + width] for i, (down, right) in enumerate(offsets)
    ]
    shifted = shift(jnp.asarray(frames), jnp.asarray(offsets), pad)
    assert shifted.dtype == jnp.uint8
    np.testing.assert_array_equal(shifted, np.stack(expected))


def test_no_pad_and_the_middle_change_nothing() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (4, 1, 6, 5, 3), np.uint8)
    np.testing.assert_array_equal(
        shift_all(jax.random.key(0), {"front/image": frames}, 0)["front/image"], frames
    )
    np.testing.assert_array_equal(shift(jnp.asarray(frames), jnp.full((4, 2), 4), 4), frames)


@pytest.mark.parametrize("wrong", [{"pad": -1}, {"target_shifts": 0}, {"value_shifts": 0}])
def test_settings_out_of_range_are_refused(wrong: dict[str, int]) -> None:
    name, value = next(iter(wrong.items()))
    with pytest.raises(ConfigError, match=rf"(?s)augmentation.*{name} (is )?{value}.*at least 1"):
        AugmentationConfig(**wrong)
