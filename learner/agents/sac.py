"""SAC: the settings and the pure functions between states. See `docs/algorithms.md` for every equation."""

from enum import IntEnum
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from learner.agents.config import SACConfig
from learner.agents.losses import (
    alpha_of,
    bellman_target,
    cloning_error,
    cloning_weight,
    mean_where,
    multiplier_of,
    temperature_loss,
)
from learner.agents.state import Parameters, SACState
from learner.critics import Critics
from learner.replay.batch import TransitionBatch
from shared.interface import InterfaceSpec
from shared.policy.network import GaussianPolicy
from shared.policy.parameters import FlatParameters, flatten
from shared.policy.spec import PolicySpec

Metrics = dict[str, jax.Array]

SATURATED = 0.98
"""An action element beyond this counts as saturated."""


class Purpose(IntEnum):
    """What a random key is for: keys of different purposes never coincide."""

    CRITIC = 0
    POLICY = 1


class Targets(NamedTuple):
    """What the critic updates of a slice need besides their minibatches, computed before the scan.

    Attributes:
        next_action: (S, B, A) drawn from the policy, which is constant during a call.
        entropy_bonus: (S, B) -alpha log pi(next_action), or zeros.
        members: (S, M) which target members form each update's minimum.
    """

    next_action: jax.Array
    entropy_bonus: jax.Array
    members: jax.Array


