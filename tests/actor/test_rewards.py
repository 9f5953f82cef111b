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
