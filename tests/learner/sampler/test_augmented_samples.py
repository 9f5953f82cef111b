"""The picture of augmented samples shows what the first call saw, not something like it."""

import dataclasses
import queue
from pathlib import Path
from typing import Any

import cv2
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from learner import augmented_samples
from learner.agents.augmentation import AugmentationConfig, shift
from learner.agents.config import SACConfig
from learner.agents.critic_update import view
from learner.agents.networks import SACNetworks
from learner.augmented_samples import AugmentedSamples, cached_offsets, drawn_offsets, grid, seen
from learner.critics import CriticConfig
from learner.replay.layout import BatchLayout
from learner.replay.maps import PAD, MapSource
from learner.sampler import PreparedCall, Sampler, Witness
from shared.interface import ObservationEntry
from shared.policy.spec import PolicyConfig
from shared.policy.vision import VisionConfig
from shared.records import Record, StepRecord
from shared.step import Observation
from tests.learner.sampler.test_sampler import CONFIG, INTERFACE, SIMULATED, a_log

SHAPES = {"front/image": (32, 32, 3), "wrist/image": (40, 32, 3)}
IMAGES = tuple(ObservationEntry(name=name, shape=shape, dtype="uint8") for name, shape in SHAPES.items())
SEES = dataclasses.replace(INTERFACE, observations=(*INTERFACE.observations, *IMAGES))
SEED = 5


def frame(name: str, state: float) -> np.ndarray:
    """Of that state, and of no other."""
    return np.random.default_rng((len(name), int(6 * state))).integers(0, 256, SHAPES[name], np.uint8)


def with_images(record: Record) -> Record:
    def look(observation: Observation) -> Observation:
        return observation | {name: frame(name, float(observation["state"][0])) for name in SHAPES}

    if not isinstance(record, StepRecord):
        return record
    final = record.step.final_observation
    step = dataclasses.replace(
        record.step,
        observation=look(record.step.observation),
        final_observation=look(final) if final else None,
    )
    return dataclasses.replace(record, step=step)


@pytest.fixture(scope="module")
def log() -> list[Record]:
    return [with_images(record) for record in a_log(20)]


def calls_of(
    log: list[Record], layout: BatchLayout, maps: MapSource | None, witness: Witness
) -> list[PreparedCall]:
    arrivals: queue.SimpleQueue[tuple[int, Record]] = queue.SimpleQueue()
    for numbered in enumerate(log):
        arrivals.put(numbered)
    sampler = Sampler(
        layout,
        CONFIG,
        SIMULATED,
        seed=SEED,
        n_step=1,
        discount=0.9,
        arrivals=arrivals,
        device_put=lambda batch: batch,
        maps=maps,
        witness=witness,
    )
    sampler.start()
    sampler.drain()
    calls = []
    while not sampler.finished:
        sampler.check()
        calls += [call] if (call := sampler.next(0.01)) else []
    assert sampler.close(5.0)
    return calls


def row_of(picture: np.ndarray, top: int) -> np.ndarray:
    """The eight frames (8, 32, 32, 3) of a row."""
    return np.stack(np.split(picture[top : top + 32], 8, axis=1))[:, :, :32]


class First:
    """Keeps what was picked of the first call that it is shown."""

    def __init__(self) -> None:
        self.samples: Any = None

    def __call__(self, *call: Any) -> None:
        self.samples = self.samples or augmented_samples.pick(*call)


def test_cached_maps_are_shown_as_the_batch_has_them(log: list[Record]) -> None:
    def encode(frames: np.ndarray, offsets: np.ndarray) -> np.ndarray:
        return np.asarray(shift(jnp.asarray(frames), jnp.asarray(offsets), PAD), np.float16)

    layout = BatchLayout(interface=SEES, map_shapes=SHAPES)
    first = First()
    calls = calls_of(log, layout, MapSource(encode=encode, shifts=4, seed=3), first)
    samples = first.samples
    shown = seen(samples.frames, cached_offsets(3)(samples), PAD)
    moved = 0
    for name in SHAPES:
        batch = calls[0].batch.observation[name][0, :, -1]
        assert np.array_equal(shown[name], batch[samples.places])
        moved += int((shown[name] != samples.frames[name]).any(axis=(1, 2, 3)).sum())
    assert moved > 8


@pytest.mark.parametrize("stack", [1, 2])
def test_frames_are_shown_as_the_update_shifts_them(log: list[Record], stack: int) -> None:
    config = SACConfig(
        vision=VisionConfig(trunk="small", embeddings=1, bottleneck=4, state_width=4, frame_stack=stack),
        policy=PolicyConfig(hidden=(4,)),
        critic=CriticConfig(hidden=(4,), members=2),
        augmentation=AugmentationConfig(pad=6),
    )
    first = First()
    calls = calls_of(log, BatchLayout(interface=SEES, frame_stack=stack), None, first)
    samples = first.samples
    shown = seen(samples.frames, drawn_offsets(SEED, 6)(samples), 6)

    networks = SACNetworks.of(config, SEES)
    seed_key = jax.random.key_data(jax.random.key(SEED))
    blank = jax.tree.map(
        lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), jax.eval_shape(networks.init, seed_key)
    )
    state = blank._replace(seed_key=seed_key)
    observations = jax.jit(lambda batch: view(networks, state, batch, None).observations)(calls[0].batch)
    for name in SHAPES:
        assert np.array_equal(shown[name], observations[0][name][0, samples.places, -1])
        assert np.array_equal(samples.frames[name], calls[0].batch.observation[name][0, samples.places, -1])


def test_the_picture_is_made_once_and_holds_what_was_sent_above_what_was_seen(
    log: list[Record], tmp_path: Path
) -> None:
    path = tmp_path / "augmented.png"
    samples = AugmentedSamples(path, PAD, drawn_offsets(SEED, PAD))
    picked = First()

    def both(*call: Any) -> None:
        picked(*call)
        samples.show(*call)

    assert len(calls_of(log, BatchLayout(interface=SEES), None, both)) > 1
    samples.close(20.0)
    frames = picked.samples.frames
    picture = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
    assert picture.shape == (2 * 34 + 2 * 42, 8 * 34, 3)
    assert np.array_equal(row_of(picture, 0), frames["front/image"])
    shifted = seen(frames, drawn_offsets(SEED, PAD)(picked.samples), PAD)
    assert np.array_equal(row_of(picture, 34), shifted["front/image"])
    assert [path.name for path in tmp_path.iterdir()] == ["augmented.png"]


def test_a_picture_that_is_there_stays(log: list[Record], tmp_path: Path) -> None:
    path = tmp_path / "augmented.png"
    path.write_bytes(b"of the life before")
    samples = AugmentedSamples(path, PAD, drawn_offsets(SEED, PAD))
    calls_of(log, BatchLayout(interface=SEES), None, samples.show)
    samples.close(1.0)
    assert path.read_bytes() == b"of the life before"


def test_a_disk_that_does_not_take_it_ends_nothing(
    log: list[Record], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    samples = AugmentedSamples(tmp_path / "missing" / "augmented.png", PAD, drawn_offsets(SEED, PAD))
    calls_of(log, BatchLayout(interface=SEES), None, samples.show)
    samples.close(20.0)
    assert "no picture of augmented samples" in caplog.text


def test_large_frames_are_shown_small() -> None:
    frames = {"front/image": np.zeros((8, 480, 640, 3), np.uint8)}
    assert grid(frames, frames).shape == (2 * 74, 8 * 98, 3)
