"""An agent that sees is restored as it was, whether its trunk is part of it or apart."""

import jax
import numpy as np
import pytest

from learner.agents.config import SACConfig
from learner.agents.sac import SAC
from learner.agents.state import flat_to_state, state_to_flat
from learner.critics import CriticConfig
from learner.probes import Prober, Probes, verify
from shared.errors import CheckpointError
from shared.policy.acting import make_select_action
from shared.policy.spec import PolicyConfig
from shared.policy.vision import VisionConfig
from tests.learner.agents.pictures import FRONT, FROZEN, TRAINED, random_trunk, world


@pytest.mark.parametrize("vision", [FROZEN, TRAINED], ids=["frozen", "trained"])
def test_state_and_probes_survive_the_file(vision: VisionConfig) -> None:
    config = SACConfig(policy=PolicyConfig(hidden=(7,)), critic=CriticConfig(hidden=(7,)), vision=vision)
    agent = SAC(config, world((FRONT,), 32), trunk=random_trunk() if vision.frozen else None)
    state, other = agent.init(jax.random.key(0)), agent.init(jax.random.key(1))
    flat = state_to_flat(state)
    assert any("/trunks/" in name for name in flat) is not vision.frozen
    restored = flat_to_state(other, flat)
    jax.tree.map(np.testing.assert_array_equal, state_to_flat(restored), flat)

    select = make_select_action(agent.policy_spec)
    probes = Prober(select).probe(agent.policy_params(state))
    assert len(np.unique(probes.actions, axis=0)) == len(probes.actions)
    probes = Probes.from_arrays(probes.to_arrays())
    verify(probes, select, agent.policy_params(restored), "this")
    with pytest.raises(CheckpointError, match="restored from another acts differently"):
        verify(probes, select, agent.policy_params(other), "another")
    params = agent.policy_params(state)
    kernels = [name for name in params if name.endswith("kernel") and ("heads" in name or "Conv_3" in name)]
    for name in kernels:
        with pytest.raises(CheckpointError, match="acts differently"):
            verify(probes, select, params | {name: -params[name]}, "a file damaged in one array")
    assert len(kernels) == (1 if vision.frozen else 2)
    assert (select.traces, select.encode_traces) == (1, 0 if vision.frozen else 1)
