"""A session at the keys: what is kept, discarded, done again, and what a broken robot costs."""

import json
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from actor import demo
from actor.demonstrations.session import DemoSession
from actor.operating.robot_operator import Operator
from actor.rollout import Rollout
from shared.episode_starts import read_starts
from shared.episodes import group_episodes, read_episodes
from shared.errors import RobotFault
from shared.step import Source, Why

END = [(4, Why.SUCCESS)]


class Hand:
    """Somebody who always pushes the same way."""

    source = Source.HUMAN
    lost = ""

    def reset(self, rng: np.random.Generator) -> None: ...

    def read(self, observation: Any) -> np.ndarray:
        return np.full(2, 0.5, np.float32)

    def close(self) -> None: ...


@pytest.fixture
def record(tmp_path, monkeypatch, counting_env) -> Callable[..., Any]:
    """`record(plan, {step: key}, *arguments)` -> (exit status, environment): keys are pressed in steps."""

    def run(plan: Any, presses: dict[int, str], *arguments: str, broken: tuple[int, ...] = ()) -> Any:
        env, operators = counting_env(plan), []
        step, taken = env.step, []

        def step_and_press(action: Any) -> Any:
            taken.append(1)
            if len(taken) in broken:
                raise RobotFault("stepping", "reflex", "look at the arm")
            if key := presses.get(len(taken)):
                operators[0].press(key)
            return step(action)

        @contextmanager
        def attended(config: Any, stop: Any, judge: Any, device: Any, **more: Any) -> Any:
            operators.append(Operator(stop, label=getattr(judge, "label", None)))
            operators[0].present = True
            yield operators[0]

        env.step = step_and_press
        monkeypatch.setattr("actor.world.make", lambda name, clock, render: env)
        monkeypatch.setattr(demo, "open_device", lambda *unused: Hand())
        monkeypatch.setattr(demo, "attended", attended)
        return demo.main(["--out", str(tmp_path), *arguments]), env

    return run


def lengths(path: Any) -> list[int]:
    return [len(episode.steps) for episode in group_episodes(read_episodes(path).records())]


def test_a_discarded_attempt_is_not_written_and_the_next_start_is_another(record, tmp_path) -> None:
    status, env = record([(9, Why.SUCCESS), *END], {3: "d"}, "--episodes", "2")
    assert status == 0
    assert lengths(tmp_path / "demos.mcap") == [4, 4]
    assert len(set(env.seeds)) == len(env.seeds) == 3
    told = json.loads((tmp_path / "demos.json").read_text())
    assert (told["kept"], told["discarded"], told["failed"]) == (2, 1, 0)


def test_once_more_begins_from_the_same_start(record, tmp_path) -> None:
    status, env = record([(9, Why.SUCCESS), *END], {3: "z"}, "--episodes", "2")
    assert status == 0
    assert env.seeds[0] == env.seeds[1] != env.seeds[2]
    assert lengths(tmp_path / "demos.mcap") == [4, 4]


@pytest.mark.parametrize(("key", "again"), [("d", False), ("z", True)])
def test_one_that_ended_can_be_regretted_until_the_next_begins(
    record, tmp_path, monkeypatch, key, again
) -> None:
    begun = DemoSession._begun
    begins = []

    def press_at_the_second(self) -> Any:
        begins.append(1)
        if len(begins) == 2:
            self._operator.press(key)
        return begun(self)

    monkeypatch.setattr(DemoSession, "_begun", press_at_the_second)
    status, env = record([(3, Why.SUCCESS), *END], {}, "--episodes", "2")
    assert status == 0
    kept = list(read_starts(tmp_path / "demos.mcap").values())
    assert lengths(tmp_path / "demos.mcap") == [4, 4]
    assert (env.seeds[0] in kept) is again
    assert kept == env.seeds[-2:]
    assert json.loads((tmp_path / "demos.json").read_text())["discarded"] == 1


def test_a_person_may_fail_as_often_as_it_takes(record, tmp_path) -> None:
    plan = [(3, Why.TIME_LIMIT)] * 20 + END
    assert record(plan, {}, "--episodes", "1")[0] == 0
    assert json.loads((tmp_path / "demos.json").read_text())["failed"] == 20


