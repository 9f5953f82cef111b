"""The training life of an actor against a learner that is a handful of variables."""

import dataclasses
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from actor.assistance import Assistance
from actor.choosers import DeviceChooser, RandomChooser
from actor.config import ActorConfig, EvaluationSchedule
from actor.corrections import Corrections
from actor.late_labels import LateLabels
from actor.live_view import Show
from actor.operating.robot_operator import Operator
from actor.parts import Parts
from actor.policy_runner import PolicyChooser, PolicyRunner
from actor.practice import Practice
from actor.rewards.by_operator import OperatorReward
from actor.rewards.environment import EnvironmentReward
from actor.rollout import Rollout
from actor.stop import StopSignal
from actor.takeover import TakeoverChooser
from actor.telemetry import Telemetry
from shared.clock import SystemClock
from shared.errors import ObservationError, PersonNeeded, Refused, RobotFault, SpoolFull
from shared.policy.snapshot import PolicySnapshot, read_snapshot
from shared.step import EpisodeKind, Observation, Source, Step, StepId, Why


class FakeUplink:
    """Keeps what was put; `room` is how many more steps fit."""

    def __init__(self) -> None:
        self.put_steps: list[tuple[int, int, Step]] = []
        self.room: float = float("inf")
        self.refusals = 0
        self.after_put: Callable[[int], None] = lambda count: None
        self.stream = ("actor-0", "life")
        self.amends: list[tuple[StepId, dict[str, Any]]] = []

    def put(self, step: Step, episode: int, step_number: int, kind: EpisodeKind) -> None:
        assert kind is EpisodeKind.TRAINING
        if self.room <= 0:
            self.refusals += 1
            if self.refusals == 3:
                self.room = float("inf")
            raise SpoolFull("ring", "no room", "free some")
        self.room -= 1
        self.put_steps.append((episode, step_number, step))
        self.after_put(len(self.put_steps))

    def amend(self, target: StepId, **what: Any) -> None:
        if self.room <= 0:
            self.room = float("inf")
            raise SpoolFull("ring", "no room", "free some")
        self.amends.append((target, what))

    def check(self) -> None:
        pass


class FakeSession:
    """Lets the actor lead as far as `lead` says."""

    def __init__(self) -> None:
        self.connected = True
        self.known = True
        self.lead: float = float("inf")
        self.waits: list[int] = []
        self.sent: list[tuple[int, dict[str, float]]] = []
        self.failure: Exception | None = None

    def welcomed(self, timeout_seconds: float) -> bool:
        return self.known

    def wait_for_lead(self, produced: int, timeout_seconds: float) -> bool:
        assert self.known, "nobody has said yet what lead is allowed"
        self.waits.append(produced)
        return produced < self.lead

    def stats(self, step: int, values: dict[str, float]) -> None:
        self.sent.append((step, values))

    def check(self) -> None:
        if self.failure is not None:
            raise self.failure


class FakeFeed:
    """Holds one snapshot."""

    def __init__(self) -> None:
        self.snapshot: PolicySnapshot | None = None
        self.age = 0.5
        self.asked = 0
        self.on_asked: Callable[[int], None] = lambda count: None

    def newest(self) -> PolicySnapshot | None:
        self.asked += 1
        self.on_asked(self.asked)
        return self.snapshot

    def age_seconds(self) -> float:
        return self.age

    def policy_age_seconds(self) -> float:
        return self.age


class StillScript:
    """Drives, and does nothing."""

    source = Source.SCRIPT

    def reset(self, rng: np.random.Generator) -> None:
        pass

    def read(self, observation: Observation) -> None:
        return None

    def close(self) -> None:
        pass


