"""A bad network between an actor and the robot server: the arm holds, and obeys again once it is mended."""

import re
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pytest

from robot_env.geometry import Pose
from robot_env.server.client import RobotClient, RobotClientConfig
from shared.clock import SystemClock
from shared.errors import HandsOnError, RobotFault
from tests.system.network_faults import Network

START = "import sys; from robot_env.server.main import main; sys.exit(main(sys.argv[1:]))"
READY = re.compile(r"ready on (tcp://(\S+):(\d+)):")
AT_REST = ("holding", "ready")
SECONDS = 30.0


class Bench(NamedTuple):
    """An actor's client across a bad network, and one on the server's own computer that watches."""

    network: Network
    actor: RobotClient
    watcher: RobotClient

    def heard(self) -> bool:
        """Whether the actor knows how the arm is."""
        try:
            self.actor.state()
        except RobotFault:
            return False
        return True

    def moving(self, target: Pose) -> bool:
        """Ask for a pose; whether the arm follows."""
        try:
            if self.actor.state().mode == "ready":
                self.actor.enable()
        except HandsOnError:
            return False
        self.actor.set_point(target)
        return self.watcher.peek().mode == "moving"


@pytest.fixture
def bench(spawn: Any, wait_until: Any) -> Iterator[Bench]:
    process = spawn([sys.executable, "-c", START, "--bind", "tcp://127.0.0.1:0", "--driver", "simulated"])
    wait_until(lambda: READY.search(process.log.read_text()) or process.poll() is not None, 60.0)
    ready = READY.search(process.log.read_text())
    assert ready, process.log.read_text()
    clock = SystemClock()
    with Network((ready[2], int(ready[3]))) as network:
        watcher = RobotClient(RobotClientConfig(address=ready[1], control=False, connect_seconds=20.0), clock)
        actor = RobotClient(RobotClientConfig(address=network.address, connect_seconds=20.0), clock)
        try:
            yield Bench(network, actor, watcher)
        finally:
            actor.close()
            watcher.close()


def test_an_arm_whose_actor_falls_silent_holds_and_obeys_again_afterwards_slow_or_not(
    bench: Bench, wait_until: Any
):
    network, watcher = bench.network, bench.watcher
    wait_until(bench.heard, SECONDS, "a state of the arm")
    start = bench.actor.state().arm.tcp
    targets = [Pose.of(start.position_m + np.array((0.0, y, 0.0)), start.rotation) for y in (0.05, -0.05)]
    for number, fault in enumerate((network.stall, network.cut, network.half_open, network.go_dark)):
        target = targets[number % 2]
        wait_until(lambda target=target: bench.moving(target), SECONDS, f"motion before {fault.__name__}")
        fault()
        wait_until(lambda: watcher.peek().mode in AT_REST, SECONDS, f"rest during {fault.__name__}")
        if fault in (network.stall, network.go_dark):
            wait_until(lambda: not bench.heard(), SECONDS, "the actor to notice")
        network.mend()
        wait_until(bench.heard, SECONDS, f"a state of the arm after {fault.__name__}")
    kinds = {event.kind for event in watcher.events()}
    assert "watchdog_hold" in kinds
    assert "link_lost" not in kinds

    # The same bench across a slow network: starting another server would take longer than all of this.
    network.delay(0.05)
    wait_until(bench.heard, SECONDS)

    def arrived() -> bool:
        bench.moving(targets[0])
        return abs(watcher.peek().arm.tcp.position_m - targets[0].position_m).max() < 0.015

    wait_until(arrived, SECONDS, "the arm at its target across a slow network")
