"""A program: fills a store of frames and maps, and prints its budget and by how many bytes it grew."""

import os
from pathlib import Path

import numpy as np

from learner.replay.budget import ReplayConfig, budget
from learner.replay.layout import BatchLayout
from learner.replay.maps import MapSource
from learner.replay.sampling import gather, generator, plan
from learner.replay.store import ReplayStore
from shared.interface import ActionEntry, InterfaceSpec, ObservationEntry
from shared.records import StepRecord
from shared.step import EpisodeKind, Source, Step, StepId

INTERFACE = InterfaceSpec(
    name="test",
    observations=(ObservationEntry(name="front/image", shape=(64, 64, 3), dtype="uint8"),),
    actions=(ActionEntry(name="step", low=(-1.0,), high=(1.0,), unit="m"),),
    control_hz=10.0,
)
LAYOUT = BatchLayout(interface=INTERFACE, map_shapes={"front/image": (8, 8, 24)})
CONFIG = ReplayConfig(online_rows=4000, pinned_rows=1, memory_limit_gigabytes=1.0)
CALLS = 128


def main() -> None:
    """Print "budget growth", in bytes."""
    told = budget(LAYOUT, CONFIG, updates=1, batch_size=256, batches_alive=1)
    maps = np.ones((8, 8, 8, 24), np.float16)
    source = MapSource(encode=lambda frames, offsets: maps, shifts=CONFIG.cached_shifts, seed=0)
    before = resident_bytes()
    store = ReplayStore(LAYOUT, CONFIG.online_rows, source)
    for number in range(CONFIG.online_rows):
        store.append(a_step(number))
    for call in range(CALLS):
        shape = {"batch_size": 256, "updates": 1, "demo_share": 0.0, "map_choices": store.map_choices}
        rows = plan(generator(0, call), store.sampleable, store.sampleable, **shape)
        batch = gather(rows, store, store, n_step=1, discount=0.9)
    print(told.total_bytes, resident_bytes() - before)
    del batch


def a_step(number: int) -> StepRecord:
    """One of an episode that does not end."""
    nothing = np.zeros(1, np.float32)
    image = np.full((64, 64, 3), number % 256, np.uint8)
    step = Step(
        observation={"front/image": image},
        chosen_action=nothing,
        executed_command=nothing,
        source=Source.POLICY,
        reward=0.0,
    )
    name = StepId("actor", "life", 0, number)
    return StepRecord(identity=name, sequence=number, kind=EpisodeKind.TRAINING, time_seconds=0.0, step=step)


def resident_bytes() -> int:
    """Memory of this process that is really there."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main()