@dataclasses.dataclass
class Stage:
    """A practice and all that surrounds it."""

    practice: Practice
    env: Any
    uplink: FakeUplink
    session: FakeSession
    feed: FakeFeed
    stop: StopSignal
    telemetry: Telemetry
    runner: PolicyRunner
    operator: Operator

    @property
    def steps(self) -> list[Step]:
        return [step for _, _, step in self.uplink.put_steps]

    @property
    def sources(self) -> list[Source]:
        return [step.source for step in self.steps]


Build = Callable[..., Stage]


def nothing(step: Step, episode: int, number: int) -> None:
    pass


@pytest.fixture
def build(counting_env, compile_once, tmp_path: Path) -> Iterator[Build]:
    """`build(env=..., **settings of ActorConfig)`; whatever happens, it ends after 20 seconds."""
    timers: list[threading.Timer] = []

    def make(
        env: Any = None, show: Show = nothing, judge: Any = None, device: Any = None, **settings: Any
    ) -> Stage:
        env, judge = env or counting_env(), judge or EnvironmentReward()
        config = ActorConfig(
            run_dir=tmp_path, **({"evaluation": EvaluationSchedule(every_steps=0)} | settings)
        )
        runner = PolicyRunner(env.interface, seed=0)
        uplink, session, feed, stop = FakeUplink(), FakeSession(), FakeFeed(), StopSignal()
        assistance = None if device is None else Assistance()
        telemetry = Telemetry(session, runner, SystemClock(), assistance)
        policy = PolicyChooser(runner)
        parts = Parts(
            who="actor-0",
            rollout=Rollout(env, env.interface, judge),
            runner=runner,
            choosers={
                Source.RANDOM: RandomChooser(2),
                Source.SCRIPT: DeviceChooser(StillScript(), 2),
                Source.POLICY: policy if device is None else TakeoverChooser(policy, device),
            },
            uplink=uplink,
            session=session,
            feed=feed,
            telemetry=telemetry,
            stop=stop,
            clock=SystemClock(),
            operator=Operator(stop),
            late_labels=LateLabels(),
            corrections=Corrections(uplink),
            assistance=assistance,
            show=show,
        )
        timers.append(threading.Timer(20.0, stop.set, args=("the test took too long",)))
        timers[-1].start()
        practice = Practice(config, parts)
        return Stage(practice, env, uplink, session, feed, stop, telemetry, runner, parts.operator)

    yield make
    for timer in timers:
        timer.cancel()
        timer.join()


def test_warm_up_needs_no_learner_and_ends_with_an_episode(build, make_snapshot) -> None:
    stage = build(random_steps=8, max_steps=20)
    stage.session.connected = stage.session.known = False

    def appear_once_it_holds(asked: int) -> None:
        if stage.telemetry.hold_seconds:
            stage.session.connected = stage.session.known = True
            stage.feed.snapshot = make_snapshot()

    stage.feed.on_asked = appear_once_it_holds
    stage.practice.run()
    assert stage.stop.cause == "20 training steps were made"
    assert stage.sources == [Source.RANDOM] * 10 + [Source.POLICY] * 10
    assert stage.telemetry.hold_seconds > 0
    assert [(episode, number) for episode, number, _ in stage.uplink.put_steps] == [
        (episode, number) for episode in range(4) for number in range(5)
    ]
    assert len(set(stage.env.seeds)) == 4
    assert min(stage.env.seeds) >= 2**31


