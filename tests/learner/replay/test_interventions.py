"""Corrections that come and go: every picture that is sampled is the right one, and every share is exact.

Streams as robots make them: several actors interleaved, lives that end, steps that are lost on the way,
episodes that are broken off, demonstrations and evaluations in between, stores that wrap many times. Each
picture says who saw it and when, so that what comes out of a store can be told from what went in.
"""

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from learner.ratio import RatioConfig
from learner.replay.batch import TransitionBatch
from learner.replay.budget import ReplayConfig
from learner.replay.layout import BatchLayout
from learner.replay.pools import Pools
from learner.replay.sampling import gather, generator, plan
from learner.replay.store import ReplayStore
from learner.sampler import SamplerConfig
from shared.interface import ActionEntry, InterfaceSpec, ObservationEntry
from shared.records import LostRecord, Record, StepRecord
from shared.step import EpisodeKind, Source, Step, StepId, Why
from tests.learner.sampler.test_sampler import Run

INTERFACE = InterfaceSpec(
    name="test",
    observations=(ObservationEntry(name="front/image", shape=(1, 4, 3), dtype="uint8"),),
    actions=(ActionEntry(name="step", low=(-1.0,), high=(1.0,), unit="m"),),
    control_hz=10.0,
)
GAMMA = 0.5
DEMONSTRATOR = "actor-2"
Place = tuple[int, int, int, int]
"""Actor, life, episode, step."""


def seen(place: Place) -> dict[str, np.ndarray]:
    return {"front/image": np.array([*place, *range(8)], np.uint8).reshape(1, 4, 3)}


def place_of(identity: StepId) -> Place:
    return int(identity.actor_id[-1]), int(identity.incarnation), identity.episode, identity.step


def later(place: Place, steps: int) -> Place:
    return (*place[:3], place[3] + steps)


def reward_of(place: Place) -> float:
    return float((7 * place[0] + 3 * place[2] + place[3]) % 5)


def action_of(place: Place) -> float:
    return float(np.float32(sum(place) % 11 / 11))


def step_record(identity: StepId, source: Source, kind: EpisodeKind, why: Why | None) -> StepRecord:
    place = place_of(identity)
    step = Step(
        observation=seen(place),
        policy_action=np.zeros(1, np.float32),
        human_action=np.array([action_of(place)], np.float32) if source is Source.HUMAN else None,
        chosen_action=np.array([action_of(place)], np.float32),
        executed_command=np.zeros(1, np.float32),
        source=source,
        reward=reward_of(place),
        terminated=why is Why.SUCCESS,
        truncated=why is Why.TIME_LIMIT,
        why=why,
        final_observation=None if why is None else seen(later(place, 1)),
    )
    return StepRecord(identity=identity, sequence=0, kind=kind, time_seconds=0.0, step=step)


@dataclass
class Actor:
    """Where one actor is, and how many more periods somebody drives."""

    name: str
    life: int = 0
    episode: int = 0
    step: int = 0
    driven: int = 0

    @property
    def identity(self) -> StepId:
        return StepId(self.name, str(self.life), self.episode, self.step)

    def source(self) -> Source:
        if self.name == DEMONSTRATOR:
            return Source.SCRIPT
        self.driven -= 1
        return Source.HUMAN if self.driven >= 0 else Source.POLICY

    def end(self) -> None:
        self.episode, self.step = self.episode + 1, 0


@dataclass
class Stream:
    """What the actors sent, in the order of its arrival, and what arrived by the name of its place."""

    records: list[Record] = field(default_factory=list)
    arrived: dict[Place, StepRecord] = field(default_factory=dict)

    def happen(self, actor: Actor, what: str, amount: int) -> None:
        match what:
            case "take over":
                actor.driven = amount
            case "lose":
                lost = LostRecord(
                    actor_id=actor.name,
                    incarnation=str(actor.life),
                    sequence=0,
                    time_seconds=0.0,
                    count=amount,
                    cause="disk full",
                )
                self.records.append(lost)
                actor.step += amount
            case "miss":
                actor.step += amount
            case "abandon":
                actor.end()
            case "die":
                actor.life, actor.episode, actor.step = actor.life + 1, 0, 0
            case "evaluate":  # an episode of its own
                actor.end()
                self._add(actor, EpisodeKind.EVALUATION, Why.TIME_LIMIT)
                actor.end()
            case _:
                kind = EpisodeKind.DEMO if actor.name == DEMONSTRATOR else EpisodeKind.TRAINING
                for number in range(amount):
                    last = number == amount - 1 and what in ("succeed", "time out")
                    why = (Why.SUCCESS if what == "succeed" else Why.TIME_LIMIT) if last else None
                    self._add(actor, kind, why)
                    actor.step += 1
                if what != "go on":
                    actor.end()

    def _add(self, actor: Actor, kind: EpisodeKind, why: Why | None) -> None:
        record = step_record(actor.identity, actor.source(), kind, why)
        self.records.append(record)
        self.arrived[place_of(record.identity)] = record

    def is_followed(self, place: Place) -> bool:
        """Whether what this step led to has arrived as well."""
        return self.arrived[place].step.last or later(place, 1) in self.arrived


