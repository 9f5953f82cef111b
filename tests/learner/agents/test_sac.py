"""The agent as the learner uses it: traces, seeds, resume, donation, metrics, presets."""

import jax
import numpy as np
import pytest

from learner.agents import AGENTS, agent_class
from learner.agents.config import CloningConfig, SACConfig, TemperatureConfig
from learner.agents.sac import SAC
from learner.agents.state import flat_to_state, state_to_flat
from learner.critics import CriticConfig
from learner.optimisers import OptimiserConfig
from learner.replay.batch import zero_batch
from learner.replay.layout import BatchLayout
from shared.errors import CheckpointError, ConfigError
from shared.interface import InterfaceSpec
from shared.policy.acting import make_select_action
from shared.policy.spec import PolicyConfig
from tests.learner.agents.conftest import BATCH, UPDATES, MakeBatch

WATCHED = {
    *("critic_loss", "critic_gradient_norm", "q_mean", "q_spread", "q_target"),
    *("policy_loss", "policy_gradient_norm", "entropy", "alpha", "policy_std", "saturation", "q_policy"),
    *("q_demo_data", "q_demo_policy", "demo_rows", "demo_action_error", "cloning_loss", "cloning_weight"),
}


def same(a: object, b: object) -> None:
    jax.tree.map(np.testing.assert_array_equal, jax.device_get(a), jax.device_get(b))


def test_one_trace_whatever_the_state_and_the_batch_come_from(agent: SAC, make_batch: MakeBatch) -> None:
    agent.compile(zero_batch(BatchLayout(interface=agent.interface), UPDATES, BATCH))
    state = agent.init(jax.random.key(0))
    state, _ = agent.update(state, make_batch(0))
    state, _ = agent.update(state, jax.device_put(make_batch(1)))
    state, _ = agent.update(state, jax.device_put(make_batch(2), jax.devices()[0]))
    state, _ = agent.imitate(state, make_batch(3))
    state, _ = agent.update(flat_to_state(state, state_to_flat(state)), make_batch(4))
    jax.block_until_ready(state)
    assert agent.traces["update"] == 1
    assert agent.traces["imitate"] <= 1


def test_same_seed_same_parameters_and_another_seed_others(agent: SAC, make_batch: MakeBatch) -> None:
    def run(seed: int) -> dict[str, np.ndarray]:
        state = agent.init(jax.random.key(seed))
        for call in range(3):
            state, _ = agent.update(state, make_batch(call))
        return state_to_flat(state)

    same(run(0), run(0))
    one, other = run(0), run(1)
    assert any(not np.array_equal(one[name], other[name]) for name in one if name.startswith("policy/"))


def test_continuing_from_a_checkpoint_equals_never_having_stopped(agent: SAC, make_batch: MakeBatch) -> None:
    state = agent.init(jax.random.key(3))
    for call in range(4):
        if call == 2:
            state = flat_to_state(agent.init(jax.random.key(99)), state_to_flat(state))
        state, _ = agent.update(state, make_batch(call))
    straight = agent.init(jax.random.key(3))
    for call in range(4):
        straight, _ = agent.update(straight, make_batch(call))
    same(state, straight)


def test_a_kept_copy_survives_the_donation_of_its_state(agent: SAC, make_batch: MakeBatch) -> None:
    state = agent.init(jax.random.key(0))
    kept, params = state_to_flat(state), agent.policy_params(state)
    before = {name: array.copy() for name, array in kept.items()}
    state, _ = agent.update(state, make_batch())
    same(kept, before)
    same(params, {n.removeprefix("policy/"): a for n, a in before.items() if n.startswith("policy/")})


def test_policy_params_are_what_acting_needs_and_no_more(agent: SAC) -> None:
    state = agent.init(jax.random.key(0))
    params = agent.policy_params(state)
    assert {name.split("/")[0] for name in params} == {"torso", "mean", "log_std"}
    zeros = {e.name: np.zeros(e.shape, e.dtype) for e in agent.interface.observations}
    action = make_select_action(agent.policy_spec)(params, zeros, jax.random.key(0), True)
    assert action.shape == (2,)


