"""The agent with cameras: what is trained, what is not, and what policy and critics share of seeing."""

from dataclasses import replace
from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from learner.agents.augmentation import AugmentationConfig
from learner.agents.config import SACConfig
from learner.agents.critic_update import update_critics, view
from learner.agents.losses import bellman_target
from learner.agents.networks import SACNetworks
from learner.agents.policy_update import policy_loss
from learner.agents.randomness import Purpose, key_of
from learner.agents.sac import SAC
from learner.agents.state import SACState, state_to_flat
from learner.critics import CriticConfig
from learner.optimisers import OptimiserConfig
from learner.replay.batch import TransitionBatch
from learner.replay.layout import BatchLayout
from shared.interface import InterfaceSpec
from shared.policy.parameters import flatten, unflatten
from shared.policy.spec import PolicyConfig
from shared.policy.trunks.weights import TrunkWeights
from shared.policy.vision import VisionConfig
from tests.learner.agents.pictures import FRONT, FROZEN, TRAINED, random_batch, random_trunk, world

INTERFACE = world(cameras=(FRONT,))
UPDATES, BATCH = 2, 4
MAPS = {FRONT: (16, 8, 8)}
FRAMES = BatchLayout(interface=INTERFACE)
CACHED = BatchLayout(interface=INTERFACE, map_shapes=MAPS)
FAST = OptimiserConfig(learning_rate=1e-2)


def config(vision: VisionConfig = FROZEN, **augmentation: int) -> SACConfig:
    """Three critics, two of them in the target; the policy is all but deterministic."""
    return SACConfig(
        policy=PolicyConfig(hidden=(7,), std_min=1e-6, initial_std=1e-6, std_max=1e-6),
        critic=CriticConfig(hidden=(7,), members=3, subset=2, tau=0.1),
        vision=vision,
        augmentation=AugmentationConfig(**augmentation),
        policy_optimiser=FAST,
        critic_optimiser=FAST,
    )


@cache
def beginning(shared: bool = False, interface: InterfaceSpec = INTERFACE) -> SACState:
    """Compiled once: how batches are looked at does not change what there is to train."""
    networks = SACNetworks.of(config(replace(FROZEN, shared=shared)), interface)
    return jax.jit(networks.init)(jax.random.key_data(jax.random.key(0)))


def critics_updated(
    config: SACConfig, batch: TransitionBatch, trunk: Any = None
) -> tuple[SACState, dict[str, jax.Array]]:
    """The state after updates from the beginning, and their metrics."""
    networks = SACNetworks.of(config, INTERFACE)
    after, _, metrics = jax.jit(partial(update_critics, networks))(beginning(), batch, trunk)
    return after, metrics


def equal(a: object, b: object) -> bool:
    return all(jax.tree.leaves(jax.tree.map(np.array_equal, a, b)))


@pytest.fixture(scope="module")
def weights() -> TrunkWeights:
    return random_trunk()


@pytest.fixture(scope="module", params=[False, True], ids=["separate", "shared"])
def agent(request: pytest.FixtureRequest, weights: TrunkWeights) -> SAC:
    return SAC(config(replace(FROZEN, shared=request.param)), INTERFACE, trunk=weights)


def batch_for(agent: SAC, seed: int = 0) -> TransitionBatch:
    """Frames for the one agent, a trunk's maps for the other: each compiles for one of them."""
    return random_batch(CACHED if agent.config.vision.shared else FRAMES, UPDATES, BATCH, seed)


def test_a_frozen_trunk_stays_as_it_is_and_takes_no_part_of_the_state(
    agent: SAC, weights: TrunkWeights
) -> None:
    """Nor of the optimisers' memory, which is part of the state."""
    state = agent.init(jax.random.key(0))
    for call in range(2):
        state, _ = agent.update(state, batch_for(agent, call))
        state, _ = agent.imitate(state, batch_for(agent, call))
    held = TrunkWeights.of(weights.trunk, weights.stages, flatten(agent._trunk))
    assert held.digest == weights.digest == agent.policy_spec.trunk_digest
    flat = state_to_flat(state)
    kernels = {array.shape for array in weights.params.values() if array.ndim > 1}
    assert not kernels & {array.shape for array in flat.values()}
    assert not [name for name in flat if "trunk" in name]


