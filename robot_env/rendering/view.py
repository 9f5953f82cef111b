"""Opens a view of a simulated scene with the best way of drawing that works here."""

import logging
from dataclasses import dataclass

from robot_env.rendering.backend import DISABLED, VARIABLE, choose_backend
from robot_env.rendering.base import FrameSource
from robot_env.scene import World
from shared.errors import ConfigError

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ViewConfig:
    """Which camera of the scene, and how large a picture."""

    camera: str = "front"
    width: int = 480
    height: int = 360

    def __post_init__(self) -> None:
        if not (1 <= self.width <= 1280 and 1 <= self.height <= 960):
            raise ConfigError("rendering", f"{self.width} x {self.height} pixels", "use at most 1280 x 960")


def open_view(world: World, config: ViewConfig | None = None) -> FrameSource:
    """A view through OpenGL where that works, else by ray casting; ConfigError where there is no scene."""
    backend = choose_backend()
    from robot_env.arms.mujoco_world import MujocoWorld

    chosen = config or ViewConfig()
    if not isinstance(world, MujocoWorld):
        raise ConfigError(
            "rendering", "this arm has no scene to draw", "choose the arm 'mujoco', or render=False"
        )
    if chosen.camera not in (names := world.camera_names):
        raise ConfigError("rendering", f"there is no camera {chosen.camera!r}", f"choose one of {names}")
    from robot_env.rendering.opengl import OpenGLView
    from robot_env.rendering.raycast import RaycastView

    size = (chosen.camera, chosen.width, chosen.height)
    if backend == DISABLED:
        return RaycastView(world, *size)
    try:
        return OpenGLView(world, *size)
    except Exception as error:  # noqa: BLE001 - every OpenGL platform fails in its own way
        log.warning("no OpenGL (%s=%s: %s): drawing with the ray caster", VARIABLE, backend, error)
    return RaycastView(world, *size)