def test_a_robot_that_failed_burns_no_attempt_and_counts_for_nothing(record, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("actor.mending.FIRST_TURN_SECONDS", 0.0)
    monkeypatch.setattr("actor.mending.MAX_TURN_SECONDS", 0.0)
    monkeypatch.setattr(Hand, "source", Source.SCRIPT)
    status, env = record(END, {}, "--episodes", "1", broken=(3, 4, 5, 6, 7, 8, 9))
    assert status == 0
    assert len(set(env.seeds)) == 1
    told = json.loads((tmp_path / "demos.json").read_text())
    assert (told["kept"], told["failed"], told["broken"]) == (1, 0, 7)
    assert lengths(tmp_path / "demos.mcap") == [4]


def test_the_keys_of_success_and_failure_end_an_attempt(record, tmp_path) -> None:
    more = ("--reward", "operator", "--keep-failures", "--episodes", "3")
    status, _ = record([(9, Why.TIME_LIMIT)], {3: "s", 8: "f"}, *more)
    assert status == 0
    episodes = list(group_episodes(read_episodes(tmp_path / "demos.mcap").records()))
    assert [episode.steps[-1].step.why for episode in episodes] == [Why.SUCCESS, Why.FAILURE, Why.TIME_LIMIT]
    assert [len(episode.steps) for episode in episodes] == [3, 5, 9]
    told = json.loads((tmp_path / "demos.json").read_text())
    assert (told["successes"], told["failures"]) == (1, 2)


def test_an_interrupted_recording_is_gone_on_with_from_new_starts(record, tmp_path) -> None:
    assert record(END, {9: "q"}, "--episodes", "5")[0] == 130
    first = (tmp_path / "demos.mcap").read_bytes()
    assert lengths(tmp_path / "demos.mcap") == [4, 4]
    status, env = record(END, {}, "--episodes", "5", "--resume")
    assert status == 0
    assert (tmp_path / "demos.mcap").read_bytes() == first
    assert lengths(tmp_path / "demos-2.mcap") == [4, 4, 4]
    assert not set(env.seeds) & set(read_starts(tmp_path / "demos.mcap").values())
    told = json.loads((tmp_path / "demos-2.json").read_text())
    assert (told["kept"], told["kept_before"]) == (5, 2)
    assert record(END, {}, "--episodes", "5", "--resume")[0] == 0
    assert not (tmp_path / "demos-3.mcap").exists()


@pytest.mark.parametrize(
    ("more", "ends", "counts"),
    [
        ((), [Why.OPERATOR_ABORT, Why.SUCCESS, Why.SUCCESS], (2, 0, 1)),
        (("--keep-failures",), [Why.OPERATOR_ABORT, Why.SUCCESS], (1, 1, 0)),
    ],
)
def test_a_denial_during_the_next_attempt_takes_the_reward_of_the_one_before_that_is_written(
    record, tmp_path, fallible, more, ends, counts
) -> None:
    assert record(END, {6: "n"}, "--episodes", "2", *more)[0] == 0
    episodes = list(group_episodes(read_episodes(tmp_path / "demos.mcap").records()))
    assert [episode.steps[-1].step.why for episode in episodes] == ends
    first = episodes[0].steps[-1].step
    assert (first.reward, first.terminated, first.truncated) == (0.0, False, True)
    told = json.loads((tmp_path / "demos.json").read_text())
    assert (told["successes"], told["failures"], told["failed"]) == counts


@pytest.mark.parametrize(("key", "counts"), [("n", (2, 0, 1)), ("d", (2, 1, 0)), ("z", (2, 1, 0))])
def test_while_the_scene_is_waited_for_the_attempt_before_can_be_denied_or_done_again(
    record, tmp_path, monkeypatch, fallible, key, counts
) -> None:
    keys, begun, operators = ["r", key], Operator.begun, []

    def begin(self: Operator, idle: Any) -> Any:
        operators[:] = [self]
        self._wait_for_scene = True
        return begun(self, idle)

    monkeypatch.setattr(Operator, "begun", begin)
    monkeypatch.setattr(Rollout, "hold", lambda rollout: operators[0].press(keys.pop(0) if keys else "r"))
    status, env = record([(3, Why.SUCCESS), *END], {}, "--episodes", "2")
    assert status == 0
    assert lengths(tmp_path / "demos.mcap") == [4, 4]
    told = json.loads((tmp_path / "demos.json").read_text())
    assert (told["successes"], told["discarded"], told["failed"]) == counts
    assert (len(set(env.seeds)) < len(env.seeds)) is (key == "z")
