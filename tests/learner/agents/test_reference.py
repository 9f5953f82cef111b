"""A whole SAC update equals the NumPy one, call after call."""

from operator import itemgetter
from typing import Any

import jax
import numpy as np

from learner.agents.randomness import Purpose, key_of
from learner.agents.sac import SAC
from learner.agents.state import SACState
from learner.replay.batch import TransitionBatch
from tests.learner.agents import reference
from tests.learner.agents.conftest import MakeBatch


def tree64(tree: Any) -> Any:
    return jax.tree.map(lambda x: np.asarray(x, np.float64), tree)


def members_of(tree: Any, count: int) -> list[Any]:
    return [jax.tree.map(itemgetter(e), tree64(tree)["member"]) for e in range(count)]


def begin(agent: SAC, state: SACState) -> reference.Reference:
    config = agent.config
    critics = members_of(state.critics, config.critic.members)
    policy, multiplier = tree64(state.policy), np.asarray(state.multiplier, np.float64)
    return reference.Reference(
        policy=policy,
        critics=critics,
        targets=members_of(state.target_critics, config.critic.members),
        multiplier=multiplier,
        optimise_policy=reference.Adam(policy, 1e-2, config.policy_optimiser.clip_norm),
        optimise_critics=reference.Adam(dict(enumerate(critics)), 1e-2, config.critic_optimiser.clip_norm),
        optimise_multiplier=reference.Adam(multiplier, 3e-4),
        tau=config.critic.tau,
        target_entropy=-0.5 * 2,
        nll_share=config.cloning.nll_share,
        weight=config.cloning.weight_start,
        q_floor=config.cloning.q_floor,
    )


def joined(observation: dict[str, np.ndarray]) -> np.ndarray:
    """The interface's normalisation, by hand."""
    position = (observation["position"] - [0.5, 0.0]) / [2.0, 1.0]
    return np.arcsinh(np.concatenate([position, observation["opening"]], axis=-1))


def arrays(batch: TransitionBatch) -> dict[str, np.ndarray]:
    return {
        "observation": joined(batch.observation),
        "next_observation": joined(batch.next_observation),
        "action": batch.action.astype(np.float64),
        "reward": batch.reward.astype(np.float64),
        "discount": batch.discount.astype(np.float64),
        "imitate": batch.imitate.astype(np.float64),
    }


def randomness(agent: SAC, state: SACState, batch: TransitionBatch) -> tuple[np.ndarray, ...]:
    """What the agent will draw: randomness is a function of the seed and the update's number."""
    updates, size, width = batch.action.shape
    first = int(state.updates)
    next_noise, members = [], []
    for number in range(first, first + updates):
        key = key_of(state.seed_key, Purpose.NEXT_ACTION, number)
        next_noise.append(jax.random.normal(key, (size, width)))
        key = key_of(state.seed_key, Purpose.SUBSET, number)
        members.append(jax.random.permutation(key, agent.config.critic.members)[:2])
    key = key_of(state.seed_key, Purpose.POLICY_ACTION, first + updates)
    noise = jax.random.normal(key, (updates * size, width))
    return np.stack(next_noise).astype(float), np.stack(members), np.asarray(noise, float)


def test_two_calls_equal_the_numpy_reference(reference_agent: SAC, make_batch: MakeBatch) -> None:
    state = reference_agent.init(jax.random.key(5))
    expected = begin(reference_agent, state)
    for call in range(2):
        batch = make_batch(seed=call)
        next_noise, members, noise = randomness(reference_agent, state, batch)
        expected.update(arrays(batch), next_noise, members, noise)
        state, metrics = reference_agent.update(state, batch)
        assert 0 < float(metrics["cloning_rows"]) < float(metrics["demo_rows"])
        close(state.policy, expected.policy)
        for e, (critic, target) in enumerate(zip(expected.critics, expected.targets, strict=True)):
            close(members_of(state.critics, e + 1)[e], critic)
            close(members_of(state.target_critics, e + 1)[e], target)
        np.testing.assert_allclose(state.multiplier, expected.multiplier, atol=1e-5)


def close(ours: Any, theirs: Any) -> None:
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=2e-4), tree64(ours), theirs)
