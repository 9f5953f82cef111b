"""The state-wise intervention constraint (SiLRI, arXiv:2512.24288): near a person where a person took over.

An *expert*, a Gaussian over actions, is fitted to what people did when they took over. A *multiplier*
lambda(s) >= 0 rises where the policy is further from the expert than is tolerated, and falls where it is not
or where nobody took over; the policy descends (loss + lambda(s) distance) / (1 + lambda(s)).

Departures from the authors' code: distances are root mean squares over action elements, of greedy actions,
so they mean the same for any robot; the expert's spread is such a mean too, not a sum; rows where nobody took
over count as agreement, so that lambda is known to fall there instead of following an expert that was never
asked; lambda is bounded; nothing acts before somebody first took over.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from learner.agents.losses import mean_where
from learner.agents.sight import Sight
from learner.agents.state import ConstraintState, Metrics, Parameters
from learner.optimisers import OptimiserConfig
from learner.replay.batch import TransitionBatch
from shared.errors import ConfigError
from shared.interface import InterfaceSpec
from shared.policy.distributions import TanhNormal
from shared.policy.network import Fusion, GaussianPolicy, Torso
from shared.policy.spec import PolicyConfig, PolicySpec

EXPERT = PolicyConfig(activation="relu", std_min=0.02, std_max=2.0)


@dataclass(frozen=True, kw_only=True)
class ConstraintConfig:
    """Keep the policy near what people do where they take over."""

    enabled: bool = False
    """Whether the policy is constrained at all."""
    slack: float = 0.08
    """Distance to the expert that is always tolerated, of a range of 2 (authors: 0.2 over 7 elements)."""
    tolerated_stds: float = 1.0
    """Standard deviations of the expert that are tolerated besides."""
    initial: float = 0.1
    """Lambda at first, everywhere."""
    highest: float = 10.0
    """Lambda rises no further than about this: 10 leaves the values a weight of 1 in 11."""
    expert: PolicyConfig = EXPERT
    """The expert's network; its standard deviations are of actions, not of what a tanh squashes."""
    hidden: tuple[int, ...] = (256, 256)
    """Width of each hidden layer of lambda's network."""
    expert_optimiser: OptimiserConfig = field(default_factory=lambda: OptimiserConfig(learning_rate=1e-3))
    """The expert's optimiser; steps are counted in update calls that see an intervention."""
    multiplier_optimiser: OptimiserConfig = field(default_factory=lambda: OptimiserConfig(learning_rate=1e-4))
    """The optimiser of lambda's network, slower than the policy's lest both swing; its steps are counted in
    update calls after the first intervention."""

    def __post_init__(self) -> None:
        if self.slack < 0 or self.tolerated_stds < 0 or not 0 < self.initial < self.highest:
            raise ConfigError(
                "constraint",
                f"slack {self.slack:g}, tolerated_stds {self.tolerated_stds:g}, initial {self.initial:g}, "
                f"highest {self.highest:g}",
                "keep slack and tolerated_stds at least 0, and 0 < initial < highest",
            )
        if not self.hidden or any(width < 1 for width in self.hidden):
            raise ConfigError(
                "constraint", f"hidden is {self.hidden}", "give at least one width of 1 or more"
            )


class MultiplierNetwork(nn.Module):
    """lambda(s) before its softplus: `initial` everywhere until it learns."""

    interface: InterfaceSpec
    spec: PolicySpec
    hidden: tuple[int, ...]
    initial: float

    @nn.compact
    def __call__(self, observation: Mapping[str, jax.Array], images: jax.Array | None) -> jax.Array:
        """Entries (B, shape) and the cameras' vector (B, V), to (B,)."""
        x = Fusion(self.interface, self.spec.vision, name="fusion")(observation, images)
        x = Torso(self.hidden, "relu", True, name="torso")(x)
        bias = nn.initializers.constant(jnp.log(jnp.expm1(self.initial)))
        zeros = nn.initializers.zeros_init()
        return nn.Dense(1, kernel_init=zeros, bias_init=bias, name="value")(x)[..., 0]


