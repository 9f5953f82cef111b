"""Draws without any OpenGL: one ray a pixel through MuJoCo's own ray caster, lit as OpenGL lights it.

No textures, shadows or highlights: the panda's scene has none unless randomisation adds textures.
"""

import numpy as np
from numpy.typing import NDArray

from robot_env.arms.mujoco_world import MujocoWorld
from robot_env.physics import mujoco

SKY = (0.4, 0.45, 0.52)
NOTHING = -1


class RaycastView:
    """One camera of a world."""

    def __init__(self, world: MujocoWorld, camera: str, width: int, height: int) -> None:
        self._world = world
        self._camera = int(world.model.camera(camera).id)
        self._shape = (height, width, 3)
        self.fovy_degrees = float(world.model.cam_fovy[self._camera])
        self._rays = camera_rays(self.fovy_degrees, width, height)
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
        """Ambient and diffuse terms (Lambert) of the headlight, along the view, and of directional lights."""
        model, data = self._world.model, self._world.data
        head, ahead = model.vis.headlight, -data.cam_xmat[self._camera].reshape(3, 3)[:, 2]
        directions = np.vstack([ahead, data.light_xdir])
        diffuse = np.vstack([head.diffuse, model.light_diffuse])
        light = head.ambient + np.maximum(-self._normals @ directions.T, 0.0) @ diffuse
        light[self._geoms == NOTHING] = 1.0
        colours = np.vstack([model.geom_rgba[:, :3], SKY])[self._geoms]
        return (np.clip(colours * light, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)


def camera_rays(fovy_degrees: float, width: int, height: int) -> NDArray[np.float64]:
    """Unit vectors (W * H, 3) through pixel centres in the camera's frame, row by row from the top left."""
    reach = np.tan(np.deg2rad(fovy_degrees) / 2.0)
    rows, columns = np.mgrid[0:height, 0:width]
    x = (2.0 * (columns + 0.5) - width) / height * reach
    y = (1.0 - 2.0 * (rows + 0.5) / height) * reach
    rays = np.stack([x, y, -np.ones_like(x)], axis=-1).reshape(-1, 3)
    return rays / np.linalg.norm(rays, axis=1, keepdims=True)
