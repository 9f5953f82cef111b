"""Draws with MuJoCo's OpenGL renderer: shadows and reflections off, one context kept open."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from robot_env.arms.mujoco_world import MujocoWorld
from robot_env.physics import mujoco


class OpenGLView:
    """One camera of a world, through EGL or OSMesa. Frames must be drawn by the thread that made it."""

    def __init__(self, world: MujocoWorld, camera: str, width: int, height: int) -> None:
        self._world, self._camera = world, camera
        self.fovy_degrees = float(world.model.camera(camera).fovy[0])
        self._renderer: Any = mujoco.Renderer(world.model, height, width)
        flags = self._renderer.scene.flags
        flags[mujoco.mjtRndFlag.mjRND_SHADOW] = 0
        flags[mujoco.mjtRndFlag.mjRND_REFLECTION] = 0
        self.frame()

    def frame(self) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 RGB of the world as it is now."""
        if self._renderer is None:
            raise RuntimeError("the view is closed")
        mujoco.mj_camlight(self._world.model, self._world.data)
        self._renderer.update_scene(self._world.data, self._camera)
        return self._renderer.render()

    def close(self) -> None:
        """Free the context; harmless twice."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None
