"""SBX's SAC under the benchmark of peers: `$SBX_PYTHON _sbx_updates.py '{"utd": 8, ...}'`.

Imports nothing of this repository: it runs in an environment of its own, in which sbx-rl is installed. Prints
what it is, as JSON, then takes a turn and prints a line for every line that it reads. A turn is one call of
its `train`, given the same noise each time, so that its replay buffer takes no part.
"""

import json
import sys
from importlib.metadata import version

import gymnasium
import jax
import numpy as np
import torch
from flax import linen
from sbx import SAC
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.type_aliases import ReplayBufferSamples


class Spaces(gymnasium.Env):
    """Only shapes; nobody steps it."""

    def __init__(self, observation: int, action: int) -> None:
        self.observation_space = gymnasium.spaces.Box(-1.0, 1.0, (observation,), np.float32)
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (action,), np.float32)


def main() -> None:
    """Take turns until nobody asks."""
    shapes = json.loads(sys.argv[1])
    utd, batch = shapes["utd"], shapes["batch"]
    agent = SAC(
        "MlpPolicy",
        Spaces(shapes["observation"], shapes["action"]),
        policy_delay=utd,
        buffer_size=1,
        policy_kwargs={
            "net_arch": [shapes["hidden"]] * 2,
            "n_critics": shapes["critics"],
            "layer_norm": True,
            "activation_fn": linen.tanh,
        },
        seed=0,
    )
    agent.set_logger(Logger(None, []))
    samples = noise(utd * batch, shapes["observation"], shapes["action"])
    agent.replay_buffer.sample = lambda *_, **__: samples
    device = jax.devices()[0].device_kind
    print(json.dumps({"version": version("sbx-rl"), "peer_device": device}), flush=True)
    for _ in sys.stdin:
        agent.train(utd, batch)
        jax.block_until_ready((agent.policy.qf_state, agent.policy.actor_state, agent.ent_coef_state))
        print(flush=True)


def noise(rows: int, observation: int, action: int) -> ReplayBufferSamples:
    """A call's worth, as its replay buffer gives it."""
    rng = np.random.default_rng(0)
    sizes = {"observations": observation, "actions": action, "next_observations": observation}
    parts = {
        name: torch.from_numpy(rng.uniform(-1, 1, (rows, size)).astype(np.float32))
        for name, size in {**sizes, "dones": 1, "rewards": 1}.items()
    }
    return ReplayBufferSamples(**{**parts, "dones": torch.zeros(rows, 1)})


if __name__ == "__main__":
    main()
