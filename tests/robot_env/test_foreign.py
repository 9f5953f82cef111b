from collections.abc import Iterator
from typing import Any, ClassVar

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.utils.env_checker import check_env

from robot_env.registry import make
from shared.clock import ManualClock
from shared.errors import ConfigError, NonFiniteError, ObservationError
from shared.step import Why

BOX = spaces.Box(-1.0, 1.0, (2,), np.float64)
UNBOUNDED = spaces.Box(-np.inf, np.inf, (3,), np.float64)


class Scripted(gymnasium.Env):
    """Returns what it was made with, and remembers the last command."""

    metadata: ClassVar = {"render_modes": [], "render_fps": 20}

    def __init__(
        self, observation_space: Any, action_space: Any, result: Any = None, raw: Any = None
    ) -> None:
        self.observation_space, self.action_space = observation_space, action_space
        self._result = result or (0.0, False, False, {})
        self._raw = raw
        self.command: Any = None

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[Any, dict]:
        super().reset(seed=seed)
        return self.observation_space.sample(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict]:
        self.command = action
        reward, terminated, truncated, info = self._result
        raw = self.observation_space.sample() if self._raw is None else self._raw
        return raw, reward, terminated, truncated, info


@pytest.fixture
def scripted() -> Iterator[str]:
    gymnasium.register("Scripted-v0", entry_point=Scripted)
    yield "gymnasium:Scripted-v0"
    del gymnasium.registry["Scripted-v0"]


def test_pendulum_speaks_as_our_own_environments_do() -> None:
    clock = ManualClock()
    env = make("gymnasium:Pendulum-v1", clock=clock)
    assert env.interface.name == "gymnasium:Pendulum-v1"
    assert env.interface.control_hz == 30.0
    check_env(env, skip_render_check=True)
    began = clock.now()
    observation, _ = env.reset(seed=0)
    assert observation["state"].dtype == np.float32
    for number in range(1, 201):
        observation, reward, terminated, truncated, info = env.step(np.array([0.5], dtype=np.float32))
        assert truncated == (number == 200)
    assert not terminated
    assert info["why"] is Why.TIME_LIMIT
    assert info["reward_terms"] == {"reward": reward}
    assert np.allclose(info["executed_command"], [1.0])
    assert clock.now() - began >= 200 / 30 - 1e-6
    env.close()
    env.close()


def test_the_same_seed_gives_the_same_start() -> None:
    env = make("gymnasium:Pendulum-v1", clock=ManualClock())
    first, again = env.reset(seed=4)[0], env.reset(seed=4)[0]
    assert np.array_equal(first["state"], again["state"])
    assert not np.array_equal(first["state"], env.reset(seed=5)[0]["state"])
    env.close()


def test_actions_are_scaled_to_the_bounds_of_the_environment(scripted: str) -> None:
    space = spaces.Box(np.array([-2.0, 0.0]), np.array([2.0, 10.0]), dtype=np.float64)
    env = make(scripted, clock=ManualClock(), observation_space=BOX, action_space=space)
    env.reset(seed=0)
    for action, command in (([-1, -1], [-2, 0]), ([0, 0], [0, 5]), ([1, 9], [2, 10])):
        info = env.step(np.array(action, dtype=np.float32))[4]
        assert np.allclose(info["executed_command"], command)


def test_a_dict_of_boxes_becomes_entries_and_pictures(scripted: str) -> None:
    observations = spaces.Dict(
        {
            "image": spaces.Box(0, 255, (8, 6, 3), np.uint8),
            "matrix": spaces.Box(-2.0, 2.0, (2, 2), np.float64),
            "count": spaces.Box(0, 5, (1,), np.int64),
            "free": UNBOUNDED,
        }
    )
    env = make(scripted, clock=ManualClock(), observation_space=observations, action_space=BOX)
    shapes = {entry.name: (entry.shape, entry.dtype) for entry in env.interface.observations}
    assert shapes == {
        "image": ((8, 6, 3), "uint8"),
        "matrix": ((4,), "float32"),
        "count": ((1,), "float32"),
        "free": ((3,), "float32"),
    }
    observation, _ = env.reset(seed=0)
    env.interface.check(observation, "test")
    assert env.observation_space.contains(observation)


@pytest.mark.parametrize("shape", [(8, 6, 3), (8, 6, 1), (8, 6)])
def test_a_picture_alone_is_a_camera_and_grey_becomes_rgb(scripted: str, shape: tuple[int, ...]) -> None:
    raw = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    space = spaces.Box(0, 255, shape, np.uint8)
    env = make(scripted, clock=ManualClock(), observation_space=space, action_space=BOX, raw=raw)
    env.reset(seed=0)
    picture = env.step(np.zeros(2, dtype=np.float32))[0]["camera/image"]
    assert (picture.shape, picture.dtype) == ((8, 6, 3), np.uint8)
    assert np.array_equal(picture, raw if raw.shape == (8, 6, 3) else np.repeat(raw.reshape(8, 6, 1), 3, 2))
    assert not np.shares_memory(picture, raw)
    check_env(env, skip_render_check=True)


@pytest.mark.parametrize("shape", [(3, 8, 6), (8, 6, 4), (4, 84, 84)])
def test_a_picture_of_other_channels_is_refused_by_name(scripted: str, shape: tuple[int, ...]) -> None:
    observations = spaces.Dict({"view": spaces.Box(0, 255, shape, np.uint8)})
    with pytest.raises(ConfigError, match="'view'") as refusal:
        make(scripted, clock=ManualClock(), observation_space=observations, action_space=BOX)
    assert "stacks frames itself" in refusal.value.cure