def test_one_trace_over_many_calls(agent: SAC) -> None:
    state = agent.init(jax.random.key(0))
    for call in range(3):
        batch = batch_for(agent, call)
        state, metrics = agent.update(state, jax.device_put(batch) if call else batch)
        state, _ = agent.imitate(state, batch)
    assert agent.traces == {"update": 1, "imitate": 1}
    assert all(np.isfinite(value) for value in metrics.values())


def test_after_a_call_a_shared_encoder_is_one(agent: SAC) -> None:
    state, _ = agent.update(agent.init(jax.random.key(0)), batch_for(agent))
    assert equal(state.policy["encoder"], state.critics["encoder"]) is agent.config.vision.shared


def test_encoders_begin_as_one_where_shared_and_differ_where_not(agent: SAC) -> None:
    state = agent.init(jax.random.key(0))
    assert equal(state.policy["encoder"], state.critics["encoder"]) is agent.config.vision.shared
    assert equal(state.target_critics, state.critics)


def test_cloning_teaches_to_see_and_hands_that_over_to_the_critics(agent: SAC) -> None:
    state = agent.init(jax.random.key(0))
    before, members = jax.device_get((state.policy["encoder"], state.critics["member"]))
    state, _ = agent.imitate(state, batch_for(agent))
    assert not equal(before, state.policy["encoder"])
    assert equal(state.policy["encoder"], state.critics["encoder"])
    assert equal(state.policy["encoder"], state.target_critics["encoder"])
    assert equal(members, state.critics["member"])
    state, _ = agent.update(state, batch_for(agent))
    assert equal(state.policy["encoder"], state.critics["encoder"]) is agent.config.vision.shared


@pytest.mark.parametrize("shared", [False, True])
def test_the_policys_loss_moves_an_encoder_of_its_own_and_no_shared_one(shared: bool) -> None:
    networks = SACNetworks.of(config(replace(FROZEN, shared=shared)), INTERFACE)
    state, rows = beginning(shared), jax.tree.map(lambda x: x[0], random_batch(CACHED, 1, BATCH))

    @jax.jit
    def gradient(policy: Any) -> Any:
        return jax.grad(lambda policy: policy_loss(networks, policy, state, rows, rows.reward)[0])(policy)

    parts = gradient(state.policy)
    assert any(leaf.any() for leaf in jax.tree.leaves(parts["encoder"])) is not shared
    assert all(leaf.any() for leaf in jax.tree.leaves((parts["torso"], parts["fusion"])))


def test_trained_trunks_learn_from_the_critics_loss_as_heads_do() -> None:
    interface = world(cameras=(FRONT,), size=32)
    networks = SACNetworks.of(config(TRAINED), interface)
    rows = jax.tree.map(lambda x: x[0], random_batch(BatchLayout(interface=interface), 1, 2))

    @jax.jit
    def gradient(seed_key: jax.Array) -> Any:
        critics = networks.init(seed_key).critics
        seen = networks.sight.look(None, rows.observation, jax.random.key(0))
        key = jax.random.key(1)
        return jax.grad(lambda critics: jnp.sum(networks.q(critics, seen, rows.action, key) ** 2))(critics)

    parts = gradient(jax.random.key_data(jax.random.key(0)))["encoder"]
    assert set(parts) == {"heads", "trunks"}
    assert all(leaf.any() for leaf in jax.tree.leaves(parts))


def test_critic_updates_train_their_encoder_move_its_target_by_tau_and_leave_the_policys_alone() -> None:
    before = beginning()
    after, _ = critics_updated(config(), random_batch(CACHED, 1, BATCH))
    assert equal(before.policy, after.policy)
    assert not equal(before.critics["encoder"], after.critics["encoder"])
    moved, old = after.target_critics["encoder"], before.target_critics["encoder"]
    expected = jax.tree.map(lambda new, old: 0.1 * new + 0.9 * old, after.critics["encoder"], old)
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-7), moved, expected)


