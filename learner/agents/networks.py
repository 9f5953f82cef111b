"""SACNetworks: the modules and optimisers that the settings and the interface ask for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import jax
import jax.numpy as jnp
import optax

from learner.agents.config import SACConfig
from learner.agents.state import Parameters, SACState
from learner.critics import Critics
from shared.interface import InterfaceSpec
from shared.policy.network import GaussianPolicy
from shared.policy.spec import PolicySpec

Observation = Mapping[str, jax.Array]


@dataclass(frozen=True, kw_only=True, eq=False)
class SACNetworks:
    """Static: no array lives here.

    Attributes:
        config, interface: what the rest was built from.
        policy: the network that acts.
        critics, target_critics: an ensemble of all members, and of as many as a target's minimum needs.
        policy_optimiser, critic_optimiser, temperature_optimiser, cloning_optimiser: one each.
    """

    config: SACConfig
    interface: InterfaceSpec
    policy: GaussianPolicy
    critics: Critics
    target_critics: Critics
    policy_optimiser: optax.GradientTransformation
    critic_optimiser: optax.GradientTransformation
    temperature_optimiser: optax.GradientTransformation
    cloning_optimiser: optax.GradientTransformation

    @classmethod
    def of(cls, config: SACConfig, interface: InterfaceSpec) -> "SACNetworks":
        """Build them."""
        return cls(
            config=config,
            interface=interface,
            policy=GaussianPolicy(PolicySpec.of(config.policy, interface)),
            critics=Critics(interface, config.critic, config.critic.members),
            target_critics=Critics(interface, config.critic, config.critic.targets),
            policy_optimiser=config.policy_optimiser.build(),
            critic_optimiser=config.critic_optimiser.build(),
            temperature_optimiser=config.temperature.optimiser.build(),
            cloning_optimiser=config.cloning.optimiser.build(),
        )

    def init(self, seed_key: jax.Array) -> SACState:
        """A new state from (2,) uint32 key data. Targets start equal to the critics."""
        policy_key, critic_key = jax.random.split(jax.random.wrap_key_data(seed_key))
        observation = {e.name: jnp.zeros((1, *e.shape), e.dtype) for e in self.interface.observations}
        action = jnp.zeros((1, self.interface.action_size))
        policy = cast(Parameters, self.policy.init(policy_key, observation)["params"])
        critic_keys = {"params": critic_key, "dropout": critic_key}
        critics = cast(Parameters, self.critics.init(critic_keys, observation, action)["params"])
        # The inverse of softplus, which alpha is of the multiplier.
        multiplier = jnp.log(jnp.expm1(jnp.float32(self.config.temperature.initial)))
        return SACState(
            seed_key=seed_key,
            updates=jnp.int32(0),
            imitations=jnp.int32(0),
            policy=policy,
            critics=critics,
            target_critics=jax.tree.map(jnp.copy, critics),
            multiplier=multiplier,
            policy_optimiser=self.policy_optimiser.init(policy),
            critic_optimiser=self.critic_optimiser.init(critics),
            temperature_optimiser=self.temperature_optimiser.init(multiplier),
            cloning_optimiser=self.cloning_optimiser.init(policy),
        )

    def q(
        self, critics: Parameters, observation: Observation, action: jax.Array, key: jax.Array
    ) -> jax.Array:
        """(members, B): every critic's value; `key` drives dropout."""
        return _apply(self.critics, critics, observation, action, key)

    def target_q(
        self,
        critics: Parameters,
        observation: Observation,
        action: jax.Array,
        members: jax.Array,
        key: jax.Array,
    ) -> jax.Array:
        """(M, B): values by the target critics `members` (M,) alone; the others are not evaluated."""
        if self.config.critic.targets < self.config.critic.members:
            critics = jax.tree.map(lambda x: x[members], critics)
        return _apply(self.target_critics, critics, observation, action, key)


def _apply(
    module: Critics, critics: Parameters, observation: Observation, action: jax.Array, key: jax.Array
) -> jax.Array:
    q = module.apply({"params": critics}, observation, action, rngs={"dropout": key})
    return cast(jax.Array, q)
