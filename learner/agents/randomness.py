"""Random keys by counting: each is a function of the seed, its purpose and a number, not of what came before.

So a run that was stopped and resumed draws what it would have drawn.
"""

from enum import IntEnum

import jax


class Purpose(IntEnum):
    """What a key is for: keys of different purposes never coincide. Changing a number changes every run."""

    NEXT_ACTION = 0
    SUBSET = 1
    POLICY_ACTION = 2
    DROPOUT = 3
    TARGET_DROPOUT = 4
    POLICY_DROPOUT = 5
    SHIFT = 6
    NEXT_SHIFT = 7
    POLICY_SHIFT = 8
    CLONING_SHIFT = 9
    GOAL_CLASSIFIER = 10
    GOAL_SHIFT = 11


def key_of(seed_key: jax.Array, purpose: Purpose, number: jax.Array) -> jax.Array:
    """The key for the update with this number; `seed_key` is (2,) uint32 key data."""
    key = jax.random.wrap_key_data(seed_key)
    return jax.random.fold_in(jax.random.fold_in(key, int(purpose)), number)


def keys_of(seed_key: jax.Array, purpose: Purpose, numbers: jax.Array) -> jax.Array:
    """`key_of` for each of `numbers` (S,)."""
    return jax.vmap(lambda number: key_of(seed_key, purpose, number))(numbers)
