"""The same log gives the same batches, whenever its records arrive and wherever a run went on."""

import dataclasses
import queue
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learner.log import EpisodeLog, read_log
from learner.ratio import RatioConfig
from learner.replay.batch import TransitionBatch
from learner.replay.budget import ReplayConfig
from learner.replay.layout import BatchLayout
from learner.replay.maps import MapSource
from learner.sampler import PreparedCall, Sampler, SamplerConfig
from shared.clock import SystemClock
from shared.errors import CheckpointError, ConfigError
from shared.interface import ActionEntry, InterfaceSpec, ObservationEntry
from shared.records import AmendRecord, LostRecord, Record, StepRecord
from shared.step import EpisodeKind, Source, Step, StepId, Why

INTERFACE = InterfaceSpec(
    name="test",
    observations=(ObservationEntry(name="state", shape=(2,), dtype="float32"),),
    actions=(ActionEntry(name="step", low=(-1.0,), high=(1.0,), unit="m"),),
    control_hz=10.0,
)
LAYOUT = BatchLayout(interface=INTERFACE)
SIMULATED = RatioConfig(utd=2.0, warmup_steps=8, clock="simulated")
WALL = RatioConfig(utd=2.0, warmup_steps=8, clock="wall", max_credit_steps=5)
CONFIG = SamplerConfig(batch_size=8, replay=ReplayConfig(online_rows=40, pinned_rows=12))
WaitUntil = Callable[..., None]
Plain = tuple[int, int, int, dict, dict, list[bytes]]


