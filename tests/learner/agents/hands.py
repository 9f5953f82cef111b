"""Small worlds with grippers, random batches for them, and an agent whose grippers critics decide."""

import numpy as np

from learner.agents.config import CloningConfig, SACConfig
from learner.agents.gripper_config import GripperCriticConfig, GripperExplorationConfig
from learner.critics import CriticConfig
from learner.optimisers import OptimiserConfig
from learner.replay.batch import TransitionBatch, zero_batch
from learner.replay.layout import BatchLayout
from shared.interface import ActionEntry, InterfaceSpec, ObservationEntry
from shared.policy.spec import PolicyConfig

UPDATES, BATCH = 4, 16


def _entry(name: str, size: int) -> ActionEntry:
    return ActionEntry(name=name, low=(-1.0,) * size, high=(1.0,) * size, unit="1")


def world(*actions: ActionEntry, images: tuple[str, ...] = ()) -> InterfaceSpec:
    """A position of two numbers, what each gripper was told, and 32 x 32 pictures."""
    seen = [ObservationEntry(name="position", shape=(2,), dtype="float32", scale=(2.0, 1.0))]
    grippers = [action.name for action in actions if action.name.endswith("gripper")]
    seen += [ObservationEntry(name=f"{name}/command", shape=(1,), dtype="float32") for name in grippers]
    seen += [ObservationEntry(name=name, shape=(32, 32, 3), dtype="uint8") for name in images]
    return InterfaceSpec(name="hands", observations=tuple(seen), actions=actions, control_hz=10.0)


ONE_HAND = (_entry("motion", 2), _entry("gripper", 1))
ARM = world(*ONE_HAND)
ARMS = world(
    _entry("left/motion", 1), _entry("left/gripper", 1), _entry("right/motion", 2), _entry("right/gripper", 1)
)

GRIPPER = GripperCriticConfig(
    enabled=True,
    members=2,
    reduce="min",
    hidden=(8, 8),
    activation="tanh",
    tau=0.1,
    cloning=0.5,
    cloning_margin=0.2,
    exploration=GripperExplorationConfig(start=0.5, end=0.1, anneal_updates=16),
    optimiser=OptimiserConfig(learning_rate=1e-2, clip_norm=0.3),
)
HYBRID = SACConfig(
    policy=PolicyConfig(hidden=(8,)),
    critic=CriticConfig(hidden=(8,)),
    cloning=CloningConfig(
        weight_start=0.7,
        weight_end=0.7,
        intervention_weight=3.0,
        optimiser=OptimiserConfig(learning_rate=1e-2),
    ),
    gripper=GRIPPER,
)


def layout_of(config: SACConfig, interface: InterfaceSpec, **images: object) -> BatchLayout:
    """As the learner makes it."""
    return BatchLayout(interface=interface, grippers=config.gripper.rewards(interface), **images)


def random_batch(
    layout: BatchLayout, seed: int = 0, updates: int = UPDATES, size: int = BATCH
) -> TransitionBatch:
    """Noise; half of the rows are demonstrated, some of these corrections, and some rows end the world."""
    rng = np.random.default_rng(seed)

    def noise(zeros: np.ndarray) -> np.ndarray:
        if zeros.dtype == np.uint8:
            return rng.integers(0, 256, zeros.shape, np.uint8)
        return rng.uniform(-1, 1, zeros.shape).astype(zeros.dtype)

    zeros = zero_batch(layout, updates, size)
    imitate = (rng.random((updates, size)) < 0.5).astype(np.float32)
    return zeros._replace(
        observation={name: noise(array) for name, array in zeros.observation.items()},
        next_observation={name: noise(array) for name, array in zeros.next_observation.items()},
        action=noise(zeros.action),
        reward=noise(zeros.reward),
        gripper_reward=noise(zeros.reward),
        discount=np.where(rng.random((updates, size)) < 0.2, 0.0, 0.9).astype(np.float32),
        imitate=imitate,
        intervention=imitate * (rng.random((updates, size)) < 0.3).astype(np.float32),
    )
