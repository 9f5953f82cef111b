"""What a run begins with, also where a kill came before all of it was in the log."""

from dataclasses import replace

import jax
import numpy as np
import pytest

from learner.agents.config import SACConfig
from learner.agents.sac import SAC
from learner.critics import CriticConfig
from learner.start import demos_at_first, read_networks, with_networks
from shared.errors import CheckpointError
from shared.policy.parameters import flatten
from shared.policy.snapshot import PolicySnapshot, write_snapshot
from shared.policy.spec import PolicyConfig
from shared.step import EpisodeKind
from tests.learner.agents.pictures import FRONT, FROZEN, random_trunk, world


@pytest.mark.parametrize("logged", [0, 1, 12, 20])
def test_a_kill_while_demonstrations_enter_the_log_leaves_the_same_ones_to_clone(steps, logged):
    demos = steps(20, kind=EpisodeKind.DEMO)
    assert list(demos_at_first(demos[:logged], logged, demos)) == demos


def test_what_came_after_the_first_practice_is_not_cloned(steps):
    demos, practice = steps(20, kind=EpisodeKind.DEMO), steps(3)
    log = [*demos[:10], *practice, *demos[10:]]
    assert list(demos_at_first(log, len(log), demos)) == demos[:10]


def test_a_policy_that_sees_keeps_its_eyes_where_the_critics_share_them(tmp_path):
    interface, vision = world((FRONT,)), replace(FROZEN, shared=True)
    config = SACConfig(
        policy=PolicyConfig(hidden=(7,)), critic=CriticConfig(hidden=(7,), members=2), vision=vision
    )
    agent = SAC(config, interface, trunk=random_trunk())
    source = agent.policy_params(agent.init(jax.random.key(1)))
    path = tmp_path / "policy.snapshot"
    write_snapshot(
        path,
        PolicySnapshot(
            spec=agent.policy_spec,
            params=source,
            learner_incarnation="life",
            version=1,
            update=9,
            created_at_seconds=0.0,
        ),
    )
    state = with_networks(agent, agent.init(jax.random.key(0)), read_networks(path))
    eyes = {name.removeprefix("encoder/"): a for name, a in source.items() if name.startswith("encoder/")}
    for network in (state.policy, state.critics, state.target_critics):
        jax.tree.map(np.testing.assert_array_equal, flatten(network["encoder"]), eyes)

    other = SAC(replace(config, vision=replace(vision, keypoints=3)), interface, trunk=random_trunk())
    with pytest.raises(CheckpointError, match="another network") as caught:
        with_networks(other, state, read_networks(path))
    assert "[agent.vision]" in caught.value.cure
