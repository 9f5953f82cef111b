import numpy as np
import pytest

from learner.agents.config import CloningConfig, SACConfig
from learner.critics import CriticConfig
from shared.interface import ActionEntry, InterfaceSpec, ObservationEntry
from shared.policy.spec import PolicyConfig


@pytest.fixture(scope="session")
def interface() -> InterfaceSpec:
    return InterfaceSpec(
        name="tiny",
        observations=(
            ObservationEntry(
                name="position", shape=(3,), dtype="float32", offset=(0.0,) * 3, scale=(1.0,) * 3
            ),
        ),
        actions=(ActionEntry(name="move", low=(-1.0, -1.0), high=(1.0, 1.0), unit="m"),),
        control_hz=10.0,
    )


@pytest.fixture(scope="session")
def small_agent() -> SACConfig:
    return SACConfig(
        policy=PolicyConfig(hidden=(8,)),
        critic=CriticConfig(hidden=(8,), members=2),
        cloning=CloningConfig(anneal_updates=50),
    )


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)
