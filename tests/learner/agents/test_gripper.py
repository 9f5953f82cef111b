"""Critics that decide for grippers: values worked out by hand, a NumPy reference, and who may touch what."""

from dataclasses import replace
from functools import partial
from operator import itemgetter
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from learner.agents.config import CloningConfig, SACConfig
from learner.agents.critic_update import update_critics
from learner.agents.gripper import choice_cloning_error, double_q_target
from learner.agents.gripper_config import GripperCriticConfig, GripperExplorationConfig
from learner.agents.networks import SACNetworks
from learner.agents.sac import SAC
from learner.agents.state import SACState, flat_to_state, state_to_flat
from learner.critics import CriticConfig
from learner.optimisers import OptimiserConfig
from learner.probes import Prober, verify
from learner.replay.batch import TransitionBatch, zero_batch
from shared.errors import CheckpointError, ConfigError
from shared.policy.acting import make_select_action
from shared.policy.gripper import worth
from shared.policy.gripper_spec import GripperSpec
from shared.policy.spec import PolicyConfig
from tests.learner.agents.gripper_reference import GripperReference
from tests.learner.agents.hands import (
    ARM,
    ARMS,
    BATCH,
    HYBRID,
    ONE_HAND,
    UPDATES,
    layout_of,
    random_batch,
    world,
)
from tests.learner.agents.reference import Adam

GAMMA, PENALTY = 0.9, 0.25
LAYOUT = layout_of(HYBRID, ARM)


@pytest.fixture(scope="module")
def agent() -> SAC:
    return SAC(HYBRID, ARM)


def same(a: Any, b: Any) -> None:
    jax.tree.map(np.testing.assert_array_equal, jax.device_get(a), jax.device_get(b))


def differ(a: Any, b: Any) -> bool:
    return not all(jax.tree.leaves(jax.tree.map(np.array_equal, a, b)))


def test_grasping_is_worth_what_was_worked_out_by_hand_and_motion_sees_no_penalty() -> None:
    """Two states. Open at the cube: closing grasps it, else nothing changes. Holding: opening drops it, else
    it is lifted, 1, the end. Whatever changes the gripper costs p. Every choice is equally frequent.

      Q(holding, close) = Q(holding, stay) = 1             Q(open, close) = -p + g, so V(open) = g - p
      Q(holding, open) = -p + g V(open)                    Q(open, stay) = Q(open, open) = g V(open)

    To the motion's critics the gripper is chance, and costs nothing:
      Q(holding) = 2/3 + 1/3 g Q(open)                     Q(open) = 1/3 g Q(holding) + 2/3 g Q(open)
    """
    still = OptimiserConfig(learning_rate=1e-30)
    falling = OptimiserConfig(learning_rate=2e-2, decay_updates=1600)
    config = SACConfig(
        policy=PolicyConfig(hidden=(8,), initial_std=0.5),
        critic=CriticConfig(members=1, hidden=(32,), tau=0.2, layer_norm=False),
        cloning=CloningConfig(weight_start=0.0, weight_end=0.0),
        gripper=GripperCriticConfig(
            enabled=True, hidden=(32,), layer_norm=False, tau=0.2, penalty=PENALTY, optimiser=falling
        ),
        policy_optimiser=still,
        critic_optimiser=falling,
    )
    evaluator = SAC(config, ARM)
    state, rng = evaluator.init(jax.random.key(0)), np.random.default_rng(0)
    for _ in range(400):
        state, _ = evaluator.update(state, grasping(rng))
    rows = {name: array[0] for name, array in observed(np.array([[0, 1]])).items()}
    networks = SACNetworks.of(config, ARM)
    found = worth(networks.gripper.spec, networks.gripper.values(state.gripper.critics, state.policy, rows))
    at_cube = GAMMA - PENALTY
    expected = [[at_cube, GAMMA * at_cube, GAMMA * at_cube], [1.0, 1.0, GAMMA * at_cube - PENALTY]]
    np.testing.assert_allclose(found, expected, atol=0.05)
    motion = networks.q(state.critics, rows, jnp.zeros((2, 2)), state.seed_key)[0]
    holding = (2 / 3) / (1 - (GAMMA / 3) ** 2 / (1 - 2 * GAMMA / 3))
    np.testing.assert_allclose(motion, [GAMMA / 3 * holding / (1 - 2 * GAMMA / 3), holding], atol=0.05)


