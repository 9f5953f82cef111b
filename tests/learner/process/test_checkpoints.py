import dataclasses
import logging

import jax
import msgspec
import numpy as np
import pytest

from learner import checkpoints
from learner.agents.sac import SAC
from learner.agents.state import flat_to_state, state_to_flat
from learner.checkpoints import (
    MANIFEST,
    POLICY,
    STATE,
    Checkpoint,
    list_checkpoints,
    prune,
    read_checkpoint,
    usable_checkpoints,
    write_checkpoint,
)
from learner.probes import Prober, verify
from shared.errors import CheckpointError, InterfaceMismatch
from shared.policy.acting import make_select_action
from shared.policy.parameters import flatten
from shared.policy.snapshot import PolicySnapshot, read_snapshot


@pytest.fixture(scope="module")
def agent(interface, small_agent):
    return SAC(small_agent, interface)


@pytest.fixture(scope="module")
def prober(agent):
    return Prober(make_select_action(agent.policy_spec))


@pytest.fixture(scope="module")
def make(agent, prober):
    def build(update: int, seed: int = 0) -> Checkpoint:
        state = agent.init(jax.random.key(seed))
        params = flatten(state.policy)
        return Checkpoint(
            update=update,
            call=update // 4,
            position=update + 100,
            ratio={"updates": update, "forfeited": 0.5},
            pretrain_updates=7,
            state=state_to_flat(state),
            probes=prober.probe(params),
            policy=PolicySnapshot(
                spec=agent.policy_spec,
                params=params,
                learner_incarnation="life",
                version=update,
                update=update,
                created_at_seconds=1.0,
            ),
            config_toml="seed = 0\n",
            device="cpu, 2 threads",
        )

    return build


def test_everything_comes_back(tmp_path, make, agent, prober):
    before = make(8)
    after = read_checkpoint(write_checkpoint(tmp_path, before))
    for name in ("update", "call", "position", "ratio", "pretrain_updates", "config_toml", "device"):
        assert getattr(after, name) == getattr(before, name)
    state = flat_to_state(agent.init(jax.random.key(5)), after.state)
    for name, array in state_to_flat(state).items():
        assert array.tobytes() == before.state[name].tobytes(), name
    verify(after.probes, make_select_action(agent.policy_spec), after.policy.params, "this test")


def test_the_policy_in_a_checkpoint_stands_on_its_own(tmp_path, make, agent):
    snapshot = read_snapshot(write_checkpoint(tmp_path, make(8)) / POLICY)
    assert snapshot.spec == agent.policy_spec
    assert snapshot.update == 8


def test_a_policy_that_acts_otherwise_is_refused(make, agent):
    select = make_select_action(agent.policy_spec)
    with pytest.raises(CheckpointError, match="acts differently"):
        verify(make(8).probes, select, make(8, seed=1).policy.params, "this test")


def test_the_newest_are_kept_and_what_a_kill_left_is_removed(tmp_path, make):
    for update in (4, 8, 12, 16):
        write_checkpoint(tmp_path, make(update))
    (tmp_path / ".part-000000000020-1").mkdir()
    prune(tmp_path, keep=2)
    assert [int(d.name) for d in list_checkpoints(tmp_path)] == [16, 12]
    assert len(list(tmp_path.iterdir())) == 2


def test_writing_the_same_update_again_replaces_it(tmp_path, make):
    write_checkpoint(tmp_path, make(4, seed=1))
    write_checkpoint(tmp_path, make(4, seed=2))
    [checkpoint] = usable_checkpoints(tmp_path)
    np.testing.assert_array_equal(checkpoint.state["seed_key"], make(4, seed=2).state["seed_key"])


@pytest.mark.parametrize("name", [STATE, POLICY, "probes.arrays", "config.toml"])
def test_a_damaged_checkpoint_is_skipped_with_a_warning(tmp_path, make, caplog, name):
    write_checkpoint(tmp_path, make(4))
    newest = write_checkpoint(tmp_path, make(8))
    data = bytearray((newest / name).read_bytes())
    data[len(data) // 2] ^= 1
    (newest / name).write_bytes(data)
    assert next(usable_checkpoints(tmp_path)).update == 4
    assert "is skipped" in caplog.text


@pytest.mark.parametrize("name", [STATE, MANIFEST])
def test_a_partial_checkpoint_is_skipped(tmp_path, make, caplog, name):
    write_checkpoint(tmp_path, make(4))
    (write_checkpoint(tmp_path, make(8)) / name).unlink()
    assert next(usable_checkpoints(tmp_path)).update == 4


def test_another_format_version_is_refused(tmp_path, make):
    write_checkpoint(tmp_path, make(4))
    _edit(write_checkpoint(tmp_path, make(8)), format_version=99)
    with pytest.raises(CheckpointError, match="99") as caught:
        next(usable_checkpoints(tmp_path))
    assert "--init-from" in caught.value.cure


def test_another_code_version_warns(tmp_path, make, caplog):
    _edit(write_checkpoint(tmp_path, make(8)), code_version="0.0.1")
    with caplog.at_level(logging.WARNING):
        assert next(usable_checkpoints(tmp_path)).update == 8
    assert "0.0.1" in caplog.text


def test_another_interface_is_refused_with_both_printed(tmp_path, make, interface):
    write_checkpoint(tmp_path, make(8))
    other = dataclasses.replace(interface, name="other", control_hz=5.0)
    with pytest.raises(InterfaceMismatch, match="other at 5 Hz"):
        next(usable_checkpoints(tmp_path, other))


def test_there_may_be_none(tmp_path):
    assert list(usable_checkpoints(tmp_path / "absent")) == []


class Killed(BaseException):
    pass


@pytest.mark.parametrize("stage", ["_write_synced", "_sync_directory"])
def test_a_kill_while_writing_leaves_the_one_before(tmp_path, make, monkeypatch, stage):
    """The writer goes no further than its first small file, or than between the last file and the rename."""
    write_checkpoint(tmp_path, make(4))

    def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(checkpoints, stage, die)
        with pytest.raises(Killed):
            write_checkpoint(tmp_path, make(8))
    assert len(list(tmp_path.iterdir())) == 2
    assert next(usable_checkpoints(tmp_path)).update == 4
    write_checkpoint(tmp_path, make(8))
    prune(tmp_path, keep=3)
    assert next(usable_checkpoints(tmp_path)).update == 8
    assert len(list(tmp_path.iterdir())) == 2


def _edit(directory, **changes):
    path = directory / MANIFEST
    manifest = msgspec.json.decode(path.read_bytes()) | changes
    path.write_bytes(msgspec.json.encode(manifest))
