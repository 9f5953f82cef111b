"""SAC with a critic ensemble as one writes it first: what the learner's update is compared with.

Same networks, optimisers, scan and arithmetic as `learner.agents`; but every target member is evaluated and
the subset taken of their values, next actions are sampled inside the loop, and the policy learns from all of
the call's rows, as SERL does.
"""

from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from learner.agents.config import SACConfig
from learner.critics import Critic
from learner.replay.batch import TransitionBatch
from shared.interface import InterfaceSpec
from shared.policy.network import GaussianPolicy, observation_vector
from shared.policy.spec import PolicySpec


class PlainState(NamedTuple):
    """All that changes."""

    key: jax.Array
    policy: Any
    critics: Any
    targets: Any
    multiplier: jax.Array
    optimisers: tuple[Any, Any, Any]


class PlainSAC:
    """`init` and a jitted, donating `update`, like the real one."""

    def __init__(self, config: SACConfig, interface: InterfaceSpec) -> None:
        self.config, self.interface = config, interface
        self.policy = GaussianPolicy(PolicySpec.of(config.policy, interface))
        ensemble = nn.vmap(
            Critic,
            variable_axes={"params": 0},
            split_rngs={"params": True},
            in_axes=None,
            axis_size=config.critic.members,
        )
        self.critics = ensemble(config.critic)
        self.optimiser = optax.adam(3e-4)
        self.update = jax.jit(self._update, donate_argnums=0)

    def init(self, key: jax.Array) -> PlainState:
        """A new state."""
        batch = {e.name: jnp.zeros((1, *e.shape)) for e in self.interface.observations}
        action = jnp.zeros((1, self.interface.action_size))
        policy = self.policy.init(key, batch)["params"]
        critics = self.critics.init(key, self._inputs(batch, action))["params"]
        multiplier = jnp.float32(0.0)
        optimisers = tuple(self.optimiser.init(p) for p in (policy, critics, multiplier))
        return PlainState(key, policy, critics, jax.tree.map(jnp.copy, critics), multiplier, optimisers)

    def _inputs(self, observation: Any, action: jax.Array) -> jax.Array:
        return jnp.concatenate([observation_vector(self.interface, observation), action], axis=-1)

    def _q(self, critics: Any, observation: Any, action: jax.Array) -> jax.Array:
        return self.critics.apply({"params": critics}, self._inputs(observation, action))

    def _act(self, policy: Any, observation: Any, key: jax.Array) -> tuple[jax.Array, jax.Array]:
        distribution = self.policy.apply({"params": policy}, observation)
        return distribution.squash(jax.random.normal(key, distribution.mean.shape))

    def _update(self, state: PlainState, batch: TransitionBatch) -> tuple[PlainState, jax.Array]:
        state, losses = jax.lax.scan(self._update_critics, state, batch)
        rows = jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), batch)
        return self._update_policy(state, rows), jnp.mean(losses)

    def _update_critics(self, state: PlainState, batch: TransitionBatch) -> tuple[PlainState, jax.Array]:
        key, act_key, subset_key = jax.random.split(state.key, 3)
        action, _ = self._act(state.policy, batch.next_observation, act_key)
        q = self._q(state.targets, batch.next_observation, action)
        critic = self.config.critic
        members = jax.random.choice(subset_key, critic.members, (critic.targets,), replace=False)
        target = batch.reward + batch.discount * jnp.min(q[members], axis=0)

        def loss(critics: Any) -> jax.Array:
            return jnp.mean((self._q(critics, batch.observation, batch.action) - target) ** 2)

        value, gradient = jax.value_and_grad(loss)(state.critics)
        step, optimiser = self.optimiser.update(gradient, state.optimisers[1])
        critics = optax.apply_updates(state.critics, step)
        targets = optax.incremental_update(critics, state.targets, critic.tau)
        optimisers = (state.optimisers[0], optimiser, state.optimisers[2])
        state = state._replace(key=key, critics=critics, targets=targets, optimisers=optimisers)
        return state, value

    def _update_policy(self, state: PlainState, rows: TransitionBatch) -> PlainState:
        key, act_key = jax.random.split(state.key)
        alpha = jax.nn.softplus(state.multiplier)

        def loss(policy: Any) -> tuple[jax.Array, jax.Array]:
            action, log_prob = self._act(policy, rows.observation, act_key)
            q = self._q(state.critics, rows.observation, action).mean(axis=0)
            return jnp.mean(alpha * log_prob - q), -jnp.mean(log_prob)

        gradient, entropy = jax.grad(loss, has_aux=True)(state.policy)
        step, first = self.optimiser.update(gradient, state.optimisers[0])
        policy = optax.apply_updates(state.policy, step)
        target = -0.5 * self.interface.action_size
        slope = jax.grad(lambda m: jax.nn.softplus(m) * (entropy - target))(state.multiplier)
        step, third = self.optimiser.update(slope, state.optimisers[2])
        return state._replace(
            key=key,
            policy=policy,
            multiplier=optax.apply_updates(state.multiplier, step),
            optimisers=(first, state.optimisers[1], third),
        )
