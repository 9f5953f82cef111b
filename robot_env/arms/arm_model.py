"""What tells one simulated arm from another: a model file, and the posture that it likes best.

The file is MJCF beside this module, includes `bench.xml`, and names things as every other does: `joint1` and
on, in order and before all others, then the slides `left_finger` and `right_finger`, each with a geom of its
name; the body `hand` that carries them, with the site `tcp` between the fingertips and the camera `wrist`.
"""

import importlib.resources
from dataclasses import dataclass

from robot_env.physics import Spec, mujoco

BENCH = "bench.xml"


@dataclass(frozen=True, kw_only=True)
class ArmModel:
    """One kind of robot, as MuJoCo can simulate it."""

    file: str
    """MJCF of the arm and its hand."""
    home_rad: tuple[float, ...]
    """Joint angles that the null space returns to and inverse kinematics begins at, far from every limit."""

    @property
    def joints(self) -> int:
        """How many joints it has."""
        return len(self.home_rad)

    def spec(self) -> Spec:
        """The model, to be edited before it is compiled."""
        folder = importlib.resources.files("robot_env.arms")
        include = {BENCH: folder.joinpath(BENCH).read_bytes()}
        return mujoco.MjSpec.from_string(
            folder.joinpath(self.file).read_text(encoding="utf-8"), include=include
        )


PANDA = ArmModel(file="panda.xml", home_rad=(0.0, -0.3, 0.0, -2.2, 0.0, 1.9, 0.785398))
XARM7 = ArmModel(file="xarm7.xml", home_rad=(0.0, 0.0, 0.0, 1.3, 0.0, 1.3, 0.0))
