"""Draws without any OpenGL: one ray a pixel through MuJoCo's own ray caster, flat colours, one light."""

import numpy as np
from numpy.typing import NDArray

from robot_env.arms.mujoco_world import MujocoWorld
from robot_env.physics import mujoco

SKY = (0.35, 0.45, 0.55)
LIGHT = np.array([0.4, -0.3, 0.87])
AMBIENT = 0.4
NOTHING = -1


class RaycastView:
    """One camera of a world."""

    def __init__(self, world: MujocoWorld, camera: str, width: int, height: int) -> None:
        self._world = world
        self._camera = int(world.model.camera(camera).id)
        self._shape = (height, width, 3)
        self.fovy_degrees = float(world.model.cam_fovy[self._camera])
        self._rays = camera_rays(self.fovy_degrees, width, height)
        self._colours = np.vstack([world.model.geom_rgba[:, :3], SKY])
        pixels = width * height
        self._geoms = np.empty(pixels, dtype=np.int32)
        self._distances = np.empty(pixels)
        self._normals = np.empty((pixels, 3))

    def frame(self) -> NDArray[np.uint8]:
        """(H, W, 3) uint8 RGB of the world as it is now."""
        model, data = self._world.model, self._world.data
        mujoco.mj_camlight(model, data)
        turned = np.einsum("pj,ij->pi", self._rays, data.cam_xmat[self._camera].reshape(3, 3))
        mujoco.mj_multiRay(
            m=model,
            d=data,
            pnt=data.cam_xpos[self._camera],
            vec=turned.ravel(),
            geomgroup=None,
            flg_static=True,
            bodyexclude=NOTHING,
            geomid=self._geoms,
            dist=self._distances,
            normal=self._normals.ravel(),
            nray=len(turned),
            cutoff=mujoco.mjMAXVAL,
        )
        return self._shade().reshape(self._shape)

    def close(self) -> None:
        """Nothing is held."""

    def _shade(self) -> NDArray[np.uint8]:
        light = AMBIENT + (1.0 - AMBIENT) * np.abs(self._normals @ LIGHT)
        light[self._geoms == NOTHING] = 1.0
        return (np.clip(self._colours[self._geoms] * light[:, None], 0.0, 1.0) * 255).astype(np.uint8)


def camera_rays(fovy_degrees: float, width: int, height: int) -> NDArray[np.float64]:
    """Unit vectors (W * H, 3) through pixel centres in the camera's frame, row by row from the top left."""
    reach = np.tan(np.deg2rad(fovy_degrees) / 2.0)
    rows, columns = np.mgrid[0:height, 0:width]
    x = (2.0 * (columns + 0.5) - width) / height * reach
    y = (1.0 - 2.0 * (rows + 0.5) / height) * reach
    rays = np.stack([x, y, -np.ones_like(x)], axis=-1).reshape(-1, 3)
    return rays / np.linalg.norm(rays, axis=1, keepdims=True)
