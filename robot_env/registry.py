"""Environments by name: HandsOn's own tasks, and any Gymnasium environment as `gymnasium:<ID>`.

Importing this module registers the tasks with Gymnasium too:
`gymnasium.make("robot_env.registry:handson/Reach-v0")`.
"""

import dataclasses
import logging
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import gymnasium

from robot_env.arms import ARMS
from robot_env.arms.base import Arm, ArmConfig
from robot_env.cameras import CAMERAS
from robot_env.cameras.base import CameraConfig
from robot_env.cameras.capture_config import CaptureConfig
from robot_env.cameras.freshness import MAX_AGE_SECONDS, require_age_bound
from robot_env.cameras.usb_topology import UsbTopology
from robot_env.env import RobotEnv
from robot_env.families import nearest, resolve
from robot_env.foreign import FOREIGN, make_foreign
from robot_env.grippers import GRIPPERS
from robot_env.grippers.base import Gripper, GripperConfig
from robot_env.lab import Lab, load_lab
from robot_env.rendering.base import Look
from robot_env.rendering.randomisation import Randomisation
from robot_env.scene import World
from robot_env.tasks import TASKS
from robot_env.tasks.base import Task
from shared.clock import Clock, ManualClock
from shared.errors import ConfigError

log = logging.getLogger(__name__)

GYMNASIUM_IDS = {
    "handson/Reach-v0": "reach",
    "handson/PickCube-v0": "pick_cube",
    "handson/PickCubeDense-v0": "pick_cube_dense",
    "handson/PegInsert-v0": "peg_insert",
    "handson/ReachVision-v0": "reach_vision",
    "handson/PickCubeVision-v0": "pick_cube_vision",
    "handson/PegInsertVision-v0": "peg_insert_vision",
    "handson/Relocate-v0": "relocate",
    "handson/RelocateForward-v0": "relocate_forward",
    "handson/RelocateBack-v0": "relocate_back",
    "handson/RelocateVision-v0": "relocate_vision",
    "handson/PegInsertReal-v0": "peg_insert_real",
    "handson/PickCubeReal-v0": "pick_cube_real",
    "handson/RelocateReal-v0": "relocate_real",
    "handson/RelocateBackReal-v0": "relocate_back_real",
    "handson/CableRoute-v0": "cable_route",
}


CAMERAS_OF_VISION = ("front", "wrist")
IMAGE_SIZE = 64
SETTINGS_OF_ALL = (
    *("arm", "robot", "gripper", "cameras", "image_size", "max_frame_age_seconds", "randomisation", "lab"),
)


def make(name: str, *, clock: Clock, render: bool = False, **settings: Any) -> gymnasium.Env:
    """An environment by name, stepping on a clock.

    Args:
        name: reach, pick_cube, pick_cube_dense, peg_insert, the first and the last two with `_vision` for
            those that see no poses, or "gymnasium:<ID>".
        clock: owns the rate; a ManualClock runs a simulation as fast as it can.
        render: whether `render()` returns frames.
        settings: `lab`, the path of a lab file (see robot_env.lab) or a Lab; `arm`, `gripper`, `cameras` by
            name or as their configuration (default: the lab's, else the mujoco arm, the gripper of the same
            name, the cameras front and wrist where the task shows no pose, else none), `robot`, the address
            of the arm's server,
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
    arm: str | ArmConfig | None = None,
    robot: str | None = None,
    gripper: str | GripperConfig | None = None,
    cameras: Sequence[str | CameraConfig] | None = None,
    image_size: int = IMAGE_SIZE,
    max_frame_age_seconds: float = MAX_AGE_SECONDS,
    randomisation: Randomisation | None = None,
    lab: Path | Lab | None = None,
    **settings: Any,
) -> gymnasium.Env:
    bench = load_lab(lab) if isinstance(lab, Path) else lab or Lab()
    task = _task_of(name, bench, **settings)
    require_age_bound(max_frame_age_seconds)
    chosen = choose_cameras(task, cameras if cameras is not None else bench.cameras or None, image_size)
    with ExitStack() as opened:  # what was opened is closed again where the rest cannot be
        built = _build_arm(arm or bench.arm or "mujoco", robot, task, clock)
        opened.callback(built.close)
        hand = None
        if task.settings.drives_gripper:
            like_the_arm = arm if isinstance(arm, str) else "mujoco"
            hand = _build_gripper(gripper or bench.gripper or like_the_arm, built)
            opened.callback(hand.close)
        views = []
        warn_of_full_buses(chosen)
        for camera in chosen:
            views.append(camera.build(built.world, clock))
            opened.callback(views[-1].close)
        frames = None
        if render:
            from robot_env.rendering.view import open_view

            frames = open_view(built.world)
        env = RobotEnv(
            task,
            built,
            hand,
            views,
            clock,
            frames,
            max_frame_age_seconds=max_frame_age_seconds,
            look=_look(built.world, randomisation),
        )
        opened.pop_all()
    return env


def make_also(env: gymnasium.Env, name: str, *, lab: Path | Lab | None = None, **settings: Any) -> RobotEnv:
    """Another task on the bench of `env`, with the lab's settings for it; see `RobotEnv.also`.

    Raises:
        ConfigError: there is no such task, or it does not fit on the bench; a foreign environment has none.
    """
    world = env.unwrapped
    if not isinstance(world, RobotEnv):
        cure = "practise tasks of HandsOn in turns, as relocate_forward and relocate_back"
        raise ConfigError(f"making {name}", "a foreign environment has no bench to share", cure)
    return world.also(_task_of(name, load_lab(lab) if isinstance(lab, Path) else lab or Lab(), **settings))


def _task_of(name: str, lab: Lab, **settings: Any) -> Any:
    """The task `name` with some of its fields changed, and as the lab has it."""
    return lab.fit(name, build_task(name, **settings))


def _build_arm(chosen: str | ArmConfig, robot: str | None, task: Task, clock: Clock) -> Arm:
    config: Any = resolve("arm", ARMS, chosen)() if isinstance(chosen, str) else chosen
    if robot is not None and not hasattr(config, "at"):
        raise ConfigError(
            f"making {task.name}", "this arm has no server", "leave robot out, or choose the arm franka"
        )
    config = config if robot is None else config.at(robot)
    if getattr(config, "real_time", False) and isinstance(clock, ManualClock):
        raise ConfigError(
            f"making {task.name}", "this arm moves in real time", "step it on the wall clock: --clock wall"
        )
    if hasattr(config, "paced"):
        config = config.paced(task.settings.control_hz)
    held_width = None if task.settings.drives_gripper else task.settings.held_width_m
    return config.build(task.scene, task.settings.impedance, held_width)


def _build_gripper(chosen: str | GripperConfig, arm: Arm) -> Gripper:
    config: GripperConfig = resolve("gripper", GRIPPERS, chosen)() if isinstance(chosen, str) else chosen
    return config.build(arm)


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


def warn_of_full_buses(cameras: Sequence[object], topology: UsbTopology | None = None) -> None:
    """Tell in the log what the USB buses will not carry, where several cameras share them."""
    if sum(isinstance(getattr(camera, "camera", camera), CaptureConfig) for camera in cameras) < 2:
        return
    from robot_env.cameras.bandwidth import plan_bandwidth, streams_of
    from robot_env.cameras.usb_topology import read_topology

    streams = streams_of(cameras)
    for finding in plan_bandwidth(streams, topology or read_topology()):
        if finding.level != "ok":
            log.warning("%s: %s -> %s", finding.subject, finding.detail, finding.cure)


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
