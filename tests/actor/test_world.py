"""One bench, two tasks: the way back is judged as the way there."""

import pytest

from actor.rewards.judging import JudgingConfig
from actor.scene import SceneConfig
from actor.world import open_world


@pytest.mark.parametrize(("reward", "goes_on"), [("nothing", True), ("environment", False)])
def test_success_ends_an_episode_both_ways_or_neither(reward: str, goes_on: bool) -> None:
    with (
        open_world("relocate_forward", "simulated", reward=reward) as there,
        there.also("relocate_back", SceneConfig(), JudgingConfig()) as back,
    ):
        assert [world.env.unwrapped.goes_on for world in (there, back)] == [goes_on, goes_on]
        assert back.judge is there.judge
