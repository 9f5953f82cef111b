"""Which robot server a bench is about: the lab's arm names it, or the command line."""

from typing import Any
from urllib.parse import urlsplit

from deploy.check.bench import Bench
from shared.link.address import host_and_port

CONNECT_SECONDS = 3.0


def robot_config(bench: Bench) -> Any | None:
    """The client's settings for the robot server; None where the bench has none."""
    arm: Any = bench.lab.arm
    told = bench.config.robot
    if told is not None and hasattr(arm, "at"):
        return getattr(arm.at(told), "robot", None)
    if told is not None:
        from robot_env.server.client import RobotClientConfig

        return RobotClientConfig(address=told, connect_seconds=CONNECT_SECONDS)
    return getattr(arm, "robot", None)


def robot_host(bench: Bench) -> str | None:
    """The computer that the arm's server runs on, as the bench names it."""
    config = robot_config(bench)
    if config is not None:
        return host_and_port(config.address)[0]
    return urlsplit(getattr(bench.lab.arm, "url", "")).hostname
