"""Environments by name: HandsOn's own tasks, and any Gymnasium environment as `gymnasium:<ID>`.

Importing this module registers the tasks with Gymnasium too:
`gymnasium.make("robot_env.registry:handson/Reach-v0")`.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

import gymnasium

from robot_env.arms import ARMS
from robot_env.cameras import CAMERAS
from robot_env.cameras.base import CameraConfig
from robot_env.cameras.freshness import MAX_AGE_SECONDS, require_age_bound
from robot_env.env import RobotEnv
from robot_env.families import nearest, resolve
from robot_env.foreign import FOREIGN, make_foreign
from robot_env.grippers import GRIPPERS
from robot_env.rendering.base import Look
from robot_env.rendering.randomisation import Randomisation
from robot_env.scene import World
from robot_env.tasks import TASKS
from robot_env.tasks.base import Task
from shared.clock import Clock, ManualClock
from shared.errors import ConfigError

GYMNASIUM_IDS = {
    "handson/Reach-v0": "reach",
    "handson/PickCube-v0": "pick_cube",
    "handson/PickCubeDense-v0": "pick_cube_dense",
    "handson/PegInsert-v0": "peg_insert",
    "handson/ReachVision-v0": "reach_vision",
    "handson/PickCubeVision-v0": "pick_cube_vision",
    "handson/PegInsertVision-v0": "peg_insert_vision",
}


CAMERAS_OF_VISION = ("front", "wrist")
IMAGE_SIZE = 64
SETTINGS_OF_ALL = ("arm", "gripper", "cameras", "image_size", "max_frame_age_seconds", "randomisation")


def make(name: str, *, clock: Clock, render: bool = False, **settings: Any) -> gymnasium.Env:
    """An environment by name, stepping on a clock.

    Args:
        name: reach, pick_cube, pick_cube_dense, peg_insert, the first and the last two with `_vision` for
            those that see no poses, or "gymnasium:<ID>".
        clock: owns the rate; a ManualClock runs a simulation as fast as it can.
        render: whether `render()` returns frames.
        settings: `arm`, `gripper`, `cameras` by name or as CameraConfig (default: the mujoco arm, the gripper
            of the same name, the cameras front and wrist where the task shows no pose, else none),
            `image_size` in pixels of cameras chosen by name (64), `max_frame_age_seconds` (0.2),
            `randomisation` (off), and fields of the task's dataclass; for a foreign environment, its own
            arguments.

    Raises:
        ConfigError: an unknown name or setting, with the nearest valid one.
    """
    if name.startswith(FOREIGN):
        return make_foreign(name.removeprefix(FOREIGN), clock=clock, render=render, **settings)
    return _make_task(name, clock=clock, render=render, **settings)


def _make_task(
    name: str,
    *,
    clock: Clock,
    render: bool,
    arm: str = "mujoco",
    gripper: str | None = None,
    cameras: Sequence[str | CameraConfig] | None = None,
    image_size: int = IMAGE_SIZE,
    max_frame_age_seconds: float = MAX_AGE_SECONDS,
    randomisation: Randomisation | None = None,
    **settings: Any,
) -> gymnasium.Env:
    task = build_task(name, **settings)
    require_age_bound(max_frame_age_seconds)
    chosen = choose_cameras(task, cameras, image_size)
    held_width = None if task.settings.drives_gripper else task.settings.held_width_m
    built = resolve("arm", ARMS, arm)().build(task.scene, task.settings.impedance, held_width)
    hand = None
    if task.settings.drives_gripper:
        hand = resolve("gripper", GRIPPERS, gripper or arm)().build(built)
    views = [camera.build(built.world, clock) for camera in chosen]
    frames = None
    if render:
        from robot_env.rendering.view import open_view

        frames = open_view(built.world)
    return RobotEnv(
        task,
        built,
        hand,
        views,
        clock,
        frames,
        max_frame_age_seconds=max_frame_age_seconds,
        look=_look(built.world, randomisation),
    )


def choose_cameras(task: Task, cameras: Sequence[str | CameraConfig] | None, size: int) -> list[CameraConfig]:
    """The cameras of a task: those asked for, or, where nothing else shows its objects, front and wrist."""
    asked = cameras if cameras is not None else () if task.entries else CAMERAS_OF_VISION
    if isinstance(asked, str):
        raise ConfigError("choosing cameras", f"{asked!r} is one name", f"give a tuple: ({asked!r},)")
    if not asked and not task.entries:
        raise ConfigError(
            f"making {task.name}",
            "without a camera nothing shows where its objects are",
            f"choose cameras of {', '.join(sorted(CAMERAS))}",
        )
    return [_camera(camera, size) for camera in asked]


def _camera(camera: str | CameraConfig, size: int) -> CameraConfig:
    if isinstance(camera, str):
        return resolve("camera", CAMERAS, camera)(height=size, width=size)
    return camera


def _look(world: World, ranges: Randomisation | None) -> Look | None:
    if ranges is None or ranges.is_off:
        return None
    from robot_env.rendering.randomiser import Randomiser

    return Randomiser(world, ranges)


def build_task(name: str, **settings: Any) -> Any:
    """The task of a name with some of its fields changed; raises ConfigError for unknown ones."""
    kind = resolve("task", TASKS, name)
    fields = {field.name for field in dataclasses.fields(kind)}
    for setting in settings:
        if setting not in fields:
            raise ConfigError(
                f"configuring {name}",
                f"there is no setting {setting!r}",
                nearest(setting, {*fields, *SETTINGS_OF_ALL}),
            )
    return kind(**settings)


def make_for_gymnasium(task: str, render_mode: str | None = None, **settings: Any) -> gymnasium.Env:
    """What Gymnasium calls for a registered id: the task on a simulated clock."""
    if render_mode not in (None, "rgb_array"):
        raise ConfigError(f"making {task}", f"no render mode {render_mode!r}", "use 'rgb_array' or none")
    return make(task, clock=ManualClock(), render=render_mode == "rgb_array", **settings)


def register() -> None:
    """Tell Gymnasium about the tasks; harmless twice."""
    for identity, task in GYMNASIUM_IDS.items():
        if identity not in gymnasium.registry:
            gymnasium.register(
                identity,
                entry_point="robot_env.registry:make_for_gymnasium",
                kwargs={"task": task},
            )


register()
