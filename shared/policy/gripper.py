"""The discrete gripper: what each choice is worth, and choosing one.

A gripper is told to close, to stay as it is, or to open: -1, 0 or 1 in its element of the action, which is
recorded whole. G grippers have C = 3^G choices together, the first gripper's the most significant digit, as
in HIL-SERL. One joint value each, for what a handover is worth depends on both at once, and C stays small.
The values are those of critics, which so are a part of the policy; `learner.agents.gripper` trains them.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Mapping
from typing import Any, cast

import flax.linen as nn
import jax
import jax.numpy as jnp

from shared.policy.gripper_spec import LEVELS, GripperSpec
from shared.policy.network import Fusion, Torso
from shared.policy.spec import PolicySpec

COLDEST = 1e-6
"""Below this Boltzmann's temperature makes no difference."""

LAYER = nn.initializers.xavier_uniform()


class GripperCritic(nn.Module):
    """Values of all choices: what the state is worth, and by how much each differs (Wang et al. 2016).

    Cloning moves the differences alone, and the many states in which the gripper does not matter are learned
    once. An untaught state is worth 0.
    """

    spec: GripperSpec

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """(..., D) to (..., C)."""
        spec = self.spec
        x = Torso(spec.hidden, spec.activation, spec.layer_norm, name="torso")(x)
        value = nn.Dense(1, kernel_init=nn.initializers.zeros_init(), name="value")(x)
        advantage = nn.Dense(spec.choices, kernel_init=LAYER, name="advantage")(x)
        return value + advantage - jnp.mean(advantage, axis=-1, keepdims=True)


class GripperCritics(nn.Module):
    """The members; every parameter below `member` has the member as its first axis."""

    spec: PolicySpec
    gripper: GripperSpec

    @nn.compact
    def __call__(self, observation: Mapping[str, jax.Array], images: jax.Array | None = None) -> jax.Array:
        """Entries (..., shape) and the cameras' vector (..., V), to values (members, ..., C)."""
        spec = self.spec
        x = Fusion(spec.interface, spec.vision, spec.inputs, name="fusion")(observation, images)
        ensemble = nn.vmap(
            GripperCritic,
            variable_axes={"params": 0},
            split_rngs={"params": True},
            axis_size=self.gripper.members,
        )
        x = jnp.broadcast_to(x, (self.gripper.members, *x.shape))
        return ensemble(self.gripper, name="member")(x)

    def values(
        self, params: Mapping[str, Any], observation: Mapping[str, Any], images: jax.Array | None = None
    ) -> jax.Array:
        """(members, ..., C): what these parameters say that each choice is worth."""
        return cast(jax.Array, self.apply({"params": params}, observation, images))


def worth(spec: GripperSpec, values: jax.Array) -> jax.Array:
    """(..., C): the members' values (members, ..., C) as one."""
    return jnp.mean(values, axis=0) if spec.reduce == "mean" else jnp.min(values, axis=0)


def probabilities(spec: GripperSpec, worth: jax.Array, level: jax.Array) -> jax.Array:
    """(..., C): how often practice takes each choice.

    `level` () is the share of choices that are drawn uniformly (epsilon), or the difference in worth that
    makes a choice e times as likely (boltzmann); at 0 both take the best.
    """
    if spec.exploring == "boltzmann":
        return jax.nn.softmax(worth / jnp.maximum(level, COLDEST), axis=-1)
    best = jax.nn.one_hot(jnp.argmax(worth, axis=-1), spec.choices)
    return level / spec.choices + (1.0 - level) * best


def choose(
    spec: GripperSpec, worth: jax.Array, level: jax.Array, key: jax.Array, greedy: jax.Array
) -> jax.Array:
    """(...) int32: the best choice, or one that practice draws."""
    drawn = jax.random.categorical(key, jnp.log(probabilities(spec, worth, level)))
    return jnp.where(greedy, jnp.argmax(worth, axis=-1), drawn)


def choice_of(spec: GripperSpec, action: jax.Array, threshold: float) -> jax.Array:
    """(...) int32: the choice in an action (..., A); nearer to 0 than `threshold` is to stay."""
    told = action[..., list(spec.elements)]
    digits = 1 + (told >= threshold).astype(jnp.int32) - (told <= -threshold).astype(jnp.int32)
    places = LEVELS ** jnp.arange(len(spec.elements) - 1, -1, -1)
    return jnp.sum(digits * places, axis=-1)


def told_by(spec: GripperSpec, choice: jax.Array) -> jax.Array:
    """(..., G) float32: -1, 0 or 1 for each gripper; the inverse of `choice_of`."""
    places = LEVELS ** jnp.arange(len(spec.elements) - 1, -1, -1)
    return (choice[..., None] // places % LEVELS - 1).astype(jnp.float32)


def motion_of(spec: GripperSpec, action: jax.Array) -> jax.Array:
    """(..., A - G): the elements that move the arm."""
    return jnp.delete(action, jnp.array(spec.elements), axis=-1, assume_unique_indices=True)


def whole_action(spec: GripperSpec, motion: jax.Array, choice: jax.Array) -> jax.Array:
    """(..., A): the inverse of `motion_of` and `choice_of` together."""
    size = motion.shape[-1] + len(spec.elements)
    others = [place for place in range(size) if place not in spec.elements]
    action = jnp.zeros((*motion.shape[:-1], size), jnp.float32).at[..., jnp.array(others)].set(motion)
    return action.at[..., jnp.array(spec.elements)].set(told_by(spec, choice))
