"""What SAC's losses are made of, as functions of arrays. `docs/algorithms.md` has the equations."""

from typing import Any

import jax
import jax.numpy as jnp


def bellman_target(
    reward: jax.Array, discount: jax.Array, target_q: jax.Array, entropy_bonus: jax.Array
) -> jax.Array:
    """(B,): r + discount * (min over members of Q' + bonus); the bonus is -alpha log pi(a'|s') or 0.

    The minimum is over the members given: all (clipped double Q, Fujimoto et al. 2018) or a random subset
    (REDQ, Chen et al. 2021). Value and entropy are both discounted; neither counts where the world ended.
    """
    return reward + discount * (jnp.min(target_q, axis=0) + entropy_bonus)


def annealed(start: float, end: float, duration: int, updates: jax.Array) -> jax.Array:
    """(): linear from `start` to `end` over the first `duration` critic updates, then `end`."""
    done = jnp.minimum(updates.astype(jnp.float32) / duration, 1.0)
    return start + (end - start) * done


def imitation_weight(imitate: jax.Array, intervention: jax.Array, of_intervention: float) -> jax.Array:
    """(N,): how much rows count in cloning: 1 where somebody demonstrated, else that of corrections."""
    return imitate * jnp.where(intervention > 0, of_intervention, 1.0)


def mean_where(values: jax.Array, mask: jax.Array) -> jax.Array:
    """(): mean of `values` where `mask` is 1; 0 where there is nothing."""
    return jnp.sum(values * mask) / jnp.maximum(jnp.sum(mask), 1.0)


def global_norm(gradient: Any) -> jax.Array:
    """(): Euclidean norm over all leaves; by dot products, which keep squares out of memory."""
    return jnp.sqrt(sum(jnp.vdot(leaf, leaf) for leaf in jax.tree.leaves(gradient)))
