"""Behaviour cloning: what demonstrations add to the policy's loss, and initialisation by that alone."""

import jax
import jax.numpy as jnp
import optax

from learner.agents.config import CloningConfig
from learner.agents.losses import annealed, global_norm, imitation_weight, mean_where
from learner.agents.networks import SACNetworks
from learner.agents.randomness import Purpose, key_of
from learner.agents.state import Metrics, Parameters, SACState
from learner.replay.batch import TransitionBatch
from shared.policy.distributions import TanhNormal


def squared_error(distribution: TanhNormal, action: jax.Array) -> jax.Array:
    """(N,): squared distance between the greedy action and `action` (N, A)."""
    return jnp.sum(jnp.square(distribution.mode() - action), axis=-1)


def cloning_error(config: CloningConfig, distribution: TanhNormal, action: jax.Array) -> jax.Array:
    """(N,): squared error of the greedy action, negative log-likelihood of `action`, or their mixture."""
    error = (1.0 - config.nll_share) * squared_error(distribution, action)
    if not config.nll_share:
        return error
    limit = config.action_limit
    return error - config.nll_share * distribution.log_prob(jnp.clip(action, -limit, limit))


def cloning_rows(config: CloningConfig, rows: TransitionBatch) -> jax.Array:
    """(N,): how much each row counts in the mean of cloning errors."""
    weight = imitation_weight(rows.imitate, rows.intervention, config.intervention_weight)
    return weight * jnp.any(rows.action != 0, axis=-1) if config.skip_still else weight


def cloning_weight(config: CloningConfig, updates: jax.Array) -> jax.Array:
    """(): the annealed weight after so many critic updates."""
    return annealed(config.weight_start, config.weight_end, config.anneal_updates, updates)


def imitate(
    networks: SACNetworks, state: SACState, batch: TransitionBatch, trunk: Parameters | None = None
) -> tuple[SACState, Metrics]:
    """U updates of what acts alone on the rows that `batch.imitate` marks, by the cloning optimisers.

    The policy's own optimiser does not see them: cloning's small last gradients would make its first steps
    of practice too long. Where there are cameras, the critics begin with the encoder that has learned to see
    here, whether or not they share it from then on.
    """

    def once(state: SACState, rows: TransitionBatch) -> tuple[SACState, Metrics]:
        key = key_of(state.seed_key, Purpose.CLONING_SHIFT, state.imitations)
        seen = networks.sight.look(trunk, rows.observation, key)

        def loss(policy: Parameters) -> tuple[jax.Array, jax.Array]:
            distribution = networks.policy.distribution(policy, seen, networks.sight.vector(policy, seen))
            error = cloning_error(networks.config.cloning, distribution, rows.action)
            squared = mean_where(squared_error(distribution, rows.action), rows.imitate)
            return mean_where(error, cloning_rows(networks.config.cloning, rows)), squared

        (error, squared), gradient = jax.value_and_grad(loss, has_aux=True)(state.policy)
        step, optimiser = networks.cloning_optimiser.update(gradient, state.cloning_optimiser, state.policy)
        state = state._replace(
            policy=optax.apply_updates(state.policy, step),
            cloning_optimiser=optimiser,
            imitations=state.imitations + 1,
        )
        metrics = {
            "cloning_loss": error,
            "demo_action_error": squared,
            "policy_gradient_norm": global_norm(gradient),
        }
        if networks.gripper is not None:
            state, of_gripper = networks.gripper.imitate(state, rows, seen)
            metrics |= of_gripper
        return state, metrics

    state, metrics = jax.lax.scan(once, state, batch)
    if networks.sight.cameras:
        eyes = {"encoder": state.policy["encoder"]}
        state = state._replace(critics=state.critics | eyes, target_critics=state.target_critics | eyes)
    return state, jax.tree.map(jnp.mean, metrics)
