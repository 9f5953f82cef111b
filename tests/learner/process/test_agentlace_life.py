"""A whole learner that only a client of SERL talks to: it trains, and broadcasts for the network of SERL."""

import dataclasses
import io
import pickle
import threading
import time

import lz4.frame
import numpy as np
import pytest
from rich.console import Console

from learner.agentlace.config import AgentlaceConfig
from learner.ending import Interrupt
from learner.life import Life
from shared.clock import SystemClock
from shared.policy.spec import PolicyConfig
from tests.learner.agentlace.conftest import ReferenceClient, transition

STEPS, WARM_UP = 41, 5


@pytest.fixture
def serl_config(config, free_port, small_agent):
    ports = free_port(), free_port()
    gateway = AgentlaceConfig(agentlace=f"{ports[0]},{ports[1]}", agentlace_publish_seconds=0.01)
    agent = dataclasses.replace(small_agent, policy=PolicyConfig(hidden=(8, 8), inputs="plain"))
    return dataclasses.replace(
        config, gateway=gateway, agent=agent, end_with_actors=False, max_steps=STEPS - 1, drain_seconds=60.0
    )


def test_a_client_of_serl_trains_the_learner_and_gets_its_policy(serl_config):
    life = Life(serl_config, Console(file=io.StringIO()), Interrupt(), SystemClock())
    summaries = []
    thread = threading.Thread(target=lambda: summaries.append(life.run()))
    thread.start()
    client = ReferenceClient(serl_config.gateway.ports, timeout_ms=60_000)
    try:
        policies = client.subscribe()
        for count in range(10, STEPS, 10):
            client.transitions = [transition(n, terminated=True) for n in range(count)]
            assert client.update() == {"success": True}
            client.stats({"timer": {"total": 0.1}})
        tree = pickle.loads(lz4.frame.decompress(policies.recv()))
        deadline = time.monotonic() + 60
        while thread.is_alive() and time.monotonic() < deadline:
            tree = pickle.loads(lz4.frame.decompress(policies.recv())) if policies.poll(100) else tree
        policies.close()
    finally:
        client.close()
        thread.join(60.0)
    [summary] = summaries
    assert summary.env_steps == STEPS - 1
    assert summary.updates == 4 * (STEPS - 1 - WARM_UP)
    assert summary.steps_received == summary.steps_durable == STEPS - 1
    actor = tree["modules_actor"]
    assert actor["network"]["Dense_0"]["kernel"].shape == (4, 8)
    assert set(actor["network"]) == {"Dense_0", "Dense_1", "LayerNorm_0", "LayerNorm_1"}
    assert actor["Dense_0"]["kernel"].shape == actor["Dense_1"]["kernel"].shape == (8, 3)
    assert all(np.isfinite(leaf).all() for leaf in actor["Dense_1"].values())
