"""SACState: all that changes while SAC learns, as one pytree of arrays, and its flat form for checkpoints."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from numpy.typing import NDArray

from shared.errors import CheckpointError
from shared.policy.gripper_spec import CRITICS, EXPLORATION, GRIPPER
from shared.policy.parameters import FlatParameters, flatten

Parameters = dict[str, Any]
Metrics = dict[str, jax.Array]


class ConstraintState(NamedTuple):
    """Of the intervention constraint: both networks and their optimisers.

    Attributes:
        fits: () int32, updates of the expert so far.
    """

    fits: jax.Array
    expert: Parameters
    multiplier: Parameters
    expert_optimiser: optax.OptState
    multiplier_optimiser: optax.OptState


class ViceState(NamedTuple):
    """Of the classifier that knows goals: parameters, its eyes' included, and its optax state."""

    classifier: Parameters
    optimiser: optax.OptState


class GripperState(NamedTuple):
    """The part of a gripper that is decided by critics of its own.

    Attributes:
        critics, targets: parameters; below `member` the member is the first axis.
        exploration: () float32, how much practice departs from the best choice.
        optimiser, cloning_optimiser: optax states.
    """

    critics: Parameters
    targets: Parameters
    exploration: jax.Array
    optimiser: optax.OptState
    cloning_optimiser: optax.OptState


class SACState(NamedTuple):
    """Networks, optimisers and counters. Randomness is a function of `seed_key` and the counters alone.

    Attributes:
        seed_key: (2,) uint32, never changed.
        updates: () int32, critic updates so far.
        imitations: () int32, updates of `imitate` so far.
        policy, critics, target_critics: parameters; critics have the member as first axis.
        multiplier: () float32; alpha is its softplus.
        policy_optimiser, critic_optimiser, temperature_optimiser, cloning_optimiser: optax states.
        constraint: ConstraintState; () where the constraint is off, and then no part of a checkpoint.
        gripper: critics that decide for a gripper; None where the policy does.
        vice: the classifier that rewards; None where rewards are those that were recorded.
    """

    seed_key: jax.Array
    updates: jax.Array
    imitations: jax.Array
    policy: Parameters
    critics: Parameters
    target_critics: Parameters
    multiplier: jax.Array
    policy_optimiser: optax.OptState
    critic_optimiser: optax.OptState
    temperature_optimiser: optax.OptState
    cloning_optimiser: optax.OptState
    constraint: Any = ()
    gripper: GripperState | None = None
    vice: ViceState | None = None

    @property
    def acting(self) -> Parameters:
        """What a snapshot holds: the parameters that acting needs."""
        if self.gripper is None:
            return self.policy
        decides = {CRITICS: self.gripper.critics, EXPLORATION: self.gripper.exploration}
        return {**self.policy, GRIPPER: decides}


def state_to_flat(state: SACState) -> FlatParameters:
    """Every array of the state by its path, on the host."""
    return flatten(state)


def flat_to_state(like: SACState, flat: Mapping[str, NDArray[np.generic]]) -> SACState:
    """The state behind `state_to_flat`, in the structure of `like` (any state of the same agent).

    Raises:
        CheckpointError: an array is missing, left over, or of another shape or dtype.
    """
    leaves, structure = jax.tree_util.tree_flatten_with_path(like)
    names = [jax.tree_util.keystr(path, simple=True, separator="/") for path, _ in leaves]
    if set(names) != set(flat):
        odd = sorted(set(names) ^ set(flat))
        raise CheckpointError(
            "agent state", f"arrays differ: {', '.join(odd[:5])}", "use this run's settings"
        )
    for name, (_, leaf) in zip(names, leaves, strict=True):
        if flat[name].shape != leaf.shape or flat[name].dtype != leaf.dtype:
            raise CheckpointError(
                "agent state",
                f"{name} is {flat[name].dtype}{list(flat[name].shape)}, not {leaf.dtype}{list(leaf.shape)}",
                "use the settings that the checkpoint was written with",
            )
    return jax.tree_util.tree_unflatten(structure, [jnp.array(flat[name]) for name in names])
