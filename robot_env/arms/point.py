"""A fake arm: a point that is where it was told to be, at once, in a world without forces.

For fast tests and for a first look without MuJoCo. It reaches every set-point within the period. A free
object between closed fingers moves with them; let go, it falls on the table. Nothing collides.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from robot_env.arms.base import ArmState, Impedance
from robot_env.geometry import TOOL_DOWN, Pose, vector_from_rotation
from robot_env.scene import Scene
from shared.errors import ConfigError

GRASP_M = 0.02
HOME_M = (0.45, 0.0, 0.3)
MAX_WIDTH_M = 0.08
FINGERS_M_S = 0.2


@dataclass(frozen=True, kw_only=True)
class PointArmConfig:
    """`reach_m`: how far from the base it can be reset to."""

    reach_m: float = 0.85

    def build(self, scene: Scene, impedance: Impedance, gripper_width_m: float | None) -> "PointArm":
        """A point in a scene; compliance means nothing to it."""
        return PointArm(PointWorld(scene), self.reach_m)


class PointWorld:
    """Poses of the tool, of the fingers' opening and of the objects, and nothing else."""

    def __init__(self, scene: Scene) -> None:
        self._scene = {thing.name: thing for thing in scene}
        self._poses: dict[str, Pose] = {}
        self.clear()

    def clear(self) -> None:
        """Back to the beginning."""
        self.tcp = self.target = Pose.of(HOME_M, TOOL_DOWN)
        self.velocity_m_s, self.angular_velocity_rad_s = np.zeros(3), np.zeros(3)
        self.width_m, self.finger_speed_m_s, self.opening = MAX_WIDTH_M, 0.0, True
        self._grasped: str | None = None
        self._poses = {name: Pose.of(np.zeros(3)) for name in self._scene}

    def place(self, name: str, pose: Pose) -> None:
        """Put an object somewhere; raises ConfigError for one that is not in the scene or is held."""
        thing = self._scene.get(name)
        if thing is None or thing.kind == "held":
            raise ConfigError(
                "placing the scene", f"cannot place {name!r}", f"there are {sorted(self._scene)}"
            )
        self._poses[name] = pose

    def settle(self) -> None:
        """Held objects follow the tool."""
        for name, thing in self._scene.items():
            if thing.kind == "held":
                offset = self.tcp.rotation @ np.array(thing.held_at_m)
                self._poses[name] = Pose(self.tcp.position_m + offset, self.tcp.rotation)

    def poses(self) -> Mapping[str, Pose]:
        """Where each object is."""
        return dict(self._poses)

    def advance(self, seconds: float) -> None:
        """The tool arrives, the fingers move on, and what they hold comes along."""
        step = self.target.position_m - self.tcp.position_m
        turn = self.tcp.rotation @ vector_from_rotation(self.tcp.rotation.T @ self.target.rotation)
        self.velocity_m_s, self.angular_velocity_rad_s = step / seconds, turn / seconds
        self.tcp = self.target
        self._move_fingers(seconds)
        self._carry(step)
        self.settle()

    def close(self) -> None:
        """Nothing is held."""

    def _move_fingers(self, seconds: float) -> None:
        stop = MAX_WIDTH_M if self.opening else self._width_between()
        reach = FINGERS_M_S * seconds
        move = float(np.clip(stop - self.width_m, -reach, reach))
        self.width_m += move
        self.finger_speed_m_s = move / seconds

    def _width_between(self) -> float:
        name = self._between()
        return 0.0 if name is None else 2 * self._scene[name].boxes[0].half_size_m[1]

    def _between(self) -> str | None:
        for name, thing in self._scene.items():
            near = np.linalg.norm(self._poses[name].position_m - self.tcp.position_m) < GRASP_M
            if thing.kind == "free" and near:
                return name
        return None

    def _carry(self, step: np.ndarray) -> None:
        if self._grasped is not None:
            pose = self._poses[self._grasped]
            self._poses[self._grasped] = Pose(pose.position_m + step, pose.rotation)
        if self.opening and self._grasped is not None:
            self._drop(self._grasped)
            self._grasped = None
        elif not self.opening and self.width_m == self._width_between():
            self._grasped = self._between()

    def _drop(self, name: str) -> None:
        pose = self._poses[name]
        floor = self._scene[name].boxes[0].half_size_m[2]
        self._poses[name] = Pose(np.array([*pose.position_m[:2], floor]), pose.rotation)


class PointArm:
    """The tool of a PointWorld."""

    def __init__(self, world: PointWorld, reach_m: float) -> None:
        self.world = world
        self._reach_m = reach_m

    def reset(self, tcp: Pose) -> None:
        """Be there, at rest; raises ConfigError beyond its reach."""
        if float(np.linalg.norm(tcp.position_m)) > self._reach_m:
            raise ConfigError(
                "resetting the arm",
                f"the tool cannot reach {tcp.position_m.round(3)} m",
                "start inside its reach",
            )
        self.world.tcp = self.world.target = tcp
        self.world.velocity_m_s = self.world.angular_velocity_rad_s = np.zeros(3)

    def read(self) -> ArmState:
        """Where it is."""
        world = self.world
        return ArmState(
            tcp=world.tcp,
            velocity_m_s=world.velocity_m_s,
            angular_velocity_rad_s=world.angular_velocity_rad_s,
        )

    def send(self, target: Pose) -> None:
        """Be there after the next period."""
        self.world.target = target

    def close(self) -> None:
        """Nothing is held."""
