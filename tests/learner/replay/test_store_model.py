"""ReplayStore against a list written for reading: what it can give is what happened, and nothing else.

Hypothesis draws what actors may do to it: interleaved episodes, gaps, restarts, cuts, faults, numbers that
are not finite, corrections, and stores small enough to wrap many times. Images tell who saw them, when and
with which camera; they are looked at as frames and as maps, alone and stacked, also while the store fills.
"""

import math
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learner.replay.layout import BatchLayout
from learner.replay.maps import MapSource
from learner.replay.store import ReplayStore
from shared.interface import ActionEntry, InterfaceSpec, ObservationEntry
from shared.records import AmendRecord, StepRecord, amended
from shared.step import EpisodeKind, Observation, Source, Step, StepId, Why

INTERFACE = InterfaceSpec(
    name="test",
    observations=(
        ObservationEntry(name="state", shape=(2,), dtype="float32"),
        ObservationEntry(name="front/image", shape=(2, 2, 3), dtype="uint8"),
        ObservationEntry(name="wrist/image", shape=(2, 2, 3), dtype="uint8"),
    ),
    actions=(ActionEntry(name="step", low=(-1.0,), high=(1.0,), unit="m"),),
    control_hz=10.0,
)
CAMERAS = ("front/image", "wrist/image")
GAMMA = 0.9


@dataclass(eq=False)
class Entry:
    """An observation that was kept, the step that began with it (if any) and what followed."""

    observation: Observation
    kept: bool
    record: StepRecord | None = None
    after: "Entry | None" = None
    before: "Entry | None" = None

    @property
    def value(self) -> float:
        return float(self.observation["state"][0])

    @property
    def pixels(self) -> list[int]:
        return [int(x) for camera in CAMERAS for x in self.observation[camera].ravel()]

    @property
    def finite(self) -> bool:
        return bool(np.isfinite(self.observation["state"]).all())

    @property
    def sampleable(self) -> bool:
        if self.record is None or not self.finite:
            return False
        step = self.record.step
        followed = step.terminated or (self.after is not None and self.after.finite)
        return math.isfinite(step.reward) and step.why is not Why.FAULT and followed


class Transition(NamedTuple):
    """What a sample is to be.

    Attributes:
        numbers: (reward, discount, next state, imitate).
        seen, seen_next: stacks of images: for each frame, the oldest first, the bytes of all cameras.
    """

    numbers: tuple[float, ...]
    seen: list[list[int]]
    seen_next: list[list[int]]


@dataclass
class Model:
    """What a ReplayStore is to be."""

    capacity: int
    entries: list[Entry] = field(default_factory=list)
    ongoing: dict[tuple[str, str], Entry] = field(default_factory=dict)

    def append(self, record: StepRecord, kept: bool) -> None:
        entry = self._add(Entry(record.step.observation, kept, record))
        self._follow(record, entry)
        if record.step.final_observation is not None:
            self._link(entry, self._add(Entry(record.step.final_observation, kept)))
        if not record.step.last:
            self.ongoing[record.identity[:2]] = entry

    def append_observation(self, record: StepRecord, kept: bool) -> None:
        before = self.ongoing.get(record.identity[:2])
        if self._precedes(before, record):
            self._follow(record, self._add(Entry(record.step.observation, kept)))
        self.cut(record.identity[:2])

    def cut(self, stream: tuple[str, str]) -> None:
        self.ongoing.pop(stream, None)

    def amend(self, amend: AmendRecord) -> bool:
        for entry in self.entries:
            if entry.record is not None and entry.record.identity == amend.target:
                entry.record = amended(entry.record, amend)
                return True
        return False

    def transitions(self, n_step: int, frames: int) -> dict[float, "Transition"]:
        """All that can be sampled, by the state that each starts in."""
        return {e.value: self._transition(e, n_step, frames) for e in self.entries if e.sampleable}

    def _transition(self, first: Entry, n_step: int, frames: int) -> "Transition":
        here, total, count = first, first.record.step.reward, 1
        while count < n_step and not here.record.step.last and here.after.sampleable:
            here = here.after
            total += GAMMA**count * here.record.step.reward
            count += 1
        terminated = here.record.step.terminated
        next_entry = here.after if here.after is not None and here.after.finite else here
        imitate = float(first.record.step.source in (Source.HUMAN, Source.SCRIPT))
        numbers = total, 0.0 if terminated else GAMMA**count, next_entry.value, imitate
        return Transition(numbers, self._stack(first, frames), self._stack(next_entry, frames))

    def _stack(self, newest: Entry, frames: int) -> list[list[int]]:
        """For each frame, the oldest first, the bytes of all cameras' images."""
        stack = [newest]
        while len(stack) < frames:
            before = stack[0].before
            stack.insert(0, before if before in self.entries else stack[0])
        return [entry.pixels for entry in stack]

    def _follow(self, record: StepRecord, entry: Entry) -> None:
        before = self.ongoing.pop(record.identity[:2], None)
        if self._precedes(before, record):
            self._link(before, entry)

    def _link(self, before: Entry, after: Entry) -> None:
        before.after, after.before = after, before

    def _precedes(self, before: Entry | None, record: StepRecord) -> bool:
        if before is None or before not in self.entries:
            return False
        name = before.record.identity
        return name._replace(step=name.step + 1) == record.identity

    def _add(self, entry: Entry) -> Entry:
        if len(self.entries) == self.capacity:
            ordinary = [e for e in self.entries if not e.kept]
            self.entries.remove((ordinary or self.entries)[0])
        self.entries.append(entry)
        return entry


