"""Critics that decide for a gripper where the world is seen: heads of their own on the policy's maps."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from learner.agents.sac import SAC
from learner.agents.state import flat_to_state, state_to_flat
from learner.probes import Prober, Probes, verify
from shared.errors import CheckpointError
from shared.policy.acting import make_select_action
from shared.policy.vision import VisionConfig
from tests.learner.agents.hands import HYBRID, ONE_HAND, layout_of, random_batch, world
from tests.learner.agents.pictures import FRONT, FROZEN, TRAINED, random_trunk

SEEN = world(*ONE_HAND, images=(FRONT,))
MAPS = {FRONT: (16, 16, 16)}
UPDATES, SIZE = 2, 4


@pytest.mark.parametrize(
    "vision",
    [
        pytest.param(replace(FROZEN, shared=True), id="maps and shared eyes"),
        pytest.param(TRAINED, id="frames and a trained trunk", marks=pytest.mark.acceptance),
    ],
)
def test_it_learns_to_see_alone_is_resumed_and_acts_from_a_snapshot(vision: VisionConfig) -> None:
    config = replace(HYBRID, vision=vision)
    agent = SAC(config, SEEN, trunk=random_trunk() if vision.frozen else None)
    layout = layout_of(config, SEEN, **({"map_shapes": MAPS} if vision.frozen else {}))
    state = agent.init(jax.random.key(0))
    begin = jax.device_get(state.gripper.critics)
    assert set(begin["encoder"]) == {"heads"}
    for call in range(3):
        if call == 1:
            state = flat_to_state(agent.init(jax.random.key(9)), state_to_flat(state))
        state, metrics = agent.update(state, random_batch(layout, call, UPDATES, SIZE))
    if vision.shared:
        state, _ = agent.imitate(state, random_batch(layout, 0, UPDATES, SIZE))
    assert agent.traces == {"update": 1, "imitate": int(vision.shared)}
    assert all(np.isfinite(value) for value in metrics.values())
    moved = jax.tree.map(
        lambda a, b: not np.array_equal(a, b), begin["encoder"], state.gripper.critics["encoder"]
    )
    assert all(jax.tree.leaves(moved))

    batch = random_batch(layout, 3, UPDATES, SIZE)
    dearer = batch._replace(gripper_reward=batch.gripper_reward - 1.0)
    one, other = (agent.update(jax.tree.map(jnp.copy, state), rows)[0] for rows in (batch, dearer))
    for name in ("policy", "critics", "target_critics"):
        jax.tree.map(np.testing.assert_array_equal, getattr(one, name), getattr(other, name))
    heads = [after.gripper.critics["encoder"]["heads"] for after in (one, other)]
    assert not any(jax.tree.leaves(jax.tree.map(np.array_equal, *heads)))

    params, select = agent.policy_params(state), make_select_action(agent.policy_spec)
    probes = Probes.from_arrays(Prober(select).probe(params).to_arrays())
    assert len(np.unique(probes.actions[:, 3:], axis=0)) == len(probes.actions), "the gripper sees them apart"
    verify(probes, select, params, "this")
    blind = {name: -array for name, array in params.items() if "gripper/critics/encoder" in name}
    with pytest.raises(CheckpointError, match="acts differently"):
        verify(probes, select, params | blind, "a file with other eyes")
