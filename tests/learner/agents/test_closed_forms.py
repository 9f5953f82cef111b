"""Learning against answers that can be worked out by hand."""

import jax
import numpy as np
import pytest

from learner.agents.config import SACConfig, TemperatureConfig
from learner.agents.networks import SACNetworks
from learner.agents.sac import SAC
from learner.critics import CriticConfig
from learner.optimisers import OptimiserConfig
from learner.replay.batch import TransitionBatch
from shared.interface import InterfaceSpec
from shared.policy.network import GaussianPolicy
from shared.policy.spec import PolicyConfig
from tests.learner.agents.conftest import BATCH, UPDATES

ALPHA = 0.2
GAMMA = 0.9
STATES = np.array([[1.0, -1.0, 0.0], [-1.0, 1.0, 0.5], [0.0, 0.0, -1.0]], np.float32)


def observation(rows: np.ndarray) -> dict[str, np.ndarray]:
    return {"position": rows[..., :2], "opening": rows[..., 2:]}


def test_bandit_finds_the_best_action_of_each_context(agent: SAC) -> None:
    """r = 1 - |a - a*(s)|^2 with a*(s) = (s_0, -s_0) / 2, and nothing after it: the best action is a*."""
    rng = np.random.default_rng(0)
    state = agent.init(jax.random.key(0))
    for _ in range(700):
        context = rng.uniform(-1, 1, (UPDATES, BATCH, 3)).astype(np.float32)
        action = rng.uniform(-1, 1, (UPDATES, BATCH, 2)).astype(np.float32)
        best = 0.5 * np.stack([context[..., 0], -context[..., 0]], axis=-1)
        zeros = np.zeros((UPDATES, BATCH), np.float32)
        reward = 1 - np.square(action - best).sum(-1)
        rows = observation(context)
        state, metrics = agent.update(state, TransitionBatch(rows, action, reward, zeros, rows, zeros, zeros))
    contexts = np.linspace(-0.8, 0.8, 9, dtype=np.float32)[:, None] * np.array([1, 0, 0], np.float32)
    network = GaussianPolicy(agent.policy_spec)
    chosen = network.distribution(state.policy, observation(contexts)).mode()
    expected = 0.5 * contexts[:, :1] * np.array([1.0, -1.0])
    assert float(np.abs(chosen - expected).mean()) < 0.1
    assert float(metrics["critic_loss"]) < 0.05
    # With nothing demonstrated there is nothing to clone.
    assert float(metrics["cloning_loss"]) == float(metrics["demo_rows"]) == 0.0


@pytest.fixture(scope="module")
def evaluator(interface: InterfaceSpec) -> SAC:
    """Policy evaluation: policy and temperature stand still, one critic, entropy in the backup."""
    still = OptimiserConfig(learning_rate=1e-30)
    return SAC(
        SACConfig(
            backup_entropy=True,
            policy=PolicyConfig(hidden=(8,), initial_std=0.5),
            critic=CriticConfig(members=1, hidden=(32,), tau=0.2, layer_norm=False),
            temperature=TemperatureConfig(initial=ALPHA, learned=False),
            policy_optimiser=still,
            critic_optimiser=OptimiserConfig(learning_rate=2e-2, decay_updates=1600),
        ),
        interface,
    )


def test_chain_has_the_soft_values_worked_out_by_hand(evaluator: SAC) -> None:
    """Three edges: s0 -(1)-> s1 ordinary; s1 -(2)-> terminal; s2 -(0.5)-> s0, where the recording was cut.

    Rewards ignore the action, so for the policy's entropy H(s), integrated numerically below:
      Q(s1) = 2                                nothing follows an end, entropy neither;
      Q(s0) = 1 + gamma (Q(s1) + alpha H(s1))
      Q(s2) = 0.5 + gamma (Q(s0) + alpha H(s0))  a truncated step is an ordinary one.
    """
    state = evaluator.init(jax.random.key(1))
    entropy = [entropy_of(evaluator, state.policy, s) for s in STATES]
    q1 = 2.0
    q0 = 1.0 + GAMMA * (q1 + ALPHA * entropy[1])
    q2 = 0.5 + GAMMA * (q0 + ALPHA * entropy[0])
    rng = np.random.default_rng(0)
    for _ in range(400):
        where = rng.integers(0, 3, (UPDATES, BATCH))
        state, _ = evaluator.update(state, chain(where, rng))
    networks = SACNetworks.of(evaluator.config, evaluator.interface)
    actions = rng.uniform(-1, 1, (64, 2)).astype(np.float32)
    for s, expected in ((0, q0), (1, q1), (2, q2)):
        rows = observation(np.broadcast_to(STATES[s], (64, 3)))
        q = networks.q(state.critics, rows, actions, state.seed_key)
        assert float(np.mean(q)) == pytest.approx(expected, abs=0.06), s
    assert abs(ALPHA * entropy[1]) > 0.1, "the entropy must matter, or this proves nothing about it"


def chain(where: np.ndarray, rng: np.random.Generator) -> TransitionBatch:
    """Rows that start in `where`, with any action."""
    return TransitionBatch(
        observation=observation(STATES[where]),
        action=rng.uniform(-1, 1, (*where.shape, 2)).astype(np.float32),
        reward=np.array([1.0, 2.0, 0.5], np.float32)[where],
        discount=np.array([GAMMA, 0.0, GAMMA], np.float32)[where],
        next_observation=observation(STATES[np.array([1, 1, 0])[where]]),
        imitate=np.zeros(where.shape, np.float32),
        intervention=np.zeros(where.shape, np.float32),
    )


def entropy_of(agent: SAC, policy: object, state: np.ndarray) -> float:
    """H of the tanh-Gaussian: that of the normal plus the mean of log(1 - tanh^2), by quadrature."""
    network = GaussianPolicy(agent.policy_spec)
    distribution = network.distribution(policy, observation(state))
    grid = np.linspace(-8, 8, 4001)
    weight = np.exp(-0.5 * grid**2) / np.sqrt(2 * np.pi)
    total = 0.0
    for mean, std in zip(np.asarray(distribution.mean), np.asarray(distribution.std), strict=True):
        slope = np.log1p(-(np.tanh(mean + std * grid) ** 2) + 1e-30)
        total += 0.5 * np.log(2 * np.pi * np.e * std**2) + np.trapezoid(weight * slope, grid)
    return float(total)