def observed(holding: np.ndarray) -> dict[str, np.ndarray]:
    """Position and what the gripper was told in these states."""
    position = np.stack([2.0 * holding - 1.0, 1.0 - holding], axis=-1).astype(np.float32)
    return {"position": position, "gripper/command": 1.0 - 2.0 * holding[..., None].astype(np.float32)}


def grasping(rng: np.random.Generator) -> TransitionBatch:
    """Rows in either state, with any motion and any command to the gripper."""
    holding = rng.integers(0, 2, (UPDATES, BATCH))
    told = rng.integers(-1, 2, holding.shape)
    after = np.where(told < 0, 1, np.where(told > 0, 0, holding))
    lifted = (holding == 1) & (told <= 0)
    motion = rng.uniform(-1, 1, (*holding.shape, 2))
    return TransitionBatch(
        observation=observed(holding),
        action=np.concatenate([motion, 0.8 * told[..., None]], axis=-1).astype(np.float32),
        reward=lifted.astype(np.float32),
        discount=np.where(lifted, 0.0, GAMMA).astype(np.float32),
        next_observation=observed(after),
        imitate=np.zeros(holding.shape, np.float32),
        intervention=np.zeros(holding.shape, np.float32),
        gripper_reward=-PENALTY * (after != holding).astype(np.float32),
    )


def test_two_calls_equal_the_numpy_reference(agent: SAC) -> None:
    state = agent.init(jax.random.key(5))
    expected = beginning(state)
    for call in range(2):
        batch = random_batch(LAYOUT, seed=call)
        for update in range(UPDATES):
            expected.update({name: array[update] for name, array in by_hand(batch).items()})
        state, metrics = agent.update(state, batch)
        assert 0.0 < float(metrics["gripper_agreement"]) < 1.0
        for member in range(2):
            close(of_member(state.gripper.critics, member), expected.critics[member])
            close(of_member(state.gripper.targets, member), expected.targets[member])


def beginning(state: SACState) -> GripperReference:
    critics = [of_member(state.gripper.critics, member) for member in range(2)]
    return GripperReference(
        critics=critics,
        targets=[of_member(state.gripper.targets, member) for member in range(2)],
        optimise=Adam(dict(enumerate(critics)), 1e-2, 0.3),
        tau=0.1,
        margin=0.2,
        cloning=0.5 * 0.7,
    )


def by_hand(batch: TransitionBatch) -> dict[str, np.ndarray]:
    def joined(seen: dict[str, np.ndarray]) -> np.ndarray:
        return np.arcsinh(np.concatenate([seen["position"] / [2.0, 1.0], seen["gripper/command"]], axis=-1))

    told = batch.action[..., 2]
    names = ("reward", "gripper_reward", "discount", "imitate", "intervention")
    return {name: getattr(batch, name).astype(np.float64) for name in names} | {
        "observation": joined(batch.observation),
        "next_observation": joined(batch.next_observation),
        "choice": np.where(np.abs(told) < 0.2, 1, np.where(told > 0, 2, 0)),
    }


def of_member(tree: Any, member: int) -> Any:
    return jax.tree.map(lambda x: np.asarray(x[member], np.float64), itemgetter("member")(tree))


def close(ours: Any, theirs: Any) -> None:
    jax.tree.map(partial(np.testing.assert_allclose, atol=2e-4), ours, theirs)