class Constraint:
    """Static: no array lives here. Rows are those that `sight` has looked at."""

    def __init__(self, config: ConstraintConfig, spec: PolicySpec, sight: Sight) -> None:
        self.config = config
        self._sight = sight
        self._spec = spec
        self._expert = GaussianPolicy(
            PolicySpec.of(config.expert, spec.interface, spec.vision, gripper=spec.gripper)
        )
        self._multiplier = MultiplierNetwork(spec.interface, spec, config.hidden, config.initial)
        self._expert_optimiser = config.expert_optimiser.build()
        self._multiplier_optimiser = config.multiplier_optimiser.build()

    def init(self, key: jax.Array) -> ConstraintState:
        """New networks, each with eyes of its own."""
        keys = jax.random.split(key, 4)
        entries = self._spec.interface.observations
        observation = {e.name: jnp.zeros((1, *e.shape), e.dtype) for e in entries}
        blank = self._sight.blank(1)
        networks = [self._expert.init(keys[0], observation, blank)]
        networks.append(self._multiplier.init(keys[1], observation, blank))
        expert, multiplier = (
            cast(Parameters, network["params"]) | self._sight.init(key)
            for network, key in zip(networks, keys[2:], strict=True)
        )
        return ConstraintState(
            fits=jnp.int32(0),
            expert=expert,
            multiplier=multiplier,
            expert_optimiser=self._expert_optimiser.init(expert),
            multiplier_optimiser=self._multiplier_optimiser.init(multiplier),
        )

    def expert(self, params: Parameters, seen: Mapping[str, jax.Array]) -> tuple[jax.Array, jax.Array]:
        """Mean and standard deviation (N, A) of the expert's actions."""
        distribution = self._expert.distribution(params, seen, self._sight.vector(params, seen))
        return distribution.mode(), distribution.std

    def multiplier(self, params: Parameters, seen: Mapping[str, jax.Array]) -> jax.Array:
        """(N,): lambda, positive."""
        images = self._sight.vector(params, seen)
        return jax.nn.softplus(cast(jax.Array, self._multiplier.apply({"params": params}, seen, images)))

    def judge(self, state: ConstraintState, seen: Mapping[str, jax.Array]) -> tuple[jax.Array, jax.Array]:
        """For the policy's loss: lambda (N,), 0 before anybody took over, and the expert's actions (N, A)."""
        known = state.fits > 0
        mean, _ = self.expert(state.expert, seen)
        return jax.lax.stop_gradient((self.multiplier(state.multiplier, seen) * known, mean))

    def update(
        self, state: ConstraintState, rows: TransitionBatch, policy: TanhNormal
    ) -> tuple[ConstraintState, Metrics]:
        """One step of each network, where there is something to learn; `policy` (N, A) acts in these rows."""
        state, metrics = self._fit(state, rows)
        moved, watched = self._weigh(state, rows, jax.lax.stop_gradient(policy.mode()))
        return _where(state.fits > 0, moved, state), metrics | watched

    def _fit(self, state: ConstraintState, rows: TransitionBatch) -> tuple[ConstraintState, Metrics]:
        """The expert's negative log-likelihood on interventions alone, up to a constant."""

        def loss(expert: Parameters) -> tuple[jax.Array, jax.Array]:
            mean, std = self.expert(expert, rows.observation)
            unlikely = 0.5 * jnp.square((rows.action - mean) / std) + jnp.log(std)
            spread = mean_where(root_mean_square(std), rows.intervention)
            return mean_where(jnp.sum(unlikely, axis=-1), rows.intervention), spread

        (error, spread), gradient = jax.value_and_grad(loss, has_aux=True)(state.expert)
        step, optimiser = self._expert_optimiser.update(gradient, state.expert_optimiser, state.expert)
        moved = state._replace(
            expert=optax.apply_updates(state.expert, step), expert_optimiser=optimiser, fits=state.fits + 1
        )
        asked = jnp.sum(rows.intervention) > 0
        return _where(asked, moved, state), {"expert_loss": error, "expert_std": spread}

    def _weigh(
        self, state: ConstraintState, rows: TransitionBatch, action: jax.Array
    ) -> tuple[ConstraintState, Metrics]:
        """Lambda ascends on the gap between the policy's distance to the expert and what is tolerated."""
        mean, std = self.expert(state.expert, rows.observation)
        tolerated = self.config.slack + self.config.tolerated_stds * root_mean_square(std)
        distance = root_mean_square(action - mean)
        gap = jnp.where(rows.intervention > 0, distance - tolerated, -self.config.slack)

        def loss(multiplier: Parameters) -> tuple[jax.Array, jax.Array]:
            weight = self.multiplier(multiplier, rows.observation)
            bounded = jnp.where(weight > self.config.highest, jnp.minimum(gap, 0.0), gap)
            return -jnp.mean(weight * bounded), weight

        (_, weight), gradient = jax.value_and_grad(loss, has_aux=True)(state.multiplier)
        step, optimiser = self._multiplier_optimiser.update(
            gradient, state.multiplier_optimiser, state.multiplier
        )
        multiplier = optax.apply_updates(state.multiplier, step)
        return state._replace(multiplier=multiplier, multiplier_optimiser=optimiser), {
            "intervention_rows": jnp.mean(rows.intervention),
            "constraint_gap": mean_where(gap, rows.intervention),
            "constraint_weight": mean_where(weight, rows.intervention),
            "constraint_weight_elsewhere": mean_where(weight, 1.0 - rows.intervention),
        }


def root_mean_square(elements: jax.Array) -> jax.Array:
    """(N,) of (N, A). Its gradient is finite where all elements are 0."""
    return jnp.sqrt(jnp.mean(jnp.square(elements), axis=-1) + 1e-12)


def constrained(loss: jax.Array, weight: jax.Array, distance: jax.Array) -> jax.Array:
    """(): mean of (loss + lambda distance) / (1 + lambda), all (N,); SiLRI's policy loss."""
    return jnp.mean((loss + weight * distance) / (1.0 + weight))


def _where(condition: jax.Array, new: ConstraintState, old: ConstraintState) -> ConstraintState:
    return jax.tree.map(lambda a, b: jnp.where(condition, a, b), new, old)
