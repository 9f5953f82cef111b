"""MapCache: each map is of its frame at its shift, whoever asked first, and shifts are uniform."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learner.replay.layout import BatchLayout
from learner.replay.maps import PAD, MapSource, shift_offsets
from learner.replay.sampling import Plan, gather, generator, plan
from learner.replay.store import ReplayStore
from shared.errors import NonFiniteError
from shared.interface import ActionEntry, InterfaceSpec, ObservationEntry
from shared.records import StepRecord
from shared.step import EpisodeKind, Source, Step, StepId

SIZE, CHUNK = 12, 32
CAMERAS = ("front/image", "wrist/image")
INTERFACE = InterfaceSpec(
    name="test",
    observations=tuple(ObservationEntry(name=n, shape=(SIZE, SIZE, 3), dtype="uint8") for n in CAMERAS),
    actions=(ActionEntry(name="step", low=(-1.0,), high=(1.0,), unit="m"),),
    control_hz=10.0,
)
LAYOUT = BatchLayout(interface=INTERFACE, map_shapes=dict.fromkeys(CAMERAS, (SIZE, SIZE, 3)))


class Encoder:
    """Its maps are the shifted frames; counts what it was given."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, frames: np.ndarray, offsets: np.ndarray) -> np.ndarray:
        assert frames.shape == (CHUNK, SIZE, SIZE, 3)
        assert (offsets.shape, offsets.dtype) == ((CHUNK, 2), np.int32)
        self.calls += 1
        return np.stack([shifted(*pair) for pair in zip(frames, offsets, strict=True)]).astype(np.float16)


def shifted(frame: np.ndarray, offset: np.ndarray) -> np.ndarray:
    padded = np.pad(frame, ((PAD, PAD), (PAD, PAD), (0, 0)), "edge")
    return padded[offset[0] : offset[0] + SIZE, offset[1] : offset[1] + SIZE]


