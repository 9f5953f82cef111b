"""Behaviour cloning: initialisation, the annealed weight, and the two kinds of error."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from learner.agents.cloning import cloning_error, cloning_rows, cloning_weight
from learner.agents.config import CloningConfig
from learner.agents.sac import SAC
from shared.policy.distributions import TanhNormal
from tests.learner.agents.conftest import MakeBatch


def test_imitation_brings_the_policy_to_the_demonstrations_and_touches_nothing_else(
    agent: SAC, make_batch: MakeBatch
) -> None:
    """The demonstrated action is half the position; rows that nobody demonstrated say the opposite."""
    state = agent.init(jax.random.key(0))
    critics, moments = jax.device_get((state.critics, state.policy_optimiser))
    errors = []
    for call in range(300):
        batch = make_batch(call)
        action = 0.5 * batch.observation["position"] * (2 * batch.imitate - 1)[..., None]
        state, metrics = agent.imitate(state, batch._replace(action=action.astype(np.float32)))
        errors.append(float(metrics["demo_action_error"]))
    assert errors[-1] < 0.02 < 0.1 < errors[0]
    assert int(state.imitations) == 4 * 300
    assert int(state.updates) == 0
    jax.tree.map(np.testing.assert_array_equal, critics, jax.device_get(state.critics))
    jax.tree.map(np.testing.assert_array_equal, moments, jax.device_get(state.policy_optimiser))


def test_nothing_demonstrated_changes_nothing(agent: SAC, make_batch: MakeBatch) -> None:
    state = agent.init(jax.random.key(0))
    before = agent.policy_params(state)
    batch = make_batch()
    state, metrics = agent.imitate(state, batch._replace(imitate=np.zeros_like(batch.imitate)))
    jax.tree.map(np.testing.assert_array_equal, before, agent.policy_params(state))
    assert float(metrics["cloning_loss"]) == 0.0


@pytest.mark.parametrize(("updates", "expected"), [(0, 0.5), (50, 0.3), (100, 0.1), (10_000, 0.1)])
def test_the_weight_is_annealed_linearly_and_then_stays(updates: int, expected: float) -> None:
    config = CloningConfig(weight_start=0.5, weight_end=0.1, anneal_updates=100)
    assert float(cloning_weight(config, jnp.int32(updates))) == pytest.approx(expected)


def test_error_is_squared_distance_likelihood_or_their_mixture() -> None:
    distribution = TanhNormal(jnp.array([[0.2, -0.3]]), jnp.array([[0.5, 0.1]]))
    action = jnp.array([[0.5, 0.5]])
    squared = float(np.square(np.tanh([0.2, -0.3]) - 0.5).sum())
    likelihood = -float(distribution.log_prob(action)[0])
    for share in (0.0, 0.25, 1.0):
        error = cloning_error(CloningConfig(nll_share=share), distribution, action)
        assert float(error[0]) == pytest.approx((1 - share) * squared + share * likelihood, rel=1e-5)


def test_rows_count_by_who_chose_and_whether_anything_moved(make_batch: MakeBatch) -> None:
    batch = jax.tree.map(lambda x: x[0, :4], make_batch())
    batch = batch._replace(
        imitate=np.array([1, 1, 0, 1], np.float32),
        intervention=np.array([0, 1, 0, 0], np.float32),
        action=np.array([[0.5, 0], [1, 1], [0.1, 0.1], [0, 0]], np.float32),
    )
    for config, expected in (
        (CloningConfig(), [1, 1, 0, 1]),
        (CloningConfig(intervention_weight=0.0), [1, 0, 0, 1]),
        (CloningConfig(intervention_weight=5.0, skip_still=True), [1, 5, 0, 0]),
    ):
        np.testing.assert_array_equal(cloning_rows(config, batch), expected)


def test_an_action_at_its_bound_is_as_likely_as_one_at_the_limit() -> None:
    distribution = TanhNormal(jnp.array([[0.2]]), jnp.array([[0.5]]))
    config = CloningConfig(nll_share=1.0, action_limit=0.99)
    at_bound, at_limit = (cloning_error(config, distribution, jnp.array([[x]])) for x in (1.0, 0.99))
    assert float(at_bound[0]) == float(at_limit[0]) == pytest.approx(-float(distribution.log_prob(0.99)[0]))
