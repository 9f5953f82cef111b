"""The intervention constraint: what moves its two networks, and what it does to the policy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from learner.agents.config import CloningConfig, SACConfig
from learner.agents.constraint import ConstraintConfig, constrained
from learner.agents.networks import SACNetworks
from learner.agents.sac import SAC
from learner.agents.state import flat_to_state, state_to_flat
from learner.critics import CriticConfig
from learner.optimisers import OptimiserConfig
from learner.replay.batch import TransitionBatch
from shared.errors import CheckpointError, ConfigError
from shared.interface import InterfaceSpec
from shared.policy.spec import PolicyConfig
from tests.learner.agents.conftest import BATCH, UPDATES, MakeBatch

FAST = OptimiserConfig(learning_rate=3e-3)
EXPERT = PolicyConfig(hidden=(16,), std_min=0.02, std_max=2.0)


def config(enabled: bool) -> SACConfig:
    return SACConfig(
        policy=PolicyConfig(hidden=(16,), initial_std=0.1),
        critic=CriticConfig(hidden=(16,)),
        cloning=CloningConfig(weight_start=0.0, weight_end=0.0, normalise_q=False),
        constraint=ConstraintConfig(
            enabled=enabled,
            expert=EXPERT,
            hidden=(16,),
            expert_optimiser=FAST,
            multiplier_optimiser=OptimiserConfig(learning_rate=1e-3),
        ),
        policy_optimiser=FAST,
        critic_optimiser=FAST,
    )


@pytest.fixture(scope="module")
def constrained_agent(interface: InterfaceSpec) -> SAC:
    return SAC(config(True), interface)


def with_interventions(batch: TransitionBatch, seed: int = 0) -> TransitionBatch:
    chosen = np.random.default_rng(seed).random(batch.reward.shape) < 0.3
    return batch._replace(intervention=chosen.astype(np.float32), imitate=chosen.astype(np.float32))


def same(a: object, b: object) -> None:
    jax.tree.map(np.testing.assert_array_equal, jax.device_get(a), jax.device_get(b))


def test_the_policy_s_loss_lies_between_the_values_and_the_expert() -> None:
    loss, distance = jnp.array([1.0, -2.0]), jnp.array([0.5, 0.25])
    assert float(constrained(loss, jnp.zeros(2), distance)) == -0.5
    assert float(constrained(loss, jnp.array([1.0, 3.0]), distance)) == pytest.approx(
        0.5 * (1.5 / 2 + (-2 + 3 * 0.25) / 4)
    )
    assert float(constrained(loss, jnp.full(2, 1e9), distance)) == pytest.approx(0.375)


def test_off_it_leaves_no_trace_in_state_or_checkpoint(agent: SAC, constrained_agent: SAC) -> None:
    state = agent.init(jax.random.key(0))
    assert state.constraint == ()
    assert not [name for name in state_to_flat(state) if name.startswith("constraint")]
    with pytest.raises(CheckpointError, match="constraint/"):
        flat_to_state(constrained_agent.init(jax.random.key(0)), state_to_flat(state))


def test_before_anybody_took_over_nothing_differs_from_no_constraint(
    interface: InterfaceSpec, constrained_agent: SAC, make_batch: MakeBatch
) -> None:
    without = SAC(config(False), interface)
    state, free = constrained_agent.init(jax.random.key(1)), without.init(jax.random.key(1))
    begin = jax.device_get(state.constraint)
    same(state._replace(constraint=()), free)
    for call in range(2):
        state, _ = constrained_agent.update(state, make_batch(call))
        free, _ = without.update(free, make_batch(call))
    same(begin, state.constraint)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), state.policy, free.policy)
    same(state.critics, free.critics)


def test_the_expert_learns_from_interventions_and_from_nothing_else(
    constrained_agent: SAC, make_batch: MakeBatch
) -> None:
    batch = with_interventions(make_batch())
    others = batch._replace(
        reward=-3 * batch.reward,
        imitate=1 - batch.imitate,
        action=np.where(batch.intervention[..., None] > 0, batch.action, -batch.action),
    )
    fits = []
    for rows in (batch, others):
        state, _ = constrained_agent.update(constrained_agent.init(jax.random.key(0)), rows)
        fits.append(jax.device_get((state.constraint.expert, state.constraint.expert_optimiser)))
        assert int(state.constraint.fits) == 1
    same(*fits)


def bandit(rng: np.random.Generator) -> TransitionBatch:
    """(0.5, 0.5) has the highest value everywhere; where s_0 > 0 a person often takes over with (-0.5, 0)."""
    context = rng.uniform(-1, 1, (UPDATES, BATCH, 3)).astype(np.float32)
    action = rng.uniform(-1, 1, (UPDATES, BATCH, 2)).astype(np.float32)
    took_over = ((context[..., 0] > 0) & (rng.random((UPDATES, BATCH)) < 0.5)).astype(np.float32)
    person = np.array([-0.5, 0.0]) + 0.05 * rng.normal(size=action.shape)
    action = np.where(took_over[..., None] > 0, person, action).astype(np.float32)
    reward = (1 - np.square(action - 0.5).sum(-1)).astype(np.float32)
    rows = {"position": context[..., :2], "opening": context[..., 2:]}
    zeros = np.zeros_like(reward)
    return TransitionBatch(rows, action, reward, zeros, rows, took_over, took_over)


def test_lambda_rises_where_policy_and_person_disagree_and_the_policy_yields_there_alone(
    constrained_agent: SAC,
) -> None:
    """On the right, half of the rows are interventions, so lambda rests where the distance is slack beyond
    what is tolerated: rms distance d = 2 slack + std. There the loss is flat along the line from the person's
    action to the best one, x = d sqrt(2) away: lambda / sqrt(2) = 2 (|best - person| - x).
    """
    rng = np.random.default_rng(0)
    state = constrained_agent.init(jax.random.key(0))
    networks = SACNetworks.of(constrained_agent.config, constrained_agent.interface)
    left, right = ({"position": np.array([[x, 0.0]]), "opening": np.zeros((1, 1))} for x in (-0.7, 0.7))
    seen = []
    for call in range(1200):
        state, metrics = constrained_agent.update(state, bandit(rng))
        if call >= 800 and call % 50 == 0:  # both still swing a little about their balance
            (weight_left, _), (weight, expert) = (
                networks.constraint.judge(state.constraint, rows) for rows in (left, right)
            )
            greedy = [networks.act(state.policy, state.critics, rows).mode()[0] for rows in (left, right)]
            seen.append((weight_left[0], weight[0], *expert[0], *greedy[0], *greedy[1]))
    weight_left, weight, *actions = np.mean(seen, axis=0)
    expert, at_left, at_right = np.array(actions).reshape(3, 2)
    assert weight_left < 0.05
    np.testing.assert_allclose(at_left, [0.5, 0.5], atol=0.1)
    np.testing.assert_allclose(expert, [-0.5, 0.0], atol=0.05)
    distance = 2 * constrained_agent.config.constraint.slack + float(metrics["expert_std"])
    assert np.sqrt(np.mean(np.square(at_right - expert))) == pytest.approx(distance, abs=0.1)
    assert weight == pytest.approx(2**0.5 * 2 * (1.25**0.5 - 2**0.5 * distance), abs=0.5)
    assert float(metrics["constraint_weight_elsewhere"]) < float(metrics["constraint_weight"])


def test_one_trace_and_a_resumed_run_equals_one_that_never_stopped(
    constrained_agent: SAC, make_batch: MakeBatch
) -> None:
    def run(stop: bool) -> object:
        state = constrained_agent.init(jax.random.key(3))
        for call in range(4):
            if stop and call == 2:
                other = constrained_agent.init(jax.random.key(9))
                state = flat_to_state(other, state_to_flat(state))
            batch = make_batch(call)
            state, metrics = constrained_agent.update(state, with_interventions(batch) if call else batch)
        assert all(np.isfinite(value) for value in metrics.values())
        return jax.device_get(state)

    same(run(True), run(False))
    assert constrained_agent.traces["update"] == 1


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: ConstraintConfig(slack=-0.1),
        lambda: ConstraintConfig(tolerated_stds=-1.0),
        lambda: ConstraintConfig(initial=0.0),
        lambda: ConstraintConfig(initial=20.0),
        lambda: ConstraintConfig(hidden=()),
        lambda: CloningConfig(intervention_weight=-1.0),
        lambda: CloningConfig(action_limit=1.0),
    ],
)
def test_settings_out_of_range_are_refused(wrong: object) -> None:
    with pytest.raises(ConfigError):
        wrong()
