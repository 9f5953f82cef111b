"""SceneConfig: the bench a task is practised on, the same for practice, demonstrations and evaluation."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class SceneConfig:
    """Arm, gripper and cameras of one of HandsOn's own tasks; another environment (--env) brings its own."""

    lab: Path | None = None
    """File that describes a real bench, as in deploy/labs; what follows overrides it."""
    arm: str | None = None
    """Arm that practises, as in mujoco or franka; none means the lab's, or the simulated one."""
    robot: str | None = None
    """Address of the arm's server, as in tcp://172.16.0.10:5570; none means the arm's own default."""
    cameras: tuple[str, ...] = ()
    """Cameras to see the task by, as in front wrist; none means the lab's, or the task's own choice."""
    image_size: int | None = None
    """Height and width of their pictures in pixels; none means the task's own, 64."""

    def __post_init__(self) -> None:
        if self.image_size is not None and self.image_size < 1:
            raise ConfigError("scene", f"image_size is {self.image_size}", "give at least 1, such as 64")
        if len(set(self.cameras)) < len(self.cameras):
            raise ConfigError("scene", f"cameras is {self.cameras}", "name each camera once")

    def settings(self) -> dict[str, Any]:
        """What was chosen, as `robot_env.registry.make` takes it."""
        return {name: value for name, value in vars(self).items() if value not in (None, ())}

    def arguments(self) -> tuple[str, ...]:
        """What was chosen, as options of `handson actor`, `demo` and `eval`."""
        words: list[str] = []
        for name, value in self.settings().items():
            values = value if isinstance(value, tuple) else (value,)
            words += [f"--{name.replace('_', '-')}", *map(str, values)]
        return tuple(words)