happenings = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from(
            ["go on"] * 8
            + ["take over"] * 4
            + ["succeed", "time out", "lose", "miss", "abandon", "die", "evaluate"]
        ),
        st.integers(1, 4),
    ),
    min_size=15,
    max_size=80,
)


def streamed(schedule: list[tuple[int, str, int]]) -> Stream:
    stream, actors = Stream(), [Actor(f"actor-{number}") for number in range(3)]
    for number, what, amount in schedule:
        stream.happen(actors[number], what, amount)
    return stream


def pools_of(stream: Stream, frames: int, online_rows: int, pinned_rows: int) -> Pools:
    layout = BatchLayout(interface=INTERFACE, frame_stack=frames)
    pools = Pools(layout, ReplayConfig(online_rows=online_rows, pinned_rows=pinned_rows))
    for record in stream.records:
        pools.apply(record)
    return pools


def stacks(observation: dict[str, np.ndarray]) -> list[list[Place]]:
    """(U, B, T, H, W, C) of the one camera: the places of each row's frames, the oldest first."""
    images = observation["front/image"]
    assert (images.reshape(-1, 12)[:, 4:] == np.arange(8)).all()
    places = images.reshape(-1, images.shape[2], 12)[:, :, :4]
    return [[tuple(int(x) for x in frame) for frame in stack] for stack in places]


def check_rows(batch: TransitionBatch, stream: Stream, n_step: int) -> list[Place]:
    """Every row is what happened; returns where each starts."""
    rows = zip(
        stacks(batch.observation),
        stacks(batch.next_observation),
        batch.action.reshape(-1),
        batch.reward.reshape(-1),
        batch.discount.reshape(-1),
        batch.imitate.reshape(-1),
        strict=True,
    )
    starts = []
    for stack, next_stack, action, reward, discount, imitate in rows:
        start, step = stack[-1], stream.arrived[stack[-1]].step
        count = next_stack[-1][3] - start[3]
        assert next_stack[-1] == later(start, count)
        assert 1 <= count <= n_step
        assert action == np.float32(action_of(start))
        assert reward == pytest.approx(sum(GAMMA**k * reward_of(later(start, k)) for k in range(count)))
        walked = [stream.arrived[later(start, k)].step for k in range(count)]
        assert not any(each.last for each in walked[:-1])
        assert discount == pytest.approx(0.0 if walked[-1].terminated else GAMMA**count)
        assert imitate == (step.source in (Source.HUMAN, Source.SCRIPT))
        check_stack(stack)
        check_stack(next_stack)
        starts.append(start)
    return starts


def check_stack(stack: list[Place]) -> None:
    """Steps one after another; where earlier ones are not there, the earliest over and over."""
    own = [place for number, place in enumerate(stack) if number == 0 or place != stack[number - 1]]
    assert own == [later(own[0], number) for number in range(len(own))]
    assert stack == [own[0]] * (len(stack) - len(own)) + own


def check_whole_stacks(batch: TransitionBatch, stream: Stream) -> None:
    """Each stack shows what the actor saw: back to where its episode began, or to what did not arrive."""
    for stack in (*stacks(batch.observation), *stacks(batch.next_observation)):
        expected = [stack[-1]]
        while len(expected) < len(stack):
            before = later(expected[0], -1)
            expected.insert(0, before if before in stream.arrived else expected[0])
        assert stack == expected


