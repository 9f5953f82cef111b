import dataclasses
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from learner import checkpointer
from learner.agents.state import flat_to_state, state_to_flat
from learner.checkpoints import list_checkpoints, usable_checkpoints
from learner.training import copy_on_device
from shared.errors import CheckpointError, NonFiniteError
from shared.policy.snapshot import decode_snapshot
from shared.records import LostRecord

STEPS = 30
UPDATES = 4 * (STEPS - 5)


def test_every_step_after_the_warm_up_is_paid_for_exactly(make_core, steps):
    core = make_core()
    assert core.run(steps(STEPS)) == "used up"
    assert core.trainer.progress.update == UPDATES
    assert int(core.trainer.state.updates) == UPDATES
    assert core.trainer.progress.position == STEPS


def test_consumption_is_reported_after_every_call_in_order(make_core, steps):
    core = make_core()
    core.run(steps(STEPS))
    assert [next(iter(consumed.values())) for consumed in core.consumed] == list(range(6, STEPS + 1))


def test_losses_are_reported_where_no_call_can_follow(make_core, steps):
    """An actor that may lead by four steps made all four and lost them; it must hear of it to go on."""
    core = make_core()
    core.feed(steps(7))
    core.sampler.start()
    deadline = time.monotonic() + 30.0
    while core.trainer.progress.position < 7:
        assert time.monotonic() < deadline
        core.trainer.turn(0.1)
    while core.trainer.turn(0.1):
        pass
    stream = ("actor", "life")
    assert core.consumed[-1] == {stream: 7}
    told = len(core.consumed)
    lost = LostRecord(
        actor_id="actor", incarnation="life", sequence=7, time_seconds=0.0, count=4, cause="damaged"
    )
    core.arrivals.put((7, lost))
    while len(core.consumed) == told:
        assert time.monotonic() < deadline
        core.trainer.turn(0.1)
    for _ in range(3):
        core.trainer.turn(0.1)
    assert core.consumed[told:] == [{stream: 11}]


def test_the_last_policy_is_published_and_versions_count_up(make_core, steps):
    core = make_core()
    core.run(steps(STEPS))
    assert core.publisher.drain(5.0)
    versions = [encoded.version for encoded in core.sent]
    assert versions == sorted(set(versions))
    assert versions[-1] == UPDATES
    newest = decode_snapshot(core.sent[-1].header, core.sent[-1].buffers)
    for name, array in core.agent.policy_params(core.trainer.state).items():
        np.testing.assert_array_equal(newest.params[name], array)


def test_one_trace_for_the_whole_run(make_core, steps, agent):
    before = agent.traces["update"]
    make_core().run(steps(STEPS))
    make_core().run(steps(STEPS))
    assert agent.traces["update"] - before <= 1


def test_checkpoints_come_by_count_and_the_last_one_is_where_training_ended(make_core, steps, tmp_path):
    core = make_core(every_updates=16, keep=2)
    core.run(steps(STEPS))
    assert core.checkpointer.drain(5.0)
    newest, older = list_checkpoints(tmp_path / "checkpoints")
    assert int(newest.name) == UPDATES
    assert 0 < int(older.name) < UPDATES
    checkpoint = next(usable_checkpoints(tmp_path / "checkpoints"))
    assert (checkpoint.position, checkpoint.call) == (STEPS, UPDATES // 4)
    restored = flat_to_state(core.trainer.state, checkpoint.state)
    for name, array in state_to_flat(core.trainer.state).items():
        np.testing.assert_array_equal(state_to_flat(restored)[name], array)


def test_metrics_hold_what_the_agent_returned_and_the_rates(make_core, steps):
    core = make_core()
    core.feed(steps(STEPS))
    core.sampler.start()
    core.sampler.drain()
    core.trainer.run(lambda: core.clock.advance(1.0) or core.stop())
    core.telemetry.flush(core.trainer.progress)
    core.metrics.close(5.0)
    rows = core.rows.rows
    assert len(rows) > 2
    assert rows[-1].updates == UPDATES
    assert {"critic_loss", "q_mean", "entropy", "updates_per_second", "wait_share", "gauge"} <= set(
        rows[1].values
    )
    assert core.telemetry.train_seconds > 0


def test_a_policy_that_is_not_finite_is_never_published_nor_saved(make_core, steps, agent, tmp_path):
    state = agent.init(jax.random.key(0))
    name = min(state.policy)
    poisoned = jax.tree.map(lambda x: jnp.full_like(x, jnp.nan), state.policy[name])
    core = make_core(state=state._replace(policy=state.policy | {name: poisoned}), every_updates=4)
    core.feed(steps(STEPS))
    core.sampler.start()
    with pytest.raises(NonFiniteError, match="not finite") as caught:
        core.trainer.run(lambda: None)
    cause = caught.value.cause  # whichever looks first: the publisher at the policy, the checkpointer at all
    assert name in cause or "the agent's state after update" in cause
    assert core.sent == []
    assert list_checkpoints(tmp_path / "checkpoints") == []


def test_the_failure_of_another_thread_ends_training(make_core, steps):
    core = make_core()
    core.arrivals.put((7, steps(1)[0]))
    core.sampler.start()
    with pytest.raises(ValueError, match="record 7"):
        core.trainer.run(lambda: None)


def test_a_full_disk_ends_training_and_keeps_the_checkpoint_before(make_core, steps, tmp_path, monkeypatch):
    core = make_core()
    core.run(steps(STEPS))
    assert core.checkpointer.drain(10.0)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpointer, "write_checkpoint", full)
    later = dataclasses.replace(core.trainer.progress, update=UPDATES + 4)
    core.checkpointer.offer(copy_on_device(core.trainer.state), later)
    assert not core.checkpointer.drain(5.0)
    with pytest.raises(CheckpointError, match="No space left"):
        core.trainer.run(lambda: None)
    assert next(usable_checkpoints(tmp_path / "checkpoints")).update == UPDATES


def test_a_copy_outlives_the_donation_of_the_original(agent, make_core, steps):
    core = make_core()
    copy = copy_on_device(core.trainer.state)
    before = state_to_flat(copy)
    core.run(steps(STEPS))
    after = state_to_flat(copy)
    assert all(np.array_equal(before[name], after[name]) for name in before)
