"""The robot server, as its own process, over a simulated Franka."""

import os
import re
import sys
from pathlib import Path
from typing import Any

from robot_env.server.client import RobotClient, RobotClientConfig
from robot_env.server.state import Mode
from shared.clock import SystemClock
from shared.errors import HandsOnError

START = (sys.executable, "-m", "deploy.cli", "robot", "--driver", "fr3", "--bind", "tcp://127.0.0.1:0")
LISTENING = re.compile(r"listening on (tcp://\S+)")
SECONDS = 30.0


class Bench:
    """A server, and a client that controls the arm or watches it."""

    def __init__(self, spawn: Any, wait_until: Any, host: str, *flags: str, control: bool = True) -> None:
        self.server = spawn([*START, "--host", host, *flags])
        wait_until(lambda: LISTENING.search(self.said) or self.server.poll() is not None, SECONDS)
        found = LISTENING.search(self.said)
        assert found, self.said
        self.address = found[1]
        self.client = self.connect(control=control)

    @property
    def said(self) -> str:
        """What the server wrote."""
        return self.server.log.read_text()

    def connect(self, **settings: Any) -> RobotClient:
        """Another client."""
        config = RobotClientConfig(address=self.address, connect_seconds=20.0, **settings)
        return RobotClient(config, SystemClock())

    def is_in(self, *modes: Mode) -> bool:
        """Whether the arm's mode is one of these; False while nothing is heard."""
        try:
            return self.client.peek().mode in modes
        except HandsOnError:
            return False

    def recover_by_the_rules(self, wait_until: Any) -> None:
        """As a program may, until the arm is at rest without an error."""

        def at_rest() -> bool:
            if self.is_in("reflex"):
                self.client.recover()
            return self.is_in("ready", "holding")

        wait_until(at_rest, SECONDS, "an arm without errors")

    @property
    def driver_process(self) -> int:
        """The process id of the server's child, which owns the arm."""
        children = Path(f"/proc/{self.server.pid}/task/{self.server.pid}/children").read_text().split()
        runs = {pid: Path(f"/proc/{pid}/cmdline").read_bytes() for pid in children}
        (child,) = [int(pid) for pid, line in runs.items() if b"resource_tracker" not in line]
        return child

    def freeze_driver(self, signal_number: int) -> None:
        """SIGSTOP or SIGCONT the process that talks to the arm."""
        os.kill(self.driver_process, signal_number)
