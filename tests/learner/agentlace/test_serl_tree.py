"""The tree that is broadcast acts in SERL's network, written down again here, as our policy acts in ours."""

import dataclasses

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from learner.agentlace.serl_tree import differences, serl_tree
from learner.agents.presets import PRESETS
from shared.interface import ActionEntry, InterfaceSpec, ObservationEntry
from shared.policy.network import GaussianPolicy
from shared.policy.parameters import flatten
from shared.policy.spec import PolicySpec
from shared.policy.vision import VisionConfig

STATE = ObservationEntry(name="state", shape=(7,), dtype="float32")
INTERFACE = InterfaceSpec(
    name="agentlace",
    observations=(STATE,),
    actions=(ActionEntry(name="action", low=(-1.0,) * 3, high=(1.0,) * 3, unit="1"),),
    control_hz=10.0,
)
WIDTHS = (16, 8)
SERL = dataclasses.replace(PRESETS["serl"].policy, inputs="plain", hidden=WIDTHS)


class MLP(nn.Module):
    @nn.compact
    def __call__(self, x):
        for width in WIDTHS:
            x = nn.tanh(nn.LayerNorm()(nn.Dense(width)(x)))
        return x


class Policy(nn.Module):
    """serl_launcher/networks/actor_critic_nets.py, as make_sac_agent sets it up."""

    network: nn.Module

    @nn.compact
    def __call__(self, observations):
        outputs = self.network(observations)
        means = nn.Dense(3)(outputs)
        stds = jnp.clip(jnp.exp(nn.Dense(3)(outputs)), 1e-5, 5.0)
        return means, stds


def test_the_same_action_comes_out():
    spec = PolicySpec.of(SERL, INTERFACE)
    ours = GaussianPolicy(spec)
    observation = {"state": jax.random.normal(jax.random.key(1), (5, 7)) * 3.0}
    params = jax.jit(ours.init)(jax.random.key(0), observation)["params"]
    mine = ours.distribution(params, observation)
    tree = serl_tree(flatten(params))
    theirs = Policy(MLP()).apply({"params": tree["modules_actor"]}, observation["state"])
    np.testing.assert_allclose(mine.mean, theirs[0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(mine.std, theirs[1], rtol=1e-5, atol=1e-6)
    assert differences(spec) == []


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        (PolicySpec.of(PRESETS["serl"].policy, INTERFACE), "inputs are asinh"),
        (PolicySpec.of(dataclasses.replace(SERL, std="uniform"), INTERFACE), "std is uniform"),
        (PolicySpec.of(dataclasses.replace(SERL, activation="relu"), INTERFACE), "hidden layers"),
        (
            PolicySpec.of(
                SERL,
                dataclasses.replace(
                    INTERFACE, observations=(STATE, ObservationEntry(name="x", shape=(1,), dtype="float32"))
                ),
            ),
            "2 state entries",
        ),
        (
            PolicySpec.of(
                SERL,
                dataclasses.replace(
                    INTERFACE,
                    observations=(ObservationEntry(name="front", shape=(64, 64, 3), dtype="uint8"), STATE),
                ),
                VisionConfig(),
            ),
            "pictures",
        ),
    ],
)
def test_what_does_not_fit_is_named(spec, why):
    assert why in "; ".join(differences(spec))