@dataclass
class Actor:
    """Where one actor is."""

    name: str
    life: int = 0
    episode: int = 0
    step: int = 0

    @property
    def identity(self) -> StepId:
        return StepId(self.name, f"life-{self.life}", self.episode, self.step)


happenings = st.fixed_dictionaries(
    {
        "actor": st.integers(0, 2),
        "what": st.sampled_from(
            ["step"] * 8 + ["observe", "gap", "restart", "abandon", "cut", "amend", "look"]
        ),
        "end": st.sampled_from([None] * 5 + list(Why)),
        "final": st.booleans(),
        "spoil": st.sampled_from([None] * 12 + ["observation", "reward", "final"]),
        "source": st.sampled_from(Source),
        "target": st.integers(0, 1000),
        "terminated": st.none() | st.booleans(),
    }
)


def observation(value: float, seen_by: StepId, *, final: bool = False, spoiled: bool = False) -> Observation:
    """A state that is unique, and images that tell what they are of."""
    actor, life = int(seen_by.actor_id[-1]), int(seen_by.incarnation.split("-")[1])
    made = {"state": np.array([value, np.nan if spoiled else 1.0], np.float32)}
    for number, camera in enumerate(CAMERAS):
        told = [actor, life, seen_by.episode, seen_by.step, final, number, 6, 7, 8, 9, 10, 11]
        made[camera] = np.array(told, np.uint8).reshape(2, 2, 3)
    return made


def step_record(identity: StepId, value: float, what: dict) -> StepRecord:
    why = what["end"]
    step = Step(
        observation=observation(value, identity, spoiled=what["spoil"] == "observation"),
        chosen_action=np.array([value], np.float32),
        executed_command=np.zeros(1, np.float32),
        source=what["source"],
        reward=math.nan if what["spoil"] == "reward" else value % 7 - 3,
        terminated=why in (Why.SUCCESS, Why.FAILURE),
        truncated=why in (Why.TIME_LIMIT, Why.OPERATOR_ABORT, Why.FAULT),
        why=why,
    )
    if why is not None and what["final"]:
        final = observation(value + 0.5, identity, final=True, spoiled=what["spoil"] == "final")
        step = replace(step, final_observation=final)
    return StepRecord(identity=identity, sequence=0, kind=EpisodeKind.TRAINING, time_seconds=0.0, step=step)


def amend_record(target: StepId, value: float, what: dict) -> AmendRecord:
    why = what["end"]
    return AmendRecord(
        actor_id=target.actor_id,
        incarnation=target.incarnation,
        sequence=0,
        time_seconds=0.0,
        target=target,
        reward=math.inf if what["spoil"] == "reward" else value % 5,
        terminated=what["terminated"],
        truncated=None if why is None else True,
        why=why,
    )


