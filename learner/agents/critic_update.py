"""The critics' side of SAC: U updates in one scan, each followed by its target networks' step."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from learner.agents.losses import bellman_target, global_norm
from learner.agents.networks import SACNetworks
from learner.agents.randomness import Purpose, key_of, keys_of
from learner.agents.state import Metrics, Parameters, SACState
from learner.agents.temperature import alpha_of
from learner.replay.batch import TransitionBatch


class Drawn(NamedTuple):
    """What updates need besides their minibatches, drawn for a whole slice at once: the policy stands still.

    Attributes:
        next_action: (S, B, A) from the policy at the next observations.
        entropy_bonus: (S, B) -alpha log pi(next_action), or zeros.
        members: (S, M) the target members of each update's minimum, without replacement.
    """

    next_action: jax.Array
    entropy_bonus: jax.Array
    members: jax.Array


def update_critics(
    networks: SACNetworks, state: SACState, batch: TransitionBatch
) -> tuple[SACState, jax.Array, Metrics]:
    """U critic updates.

    Returns:
        The new state; (U, B) the critics' mean value of each row's action, just before its update; metrics.
    """
    updates, batch_size = batch.reward.shape
    size = slice_size(updates, batch_size, networks.config.slice_rows)
    slices = jax.tree.map(lambda x: jnp.reshape(x, (updates // size, size, *x.shape[1:])), batch)

    def run_slice(state: SACState, batch: TransitionBatch) -> tuple[SACState, tuple[jax.Array, Metrics]]:
        drawn = draw(networks, state, batch)
        return jax.lax.scan(lambda s, xs: _update_once(networks, s, *xs), state, (batch, drawn))

    state, (data_q, metrics) = jax.lax.scan(run_slice, state, slices)
    return state, data_q.reshape(updates, batch_size), jax.tree.map(jnp.mean, metrics)


def slice_size(updates: int, batch_size: int, rows: int) -> int:
    """The largest divisor of `updates` whose minibatches hold at most `rows` rows together, at least 1."""
    fitting = (size for size in range(updates, 0, -1) if updates % size == 0 and size * batch_size <= rows)
    return next(fitting, 1)


def draw(networks: SACNetworks, state: SACState, batch: TransitionBatch) -> Drawn:
    """Next actions, their entropy and the ensemble subsets for the next S updates on (S, B) rows."""
    numbers = state.updates + jnp.arange(batch.reward.shape[0])
    distribution = networks.policy.distribution(state.policy, batch.next_observation)
    shape = distribution.mean.shape[1:]
    action_keys = keys_of(state.seed_key, Purpose.NEXT_ACTION, numbers)
    noise = jax.vmap(lambda key: jax.random.normal(key, shape))(action_keys)
    next_action, log_prob = distribution.squash(noise)
    entropy = -alpha_of(state.multiplier) * log_prob
    critic = networks.config.critic
    subset_keys = keys_of(state.seed_key, Purpose.SUBSET, numbers)
    orders = jax.vmap(lambda key: jax.random.permutation(key, critic.members))(subset_keys)
    return Drawn(
        next_action=next_action,
        entropy_bonus=entropy if networks.config.backup_entropy else jnp.zeros_like(entropy),
        members=orders[:, : critic.targets],
    )


def _update_once(
    networks: SACNetworks, state: SACState, batch: TransitionBatch, drawn: Drawn
) -> tuple[SACState, tuple[jax.Array, Metrics]]:
    """One gradient step on rows (B, ...), then the targets' step."""
    target = _target(networks, state, batch, drawn)
    key = key_of(state.seed_key, Purpose.DROPOUT, state.updates)

    def loss(critics: Parameters) -> tuple[jax.Array, jax.Array]:
        q = networks.q(critics, batch.observation, batch.action, key)
        return jnp.mean(jnp.square(q - target)), q

    (error, q), gradient = jax.value_and_grad(loss, has_aux=True)(state.critics)
    step, optimiser = networks.critic_optimiser.update(gradient, state.critic_optimiser, state.critics)
    critics = optax.apply_updates(state.critics, step)
    tau = networks.config.critic.tau
    state = state._replace(
        updates=state.updates + 1,
        critics=critics,
        target_critics=optax.incremental_update(critics, state.target_critics, tau),
        critic_optimiser=optimiser,
    )
    metrics = {
        "critic_loss": error,
        "critic_gradient_norm": global_norm(gradient),
        "q_mean": jnp.mean(q),
        "q_spread": jnp.mean(jnp.std(q, axis=0)),
        "q_target": jnp.mean(target),
    }
    return state, (jnp.mean(q, axis=0), metrics)


def _target(networks: SACNetworks, state: SACState, batch: TransitionBatch, drawn: Drawn) -> jax.Array:
    key = key_of(state.seed_key, Purpose.TARGET_DROPOUT, state.updates)
    q = networks.target_q(state.target_critics, batch.next_observation, drawn.next_action, drawn.members, key)
    target = bellman_target(batch.reward, batch.discount, q, drawn.entropy_bonus)
    critic = networks.config.critic
    return jnp.clip(target, critic.target_low, critic.target_high)