def step_record(
    number: int, *, actor_id: str = "actor", kind: EpisodeKind = EpisodeKind.TRAINING, length: int = 9
) -> StepRecord:
    last = number % length == length - 1

    def state(value: float) -> dict[str, np.ndarray]:
        return {"state": np.array([value, value / 3], np.float32)}

    step = Step(
        observation=state(number),
        chosen_action=np.array([number % 2], np.float32),
        executed_command=np.zeros(1, np.float32),
        source=Source.HUMAN if number % 5 == 3 else Source.POLICY,
        reward=number / 7,
        truncated=last,
        why=Why.TIME_LIMIT if last else None,
        final_observation=state(number + 0.5) if last else None,
    )
    return StepRecord(
        identity=StepId(actor_id, "life", number // length, number % length),
        sequence=number,
        kind=kind,
        time_seconds=float(number),
        step=step,
    )


def amend_record(number: int) -> AmendRecord:
    return AmendRecord(
        actor_id="actor",
        incarnation="life",
        sequence=number,
        time_seconds=0.0,
        target=StepId("actor", "life", number // 9, number % 9),
        reward=10.0,
        terminated=True,
    )


def a_log(steps: int = 40) -> list[Record]:
    """Demos, then two actors interleaved, with evaluation, corrections and a loss among them."""
    log: list[Record] = [step_record(n, actor_id="demo", kind=EpisodeKind.DEMO) for n in range(9)]
    for number in range(steps):
        log.append(step_record(number))
        if number % 2:
            log.append(step_record(number // 2, actor_id="other"))
        if number % 7 == 6:
            log.append(amend_record(number - 2))
        if number % 10 == 0:
            log.append(step_record(number, actor_id="judge", kind=EpisodeKind.EVALUATION))
    lost = LostRecord(
        actor_id="actor", incarnation="life", sequence=steps, time_seconds=0.0, count=3, cause="disk full"
    )
    return [*log, lost, *(step_record(n) for n in range(steps + 3, steps + 12))]


class Run:
    """A sampler that is fed by hand."""

    def __init__(
        self,
        ratio: RatioConfig = SIMULATED,
        config: SamplerConfig = CONFIG,
        device_put: Callable[[TransitionBatch], TransitionBatch] = lambda batch: batch,
        n_step: int = 3,
        layout: BatchLayout = LAYOUT,
        maps: MapSource | None = None,
    ) -> None:
        self.arrivals: queue.SimpleQueue[tuple[int, Record]] = queue.SimpleQueue()
        self.sampler = Sampler(
            layout,
            config,
            ratio,
            seed=5,
            n_step=n_step,
            discount=0.9,
            arrivals=self.arrivals,
            device_put=device_put,
            maps=maps,
        )

    def feed(self, records: list[Record], first: int = 0) -> None:
        for position, record in enumerate(records, first):
            self.arrivals.put((position, record))

    def rest(self) -> list[PreparedCall]:
        """All calls that are paid for, from now on."""
        self.sampler.drain()
        calls = []
        while not self.sampler.finished:
            self.sampler.check()
            call = self.sampler.next(0.01)
            calls += [] if call is None else [call]
        self.sampler.check()
        return calls

    def __enter__(self) -> "Run":
        return self

    def __exit__(self, *_: object) -> None:
        assert self.sampler.close(5.0)


def plain(call: PreparedCall) -> Plain:
    batch = call.batch
    arrays = [*batch.observation.values(), *batch.next_observation.values()]
    arrays += [batch.action, batch.reward, batch.discount, batch.imitate]
    return (
        call.call,
        call.first_update,
        call.position,
        call.ratio,
        dict(call.consumed),
        [np.asarray(array).tobytes() for array in arrays],
    )


def all_calls(
    records: list[Record], layout: BatchLayout = LAYOUT, maps: MapSource | None = None
) -> list[PreparedCall]:
    with Run(layout=layout, maps=maps) as run:
        run.feed(records)
        run.sampler.start()
        return run.rest()


@pytest.fixture(scope="module")
def log() -> list[Record]:
    return a_log()


@pytest.fixture(scope="module")
def calls(log: list[Record]) -> list[PreparedCall]:
    return all_calls(log)


def is_training(record: Record) -> bool:
    return isinstance(record, StepRecord) and record.kind is EpisodeKind.TRAINING


def test_a_call_sees_the_shortest_prefix_that_pays_for_it(
    log: list[Record], calls: list[PreparedCall]
) -> None:
    training = [position for position, record in enumerate(log) if is_training(record)]
    assert [call.position for call in calls] == [position + 1 for position in training[8:]]
    assert [call.first_update for call in calls] == [2 * number for number in range(len(calls))]
    assert [call.call for call in calls] == list(range(len(calls)))


def test_half_of_every_minibatch_is_demonstrated(calls: list[PreparedCall]) -> None:
    for call in calls:
        assert call.batch.reward.shape == (2, 8)
    first = np.asarray(calls[0].batch.observation["state"])[:, :4, 0]
    assert set(first.ravel().tolist()) <= set(range(9))


def test_consumed_counts_training_steps_and_lost_ones(calls: list[PreparedCall]) -> None:
    last = calls[-1]
    assert last.consumed == {("actor", "life"): 40 + 3 + 9, ("other", "life"): 20}
    assert last.ratio["training_steps"] == 40 + 9 + 20
    assert last.ratio["updates"] == 2 * (69 - 8)


@given(pieces=st.lists(st.integers(1, 12), max_size=12), taken=st.integers(0, 20))
@settings(max_examples=15)
def test_arrival_times_change_nothing(
    log: list[Record], calls: list[PreparedCall], pieces: list[int], taken: int
) -> None:
    got: list[PreparedCall] = []
    with Run() as run:
        run.sampler.start()
        fed = 0
        for piece in pieces:
            run.feed(log[fed : fed + piece], fed)
            fed = min(fed + piece, len(log))
            call = run.sampler.next(0.002) if len(got) < taken else None
            got += [] if call is None else [call]
        run.feed(log[fed:], fed)
        got += run.rest()
    assert [plain(call) for call in got] == [plain(call) for call in calls]


@pytest.mark.parametrize("done", [0, 1, 7, 30])
def test_going_on_equals_never_having_stopped(
    log: list[Record], calls: list[PreparedCall], done: int
) -> None:
    with Run() as run:
        at = calls[done]
        run.sampler.restore(
            iter(enumerate(log[: at.position + 5])), position=at.position, ratio=at.ratio, call=done + 1
        )
        run.sampler.start()
        run.feed(log[at.position + 5 :], at.position + 5)
        rest = run.rest()
    assert [plain(call) for call in rest] == [plain(call) for call in calls[done + 1 :]]


def test_going_on_from_the_log_on_disk(tmp_path: Path, log: list[Record], calls: list[PreparedCall]) -> None:
    disk = EpisodeLog(tmp_path, INTERFACE, SystemClock(), on_durable=lambda streams: None)
    for record in log:
        disk.append(record)
    assert disk.close(5.0)
    at = calls[4]
    with Run() as run:
        run.sampler.restore(enumerate(read_log(tmp_path)), position=at.position, ratio=at.ratio, call=5)
        run.sampler.start()
        assert [plain(call) for call in run.rest()] == [plain(call) for call in calls[5:]]


def test_a_run_without_a_checkpoint_begins_again_from_its_log(
    log: list[Record], calls: list[PreparedCall]
) -> None:
    with Run() as run:
        run.sampler.restore(iter(enumerate(log)), position=0)
        run.sampler.start()
        assert [plain(call) for call in run.rest()] == [plain(call) for call in calls]


def test_a_log_that_is_shorter_than_the_checkpoint_is_refused(log: list[Record]) -> None:
    with Run() as run, pytest.raises(CheckpointError, match="after 20 records, the episode log holds 10"):
        run.sampler.restore(iter(enumerate(log[:10])), position=20)


@pytest.mark.parametrize("changed", [{"utd": 1.0}, {"warmup_steps": 18}])
def test_a_ratio_by_which_the_run_owes_updates_is_refused(
    log: list[Record], calls: list[PreparedCall], changed: dict
) -> None:
    now = dataclasses.replace(SIMULATED, **changed)
    at = calls[5]
    with Run(now) as run, pytest.raises(ConfigError, match="more than utd"):
        run.sampler.restore(iter(enumerate(log)), position=at.position, ratio=at.ratio, call=6)


def test_on_a_wall_clock_a_call_sees_all_that_has_arrived(log: list[Record]) -> None:
    with Run(WALL) as run:
        run.feed(log)
        run.sampler.start()
        calls = run.rest()
    assert [call.position for call in calls] == [len(log)] * 5
    assert run.sampler.ratio.updates == 10
    assert run.sampler.ratio.forfeited == 2 * (69 - 8) - 10


def test_demos_are_there_at_once(wait_until: WaitUntil) -> None:
    demos = [step_record(n, actor_id="demo", kind=EpisodeKind.DEMO) for n in range(9)]
    with Run() as run:
        run.sampler.start()
        run.feed(demos)
        wait_until(lambda: len(run.sampler.pools.pinned.sampleable) == 9, 5.0)
        assert run.sampler.next(0.0) is None
        assert run.sampler.consumed == {}


def test_training_waits_for_rows() -> None:
    config = SamplerConfig(batch_size=8, min_rows=12, replay=CONFIG.replay)
    with Run(config=config) as run:
        run.feed([step_record(n) for n in range(20)])
        run.sampler.start()
        first = run.rest()[0]
    assert first.position == 13  # the thirteenth step gives the twelfth its next observation


def test_calls_are_prepared_ahead_and_no_further(log: list[Record], wait_until: WaitUntil) -> None:
    with Run() as run:
        run.feed(log)
        run.sampler.start()
        wait_until(lambda: run.sampler._prepared.full(), 5.0)
        assert run.sampler.close(5.0)
        assert run.sampler.ratio.updates <= 2 * (CONFIG.queue_depth + 1)


def test_what_ends_the_thread_is_raised_where_one_asks(wait_until: WaitUntil) -> None:
    def broken(batch: TransitionBatch) -> TransitionBatch:
        raise MemoryError("the device is full")

    with Run(device_put=broken) as run:
        run.feed(a_log())
        run.sampler.start()
        with pytest.raises(MemoryError, match="the device is full"):
            wait_until(run.sampler.check, 5.0)
        assert run.sampler.next(0.0) is None


def test_a_record_out_of_order_is_an_error(wait_until: WaitUntil) -> None:
    with Run() as run:
        run.feed([step_record(0)], first=3)
        run.sampler.start()
        with pytest.raises(ValueError, match="record 3 of the log came where 0 is next"):
            wait_until(run.sampler.check, 5.0)


def test_closing_does_not_wait_for_a_slow_trainer(log: list[Record]) -> None:
    with Run() as run:
        run.feed(log)
        run.sampler.start()
        assert run.sampler.next(5.0) is not None
    assert not [t for t in threading.enumerate() if t.name == "sampler"]


def test_closing_before_the_start() -> None:
    with Run():
        pass


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"batch_size": 0}, "batch_size is 0"),
        ({"min_rows": 0}, "min_rows is 0"),
        ({"queue_depth": 0}, "queue_depth is 0"),
        ({"demo_share": 1.5}, "demo_share is 1.5"),
        ({"min_rows": 30, "replay": ReplayConfig(online_rows=40)}, "online_rows only 40"),
    ],
)
def test_settings_out_of_range(settings: dict, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        SamplerConfig(**settings)


def test_a_first_call_that_the_actor_would_wait_for_in_vain() -> None:
    ratio = RatioConfig(utd=1.0, warmup_steps=0, max_lead_steps=1, clock="simulated")
    with pytest.raises(ConfigError, match="the actor waits after 1 steps"):
        Run(ratio)