def test_a_state_of_other_settings_is_refused(agent: SAC, reference_agent: SAC) -> None:
    state, other = agent.init(jax.random.key(0)), reference_agent.init(jax.random.key(0))
    with pytest.raises(CheckpointError):
        flat_to_state(state, state_to_flat(other))
    flat = state_to_flat(state)
    flat["multiplier"] = flat["multiplier"].astype(np.float64)
    with pytest.raises(CheckpointError, match="multiplier"):
        flat_to_state(state, flat)


def test_metrics_are_finite_scalars_that_show_what_to_watch(agent: SAC, make_batch: MakeBatch) -> None:
    _, metrics = agent.update(agent.init(jax.random.key(0)), make_batch())
    assert set(metrics) >= WATCHED
    for name, value in metrics.items():
        assert value.shape == (), name
        assert np.isfinite(value), name
    assert float(metrics["alpha"]) == pytest.approx(agent.config.temperature.initial, rel=1e-4)


@pytest.fixture(scope="module")
def cautious_agent(interface: InterfaceSpec) -> SAC:
    """Nearly deterministic, so far below its target entropy; in two slices a call, with dropout and bounded
    targets; policy and alpha wait for the third call."""
    return SAC(
        SACConfig(
            policy=PolicyConfig(hidden=(8,), std="uniform", initial_std=1e-3),
            critic=CriticConfig(
                hidden=(8,), members=3, subset=1, dropout=0.1, target_low=0.0, target_high=0.5
            ),
            temperature=TemperatureConfig(initial=0.1, optimiser=OptimiserConfig(learning_rate=0.1)),
            cloning=CloningConfig(weight_start=0.0, weight_end=0.0),
            slice_rows=2 * BATCH,
            policy_after_updates=2 * UPDATES,
        ),
        interface,
    )


def test_policy_and_alpha_wait_then_alpha_rises_while_entropy_is_too_low(
    cautious_agent: SAC, make_batch: MakeBatch
) -> None:
    state = cautious_agent.init(jax.random.key(0))
    begin = jax.device_get(state)
    for call in range(2):
        state, metrics = cautious_agent.update(state, make_batch(call))
        for name in ("policy", "policy_optimiser", "multiplier", "temperature_optimiser"):
            same(getattr(begin, name), getattr(state, name))
    state, metrics = cautious_agent.update(state, make_batch(2))
    assert int(state.updates) == 3 * UPDATES
    assert float(metrics["entropy"]) < -1.0
    assert float(state.multiplier) > float(begin.multiplier)
    assert not np.array_equal(begin.policy["log_std"], state.policy["log_std"])
    assert "cloning_loss" not in metrics


def test_targets_keep_to_their_bounds(cautious_agent: SAC, make_batch: MakeBatch) -> None:
    batch = make_batch()
    for reward, expected in ((-9.0, 0.0), (9.0, 0.5)):
        state = cautious_agent.init(jax.random.key(0))
        _, metrics = cautious_agent.update(state, batch._replace(reward=np.full_like(batch.reward, reward)))
        assert float(metrics["q_target"]) == pytest.approx(expected, abs=1e-6)


def test_every_agent_of_the_table_resolves() -> None:
    assert {name: agent_class(name) for name in AGENTS} == {"sac": SAC}
    with pytest.raises(ConfigError, match="td3"):
        agent_class("td3")


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: SACConfig(discount=1.5),
        lambda: SACConfig(n_step=0),
        lambda: SACConfig(policy_rows="first"),
        lambda: CriticConfig(members=2, subset=3),
        lambda: CriticConfig(tau=0.0),
        lambda: CriticConfig(target_low=1.0, target_high=1.0),
        lambda: SACConfig(policy_after_updates=-1),
        lambda: CriticConfig(dropout=1.0),
        lambda: CriticConfig(activation="maxout"),
        lambda: TemperatureConfig(initial=0.0),
        lambda: CloningConfig(weight_start=-1.0),
        lambda: CloningConfig(nll_share=2.0),
        lambda: CloningConfig(anneal_updates=0),
        lambda: OptimiserConfig(learning_rate=0.0),
        lambda: OptimiserConfig(warmup_updates=10, decay_updates=10),
        lambda: OptimiserConfig(clip_norm=0.0),
        lambda: OptimiserConfig(beta1=1.0),
    ],
)
def test_settings_out_of_range_are_refused(wrong: object) -> None:
    with pytest.raises(ConfigError):
        wrong()
