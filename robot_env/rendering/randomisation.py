"""How the look of a simulated scene varies between episodes, so that a policy learns to look past it."""

import dataclasses
from dataclasses import dataclass

from shared.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Randomisation:
    """The largest deviation from the scene as it was drawn, each uniform to both sides; 0 is off."""

    light_strength: float = 0.0
    """Share by which the lights are stronger or weaker, 0 to 1."""
    light_rotation_rad: float = 0.0
    """Turn of the light's direction about each axis, up to 1 rad."""
    camera_position_m: float = 0.0
    """Shift of each camera along each axis, up to 0.3 m."""
    camera_rotation_rad: float = 0.0
    """Turn of each camera about each of its axes, up to 0.5 rad."""
    colour: float = 0.0
    """Change of each colour channel of every part, 0 to 1."""
    textures: bool = False
    """Whether the table has another texture every time; only OpenGL draws it."""

    def __post_init__(self) -> None:
        for name, most in MOST.items():
            if not 0.0 <= (value := getattr(self, name)) <= most:
                raise ConfigError(
                    "randomisation", f"{name} is {value}", f"set {name} to 0 (off) up to {most:g}"
                )

    @property
    def is_off(self) -> bool:
        """Whether every episode looks as the scene was drawn."""
        return not any(getattr(self, field.name) for field in dataclasses.fields(self))


MOST = {
    "light_strength": 1.0,
    "light_rotation_rad": 1.0,
    "camera_position_m": 0.3,
    "camera_rotation_rad": 0.5,
    "colour": 1.0,
}
