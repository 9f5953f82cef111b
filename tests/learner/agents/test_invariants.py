"""What an update may touch, and what it must not."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from learner.agents.critic_update import slice_size, update_critics, view
from learner.agents.networks import SACNetworks
from learner.agents.randomness import Purpose, key_of
from learner.agents.sac import SAC
from learner.agents.state import SACState
from tests.learner.agents.conftest import MakeBatch


@pytest.fixture(scope="module")
def networks(reference_agent: SAC) -> SACNetworks:
    return SACNetworks.of(reference_agent.config, reference_agent.interface)


@pytest.fixture
def state(reference_agent: SAC) -> SACState:
    return reference_agent.init(jax.random.key(2))


def equal(a: object, b: object) -> bool:
    return all(jax.tree.leaves(jax.tree.map(np.array_equal, a, b)))


def test_critic_updates_leave_the_policy_and_alpha_alone_and_targets_move_by_tau(
    networks: SACNetworks, state: SACState, make_batch: MakeBatch
) -> None:
    after, _, _ = jax.jit(partial(update_critics, networks))(state, make_batch(updates=1))
    for name in ("policy", "multiplier", "policy_optimiser", "temperature_optimiser", "cloning_optimiser"):
        assert equal(getattr(state, name), getattr(after, name)), name
    assert int(after.updates) == 1
    tau = networks.config.critic.tau
    expected = jax.tree.map(lambda new, old: tau * new + (1 - tau) * old, after.critics, state.target_critics)
    jax.tree.map(partial(np.testing.assert_allclose, atol=1e-7), after.target_critics, expected)
    assert not equal(after.critics, state.critics)


def test_targets_start_equal_to_the_critics_in_their_own_memory(state: SACState) -> None:
    assert equal(state.critics, state.target_critics)
    one, other = jax.tree.leaves(state.critics)[0], jax.tree.leaves(state.target_critics)[0]
    assert one.unsafe_buffer_pointer() != other.unsafe_buffer_pointer()


def test_members_begin_different_and_share_no_gradient(
    networks: SACNetworks, state: SACState, make_batch: MakeBatch
) -> None:
    rows = jax.tree.map(lambda x: x[0], make_batch())

    @jax.jit
    def gradient(critics: object) -> object:
        def loss(critics: object) -> jax.Array:
            q = networks.q(critics, rows.observation, rows.action, state.seed_key)
            return jnp.mean(jnp.square(q - rows.reward))

        return jax.grad(loss)(critics)

    kernels = np.asarray(state.critics["member"]["torso"]["Dense_0"]["kernel"])
    assert not np.allclose(kernels[0], kernels[1])
    changed = jax.tree.map(lambda x: x.at[1].add(0.5), state.critics)
    before, after = gradient(state.critics), gradient(changed)
    for member, same in ((0, True), (1, False), (2, True)):
        one, other = (jax.tree.map(lambda x, m=member: x[m], g) for g in (before, after))
        assert equal(one, other) is same


def test_subsets_are_drawn_without_replacement_and_from_all_members(
    networks: SACNetworks, state: SACState, make_batch: MakeBatch
) -> None:
    drawn = jax.jit(partial(view, networks))(state, make_batch(updates=60, size=1), None)
    members = np.asarray(drawn.members)
    assert members.shape == (60, 2)
    assert (members[:, 0] != members[:, 1]).all()
    assert set(members.flat) == {0, 1, 2}


def test_only_the_drawn_members_are_evaluated(networks: SACNetworks, state: SACState) -> None:
    """A poisoned member that was not drawn does not show."""
    rows = {"position": np.zeros((4, 2), np.float32), "opening": np.zeros((4, 1), np.float32)}
    poisoned = jax.tree.map(lambda x: x.at[1].set(jnp.nan), state.target_critics)
    value = partial(networks.target_q, poisoned, rows, jnp.zeros((4, 2)))
    assert np.isfinite(value(jnp.array([2, 0]), state.seed_key)).all()
    assert np.isnan(value(jnp.array([2, 1]), state.seed_key)).any()


def test_random_keys_depend_on_seed_purpose_and_number_only() -> None:
    seeds = [jnp.array([0, 1], jnp.uint32), jnp.array([0, 2], jnp.uint32)]
    keys = [
        tuple(jax.random.key_data(key_of(seed, purpose, number)).tolist())
        for seed in seeds
        for purpose in Purpose
        for number in (0, 1, 7)
    ]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    ("updates", "batch_size", "rows", "expected"),
    [
        (8, 256, 65_536, 8),
        (8, 256, 1024, 4),
        (8, 256, 1000, 2),
        (7, 256, 1000, 1),
        (20, 64, 640, 10),
        (3, 9, 1, 1),
    ],
)
def test_slices_divide_a_call_and_fit(updates: int, batch_size: int, rows: int, expected: int) -> None:
    assert slice_size(updates, batch_size, rows) == expected