@pytest.mark.parametrize("shape", [(16, 24, 3), (16, 24, 1), (3, 16, 24)])
def test_a_picture_of_floats_is_refused_and_a_small_block_of_numbers_is_not(
    scripted: str, shape: tuple[int, ...]
) -> None:
    space = spaces.Box(0.0, 1.0, shape, np.float32)
    with pytest.raises(ConfigError, match="looks like a picture of float32") as refusal:
        make(scripted, clock=ManualClock(), observation_space=space, action_space=BOX)
    assert "uint8 from 0 to 255" in refusal.value.cure
    block = spaces.Box(0.0, 1.0, (4, 4, 3), np.float32)
    env = make(scripted, clock=ManualClock(), observation_space=block, action_space=BOX)
    assert env.interface.observations[0].shape == (48,)


def test_what_cannot_draw_itself_is_filmed_by_its_picture(scripted: str) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (8, 6, 3), dtype=np.uint8)
    space = spaces.Box(0, 255, (8, 6, 3), np.uint8)
    settings: dict[str, Any] = {"clock": ManualClock(), "action_space": BOX, "render": True}
    env = make(scripted, observation_space=space, raw=picture, **settings)
    env.reset(seed=0)
    env.step(np.zeros(2, dtype=np.float32))
    assert np.array_equal(env.render(), picture)
    blind = make(scripted, observation_space=BOX, **settings)
    blind.reset(seed=0)
    with pytest.raises(gymnasium.error.Error, match="cannot draw itself"):
        blind.render()


def test_what_can_draw_itself_does() -> None:
    env = make("gymnasium:robot_env.registry:handson/Reach-v0", clock=ManualClock(), render=True)
    env.reset(seed=0)
    frame = env.render()
    assert frame.dtype == np.uint8
    assert frame.std() > 1.0
    env.close()


@pytest.mark.parametrize(
    "raw",
    [
        {"view": np.zeros((8, 7, 3), np.uint8)},
        {"view": np.zeros((8, 6, 3), np.float32)},
        {},
    ],
)
def test_a_picture_that_is_not_of_its_space_is_refused(scripted: str, raw: dict) -> None:
    observations = spaces.Dict({"view": spaces.Box(0, 255, (8, 6, 3), np.uint8)})
    env = make(scripted, clock=ManualClock(), observation_space=observations, action_space=BOX, raw=raw)
    env.reset(seed=0)
    with pytest.raises(ObservationError, match="'view'"):
        env.step(np.zeros(2, dtype=np.float32))


@pytest.mark.parametrize(
    ("result", "why"),
    [
        ((0.0, False, False, {}), None),
        ((0.0, True, False, {}), Why.FAILURE),
        ((1.0, True, False, {"is_success": True}), Why.SUCCESS),
        ((1.0, True, True, {"success": True}), Why.SUCCESS),
        ((0.0, False, True, {}), Why.TIME_LIMIT),
    ],
)
def test_why_an_episode_ended(scripted: str, result: Any, why: Why | None) -> None:
    env = make(scripted, clock=ManualClock(), observation_space=BOX, action_space=BOX, result=result)
    env.reset(seed=0)
    _, _, terminated, truncated, info = env.step(np.zeros(2, dtype=np.float32))
    assert info["why"] is why
    assert info["success"] is (why is Why.SUCCESS)
    assert not (terminated and truncated)


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ({"raw": np.array([0.0, np.nan])}, "state"),
        ({"result": (float("nan"), False, False, {})}, "reward"),
    ],
)
def test_what_is_not_a_number_is_refused(scripted: str, broken: dict, message: str) -> None:
    env = make(scripted, clock=ManualClock(), observation_space=BOX, action_space=BOX, **broken)
    env.reset(seed=0)
    with pytest.raises(ObservationError, match=message):
        env.step(np.zeros(2, dtype=np.float32))
    with pytest.raises(NonFiniteError):
        env.step(np.array([np.nan, 0.0]))


@pytest.mark.parametrize(
    ("spaces_of_it", "message"),
    [
        ({"observation_space": BOX, "action_space": spaces.Discrete(3)}, "Discrete"),
        ({"observation_space": BOX, "action_space": UNBOUNDED}, "unbounded"),
        ({"observation_space": spaces.Discrete(4), "action_space": BOX}, "Discrete"),
        ({"observation_space": spaces.Dict({"a": spaces.Dict({"b": BOX})}), "action_space": BOX}, "'a'"),
    ],
)
def test_other_spaces_are_refused_by_name(scripted: str, spaces_of_it: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make(scripted, clock=ManualClock(), **spaces_of_it)


@pytest.mark.parametrize(
    ("identity", "cure"),
    [
        ("Pendulm-v1", "Pendulum-v1"),
        ("Pendulum-v9", "Pendulum-v1"),
        ("qqqqqqqqqqqq", "pprint_registry"),
        ("no_such_module:Thing-v0", "install"),
    ],
)
def test_an_unknown_id_is_answered_with_a_cure(identity: str, cure: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        make(f"gymnasium:{identity}", clock=ManualClock())
    assert cure in refusal.value.cure


def test_settings_that_it_does_not_take_are_refused() -> None:
    with pytest.raises(ConfigError, match="wrong_setting"):
        make("gymnasium:Pendulum-v1", clock=ManualClock(), wrong_setting=1)
