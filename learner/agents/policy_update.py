"""The policy's side of SAC: one step of the policy and one of its temperature, demonstrations included."""

import jax
import jax.numpy as jnp
import optax

from learner.agents.cloning import cloning_error, cloning_rows, cloning_weight, squared_error
from learner.agents.config import CloningConfig
from learner.agents.constraint import constrained, root_mean_square
from learner.agents.losses import global_norm, mean_where
from learner.agents.networks import SACNetworks
from learner.agents.randomness import Purpose, key_of
from learner.agents.state import Metrics, Parameters, SACState
from learner.agents.temperature import alpha_of, update_temperature
from learner.replay.batch import TransitionBatch
from shared.policy.distributions import TanhNormal

SATURATED = 0.98
"""An action element beyond this counts as saturated."""


def update_policy(
    networks: SACNetworks,
    state: SACState,
    rows: TransitionBatch,
    data_q: jax.Array,
    trunk: Parameters | None = None,
) -> tuple[SACState, Metrics]:
    """One policy and one temperature update on rows (N, ...); `data_q` (N,) values their own actions."""
    key = key_of(state.seed_key, Purpose.POLICY_SHIFT, state.updates)
    rows = rows._replace(observation=networks.sight.look(trunk, rows.observation, key))
    state, watched = update_constraint(networks, state, rows)

    def loss(policy: Parameters) -> tuple[jax.Array, Metrics]:
        return policy_loss(networks, policy, state, rows, data_q)

    (_, metrics), gradient = jax.value_and_grad(loss, has_aux=True)(state.policy)
    step, optimiser = networks.policy_optimiser.update(gradient, state.policy_optimiser, state.policy)
    metrics["policy_gradient_norm"] = global_norm(gradient)
    moved = state._replace(policy=optax.apply_updates(state.policy, step), policy_optimiser=optimiser)
    moved = update_temperature(networks, moved, metrics["entropy"])
    if networks.config.policy_after_updates:
        begun = state.updates > networks.config.policy_after_updates
        moved = jax.tree.map(lambda new, old: jnp.where(begun, new, old), moved, state)
    return moved, metrics | watched


def update_constraint(
    networks: SACNetworks, state: SACState, rows: TransitionBatch
) -> tuple[SACState, Metrics]:
    """One step of the intervention constraint on rows that were looked at, where it is on."""
    if networks.constraint is None:
        return state, {}
    policy = networks.act(state.policy, state.critics, rows.observation)
    constraint, metrics = networks.constraint.update(state.constraint, rows, policy)
    return state._replace(constraint=constraint), metrics


def policy_loss(
    networks: SACNetworks, policy: Parameters, state: SACState, rows: TransitionBatch, data_q: jax.Array
) -> tuple[jax.Array, Metrics]:
    """The loss of these policy parameters on rows that were looked at, and metrics.

    mean(alpha log pi(a|s) - mean over members of Q(s, a)) / scale + weight * cloning error, with a drawn from
    the policy by reparametrisation. The critics' mean, not their minimum, as in REDQ. The intervention
    constraint, where it is on, acts on the scaled loss of each row.
    """
    distribution = networks.act(policy, state.critics, rows.observation)
    key = key_of(state.seed_key, Purpose.POLICY_ACTION, state.updates)
    action, log_prob = distribution.squash(jax.random.normal(key, distribution.mean.shape))
    dropout_key = key_of(state.seed_key, Purpose.POLICY_DROPOUT, state.updates)
    q = jnp.mean(networks.q(state.critics, rows.observation, action, dropout_key), axis=0)
    alpha = alpha_of(state.multiplier)
    by_row = alpha * log_prob - q
    loss = jnp.mean(by_row)
    metrics = {
        "policy_loss": loss,
        "entropy": -jnp.mean(log_prob),
        "alpha": alpha,
        "policy_std": jnp.mean(distribution.std),
        "saturation": jnp.mean(jnp.abs(action) > SATURATED),
        "q_policy": jnp.mean(q),
    }
    metrics |= _demo_metrics(distribution, rows, q, data_q)
    config = networks.config.cloning
    if config.active or networks.constraint is not None:
        metrics["q_scale"] = scale = q_scale(config, q)
        loss = loss / scale
        if networks.constraint is not None:
            multiplier, expert = networks.constraint.judge(state.constraint, rows.observation)
            distance = root_mean_square(distribution.mode() - expert)
            loss = constrained(by_row / scale, multiplier, distance)
    if not config.active:
        return loss, metrics
    return _with_cloning(config, state, rows, distribution, loss, q, data_q, metrics)


def q_scale(config: CloningConfig, q: jax.Array) -> jax.Array:
    """(): what the loss is divided by so that other terms' weights keep their meaning as values grow."""
    scale = jnp.maximum(jnp.mean(jnp.abs(jax.lax.stop_gradient(q))), config.q_floor)
    return scale if config.normalise_q else jnp.ones_like(scale)


def _demo_metrics(
    distribution: TanhNormal, rows: TransitionBatch, q: jax.Array, data_q: jax.Array
) -> Metrics:
    """Where a person or a script chose: how the critics rank those actions against the policy's."""
    error = squared_error(distribution, rows.action)
    return {
        "demo_rows": jnp.mean(rows.imitate),
        "q_demo_data": mean_where(data_q, rows.imitate),
        "q_demo_policy": mean_where(q, rows.imitate),
        "demo_action_error": mean_where(error, rows.imitate),
    }


def _with_cloning(
    config: CloningConfig,
    state: SACState,
    rows: TransitionBatch,
    distribution: TanhNormal,
    loss: jax.Array,
    q: jax.Array,
    data_q: jax.Array,
    metrics: Metrics,
) -> tuple[jax.Array, Metrics]:
    kept = cloning_rows(config, rows)
    kept = kept * (data_q > q) if config.q_filter else kept
    error = mean_where(cloning_error(config, distribution, rows.action), kept)
    weight = cloning_weight(config, state.updates)
    metrics |= {
        "cloning_loss": error,
        "cloning_weight": weight,
        "cloning_rows": jnp.mean(kept),
    }
    return loss + weight * error, metrics
