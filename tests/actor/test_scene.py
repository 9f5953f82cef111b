"""Cameras are chosen by name on the command line, and reach the environment."""

import pytest

from actor.config import ActorConfig
from actor.scene import SceneConfig
from actor.world import open_world
from shared.config import parse_command_line
from shared.errors import ConfigError


def parsed(*arguments: str) -> SceneConfig:
    return parse_command_line(ActorConfig, list(arguments), prog="actor", description="").scene


def test_nothing_chosen_leaves_it_to_the_task() -> None:
    assert (parsed().settings(), parsed().arguments()) == ({}, ())


def test_what_is_chosen_survives_the_command_line_of_a_child() -> None:
    chosen = SceneConfig(cameras=("front", "wrist"), image_size=96)
    assert parsed(*chosen.arguments()) == chosen
    assert chosen.settings() == {"cameras": ("front", "wrist"), "image_size": 96}


def test_the_world_has_the_cameras_that_were_asked_for() -> None:
    with open_world(
        "reach_vision", "simulated", scene=SceneConfig(cameras=("wrist",), image_size=24)
    ) as world:
        images = {entry.name: entry.shape for entry in world.interface.observations if entry.is_image}
        assert images == {"wrist/image": (24, 24, 3)}


@pytest.mark.parametrize(
    ("settings", "cause"),
    [({"image_size": 0}, "image_size is 0"), ({"cameras": ("a", "a")}, "each camera once")],
)
def test_what_makes_no_sense_is_refused(settings: dict[str, object], cause: str) -> None:
    with pytest.raises(ConfigError, match=cause):
        SceneConfig(**settings)