def everything(store: ReplayStore, n_step: int) -> TransitionBatch:
    return store.gather(store.sampleable.rows.copy()[None], n_step, GAMMA)


@settings(max_examples=150)
@given(
    schedule=happenings,
    frames=st.integers(1, 3),
    n_step=st.integers(1, 3),
    rows=st.tuples(st.integers(2, 20), st.integers(2, 20)),
)
def test_stores_that_wrap_hold_nothing_but_what_happened(
    schedule: list[tuple[int, str, int]], frames: int, n_step: int, rows: tuple[int, int]
) -> None:
    stream = streamed(schedule)
    pools = pools_of(stream, frames, *rows)
    for place in check_rows(everything(pools.online, n_step), stream, n_step):
        assert stream.arrived[place].kind is EpisodeKind.TRAINING
    for place in check_rows(everything(pools.pinned, n_step), stream, n_step):
        record = stream.arrived[place]
        assert record.kind is EpisodeKind.DEMO or record.step.source is Source.HUMAN


@settings(max_examples=100)
@given(schedule=happenings, frames=st.integers(1, 3))
def test_with_room_enough_each_step_is_in_its_place_once(
    schedule: list[tuple[int, str, int]], frames: int
) -> None:
    stream = streamed(schedule)
    pools = pools_of(stream, frames, 400, 1600)
    followed = {place: stream.arrived[place] for place in stream.arrived if stream.is_followed(place)}
    practised = {p for p, r in followed.items() if r.kind is EpisodeKind.TRAINING}
    corrections = {p for p in practised if followed[p].step.source is Source.HUMAN}
    demonstrated = {p for p, r in followed.items() if r.kind is EpisodeKind.DEMO}
    for store, places in ((pools.online, practised), (pools.pinned, corrections | demonstrated)):
        batch = everything(store, 1)
        assert sorted(check_rows(batch, stream, 1)) == sorted(places)
        check_whole_stacks(batch, stream)


@settings(max_examples=60)
@given(
    schedule=happenings,
    share=st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9]),
    batch_size=st.integers(1, 16),
    call=st.integers(0, 3),
)
def test_the_share_of_demonstrations_and_corrections_is_exact_in_every_minibatch(
    schedule: list[tuple[int, str, int]], share: float, batch_size: int, call: int
) -> None:
    stream = streamed(schedule)
    pools = pools_of(stream, 2, 30, 30)
    online, pinned = pools.online, pools.pinned
    assume(len(online.sampleable) > 0)
    rows = plan(
        generator(1, call),
        online.sampleable,
        pinned.sampleable,
        batch_size=batch_size,
        updates=3,
        demo_share=share,
    )
    batch = gather(rows, online, pinned, n_step=1, discount=GAMMA)
    places = np.array(check_rows(batch, stream, 1)).reshape(3, batch_size, 4)
    expected = round(share * batch_size) if len(pinned.sampleable) else 0
    assert rows.pinned.shape == (3, expected)
    for minibatch in places.tolist():
        records = [stream.arrived[tuple(place)] for place in minibatch]
        assert all(r.kind is EpisodeKind.DEMO or r.step.source is Source.HUMAN for r in records[:expected])
        assert all(r.kind is EpisodeKind.TRAINING for r in records[expected:])


@settings(max_examples=15)
@given(schedule=happenings, driven=st.booleans())
def test_corrections_earn_updates_as_practice_does_and_demonstrations_earn_none(
    schedule: list[tuple[int, str, int]], driven: bool
) -> None:
    whole = [(0, "time out", 4), *schedule]  # so that there is something to sample when the first call is due
    stream = streamed(whole if driven else [each for each in whole if each[1] != "take over"])
    training = [record for record in stream.arrived.values() if record.kind is EpisodeKind.TRAINING]
    ratio = RatioConfig(utd=2.0, warmup_steps=3, clock="simulated")
    config = SamplerConfig(batch_size=4, replay=ReplayConfig(online_rows=400, pinned_rows=400))
    with Run(ratio, config, layout=BatchLayout(interface=INTERFACE), n_step=1) as run:
        run.feed(stream.records)
        run.sampler.start()
        calls = run.rest()
        assert run.sampler.ratio.training_steps == len(training)
        assert 2 * len(calls) == run.sampler.ratio.updates == 2 * (len(training) - 3)
