"""What an environment shows and takes: the InterfaceSpec of a task, and Gymnasium's spaces for it."""

from collections.abc import Sequence

import numpy as np
from gymnasium import spaces

from robot_env.actions import action_entries
from robot_env.cameras.base import Camera
from robot_env.observing import arm_entries
from robot_env.tasks.base import Task
from shared.errors import ConfigError
from shared.interface import InterfaceSpec, ObservationEntry


def describe_world(task: Task, cameras: Sequence[Camera]) -> InterfaceSpec:
    """The interface of a task seen through these cameras: arm, gripper, task, cameras, in this order."""
    images = tuple(camera.entry for camera in cameras)
    if len(names := {image.name for image in images}) < len(images):
        raise ConfigError(
            f"making {task.name}", "two cameras have one name", f"there may be one each of {sorted(names)}"
        )
    return InterfaceSpec(
        name=task.name,
        observations=(*arm_entries(task.settings), *task.entries, *images),
        actions=action_entries(task.settings),
        control_hz=task.settings.control_hz,
        crop_profiles=tuple(camera.crop for camera in cameras if camera.crop is not None),
    )


def space_of(entry: ObservationEntry) -> spaces.Box:
    """The Gymnasium space of one entry."""
    if entry.is_image:
        return spaces.Box(0, 255, entry.shape, np.uint8)
    low = -np.inf if entry.low is None else entry.low
    high = np.inf if entry.high is None else entry.high
    return spaces.Box(low, high, entry.shape, np.float32)
