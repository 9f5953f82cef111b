"""The whole agent, from pictures to actions, on the smallest task that needs eyes."""

import jax
import numpy as np

from learner.agents.augmentation import AugmentationConfig
from learner.agents.config import SACConfig, TemperatureConfig
from learner.agents.presets import NO_CLONING
from learner.agents.sac import SAC
from learner.agents.state import SACState
from learner.critics import CriticConfig
from learner.optimisers import OptimiserConfig
from learner.replay.batch import TransitionBatch
from shared.interface import ActionEntry, InterfaceSpec, ObservationEntry
from shared.policy.acting import make_select_action
from shared.policy.spec import PolicyConfig
from shared.policy.vision import VisionConfig
from tests.learner.agents.pictures import random_trunk

SIZE, UPDATES, BATCH = 16, 4, 32
FROZEN = VisionConfig(trunk_stages=1, bottleneck=32)
INTERFACE = InterfaceSpec(
    name="bandit",
    observations=(ObservationEntry(name="front/image", shape=(SIZE, SIZE, 3), dtype="uint8"),),
    actions=(ActionEntry(name="point", low=(-1.0,), high=(1.0,), unit="1"),),
    control_hz=10.0,
)


def pictures(places: np.ndarray) -> np.ndarray:
    """(..., 1, H, W, 3): a bright column at each place in [-1, 1]."""
    columns = np.linspace(-1, 1, SIZE)
    bright = np.abs(columns - places[..., None]) < 0.2
    frames = np.where(bright, 255, 40).astype(np.uint8)[..., None, None, :, None]
    return np.broadcast_to(frames, (*places.shape, 1, SIZE, SIZE, 3))


def batch(rng: np.random.Generator) -> TransitionBatch:
    """Random actions, each rewarded by how near it points to the column."""
    places, action = rng.uniform(-0.8, 0.8, (UPDATES, BATCH)), rng.uniform(-1, 1, (UPDATES, BATCH, 1))
    zeros = np.zeros((UPDATES, BATCH), np.float32)
    frames = {"front/image": pictures(places)}
    reward = 1 - np.abs(action[..., 0] - places)
    reward = reward.astype(np.float32)
    return TransitionBatch(frames, action.astype(np.float32), reward, zeros, frames, zeros, zeros)


def config() -> SACConfig:
    fast = OptimiserConfig(learning_rate=2e-3)
    return SACConfig(
        policy=PolicyConfig(hidden=(64,), activation="relu", initial_std=0.3),
        critic=CriticConfig(hidden=(64, 64), activation="relu"),
        temperature=TemperatureConfig(initial=0.01, learned=False),
        cloning=NO_CLONING,
        policy_rows="all",
        vision=FROZEN,
        augmentation=AugmentationConfig(pad=1),
        policy_optimiser=fast,
        critic_optimiser=fast,
    )


def mean_error(agent: SAC, state: SACState) -> float:
    """How far from the column the greedy action points, chosen as an actor would choose it."""
    select, params = make_select_action(agent.policy_spec), jax.device_put(agent.policy_params(state))
    places, trunk = np.linspace(-0.75, 0.75, 11), random_trunk(FROZEN).params
    errors = []
    for place, frames in zip(places, pictures(places), strict=True):
        maps = select.encode(params, {"front/image": frames[0]}, trunk)
        seen = {"front/image": np.asarray(maps["front/image"])[None]}
        errors.append(abs(select(params, seen, jax.random.key(0), True)[0] - place))
    assert select.traces == select.encode_traces == 1
    return float(np.mean(errors))


def test_practice_learns_to_point_at_what_it_sees() -> None:
    agent = SAC(config(), INTERFACE, trunk=random_trunk(FROZEN))
    rng, state = np.random.default_rng(0), agent.init(jax.random.key(0))
    for _ in range(60):
        state, _ = agent.update(state, batch(rng))
    assert mean_error(agent, state) < 0.15
    assert agent.traces["update"] == 1
