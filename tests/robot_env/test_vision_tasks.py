"""Vision tasks: the same worlds, seen through cameras alone."""

from collections.abc import Iterator

import numpy as np
import pytest

from robot_env.cameras.base import Camera
from robot_env.cameras.mujoco import MujocoCameraConfig, WristCameraConfig
from robot_env.env import RobotEnv
from robot_env.geometry import Pose
from robot_env.physics import mujoco
from robot_env.registry import build_task, make
from robot_env.rendering.raycast import RaycastView
from robot_env.tasks.pick_cube import PickCube
from robot_env.tasks.reach import Reach
from robot_env.teleop.script import ScriptConfig
from shared.clock import ManualClock
from shared.errors import ConfigError

VISION = ("reach_vision", "pick_cube_vision", "peg_insert_vision")


def open_env(task: str, **settings: object) -> RobotEnv:
    env = make(task, clock=ManualClock(), **settings)
    assert isinstance(env, RobotEnv)
    return env


@pytest.fixture(scope="module", params=VISION)
def env(request: pytest.FixtureRequest) -> Iterator[RobotEnv]:
    built = open_env(request.param)
    yield built
    built.close()


def test_it_shows_the_arm_and_two_pictures_and_no_pose(env: RobotEnv) -> None:
    stateful = build_task(env.interface.name.removesuffix("_vision"))
    names = [entry.name for entry in env.interface.observations]
    assert names[-2:] == ["front/image", "wrist/image"]
    assert not {entry.name for entry in stateful.entries} & set(names)
    assert all(name.startswith(("arm/", "gripper/")) for name in names[:-2])
    assert [e.shape for e in env.interface.observations if e.is_image] == [(64, 64, 3)] * 2


def test_it_is_the_same_world_as_with_poses(env: RobotEnv) -> None:
    other = open_env(env.interface.name.removesuffix("_vision"))
    env.reset(seed=2)
    other.reset(seed=2)
    action = np.full(env.interface.action_size, 0.3, np.float32)
    for _ in range(5):
        seen, reward, *_ = env.step(action)
        known, same_reward, *_ = other.step(action)
        assert reward == same_reward
    whole = env.see()
    assert all(np.array_equal(seen[name], known[name]) for name in seen if not name.endswith("/image"))
    assert all(np.array_equal(whole[name], known[name]) for name in known)
    other.close()


def test_the_script_solves_it_by_looking_at_the_world(env: RobotEnv) -> None:
    device = ScriptConfig(noise=0.1).build(env.interface, env)
    for seed in range(3):
        observation, info = env.reset(seed=seed)
        device.reset(np.random.default_rng(seed))
        for _ in range(100):
            action = device.read(observation)
            assert action is not None
            observation, _, terminated, truncated, info = env.step(action)
            if terminated or truncated:
                break
        assert info["success"], seed


def test_a_script_that_cannot_look_is_refused(env: RobotEnv) -> None:
    with pytest.raises(ConfigError, match="shows pictures") as refusal:
        ScriptConfig().build(env.interface)
    assert "environment" in refusal.value.cure


def test_cameras_and_their_size_are_chosen() -> None:
    env = open_env("reach_vision", cameras=("wrist",), image_size=48)
    observation = env.reset(seed=0)[0]
    assert [name for name in observation if name.endswith("/image")] == ["wrist/image"]
    assert observation["wrist/image"].shape == (48, 48, 3)
    env.close()
    wide = open_env("reach", cameras=(MujocoCameraConfig(height=24, width=40), WristCameraConfig()))
    observation = wide.reset(seed=0)[0]
    assert observation["front/image"].shape == (24, 40, 3)
    assert "target_from_tcp_base_m" in observation
    wide.close()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"cameras": ()}, "without a camera"),
        ({"cameras": ("frint",)}, "did you mean 'front'"),
        ({"cameras": "front"}, r"\('front',\)"),
        ({"cameras": ("front", "front")}, "two cameras have one name"),
        ({"cameras": (MujocoCameraConfig(camera="back"),)}, "no camera 'back'"),
        ({"image_size": 0}, "0 x 0"),
        ({"image_size": 5000}, "5000"),
        ({"arm": "point"}, "no scene to draw"),
        ({"imagesize": 64}, "image_size"),
    ],
)
def test_cameras_that_cannot_be_are_refused(settings: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        open_env("pick_cube_vision", **settings)


def project(env: RobotEnv, camera: Camera, point_m: np.ndarray) -> tuple[float, float]:
    """Column and row of a point of the base frame, through the camera's pinhole."""
    data, name = env._arm.world.data, camera.entry.name.removesuffix("/image")
    seen = data.camera(name)
    x, up, back = seen.xmat.reshape(3, 3).T @ (point_m - seen.xpos)
    pinhole = camera.intrinsics
    assert pinhole is not None
    return pinhole.fx * x / -back + pinhole.cx, pinhole.fy * -up / -back + pinhole.cy


@pytest.mark.parametrize("backend", ["chosen", "rays"])
def test_things_are_seen_where_the_intrinsics_say(backend: str) -> None:
    env = open_env("pick_cube_vision", image_size=96, cameras=("front", "wrist"))
    for seed in range(3):
        observation, _ = env.reset(seed=seed)
        world = env._arm.world
        world.place("cube", Pose.of((0.52 + 0.01 * seed, 0.02 * seed, 0.02)))
        mujoco.mj_forward(world.model, world.data)
        for camera in env._cameras:
            name = camera.entry.name.removesuffix("/image")
            picture = RaycastView(world, name, 96, 96).frame() if backend == "rays" else camera.read().image
            colours = picture.astype(int)
            rows, columns = np.nonzero((colours[..., 0] > 80) & (colours[..., 1:].max(-1) < 80))
            corners = np.array(np.meshgrid(*[(-0.02, 0.02)] * 3)).reshape(3, -1).T
            seen = np.array(
                [project(env, camera, world.poses()["cube"].position_m + corner) for corner in corners]
            )
            assert len(rows) > 20
            assert abs((columns.min() + columns.max()) / 2 - (seen[:, 0].min() + seen[:, 0].max()) / 2) < 1.0
            assert abs((rows.min() + rows.max()) / 2 - (seen[:, 1].min() + seen[:, 1].max()) / 2) < 1.0
        assert observation["front/image"].shape == (96, 96, 3)
    env.close()


def test_the_front_camera_sees_every_start_and_every_target_with_room_for_shifts() -> None:
    env = open_env("reach_vision", cameras=("front",))
    env.reset(seed=0)
    lows = (Reach().target_low_m, (*PickCube().cube_low_m, 0.0))
    highs = (Reach().target_high_m, (*PickCube().cube_high_m, 0.04))
    for low, high in zip(lows, highs, strict=True):
        corners = np.array(np.meshgrid(*zip(low, high, strict=True))).reshape(3, -1).T
        seen = np.array([project(env, env._cameras[0], corner) for corner in corners])
        assert seen.min() > 2.0
        assert seen.max() < 61.0
    env.close()


def test_the_target_is_seen_at_almost_every_start() -> None:
    env = open_env("reach_vision", cameras=("front",))
    visible = 0
    for seed in range(30):
        colours = env.reset(seed=seed)[0]["front/image"].astype(int)
        visible += int(((colours[..., 1] > 90) & (colours[..., 0] < 60) & (colours[..., 2] < 100)).sum() >= 2)
    assert visible >= 26
    env.close()
