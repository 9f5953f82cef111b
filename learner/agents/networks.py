"""SACNetworks: the modules and optimisers that the settings and the interface ask for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import jax
import jax.numpy as jnp
import optax

from learner.agents.config import SACConfig
from learner.agents.constraint import Constraint
from learner.agents.gripper import GripperLearner
from learner.agents.sight import Sight
from learner.agents.state import Parameters, SACState
from learner.agents.vice import Vice
from learner.critics import Critics
from shared.interface import InterfaceSpec
from shared.policy.distributions import TanhNormal
from shared.policy.network import GaussianPolicy
from shared.policy.spec import PolicySpec

Observation = Mapping[str, jax.Array]


@dataclass(frozen=True, kw_only=True, eq=False)
class SACNetworks:
    """Static: no array lives here.

    Attributes:
        config, interface: what the rest was built from.
        sight: from images to what the networks see of them.
        policy: the network that acts.
        gripper: critics that decide for a gripper; None where the policy does.
        critics, target_critics: an ensemble of all members, and of as many as a target's minimum needs.
        policy_optimiser, critic_optimiser, temperature_optimiser, cloning_optimiser: one each.
        constraint: the intervention constraint; None where it is off.
        vice: rewards from goal images; None where rewards are those that were recorded.
    """

    config: SACConfig
    interface: InterfaceSpec
    sight: Sight
    policy: GaussianPolicy
    gripper: GripperLearner | None
    critics: Critics
    target_critics: Critics
    policy_optimiser: optax.GradientTransformation
    critic_optimiser: optax.GradientTransformation
    temperature_optimiser: optax.GradientTransformation
    cloning_optimiser: optax.GradientTransformation
    constraint: Constraint | None
    vice: Vice | None

    @classmethod
    def of(cls, config: SACConfig, interface: InterfaceSpec) -> "SACNetworks":
        """Build them."""
        gripper = config.gripper.spec(interface)
        spec = PolicySpec.of(config.policy, interface, config.vision, gripper=gripper)
        sight = Sight(spec.vision, interface, config.augmentation.pad)
        return cls(
            config=config,
            interface=interface,
            sight=sight,
            policy=GaussianPolicy(spec),
            gripper=GripperLearner.of(config, spec, sight),
            critics=Critics(interface, config.critic, config.critic.members, spec.vision),
            target_critics=Critics(interface, config.critic, config.critic.targets, spec.vision),
            policy_optimiser=config.policy_optimiser.build(),
            critic_optimiser=config.critic_optimiser.build(),
            temperature_optimiser=config.temperature.optimiser.build(),
            cloning_optimiser=config.cloning.optimiser.build(),
            constraint=Constraint(config.constraint, spec, sight) if config.constraint.enabled else None,
            vice=_vice(config, spec),
        )

    def init(self, seed_key: jax.Array) -> SACState:
        """A new state from (2,) uint32 key data. Targets start equal to the critics."""
        policy_key, critic_key = jax.random.split(jax.random.wrap_key_data(seed_key))
        observation = {e.name: jnp.zeros((1, *e.shape), e.dtype) for e in self.interface.observations}
        action = jnp.zeros((1, self.policy.spec.motion_size))
        eyes = self.sight.init(jax.random.fold_in(policy_key, 1))
        other_eyes = self.sight.init(jax.random.fold_in(critic_key, 1))
        images = self.sight.blank(1)
        policy = cast(Parameters, self.policy.init(policy_key, observation, images)["params"]) | eyes
        critic_keys = {"params": critic_key, "dropout": critic_key}
        critics = cast(Parameters, self.critics.init(critic_keys, observation, action, images)["params"])
        critics |= eyes if self.shares_encoder else other_eyes
        gripper_key = jax.random.fold_in(critic_key, 2)
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
            constraint=self.constraint.init(jax.random.fold_in(policy_key, 2)) if self.constraint else (),
            vice=self.vice.init(jax.random.fold_in(critic_key, 3)) if self.vice else None,
            gripper=self.gripper.init(gripper_key, observation) if self.gripper else None,
        )

    @property
    def shares_encoder(self) -> bool:
        """Whether the policy sees through the critics' encoder, and has no say in it."""
        return self.sight.vision is not None and self.sight.vision.shared

    def act(self, policy: Parameters, critics: Parameters, seen: Observation) -> TanhNormal:
        """The policy's distribution for rows that were looked at, differentiable in `policy` alone."""
        return self.policy.distribution(policy, seen, self._policy_images(policy, critics, seen))

    def _policy_images(self, policy: Parameters, critics: Parameters, seen: Observation) -> jax.Array | None:
        if self.shares_encoder:
            return jax.lax.stop_gradient(self.sight.vector(critics, seen))
        return self.sight.vector(policy, seen)

    def q(self, critics: Parameters, seen: Observation, action: jax.Array, key: jax.Array) -> jax.Array:
        """(members, B): every critic's value of rows that were looked at; `key` drives dropout."""
        return _apply(self.critics, critics, seen, self.sight.vector(critics, seen), action, key)

    def target_q(
        self,
        critics: Parameters,
        seen: Observation,
        action: jax.Array,
        members: jax.Array,
        key: jax.Array,
    ) -> jax.Array:
        """(M, B): values by the target critics `members` (M,) alone; the others are not evaluated."""
        images = self.sight.vector(critics, seen)
        if self.config.critic.targets < self.config.critic.members:
            critics = critics | {"member": jax.tree.map(lambda x: x[members], critics["member"])}
        return _apply(self.target_critics, critics, seen, images, action, key)


def _vice(config: SACConfig, spec: PolicySpec) -> Vice | None:
    if not config.vice.enabled:
        return None
    return Vice(config.vice, spec, config.augmentation.pad, config.discount)


def _apply(
    module: Critics,
    critics: Parameters,
    seen: Observation,
    images: jax.Array | None,
    action: jax.Array,
    key: jax.Array,
) -> jax.Array:
    q = module.apply({"params": critics}, seen, action, images, rngs={"dropout": key})
    return cast(jax.Array, q)
