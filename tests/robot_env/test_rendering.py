import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from robot_env.arms.base import Impedance
from robot_env.arms.mujoco import MujocoArmConfig
from robot_env.arms.mujoco_world import MujocoWorld
from robot_env.geometry import TOOL_DOWN, Pose
from robot_env.registry import make
from robot_env.rendering import backend
from robot_env.rendering.base import FrameSource
from robot_env.rendering.raycast import RaycastView, camera_rays
from robot_env.rendering.view import ViewConfig, open_view
from robot_env.scene import Box, SceneObject
from shared.clock import ManualClock
from shared.errors import ConfigError

CUBE = SceneObject(
    name="cube", kind="free", boxes=(Box(half_size_m=(0.04, 0.04, 0.04), colour=(1.0, 0.0, 0.0)),)
)


@pytest.fixture
def world() -> MujocoWorld:
    arm = MujocoArmConfig().build((CUBE,), Impedance(), 0.02)
    arm.world.clear()
    arm.world.place("cube", Pose.of((0.5, 0.2, 0.04)))
    arm.reset(Pose.of((0.45, -0.1, 0.3), TOOL_DOWN))
    arm.world.settle()
    return arm.world


def opengl(world: MujocoWorld, config: ViewConfig) -> FrameSource:
    """Rays would agree with themselves."""
    view = open_view(world, config)
    if isinstance(view, RaycastView):
        pytest.skip("no OpenGL here")
    return view


def red(picture: np.ndarray) -> np.ndarray:
    colours = picture.astype(int)
    return (colours[..., 0] > 90) & (colours[..., 1] < 70) & (colours[..., 2] < 70)


def test_pictures_show_where_the_cube_is(world: MujocoWorld) -> None:
    view = open_view(world, ViewConfig(width=160, height=120))
    first = view.frame()
    assert (first.shape, first.dtype) == ((120, 160, 3), np.uint8)
    world.place("cube", Pose.of((0.5, -0.2, 0.04)))
    world.settle()
    second = view.frame()
    assert red(first).sum() > 20
    assert red(second).sum() > 20
    assert np.nonzero(red(first))[1].mean() > np.nonzero(red(second))[1].mean() + 20
    view.close()
    view.close()


def test_rays_and_opengl_agree_on_where_things_are(world: MujocoWorld) -> None:
    best = opengl(world, ViewConfig(width=160, height=120))
    rays = RaycastView(world, "front", 160, 120)
    seen, cast = red(best.frame()), red(rays.frame())
    assert (seen & cast).sum() > 0.8 * (seen | cast).sum()
    best.close()
    rays.close()


@pytest.mark.parametrize("camera", ["front", "wrist"])
def test_rays_and_opengl_draw_almost_the_same_picture(world: MujocoWorld, camera: str) -> None:
    best = opengl(world, ViewConfig(camera=camera, width=96, height=96))
    rays = RaycastView(world, camera, 96, 96)
    difference = np.abs(best.frame().astype(int) - rays.frame().astype(int))
    assert best.fovy_degrees == rays.fovy_degrees
    assert difference.mean() < 1.0
    assert (difference.max(axis=-1) > 12).mean() < 0.02
    best.close()


def test_rays_leave_through_pixel_centres() -> None:
    rays = camera_rays(90.0, 2, 2).reshape(2, 2, 3)
    assert np.allclose(np.linalg.norm(rays, axis=-1), 1.0)
    assert np.allclose(rays[0, 0] / -rays[0, 0, 2], [-0.5, 0.5, -1.0])
    assert np.allclose(rays[1, 1] / -rays[1, 1, 2], [0.5, -0.5, -1.0])


def test_without_opengl_it_draws_with_rays() -> None:
    code = (
        "import logging; logging.disable(logging.WARNING);"
        "from shared.clock import ManualClock; from robot_env.registry import make;"
        "env = make('reach', clock=ManualClock(), render=True); env.reset(seed=0);"
        "picture = env.render(); assert picture.shape == (360, 480, 3) and picture.std() > 10;"
        "assert type(env._frames).__name__ == 'RaycastView'; env.close(); env.close()"
    )
    environment = {**os.environ, backend.VARIABLE: "disable"}
    subprocess.run([sys.executable, "-c", code], check=True, timeout=100, env=environment)


def test_an_environment_renders_only_when_asked() -> None:
    env = make("reach", clock=ManualClock(), render=True)
    env.reset(seed=0)
    assert env.render_mode == "rgb_array"
    assert env.render().shape == (360, 480, 3)
    env.close()
    blind = make("reach", clock=ManualClock())
    blind.reset(seed=0)
    assert blind.render() is None
    blind.close()


def test_rendering_does_not_change_what_happens() -> None:
    ends = []
    for render in (False, True):
        env = make("pick_cube", clock=ManualClock(), render=render)
        env.reset(seed=0)
        for _ in range(5):
            observation, *_ = env.step(np.array([0.5, -0.5, -1.0, -1.0], dtype=np.float32))
            env.render()
        ends.append(observation)
        env.close()
    assert all(np.array_equal(ends[0][name], ends[1][name]) for name in ends[0])


def test_a_view_that_cannot_be_is_refused_with_the_names(world: MujocoWorld) -> None:
    with pytest.raises(ConfigError) as refusal:
        open_view(world, ViewConfig(camera="fron"))
    assert "front" in refusal.value.cure
    with pytest.raises(ConfigError):
        ViewConfig(width=5000)
    with pytest.raises(ConfigError, match="no scene"):
        make("reach", clock=ManualClock(), arm="point", render=True)


def test_the_backend_is_chosen_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend, "_egl_devices", lambda: 1)
    assert backend.best_backend() == "egl"
    monkeypatch.setattr(backend, "_egl_devices", lambda: 0)
    monkeypatch.setattr(backend, "_load", lambda name: object())
    assert backend.best_backend() == "osmesa"
    monkeypatch.setattr(backend, "_load", lambda name: None)
    assert backend.best_backend() == "disable"


def test_what_the_user_chose_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(backend.VARIABLE, "osmesa")
    monkeypatch.setenv(backend.MESA_THREADS, "3")
    assert backend.choose_backend() == "osmesa"
    assert os.environ[backend.MESA_THREADS] == "3"


def test_mesa_draws_in_the_calling_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(backend.MESA_THREADS, raising=False)
    backend.choose_backend()
    assert os.environ[backend.MESA_THREADS] == "0"


def test_opening_and_closing_leaks_nothing() -> None:
    def open_and_close() -> None:
        env = make("pick_cube", clock=ManualClock(), render=True)
        env.reset(seed=0)
        env.render()
        env.close()

    open_and_close()
    before = (len(list(Path("/proc/self/fd").iterdir())), threading.active_count())
    for _ in range(4):
        open_and_close()
    after = (len(list(Path("/proc/self/fd").iterdir())), threading.active_count())
    assert after[0] <= before[0] + 1
    assert after[1] == before[1]
