"""Pickles as SERL's and HIL-SERL's scripts write them, made of the same parts in the same layout."""

import pickle

import numpy as np
import pytest

from actor.conversion import importing
from shared.episodes import group_episodes, read_episodes


def observed(rng, *, size=19, pixels=8):
    """What SERLObsWrapper and ChunkingWrapper leave: a flat state and pictures, with a time axis of 1."""
    return {
        "state": rng.uniform(-1, 1, (1, size)),
        "wrist_1": rng.integers(1, 256, (1, pixels, pixels, 3), np.uint8),
        "wrist_2": rng.integers(1, 256, (1, pixels, pixels, 3), np.uint8),
    }


def trajectory(rng, length, *, reward=1.0, mask=0.0, done=True, hil=False, observe=observed, actions=7):
    """One episode as record_demo.py collects it; HIL-SERL's holds infos too."""
    seen = [observe(rng) for _ in range(length + 1)]
    transitions = []
    for number in range(length):
        last = number == length - 1
        action = rng.uniform(-1, 1, actions)
        item = {
            "observations": seen[number],
            "actions": action,
            "next_observations": seen[number + 1],
            "rewards": np.float64(reward) if last else 0,
            "masks": mask if last else 1.0,
            "dones": done and last,
        }
        if hil:
            item["infos"] = {
                "succeed": bool(last and reward > 0),
                "grasp_penalty": -0.02 if number == 1 else 0.0,
                "left": False,
                "original_state_obs": {"tcp_pose": np.zeros(7)},
            }
            if number % 2:
                item["infos"]["intervene_action"] = action
        transitions.append(item)
    return transitions


def written(path, transitions):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(transitions))
    return path


@pytest.fixture
def imports(tmp_path):
    """`imports(path, *options)`: the exit status, the interface and the episodes of what was imported."""

    def run(path, *options, out="out"):
        status = importing.main([str(path), "--out", str(tmp_path / out), *map(str, options)])
        file = read_episodes(tmp_path / out / "demos.mcap")
        return status, file.interface, list(group_episodes(file.records()))

    return run
