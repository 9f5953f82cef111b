"""What a run begins with, also where a kill came before all of it was in the log."""

from dataclasses import replace

import jax
import numpy as np
import pytest

from learner.agents.config import SACConfig
from learner.agents.sac import SAC
from learner.agents.state import state_to_flat
from learner.checkpoints import Checkpoint, write_checkpoint
from learner.critics import CriticConfig
from learner.probes import Prober
from learner.start import demos_at_first, read_networks, with_networks
from shared.errors import CheckpointError
from shared.policy.acting import make_select_action
from shared.policy.parameters import flatten
from shared.policy.snapshot import PolicySnapshot, write_snapshot
from shared.policy.spec import PolicyConfig
from shared.step import EpisodeKind
from tests.learner.agents.hands import ARM, HYBRID
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


@pytest.fixture(scope="module")
def hybrid():
    """An agent whose gripper critics decide, and a state whose targets lag behind."""
    agent = SAC(HYBRID, ARM)
    state = agent.init(jax.random.key(1))
    targets = jax.tree.map(lambda x: x - 0.25, state.gripper.critics)
    return agent, state._replace(gripper=state.gripper._replace(targets=targets, exploration=np.float32(0.2)))


def snapshot_of(agent, state):
    return PolicySnapshot(
        spec=agent.policy_spec,
        params=agent.policy_params(state),
        learner_incarnation="life",
        version=4,
        update=4,
        created_at_seconds=0.0,
    )


def test_a_policy_brings_what_decides_for_its_gripper_and_explores_as_at_the_start(hybrid, tmp_path):
    agent, source = hybrid
    write_snapshot(path := tmp_path / "policy.snapshot", snapshot_of(agent, source))
    state = with_networks(agent, agent.init(jax.random.key(0)), read_networks(path))
    for network in (state.gripper.critics, state.gripper.targets):
        jax.tree.map(np.testing.assert_array_equal, network, source.gripper.critics)
    assert float(state.gripper.exploration) == HYBRID.gripper.exploration.start


def test_a_checkpoint_brings_the_targets_of_the_gripper_too(hybrid, tmp_path):
    agent, source = hybrid
    snapshot = snapshot_of(agent, source)
    checkpoint = Checkpoint(
        update=4,
        call=1,
        position=0,
        ratio={},
        pretrain_updates=0,
        state=state_to_flat(source),
        probes=Prober(make_select_action(agent.policy_spec)).probe(snapshot.params),
        policy=snapshot,
        config_toml="",
        device="cpu",
    )
    path = write_checkpoint(tmp_path, checkpoint)
    state = with_networks(agent, agent.init(jax.random.key(0)), read_networks(path))
    jax.tree.map(np.testing.assert_array_equal, state.gripper.critics, source.gripper.critics)
    jax.tree.map(np.testing.assert_array_equal, state.gripper.targets, source.gripper.targets)
    assert not np.array_equal(*(flatten(t)["member/value/bias"] for t in state.gripper[:2]))
    assert int(state.updates) == 0
