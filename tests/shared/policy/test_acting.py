"""Acting needs a snapshot and nothing else, and one trace for a whole run."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import jax
import numpy as np

from shared.policy.acting import make_select_action
from shared.policy.snapshot import PolicySnapshot, write_snapshot

ACT = """
import sys
from pathlib import Path
import jax, numpy as np
from shared.policy.acting import make_select_action
from shared.policy.snapshot import read_snapshot
snapshot = read_snapshot(Path(sys.argv[1]))
zeros = {e.name: np.zeros(e.shape, e.dtype) for e in snapshot.spec.interface.observations}
print(make_select_action(snapshot.spec)(snapshot.params, zeros, jax.random.key(0), True).tolist())
assert not {"optax", "zmq", "learner", "actor"} & {name.split(".")[0] for name in sys.modules}
"""


def test_one_trace_for_every_snapshot_and_kind_of_input(
    snapshot: PolicySnapshot, observation: dict[str, np.ndarray]
) -> None:
    select = make_select_action(snapshot.spec)
    for turn, params in enumerate([snapshot.params, jax.device_put(snapshot.params), snapshot.params]):
        for greedy in (True, False):
            action = select(params, observation, jax.random.key(turn), greedy)
            assert action.shape == (2,)
            assert action.dtype == np.float32
            assert np.abs(action).max() <= 1.0
    assert select.traces == 1


def test_greedy_ignores_the_key_and_sampling_follows_it(
    snapshot: PolicySnapshot, observation: dict[str, np.ndarray]
) -> None:
    select = make_select_action(snapshot.spec)
    keys = [jax.random.key(0), jax.random.key(1), jax.random.key(0)]
    greedy = [select(snapshot.params, observation, key, True) for key in keys]
    drawn = [select(snapshot.params, observation, key, False) for key in keys]
    np.testing.assert_array_equal(greedy[0], greedy[1])
    np.testing.assert_array_equal(drawn[0], drawn[2])
    assert not np.array_equal(drawn[0], drawn[1])


def test_a_process_acts_from_a_file_alone(snapshot: PolicySnapshot, tmp_path: Path) -> None:
    path = tmp_path / "policy.snapshot"
    write_snapshot(path, replace(snapshot, version=8))
    run = subprocess.run(
        [sys.executable, "-c", ACT, str(path)], capture_output=True, text=True, timeout=60, check=False
    )
    assert run.returncode == 0, run.stderr
    zeros = {e.name: np.zeros(e.shape, e.dtype) for e in snapshot.spec.interface.observations}
    mine = make_select_action(snapshot.spec)(snapshot.params, zeros, jax.random.key(0), True)
    assert run.stdout.strip() == str(mine.tolist())
