"""Whether the replay of this configuration fits into this computer's memory."""

from dataclasses import replace

from deploy.check.base import Check, Outcome, failed, ok
from deploy.check.bench import Bench, delivered, name_of
from deploy.check.settings_of_learner import learner_settings
from learner.assembly import BATCHES_BESIDE_THE_QUEUE
from learner.replay.budget import budget
from learner.seeing import see
from shared.errors import MemoryBudgetError
from shared.interface import ActionEntry, InterfaceSpec, ObservationEntry

STATE_NUMBERS = 32
ACTION_NUMBERS = 7


def checks(bench: Bench) -> list[Check]:
    """The budget that the learner would print."""
    return [Check(name="replay memory", run=lambda: memory(bench), deadline_seconds=60.0)]


def memory(bench: Bench) -> Outcome:
    """The learner's own reckoning, for the lab's cameras and a state of common size."""
    config = learner_settings(bench.config)
    interface = interface_of(bench)
    if not bench.lab.cameras:
        config = replace(config, trunk_weights=None)
    seeing = see(config.agent, config.sampler.replay, interface, config.trunk_weights, config.seed)
    needed = budget(
        seeing.layout,
        config.sampler.replay,
        updates=config.ratio.call_updates,
        batch_size=config.sampler.batch_size,
        batches_alive=config.sampler.queue_depth + BATCHES_BESIDE_THE_QUEUE,
    )
    try:
        needed.check()
    except MemoryBudgetError as error:
        return failed(error)
    return ok(str(needed))


def interface_of(bench: Bench) -> InterfaceSpec:
    """What an actor on this bench would send, about: pictures as its cameras deliver them, and a state."""
    views = (
        ObservationEntry(name=f"{name_of(camera)}/image", shape=(*delivered(camera), 3), dtype="uint8")
        for camera in bench.lab.cameras
    )
    state = ObservationEntry(name="state", shape=(STATE_NUMBERS,), dtype="float32")
    low, high = (-1.0,) * ACTION_NUMBERS, (1.0,) * ACTION_NUMBERS
    return InterfaceSpec(
        name=bench.config.task,
        observations=(state, *views),
        actions=(ActionEntry(name="move", low=low, high=high, unit="m"),),
        control_hz=bench.task.settings.control_hz,
    )
