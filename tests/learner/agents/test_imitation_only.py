"""bc and hg_dagger: cloning as the whole of an update, through the surface that the learner calls."""

import dataclasses

import jax
import numpy as np
import pytest

from learner.agents.config import CloningConfig, SACConfig
from learner.agents.networks import SACNetworks
from learner.agents.presets import PRESETS
from learner.agents.sac import SAC
from learner.agents.state import flat_to_state, state_to_flat
from learner.config import PRESETS as LEARNERS
from learner.critics import CriticConfig
from learner.optimisers import OptimiserConfig
from learner.replay.batch import TransitionBatch
from shared.interface import InterfaceSpec
from shared.policy.spec import PolicyConfig
from tests.learner.agents.conftest import UPDATES, MakeBatch


def cloner(interface: InterfaceSpec, **cloning: float) -> SAC:
    fast = OptimiserConfig(learning_rate=3e-3)
    config = SACConfig(
        imitation_only=True,
        policy=PolicyConfig(hidden=(16,), std_max=0.3, initial_std=0.15),
        critic=CriticConfig(hidden=(4,)),
        cloning=CloningConfig(optimiser=fast, **cloning),
    )
    return SAC(config, interface)


@pytest.fixture(scope="module")
def dagger(interface: InterfaceSpec) -> SAC:
    return cloner(interface, nll_share=0.1, action_limit=0.999)


def same(a: object, b: object) -> None:
    jax.tree.map(np.testing.assert_array_equal, jax.device_get(a), jax.device_get(b))


def corrected(batch: TransitionBatch) -> TransitionBatch:
    """Demonstrations say half the position; a person who took over where s_0 > 0 says the opposite."""
    right = batch.observation["position"][..., 0] > 0
    took_over = (right & (batch.imitate > 0)).astype(np.float32)
    sign = np.where(right, -1.0, 1.0)[..., None]
    action = (sign * 0.5 * batch.observation["position"]).astype(np.float32)
    return batch._replace(action=action, intervention=took_over)


def test_an_update_moves_the_policy_its_optimiser_and_two_counters(
    dagger: SAC, make_batch: MakeBatch
) -> None:
    state = dagger.init(jax.random.key(0))
    before = jax.device_get(state)
    state, metrics = dagger.update(state, make_batch())
    moved = {
        name
        for name in before._fields
        if not all(jax.tree.leaves(jax.tree.map(np.array_equal, getattr(before, name), getattr(state, name))))
    }
    assert moved == {"policy", "cloning_optimiser", "imitations", "updates"}
    assert int(state.updates) == int(state.imitations) == UPDATES
    assert set(metrics) == {"cloning_loss", "demo_action_error", "policy_gradient_norm"}


@pytest.mark.parametrize(("weight", "expected"), [(1.0, [-0.2, -0.2]), (0.0, [-0.2, 0.2])])
def test_corrections_teach_hg_dagger_and_are_not_seen_by_bc(
    interface: InterfaceSpec, make_batch: MakeBatch, weight: float, expected: list[float]
) -> None:
    """What demonstrations say alone is followed on the right too, where bc has only to go by the left."""
    agent = cloner(interface, intervention_weight=weight)
    state = agent.init(jax.random.key(0))
    for call in range(400):
        state, _ = agent.update(state, corrected(make_batch(call)))
    networks = SACNetworks.of(agent.config, interface)
    rows = {"position": np.array([[-0.4, 0.0], [0.4, 0.0]]), "opening": np.zeros((2, 1))}
    greedy = np.asarray(networks.act(state.policy, state.critics, rows).mode())[:, 0]
    if weight:
        np.testing.assert_allclose(greedy, expected, atol=0.06)
    else:
        assert greedy[0] == pytest.approx(-0.2, abs=0.06)
        assert greedy[1] > 0.05


def test_likelihood_of_actions_at_their_bounds_teaches_the_spread(dagger: SAC, make_batch: MakeBatch) -> None:
    state = dagger.init(jax.random.key(0))
    for call in range(300):
        batch = make_batch(call)
        batch = batch._replace(action=np.sign(batch.observation["position"]).astype(np.float32))
        state, metrics = dagger.update(state, batch)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(jax.device_get(state)))
    assert float(metrics["demo_action_error"]) < 0.4


def test_one_trace_and_a_resumed_run_equals_one_that_never_stopped(
    dagger: SAC, make_batch: MakeBatch
) -> None:
    def run(stop: bool) -> object:
        state, _ = dagger.imitate(dagger.init(jax.random.key(3)), make_batch(9))
        for call in range(4):
            if stop and call == 2:
                state = flat_to_state(dagger.init(jax.random.key(4)), state_to_flat(state))
            state, _ = dagger.update(state, make_batch(call))
        return jax.device_get(state)

    same(run(True), run(False))
    assert dagger.traces == {"update": 1, "imitate": 1}


def test_hg_dagger_is_bc_that_learns_from_interventions_and_both_see_pinned_rows_alone() -> None:
    bc, hg_dagger = PRESETS["bc"], PRESETS["hg_dagger"]
    assert (bc.cloning.intervention_weight, hg_dagger.cloning.intervention_weight) == (0.0, 1.0)
    assert dataclasses.replace(hg_dagger, cloning=bc.cloning) == bc
    assert bc.imitation_only
    assert {LEARNERS[name].sampler.demo_share for name in ("bc", "hg_dagger")} == {1.0}
