"""The critics: N independent Q functions in one module. Members share nothing but how they see images."""

from collections.abc import Mapping
from dataclasses import dataclass

import flax.linen as nn
import jax
import jax.numpy as jnp

from shared.errors import ConfigError
from shared.interface import InterfaceSpec
from shared.policy.layers import Activation, check_layers
from shared.policy.network import Fusion, Torso
from shared.policy.vision import VisionConfig


@dataclass(frozen=True, kw_only=True)
class CriticConfig:
    """The critics and their targets."""

    members: int = 2
    """Independent Q functions."""
    subset: int | None = None
    """REDQ: members, drawn for each update without replacement, of the target's minimum; none = all."""
    hidden: tuple[int, ...] = (256, 256)
    """Width of each hidden layer."""
    activation: Activation = "tanh"
    """Nonlinearity after each hidden layer."""
    layer_norm: bool = True
    """Whether a LayerNorm stands between each hidden layer and its nonlinearity."""
    dropout: float = 0.0
    """Share of each hidden layer that is dropped at random, in targets too (DroQ uses 0.01)."""
    target_low: float | None = None
    """Lower bound of targets, where returns are known to keep to one; none = unbounded."""
    target_high: float | None = None
    """Upper bound of targets (1 where a reward of 1 ends the episode); none = unbounded."""
    tau: float = 0.005
    """Share by which the target networks move towards the critics after each update."""

    def __post_init__(self) -> None:
        check_layers("critic", self.hidden, self.activation)
        if self.members < 1 or not 1 <= self.targets <= self.members:
            raise ConfigError(
                "critic",
                f"members is {self.members} and subset {self.subset}",
                "keep 1 <= subset <= members, or leave subset out to use all",
            )
        if not 0 <= self.dropout < 1:
            raise ConfigError("critic", f"dropout is {self.dropout:g}", "choose a share in [0, 1)")
        low, high = self.target_low, self.target_high
        if low is not None and high is not None and low >= high:
            raise ConfigError(
                "critic",
                f"target_low is {low:g} and target_high {high:g}",
                "keep target_low below target_high, or leave one out",
            )
        if not 0 < self.tau <= 1:
            raise ConfigError("critic", f"tau is {self.tau:g}", "choose a share in (0, 1]")

    @property
    def targets(self) -> int:
        """Members that form the target's minimum."""
        return self.members if self.subset is None else self.subset


class Critic(nn.Module):
    """One Q function."""

    config: CriticConfig

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """(B, D + A) observation and action, to (B,)."""
        config = self.config
        x = Torso(config.hidden, config.activation, config.layer_norm, config.dropout, name="torso")(x)
        return nn.Dense(1, kernel_init=nn.initializers.xavier_uniform(), name="value")(x)[..., 0]


class Critics(nn.Module):
    """`members` Q functions; every parameter below `member` has the member as its first axis."""

    interface: InterfaceSpec
    config: CriticConfig
    members: int
    vision: VisionConfig | None = None

    @nn.compact
    def __call__(
        self, observation: Mapping[str, jax.Array], action: jax.Array, images: jax.Array | None = None
    ) -> jax.Array:
        """Entries (B, shape), actions (B, A) and the cameras' vector (B, V), to (members, B)."""
        seen = Fusion(self.interface, self.vision, name="fusion")(observation, images)
        x = jnp.concatenate([seen, action], axis=-1)
        ensemble = nn.vmap(
            Critic,
            variable_axes={"params": 0},
            split_rngs={"params": True, "dropout": True},
            axis_size=self.members,
        )
        return ensemble(self.config, name="member")(jnp.broadcast_to(x, (self.members, *x.shape)))
