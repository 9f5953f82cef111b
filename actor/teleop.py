"""The device that a person, or a script, acts by, with the settings that the lab file gives it."""

from actor.scene import SceneConfig
from actor.world import ClockKind, World
from robot_env.lab import Lab, load_lab
from robot_env.teleop.base import TeleopDevice
from shared.errors import ConfigError


def open_device(name: str, world: World, scene: SceneConfig, clock: ClockKind) -> TeleopDevice:
    """The device `name` for a world; whoever opens it closes it.

    Raises:
        ConfigError: there is no such device, it cannot act in this world, or a person cannot keep up with it.
    """
    config = (load_lab(scene.lab) if scene.lab else Lab()).device(name)
    if getattr(config, "real_time", False) and clock != "wall":
        raise ConfigError(
            f"teleop device {name}",
            "a person drives it, and the simulation runs as fast as it can",
            "add --clock wall",
        )
    return config.build(world.interface, world.env)