def test_only_the_drawn_members_are_evaluated_behind_an_encoder() -> None:
    networks, target = SACNetworks.of(config(), INTERFACE), beginning().target_critics
    rows = {name: array[0] for name, array in random_batch(CACHED, 1, BATCH).observation.items()}
    poisoned = target | {"member": jax.tree.map(lambda x: x.at[1].set(jnp.nan), target["member"])}
    key, action = jax.random.key(0), jnp.zeros((BATCH, 2))
    value = jax.jit(lambda members: networks.target_q(poisoned, rows, action, members, key))
    assert np.isfinite(value(jnp.array([2, 0]))).all()
    assert np.isnan(value(jnp.array([2, 1]))).any()


def test_averaging_over_views_that_are_all_alike_changes_nothing() -> None:
    """As cached maps are, or frames with pad 0; the next actions differ by the policy's tiny noise alone."""
    batch = random_batch(CACHED, UPDATES, BATCH)
    _, once = critics_updated(config(), batch)
    _, averaged = critics_updated(config(target_shifts=2, value_shifts=3), batch)
    for name, value in once.items():
        assert float(averaged[name]) == pytest.approx(float(value), rel=1e-3, abs=1e-4), name


def test_the_loss_is_the_mean_over_the_shifts_of_observation_and_of_target(weights: TrunkWeights) -> None:
    """Each shift's part computed on its own: DrQ's M of the values, K of the targets."""
    drq = config(target_shifts=2, value_shifts=2)
    networks, state = SACNetworks.of(drq, INTERFACE), beginning()
    batch, trunk = random_batch(FRAMES, 1, BATCH), unflatten(weights.params)

    @jax.jit
    def apart(batch: TransitionBatch) -> tuple[list[jax.Array], list[jax.Array]]:
        """Targets by shift of the next observation, values by shift of the observation."""
        rows, views = jax.tree.map(lambda x: x[0], (batch, view(networks, state, batch, trunk)))
        key = key_of(state.seed_key, Purpose.DROPOUT, state.updates)
        targets = [
            bellman_target(
                rows.reward,
                rows.discount,
                networks.target_q(state.target_critics, seen, drawn.next_action, views.members, key),
                drawn.entropy_bonus,
            )
            for seen, drawn in zip(views.next_observations, views.drawn, strict=True)
        ]
        return targets, [networks.q(state.critics, seen, rows.action, key) for seen in views.observations]

    targets, values = apart(batch)
    target = np.mean(targets, axis=0)
    losses = [float(np.mean(np.square(q - target))) for q in values]
    _, metrics = critics_updated(drq, batch, trunk)
    assert float(metrics["critic_loss"]) == pytest.approx(np.mean(losses), rel=1e-4)
    assert float(metrics["q_target"]) == pytest.approx(float(np.mean(target)), rel=1e-4)
    assert not np.array_equal(*targets)
    assert not np.array_equal(*values)


def test_pictures_alone_are_enough() -> None:
    interface = world(cameras=(FRONT,), state=False)
    layout = BatchLayout(interface=interface, map_shapes=MAPS)
    networks, state = SACNetworks.of(config(), interface), beginning(interface=interface)
    assert set(state.policy) == {"encoder", "torso", "mean", "log_std"}
    rows = jax.tree.map(lambda x: x[0], random_batch(layout, 1, BATCH))

    @jax.jit
    def act_and_value(state: SACState) -> tuple[jax.Array, jax.Array]:
        action = networks.act(state.policy, state.critics, rows.observation).mode()
        return action, networks.q(state.critics, rows.observation, action, jax.random.key(0))

    action, q = act_and_value(state)
    assert action.shape == (BATCH, 2)
    assert q.shape == (3, BATCH)
    assert len(np.unique(action, axis=0)) == len(np.unique(q[0])) == BATCH
