"""The device that a person, or a script, acts by, with the settings that the lab file gives it."""

from actor.scene import SceneConfig
from actor.world import ClockKind, World
from robot_env.lab import Lab, load_lab
from robot_env.teleop.base import TeleopConfig, TeleopDevice
from shared.errors import ConfigError


def device_settings(name: str, scene: SceneConfig) -> TeleopConfig:
    """What the lab file says of the device `name`, else its defaults; ConfigError where there is none."""
    return (load_lab(scene.lab) if scene.lab else Lab()).device(name)


def in_real_time(config: TeleopConfig) -> bool:
    """Whether a person drives it, so that the world has to be stepped on the wall clock."""
    return bool(getattr(config, "real_time", False))


def open_device(name: str, world: World, scene: SceneConfig, clock: ClockKind) -> TeleopDevice:
    """The device `name` for a world; whoever opens it closes it.

    Raises:
        ConfigError: there is no such device, it cannot act in this world, or a person cannot keep up with it.
    """
    config = device_settings(name, scene)
    if in_real_time(config) and clock != "wall":
        raise ConfigError(
            f"teleop device {name}",
            "a person drives it, and the simulation runs as fast as it can",
            "add --clock wall",
        )
    return config.build(world.interface, world.env)
