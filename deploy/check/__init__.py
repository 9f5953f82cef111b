"""`handson check`: proves every link of a host in turn, and says of each that fails why, and how to mend it.

A family of checks is a function `checks(bench) -> list[Check]` in a file of its own; this table names them in
the order in which they run, and the roles that need them. Each is imported only when its role is checked.
"""

from typing import NamedTuple

LEARNER, ACTOR, ROBOT = "learner", "actor", "robot"
EVERYWHERE = (LEARNER, ACTOR, ROBOT)


class Family(NamedTuple):
    """Where checks come from, and whose they are."""

    target: str
    roles: tuple[str, ...]


FAMILIES = {
    "packages": Family("deploy.check.packages:checks", EVERYWHERE),
    "accelerator": Family("deploy.check.accelerator:checks", (LEARNER,)),
    "memory": Family("deploy.check.memory:checks", (LEARNER,)),
    "disk": Family("deploy.check.disk:checks", (LEARNER, ACTOR)),
    "time": Family("deploy.check.wall_time:checks", EVERYWHERE),
    "kernel": Family("deploy.check.kernel:checks", (ROBOT,)),
    "proxies": Family("deploy.check.proxies:checks", EVERYWHERE),
    "keys": Family("deploy.check.key_files:checks", EVERYWHERE),
    "port": Family("deploy.check.port:checks", (LEARNER,)),
    "learner": Family("deploy.check.learner_link:checks", (ACTOR,)),
    "robot": Family("deploy.check.robot:checks", (ACTOR, ROBOT)),
    "usb": Family("deploy.check.usb:checks", (ACTOR,)),
    "cameras": Family("deploy.check.cameras:checks", (ACTOR,)),
    "teleop": Family("deploy.check.teleop:checks", (ACTOR,)),
}
