"""The critics' side of SAC: U updates in one scan, each followed by its target networks' step."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from learner.agents.losses import bellman_target, global_norm
from learner.agents.networks import Observation, SACNetworks
from learner.agents.randomness import Purpose, key_of, keys_of
from learner.agents.state import Metrics, Parameters, SACState
from learner.agents.temperature import alpha_of
from learner.replay.batch import TransitionBatch


class Drawn(NamedTuple):
    """What updates need besides their minibatches, drawn for a whole slice at once: the policy stands still.

    Attributes:
        next_action: (S, B, A) from the policy at the next observations.
        entropy_bonus: (S, B) -alpha log pi(next_action), or zeros.
    """

    next_action: jax.Array
    entropy_bonus: jax.Array


class Views(NamedTuple):
    """What the networks see of S minibatches: every shift of DrQ's M and K, one of each without cameras.

    Attributes:
        observations: M of them, entries (S, B, ...).
        next_observations: K of them.
        drawn: for each of the K.
        members: (S, targets) members of each target's minimum, without replacement.
    """

    observations: tuple[Observation, ...]
    next_observations: tuple[Observation, ...]
    drawn: tuple[Drawn, ...]
    members: jax.Array


def update_critics(
    networks: SACNetworks, state: SACState, batch: TransitionBatch, trunk: Parameters | None = None
) -> tuple[SACState, jax.Array, Metrics]:
    """U critic updates; `trunk` holds the frozen trunk's weights where batches hold frames.

    Returns:
        The new state; (U, B) the critics' mean value of each row's action, just before its update; metrics.
    """
    updates, batch_size = batch.reward.shape
    rows = batch_size if networks.sight.cameras else networks.config.slice_rows
    size = slice_size(updates, batch_size, rows)
    slices = jax.tree.map(lambda x: jnp.reshape(x, (updates // size, size, *x.shape[1:])), batch)

    def run_slice(state: SACState, batch: TransitionBatch) -> tuple[SACState, tuple[jax.Array, Metrics]]:
        views = view(networks, state, batch, trunk)
        return jax.lax.scan(lambda s, xs: _update_once(networks, s, *xs), state, (batch, views))

    state, (data_q, metrics) = jax.lax.scan(run_slice, state, slices)
    return state, data_q.reshape(updates, batch_size), jax.tree.map(jnp.mean, metrics)


def slice_size(updates: int, batch_size: int, rows: int) -> int:
    """The largest divisor of `updates` whose minibatches hold at most `rows` rows together, at least 1."""
    fitting = (size for size in range(updates, 0, -1) if updates % size == 0 and size * batch_size <= rows)
    return next(fitting, 1)


def view(networks: SACNetworks, state: SACState, batch: TransitionBatch, trunk: Parameters | None) -> Views:
    """What the next S updates see of their rows (S, B), and what is drawn for them."""
    numbers = state.updates + jnp.arange(batch.reward.shape[0])
    critic, augmentation = networks.config.critic, networks.config.augmentation
    cameras = networks.sight.cameras
    look = partial(_look, networks, state, trunk, numbers)
    after = tuple(
        look(batch.next_observation, Purpose.NEXT_SHIFT, k)
        for k in range(augmentation.target_shifts if cameras else 1)
    )
    subset_keys = keys_of(state.seed_key, Purpose.SUBSET, numbers)
    orders = jax.vmap(lambda key: jax.random.permutation(key, critic.members))(subset_keys)
    return Views(
        observations=tuple(
            look(batch.observation, Purpose.SHIFT, m)
            for m in range(augmentation.value_shifts if cameras else 1)
        ),
        next_observations=after,
        drawn=tuple(draw(networks, state, seen, numbers, k) for k, seen in enumerate(after)),
        members=orders[:, : critic.targets],
    )


def _look(
    networks: SACNetworks,
    state: SACState,
    trunk: Parameters | None,
    numbers: jax.Array,
    observation: Observation,
    purpose: Purpose,
    which: int,
) -> Observation:
    keys = jax.vmap(lambda key: jax.random.fold_in(key, which))(keys_of(state.seed_key, purpose, numbers))
    return jax.vmap(lambda rows, key: networks.sight.look(trunk, rows, key))(observation, keys)


def draw(
    networks: SACNetworks, state: SACState, seen: Observation, numbers: jax.Array, which: int = 0
) -> Drawn:
    """Next actions and their entropy for the updates `numbers` (S,) on next observations (S, B)."""
    distribution = networks.act(state.policy, state.critics, seen)
    shape = distribution.mean.shape[1:]
    keys = keys_of(state.seed_key, Purpose.NEXT_ACTION, numbers)
    if which:
        keys = jax.vmap(lambda key: jax.random.fold_in(key, which))(keys)
    noise = jax.vmap(lambda key: jax.random.normal(key, shape))(keys)
    next_action, log_prob = distribution.squash(noise)
    entropy = -alpha_of(state.multiplier) * log_prob
    bonus = entropy if networks.config.backup_entropy else jnp.zeros_like(entropy)
    return Drawn(next_action=next_action, entropy_bonus=bonus)


def _update_once(
    networks: SACNetworks, state: SACState, batch: TransitionBatch, views: Views
) -> tuple[SACState, tuple[jax.Array, Metrics]]:
    """One gradient step on rows (B, ...), then the targets' step."""
    target = _target(networks, state, batch, views)
    key = key_of(state.seed_key, Purpose.DROPOUT, state.updates)

    def loss(critics: Parameters) -> tuple[jax.Array, jax.Array]:
        q = jnp.stack([networks.q(critics, seen, batch.action, key) for seen in views.observations])
        return jnp.mean(jnp.square(q - target)), q[0]

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
    if networks.gripper is not None:
        seen = views.observations, views.next_observations
        state, of_gripper = networks.gripper.update(state, batch, *seen)
        metrics |= of_gripper
    return state, (jnp.mean(q, axis=0), metrics)


def _target(networks: SACNetworks, state: SACState, batch: TransitionBatch, views: Views) -> jax.Array:
    """(B,): the mean over the K shifts of the next observation, each with its own next action."""
    key = key_of(state.seed_key, Purpose.TARGET_DROPOUT, state.updates)
    critic = networks.config.critic

    def once(seen: Observation, drawn: Drawn) -> jax.Array:
        q = networks.target_q(state.target_critics, seen, drawn.next_action, views.members, key)
        return bellman_target(batch.reward, batch.discount, q, drawn.entropy_bonus)

    targets = [once(*pair) for pair in zip(views.next_observations, views.drawn, strict=True)]
    return jnp.clip(sum(targets) / len(targets), critic.target_low, critic.target_high)