def test_the_choice_is_the_acting_critics_and_its_value_the_targets() -> None:
    """Double DQN: neither the targets' best, 9, nor the acting critics' own value, 2, is what is learned."""
    spec = GripperSpec(elements=(0,))
    online, target = jnp.array([[[0.0, 2.0, 1.0]]]), jnp.array([[[9.0, 3.0, 0.0]]])
    found = double_q_target(spec, jnp.array([0.5]), jnp.array([0.5]), online, target)
    np.testing.assert_allclose(found, [0.5 + 0.5 * 3.0])


def test_cloning_is_the_margin_times_the_cross_entropy_and_ignores_the_level() -> None:
    values, choice, margin = jnp.array([[[0.3, 0.1, 0.2]]]), jnp.array([1]), 0.1
    likely = np.exp([3.0, 1.0, 2.0])
    expected = -margin * np.log(likely[1] / likely.sum())
    for level in (0.0, 5.0):
        found = choice_cloning_error(values + level, choice, margin)
        np.testing.assert_allclose(found, [expected], rtol=1e-4)


def test_the_gripper_and_the_motion_do_not_touch_each_other_and_targets_move_by_tau() -> None:
    networks = SACNetworks.of(HYBRID, ARM)
    state = jax.jit(networks.init)(jax.random.key_data(jax.random.key(2)))
    update = jax.jit(lambda state, batch: update_critics(networks, state, networks.gripper.split(batch)))
    batch = random_batch(LAYOUT, updates=1)
    after, _, _ = update(state, batch)
    dearer, _, _ = update(state, batch._replace(gripper_reward=batch.gripper_reward - 1.0))
    same(
        (after.critics, after.target_critics, after.policy),
        (dearer.critics, dearer.target_critics, state.policy),
    )
    assert differ(after.gripper.critics, dearer.gripper.critics)
    tau = HYBRID.gripper.tau
    expected = jax.tree.map(
        lambda new, old: tau * new + (1 - tau) * old, after.gripper.critics, state.gripper.targets
    )
    jax.tree.map(partial(np.testing.assert_allclose, atol=1e-7), after.gripper.targets, expected)
    told = batch._replace(action=np.concatenate([batch.action[..., :2], -batch.action[..., 2:]], axis=-1))
    moved, _, _ = update(state, told)
    same(moved.critics, after.critics)
    assert differ(moved.gripper.critics, after.gripper.critics)


def test_one_trace_resumed_it_goes_on_as_if_never_stopped_and_its_snapshot_acts(agent: SAC) -> None:
    agent.compile(zero_batch(LAYOUT, UPDATES, BATCH))
    state, straight = agent.init(jax.random.key(3)), agent.init(jax.random.key(3))
    for call in range(4):
        if call == 2:
            state = flat_to_state(agent.init(jax.random.key(99)), state_to_flat(state))
        state, metrics = agent.update(state, random_batch(LAYOUT, call))
        straight, _ = agent.update(straight, random_batch(LAYOUT, call))
    same(state, straight)
    assert agent.traces["update"] == 1
    assert {value.shape for value in metrics.values()} == {()}
    assert all(np.isfinite(value) for value in metrics.values())
    params = agent.policy_params(state)
    assert float(params["gripper/exploration"]) == pytest.approx(0.1)
    select = make_select_action(agent.policy_spec)
    probes = Prober(select).probe(params)
    assert probes.actions.shape == (8, 3 + 3)
    assert set(np.unique(probes.actions[:, 2])) <= {-1.0, 0.0, 1.0}
    verify(probes, select, params, "this")
    for name in ("gripper/critics/member/advantage/kernel", "gripper/critics/member/torso/Dense_0/kernel"):
        with pytest.raises(CheckpointError, match="acts differently"):
            verify(probes, select, params | {name: -params[name]}, "a file damaged in one array")


def test_the_level_of_exploration_is_annealed_and_travels_in_the_snapshot(agent: SAC) -> None:
    state, levels = agent.init(jax.random.key(0)), []
    for call in range(5):
        levels.append(float(agent.policy_params(state)["gripper/exploration"]))
        state, _ = agent.update(state, random_batch(LAYOUT, call))
    np.testing.assert_allclose(levels, [0.5, 0.4, 0.3, 0.2, 0.1], rtol=1e-5)


