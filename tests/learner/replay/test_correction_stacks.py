"""A correction begins in mid-episode: its stacks of frames are those that the actor saw, in both stores."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from learner.replay.budget import ReplayConfig
from learner.replay.layout import BatchLayout
from learner.replay.pools import Pools
from learner.replay.store import ReplayStore
from shared.interface import ActionEntry, InterfaceSpec, ObservationEntry
from shared.records import StepRecord
from shared.step import EpisodeKind, Source, Step, StepId, Why

INTERFACE = InterfaceSpec(
    name="test",
    observations=(
        ObservationEntry(name="place", shape=(3,), dtype="float32"),
        ObservationEntry(name="camera/image", shape=(1, 1, 3), dtype="uint8"),
    ),
    actions=(ActionEntry(name="step", low=(-1.0,), high=(1.0,), unit="m"),),
    control_hz=10.0,
)
Place = tuple[int, int, int]


def seen(place: Place) -> dict[str, np.ndarray]:
    """Actor, episode and step, as numbers and as a picture."""
    return {"place": np.array(place, np.float32), "camera/image": np.array(place, np.uint8).reshape(1, 1, 3)}


def record(place: Place, source: Source, *, last: bool) -> StepRecord:
    actor, episode, number = place
    step = Step(
        observation=seen(place),
        chosen_action=np.zeros(1, np.float32),
        executed_command=np.zeros(1, np.float32),
        source=source,
        reward=0.0,
        truncated=last,
        why=Why.TIME_LIMIT if last else None,
        final_observation=seen((actor, episode, number + 1)) if last else None,
    )
    identity = StepId(f"actor-{actor}", "life", episode, number)
    return StepRecord(identity=identity, sequence=0, kind=EpisodeKind.TRAINING, time_seconds=0.0, step=step)


def stacks(store: ReplayStore) -> list[tuple[Place, list[list[int]]]]:
    """Each place that can be sampled, or that follows one, with the frames of its stack, the oldest first."""
    batch = store.gather(store.sampleable.rows.copy()[None], 1, 1.0)
    return [
        (tuple(int(x) for x in place), stack.reshape(-1, 3).tolist())
        for rows in (batch.observation, batch.next_observation)
        for place, stack in zip(rows["place"][0], rows["camera/image"][0], strict=True)
    ]


happenings = st.lists(
    st.tuples(
        st.integers(0, 1),
        st.sampled_from([Source.HUMAN, Source.POLICY]),
        st.sampled_from(["step"] * 5 + ["gap", "end"]),
    ),
    min_size=5,
    max_size=60,
)


@settings(max_examples=60)
@given(happenings=happenings, frames=st.integers(1, 4))
def test_stacks_show_what_the_actor_saw(happenings: list[tuple[int, Source, str]], frames: int) -> None:
    pools = Pools(
        BatchLayout(interface=INTERFACE, frame_stack=frames), ReplayConfig(online_rows=200, pinned_rows=400)
    )
    places, received = {0: (0, 0), 1: (0, 0)}, set()
    for actor, source, what in happenings:
        episode, number = places[actor]
        if what != "gap":
            pools.apply(record((actor, episode, number), source, last=what == "end"))
            received.add((actor, episode, number))
        if what == "end":
            received.add((actor, episode, number + 1))
        places[actor] = (episode + 1, 0) if what == "end" else (episode, number + 1)
    for store in (pools.online, pools.pinned):
        for (actor, episode, number), stack in stacks(store):
            expected = [[actor, episode, number]]
            while len(expected) < frames:
                before = (actor, episode, expected[0][2] - 1)
                expected.insert(0, list(before) if before in received else expected[0])
            assert stack == expected
