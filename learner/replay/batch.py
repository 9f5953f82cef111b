"""TransitionBatch: what one update call of an agent is given. Its words are fixed here, once."""

from typing import Any, NamedTuple

import numpy as np

from learner.replay.layout import BatchLayout

Array = Any
"""A numpy array or a jax.Array: batches are gathered on the host and trained on wherever the agent is."""


class TransitionBatch(NamedTuple):
    """U minibatches of B transitions, one minibatch for each critic update of a call. A pytree.

    Attributes:
        observation: entries as the BatchLayout says, each (U, B, ...): (D,) float32 vectors, and for images
            (T, H, W, 3) uint8 frames or (T, c, h, w) float16 maps, the newest last.
        action: (U, B, A) float32 in [-1, 1], the action that was chosen.
        reward: (U, B) float32, sum over i < k of gamma^i r_i; k <= n steps were left in the episode.
        discount: (U, B) float32, gamma^k; 0 where the world ended (terminated) within the k steps.
        next_observation: like `observation`, k steps later.
        imitate: (U, B) float32, 1 where a person or a script chose the action, else 0.
        intervention: (U, B) float32, 1 where a person took over in practice, else 0.
        gripper_reward: (U, B) float32, sum over i < k of gamma^i times what only the gripper's critics are
            rewarded with; None where there are none.
        gripper_choice: (U, B) int32, what the action told the grippers; the agent takes it from the action.
    """

    observation: dict[str, Array]
    action: Array
    reward: Array
    discount: Array
    next_observation: dict[str, Array]
    imitate: Array
    intervention: Array
    gripper_reward: Array = None
    gripper_choice: Array = None


def zero_batch(layout: BatchLayout, updates: int, batch_size: int) -> TransitionBatch:
    """A batch of the right shapes and dtypes: enough to compile an agent's update before data comes."""

    def entries() -> dict[str, Array]:
        return {name: np.zeros((*rows, *shape), dtype) for name, (shape, dtype) in layout.entries.items()}

    rows = (updates, batch_size)
    return TransitionBatch(
        observation=entries(),
        action=np.zeros((*rows, layout.interface.action_size), np.float32),
        reward=np.zeros(rows, np.float32),
        discount=np.zeros(rows, np.float32),
        next_observation=entries(),
        imitate=np.zeros(rows, np.float32),
        intervention=np.zeros(rows, np.float32),
        gripper_reward=np.zeros(rows, np.float32) if layout.grippers else None,
    )
