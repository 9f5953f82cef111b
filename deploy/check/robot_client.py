"""A connection to the robot server, as checks open it."""

from dataclasses import replace
from typing import Any

from deploy.check.bench import Bench
from robot_env.server.state import RobotState
from shared.errors import RobotFault

FIRST_SECONDS, POLL_SECONDS = 3.0, 0.002


def connect(bench: Bench, config: Any, *, control: bool) -> Any:
    """A client of the robot server; LinkError says what to start."""
    from robot_env.server.client import RobotClient

    return RobotClient(replace(config, control=control), bench.clock)


def first_state(bench: Bench, client: Any) -> RobotState:
    """The newest measurement, waited for; RobotFault where none comes."""
    deadline = bench.clock.now() + FIRST_SECONDS
    while bench.clock.now() < deadline:
        try:
            return client.peek()
        except RobotFault:
            bench.clock.sleep_until(bench.clock.now() + POLL_SECONDS)
    return client.peek()
