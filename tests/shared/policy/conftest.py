"""A small world and a policy for it."""

import jax
import numpy as np
import pytest

from shared.interface import ActionEntry, InterfaceSpec, ObservationEntry
from shared.policy.network import GaussianPolicy
from shared.policy.parameters import flatten
from shared.policy.snapshot import PolicySnapshot
from shared.policy.spec import PolicySpec


@pytest.fixture(scope="session")
def interface() -> InterfaceSpec:
    return InterfaceSpec(
        name="small",
        observations=(
            ObservationEntry(
                name="arm/position",
                shape=(3,),
                dtype="float32",
                offset=(1.0, 2.0, 3.0),
                scale=(0.5, 0.5, 2.0),
            ),
            ObservationEntry(name="arm/opening", shape=(1,), dtype="float32"),
        ),
        actions=(ActionEntry(name="arm/motion", low=(-0.1, -0.1), high=(0.1, 0.1), unit="m"),),
        control_hz=10.0,
    )


@pytest.fixture(scope="session")
def spec(interface: InterfaceSpec) -> PolicySpec:
    return PolicySpec(interface=interface, hidden=(16,), initial_std=0.3)


@pytest.fixture
def observation() -> dict[str, np.ndarray]:
    return {
        "arm/position": np.array([1.1, 1.9, 3.5], np.float32),
        "arm/opening": np.array([0.2], np.float32),
    }


@pytest.fixture(scope="session")
def snapshot(spec: PolicySpec) -> PolicySnapshot:
    zeros = {e.name: np.zeros(e.shape, e.dtype) for e in spec.interface.observations}
    params = GaussianPolicy(spec).init(jax.random.key(0), zeros)["params"]
    return PolicySnapshot(
        spec=spec,
        params=flatten(params),
        learner_incarnation="0123456789abcdef-00000000",
        version=7,
        update=400,
        created_at_seconds=1.7e9,
    )
