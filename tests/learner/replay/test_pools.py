"""Which record goes where, and what an intervention's next observations are."""

from dataclasses import replace

import numpy as np

from learner.log import EpisodeLog, read_log
from learner.replay.budget import ReplayConfig
from learner.replay.layout import BatchLayout
from learner.replay.pools import Pools
from learner.replay.store import ReplayStore
from shared.clock import SystemClock
from shared.interface import ActionEntry, InterfaceSpec, ObservationEntry
from shared.records import AmendRecord, LostRecord, StepRecord
from shared.step import EpisodeKind, Source, Step, StepId, Why

INTERFACE = InterfaceSpec(
    name="test",
    observations=(ObservationEntry(name="state", shape=(1,), dtype="float32"),),
    actions=(ActionEntry(name="step", low=(-1.0,), high=(1.0,), unit="m"),),
    control_hz=10.0,
)
HUMAN, POLICY = Source.HUMAN, Source.POLICY


def episode(
    sources: list[Source], *, kind: EpisodeKind = EpisodeKind.TRAINING, number: int = 0
) -> list[StepRecord]:
    """An episode that observes 0, 1, 2, ... and is truncated at its end."""
    made = []
    for index, source in enumerate(sources):
        last = index == len(sources) - 1
        step = Step(
            observation={"state": np.array([index], np.float32)},
            chosen_action=np.zeros(1, np.float32),
            executed_command=np.zeros(1, np.float32),
            source=source,
            reward=1.0,
            truncated=last,
            why=Why.TIME_LIMIT if last else None,
            final_observation={"state": np.array([index + 1], np.float32)} if last else None,
        )
        identity = StepId("actor", "life", number, index)
        made.append(StepRecord(identity=identity, sequence=index, kind=kind, time_seconds=0.0, step=step))
    return made


def pools_of(records: list[StepRecord]) -> Pools:
    pools = Pools(BatchLayout(interface=INTERFACE), ReplayConfig(online_rows=64, pinned_rows=32))
    for record in records:
        pools.apply(record)
    return pools


def pairs(store: ReplayStore) -> list[tuple[float, float, float]]:
    """(observation, next observation, imitate) of all that can be sampled."""
    batch = store.gather(np.sort(store.sampleable.rows)[None], 1, 1.0)
    columns = (
        batch.observation["state"][0, :, 0],
        batch.next_observation["state"][0, :, 0],
        batch.imitate[0],
    )
    return sorted(zip(*(column.tolist() for column in columns), strict=True))


def test_demos_only_to_pinned() -> None:
    pools = pools_of(episode([Source.SCRIPT] * 2, kind=EpisodeKind.DEMO))
    assert pairs(pools.pinned) == [(0, 1, 1), (1, 2, 1)]
    assert len(pools.online) == 0


def test_practice_only_to_online() -> None:
    pools = pools_of(episode([POLICY, Source.RANDOM]))
    assert pairs(pools.online) == [(0, 1, 0), (1, 2, 0)]
    assert len(pools.pinned) == 0


def test_evaluation_to_neither() -> None:
    pools = pools_of(episode([POLICY, HUMAN], kind=EpisodeKind.EVALUATION))
    assert (len(pools.online), len(pools.pinned)) == (0, 0)


def test_interventions_to_both_with_their_own_next_observations() -> None:
    pools = pools_of(episode([POLICY, HUMAN, HUMAN, POLICY, POLICY, HUMAN]))
    assert pairs(pools.pinned) == [(1, 2, 1), (2, 3, 1), (5, 6, 1)]
    assert pairs(pools.online) == [(0, 1, 0), (1, 2, 1), (2, 3, 1), (3, 4, 0), (4, 5, 0), (5, 6, 1)]
    assert len(pools.pinned) == 3 + 2  # spans end with one row that is only an observation


def test_only_interventions_are_marked_as_such() -> None:
    demonstrated = pools_of(episode([HUMAN, Source.SCRIPT], kind=EpisodeKind.DEMO)).pinned
    practised = pools_of(episode([HUMAN, Source.SCRIPT, POLICY, HUMAN])).online
    marks = [store.gather(np.arange(n)[None], 1, 1.0) for store, n in ((demonstrated, 2), (practised, 4))]
    assert [m.imitate.tolist() for m in marks] == [[[1, 1]], [[1, 1, 0, 1]]]
    assert [m.intervention.tolist() for m in marks] == [[[0, 0]], [[1, 0, 0, 1]]]


def test_n_step_returns_of_an_intervention_end_with_its_span() -> None:
    pools = pools_of(episode([HUMAN, HUMAN, POLICY, HUMAN]))
    batch = pools.pinned.gather(np.sort(pools.pinned.sampleable.rows)[None], 3, 0.5)
    assert batch.reward.tolist() == [[1.5, 1, 1]]
    assert batch.next_observation["state"][..., 0].tolist() == [[2, 2, 4]]


def test_corrections_reach_both_and_strangers_are_counted() -> None:
    pools = pools_of(episode([HUMAN, HUMAN]))
    amend = AmendRecord(
        actor_id="actor",
        incarnation="life",
        sequence=2,
        time_seconds=0.0,
        target=StepId("actor", "life", 0, 1),
        reward=9.0,
        terminated=True,
    )
    pools.apply(amend)
    for store in (pools.online, pools.pinned):
        batch = store.gather(np.sort(store.sampleable.rows)[None], 1, 0.5)
        assert batch.reward.tolist() == [[1, 9]]
        assert batch.discount.tolist() == [[0.5, 0]]
    assert pools.unknown_amends == 0
    pools.apply(
        AmendRecord(
            actor_id="actor",
            incarnation="life",
            sequence=3,
            time_seconds=0.0,
            target=StepId("actor", "life", 7, 1),
            reward=9.0,
        )
    )
    assert pools.unknown_amends == 1


def test_a_loss_ends_the_episode_here() -> None:
    steps = episode([HUMAN, HUMAN, HUMAN])
    lost = LostRecord(
        actor_id="actor", incarnation="life", sequence=1, time_seconds=0.0, count=1, cause="disk full"
    )
    pools = pools_of([steps[0], lost, steps[2]])
    assert pairs(pools.online) == pairs(pools.pinned) == [(2, 3, 1)]


def test_a_late_success_ends_the_returns_that_reach_it_and_is_there_again_after_a_resume(tmp_path) -> None:
    steps = episode([HUMAN] * 4)
    said = AmendRecord(
        actor_id="actor",
        incarnation="life",
        sequence=4,
        time_seconds=0.0,
        target=StepId("actor", "life", 0, 3),
        reward=5.0,
        terminated=True,
        truncated=False,
        why=Why.SUCCESS,
    )
    following = [
        replace(record, sequence=5 + number) for number, record in enumerate(episode([HUMAN] * 2, number=1))
    ]
    log = EpisodeLog(tmp_path, INTERFACE, SystemClock(), on_durable=lambda streams: None)
    for record in (*steps, said, *following):
        log.append(record)
    assert log.close(10.0)
    lived, resumed = pools_of([*steps, said, *following]), pools_of(list(read_log(tmp_path)))
    for pools in (lived, resumed):
        for store in (pools.online, pools.pinned):
            batch = store.gather(np.sort(store.sampleable.rows)[None], 3, 0.5)
            assert batch.reward.tolist() == [[1.75, 2.75, 3.5, 5.0, 1.5, 1.0]]
            assert batch.discount.tolist() == [[0.125, 0.0, 0.0, 0.0, 0.25, 0.5]]
