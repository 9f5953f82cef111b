"""The scene and the arm in one MuJoCo model: built once, then only its state changes."""

from collections.abc import Callable, Mapping

import numpy as np

from robot_env.geometry import Pose, quaternion_wxyz
from robot_env.physics import Body, Data, Model, Spec, mujoco
from robot_env.scene import Scene, SceneObject
from shared.errors import ConfigError

SLICE_SECONDS = 0.01
HAND = "hand"
TCP = "tcp"
FINGERS = ("left_finger", "right_finger")
CONTACT_SOLREF = (0.004, 1.0)


def add_scene(spec: Spec, scene: Scene) -> None:
    """Put the objects of a scene into a model and pair what may touch."""
    for thing in scene:
        body = _add_body(spec, thing)
        for number, box in enumerate(thing.boxes):
            body.add_geom(
                name=f"{thing.name}/{number}",
                type=mujoco.mjtGeom.mjGEOM_BOX,
                size=box.half_size_m,
                pos=box.centre_m,
                rgba=(*box.colour, 1.0),
                mass=thing.mass_kg / len(thing.boxes),
                contype=0,
                conaffinity=0,
            )
    _add_pairs(spec, scene)


def _add_body(spec: Spec, thing: SceneObject) -> Body:
    if thing.kind == "held":
        hand, tcp = spec.body(HAND), spec.site(TCP)
        return hand.add_body(name=thing.name, pos=np.add(tcp.pos, thing.held_at_m), gravcomp=1.0)
    body = spec.worldbody.add_body(name=thing.name, mocap=thing.kind in ("fixed", "marker"))
    if thing.kind == "free":
        body.add_freejoint()
    return body


def _add_pairs(spec: Spec, scene: Scene) -> None:
    held = [geom for thing in scene if thing.kind == "held" for geom in _geoms(thing)]
    for thing in scene:
        if thing.kind == "free":
            others = ["table", *FINGERS, *held]
        elif thing.kind == "fixed":
            others = [*FINGERS, *held]
            others += [geom for free in scene if free.kind == "free" for geom in _geoms(free)]
        else:
            continue
        for geom in _geoms(thing):
            for other in others:
                _add_pair(spec, other, geom, thing.friction)


def _geoms(thing: SceneObject) -> list[str]:
    return [f"{thing.name}/{number}" for number in range(len(thing.boxes))]


def _add_pair(spec: Spec, first: str, second: str, friction: float) -> None:
    spec.add_pair(
        geomname1=first,
        geomname2=second,
        condim=4,
        friction=(friction, friction, 0.01, 1e-4, 1e-4),
        solref=CONTACT_SOLREF,
    )


class MujocoWorld:
    """A compiled scene. Devices add what they must do every 10 ms of simulated time to `controllers`."""

    def __init__(self, spec: Spec, scene: Scene) -> None:
        self.model: Model = spec.compile()
        self.data: Data = mujoco.MjData(self.model)
        self.camera_names = tuple(camera.name for camera in spec.cameras)
        self.controllers: list[Callable[[], None]] = []
        self._scene = {thing.name: thing for thing in scene}
        self._steps_per_slice = round(SLICE_SECONDS / self.model.opt.timestep)

    def clear(self) -> None:
        """Forget every motion."""
        mujoco.mj_resetData(self.model, self.data)

    def place(self, name: str, pose: Pose) -> None:
        """Put an object somewhere, at rest; ConfigError for one that is held or not in the scene."""
        body = self._body(name)
        quaternion = quaternion_wxyz(pose.rotation)
        if self._scene[name].kind == "free":
            address = int(self.model.jnt_qposadr[self.model.body_jntadr[body]])
            self.data.qpos[address : address + 3] = pose.position_m
            self.data.qpos[address + 3 : address + 7] = quaternion
            return
        if (mocap := int(self.model.body_mocapid[body])) < 0:
            raise ConfigError("placing the scene", f"{name!r} is held", "place the tool instead")
        self.data.mocap_pos[mocap] = pose.position_m
        self.data.mocap_quat[mocap] = quaternion

    def settle(self) -> None:
        """Compute what follows from positions."""
        mujoco.mj_forward(self.model, self.data)

    def poses(self) -> Mapping[str, Pose]:
        """Where each object is now."""
        return {name: self._pose(name) for name in self._scene}

    def advance(self, seconds: float) -> None:
        """Integrate, and leave positions up to date for whoever reads next."""
        remaining = round(seconds / self.model.opt.timestep)
        while remaining > 0:
            for control in self.controllers:
                control()
            steps = min(remaining, self._steps_per_slice)
            mujoco.mj_step(self.model, self.data, nstep=steps)
            remaining -= steps
        mujoco.mj_kinematics(self.model, self.data)
        mujoco.mj_comPos(self.model, self.data)

    def close(self) -> None:
        """Nothing is held beyond memory."""
        self.controllers.clear()

    def _body(self, name: str) -> int:
        if name not in self._scene:
            raise ConfigError(
                "placing the scene", f"there is no {name!r}", f"choose one of {sorted(self._scene)}"
            )
        return int(self.model.body(name).id)

    def _pose(self, name: str) -> Pose:
        body = self._body(name)
        return Pose.of(self.data.xpos[body], self.data.xmat[body].reshape(3, 3))
