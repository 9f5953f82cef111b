"""The equations of SAC and of cloning, as functions of arrays. `docs/algorithms.md` derives them."""

import jax
import jax.numpy as jnp

from learner.agents.config import CloningConfig
from shared.policy.distributions import TanhNormal


def bellman_target(
    reward: jax.Array, discount: jax.Array, target_q: jax.Array, entropy_bonus: jax.Array | float
) -> jax.Array:
    """(B,): r + discount * (min over members of Q' + bonus); the bonus is -alpha log pi(a'|s') or 0.

    Minimum over the members given: all (clipped double Q, Fujimoto et al. 2018) or a random subset (REDQ,
    Chen et al. 2021). Value and entropy are both discounted, and neither counts where the world ended.
    """
    return reward + discount * (jnp.min(target_q, axis=0) + entropy_bonus)


def alpha_of(multiplier: jax.Array) -> jax.Array:
    """The temperature: a Lagrange multiplier kept positive by softplus."""
    return jax.nn.softplus(multiplier)


def multiplier_of(alpha: float) -> jax.Array:
    """The multiplier whose softplus is `alpha`."""
    return jnp.log(jnp.expm1(jnp.float32(alpha)))


def temperature_loss(multiplier: jax.Array, entropy: jax.Array, target_entropy: float) -> jax.Array:
    """alpha * (entropy - target): descending raises alpha while entropy is below its target."""
    return alpha_of(multiplier) * (entropy - target_entropy)


def cloning_error(config: CloningConfig, distribution: TanhNormal, action: jax.Array) -> jax.Array:
    """(B,): squared distance of the mean action, negative log-likelihood, or their mixture."""
    squared = jnp.sum(jnp.square(distribution.mode() - action), axis=-1)
    if config.nll_share == 0:
        return squared
    return (1 - config.nll_share) * squared - config.nll_share * distribution.log_prob(action)


def cloning_weight(config: CloningConfig, updates: jax.Array) -> jax.Array:
    """(): the annealed weight after so many critic updates."""
    done = jnp.minimum(updates.astype(jnp.float32) / config.anneal_updates, 1.0)
    return config.weight_start + (config.weight_end - config.weight_start) * done


def mean_where(values: jax.Array, mask: jax.Array) -> jax.Array:
    """(): mean of `values` where `mask` is 1; 0 where there is nothing."""
    return jnp.sum(values * mask) / jnp.maximum(jnp.sum(mask), 1.0)
