"""With maps of images too, the same log gives the same batches, wherever a run went on."""

import dataclasses
import threading
import time
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from learner.imitation import CloningInterrupted, ImitationConfig, demo_store, imitate
from learner.replay.layout import BatchLayout
from learner.replay.maps import MapSource
from learner.sampler import PreparedCall
from shared.interface import ObservationEntry
from shared.records import Record, StepRecord
from shared.step import Observation
from tests.learner.sampler.test_sampler import INTERFACE, Run, a_log, all_calls

IMAGE = ObservationEntry(name="front/image", shape=(4, 4, 3), dtype="uint8")
LAYOUT = BatchLayout(
    interface=dataclasses.replace(INTERFACE, observations=(*INTERFACE.observations, IMAGE)),
    frame_stack=2,
    map_shapes={"front/image": (1, 1, 3)},
)


def encode(frames: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """What the frame shows, and its shift."""
    return np.concatenate((frames[:, :1, :1, 0], offsets[:, None]), -1)[:, None].astype(np.float16)


MAPS = MapSource(encode=encode, shifts=4, seed=5)


def seen(observation: Observation) -> Observation:
    """With an image of twice the state."""
    return observation | {"front/image": np.full((4, 4, 3), 2 * observation["state"][0], np.uint8)}


def with_images(record: Record) -> Record:
    if not isinstance(record, StepRecord):
        return record
    step, final = record.step, record.step.final_observation
    step = dataclasses.replace(
        step, observation=seen(step.observation), final_observation=seen(final) if final else None
    )
    return dataclasses.replace(record, step=step)


@pytest.fixture(scope="module")
def log() -> list[Record]:
    return [with_images(record) for record in a_log()]


def contents(call: PreparedCall) -> list[bytes]:
    entries = [*call.batch.observation.values(), *call.batch.next_observation.values()]
    return [np.asarray(array).tobytes() for array in entries]


def test_batches_show_maps_of_their_own_frames(log: list[Record]) -> None:
    calls = all_calls(log, layout=LAYOUT, maps=MAPS)
    assert len(calls) > 50
    offsets = []
    for call in calls:
        for entries in (call.batch.observation, call.batch.next_observation):
            maps = np.asarray(entries["front/image"])
            assert (maps.shape, maps.dtype) == ((2, 8, 2, 1, 1, 3), np.float16)
            assert np.array_equal(maps[:, :, -1, 0, 0, 0], 2 * np.asarray(entries["state"])[..., 0])
            offsets.append(maps[:, :, -1, 0, 0, 1:])
    assert set(np.unique(offsets).tolist()) == set(range(9))


@pytest.mark.parametrize("done", [0, 7, 30])
def test_going_on_equals_never_having_stopped(log: list[Record], done: int) -> None:
    calls = all_calls(log, layout=LAYOUT, maps=MAPS)
    at = calls[done]
    with Run(layout=LAYOUT, maps=MAPS) as run:
        run.sampler.restore(iter(enumerate(log)), position=at.position, ratio=at.ratio, call=done + 1)
        run.sampler.start()
        rest = run.rest()
    assert [contents(call) for call in rest] == [contents(call) for call in calls[done + 1 :]]


def test_demonstrations_have_maps_too(log: list[Record]) -> None:
    store = demo_store(LAYOUT, log, MAPS)
    assert len(store.sampleable) == 9
    batch = store.gather(np.sort(store.sampleable.rows)[None], 1, 0.9)
    images = batch.observation["front/image"][0, :, :, 0, 0, 0]
    assert images.tolist() == [[max(0, 2 * step - 2), 2 * step] for step in range(9)]


def test_a_cold_cache_does_not_hold_up_closing(log: list[Record]) -> None:
    filling = threading.Event()

    def slowly(frames: np.ndarray, offsets: np.ndarray) -> np.ndarray:
        filling.set()
        time.sleep(0.5)
        return encode(frames, offsets)

    slow = dataclasses.replace(MAPS, encode=slowly, chunk=1)
    with Run(layout=LAYOUT, maps=slow) as run:
        run.feed(log)
        run.sampler.start()
        assert filling.wait(5.0)
        assert run.sampler.close(2.0)
        run.sampler.check()


def test_cloning_is_interrupted_while_maps_are_made(log: list[Record]) -> None:
    made: list[int] = []

    def counted(frames: np.ndarray, offsets: np.ndarray) -> np.ndarray:
        made.append(len(frames))
        return encode(frames, offsets)

    maps = dataclasses.replace(MAPS, encode=counted, chunk=1).until(lambda: len(made) == 3)
    agent = cast(Any, SimpleNamespace(config=SimpleNamespace(discount=0.9)))
    with pytest.raises(CloningInterrupted):
        imitate(agent, cast(Any, None), demo_store(LAYOUT, log, maps), ImitationConfig(), seed=0)
    assert len(made) == 3
