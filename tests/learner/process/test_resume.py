"""Continuing equals never having stopped, bit for bit: the same log, machine and thread count."""

import dataclasses

import jax
import pytest

from learner.agents.state import flat_to_state, state_to_flat
from learner.checkpointer import Progress
from learner.checkpoints import list_checkpoints, read_checkpoint
from shared.step import EpisodeKind

STEPS = 30


@pytest.fixture(scope="module")
def log(steps):
    demos = steps(20, kind=EpisodeKind.DEMO)
    return [*demos, *(_of_another_stream(record) for record in steps(STEPS))]


def _of_another_stream(record):
    return dataclasses.replace(record, identity=record.identity._replace(incarnation="practice"))


@pytest.fixture
def uninterrupted(make_core, log):
    """With a checkpoint after every call."""
    core = make_core(every_updates=4, keep=100)
    core.run(log, between=lambda: core.checkpointer.drain(10.0))
    assert core.checkpointer.drain(10.0)
    return core


def test_from_any_checkpoint_training_goes_on_as_if_it_had_never_stopped(
    uninterrupted, make_core, log, agent, tmp_path
):
    expected = state_to_flat(uninterrupted.trainer.state)
    directories = list_checkpoints(tmp_path / "checkpoints")
    assert len(directories) == STEPS - 5
    for directory in (directories[1], directories[-1]):
        checkpoint = read_checkpoint(directory, agent.interface)
        progress = Progress(
            update=checkpoint.update,
            call=checkpoint.call,
            position=checkpoint.position,
            ratio=checkpoint.ratio,
        )
        state = flat_to_state(agent.init(jax.random.key(9)), checkpoint.state)
        core = make_core(state=state, progress=progress)
        core.sampler.restore(
            iter(enumerate(log)),
            position=checkpoint.position,
            ratio=checkpoint.ratio,
            call=checkpoint.call,
        )
        core.run([])
        assert core.trainer.progress == uninterrupted.trainer.progress
        for name, array in state_to_flat(core.trainer.state).items():
            assert array.tobytes() == expected[name].tobytes(), (directory.name, name)


def test_batches_do_not_depend_on_when_records_arrive(uninterrupted, make_core, log):
    """Fed one by one while training runs, not all before it."""
    core = make_core()
    numbered = iter(enumerate(log))
    core.sampler.start()

    def stop():
        for _ in range(3):
            if (item := next(numbered, None)) is not None:
                core.arrivals.put(item)
            else:
                core.sampler.drain()
        return core.stop()

    core.trainer.run(stop)
    for name, array in state_to_flat(core.trainer.state).items():
        assert array.tobytes() == state_to_flat(uninterrupted.trainer.state)[name].tobytes(), name
