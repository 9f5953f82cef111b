"""Changes the look of a MuJoCo model, and nothing that moves: every draw starts from the scene as drawn."""

import numpy as np

from robot_env.arms.mujoco_world import MujocoWorld
from robot_env.geometry import rotation_from_vector
from robot_env.physics import mujoco
from robot_env.rendering.randomisation import Randomisation
from robot_env.scene import World
from shared.errors import ConfigError

TABLE = "table"
NO_MATERIAL = -1
VARIED = ("cam_pos", "cam_quat", "light_dir", "light_diffuse", "geom_rgba")


class Randomiser:
    """Draws the look of one episode after another."""

    def __init__(self, world: World, ranges: Randomisation) -> None:
        if not isinstance(world, MujocoWorld):
            raise ConfigError(
                "randomisation",
                "this arm has no scene to vary",
                "choose the arm 'mujoco', or no randomisation",
            )
        self._model, self._ranges = world.model, ranges
        self._drawn = {name: getattr(self._model, name).copy() for name in VARIED}
        self._table = int(self._model.geom(TABLE).id)

    def draw(self, rng: np.random.Generator) -> None:
        """Another look, decided by `rng` alone; the world must settle before it is seen."""
        self._light(rng)
        self._cameras(rng)
        self._colours(rng)

    def _light(self, rng: np.random.Generator) -> None:
        model, ranges = self._model, self._ranges
        strength = 1.0 + rng.uniform(-ranges.light_strength, ranges.light_strength)
        model.light_diffuse[:] = self._drawn["light_diffuse"] * strength
        turn = rotation_from_vector(rng.uniform(-ranges.light_rotation_rad, ranges.light_rotation_rad, 3))
        model.light_dir[:] = self._drawn["light_dir"] @ turn.T

    def _cameras(self, rng: np.random.Generator) -> None:
        model, ranges = self._model, self._ranges
        shift = rng.uniform(-ranges.camera_position_m, ranges.camera_position_m, model.cam_pos.shape)
        model.cam_pos[:] = self._drawn["cam_pos"] + shift
        turns = rng.uniform(-ranges.camera_rotation_rad, ranges.camera_rotation_rad, (model.ncam, 3))
        for camera, turn in enumerate(turns):
            model.cam_quat[camera] = _turned(self._drawn["cam_quat"][camera], turn)

    def _colours(self, rng: np.random.Generator) -> None:
        model, ranges = self._model, self._ranges
        change = rng.uniform(-ranges.colour, ranges.colour, (model.ngeom, 3))
        model.geom_rgba[:, :3] = np.clip(self._drawn["geom_rgba"][:, :3] + change, 0.0, 1.0)
        material = int(rng.integers(NO_MATERIAL, model.nmat))
        model.geom_matid[self._table] = material if ranges.textures else NO_MATERIAL


def _turned(quaternion_wxyz: np.ndarray, vector_rad: np.ndarray) -> np.ndarray:
    """The quaternion after a turn by a rotation vector in its own frame."""
    angle = float(np.linalg.norm(vector_rad))
    if angle == 0.0:
        return quaternion_wxyz
    turn, turned = np.empty(4), np.empty(4)
    mujoco.mju_axisAngle2Quat(turn, vector_rad / angle, angle)
    mujoco.mju_mulQuat(turned, quaternion_wxyz, turn)
    return turned