class SAC:
    """Soft actor-critic (Haarnoja et al. 2018) with ensembles (REDQ), demos (RLPD) and cloning.

    Attributes:
        config, interface: the static settings.
        policy_spec: rebuilds the policy's network elsewhere.
        traces: how often each function was traced; more than once over a run is a fault.
    """

    def __init__(self, config: SACConfig, interface: InterfaceSpec) -> None:
        self.config = config
        self.interface = interface
        self.policy_spec = PolicySpec.of(config.policy, interface)
        self.traces = {"init": 0, "update": 0, "imitate": 0}
        self._policy = GaussianPolicy(self.policy_spec)
        self._critics = Critics(interface, config.critic, config.critic.members)
        self._target_critics = Critics(interface, config.critic, config.critic.targets)
        self._policy_optimiser = config.policy_optimiser.build()
        self._critic_optimiser = config.critic_optimiser.build()
        self._temperature_optimiser = config.temperature.optimiser.build()
        self._cloning_optimiser = config.cloning.optimiser.build()
        self._init = jax.jit(self._traced_init)
        self._update = jax.jit(self._traced_update, donate_argnums=0)
        self._imitate = jax.jit(self._traced_imitate, donate_argnums=0)

    @property
    def target_entropy(self) -> float:
        """Nats per action vector."""
        given = self.config.temperature.target_entropy
        return -0.5 * self.interface.action_size if given is None else given

    def init(self, key: jax.Array) -> SACState:
        """A new state; everything random in it and after it follows from `key`."""
        return self._init(key)

    def update(self, state: SACState, batch: TransitionBatch) -> tuple[SACState, Metrics]:
        """U critic updates, each followed by its target update, then one policy and temperature update.

        `state` is donated: do not use it again. Metrics are () float32 on the device.
        """
        return self._update(state, batch)

    def imitate(self, state: SACState, batch: TransitionBatch) -> tuple[SACState, Metrics]:
        """U updates of the policy alone, by cloning the rows that `batch.imitate` marks. Donates `state`."""
        return self._imitate(state, batch)

    def policy_params(self, state: SACState) -> FlatParameters:
        """What a snapshot holds, on the host."""
        return flatten(state.policy)

    def _traced_init(self, key: jax.Array) -> SACState:
        self.traces["init"] += 1
        seed_key = jax.random.key_data(key) if jnp.issubdtype(key.dtype, jax.dtypes.prng_key) else key
        policy_key, critic_key = jax.random.split(jax.random.wrap_key_data(seed_key))
        observation = {e.name: jnp.zeros((1, *e.shape), e.dtype) for e in self.interface.observations}
        action = jnp.zeros((1, self.interface.action_size))
        policy = self._policy.init(policy_key, observation)["params"]
        critics = self._critics.init(critic_key, observation, action)["params"]
        multiplier = multiplier_of(self.config.temperature.initial)
        return SACState(
            seed_key=seed_key,
            updates=jnp.int32(0),
            imitations=jnp.int32(0),
            policy=policy,
            critics=critics,
            target_critics=jax.tree.map(jnp.copy, critics),
            multiplier=multiplier,
            policy_optimiser=self._policy_optimiser.init(policy),
            critic_optimiser=self._critic_optimiser.init(critics),
            temperature_optimiser=self._temperature_optimiser.init(multiplier),
            cloning_optimiser=self._cloning_optimiser.init(policy),
        )

    def _traced_update(self, state: SACState, batch: TransitionBatch) -> tuple[SACState, Metrics]:
        self.traces["update"] += 1
        state, data_q, critic_metrics = self._update_critics(state, batch)
        rows, row_q = _policy_rows(batch, data_q, self.config.policy_rows)
        state, policy_metrics = self._update_policy(state, rows, row_q)
        return state, critic_metrics | policy_metrics

    # The critics

    def _update_critics(self, state: SACState, batch: TransitionBatch) -> tuple[SACState, jax.Array, Metrics]:
        """The new state, the critics' mean value (U, B) of each row's own action, and metrics."""
        updates, batch_size = batch.reward.shape
        size = _slice_size(updates, batch_size, self.config.slice_rows)
        slices = jax.tree.map(lambda x: jnp.reshape(x, (updates // size, size, *x.shape[1:])), batch)
        state, (data_q, metrics) = jax.lax.scan(self._critic_slice, state, slices)
        return state, data_q.reshape(updates, batch_size), jax.tree.map(jnp.mean, metrics)

    def _critic_slice(
        self, state: SACState, batch: TransitionBatch
    ) -> tuple[SACState, tuple[jax.Array, Metrics]]:
        return jax.lax.scan(self._critic_update, state, (batch, self._targets(state, batch)))

    def _targets(self, state: SACState, batch: TransitionBatch) -> Targets:
        updates = state.updates + jnp.arange(batch.reward.shape[0])
        keys = jax.vmap(lambda number: jax.random.split(_key(state, Purpose.CRITIC, number)))(updates)
        distribution = self._policy.apply({"params": state.policy}, batch.next_observation)
        noise = jax.vmap(lambda key: jax.random.normal(key, distribution.mean.shape[1:]))(keys[:, 0])
        next_action, log_prob = distribution.squash(noise)
        bonus = (
            -alpha_of(state.multiplier) * log_prob if self.config.backup_entropy else jnp.zeros_like(log_prob)
        )
        critic = self.config.critic
        draw = lambda key: jax.random.permutation(key, critic.members)[: critic.targets]  # noqa: E731
        return Targets(next_action, bonus, jax.vmap(draw)(keys[:, 1]))

    def _critic_update(
        self, state: SACState, inputs: tuple[TransitionBatch, Targets]
    ) -> tuple[SACState, tuple[jax.Array, Metrics]]:
        batch, targets = inputs
        target = self._bellman_target(state, batch, targets)

        def loss(critics: Parameters) -> tuple[jax.Array, jax.Array]:
            q = self._critics.apply({"params": critics}, batch.observation, batch.action)
            return jnp.mean(jnp.square(q - target)), q

        (value, q), gradient = jax.value_and_grad(loss, has_aux=True)(state.critics)
        step, optimiser = self._critic_optimiser.update(gradient, state.critic_optimiser, state.critics)
        critics = optax.apply_updates(state.critics, step)
        state = state._replace(
            updates=state.updates + 1,
            critics=critics,
            target_critics=optax.incremental_update(critics, state.target_critics, self.config.critic.tau),
            critic_optimiser=optimiser,
        )
        metrics = {
            "critic_loss": value,
            "q_mean": jnp.mean(q),
            "q_spread": jnp.mean(jnp.std(q, axis=0)),
            "q_target_mean": jnp.mean(target),
            "critic_gradient_norm": optax.global_norm(gradient),
        }
        return state, (jnp.mean(q, axis=0), metrics)

    def _bellman_target(self, state: SACState, batch: TransitionBatch, targets: Targets) -> jax.Array:
        critics = state.target_critics
        if self.config.critic.targets < self.config.critic.members:
            critics = jax.tree.map(lambda x: x[targets.members], critics)
        q = self._target_critics.apply({"params": critics}, batch.next_observation, targets.next_action)
        return bellman_target(batch.reward, batch.discount, q, targets.entropy_bonus)

    # The policy and its temperature

    def _update_policy(
        self, state: SACState, batch: TransitionBatch, data_q: jax.Array
    ) -> tuple[SACState, Metrics]:
        """One update on minibatch rows (B, ...); `data_q` (B,) are the values of their own actions."""
        grad = jax.value_and_grad(self._policy_loss, has_aux=True)
        (_, metrics), gradient = grad(state.policy, state, batch, data_q)
        step, optimiser = self._policy_optimiser.update(gradient, state.policy_optimiser, state.policy)
        metrics["policy_gradient_norm"] = optax.global_norm(gradient)
        state = state._replace(policy=optax.apply_updates(state.policy, step), policy_optimiser=optimiser)
        return self._update_temperature(state, metrics["entropy"]), metrics

    def _policy_loss(
        self, policy: Parameters, state: SACState, batch: TransitionBatch, data_q: jax.Array
    ) -> tuple[jax.Array, Metrics]:
        cloning = self.config.cloning
        key = _key(state, Purpose.POLICY, state.updates)
        distribution = self._policy.apply({"params": policy}, batch.observation)
        action, log_prob = distribution.squash(jax.random.normal(key, distribution.mean.shape))
        q = jnp.mean(self._critics.apply({"params": state.critics}, batch.observation, action), axis=0)
        alpha = alpha_of(state.multiplier)
        loss = jnp.mean(alpha * log_prob - q)
        metrics = {
            "policy_loss": loss,
            "entropy": -jnp.mean(log_prob),
            "alpha": alpha,
            "q_policy": jnp.mean(q),
            "policy_std": jnp.mean(distribution.std),
            "saturation": jnp.mean(jnp.abs(action) > SATURATED),
            "demo_share": jnp.mean(batch.imitate),
            "q_demo_data": mean_where(data_q, batch.imitate),
            "q_demo_policy": mean_where(q, batch.imitate),
            "demo_action_error": mean_where(
                jnp.sum(jnp.square(distribution.mode() - batch.action), axis=-1), batch.imitate
            ),
        }
        if not cloning.active:
            return loss, metrics
        keep = batch.imitate * (data_q > q) if cloning.q_filter else batch.imitate
        weight = cloning_weight(cloning, state.updates)
        error = mean_where(cloning_error(cloning, distribution, batch.action), keep)
        scale = jax.lax.stop_gradient(jnp.maximum(jnp.mean(jnp.abs(q)), cloning.q_floor))
        if cloning.normalise_q:
            loss = loss / scale
        metrics |= {
            "cloning_loss": error,
            "cloning_weight": weight,
            "cloning_share": jnp.mean(keep),
            "q_scale": scale,
        }
        return loss + weight * error, metrics

    def _update_temperature(self, state: SACState, entropy: jax.Array) -> SACState:
        if not self.config.temperature.learned:
            return state
        gradient = jax.grad(temperature_loss)(state.multiplier, entropy, self.target_entropy)
        step, optimiser = self._temperature_optimiser.update(
            gradient, state.temperature_optimiser, state.multiplier
        )
        return state._replace(multiplier=state.multiplier + step, temperature_optimiser=optimiser)

    # Cloning alone

    def _traced_imitate(self, state: SACState, batch: TransitionBatch) -> tuple[SACState, Metrics]:
        self.traces["imitate"] += 1
        state, metrics = jax.lax.scan(self._imitation, state, batch)
        return state, jax.tree.map(jnp.mean, metrics)

    def _imitation(self, state: SACState, batch: TransitionBatch) -> tuple[SACState, Metrics]:
        def loss(policy: Parameters) -> tuple[jax.Array, Metrics]:
            distribution = self._policy.apply({"params": policy}, batch.observation)
            squared = jnp.sum(jnp.square(distribution.mode() - batch.action), axis=-1)
            error = mean_where(cloning_error(self.config.cloning, distribution, batch.action), batch.imitate)
            return error, {"cloning_loss": error, "demo_action_error": mean_where(squared, batch.imitate)}

        (_, metrics), gradient = jax.value_and_grad(loss, has_aux=True)(state.policy)
        step, optimiser = self._cloning_optimiser.update(gradient, state.cloning_optimiser, state.policy)
        policy = optax.apply_updates(state.policy, step)
        state = state._replace(policy=policy, cloning_optimiser=optimiser, imitations=state.imitations + 1)
        return state, metrics


def _key(state: SACState, purpose: Purpose, number: jax.Array) -> jax.Array:
    """The random key of one update: a function of the seed, the purpose and the update's number alone."""
    key = jax.random.wrap_key_data(state.seed_key)
    return jax.random.fold_in(jax.random.fold_in(key, int(purpose)), number)


def _slice_size(updates: int, batch_size: int, rows: int) -> int:
    """The largest divisor of `updates` whose minibatches hold at most `rows` rows together, at least 1."""
    fitting = (size for size in range(updates, 0, -1) if updates % size == 0 and size * batch_size <= rows)
    return next(fitting, 1)


def _policy_rows(batch: TransitionBatch, data_q: jax.Array, which: str) -> tuple[TransitionBatch, jax.Array]:
    """The rows that the policy is updated on, without the update axis."""
    if which == "last":
        return jax.tree.map(lambda x: x[-1], (batch, data_q))
    return jax.tree.map(lambda x: jnp.reshape(x, (-1, *x.shape[2:])), (batch, data_q))
