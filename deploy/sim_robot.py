"""`handson sim --arm franka-sim`: a simulated Franka, and the robot server that drives it by libfranka."""

import dataclasses
import sys
from pathlib import Path

from deploy.children import handson
from deploy.franka_sim import environment, launch
from deploy.services import Service, free_port
from deploy.sim_config import SimConfig
from deploy.sim_tasks import FRANKA_SIM


def attach(config: SimConfig, run: Path) -> tuple[SimConfig, tuple[Service, ...]]:
    """The settings with the arm that was chosen, and what must run beside them.

    Raises:
        InstallationFailed: the simulated Franka is not installed, and cannot be.
    """
    if config.actor.scene.arm != FRANKA_SIM:
        return config, ()
    if environment.installed() is None:
        print("installing the simulated Franka (once, some 160 MB)", file=sys.stderr)
    python = environment.install()
    host, address = launch.free_host(), f"tcp://127.0.0.1:{free_port()}"
    services = (_simulator(python, host), _server(host, address))
    return _with_scene(config, arm="franka", robot=address), services


def _with_scene(config: SimConfig, **changes: str) -> SimConfig:
    scene = dataclasses.replace(config.actor.scene, **changes)
    return dataclasses.replace(config, actor=dataclasses.replace(config.actor, scene=scene))


def _simulator(python: Path, host: str) -> Service:
    return Service(
        name="franka-sim",
        command=launch.command(python, host),
        ready=lambda text: launch.serves(host),
        environment=launch.variables(python),
    )


def _server(host: str, address: str) -> Service:
    return Service(
        name="robot",
        command=handson("robot", "--driver", "fr3", "--host", host, "--bind", address),
        ready=lambda text: f"ready on {address}" in text,
    )
