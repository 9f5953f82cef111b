"""Small worlds with cameras, random batches of their pictures, and eyes that compile quickly."""

import jax
import numpy as np

from learner.replay.batch import TransitionBatch, zero_batch
from learner.replay.layout import BatchLayout
from shared.interface import ActionEntry, InterfaceSpec, ObservationEntry
from shared.policy.trunks.weights import TrunkWeights, load_trunk
from shared.policy.vision import VisionConfig

FRONT, WRIST = "front/image", "wrist/image"
FROZEN = VisionConfig(
    trunk="efficientnet_lite0_frozen", trunk_stages=1, embeddings=2, bottleneck=6, state_width=5
)
TRAINED = VisionConfig(trunk="small", embeddings=2, bottleneck=6, state_width=5)


def world(cameras: tuple[str, ...] = (FRONT, WRIST), size: int = 16, state: bool = True) -> InterfaceSpec:
    """Square pictures beside two numbers; actions of two elements."""
    numbers = ObservationEntry(name="position", shape=(2,), dtype="float32")
    pictures = tuple(ObservationEntry(name=name, shape=(size, size, 3), dtype="uint8") for name in cameras)
    return InterfaceSpec(
        name="pictures",
        observations=((numbers,) if state else ()) + pictures,
        actions=(ActionEntry(name="motion", low=(-1.0, -1.0), high=(1.0, 1.0), unit="m"),),
        control_hz=10.0,
    )


def random_trunk(vision: VisionConfig = FROZEN) -> TrunkWeights:
    """Always the same."""
    return load_trunk(vision, "random")


def random_batch(layout: BatchLayout, updates: int, size: int, seed: int = 0) -> TransitionBatch:
    """Noise of the layout's shapes; half of the rows are demonstrated, some end the world."""
    rng = np.random.default_rng(seed)

    def noise(zeros: np.ndarray) -> np.ndarray:
        if zeros.dtype == np.uint8:
            return rng.integers(0, 256, zeros.shape, np.uint8)
        return rng.uniform(-1, 1, zeros.shape).astype(zeros.dtype)

    batch = jax.tree.map(noise, zero_batch(layout, updates, size))
    imitate = (rng.random((updates, size)) < 0.5).astype(np.float32)
    discount = np.where(rng.random((updates, size)) < 0.2, 0.0, 0.9).astype(np.float32)
    return batch._replace(imitate=imitate, discount=discount, intervention=np.zeros_like(imitate))
