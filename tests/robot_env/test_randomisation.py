import dataclasses
from collections.abc import Iterator

import numpy as np
import pytest

from robot_env.env import RobotEnv
from robot_env.registry import make
from robot_env.rendering.randomisation import MOST, Randomisation
from shared.clock import ManualClock
from shared.errors import ConfigError
from shared.step import Observation

EVERYTHING = Randomisation(
    light_strength=0.4,
    light_rotation_rad=0.4,
    camera_position_m=0.03,
    camera_rotation_rad=0.05,
    colour=0.2,
    textures=True,
)
PICTURES = ("front/image", "wrist/image")


def open_env(ranges: Randomisation | None) -> RobotEnv:
    env = make("pick_cube_vision", clock=ManualClock(), image_size=32, randomisation=ranges)
    assert isinstance(env, RobotEnv)
    return env


@pytest.fixture(scope="module")
def varied() -> Iterator[RobotEnv]:
    env = open_env(EVERYTHING)
    yield env
    env.close()


@pytest.fixture(scope="module")
def plain() -> Iterator[RobotEnv]:
    env = open_env(None)
    yield env
    env.close()


def difference(first: Observation, second: Observation, name: str) -> float:
    return float(np.abs(first[name].astype(int) - second[name].astype(int)).mean())


def test_a_seed_decides_the_look_whatever_came_before(varied: RobotEnv) -> None:
    first = varied.reset(seed=3)[0]
    other = varied.reset(seed=4)[0]
    varied.reset()
    again = varied.reset(seed=3)[0]
    for name in PICTURES:
        assert np.array_equal(first[name], again[name])
        assert difference(first, other, name) > 5.0


def test_another_environment_sees_the_same(varied: RobotEnv) -> None:
    fresh = open_env(EVERYTHING)
    for name in PICTURES:
        assert np.array_equal(fresh.reset(seed=3)[0][name], varied.reset(seed=3)[0][name])
    fresh.close()


def test_the_look_changes_nothing_that_moves(varied: RobotEnv, plain: RobotEnv) -> None:
    actions = np.random.default_rng(0).uniform(-1, 1, (8, 4)).astype(np.float32)
    for env in (varied, plain):
        env.reset(seed=5)
    for action in actions:
        seen, drawn = varied.step(action)[0], plain.step(action)[0]
        assert all(np.array_equal(seen[name], drawn[name]) for name in seen if name not in PICTURES)
        assert all(difference(seen, drawn, name) > 2.0 for name in PICTURES)


def test_the_look_stays_for_the_episode(varied: RobotEnv) -> None:
    first = varied.reset(seed=6)[0]
    after = varied.step(np.zeros(4, np.float32))[0]
    assert all(difference(first, after, name) < 1.0 for name in PICTURES)


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Randomisation)])
def test_each_setting_alone_changes_the_picture_and_the_next_reset_starts_anew(
    plain: RobotEnv, name: str
) -> None:
    value = getattr(EVERYTHING, name)
    env = open_env(Randomisation(**{name: value}))
    drawn = plain.reset(seed=7)[0]
    looks = [env.reset(seed=7)[0] for _ in range(3)]
    assert all(np.array_equal(looks[0]["front/image"], look["front/image"]) for look in looks)
    assert any(difference(env.reset(seed=seed)[0], drawn, "front/image") > 0.5 for seed in (7, 8, 9))
    env.close()


def test_off_is_exactly_as_drawn(plain: RobotEnv) -> None:
    assert Randomisation().is_off
    assert not EVERYTHING.is_off
    env = open_env(Randomisation())
    for name, value in env.reset(seed=1)[0].items():
        assert np.array_equal(value, plain.reset(seed=1)[0][name])
    env.close()


@pytest.mark.parametrize("name", sorted(MOST))
@pytest.mark.parametrize("value", [-0.1, 2.0, float("nan")])
def test_a_range_that_makes_no_sense_is_refused(name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=name):
        Randomisation(**{name: value})


def test_what_has_no_look_cannot_vary() -> None:
    with pytest.raises(ConfigError, match="no scene to vary"):
        make("reach", clock=ManualClock(), arm="point", randomisation=EVERYTHING)