def test_cloning_before_practice_brings_the_choice_to_the_demonstrated_one(agent: SAC) -> None:
    """Close where the position is left, open where it is right; undemonstrated rows say otherwise."""
    state = agent.init(jax.random.key(0))
    critics = jax.device_get(state.critics)
    for call in range(120):
        batch = random_batch(LAYOUT, call)
        told = np.sign(batch.observation["position"][..., :1]) * (2 * batch.imitate - 1)[..., None]
        action = np.concatenate([batch.action[..., :2], told], axis=-1).astype(np.float32)
        state, metrics = agent.imitate(state, batch._replace(action=action))
    assert float(metrics["gripper_agreement"]) > 0.9
    same(critics, state.critics)
    same(state.gripper.critics, state.gripper.targets)


def test_two_grippers_are_decided_together() -> None:
    """A reward only where the left closes while the right opens, as at a handover: 3 * 0 + 2 is best."""
    fast = OptimiserConfig(learning_rate=1e-2)
    config = replace(
        HYBRID,
        cloning=CloningConfig(weight_start=0.0, weight_end=0.0),
        gripper=replace(HYBRID.gripper, hidden=(16,), reduce="mean", optimiser=fast),
    )
    agent, layout = SAC(config, ARMS), layout_of(config, ARMS)
    state = agent.init(jax.random.key(0))
    for call in range(100):
        batch = random_batch(layout, call)
        told = np.random.default_rng(call).integers(-1, 2, (UPDATES, BATCH, 2))
        batch.action[..., [1, 4]] = told
        won = ((told[..., 0] < 0) & (told[..., 1] > 0)).astype(np.float32)
        batch = batch._replace(reward=won, discount=np.zeros_like(won), gripper_reward=np.zeros_like(won))
        state, _ = agent.update(state, batch)
    select, params = make_select_action(agent.policy_spec), agent.policy_params(state)
    seen = {name: array[0, 0] for name, array in batch.observation.items()}
    action = select(params, seen, jax.random.key(0), True)
    np.testing.assert_array_equal(action[[1, 4]], [-1.0, 1.0])
    np.testing.assert_allclose(select.gripper_worth(params, seen), np.eye(9)[2], atol=0.2)


def test_worlds_without_a_named_gripper_need_its_place_and_data_that_names_penalties() -> None:
    plain = world(replace(ONE_HAND[0], name="action", low=(-1.0,) * 3, high=(1.0,) * 3))
    with pytest.raises(ConfigError, match=r"(?s)no action entry of hands is named gripper, there are action"):
        SAC(HYBRID, plain)
    given = replace(HYBRID.gripper, elements=(2,))
    assert given.spec(plain).elements == (2,)
    assert given.rewards(plain).states == ()
    assert HYBRID.gripper.rewards(ARMS).states == ("left/gripper/command", "right/gripper/command")
    assert GripperCriticConfig().spec(ARM) is GripperCriticConfig().rewards(ARM) is None


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: GripperCriticConfig(threshold=0.0),
        lambda: GripperCriticConfig(tau=1.5),
        lambda: GripperCriticConfig(penalty=-0.1),
        lambda: GripperCriticConfig(cloning=-1.0),
        lambda: GripperCriticConfig(cloning_margin=0.0),
        lambda: GripperCriticConfig(members=0),
        lambda: GripperCriticConfig(elements=(2, 1)),
        lambda: GripperCriticConfig(reduce="max"),
        lambda: GripperExplorationConfig(start=0.1, end=0.2),
        lambda: GripperExplorationConfig(start=1.5),
        lambda: GripperExplorationConfig(anneal_updates=0),
        lambda: GripperCriticConfig(exploration=GripperExplorationConfig(kind="noise")),
    ],
)
def test_settings_out_of_range_are_refused(wrong: Any) -> None:
    with pytest.raises(ConfigError, match="gripper"):
        wrong()
