"""Where transitions are gathered: arrays of a TransitionBatch that are still to be written."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from learner.replay.batch import TransitionBatch
from learner.replay.layout import BatchLayout

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class BatchBuffers:
    """Fields as in TransitionBatch, (U, B, ...), as NumPy arrays that can be written."""

    observation: dict[str, NDArray[np.generic]]
    action: Floats
    reward: Floats
    discount: Floats
    next_observation: dict[str, NDArray[np.generic]]
    imitate: Floats
    intervention: Floats
    gripper_reward: Floats | None = None

    @property
    def nbytes(self) -> int:
        """Bytes of all its arrays."""
        entries = [*self.observation.values(), *self.next_observation.values()]
        numbers = [self.action, self.reward, self.discount, self.imitate, self.intervention]
        numbers += [] if self.gripper_reward is None else [self.gripper_reward]
        return sum(array.nbytes for array in [*entries, *numbers])

    def batch(self) -> TransitionBatch:
        """The same arrays as a batch."""
        return TransitionBatch(
            observation=dict(self.observation),
            action=self.action,
            reward=self.reward,
            discount=self.discount,
            next_observation=dict(self.next_observation),
            imitate=self.imitate,
            intervention=self.intervention,
            gripper_reward=self.gripper_reward,
        )


def empty_buffers(layout: BatchLayout, updates: int, batch_size: int) -> BatchBuffers:
    """Buffers for U = `updates` minibatches of B = `batch_size`."""
    shape = (updates, batch_size)

    def entries() -> dict[str, NDArray[np.generic]]:
        return {name: np.empty((*shape, *tail), dtype) for name, (tail, dtype) in layout.entries.items()}

    return BatchBuffers(
        observation=entries(),
        action=np.empty((*shape, layout.interface.action_size), np.float32),
        reward=np.empty(shape, np.float32),
        discount=np.empty(shape, np.float32),
        next_observation=entries(),
        imitate=np.empty(shape, np.float32),
        intervention=np.empty(shape, np.float32),
        gripper_reward=np.empty(shape, np.float32) if layout.grippers else None,
    )