def test_practice_episodes_can_be_shorter_than_the_task_allows(build, make_snapshot) -> None:
    stage = build(episode_steps=3, max_steps=7)
    stage.feed.snapshot = make_snapshot()
    stage.practice.run()
    steps = stage.uplink.put_steps
    assert [(episode, number) for episode, number, _ in steps] == [(n // 3, n % 3) for n in range(7)]
    assert [step.why for _, _, step in steps if step.last] == [
        Why.TIME_LIMIT,
        Why.TIME_LIMIT,
        Why.OPERATOR_ABORT,
    ]
    assert steps[2][2].truncated
    assert steps[2][2].final_observation is not None


def test_each_stage_of_the_warm_up_counts_its_own_steps(build, make_snapshot) -> None:
    stage = build(random_steps=3, scripted_steps=6, max_steps=25)
    stage.feed.snapshot = make_snapshot(0)
    stage.practice.run()
    assert stage.sources == [Source.RANDOM] * 5 + [Source.SCRIPT] * 10 + [Source.POLICY] * 10


def test_a_learner_that_has_practised_needs_no_warm_up(build, make_snapshot) -> None:
    stage = build(random_steps=50, max_steps=10)
    stage.feed.snapshot = make_snapshot(1)
    stage.practice.run()
    assert stage.sources == [Source.POLICY] * 10


def test_the_first_updates_do_not_cut_the_warm_up_short(build, make_snapshot) -> None:
    stage = build(random_steps=15, max_steps=20)
    stage.feed.snapshot = make_snapshot(0)
    stage.uplink.after_put = lambda count: setattr(stage.feed, "snapshot", make_snapshot(count))
    stage.practice.run()
    assert stage.sources == [Source.RANDOM] * 15 + [Source.POLICY] * 5


def test_the_newest_policy_acts_at_the_next_step(build, make_snapshot) -> None:
    stage = build(max_steps=10)
    stage.feed.snapshot = make_snapshot(0)
    acted: list[int] = []

    def publish(count: int) -> None:
        acted.append(stage.runner.snapshot.version)
        stage.feed.snapshot = make_snapshot(count)

    stage.uplink.after_put = publish
    stage.practice.run()
    assert acted == list(range(10))
    assert stage.runner.traces == 1
    assert stage.telemetry.policy_age_seconds.percentile(50) == 0.5
    assert len(stage.telemetry.policy_age_seconds) == 10


def test_another_network_is_compiled_between_episodes_only(build, make_snapshot) -> None:
    stage = build(max_steps=10)
    stage.feed.snapshot = make_snapshot(0)
    loaded: list[int] = []

    def after_put(count: int) -> None:
        loaded.append(stage.runner.snapshot.version)
        stage.feed.snapshot = make_snapshot(1, hidden=(4, 4))

    stage.uplink.after_put = after_put
    stage.practice.run()
    assert loaded == [0] * 5 + [1] * 5


def test_a_stop_truncates_the_step_in_progress(build, make_snapshot) -> None:
    stage = build()
    stage.feed.snapshot = make_snapshot()
    stage.uplink.after_put = lambda count: stage.stop.set("SIGINT") if count == 7 else None
    stage.practice.run()
    assert stage.stop.cause == "SIGINT"
    assert len(stage.steps) == 8
    last = stage.steps[-1]
    assert last.why is Why.OPERATOR_ABORT
    assert last.truncated
    assert last.final_observation is not None


def test_the_last_step_asked_for_ends_its_episode(build, make_snapshot) -> None:
    stage = build(max_steps=7)
    stage.feed.snapshot = make_snapshot()
    stage.practice.run()
    assert stage.practice.training_steps == len(stage.steps) == 7
    assert stage.steps[-1].why is Why.OPERATOR_ABORT


def test_on_a_simulated_clock_it_waits_for_the_learner_and_notices_a_stop(build, make_snapshot) -> None:
    stage = build()
    stage.feed.snapshot = make_snapshot()
    stage.session.lead = 6

    def give_up_waiting(count: int) -> None:
        threading.Timer(0.1, stage.stop.set, args=("SIGINT",)).start()

    stage.uplink.after_put = lambda count: give_up_waiting(count) if count == 6 else None
    stage.practice.run()
    assert len(stage.steps) == 7  # six as agreed, and the one that a stop finishes
    assert stage.session.waits.count(6) > 1
    assert stage.telemetry.lead_wait_seconds > 0


def test_on_a_wall_clock_it_never_waits_for_the_learner(build, make_snapshot) -> None:
    stage = build(max_steps=10, clock="wall")
    stage.feed.snapshot = make_snapshot()
    stage.session.lead = 0
    stage.practice.run()
    assert len(stage.steps) == 10
    assert stage.session.waits == []


def test_with_the_learner_gone_it_holds_once_its_policy_is_old(build, make_snapshot, caplog) -> None:
    stage = build(max_policy_age_seconds=60.0)
    stage.feed.snapshot = make_snapshot()

    def lose_the_learner(count: int) -> None:
        if count == 7:
            stage.session.connected, stage.feed.age = False, 61.0
            threading.Timer(0.3, stage.stop.set, args=("SIGINT",)).start()

    stage.uplink.after_put = lose_the_learner
    stage.practice.run()
    assert len(stage.steps) == 8
    assert stage.steps[-1].why is Why.OPERATOR_ABORT  # a fault would never be trained on
    assert stage.steps[-1].final_observation is not None
    assert stage.telemetry.hold_seconds > 0
    assert caplog.text.count("holding") == 1


def test_an_old_policy_of_a_connected_learner_is_current(build, make_snapshot) -> None:
    stage = build(max_policy_age_seconds=60.0, max_steps=10)
    stage.feed.snapshot, stage.feed.age = make_snapshot(), 1e6
    stage.practice.run()
    assert len(stage.steps) == 10
    assert all(step.why is Why.TIME_LIMIT for step in stage.steps if step.last)


def test_a_full_spool_ends_the_episode_and_nothing_is_lost(build, make_snapshot) -> None:
    stage = build(max_steps=12)
    stage.feed.snapshot = make_snapshot()
    stage.uplink.room = 7
    stage.practice.run()
    assert stage.uplink.refusals == 3
    numbers = [(episode, number, step.why) for episode, number, step in stage.uplink.put_steps]
    assert numbers[6:8] == [(1, 1, None), (1, 2, Why.OPERATOR_ABORT)]
    assert numbers[8][:2] == (2, 0)
    assert stage.steps[7].final_observation is not None
    assert stage.practice.training_steps == len(stage.steps) == 12


def test_faulty_episodes_in_a_row_end_it_and_one_good_one_forgives(
    build, make_snapshot, counting_env
) -> None:
    # Steps 2, 6 and 7 are spoilt: a fault, then a whole episode of four, then two faults in a row.
    env = counting_env(plan=[(4, Why.TIME_LIMIT)], spoil={1: "reward", 6: "observation", 7: "reward"})
    stage = build(env=env, max_faults=2)
    stage.feed.snapshot = make_snapshot()
    with pytest.raises(ObservationError, match="2 faulty episodes in a row"):
        stage.practice.run()
    whys = [step.why for step in stage.steps if step.last]
    assert whys == [Why.FAULT, Why.TIME_LIMIT, Why.FAULT, Why.FAULT]


@pytest.mark.parametrize("consents", [False, True])
def test_a_robot_that_failed_is_waited_for_and_recovered_with_consent(
    build, make_snapshot, counting_env, monkeypatch, consents: bool
) -> None:
    monkeypatch.setattr("actor.mending.FIRST_TURN_SECONDS", 5.0 if consents else 0.0)
    env = counting_env()
    reset, failures, recoveries = env.reset, [1, 2, 3], []

    def reset_at_the_fourth_attempt(**options: Any) -> Any:
        if failures:
            failures.pop()
            raise RobotFault("resetting", "collision", "look at the arm")
        return reset(**options)

    env.reset = reset_at_the_fourth_attempt
    stage = build(env=env, max_faults=2, max_steps=6)
    monkeypatch.setattr(stage.operator, "consented", lambda: consents)
    monkeypatch.setattr(stage.practice._parts.rollout, "recover", lambda: recoveries.append(1))
    stage.feed.snapshot = make_snapshot()
    stage.practice.run()
    assert stage.stop.cause == "6 training steps were made"
    assert len(recoveries) == (3 if consents else 0)


def test_what_a_person_has_to_look_at_is_not_tried_again_without_them(
    build, make_snapshot, counting_env, monkeypatch
) -> None:
    monkeypatch.setattr("actor.mending.FIRST_TURN_SECONDS", 0.0)
    monkeypatch.setattr("actor.practice.TURN_SECONDS", 0.0)
    env = counting_env()
    reset, attempts, asked = env.reset, [], []

    def reset_after_a_look(**options: Any) -> Any:
        attempts.append(len(asked))
        if len(attempts) == 1:
            raise PersonNeeded("resetting", "did not arrive", "look what is in its way")
        return reset(**options)

    def consented() -> bool:
        asked.append(1)
        return len(asked) == 5

    env.reset = reset_after_a_look
    stage = build(env=env, max_steps=2)
    monkeypatch.setattr(stage.operator, "consented", consented)
    stage.feed.snapshot = make_snapshot()
    stage.practice.run()
    assert attempts == [0, 5]


def test_what_another_thread_failed_with_is_raised(build, make_snapshot) -> None:
    stage = build()
    stage.feed.snapshot = make_snapshot()
    refused = Refused("link", "another actor has this name", "choose another --actor-id")
    stage.uplink.after_put = lambda count: setattr(stage.session, "failure", refused)
    with pytest.raises(Refused, match="another actor"):
        stage.practice.run()


def test_evaluations_come_when_due_send_no_steps_and_keep_the_best(build, make_snapshot, tmp_path) -> None:
    schedule = EvaluationSchedule(every_steps=10, episodes=3, keep_best=tmp_path / "best.snapshot")
    stage = build(max_steps=30, evaluation=schedule)
    stage.feed.snapshot = make_snapshot(0)
    stage.uplink.after_put = lambda count: setattr(stage.feed, "snapshot", make_snapshot(count // 5))
    stage.practice.run()
    assert len(stage.steps) == 30
    assert stage.env.steps == 30 + 4 * 3 * 5
    reports = [(step, values) for step, values in stage.session.sent if "evaluation/success_rate" in values]
    assert [step for step, _ in reports] == [0, 10, 20, 30]
    assert reports[0][1]["evaluation/episodes"] == 3
    assert reports[0][1]["evaluation/mean_return"] == 5.0
    assert [values["evaluation/policy_version"] for _, values in reports] == [0, 2, 4, 6]
    assert [seed for seed in stage.env.seeds if seed < 2**31] == [1_000_000, 1_000_001, 1_000_002] * 4
    assert read_snapshot(tmp_path / "best.snapshot").version == stage.practice.evaluations[-1].policy_version


def test_a_policy_is_not_evaluated_twice(build, make_snapshot) -> None:
    stage = build(max_steps=30, evaluation=EvaluationSchedule(every_steps=10, episodes=1))
    stage.feed.snapshot = make_snapshot(0)
    stage.practice.run()
    assert len(stage.practice.evaluations) == 1


def test_numbers_go_to_the_learner_with_the_count_of_training_steps(build, make_snapshot) -> None:
    stage = build(max_steps=10)
    stage.feed.snapshot = make_snapshot(3)
    stage.practice.run()
    step, values = stage.session.sent[-1]
    assert step == 10
    assert values["training/episode_return"] == 5.0
    assert values["training/episode_length"] == 5.0
    assert values["training/success"] == 0.0
    assert values["actor/policy_version"] == 3.0
    assert values["actor/policy_age_seconds"] == 0.5
    assert values["actor/steps_per_second"] > 0
    assert all(isinstance(value, float) for value in values.values())


def test_telemetry_reports_now_and_then_not_at_every_episode(build, make_snapshot) -> None:
    stage = build(max_steps=50)
    stage.feed.snapshot = make_snapshot()
    began = time.monotonic()
    stage.practice.run()
    assert len(stage.session.sent) <= 1 + (time.monotonic() - began) / 5.0


def test_a_pause_stops_stepping_in_the_middle_and_an_abort_ends_that_episode_alone(
    build, make_snapshot
) -> None:
    stage = build(max_steps=14)
    stage.feed.snapshot = make_snapshot()
    operator = stage.operator
    looks: list[int] = []

    def meanwhile() -> None:
        looks.append(len(stage.steps))
        if len(looks) == 3:
            operator.press("a")
            operator.press("p")

    def after_put(count: int) -> None:
        if count == 6:
            operator.press("p")
            stage.session.check = meanwhile

    stage.uplink.after_put = after_put
    stage.practice.run()
    assert looks[:3] == [6, 6, 6]  # the seventh was made, and is not kept before the pause ends
    assert [(step.why, step.final_observation is not None) for step in stage.steps if step.last] == [
        (Why.TIME_LIMIT, True),
        (Why.OPERATOR_ABORT, True),
        (Why.TIME_LIMIT, True),
        (Why.OPERATOR_ABORT, True),
    ]
    assert [episode for episode, number, _ in stage.uplink.put_steps if number == 0] == [0, 1, 2, 3]
    assert len(stage.steps) == 14


def test_an_evaluation_that_the_operator_breaks_off_comes_again_when_the_next_is_due(
    build, make_snapshot
) -> None:
    stage = build(max_steps=20, evaluation=EvaluationSchedule(every_steps=10, episodes=2))
    stage.feed.snapshot = make_snapshot()
    step, keys = stage.env.step, ["a"]

    def step_and_press(action: Any) -> Any:
        if keys:
            stage.operator.press(keys.pop())
        return step(action)

    stage.env.step = step_and_press
    stage.practice.run()
    reports = [step for step, values in stage.session.sent if "evaluation/success_rate" in values]
    assert reports == [10]
    assert len(stage.steps) == 20


def test_each_step_is_shown_and_a_line_tells_where_practice_stands(build, make_snapshot) -> None:
    shown: list[tuple[int, int]] = []
    stage = build(max_steps=7, show=lambda step, episode, number: shown.append((episode, number)))
    assert "no policy yet" in stage.practice.describe()
    stage.feed.snapshot = make_snapshot(3)
    stage.practice.run()
    assert shown == [(episode, number) for episode, number, _ in stage.uplink.put_steps]
    assert stage.practice.describe() == "episode 2 | 7 steps | policy 3"


@pytest.mark.parametrize("room", [float("inf"), 6.0])
def test_a_label_after_the_time_limit_corrects_the_last_step_also_once_there_is_room(
    build, make_snapshot, counting_env, room: float
) -> None:
    env, judge = counting_env([(3, Why.TIME_LIMIT)]), OperatorReward()
    reset = env.reset

    def reset_while_somebody_says_so(**options: Any) -> Any:
        if len(env.seeds) == 2:
            judge.label(True)
        return reset(**options)

    env.reset = reset_while_somebody_says_so
    stage = build(env=env, judge=judge, max_steps=9)
    stage.uplink.room = room
    stage.feed.snapshot = make_snapshot()
    stage.practice.run()
    what = {"reward": 1.0, "terminated": True, "truncated": False, "why": Why.SUCCESS}
    assert stage.uplink.amends == [(StepId("actor-0", "life", 1, 2), what)]
    assert [step.why for step in stage.steps if step.last] == [Why.TIME_LIMIT] * 3


class Insister:
    """A person who never lets go."""

    source, lost = Source.HUMAN, ""

    def __init__(self) -> None:
        self.reads = 0

    def reset(self, rng: np.random.Generator) -> None:
        pass

    def read(self, observation: Observation) -> np.ndarray:
        self.reads += 1
        return np.full(2, 0.25, np.float32)

    def close(self) -> None:
        pass


def test_somebody_may_take_over_in_practice_and_nobody_in_evaluations(build, make_snapshot) -> None:
    device = Insister()
    schedule = EvaluationSchedule(every_steps=10, episodes=3)
    stage = build(device=device, random_steps=5, max_steps=30, evaluation=schedule)
    stage.feed.snapshot = make_snapshot()
    stage.feed.on_asked = lambda asked: setattr(stage.feed, "snapshot", make_snapshot(asked // 5))
    stage.practice.run()
    helped, evaluated = stage.steps[5:], sum(len(r.episodes) * 5 for r in stage.practice.evaluations)
    assert {step.source for step in helped} == {Source.HUMAN}
    assert all(step.policy_action is not None for step in helped)
    assert device.reads == len(helped) == 25
    assert evaluated >= 15
    assert len(stage.env.actions) == 30 + evaluated
    alone = [action for action in stage.env.actions[5:] if not np.array_equal(action, np.full(2, 0.25))]
    assert len(alone) == evaluated
    metrics = [values for _, values in stage.session.sent if "interventions/step_share" in values]
    assert metrics[-1]["interventions/step_share"] == 1.0
    assert metrics[-1]["interventions/mean_span_steps"] == 5.0
    assert "help in 5 of 5 episodes, 100% of the steps" in stage.practice.describe()


def test_without_a_device_there_is_nothing_to_tell_of_help(build, make_snapshot) -> None:
    stage = build(max_steps=10)
    stage.feed.snapshot = make_snapshot()
    stage.practice.run()
    assert not any("interventions/step_share" in values for _, values in stage.session.sent)
    assert "help" not in stage.practice.describe()


class Waiting(Operator):
    """Somebody who looks at the scene for a while, and says meanwhile what became of the episode before."""

    def __init__(self, stop: StopSignal, judge: OperatorReward) -> None:
        super().__init__(stop, label=judge.label, wait_for_scene=True)
        self.said = 0

    def begun(self, idle: Any) -> Why | None:
        def idle_and_press() -> None:
            idle()
            if self.said == 1:
                self.press("s")
            self.said += 1
            idle()
            self.press("r")

        return super().begun(idle_and_press)


def test_what_is_said_while_the_scene_is_waited_for_counts_everywhere(
    build, make_snapshot, counting_env
) -> None:
    judge = OperatorReward()
    stage = build(judge=judge, env=counting_env([(4, Why.TIME_LIMIT)]), device=StillScript(), max_steps=8)
    stage.feed.snapshot = make_snapshot()
    stage.parts = dataclasses.replace(stage.practice._parts, operator=Waiting(stage.stop, judge))
    practice = Practice(stage.practice._config, stage.parts)
    told: list[bool] = []
    while stage.stop.cause is None:
        practice.turn(overruled=lambda outcome: told.append(outcome.success))
    practice.conclude()
    assert told == [True]
    assert [(fields["reward"], fields["why"]) for _, fields in stage.uplink.amends] == [(1.0, Why.SUCCESS)]
    assert stage.parts.assistance.total.autonomous_successes == 1
    assert stage.session.sent[-1][1]["training/success"] == 0.5


def test_whoever_judges_has_a_moment_for_a_success(build, make_snapshot, counting_env, monkeypatch) -> None:
    judge, told = OperatorReward(), list[bool]()
    stage = build(judge=judge, env=counting_env([(4, Why.TIME_LIMIT)]))
    stage.feed.snapshot = make_snapshot()
    stage.practice.turn(overruled=lambda outcome: told.append(outcome.success))
    stage.practice.await_success(lambda: pytest.fail("nobody is there to say so"))
    stage.operator.present = True
    monkeypatch.setattr(Rollout, "hold", lambda rollout: judge.label(True))
    stage.practice.await_success(lambda: bool(told))
    assert told == [True]
    assert stage.uplink.amends[0][0] == StepId("actor-0", "life", 0, 3)
