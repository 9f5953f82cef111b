"""Reward, ending and why, from what environments say and what they leave unsaid."""

import pytest

from actor.rewards import REWARDS
from actor.rewards.base import StepResult
from robot_env.families import resolve
from shared.errors import ConfigError
from shared.step import Why


def judge(terminated: bool = False, truncated: bool = False, **info: object):
    model = resolve("reward", REWARDS, "environment")()
    model.begin({})
    return model.judge(
        StepResult(observation={}, reward=0.5, terminated=terminated, truncated=truncated, info=info)
    )


@pytest.mark.parametrize(
    ("terminated", "truncated", "info", "why", "success"),
    [
        (False, False, {}, None, False),
        (False, False, {"success": True}, None, True),
        (True, False, {"success": True}, Why.SUCCESS, True),
        (True, False, {"is_success": True}, Why.SUCCESS, True),
        (True, False, {}, Why.FAILURE, False),
        (False, True, {}, Why.TIME_LIMIT, False),
        (False, True, {"why": "operator_abort"}, Why.OPERATOR_ABORT, False),
        (False, True, {"why": None}, Why.TIME_LIMIT, False),
        (True, True, {"success": True}, Why.SUCCESS, True),
    ],
)
def test_the_environments_word_is_taken(terminated, truncated, info, why, success) -> None:
    verdict = judge(terminated, truncated, **info)
    assert verdict.why is why
    assert verdict.success is success
    assert verdict.reward == 0.5
    assert verdict.terminated is terminated
    assert verdict.truncated is (truncated and not terminated)


def test_reward_terms_go_along() -> None:
    assert judge(reward_terms={"lift": 0.25, "reach": 0.25}).terms == {"lift": 0.25, "reach": 0.25}


def test_an_unknown_reward_is_refused_with_the_valid_ones() -> None:
    with pytest.raises(ConfigError, match="environment"):
        resolve("reward", REWARDS, "enviroment")


def operated(*labels: bool, terminated: bool = False, truncated: bool = False, **info: object):
    model = resolve("reward", REWARDS, "operator")()
    model.label(True)
    model.begin({})  # what was said before the episode is forgotten
    for label in labels:
        model.label(label)
    result = StepResult(observation={}, reward=0.5, terminated=terminated, truncated=truncated, info=info)
    return model.judge(result), model.judge(result)


@pytest.mark.parametrize(
    ("labels", "why", "reward"),
    [
        ((), None, 0.0),
        ((True,), Why.SUCCESS, 1.0),
        ((False,), Why.FAILURE, 0.0),
        ((False, True), Why.SUCCESS, 1.0),
    ],
)
def test_the_operators_word_is_taken_once(labels, why, reward) -> None:
    first, second = operated(*labels, success=True)
    assert (first.why, first.reward, first.terminated) == (why, reward, why is not None)
    assert first.success is (why is Why.SUCCESS)
    assert first.terms == {"operator": reward}
    assert second.why is None
    assert second.reward == 0.0


def test_where_the_operator_is_silent_endings_stay_what_they_are() -> None:
    timed_out, _ = operated(truncated=True, success=True)
    assert (timed_out.why, timed_out.truncated, timed_out.reward) == (Why.TIME_LIMIT, True, 0.0)
    assert not timed_out.success
    ended, _ = operated(terminated=True, success=True)
    assert (ended.why, ended.reward) == (Why.SUCCESS, 0.5)
    overruled, _ = operated(False, terminated=True, success=True)
    assert (overruled.why, overruled.reward) == (Why.FAILURE, 0.0)


def test_nothing_is_rewarded_or_ended_but_success_is_counted_from_its_first_time_on() -> None:
    model = resolve("reward", REWARDS, "nothing")()
    told = []
    for _ in range(2):
        model.begin({})
        for success, truncated in ((False, False), (True, False), (False, False), (False, True)):
            info = {"success": success, "why": "time_limit"} if truncated else {"success": success}
            result = StepResult(observation={}, reward=1.0, terminated=False, truncated=truncated, info=info)
            told.append(model.judge(result))
    assert [verdict.success for verdict in told] == [False, True, True, True] * 2
    assert {(verdict.reward, verdict.terminated) for verdict in told} == {(0.0, False)}
    assert [verdict.why for verdict in told] == [None, None, None, Why.TIME_LIMIT] * 2


def test_an_end_that_was_a_success_is_told_as_the_end_of_the_recording() -> None:
    model = resolve("reward", REWARDS, "nothing")()
    model.begin({})
    ended = StepResult(
        observation={}, reward=1.0, terminated=True, truncated=False, info={"success": True, "why": "success"}
    )
    verdict = model.judge(ended)
    assert (verdict.terminated, verdict.truncated, verdict.why) == (False, True, Why.TIME_LIMIT)
