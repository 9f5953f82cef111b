"""A small world, random batches for it, and agents that many tests share: each compiles once a session."""

from collections.abc import Callable, Iterator

import jax
import numpy as np
import pytest

from learner.agents.config import CloningConfig, SACConfig, TemperatureConfig
from learner.agents.sac import SAC
from learner.critics import CriticConfig
from learner.optimisers import OptimiserConfig
from learner.replay.batch import TransitionBatch, zero_batch
from learner.replay.layout import BatchLayout
from shared.interface import ActionEntry, InterfaceSpec, ObservationEntry
from shared.policy.spec import PolicyConfig

UPDATES, BATCH = 4, 16

MakeBatch = Callable[..., TransitionBatch]


@pytest.fixture(scope="module", autouse=True)
def quick_to_compile() -> Iterator[None]:
    """These networks are tiny: compiling them well would take longer than running them."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


@pytest.fixture(scope="session")
def interface() -> InterfaceSpec:
    return InterfaceSpec(
        name="small",
        observations=(
            ObservationEntry(
                name="position", shape=(2,), dtype="float32", offset=(0.5, 0.0), scale=(2.0, 1.0)
            ),
            ObservationEntry(name="opening", shape=(1,), dtype="float32"),
        ),
        actions=(ActionEntry(name="motion", low=(-1.0, -1.0), high=(1.0, 1.0), unit="m"),),
        control_hz=10.0,
    )


@pytest.fixture(scope="session")
def make_batch(interface: InterfaceSpec) -> MakeBatch:
    def make(seed: int = 0, updates: int = UPDATES, size: int = BATCH) -> TransitionBatch:
        rng = np.random.default_rng(seed)
        zeros = zero_batch(BatchLayout(interface=interface), updates, size)
        batch = jax.tree.map(lambda x: rng.uniform(-1, 1, x.shape).astype(np.float32), zeros)
        imitate = (rng.random((updates, size)) < 0.5).astype(np.float32)
        discount = np.where(rng.random((updates, size)) < 0.2, 0.0, 0.9).astype(np.float32)
        return batch._replace(imitate=imitate, discount=discount, intervention=np.zeros_like(imitate))

    return make


@pytest.fixture(scope="session")
def agent(interface: InterfaceSpec) -> SAC:
    """Two critics, cloning on: the default settings in small, and in a hurry."""
    fast = OptimiserConfig(learning_rate=3e-3)
    config = SACConfig(
        policy=PolicyConfig(hidden=(16,)),
        critic=CriticConfig(hidden=(16,)),
        cloning=CloningConfig(optimiser=fast),
        policy_optimiser=fast,
        critic_optimiser=fast,
    )
    return SAC(config, interface)


@pytest.fixture(scope="session")
def reference_agent(interface: InterfaceSpec) -> SAC:
    """Everything on at once: a subset of three critics, entropy backup, clipping, filtered cloning."""
    config = SACConfig(
        backup_entropy=True,
        policy_rows="all",
        policy=PolicyConfig(hidden=(8, 8), initial_std=0.5),
        critic=CriticConfig(members=3, subset=2, hidden=(8, 8), tau=0.1),
        temperature=TemperatureConfig(initial=0.3),
        cloning=CloningConfig(weight_start=0.7, weight_end=0.7, nll_share=0.4, q_floor=0.05, q_filter=True),
        policy_optimiser=OptimiserConfig(learning_rate=1e-2, clip_norm=0.5),
        critic_optimiser=OptimiserConfig(learning_rate=1e-2, clip_norm=0.3),
    )
    return SAC(config, interface)
