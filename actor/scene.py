"""SceneConfig: how a task is seen, the same for practice, demonstrations and evaluation."""

from dataclasses import dataclass
from typing import Any

from shared.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class SceneConfig:
    """The cameras of one of HandsOn's own tasks; another environment (--env) brings its own."""

    cameras: tuple[str, ...] = ()
    """Cameras to see the task by, as in front wrist; none means the task's own choice."""
    image_size: int | None = None
    """Height and width of their pictures in pixels; none means the task's own, 64."""

    def __post_init__(self) -> None:
        if self.image_size is not None and self.image_size < 1:
            raise ConfigError("scene", f"image_size is {self.image_size}", "give at least 1, such as 64")
        if len(set(self.cameras)) < len(self.cameras):
            raise ConfigError("scene", f"cameras is {self.cameras}", "name each camera once")

    def settings(self) -> dict[str, Any]:
        """What was chosen, as `robot_env.registry.make` takes it."""
        chosen: dict[str, Any] = {"cameras": self.cameras} if self.cameras else {}
        return chosen if self.image_size is None else {**chosen, "image_size": self.image_size}

    def arguments(self) -> tuple[str, ...]:
        """What was chosen, as options of `handson actor`, `demo` and `eval`."""
        cameras = ("--cameras", *self.cameras) if self.cameras else ()
        return cameras if self.image_size is None else (*cameras, "--image-size", str(self.image_size))
