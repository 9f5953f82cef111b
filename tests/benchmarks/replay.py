"""Replay: insert and sample, each beside a plain memcpy of the same bytes, in the same process.

Samples of cameras are frames, or maps that a frozen trunk made before; these are filled by a trunk that
takes no time.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from learner.replay.buffers import empty_buffers
from learner.replay.layout import BatchLayout
from learner.replay.maps import MapSource
from learner.replay.sampling import gather, generator, plan
from learner.replay.store import ReplayStore
from shared.interface import ActionEntry, InterfaceSpec, ObservationEntry
from shared.records import StepRecord
from shared.step import EpisodeKind, Observation, Source, Step, StepId, Why

UPDATES, BATCH_SIZE = 4, 256
EPISODE_STEPS = 100
ROUNDS = 5
MAP_SHAPE = (4, 4, 512)
"""Of ResNet-10, for a frame of 128x128."""
SHIFTS = 4


def main() -> Iterator[dict[str, object]]:
    """One line for each kind of step and each of insert and sample."""
    vectors = {"arm": 7, "velocity": 7, "tcp": 9, "gripper": 1, "target": 9, "wrench": 7}
    for name, images, rows in (("states", 0, 20_000), ("two 128x128 cameras", 2, 2_000)):
        interface = interface_of(vectors, images)
        records = make_records(interface, min(rows, 1000))
        layout = BatchLayout(interface=interface)
        yield from measure(name, records, ReplayStore(layout, rows), ReplayStore(layout, rows))
    yield from measure_maps("maps of two 128x128 cameras", records, interface)


def measure(
    name: str, records: list[StepRecord], store: ReplayStore, demos: ReplayStore
) -> Iterator[dict[str, object]]:
    """Insert rate, then the time of a call's minibatches without and with demos."""
    step_bytes = bytes_of(records[0].step.observation) + records[0].step.chosen_action.nbytes + 8
    insert = best_seconds(lambda: insert_all(store, records)) / len(records)
    insert_all(demos, records)
    yield compare(f"insert {name}", step_bytes, insert, {"per_second": round(1 / insert)})
    yield from measure_samples(name, store, demos)


def measure_samples(name: str, store: ReplayStore, demos: ReplayStore) -> Iterator[dict[str, object]]:
    """The time of a call's minibatches without and with demos."""
    size = empty_buffers(store.layout, UPDATES, BATCH_SIZE).nbytes
    for share in (0.0, 0.5):
        seconds = best_seconds(lambda share=share: sample(store, demos, share))
        figures = {"demo_share": share, "batches_per_second": round(UPDATES / seconds)}
        yield compare(f"sample {name} {UPDATES}x{BATCH_SIZE}", size, seconds, figures)


def measure_maps(
    name: str, records: list[StepRecord], interface: InterfaceSpec
) -> Iterator[dict[str, object]]:
    """The time to fill all maps of the records, then of a call's minibatches of maps that are there."""
    shapes = {entry.name: MAP_SHAPE for entry in interface.observations if entry.is_image}
    layout = BatchLayout(interface=interface, map_shapes=shapes)
    maps = np.ones((8, *MAP_SHAPE), np.float16)
    source = MapSource(encode=lambda frames, offsets: maps, shifts=SHIFTS, seed=0)
    store = ReplayStore(layout, len(records) * 2, source)
    insert_all(store, records)
    start = time.perf_counter()
    rows = np.repeat(store.sampleable.rows[None], SHIFTS, 0)
    shifts = np.broadcast_to(np.arange(SHIFTS)[:, None], (2, len(shapes), *rows.shape))
    out = empty_buffers(layout, *rows.shape)
    store.fill(out, slice(None), rows, shifts, 1, 0.97)
    seconds = time.perf_counter() - start
    count = len(store) * SHIFTS * len(shapes)
    figures = {"maps_per_second": round(count / seconds)}
    yield compare(f"fill and sample {name}", count * maps[0].nbytes + out.nbytes, seconds, figures)
    yield from measure_samples(name, store, store)


def insert_all(store: ReplayStore, records: list[StepRecord]) -> None:
    """Append all records; episodes come around again, which a store does not mind."""
    for record in records:
        store.append(record)


def sample(online: ReplayStore, pinned: ReplayStore, share: float) -> None:
    """Plan and gather one call's minibatches."""
    shape: dict[str, Any] = {"batch_size": BATCH_SIZE, "updates": UPDATES, "demo_share": share}
    shape["map_choices"] = online.map_choices
    rows = plan(generator(0, 0), online.sampleable, pinned.sampleable, **shape)
    gather(rows, online, pinned, n_step=1, discount=0.97)


def compare(what: str, size: int, seconds: float, figures: dict[str, object]) -> dict[str, object]:
    """A figure beside what copying as many bytes takes, into memory that is there (a batch's is new)."""
    source, target = np.ones(size, np.uint8), np.zeros(size, np.uint8)
    repeats = max(1, 2**20 // size)
    copy = best_seconds(lambda: [np.copyto(target, source) for _ in range(repeats)]) / repeats
    return {
        "figure": what,
        "microseconds": round(seconds * 1e6, 1),
        "gigabytes_per_second": round(size / seconds / 1e9, 3),
        "memcpy_microseconds": round(copy * 1e6, 1),
        "times_memcpy": round(seconds / copy, 2),
        **figures,
    }


def best_seconds(work: Callable[[], object]) -> float:
    """The shortest of several runs."""
    durations = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        durations.append(time.perf_counter() - start)
    return min(durations)


def interface_of(vectors: dict[str, int], images: int) -> InterfaceSpec:
    """A 40-number state, and so many cameras."""
    entries = [ObservationEntry(name=name, shape=(size,), dtype="float32") for name, size in vectors.items()]
    entries += [
        ObservationEntry(name=f"camera_{number}", shape=(128, 128, 3), dtype="uint8")
        for number in range(images)
    ]
    action = ActionEntry(name="tcp_step", low=(-1.0,) * 7, high=(1.0,) * 7, unit="m, rad")
    return InterfaceSpec(name="benchmark", observations=tuple(entries), actions=(action,), control_hz=10.0)


def make_records(interface: InterfaceSpec, count: int) -> list[StepRecord]:
    """Episodes of random numbers."""
    rng = np.random.default_rng(0)
    return [make_record(interface, number, rng) for number in range(count)]


def make_record(interface: InterfaceSpec, number: int, rng: np.random.Generator) -> StepRecord:
    """One step; the last of an episode is truncated."""
    episode, index = divmod(number, EPISODE_STEPS)
    last = index == EPISODE_STEPS - 1
    action = rng.uniform(-1, 1, interface.action_size).astype(np.float32)
    step = Step(
        observation=random_observation(interface, rng),
        chosen_action=action,
        executed_command=action,
        source=Source.POLICY,
        reward=0.0,
        truncated=last,
        why=Why.TIME_LIMIT if last else None,
        final_observation=random_observation(interface, rng) if last else None,
    )
    return StepRecord(
        identity=StepId("actor", "life", episode, index),
        sequence=number,
        kind=EpisodeKind.TRAINING,
        time_seconds=0.0,
        step=step,
    )


def random_observation(interface: InterfaceSpec, rng: np.random.Generator) -> Observation:
    """Every entry filled with noise."""
    return {
        e.name: rng.integers(0, 256, e.shape, np.uint8)
        if e.is_image
        else rng.standard_normal(e.shape, np.float32)
        for e in interface.observations
    }


def bytes_of(observation: Observation) -> int:
    """Bytes of all its entries."""
    return sum(array.nbytes for array in observation.values())