def happen(
    what: dict, value: float, actor: Actor, seen: list[StepId], model: Model, store: ReplayStore
) -> None:
    kept = actor.name == "actor-2"
    stream = actor.identity[:2]
    match what["what"]:
        case "step":
            record = step_record(actor.identity, value, what)
            seen.append(record.identity)
            model.append(record, kept)
            store.append(record, kept=kept)
            actor.step += 1
            if record.step.last:
                actor.episode, actor.step = actor.episode + 1, 0
        case "observe":
            record = step_record(actor.identity, value, what)
            model.append_observation(record, kept)
            store.append_observation(record, kept=kept)
            actor.step += 1
        case "gap":
            actor.step += 1
        case "abandon":
            actor.episode, actor.step = actor.episode + 1, 0
        case "restart":
            actor.life, actor.episode, actor.step = actor.life + 1, 0, 0
        case "cut":
            model.cut(stream)
            store.cut(stream)
        case "look":
            transitions_of(store, n_step=1)
        case "amend":
            target = seen[what["target"] % len(seen)] if seen else StepId("nobody", "life-0", 0, 0)
            amend = amend_record(target, value, what)
            assert store.amend(amend) == model.amend(amend)


def encode(frames: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """A map that shows all of its frame, and how it was shifted."""
    assert frames.shape == (8, 2, 2, 3)
    return np.concatenate((frames.reshape(-1, 1, 1, 12), offsets.reshape(-1, 1, 1, 2)), -1).astype(np.float16)


def store_of(capacity: int, frames: int, shifts: int) -> ReplayStore:
    """Of frames where there are no shifts, else of maps."""
    shapes = dict.fromkeys(CAMERAS, (1, 1, 14)) if shifts else {}
    layout = BatchLayout(interface=INTERFACE, frame_stack=frames, map_shapes=shapes)
    return ReplayStore(layout, capacity, MapSource(encode=encode, shifts=shifts, seed=1) if shifts else None)


def transitions_of(store: ReplayStore, n_step: int) -> dict[float, Transition]:
    """All that can be sampled, in the words of the model."""
    rows = store.sampleable.rows.copy()[None]
    batch = store.gather(rows, n_step, GAMMA)
    state, after = batch.observation["state"][0, :, 0], batch.next_observation["state"][0, :, 0]
    assert np.array_equal(batch.action[0, :, 0], state)
    assert np.isfinite(batch.next_observation["state"]).all()
    columns = np.stack((batch.reward[0], batch.discount[0], after, batch.imitate[0]), -1).tolist()
    seen, seen_next = images_of(batch.observation), images_of(batch.next_observation)
    told = zip(columns, seen, seen_next, strict=True)
    return {float(s): Transition(tuple(c), *stacks) for s, (c, *stacks) in zip(state, told, strict=True)}


def images_of(observation: dict) -> list[list[list[int]]]:
    """(B, T, bytes of all cameras); shifts are looked at and left out: frames of a stack share them."""
    rows = []
    for camera in CAMERAS:
        stacks = observation[camera][0]
        flat = stacks.reshape(*stacks.shape[:2], math.prod(stacks.shape[2:]))
        assert (flat[..., 12:] == flat[:, :1, 12:]).all()
        rows.append(flat[..., :12])
    return np.concatenate(rows, -1).astype(int).tolist()


def check(schedule: list[dict], capacity: int, n_step: int, frames: int, shifts: int) -> None:
    model, store = Model(capacity), store_of(capacity, frames, shifts)
    actors = [Actor(f"actor-{number}") for number in range(3)]
    seen: list[StepId] = []
    for value, what in enumerate(schedule):
        happen(what, float(value), actors[what["actor"]], seen, model, store)
        assert len(store) == len(model.entries)
        assert len(store.sampleable) == sum(entry.sampleable for entry in model.entries)
    got, wanted = transitions_of(store, n_step), model.transitions(n_step, frames)
    assert got.keys() == wanted.keys()
    for state, (numbers, *stacks) in wanted.items():
        np.testing.assert_allclose(got[state].numbers, numbers, rtol=1e-5, atol=1e-5, err_msg=f"from {state}")
        assert [got[state].seen, got[state].seen_next] == stacks


drawn = given(
    schedule=st.lists(happenings, min_size=10, max_size=90),
    capacity=st.integers(1, 24),
    n_step=st.integers(1, 5),
    frames=st.integers(1, 3),
    shifts=st.sampled_from([0, 0, 1, 3]),
)


@drawn
@settings(max_examples=200)
def test_store_is_the_model(
    schedule: list[dict], capacity: int, n_step: int, frames: int, shifts: int
) -> None:
    check(schedule, capacity, n_step, frames, shifts)


@pytest.mark.acceptance
@drawn
@settings(max_examples=2000)
def test_store_is_the_model_in_2000_examples(
    schedule: list[dict], capacity: int, n_step: int, frames: int, shifts: int
) -> None:
    check(schedule, capacity, n_step, frames, shifts)
