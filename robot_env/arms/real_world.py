"""The world that a real arm stands in: time passes by itself, and only marks are where a task puts them."""

from collections.abc import Mapping

from robot_env.geometry import Pose
from robot_env.scene import Scene, SceneObject
from shared.errors import ConfigError

CURE = "use a task that is judged by a camera or by the operator, or the mujoco arm"


class RealWorld:
    """Remembers where the task's markers are: imagined places, which nothing stands in the way of.

    Args:
        scene: of the task.

    Raises:
        ConfigError: the task watches or moves objects, and no computer knows where real ones are.
    """

    def __init__(self, scene: Scene) -> None:
        real = [thing for thing in scene if thing.kind != "marker"]
        if real:
            raise ConfigError("choosing the task", _cause(real), CURE)
        self._poses: dict[str, Pose] = {thing.name: Pose.of((0.0, 0.0, 0.0)) for thing in scene}

    def clear(self) -> None:
        """Nothing to forget: what moves here is real."""

    def place(self, name: str, pose: Pose) -> None:
        """Put a marker somewhere; raises ConfigError for one that is not in the scene."""
        if name not in self._poses:
            raise ConfigError("placing the scene", f"cannot place {name!r}", f"there are {list(self._poses)}")
        self._poses[name] = pose

    def settle(self) -> None:
        """A marker needs nothing to stand on."""

    def poses(self) -> Mapping[str, Pose]:
        """Where each marker is."""
        return dict(self._poses)

    def advance(self, seconds: float) -> None:
        """The clock is enough."""

    def close(self) -> None:
        """Nothing is held."""


def _cause(real: list[SceneObject]) -> str:
    names = ", ".join(f"{thing.name!r} ({thing.kind})" for thing in real)
    return f"the task's objects are real here, and their poses are not measured: {names}"