def frames_of(number: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(number)
    return {name: rng.integers(0, 256, (SIZE, SIZE, 3), np.uint8) for name in CAMERAS}


def a_store(
    steps: int, *, shifts: int = 4, capacity: int = 64, frames: int = 1, seed: int = 3
) -> tuple[ReplayStore, Encoder]:
    """Holds one episode that goes on."""
    encoder = Encoder()
    layout = dataclasses.replace(LAYOUT, frame_stack=frames)
    store = ReplayStore(layout, capacity, MapSource(encode=encoder, shifts=shifts, seed=seed, chunk=CHUNK))
    for number in range(steps):
        store.append(a_step(number))
    return store, encoder


def a_step(number: int) -> StepRecord:
    nothing = np.zeros(1, np.float32)
    step = Step(
        observation=frames_of(number),
        chosen_action=nothing,
        executed_command=nothing,
        source=Source.POLICY,
        reward=float(number),
    )
    name = StepId("actor", "life", 0, number)
    return StepRecord(identity=name, sequence=number, kind=EpisodeKind.TRAINING, time_seconds=0.0, step=step)


def a_plan(store: ReplayStore, call: int, size: int = 16) -> Plan:
    shape = {"batch_size": size, "updates": 2, "demo_share": 0.0, "map_choices": store.map_choices}
    return plan(generator(0, call), store.sampleable, store.sampleable, **shape)


def a_batch(store: ReplayStore, call: int, size: int = 16):
    return gather(a_plan(store, call, size), store, store, n_step=1, discount=0.9)


@given(seed=st.integers(-(2**63), 2**64 - 1), camera=st.integers(0, 3))
@settings(max_examples=5)
def test_shifts_are_uniform_and_independent(seed: int, camera: int) -> None:
    count = 8100
    serials = np.arange(count)
    first, second, other, later = (
        shift_offsets(seed, serials, where, np.full(count, m))
        for where, m in ((camera, 0), (camera, 1), (camera + 1, 0), (camera, 0))
    )
    assert np.array_equal(first, later)
    later = np.roll(first, 1, 0)
    pairs = [first.T, *((first[:, axis], b[:, axis]) for b in (second, other, later) for axis in (0, 1))]
    for down, right in pairs:
        cells = np.bincount(down * 9 + right, minlength=81)
        assert len(cells) == 81
        assert float(((cells - 100.0) ** 2 / 100.0).sum()) < 140  # the 99.997 % quantile of 80 degrees


@pytest.mark.parametrize("frames", [1, 3])
def test_a_map_is_of_its_frame_at_its_shift(frames: int) -> None:
    """The shift follows from the row's serial; where frames are stacked, from the episode's first."""
    store, _ = a_store(9, frames=frames)
    rows = a_plan(store, 0)
    batch = gather(rows, store, store, n_step=1, discount=0.9)
    steps = batch.reward.astype(int)
    for after, entries in enumerate((batch.observation, batch.next_observation)):
        for camera, name in enumerate(CAMERAS):
            for index in np.ndindex(steps.shape):
                newest, choice = steps[index] + after, rows.shifts[(after, camera, *index)][None]
                for age in range(frames):
                    step = max(0, newest - age)
                    motion = np.array([0 if frames > 1 else step])
                    offset = shift_offsets(3, motion, camera, choice)[0]
                    wanted = shifted(frames_of(step)[name], offset)
                    assert np.array_equal(entries[name][(*index, frames - 1 - age)], wanted)


@given(order=st.permutations(range(6)), seen=st.lists(st.integers(0, 5)))
@settings(max_examples=20)
def test_the_order_of_filling_changes_nothing(order: list[int], seen: list[int]) -> None:
    """Also while rows are overwritten: a store that was looked at on the way, and one that was not."""
    looked, _ = a_store(0, capacity=7)
    still, _ = a_store(0, capacity=7)
    for number in range(12):
        looked.append(a_step(number))
        still.append(a_step(number))
        for call in seen if number % 3 == 1 else ():
            a_batch(looked, call)
    one = {call: a_batch(looked, call) for call in order}
    for call in range(6):
        two = a_batch(still, call)
        for name in CAMERAS:
            assert np.array_equal(one[call].observation[name], two.observation[name])
            assert np.array_equal(one[call].next_observation[name], two.next_observation[name])


def test_what_is_there_is_not_computed_again() -> None:
    store, encoder = a_store(9, shifts=2)
    a_batch(store, 0, size=500)
    assert encoder.calls == 2  # 9 rows x 2 shifts fill less than a chunk for each camera
    for call in range(1, 5):
        a_batch(store, call, size=500)
    assert encoder.calls == 2
    store.append(a_step(9))
    a_batch(store, 5, size=500)
    assert encoder.calls == 4


def test_one_shift_still_shifts() -> None:
    store, _ = a_store(20, shifts=1)
    batch = a_batch(store, 0)
    steps = batch.reward.astype(int)
    still = sum(
        np.array_equal(batch.observation[name][(*index, 0)], frames_of(steps[index])[name])
        for name in CAMERAS
        for index in np.ndindex(steps.shape)
    )
    assert still < 8


def test_choices_are_drawn_after_rows() -> None:
    store, _ = a_store(20)
    rows = store.sampleable
    with_maps, without = (
        plan(generator(0, 7), rows, rows, batch_size=32, updates=3, demo_share=0.25, map_choices=choices)
        for choices in ((2, 4), (0, 1))
    )
    assert np.array_equal(with_maps.pinned, without.pinned)
    assert np.array_equal(with_maps.online, without.online)
    assert with_maps.shifts.shape == (2, 2, 3, 32)
    assert set(with_maps.shifts.ravel().tolist()) == {0, 1, 2, 3}
    assert without.shifts.size == 0


def test_maps_that_are_not_finite_are_refused() -> None:
    def overflown(frames: np.ndarray, offsets: np.ndarray) -> np.ndarray:
        return np.full((8, SIZE, SIZE, 3), np.inf, np.float16)

    store = ReplayStore(LAYOUT, 8, MapSource(encode=overflown, shifts=1, seed=0))
    for number in range(3):
        store.append(a_step(number))
    with pytest.raises(NonFiniteError) as caught:
        a_batch(store, 0)
    assert caught.value.stage == "frozen trunk"
    assert "front/image is not finite" in caught.value.cause
    assert "weights, or set cached_shifts to 0" in caught.value.cure


def test_maps_need_a_source() -> None:
    with pytest.raises(ValueError, match="source of maps"):
        ReplayStore(LAYOUT, 4)
    source = MapSource(encode=Encoder(), shifts=1, seed=0)
    with pytest.raises(ValueError, match="source of maps"):
        ReplayStore(BatchLayout(interface=INTERFACE), 4, source)
